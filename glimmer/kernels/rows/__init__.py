"""Computes linear predictors and likelihoods, row by row."""
