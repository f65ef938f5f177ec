"""Run a sampler on a model and label its draws."""
