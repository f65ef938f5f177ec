"""Factors a mixed model's precision by a blocked Cholesky, with gradients."""
