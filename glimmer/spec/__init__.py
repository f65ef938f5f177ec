"""What a model is, free of data: one immutable value, and its arrays for any table."""

from glimmer.spec.design import Design, design_of
from glimmer.spec.model import LinearPredictor, ModelSpec

__all__ = ["Design", "LinearPredictor", "ModelSpec", "design_of"]
