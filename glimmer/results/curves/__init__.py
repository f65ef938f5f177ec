"""Parameters and plots of nonlinear models."""
