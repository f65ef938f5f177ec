"""Evaluates expressions at numbers and at draws, without compiling anything."""
