"""A stationary AR(1) process of whole-numbered times, ar(time), with a free correlation."""

import numpy as np
import pytensor.tensor as pt

import glimmer as gl


@gl.register_term("ar")
class Autoregressive(gl.Term):
    name: str
    column: str
    labels: tuple[float, ...]
    normal = True

    @classmethod
    def learn(cls, call, coder, name):
        times = coder.frame.numeric(str(call.args[0])).values
        return cls(name, str(call.args[0]), tuple(np.unique(times).tolist()))

    def design(self, frame):
        times = frame.numeric(self.column).values
        new = np.setdiff1d(times, self.labels)
        columns = times[:, None] == np.concatenate([self.labels, new])
        return gl.TermArrays(columns.astype(float), tuple(new.tolist()))

    def parameters(self):
        rho = gl.TermParameter("rho", gl.prior("Uniform", lower=-1.0, upper=1.0))
        return rho, gl.TermParameter("sd", gl.exponential(1, autoscale=True), lower=0.0)

    def covariance(self, s, t, values):
        gap = abs(np.subtract.outer(s, t))
        power = values["rho"] ** np.maximum(gap, 1)  # rho^0 is 1, and constant at rho = 0 too
        return values["sd"] ** 2 * pt.where(gap == 0, 1.0, power)
