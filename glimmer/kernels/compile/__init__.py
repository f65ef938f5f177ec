"""Compile kernels once and find them again in numba's cache."""
