"""What a model is, free of data: one immutable value, and its arrays for any table."""

from glimmer.spec.curve import Curve
from glimmer.spec.design import Design, design_of
from glimmer.spec.model import ModelSpec
from glimmer.spec.predictor import Predictor

__all__ = ["Curve", "Design", "ModelSpec", "Predictor", "design_of"]
