"""Computes parts of curves in forms that neither overflow nor divide zero by zero.

Values and derivatives are finite and smooth where the textbook's form is 0/0: rates that coincide,
a power at zero, an exponential that overflows.
"""

from __future__ import annotations

from math import factorial

from pytensor.tensor import TensorVariable, constant, exp, expm1, log, minimum, switch

SERIES = 0.01
"""Below this argument differences of exponentials are taken from their Taylor series."""
ORDER = 6


def log_positive(x: TensorVariable) -> TensorVariable:
    """``log(x)`` where x > 0, and 0 elsewhere, there with derivative 0."""
    return log(switch(x > 0, x, 1.0))


def power(x: TensorVariable, exponent: TensorVariable) -> TensorVariable:
    """``x ** exponent`` for x > 0, and its limit 0 at x <= 0 (the exponent being positive)."""
    return switch(x > 0, exp(exponent * log_positive(x)), 0.0)


def logistic(z: TensorVariable) -> TensorVariable:
    """``1 / (1 + exp(-z))``, whose derivative keeps all its digits where the curve is flat."""
    right = z > 0
    decay = exp(switch(right, -z, z))
    return switch(right, 1.0, decay) / (1.0 + decay)


def exp_minus_exp(u: TensorVariable) -> TensorVariable:
    """``exp(-exp(u))``; beyond u = 30 it is zero to the last bit, and so is its derivative."""
    return exp(-exp(minimum(u, 30.0)))


def mean_decay(z: TensorVariable) -> TensorVariable:
    """``(1 - exp(-z)) / z``: the mean of ``exp(-s z)`` over s in (0, 1); 1 at z = 0."""
    near = abs(z) < SERIES
    small, large = switch(near, z, 0.0), switch(near, 1.0, z)
    return switch(near, _decay_series(small), -expm1(-large) / large)


def in_order(a: TensorVariable, b: TensorVariable) -> tuple[TensorVariable, TensorVariable]:
    """The smaller and the larger of two values; of equal ones, the second and the first."""
    return switch(a < b, a, b), switch(a < b, b, a)


def bateman(t: TensorVariable, a: TensorVariable, b: TensorVariable) -> TensorVariable:
    """``(exp(-a t) - exp(-b t)) / (b - a)``, which is ``t exp(-a t)`` at a = b.

    The second of two compartments in a row, emptied at rates a and b, after a unit dose into the
    first, for each unit of flow between them (Bateman 1910).
    """
    low, high = in_order(a, b)
    return t * exp(-low * t) * mean_decay((high - low) * t)


def bateman3(
    t: TensorVariable, a: TensorVariable, b: TensorVariable, c: TensorVariable
) -> TensorVariable:
    """The third of three compartments in a row: a second divided difference of ``exp(-rate t)``.

    The difference is divided by the largest gap between the rates, so that digits are lost only
    when all three coincide, where the series in both gaps takes over.
    """
    a, b = in_order(a, b)
    b, c = in_order(b, c)
    a, b = in_order(a, b)
    u, v = (b - a) * t, (c - a) * t
    near = v < SERIES
    gap = switch(near, 1.0, v)
    divided = (mean_decay(u) - exp(-u) * mean_decay(v - u)) / gap
    series = _second_difference_series(switch(near, u, 0.0), switch(near, v, 0.0))
    return t**2 * exp(-a * t) * switch(near, series, divided)


def _decay_series(z: TensorVariable) -> TensorVariable:
    """Sum of (-z)^n / (n + 1)!, by Horner's scheme."""
    total = constant(1.0 / factorial(ORDER))
    for n in range(ORDER - 1, 0, -1):
        total = 1.0 / factorial(n) - z * total
    return total


def _second_difference_series(u: TensorVariable, v: TensorVariable) -> TensorVariable:
    """Divided difference of ``exp(-z)`` at 0, u, v: sum of (-1)^n (u^n + ... + v^n) / (n + 2)!.

    The inner sums, of all u^i v^(n - i), come from Horner's scheme in v within that in u.
    """
    inner = total = constant(0.0)
    for n in range(ORDER, -1, -1):
        inner = (-1) ** n / factorial(n + 2) + v * inner
        total = inner + u * total
    return total
