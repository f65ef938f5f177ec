"""A periodic smooth, s(x, bs="fourier"): k / 2 waves per period, the short ones penalized most."""

import numpy as np

import glimmer as gl
from glimmer.record import record
from glimmer.smooths import Basis


@record
class Fourier(Basis):
    waves: int
    period: float

    @classmethod
    def learn(cls, columns, k=None, m=None, xt=None, knots=None):
        """The period is the range of ``knots``; without these, of x."""
        ends = columns[0].values if knots is None else knots
        return cls((k or 10) // 2, float(np.ptp(ends)))

    def design(self, columns):
        turns = 2 * np.pi * np.outer(columns[0].values, range(1, self.waves + 1)) / self.period
        return np.hstack([np.sin(turns), np.cos(turns)])

    @property
    def penalties(self):
        return (np.diag(np.tile(np.arange(1.0, self.waves + 1) ** 4, 2)),)  # like f''(x)^2

    @property
    def rank(self):
        return (2 * self.waves,)

    null_dim = 0

    def constrain(self, row):
        return None  # the constant is not among the waves


gl.register_basis("fourier", Fourier)
