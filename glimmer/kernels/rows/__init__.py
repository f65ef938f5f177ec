"""Linear predictors and likelihoods, row by row."""
