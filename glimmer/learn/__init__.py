"""Learns the specification of a model from a formula and a table."""

from glimmer.learn.model import learn_model
from glimmer.learn.options import Options

__all__ = ["Options", "learn_model"]
