"""Sampling: run a sampler on a model, label what comes back."""
