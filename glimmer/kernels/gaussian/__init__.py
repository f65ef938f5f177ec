"""The blocked Cholesky factorization of a mixed model, with gradients."""
