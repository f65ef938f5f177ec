"""The golden record: what a fixed set of models is, to the last digits."""
