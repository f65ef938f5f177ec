"""The coordinates that NUTS moves in, and the way back to a model's own variables."""
