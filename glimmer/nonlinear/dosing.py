"""Adds up the curves of several doses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import MeanFunctionError, NotEnoughData, WrongLength
from glimmer.nonlinear.parameters import Input
from glimmer.nonlinear.protocol import MeanFunction

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable


def superpose(
    function: MeanFunction, schedule: Sequence[float] | None = None, *, name: str | None = None
) -> MeanFunction:
    """Turn the curve after one dose into that after several (linear kinetics).

    Parameters
    ----------
    function : MeanFunction
        With the inputs ``dose`` and ``time``, and zero before its dose: `onecpt_bolus`,
        `onecpt_oral`, `twocpt_bolus`, ...
    schedule : sequence of float, optional
        Times of the doses, the same for all rows; each is of the size ``dose``. Without it the
        doses and their times are inputs: see `dose_table`.
    name : str, optional

    Returns
    -------
    MeanFunction
        With the parameters of ``function`` and the inputs (dose, time), or without a schedule
        (doses, dose_times, time), the first two of shape (n, k).

    Raises
    ------
    MeanFunctionError
        The curve is not a function of dose and time, or has a meaning only after its dose.

    Examples
    --------
    >>> from glimmer.nonlinear import onecpt_bolus
    >>> twice = superpose(onecpt_bolus, [0.0, 12.0])
    >>> twice(100.0, 12.0, lCl=-40.0, lV=0.0)
    200.0
    """
    if function.input_names != ("dose", "time") or function.inputs[-1].lower >= 0:
        raise MeanFunctionError(
            f"{function!r} cannot be superposed: that needs the inputs (dose, time), and a curve "
            "that is zero before its dose.",
            fix="use one of the onecpt_ and twocpt_ functions",
        )

    def several(
        doses: TensorVariable, dose_times: Any, time: TensorVariable, *parameters: Any
    ) -> TensorVariable:
        own = [parameter[..., None] for parameter in parameters]
        return function.expression(doses, time[..., None] - dose_times, *own).sum(axis=-1)

    def scheduled(dose: TensorVariable, time: TensorVariable, *parameters: Any) -> TensorVariable:
        return several(dose[..., None], times, time, *parameters)

    times = np.asarray(schedule if schedule is not None else (), dtype=np.float64)
    matrices = (Input("doses", ndim=2), Input("dose_times", ndim=2), Input("time"))
    return MeanFunction(
        name or f"{function.name}_doses",
        matrices if schedule is None else function.inputs,
        function.parameters,
        several if schedule is None else scheduled,
        function.symmetries,
    )


def dose_table(
    group: Any, *, subjects: Any, times: Any, amounts: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Lay out a list of doses as the inputs ``doses`` and ``dose_times`` of `superpose`.

    Parameters
    ----------
    group : array, shape (n,)
        The subject of each row of the data.
    subjects, times, amounts : array, shape (m,)
        Who was given each dose, when, and how much.

    Returns
    -------
    doses, dose_times : ndarray, shape (n, k)
        The doses of each row's subject; those with fewer than k doses get more of size zero.

    Raises
    ------
    WrongLength
        ``subjects``, ``times`` and ``amounts`` are not of one length.
    NotEnoughData
        A subject of the data was given no dose.

    Examples
    --------
    >>> doses, times = dose_table(
    ...     ["a", "a", "b"], subjects=["a", "a", "b"], times=[0, 12, 0], amounts=[10, 5, 8]
    ... )
    >>> doses.tolist(), times.tolist()
    ([[10.0, 5.0], [10.0, 5.0], [8.0, 0.0]], [[0.0, 12.0], [0.0, 12.0], [0.0, 0.0]])
    """
    if not len(subjects) == len(times) == len(amounts):
        raise WrongLength(
            "subjects, times and amounts must have the same length, "
            f"not {len(subjects)}, {len(times)} and {len(amounts)}."
        )
    given: dict[Any, list[tuple[float, float]]] = {}
    for subject, time, amount in zip(subjects, times, amounts, strict=True):
        given.setdefault(subject, []).append((float(amount), float(time)))
    without = [subject for subject in group if subject not in given]
    if without:
        raise NotEnoughData(f"Subject {without[0]!r} was given no dose.")
    table = np.zeros((2, len(group), max(map(len, given.values()))))
    for row, subject in enumerate(group):
        table[:, row, : len(given[subject])] = np.transpose(given[subject])
    return table[0], table[1]
