"""Defines concentrations after a dose: one and two compartments, by every usual route, in logs.

`lCl`, `lV`, `lQ` are logs of clearance, volume and inter-compartmental clearance; after an oral
dose they are relative to the fraction absorbed. Before its dose a concentration is zero. Rates that
coincide need no special case (Gabrielsson & Weiner 2016, Pharmacokinetic and Pharmacodynamic Data
Analysis).
"""

from __future__ import annotations

from pytensor.tensor import TensorVariable as Tensor
from pytensor.tensor import exp, maximum, minimum, sqrt, switch

from glimmer.nonlinear import guesses
from glimmer.nonlinear.parameters import Input, Parameter, Symmetry, exchange
from glimmer.nonlinear.protocol import mean_function
from glimmer.nonlinear.stable import bateman, bateman3, mean_decay

DOSE, TIME, DURATION = Input("dose"), Input("time"), Input("duration", lower=0.0)
CLEARANCE = Parameter("lCl", "log-clearance", "log of the clearance")
VOLUME = Parameter("lV", "log-volume", "log of the volume of distribution")
CENTRAL = Parameter("lV1", "log-volume", "log of the volume of the central compartment")
EXCHANGE = Parameter("lQ", "log-clearance", "log of the clearance between the compartments")
PERIPHERAL = Parameter("lV2", "log-volume", "log of the volume of the peripheral compartment")
ABSORPTION = Parameter("lKa", "log-rate", "log of the rate of absorption")
ELIMINATION = Parameter("lKe", "log-rate", "log of the rate of elimination")
LAG = Parameter("tlag", "x-scale", "delay of the absorption")

FLIP_FLOP_BY_VOLUME = Symmetry(
    "flip-flop",
    image={"lKa": {"lCl": 1.0, "lV": -1.0}, "lV": {"lCl": 1.0, "lKa": -1.0}},
    positive={"lKa": 1.0, "lCl": -1.0, "lV": 1.0},
)
FLIP_FLOP_BY_RATES = Symmetry(
    "flip-flop",
    image={"lKe": {"lKa": 1.0}, "lKa": {"lKe": 1.0}, "lV": {"lV": 1.0, "lKe": 1.0, "lKa": -1.0}},
    positive={"lKa": 1.0, "lKe": -1.0},
)


@mean_function(
    inputs=[DOSE, Input("time", lower=0.0)],
    parameters=(ELIMINATION, ABSORPTION, CLEARANCE),
    symmetries=[exchange("flip-flop", "lKe", "lKa")],
    guess=guesses.first_order,
)
def SSfol(dose: Tensor, time: Tensor, lKe: Tensor, lKa: Tensor, lCl: Tensor) -> Tensor:
    """First-order absorption and elimination: ``dose ka ke / Cl (e^-ke t - e^-ka t) / (ka - ke)``.

    Notes
    -----
    R's ``stats::SSfol``; unlike R's it is finite at ka = ke. The two rates may change places
    ("flip-flop"); canonically lKe < lKa.

    Examples
    --------
    >>> round(SSfol(4.02, 1.12, lKe=-2.5, lKa=0.5, lCl=-3.0), 4)
    5.2619
    """
    return dose * exp(lKe + lKa - lCl) * bateman(time, exp(lKe), exp(lKa))


@mean_function(inputs=[DOSE, TIME], parameters=(CLEARANCE, VOLUME))
def onecpt_bolus(dose: Tensor, time: Tensor, lCl: Tensor, lV: Tensor) -> Tensor:
    """One compartment, dose into the vein: ``dose / V exp(-Cl / V time)``.

    Examples
    --------
    >>> onecpt_bolus(100.0, 0.0, lCl=0.0, lV=0.0)
    100.0
    """
    return _after(time, dose * exp(-lV - exp(lCl - lV) * _elapsed(time)))


@mean_function(inputs=[DOSE, DURATION, TIME], parameters=(CLEARANCE, VOLUME))
def onecpt_infusion(
    dose: Tensor, duration: Tensor, time: Tensor, lCl: Tensor, lV: Tensor
) -> Tensor:
    """One compartment, dose infused at a constant rate; a duration of zero is a bolus.

    ``dose / (T Cl) (1 - exp(-k min(t, T))) exp(-k max(t - T, 0))`` with k = Cl / V.

    Examples
    --------
    >>> round(onecpt_infusion(100.0, 50.0, 50.0, lCl=0.0, lV=0.0), 6)
    2.0
    """
    k, during = exp(lCl - lV), minimum(_elapsed(time), duration)
    given = switch(duration > 0, during / switch(duration > 0, duration, 1.0), time >= 0)
    return dose * given * exp(-lV - k * _elapsed(time - duration)) * mean_decay(k * during)


