"""Chooses the coordinates in which NUTS samples, and maps draws back to the model's variables."""
