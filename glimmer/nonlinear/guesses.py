"""Guesses a curve's nonlinear parameters, by turning it into a straight line.

Constructions of the self-starting models of R's stats package (Bates & Chambers 1992; Pinheiro &
Bates 2000, appendix C). They may fail or return NaN: the caller has other starts as well.
"""

from __future__ import annotations

import numpy as np
from numpy import exp, log
from scipy.special import logit

type Array = np.ndarray
type Partial = dict[str, float]


def asymptotic(x: Array, y: Array) -> Partial:
    """Rate from the slope of ``log|y - asymptote|``."""
    x, y = averaged(x, y)
    slope, _ = line(x, log(np.abs(y - right_asymptote(y))))
    return {"lrc": log(-slope)}


def asymptotic_offset(x: Array, y: Array) -> Partial:
    """Rate as above, then the zero of the curve through the averages."""
    x, y = averaged(x, y)
    lrc = asymptotic(x, y)["lrc"]
    level, drop = _through_decay(x, y, lrc)
    return {"lrc": lrc, "c0": exp(-lrc) * log(-drop / level)}


def asymptotic_origin(x: Array, y: Array) -> Partial:
    """Rate as the mean of the rates that single points give."""
    x, y = averaged(x, y)
    rates = log(1 - y / right_asymptote(y)) / x
    rates = rates[np.isfinite(rates)]
    return {"lrc": log(abs(rates.sum() / len(rates)))}


def biexponential(x: Array, y: Array) -> Partial:
    """Curve peeling: the slow decay from the later half, the fast one from what is left."""
    x, y = averaged(x, y)
    late = slice(-max(3, len(x) // 2), None)
    slow, level = line(x[late], log(y[late]))
    early = slice(None, len(x) - max(3, len(x) // 2))
    fast, _ = line(x[early], log(np.abs(y - exp(level + slow * x))[early]))
    return {"lrc1": log(-fast), "lrc2": log(-slow)}


def first_order(dose: Array, time: Array, y: Array) -> Partial:
    """Elimination from the peak to the last time; absorption e times as fast."""
    peak, last = np.argmax(y), np.argmax(time)
    lKe = log(log(y[peak] / y[last]) / (time[last] - time[peak])) if peak != last else -2.5
    return {"lKe": lKe, "lKa": lKe + 1.0}


def logistic(x: Array, y: Array) -> Partial:
    """Regression of x on the logit of y, stretched to its range."""
    x, y = averaged(x, y)
    least, span = y.min(), np.ptp(y)
    scal, xmid = line(logit((y - least + 0.05 * span) / (1.1 * span)), x)
    return {"xmid": xmid, "scal": scal}


def gompertz(x: Array, y: Array) -> Partial:
    """Approach of ``log|y|`` to its asymptote."""
    x, y = averaged(x, y)
    lrc = asymptotic(x, log(np.abs(y)))["lrc"]
    _, drop = _through_decay(x, log(np.abs(y)), lrc)
    return {"b2": -drop, "b3": exp(-exp(lrc))}


def lineweaver_burk(x: Array, y: Array) -> Partial:
    """Regression of 1 / y on 1 / x."""
    x, y = averaged(x, y)
    slope, intercept = line(1 / x, 1 / y)
    return {"K": abs(slope / intercept)}


def weibull(x: Array, y: Array) -> Partial:
    """Regression of the complementary log-log of the remaining growth on log x."""
    x, y = averaged(x, y)
    left, right = left_asymptote(y), right_asymptote(y)
    pwr, lrc = line(log(x), log(-log((right - y) / (right - left))))
    return {"lrc": lrc, "pwr": pwr}


def averaged(x: Array, y: Array) -> tuple[Array, Array]:
    """Distinct values of x in order, and the mean of y at each."""
    distinct, at = np.unique(x, return_inverse=True)
    return distinct, np.bincount(at, y) / np.bincount(at)


def right_asymptote(y: Array) -> float:
    """An eighth of the range beyond the extreme that the last value is nearer to."""
    low, high = y.min(), y.max()
    beyond = (high - low) / 8
    return high + beyond if high - y[-1] < y[-1] - low else low - beyond


def left_asymptote(y: Array) -> float:
    """An eighth of the range beyond the extreme that the first value is nearer to."""
    return right_asymptote(y[::-1])


def line(x: Array, y: Array) -> tuple[float, float]:
    """Slope and intercept of the least-squares line through the finite points."""
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) < 2:
        raise ValueError("no line goes through fewer than two points")
    slope = np.dot(x - x.mean(), y) / np.dot(x - x.mean(), x - x.mean())
    return slope, y.mean() - slope * x.mean()


def _through_decay(x: Array, y: Array, lrc: float) -> Array:
    """Level and coefficient of ``exp(-exp(lrc) x)``, by least squares."""
    columns = np.column_stack([np.ones_like(x), exp(-exp(lrc) * x)])
    return np.linalg.lstsq(columns, y)[0]
