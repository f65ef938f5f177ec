"""Runs a sampler on a model and labels its draws."""
