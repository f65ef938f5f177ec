"""Specifies a model, free of data, as one immutable value; makes its arrays for any table."""

from glimmer.spec.design import Design, design_of
from glimmer.spec.model import ModelSpec
from glimmer.spec.predictor import Predictor
from glimmer.spec.stage import Curve, Stage

__all__ = ["Curve", "Design", "ModelSpec", "Predictor", "Stage", "design_of"]
