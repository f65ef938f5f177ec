"""Declares the work arrays of the Gaussian kernels: names and lengths.

``size`` counts the coefficients of the rest, ``wide`` its densely coupled columns and the outcome,
``sparse`` its other columns, ``p`` effects per level, ``effects`` all effects of the factors that
are eliminated. For the names see docs/kernels.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from glimmer.kernels.compile.arena import Arena
from glimmer.kernels.gaussian.memory_layout import TILE


def _each(length, *names: str):  # type: ignore[no-untyped-def]
    return dict.fromkeys(names, length)


STATE_ARRAYS = Arena(
    lambda size, effects: {
        "schur": (size + 1) * (size + 1),
        "L": size * size,
        "mu": size,  # posterior mean of the rest, in its own scale
        "u": size,  # value of the rest, in its own scale
        "levels": effects,  # e + z of all levels
    }
)
ELIMINATION = Arena(
    lambda p, wide, sparse: {
        "T": p * p,
        **_each(p * p * TILE, "R", "U"),
        "Y": wide * p * TILE,
        "sparse": p * sparse,
    }
)
INTEGRATED = Arena(
    lambda size: {
        "schur": (size + 1) * (size + 1),
        **_each(size * size, "L", "scaled", "Q"),
        **_each(size, "right", "u", "v", "residual", "center"),
        "squares": 1,
    }
)
LEVEL_SCORES = Arena(
    lambda p: {**_each(p * p, "T", "total"), "rho": p * TILE, "H": p * p * TILE},
)
QUADRATIC = Arena(lambda p, wide: {"X": wide * TILE + p})
SCORE_OF_MANY = Arena(
    lambda p: _each(p * p * TILE, "R", "U", "A", "V", "W") | _each(p * TILE, "e", "b")
)
REST_OF = Arena(lambda size: {**_each(size, "v", "center"), "scaled": size * size})
EFFECTS = Arena(
    lambda p: {
        "T": p * p,
        **_each(p * p * TILE, "R", "U"),
        **_each(p * TILE, "y", "rho", "b"),
    }
)
PULLBACK = Arena(
    lambda size, effects: {
        **_each(size, "kappa", "v", "w", "a", "a_raw", "mu_raw", "h", "h_raw"),
        **_each(size, "left", "ours"),
        **_each(size * size, "by_P", "scaled", "Q"),
        "own": effects,
    }
)
PULL_LEVELS = Arena(
    lambda p: {
        "T": p * p,
        **_each(p * p * TILE, "R", "U"),
        **_each(p * TILE, "y", "u", "own"),
    }
)
PULL_FACTORS = Arena(
    lambda p: {
        **_each(p * p, "T", "total"),
        **_each(p * p * TILE, "R", "U", "H", "A", "B", "HU"),
        **_each(p * TILE, "m", "alpha", "s", "w", "z", "ka", "kh", "rho", "y", "own"),
    }
)
SHIFTED = Arena(
    lambda floats, coefficients, effects: {
        "moved": floats,
        **_each(coefficients, "change", "bhat", "zeros"),
        "levels": effects,
    }
)


def work_needed(size: int, sparse: int, widths: Sequence[int], effects: int) -> int:
    """Number of floats in which each of the Gaussian kernels can work.

    Parameters
    ----------
    size, sparse : int
        Coefficients of the rest, and how many of them are sparsely coupled.
    widths : sequence of int
        Effects per level of each eliminated factor.
    effects : int
        All effects of these.
    """
    wide = size + 1 - sparse
    return max(_of_width(p, size, wide, sparse, effects) for p in (*widths, 0))


def _of_width(p: int, size: int, wide: int, sparse: int, effects: int) -> int:
    elimination, own = ELIMINATION.total(p, wide, sparse), QUADRATIC.total(p, wide)
    scores = LEVEL_SCORES.total(p) + max(own, SCORE_OF_MANY.total(p))
    way_back = max(PULL_LEVELS.total(p), PULL_FACTORS.total(p) + own)
    return max(
        INTEGRATED.total(size) + max(elimination, scores),
        REST_OF.total(size) + max(elimination, EFFECTS.total(p)),
        PULLBACK.total(size, effects) + way_back,
    )
