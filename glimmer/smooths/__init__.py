"""smooths."""