@mean_function(
    inputs=[DOSE, TIME],
    parameters=(CLEARANCE, VOLUME, ABSORPTION),
    symmetries=[FLIP_FLOP_BY_VOLUME],
)
def onecpt_oral(dose: Tensor, time: Tensor, lCl: Tensor, lV: Tensor, lKa: Tensor) -> Tensor:
    """One compartment, first-order absorption: ``dose ka / V (e^-ke t - e^-ka t) / (ka - ke)``.

    Notes
    -----
    With ke = Cl / V. Canonically absorption is faster than elimination.

    Examples
    --------
    >>> onecpt_oral(100.0, 0.0, lCl=0.0, lV=1.0, lKa=0.5)
    0.0
    """
    return dose * exp(lKa - lV) * bateman(_elapsed(time), exp(lCl - lV), exp(lKa))


@mean_function(
    inputs=[DOSE, TIME],
    parameters=(CLEARANCE, VOLUME, ABSORPTION, LAG),
    symmetries=[FLIP_FLOP_BY_VOLUME],
)
def onecpt_oral_lag(
    dose: Tensor, time: Tensor, lCl: Tensor, lV: Tensor, lKa: Tensor, tlag: Tensor
) -> Tensor:
    """One compartment, first-order absorption that begins after a lag: see `onecpt_oral`.

    Examples
    --------
    >>> onecpt_oral_lag(100.0, 0.4, lCl=0.0, lV=1.0, lKa=0.5, tlag=0.5)
    0.0
    """
    return onecpt_oral.expression(dose, time - tlag, lCl, lV, lKa)


@mean_function(
    inputs=[DOSE, TIME],
    parameters=(ELIMINATION, ABSORPTION, VOLUME),
    symmetries=[FLIP_FLOP_BY_RATES],
)
def onecpt_oral_rates(dose: Tensor, time: Tensor, lKe: Tensor, lKa: Tensor, lV: Tensor) -> Tensor:
    """One compartment, first-order absorption, by rates and volume: see `onecpt_oral`.

    Notes
    -----
    With the two rates exchanged, V ke / ka in place of V gives the same curve; canonically
    lKe < lKa.

    Examples
    --------
    >>> onecpt_oral_rates(100.0, 0.0, lKe=-1.0, lKa=0.5, lV=1.0)
    0.0
    """
    return dose * exp(lKa - lV) * bateman(_elapsed(time), exp(lKe), exp(lKa))


@mean_function(inputs=[DOSE, TIME], parameters=(CLEARANCE, CENTRAL, EXCHANGE, PERIPHERAL))
def twocpt_bolus(
    dose: Tensor, time: Tensor, lCl: Tensor, lV1: Tensor, lQ: Tensor, lV2: Tensor
) -> Tensor:
    """Two compartments, dose into the vein: a sum of two decays.

    ``dose / V1 ((alpha - k21) e^(-alpha t) + (k21 - beta) e^(-beta t)) / (alpha - beta)``, where
    k10 = Cl / V1, k12 = Q / V1, k21 = Q / V2, alpha + beta = k10 + k12 + k21 and
    alpha beta = k10 k21.

    Examples
    --------
    >>> round(twocpt_bolus(100.0, 0.0, lCl=0.0, lV1=0.0, lQ=-1.0, lV2=1.0), 6)
    100.0
    """
    alpha, beta, k21 = _dispositions(lCl, lV1, lQ, lV2)
    t = _elapsed(time)
    decay = exp(-beta * t) - (alpha - k21) * bateman(t, alpha, beta)
    return _after(time, dose * exp(-lV1) * decay)


@mean_function(
    inputs=[DOSE, TIME], parameters=(CLEARANCE, CENTRAL, EXCHANGE, PERIPHERAL, ABSORPTION)
)
def twocpt_oral(
    dose: Tensor, time: Tensor, lCl: Tensor, lV1: Tensor, lQ: Tensor, lV2: Tensor, lKa: Tensor
) -> Tensor:
    """Two compartments, first-order absorption: a sum of three decays.

    The curve of `twocpt_bolus` convolved with absorption at rate ka. The absorption may change
    places with a disposition, as far as all volumes stay positive; a prior has to keep it apart.

    Examples
    --------
    >>> twocpt_oral(100.0, 0.0, lCl=0.0, lV1=0.0, lQ=-1.0, lV2=1.0, lKa=0.5)
    0.0
    """
    alpha, beta, k21 = _dispositions(lCl, lV1, lQ, lV2)
    t, ka = _elapsed(time), exp(lKa)
    decay = bateman(t, beta, ka) - (alpha - k21) * bateman3(t, alpha, beta, ka)
    return dose * exp(lKa - lV1) * decay


def _dispositions(
    lCl: Tensor, lV1: Tensor, lQ: Tensor, lV2: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The rates alpha > beta of the two decays, and k21; a discriminant that cannot be negative."""
    k10, k12, k21 = exp(lCl - lV1), exp(lQ - lV1), exp(lQ - lV2)
    root = sqrt((k10 + k12 - k21) ** 2 + 4 * k12 * k21)
    alpha = (k10 + k12 + k21 + root) / 2
    return alpha, k10 * k21 / alpha, k21


def _elapsed(time: Tensor) -> Tensor:
    return maximum(time, 0.0)


def _after(time: Tensor, concentration: Tensor) -> Tensor:
    """The concentration once the dose has been given, zero before."""
    return switch(time >= 0, concentration, 0.0)
