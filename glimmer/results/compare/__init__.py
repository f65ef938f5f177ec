"""Compares models by how well they predict: loo, k-fold, R2."""
