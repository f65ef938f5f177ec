"""Computes sums, products and elementary functions of vectors."""
