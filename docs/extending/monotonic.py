"""A monotonic effect of an ordered factor, mo(x): b D (zeta_1 + ... + zeta_k) at level k."""

import numpy as np

import glimmer as gl
from glimmer.formula.factors import with_levels


@gl.register_term("mo")
class Monotonic(gl.Term):
    name: str
    column: str
    levels: tuple[str, ...]
    labelled = True

    @classmethod
    def learn(cls, call, coder, name):
        column = str(call.args[0])
        return cls(name, column, coder.frame.factor(column).used().levels)

    def design(self, frame):
        place = with_levels(frame.factor(self.column), self.levels, ordered=True).codes
        return gl.TermArrays((place[:, None] > np.arange(len(self.levels) - 1)).astype(float))

    def parameters(self):
        steps = gl.TermParameter("simplex", gl.dirichlet(1), labels=self.levels[1:])
        return gl.TermParameter("", gl.normal(0, autoscale=True)), steps

    def weights(self, values):
        return (len(self.levels) - 1) * values[""] * values["simplex"]
