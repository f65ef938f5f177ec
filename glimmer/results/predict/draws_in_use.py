"""Chooses the posterior draws of a prediction, and narrows a model to the levels of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from glimmer.interpreter.replay import flat
from glimmer.terms import GroupDesign

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.spec import Design, ModelSpec


class Draws(dict[str, np.ndarray]):
    """Draws by name, read when asked for, each of shape (size, ...).

    Parameters
    ----------
    posterior : xarray.Dataset
    spec : ModelSpec
    levels : mapping of str to ndarray, optional
        By dimension of levels, the positions of those in use; all by default.
    positions : ndarray, optional
        Which draws, in the order chain by chain; all by default.
    effects : frozenset of str, optional
        Group-specific effects that count, all by default; the others are zero.

    Attributes
    ----------
    size : int
        Number of draws.
    names : list of str
        Of all variables that there are draws of, and of those that are added.
    zero : dict of str to int
        Effects that do not count, and how many levels they have.
    """

    def __init__(
        self,
        posterior: xr.Dataset,
        spec: ModelSpec,
        levels: Mapping[str, np.ndarray] | None = None,
        positions: np.ndarray | None = None,
        effects: frozenset[str] | None = None,
    ) -> None:
        super().__init__()
        self.posterior, self.levels = posterior, levels or {}
        total = posterior.sizes["chain"] * posterior.sizes["draw"]
        self.positions = np.arange(total) if positions is None else positions
        self.size, self.whole = len(self.positions), len(self.positions) == total
        dims = {name: block.level_dim for block in spec.groups for name in block.effect_names}
        aside = set() if effects is None else dims.keys() - effects
        self.zero = {name: len(self.levels[dim]) for name, dim in dims.items() if name in aside}
        self.names = list(dict.fromkeys([*map(str, posterior.data_vars), *self.zero]))

    def __missing__(self, name: str) -> np.ndarray:
        if name in self.zero:
            self[name] = np.zeros((self.size, self.zero[name]))
            return self[name]
        array = self.posterior[name]
        array = array.isel({dim: at for dim, at in self.levels.items() if dim in array.dims})
        values = flat(array)
        self[name] = values if self.whole else values[self.positions]
        return self[name]

    def add(self, name: str, values: np.ndarray) -> None:
        """Add draws of a variable that the posterior does not have."""
        self[name] = values
        self.names.append(name)


def narrowed(spec: ModelSpec, design: Design) -> tuple[ModelSpec, Design, dict[str, np.ndarray]]:
    """Return the same model with those levels only that its rows have.

    Returns
    -------
    ModelSpec, Design
    dict of str to ndarray
        By dimension of levels, the positions of those that stay.
    """
    blocks, groups, kept = [], {}, {}
    for block in spec.groups:
        group = design.groups[block.name]
        used, index = np.unique(group.index, return_inverse=True)
        known, new = np.split(used, [np.searchsorted(used, len(block.levels))])
        kept[block.level_dim] = known
        blocks.append(replace(block, levels=tuple(block.levels[i] for i in known)))  # type: ignore[type-var]
        groups[block.name] = GroupDesign(
            index.astype(np.int32),
            group.columns,
            tuple(group.new_levels[i - len(block.levels)] for i in new),
        )
    return replace(spec, groups=tuple(blocks)), replace(design, groups=groups), kept  # type: ignore[type-var]
