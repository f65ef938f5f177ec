"""Bayesian multilevel models on PyMC."""
