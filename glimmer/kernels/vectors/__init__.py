"""Sums, products and elementary functions of vectors."""
