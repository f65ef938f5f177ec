"""Computes results from a fitted model, in one room for each kind of result."""
