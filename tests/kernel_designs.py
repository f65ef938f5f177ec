"""Designs of all shapes that the Gaussian kernels tell apart, with everything else at random."""

from __future__ import annotations

import numpy as np

from glimmer.kernels import Blocks, Group

ROWS, MANY_ROWS = 90, 1100
DESIGNS = {  # (factor, levels, effects per level), columns of a smooth, common columns
    "common only": ([], 0, 2),
    "a smooth": ([], 3, 2),
    "one factor": ([("a", 5, 1)], 0, 2),
    "no common column": ([("a", 7, 4)], 0, 0),
    "correlated slopes": ([("a", 5, 2)], 0, 2),
    "one effect, tiles": ([("a", 300, 1)], 0, 2),
    "two effects, tiles": ([("a", 290, 2)], 2, 2),
    "three effects, tiles": ([("a", 150, 3)], 2, 2),
    "two factors, dense": ([("b", 4, 1), ("a", 6, 1)], 0, 1),
    "two factors, sparse": ([("a", 60, 2), ("b", 20, 1)], 3, 2),
    "three factors, blocks share one": (
        [("c", 3, 1), ("a", 60, 2), ("b", 20, 3), ("a", 60, 1)],
        3,
        2,
    ),
    "wide rest": ([("a", 60, 1), ("b", 40, 2)], 12, 3),
}


def problem_of(factors, smooth: int, common: int, seed: int = 0) -> tuple[Blocks, dict]:
    """Blocks of ``(factor, levels, effects per level)``, and values for all that kernels take."""
    rng = np.random.default_rng(seed)
    index = {name: rng.integers(0, levels, ROWS) for name, levels, _ in factors}
    groups = tuple(
        Group(index[name], levels, np.c_[np.ones(ROWS), rng.normal(size=(ROWS, p - 1))], name)
        for name, levels, p in factors
    )
    smooths = (rng.normal(size=(ROWS, smooth)),) if smooth else ()
    X = np.c_[np.ones(ROWS), rng.normal(size=(ROWS, 3))][:, :common]
    blocks = Blocks(X, groups, smooths, rng.normal(size=ROWS))
    values = {
        "y": rng.normal(3, 2, ROWS),
        "weights": rng.uniform(0.5, 2, ROWS),
        "triangles": rng.normal(size=blocks.triangles),
        "scales": rng.uniform(0.1, 2, blocks.scales),
        "sigma": np.array(1.3),
        "mean": rng.normal(size=common),
        "precision": rng.uniform(0.1, 2, common),
        "z": rng.normal(size=blocks.size),
        "by_coefficients": rng.normal(size=blocks.size),
    }
    return blocks, values


def rows_of_every_kind() -> Blocks:
    """Two factors, one with slopes, a smooth and an offset, over more than two blocks of rows.

    Some levels have no rows, and the last common column is constant within levels.
    """
    rng = np.random.default_rng(1)
    z = np.c_[np.ones(MANY_ROWS), rng.normal(size=(MANY_ROWS, 2))]
    levels = rng.choice(np.delete(np.arange(40), [0, 17, 39]), MANY_ROWS)
    groups = (
        Group(levels, 40, z[:, :1], "a"),
        Group(rng.integers(0, 12, MANY_ROWS), 12, z, "b"),
    )
    smooth = rng.normal(size=(MANY_ROWS, 2))
    X = np.c_[rng.normal(size=(MANY_ROWS, 2)), rng.normal(size=40)[levels]]
    return Blocks(X, groups, (smooth,), rng.normal(size=MANY_ROWS))
