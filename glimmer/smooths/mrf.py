"""Makes Markov random fields over regions, ``bs="mrf"``: Rue & Held (2005)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from glimmer.data import Factor
from glimmer.errors import NewLevel, SmoothError, suggestion
from glimmer.record import record
from glimmer.smooths.basis import Basis, Columns, Orders, register_basis
from glimmer.smooths.matrices import TINY, frozen
from glimmer.smooths.random_effect import level_codes

FORMS = 'xt={"nb": {region: neighbours}}, {"polys": {region: outline}} or {"penalty": matrix}'


@record
class MarkovRandomField(Basis):
    """One coefficient for each region, neighbours drawn to each other.

    Attributes
    ----------
    regions : tuple of str
    loadings : ndarray, shape (regions, k)
        The regions' values from the coefficients: the identity, unless ``k`` is smaller.
    penalty : ndarray, shape (k, k)
    penalized : int
        Its rank: k less the number of connected parts.
    """

    regions: tuple[str, ...]
    loadings: np.ndarray
    penalty: np.ndarray
    penalized: int
    reads_labels: ClassVar[bool] = True
    keeps_coordinates: ClassVar[bool] = True

    @classmethod
    def learn(
        cls,
        columns: Columns,
        k: int | None = None,
        m: Orders | None = None,
        xt: Mapping[str, Any] | None = None,
        knots: np.ndarray | None = None,
    ) -> Self:
        """Learn regions and penalty from ``xt``: "nb", "polys", or "penalty" (and "names")."""
        if len(columns) != 1 or not isinstance(columns[0], Factor):
            raise SmoothError(
                'bs="mrf" takes one factor, the region.', column=columns[0].name, fix=FORMS
            )
        factor = columns[0]
        regions, S = _structure(dict(xt or {}), factor)
        lost = [level for level in factor.used().levels if level not in regions]
        if lost:
            raise SmoothError(
                f"The neighbourhood of {factor.name!r} lacks {lost[0]!r}.",
                column=factor.name,
                fix=suggestion(lost[0], regions),
            )
        if k is not None and not 1 < k <= len(regions):
            raise SmoothError(
                f'bs="mrf" with {len(regions)} regions takes k from 2 to {len(regions)}, not {k}.',
                column=factor.name,
            )
        counts = np.bincount(level_codes(factor, regions), minlength=len(regions))
        loadings, S = _low_frequencies(S, counts, k or len(regions))
        values = np.linalg.eigvalsh(S)
        penalized = int((values > values[-1] * TINY).sum())
        return cls(regions, frozen(loadings), frozen(S), penalized)

    def design(self, columns: Columns) -> np.ndarray:
        """Return the raw design, shape (n, k).

        Raises
        ------
        NewLevel
            A region is not in the neighbourhood.
        """
        codes = level_codes(columns[0], self.regions)
        if (codes < 0).any():
            column = columns[0]
            assert isinstance(column, Factor)  # noqa: S101
            region = column.levels[column.codes[int(np.argmin(codes))]]
            raise NewLevel(
                f"Region {region!r} is not in the neighbourhood of {column.name!r}.",
                column=column.name,
                fix=suggestion(region, self.regions),
            )
        return self.loadings[codes]

    @property
    def penalties(self) -> tuple[np.ndarray, ...]:
        """The one penalty."""
        return (self.penalty,)

    @property
    def rank(self) -> tuple[int, ...]:
        """Its rank."""
        return (self.penalized,)

    @property
    def null_dim(self) -> int:
        """Number of connected parts."""
        return len(self.penalty) - self.penalized


def _structure(xt: dict[str, Any], factor: Factor) -> tuple[tuple[str, ...], np.ndarray]:
    """Regions and their penalty matrix."""
    if "penalty" in xt:
        S = np.asarray(xt["penalty"], dtype=float)
        regions = tuple(map(str, xt.get("names", factor.levels)))
        if S.shape != (len(regions), len(regions)) or not np.allclose(S, S.T):
            raise SmoothError(
                f"The penalty of {factor.name!r} must be a symmetric matrix of "
                f"{len(regions)} regions; its shape is {S.shape}.",
                column=factor.name,
            )
        return regions, S
    if "nb" in xt:
        neighbours = {str(a): {str(b) for b in near} for a, near in xt["nb"].items()}
    elif "polys" in xt:
        neighbours = polygon_neighbours(xt["polys"])
    else:
        raise SmoothError('bs="mrf" needs a neighbourhood.', column=factor.name, fix=FORMS)
    return tuple(neighbours), laplacian(neighbours, factor.name)


def laplacian(neighbours: Mapping[str, Iterable[str]], name: str) -> np.ndarray:
    """The graph Laplacian: number of neighbours on the diagonal, -1 for each pair."""
    regions = list(neighbours)
    place = {region: i for i, region in enumerate(regions)}
    S = np.zeros((len(regions), len(regions)))
    for region, near in neighbours.items():
        for other in near:
            if other not in place:
                raise SmoothError(
                    f"{region!r} has a neighbour {other!r} that is not one of the regions.",
                    column=name,
                    fix=suggestion(other, regions),
                )
            if other != region:
                S[place[region], place[other]] = S[place[other], place[region]] = -1.0
    np.fill_diagonal(S, -S.sum(axis=1))
    return S


def polygon_neighbours(polys: Mapping[Any, Any]) -> dict[str, set[str]]:
    """Regions whose outlines, (vertices, 2) with NaN rows between rings, share a vertex."""
    owners: dict[tuple[float, float], set[str]] = {}
    for region, outline in polys.items():
        points = np.asarray(outline, dtype=float)
        for x, y in points[np.isfinite(points).all(axis=1)].tolist():
            owners.setdefault((x, y), set()).add(str(region))
    near: dict[str, set[str]] = {str(region): set() for region in polys}
    for sharing in owners.values():
        for region in sharing:
            near[region] |= sharing - {region}
    return near


def _low_frequencies(S: np.ndarray, counts: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Loadings and penalty of the ``k`` smoothest directions, rows of data counted."""
    if k == len(S):
        return np.eye(k), S
    weight = 1 / np.sqrt(np.maximum(counts, 1))
    values, vectors = np.linalg.eigh(weight[:, None] * S * weight)
    values = np.where(values > values[-1] * TINY, values, 0.0)
    return weight[:, None] * vectors[:, :k], np.diag(values[:k])


register_basis("mrf", MarkovRandomField)
