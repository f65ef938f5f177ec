"""Kernels as PyTensor operations."""
