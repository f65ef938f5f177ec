"""Checks a fit: its verdict, residuals, predictive checks and plots."""
