"""Declares `RowKernel`: how a family's log likelihood follows from linear predictors, compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from glimmer.kernels.compile.native import Kernel
from glimmer.kernels.gaussian.blocks import Floats
from glimmer.kernels.rows.densities import constant
from glimmer.kernels.rows.looped import looped

type Fold = Callable[[Floats, Floats, Floats], tuple[Sequence[Floats], Sequence[float]]]


@dataclass(frozen=True, eq=False)
class RowKernel:
    """The log likelihood of rows and its derivatives, in one compiled function of eta.

    A family has one for a link (``Family(kernels={"log": ...})``); `row_kernel` makes one of a few
    lines. What is written here is for loops over blocks of rows by hand.

    Parameters
    ----------
    in_eta : Kernel
        Signature `densities.IN_ETA`: value, scores and derivatives by the auxiliary parameters of
        a block of rows.
    fold : callable
        ``fold(y, trials, weights) -> columns, constants``: a few vectors with one entry per row,
        and a vector of any length; all that ``in_eta`` and ``without_eta`` know of the data.
        Trials and weights are ones where the model has none.
    without_eta : Kernel
        Signature `densities.WITHOUT_ETA`: the terms that no row's eta enters, once for all rows.
    aux : tuple of str
        The auxiliary parameters, in the order in which the functions take them.
    weights : {"likelihood", "precision"}
        What a row's weight w means: a power of its density, or a variance of sigma^2 / w.
    dist : callable, optional
        The family's distribution that this is the density of; the family fills it in.

    Notes
    -----
    A family with K predictors per row (a formula for sigma, or for zi) has its place here: eta
    becomes K vectors, that of predictor k beginning at ``eta + k * BLOCK``, and so do the scores
    at ``score + k * BLOCK``; predictors come in the order of the auxiliary parameters they
    replace, after that of the mean. Each then goes through the transposed design of its own.
    """

    in_eta: Kernel
    fold: Fold
    without_eta: Kernel = constant
    aux: tuple[str, ...] = ()
    weights: Literal["likelihood", "precision"] = "likelihood"
    dist: Callable[..., Any] | None = None

    @property
    def kernels(self) -> tuple[Kernel, Kernel]:
        """The two compiled functions."""
        return self.in_eta, self.without_eta

    def of(self, dist: Callable[..., Any]) -> RowKernel | None:
        """The kernel for a family's distribution; None if it belongs to another one."""
        if self.dist is None:
            return replace(self, dist=dist)
        return self if self.dist is dist else None


def row_kernel(
    row: Callable[..., Any],
    *,
    aux: Sequence[str] = (),
    fold: Callable[[Floats, Floats], Sequence[Floats]] | None = None,
) -> RowKernel:
    """Make a row kernel of the log density of one row.

    Parameters
    ----------
    row : callable
        ``row(eta, y, *aux)``, or ``row(eta, y, trials, *aux)``, or ``row(eta, *columns, *aux)``
        with ``fold``. It takes and returns numbers: the log density, its derivative by eta, and
        one derivative for each auxiliary parameter. It is compiled by numba, and may call
        functions of `math`, and `glimmer.kernels.digamma`.
    aux : sequence of str
        The family's auxiliary parameters, in the order in which ``row`` takes them.
    fold : callable, optional
        ``fold(y, trials)`` returns the columns, for what is best computed once per row.

    Returns
    -------
    RowKernel
        Rows with a weight w count w times. Compiled code is kept on disk where the row's code,
        and the numbers and functions it refers to, tell it from every other; else it is compiled
        in every process.

    Raises
    ------
    ValueError
        ``row`` has too few parameters, or too many for the columns it would get.

    Examples
    --------
    >>> import math
    >>> def row(eta, y, b):  # Laplace
    ...     off = abs(y - eta) / b
    ...     return -off - math.log(2 * b), math.copysign(1 / b, y - eta), (off - 1) / b
    >>> kernel = row_kernel(row, aux=("b",))
    """
    count = len(inspect.signature(row).parameters) - 1 - len(aux)
    if count < 1 or (fold is None and count > 2):
        raise ValueError(
            f"The function {row.__name__!r} must take eta, then the columns of a row (y, or y and "
            f"trials; others with fold=), then {len(aux)} auxiliary parameters."
        )

    def folded(y: Floats, trials: Floats, weights: Floats) -> tuple[list[Floats], list[float]]:
        columns = (y, trials)[:count] if fold is None else fold(y, trials)
        if len(columns) != count:
            raise ValueError(f"fold() must return {count} columns, not {len(columns)}.")
        return [*(np.asarray(c, float) for c in columns), weights], [0.0]

    return RowKernel(looped(row, count, len(aux)), folded, aux=tuple(aux))
