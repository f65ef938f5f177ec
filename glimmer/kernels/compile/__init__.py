"""Compiles kernels once and finds them again in numba's cache."""
