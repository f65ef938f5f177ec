"""Reads tables into typed columns, and loads the data sets that ship."""

from glimmer.data.columns import Column, Factor, Numeric
from glimmer.data.datasets import load_data
from glimmer.data.frame import Frame, array_argument

__all__ = ["Column", "Factor", "Frame", "Numeric", "array_argument", "load_data"]
