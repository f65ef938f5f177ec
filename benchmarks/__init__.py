"""Benchmarks: `python -m benchmarks` from a checkout; README.md says what each answers."""
