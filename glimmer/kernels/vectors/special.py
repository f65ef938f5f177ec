"""Computes exponentials and logarithms of vectors without calls, and digamma."""

from __future__ import annotations

import math

from glimmer.kernels.compile.native import bits_of, f8, float_of, floats_at, i8, kernel, void

_SHIFT = 1.5 * 2.0**52  # adding it rounds to an integer, found in the low bits of the sum
_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_E = tuple(1.0 / math.factorial(k) for k in range(14))
_ONE_BITS, _MANTISSA, _BIG_BITS = 0x3FF0000000000000, 0x000FFFFFFFFFFFFF, 0x4330000000000000


@kernel(void(floats_at, floats_at, i8), fast=False)
def exponential(x, out, n):
    """Out = exp(x), within two units in the last place between -700 and 700, constant beyond."""
    for i in range(n):
        value = min(max(x[i], -700.0), 700.0)
        shifted = value * _LOG2E + _SHIFT
        power = shifted - _SHIFT
        r = (value - power * _LN2_HIGH) - power * _LN2_LOW
        p = _E[13]
        p = p * r + _E[12]
        p = p * r + _E[11]
        p = p * r + _E[10]
        p = p * r + _E[9]
        p = p * r + _E[8]
        p = p * r + _E[7]
        p = p * r + _E[6]
        p = p * r + _E[5]
        p = p * r + _E[4]
        p = p * r + _E[3]
        p = p * r + 0.5
        p = (p * r + 1.0) * r + 1.0
        out[i] = float_of(bits_of(p) + (bits_of(shifted) << 52))


@kernel(void(floats_at, floats_at, i8), fast=False)
def logarithm(x, out, n):
    """Out = log(x) for normal positive x, to an absolute error of a few units of 1e-16."""
    for i in range(n):
        bits = bits_of(x[i])
        power = float_of((bits >> 52) | _BIG_BITS) - (2.0**52 + 1023.0)
        m = float_of((bits & _MANTISSA) | _ONE_BITS)
        large = m > 1.4142135623730951
        m = 0.5 * m if large else m
        power = power + 1.0 if large else power
        f = (m - 1.0) / (m + 1.0)
        s = f * f
        p = 1.0 / 21.0
        p = p * s + 1.0 / 19.0
        p = p * s + 1.0 / 17.0
        p = p * s + 1.0 / 15.0
        p = p * s + 1.0 / 13.0
        p = p * s + 1.0 / 11.0
        p = p * s + 1.0 / 9.0
        p = p * s + 1.0 / 7.0
        p = p * s + 0.2
        p = p * s + 1.0 / 3.0
        out[i] = power * _LN2_HIGH + (power * _LN2_LOW + 2.0 * f * (p * s + 1.0))


@kernel(f8(floats_at, i8))
def sum_of_logarithms(x, n):
    """Sum of log(x) for at most 512 positive x, by one logarithm; not a number if x is infinite."""
    power, product, total = 0, 1.0, 0.0
    for i in range(n):
        bits = bits_of(x[i])
        power += bits >> 52
        product *= float_of((bits & _MANTISSA) | _ONE_BITS)
        total += x[i]
    if not total < math.inf:
        return math.nan
    return math.log(product) + math.log(2.0) * (power - 1023 * n)


@kernel(f8(f8))
def digamma(x):
    """The derivative of log Gamma, x > 0."""
    total = 0.0
    while x < 10.0:
        total -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    tail = 1.0 / 240.0 - y * (1.0 / 132.0 - y * (691.0 / 32760.0 - y / 12.0))
    tail = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * tail)))
    return total + math.log(x) - 0.5 / x - tail
