"""Reads draws from nutpie's own storage; labelling them costs as much as sampling a small model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from glimmer.errors import SamplingError


def read_draws(
    trace: Any, variables: Iterable[str], statistics: Iterable[str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Read variables and statistics after tuning, each of shape (chain, draw, ...).

    Chains that were interrupted are cut to the length of the shortest.

    Parameters
    ----------
    trace : nutpie's raw trace
        Of ``nutpie.sample(..., return_raw_trace=True)``.

    Raises
    ------
    SamplingError
        A chain has no draws.
    """
    batches, stats = trace.get_arrow_trace()
    kept = [~_column(batch, "tuning") for batch in stats]
    length = min(int(rows.sum()) for rows in kept)
    if not length:
        raise SamplingError("Sampling was interrupted before every chain had a draw.")

    def stacked(tables: list[Any], name: str) -> np.ndarray:
        pairs = zip(tables, kept, strict=True)
        return np.stack([_column(table, name)[rows][:length] for table, rows in pairs])

    return (
        {name: stacked(batches, name) for name in variables},
        {name: stacked(stats, name) for name in statistics if name in stats[0].column_names},
    )


def _column(batch: Any, name: str) -> np.ndarray:
    """One variable, shape (draw, ...)."""
    import pyarrow

    column = batch.column(name)
    shape = [int(size) for size in column.field.metadata.get(b"shape", b"").split(b",") if size]
    values = pyarrow.array(column)
    flat = values.flatten() if hasattr(values, "flatten") else values
    return flat.to_numpy(zero_copy_only=False).reshape(len(values), *shape)
