"""Summarizes the posterior of parameters and group-specific effects."""
