"""Estimates, plots and checks smooth terms."""
