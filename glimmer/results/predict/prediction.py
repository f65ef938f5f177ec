"""How predictions are computed: the model assembled again on the rows asked for, draws replayed.

Rows are done in blocks of fixed size. Whatever is random has a stream of its own for each block of
rows, and for each new level by its name, so that a prediction does not depend on how it is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimmer.errors import ArgumentError, NewLevel, NotFitted, check_whole, suggestion
from glimmer.results.posterior.draws import not_stored
from glimmer.results.predict.new_levels import sample_unseen, unlearned
from glimmer.results.predict.newdata import MissingGroups, Needs, PerRowArguments, new_design
from glimmer.terms import GroupDesign

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr
    from pytensor.tensor.variable import TensorVariable

    from glimmer.assemble import Assembly
    from glimmer.builders import ModelBuilder
    from glimmer.spec import Design, ModelSpec

Kind = Literal["mean", "linpred", "response"]
NewLevels = Literal["sample", "zero", "error"]
Groups = str | Sequence[str] | None

ELSEWHERE = {
    "re_form": "use groups=None for re_form=NA; all groups count by default",
    "re_formula": "use groups=None for re_formula=NA; all groups count by default",
    "allow_new_levels": 'use new_levels="sample", which is the default, or "error"',
    "sample_new_groups": 'use new_levels="sample", which is the default',
    "seed": "use random_seed=",
    "ndraws": "use draws=",
}
"""What to use in place of arguments that other packages have."""
BLOCK_ROWS = 4096
CHUNK_BYTES = 8 * 2**20
DRAWS_STREAM, OUTCOME_STREAM = range(2)


class Prediction:
    """A prediction whose arguments have been checked; parameters are those of `predict`."""

    def __init__(
        self,
        model: ModelBuilder,
        newdata: Any,
        kind: Kind,
        *,
        groups: Groups = "all",
        new_levels: NewLevels = "sample",
        missing_groups: MissingGroups = "error",
        draws: int | None = None,
        random_seed: int | None = None,
        offset: Any = None,
        trials: Any = None,
        weights: Any = None,
        **others: Any,
    ) -> None:
        for name in others:
            fix = ELSEWHERE.get(name) or suggestion(name, signature(Prediction).parameters)
            raise ArgumentError(f"Predictions have no argument {name!r}.", fix=fix)
        _choose("kind", kind, ("mean", "linpred", "response"))
        _choose("new_levels", new_levels, ("sample", "zero", "error"))
        _choose("missing_groups", missing_groups, ("error", "unknown"))
        self.spec, self.kind, self.new_levels = model.spec, kind, new_levels
        self.posterior = model.fitted["posterior"].to_dataset()
        self.entropy = _entropy(random_seed)
        self.positions = _positions(self.posterior, draws, self.entropy)
        self.effects = chosen_effects(self.spec, groups)
        self.marginal = groups == "marginal"
        if self.marginal and kind != "mean":
            raise ArgumentError(
                f'groups="marginal" is an expected outcome, not kind={kind!r}.',
                fix='use kind="mean"',
            )
        self.new = newdata is not None
        self.columns: dict[str, np.ndarray] = {}
        given = PerRowArguments(offset, trials, weights)
        if self.new:
            self.design, self.columns = new_design(
                model, newdata, needs_of(self.spec, kind, groups), missing_groups, given
            )
        else:
            self.design = _training_design(model, given)
        self._check_levels()
        self._check_draws(model)

    def _check_levels(self) -> None:
        if self.new_levels == "error" and (listed := self.unseen()):
            factor, levels = next(iter(listed.items()))
            shown = ", ".join(map(repr, levels[:5])) + (", ..." if len(levels) > 5 else "")
            raise NewLevel(
                f"The model has not seen these levels of {factor!r}: {shown}.",
                column=factor,
                fix='correct them, or pass new_levels="sample" or "zero"',
            )

    def _check_draws(self, model: ModelBuilder) -> None:
        """The draws must be of this model: their levels are the specification's."""
        for block in self.spec.groups:
            coord = self.posterior.coords.get(block.level_dim)
            if coord is None or tuple(map(str, coord.values)) != block.levels:
                raise NotFitted(
                    f"The draws are of another model: their levels of {block.factor_name!r} differ."
                )
        for name in sorted(self.effects - set(self.posterior.data_vars)):
            raise not_stored(model, name)

    def unseen(self) -> dict[str, tuple[str, ...]]:
        """Levels that the model has not seen, by grouping factor."""
        from glimmer.terms.smooth import grouping

        blocks = {b.factor_name: self.design.groups[b.name].new_levels for b in self.spec.groups}
        for named, levels in unlearned(self.spec, self.design):
            blocks[":".join(grouping(named.smooth.term))] = levels
        return {factor: levels for factor, levels in blocks.items() if levels}

    @property
    def size(self) -> int:
        """Number of draws used."""
        return len(self.positions)

    @property
    def variable(self) -> str:
        """Name of what is predicted."""
        return {"mean": "mu", "linpred": "eta"}.get(self.kind, self.spec.names.outcome)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows and their predictions, shape (draws, rows)."""
        for start in range(0, max(self.design.n, 1), BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, self.design.n))
            yield rows, self._block(rows)

    def values(self) -> np.ndarray:
        """All predictions, shape (draws, n)."""
        out = None
        for rows, values in self.blocks():
            if out is None:
                out = np.empty((self.size, self.design.n), dtype=values.dtype)
            out[:, rows] = values
        assert out is not None  # noqa: S101
        return out

    def array(self) -> xr.DataArray:
        """All predictions, dims (chain, draw, obs_id)."""
        return self.labelled(self.values(), slice(None))

    def tree(self) -> xr.DataTree:
        """All predictions as InferenceData."""
        import xarray as xr

        dataset = self.array().to_dataset(promote_attrs=True)
        if not self.new:
            return xr.DataTree.from_dict({"posterior_predictive": dataset})
        columns = {name: ("obs_id", column) for name, column in self.columns.items()}
        constant = xr.Dataset(columns, coords={"obs_id": self.design.rows})
        return xr.DataTree.from_dict(
            {"predictions": dataset, "predictions_constant_data": constant}
        )

    def labelled(self, values: np.ndarray, rows: slice) -> xr.DataArray:
        """Predictions of some rows, dims (chain, draw, obs_id)."""
        import xarray as xr

        whole = self.size == self.posterior.sizes["chain"] * self.posterior.sizes["draw"]
        chain, draw = (self.posterior.coords[name].values for name in ("chain", "draw"))
        if not whole:
            chain, draw = np.zeros(1, dtype=int), np.arange(self.size)
        return xr.DataArray(
            values.reshape(len(chain), len(draw), -1),
            dims=("chain", "draw", "obs_id"),
            coords={"chain": chain, "draw": draw, "obs_id": self.design.rows[rows]},
            name=self.variable,
            attrs={"kind": self.kind, "new_levels": json.dumps(self.unseen())},
        )

    def _block(self, rows: slice) -> np.ndarray:
        """Predictions of one block of rows: assemble the model on them and replay the draws."""
        from glimmer.assemble import assemble
        from glimmer.interpreter.replay import Replay
        from glimmer.results.predict.marginal import (
            add_up,
            marginal_mean,
            of_one_new_group,
            points_of,
        )

        apart = self.marginal and not add_up(self.spec)
        rearranged = of_one_new_group if apart else narrowed
        taken = self.design.take(np.arange(self.design.n)[rows])
        spec, design, levels = rearranged(self.spec, taken)
        assembly = assemble(spec, design, observe=False)
        draws = Draws(self, spec, levels)
        unseen = sample_unseen(self, spec, design, assembly.model, draws)
        _check_complete(assembly.model, draws)
        output = marginal_mean(spec, design, assembly) if self.marginal else self._of(assembly)
        run = Replay(assembly.model, [output], [*draws.names, *unseen])
        row_bytes = 8 * max(design.n, 1) * (points_of(spec) if self.marginal else 1)
        given = {name: draws[name] for name in run.names} or {"": np.empty(self.size)}
        seed = [self.entropy, OUTCOME_STREAM, rows.start]
        out = np.empty((self.size, design.n), dtype=output.type.dtype)
        at = 0
        for (part,) in run.chunks(given, seed, size=max(1, CHUNK_BYTES // row_bytes)):
            out[at : at + len(part)] = part
            at += len(part)
        return out

    def _of(self, assembly: Assembly) -> TensorVariable:
        match self.kind:
            case "mean":
                return assembly.expected
            case "linpred":
                return assembly.eta
        return assembly.outcome


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


class Draws(dict[str, np.ndarray]):
    """Draws by name, read when asked for, shape (draws, ...): of the levels in use only.

    Effects that do not count are zero.
    """

    def __init__(
        self, prediction: Prediction, spec: ModelSpec, levels: dict[str, np.ndarray]
    ) -> None:
        super().__init__()
        self.prediction, self.levels = prediction, levels
        dims = {name: block.level_dim for block in spec.groups for name in block.effect_names}
        self.zero = {
            name: len(levels[dim]) for name, dim in dims.items() if name not in prediction.effects
        }
        self.names = list(dict.fromkeys([*map(str, prediction.posterior.data_vars), *self.zero]))

    def __missing__(self, name: str) -> np.ndarray:
        from glimmer.interpreter.replay import flat

        if name in self.zero:
            self[name] = np.zeros((self.prediction.size, self.zero[name]))
            return self[name]
        array = self.prediction.posterior[name]
        array = array.isel({dim: at for dim, at in self.levels.items() if dim in array.dims})
        values = flat(array)
        if self.prediction.size < len(values):
            values = values[self.prediction.positions]
        self[name] = values
        return self[name]


def chosen_effects(spec: ModelSpec, groups: Groups) -> frozenset[str]:
    """Return the names of the group-specific effects that count."""
    every = frozenset(name for block in spec.groups for name in block.effect_names)
    if isinstance(groups, str) and groups == "all":
        return every
    if groups is None or groups == "marginal":
        return frozenset()
    known: dict[str, set[str]] = {name: {name} for name in every}
    for block in spec.groups:
        known.setdefault(block.factor_name, set()).update(block.effect_names)
        known.setdefault(block.name, set()).update(block.effect_names)
    asked = [groups] if isinstance(groups, str) else list(groups)
    for name in asked:
        if name not in known:
            raise ArgumentError(
                f"There are no group-specific effects {name!r}.", fix=suggestion(name, known)
            )
    return frozenset().union(*(known[name] for name in asked))


def needs_of(spec: ModelSpec, kind: Kind, groups: Groups) -> Needs:
    """Return what a prediction must know of a row."""
    effects = chosen_effects(spec, groups)
    counting = [block for block in spec.groups if effects.intersection(block.effect_names)]
    blocks = spec.groups if groups == "marginal" else counting
    weighted = spec.weights == "precision" and spec.family.mean is not None
    return Needs(
        factors=frozenset(block.factor_name for block in counting),
        blocks=frozenset(block.name for block in blocks),
        outcome=kind == "response" or (kind == "mean" and weighted),
    )


def _check_complete(model: pm.Model, draws: Draws) -> None:
    """Every variable must have draws: none may be taken from its prior."""
    from glimmer.terms.naming import NEW

    new = {name for name in draws if name.endswith(NEW)}
    absent = [v.name for v in model.free_RVs if v.name not in draws.names and v.name not in new]
    if absent:
        raise NotFitted(
            f"The draws are of another model: they lack {', '.join(map(repr, absent))}.",
            fix="predict with the model that was fitted",
        )


def _training_design(model: ModelBuilder, given: PerRowArguments) -> Design:
    for name in ("offset", "trials", "weights"):
        if getattr(given, name) is not None:
            raise ArgumentError(
                f"{name}= belongs to new data; the training rows have theirs.",
                fix=f"pass newdata=, or leave {name}= out",
            )
    if model.design is None:
        raise NotFitted("The model has no training rows.", fix="pass newdata=")
    return model.design


def _choose(what: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArgumentError(f"{what}={value!r} means nothing.", fix=f"use one of {allowed}")


def _entropy(seed: int | None) -> int:
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    check_whole("random_seed", seed, 0, ArgumentError)
    return int(seed)


def _positions(posterior: xr.Dataset, draws: int | None, entropy: int) -> np.ndarray:
    """Which draws to use, in the order chain by chain."""
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    if draws is None or draws == total:
        return np.arange(total)
    check_whole("draws", draws, 1, ArgumentError)
    if draws > total:
        raise ArgumentError(
            f"draws={draws!r}, but the posterior has {total}.", fix=f"ask for 1 to {total}"
        )
    stream = np.random.default_rng([entropy, DRAWS_STREAM])
    return np.sort(stream.choice(total, size=int(draws), replace=False))
