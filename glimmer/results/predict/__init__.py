"""Predicts known and new rows, of known and new groups."""
