"""The specification of a model, and the PyMC model assembled from it."""

from glimmer.model.arguments import precision_weights
from glimmer.model.assemble import Assembly, assemble
from glimmer.model.design import Design, design_of
from glimmer.model.learn import learn_model
from glimmer.model.options import Options
from glimmer.model.spec import LinearPredictor, ModelSpec

__all__ = [
    "Assembly",
    "Design",
    "LinearPredictor",
    "ModelSpec",
    "Options",
    "assemble",
    "design_of",
    "learn_model",
    "precision_weights",
]
