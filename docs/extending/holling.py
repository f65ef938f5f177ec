"""A curve of one's own: Holling's type III, what a predator eats at prey density x."""

import numpy as np

import glimmer as gl


def guess(x, y):
    """Rough values for least squares to begin at."""
    top = np.max(y)
    return {"top": top, "half": x[np.argmin(np.abs(y - top / 2))]}


@gl.mean_function(parameters={"top": "y-level", "half": "x-scale"}, guess=guess)
def holling(x, top, half):
    return top * x**2 / (half**2 + x**2)


gl.register_mean_function(holling)
