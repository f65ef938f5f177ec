"""nonlinear."""
