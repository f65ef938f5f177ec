"""Estimate, plot and check smooth terms."""
