"""From a formula and a table to a specification."""

from glimmer.learn.model import learn_model
from glimmer.learn.options import Options

__all__ = ["Options", "learn_model"]
