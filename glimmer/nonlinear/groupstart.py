"""Fits a curve to each group, to see how much its parameters vary from group to group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimmer.errors import WrongLength
from glimmer.nonlinear.curve import Estimates, ParametricCurve
from glimmer.nonlinear.extent import Extent
from glimmer.nonlinear.projection import Projection, Separation
from glimmer.nonlinear.selfstart import complete_rows, descend, self_start

MOST_GROUPS = 200
NORMAL_MAD = 1.4826


@dataclass(frozen=True, eq=False)
class GroupStarts:
    """Estimates for each group, as nlme's ``nlsList`` gives them.

    Attributes
    ----------
    levels : ndarray, shape (J,)
        The groups that were tried, at most 200 of them.
    pooled : dict of str to float
        The estimates from all rows together.
    estimates : dict of str to ndarray of shape (J,)
        For each parameter; NaN in the groups whose rows do not determine the curve.
    """

    levels: np.ndarray
    pooled: Estimates
    estimates: dict[str, np.ndarray]

    @property
    def fitted(self) -> int:
        """How many groups could be fitted."""
        return int(np.isfinite(np.array(list(self.estimates.values()))).all(axis=0).sum())

    def spread(
        self, name: str, transform: Callable[[np.ndarray], np.ndarray] = np.asarray
    ) -> float:
        """Return the standard deviation between groups, from the median absolute deviation.

        Parameters
        ----------
        name : str
        transform : callable
            To the scale on which the deviations are wanted, such as ``np.log``.

        Returns
        -------
        float
            NaN when fewer than three groups could be fitted.
        """
        with np.errstate(all="ignore"):
            values = np.asarray(transform(self.estimates[name]))
        values = values[np.isfinite(values)]
        if len(values) < 3:
            return float("nan")
        return NORMAL_MAD * float(np.median(abs(values - np.median(values))))


def group_starts(
    function: ParametricCurve, inputs: Sequence[Any], y: Any, groups: Any
) -> GroupStarts:
    """Fit a curve to each group by least squares, from the estimates for all rows together.

    Parameters
    ----------
    function : MeanFunction
    inputs : sequence of array, each of shape (n,)
    y : array, shape (n,)
    groups : array, shape (n,)
        Labels or codes.

    Returns
    -------
    GroupStarts

    Raises
    ------
    WrongLength
        An input or ``groups`` has not one value per row.

    Examples
    --------
    >>> from glimmer.data import load_data
    >>> from glimmer.nonlinear import SSlogis
    >>> trees = load_data("Orange")
    >>> starts = group_starts(SSlogis, [trees["age"]], trees["circumference"], trees["Tree"])
    >>> starts.fitted, round(starts.spread("Asym"))
    (5, 27)
    """
    groups = np.asarray(groups)
    if groups.shape != np.shape(y):
        raise WrongLength(f"groups must have one value per row: {np.size(y)}, not {groups.size}.")
    levels, codes = np.unique(groups, return_inverse=True)
    tried = np.unique(np.linspace(0, len(levels) - 1, MOST_GROUPS).round().astype(int))
    arrays, outcome, codes = complete_rows(function, inputs, y, codes)
    pooled = self_start(function, arrays, outcome)
    extent = Extent.of(arrays, outcome)
    fits = []
    for code in tried:
        rows = codes == code
        fits.append(_fit(function, [a[rows] for a in arrays], outcome[rows], pooled, extent))
    estimates = {name: np.array([fit[name] for fit in fits]) for name in function.names}
    return GroupStarts(levels[tried], pooled, estimates)


def _fit(
    function: ParametricCurve,
    inputs: list[np.ndarray],
    y: np.ndarray,
    pooled: Estimates,
    extent: Extent,
) -> Estimates:
    """The estimates of one group, NaN if its rows do not determine them."""
    unknown = dict.fromkeys(function.names, float("nan"))
    if len(y) < len(function.names):
        return unknown
    whole = Projection(function, inputs, y, Separation((), (), function.names))
    start = [pooled[name] for name in function.names]
    found = descend(whole, extent, start)
    if found is None or not np.isfinite(found).all():
        return unknown
    boxes = np.array([extent.box(p, at) for p, at in zip(function.parameters, start, strict=True)])
    determined = np.linalg.matrix_rank(whole.jacobian(found)) == len(found)
    if not determined or np.isclose(found[:, None], boxes).any():
        return unknown
    return function.canonical(whole.complete(found))
