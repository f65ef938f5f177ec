"""Functions of a fitted model, one room for each question."""
