"""Writes saved models to disk, and reads them."""
