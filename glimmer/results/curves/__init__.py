"""Estimates and plots the parameters of nonlinear models."""
