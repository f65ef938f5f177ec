"""Computes predictions, comparisons and slopes over grids of covariates."""
