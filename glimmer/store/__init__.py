"""Saved models on disk."""
