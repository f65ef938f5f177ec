"""What comes back: estimates, summaries, predictions, checks and plots."""
