"""Predictions, comparisons and slopes over grids of covariates."""
