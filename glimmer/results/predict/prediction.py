"""Computes predictions: assembles the model again on the rows asked for, and replays the draws.

Rows are done in blocks of fixed size. Whatever is random has a stream of its own for each block of
rows, and for each new level by its name, so that a prediction does not depend on how it is run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glimmer.errors import ArgumentError, NewLevel, NotFitted, alternatives, check_whole, suggestion
from glimmer.interpreter.replay import Replay
from glimmer.results.posterior.draws import not_stored
from glimmer.results.predict.draws_in_use import Draws, narrowed
from glimmer.results.predict.new_levels import LevelStreams, add_unseen, entropy_of, unlearned
from glimmer.results.predict.newdata import MissingGroups, Needs, PerRowArguments, new_design
from glimmer.results.predict.outcomes import drawn_outcomes

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr
    from pytensor.tensor.variable import TensorVariable

    from glimmer.assemble import Assembly
    from glimmer.families import Family
    from glimmer.fitted import Fitted
    from glimmer.spec import Design, ModelSpec

Kind = Literal["mean", "linpred", "response"]
NewLevels = Literal["sample", "zero", "error"]
Groups = str | Sequence[str] | None
type Expression = Callable[[Assembly], TensorVariable]

EXPRESSIONS: Mapping[str, Expression] = {
    "mean": lambda assembly: assembly.expected,
    "linpred": lambda assembly: assembly.eta,
}

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
        fit: Fitted,
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
        self.spec, self.kind, self.new_levels = fit.spec, kind, new_levels
        self.posterior = fit.posterior
        entropy = entropy_of(random_seed)
        self.positions = _positions(self.posterior, draws, entropy)
        rule: Any = "zero" if new_levels == "zero" else "sample"
        self.streams = LevelStreams(entropy, self.size, rule)
        self.effects = chosen_effects(self.spec, groups)
        self.marginal = groups == "marginal"
        if self.marginal and kind != "mean":
            raise ArgumentError(
                f'groups="marginal" can only be used with kind="mean", not kind={kind!r}.',
                fix='use kind="mean"',
            )
        self.new = newdata is not None
        self.columns: dict[str, np.ndarray] = {}
        given = PerRowArguments(offset, trials, weights)
        if self.new:
            self.design, self.columns = new_design(
                fit, newdata, needs_of(self.spec, kind, groups), missing_groups, given
            )
        else:
            self.design = _training_design(fit, given)
        self._check_levels()
        self._check_draws(fit)

    def _check_levels(self) -> None:
        if self.new_levels == "error" and (listed := self.unseen()):
            factor, levels = next(iter(listed.items()))
            shown = ", ".join(map(repr, levels[:5])) + (", ..." if len(levels) > 5 else "")
            raise NewLevel(
                f"These levels of {factor!r} are not in the training data: {shown}.",
                column=factor,
                fix='correct them, or pass new_levels="sample" or "zero"',
            )

    def _check_draws(self, fit: Fitted) -> None:
        """The draws must be of this model: their levels are the specification's."""
        for block in self.spec.groups:
            coord = self.posterior.coords.get(block.level_dim)
            if coord is None or tuple(map(str, coord.values)) != block.levels:
                raise NotFitted(
                    f"The draws are of another model: their levels of {block.factor_name!r} differ."
                )
        for name in sorted(self.effects - set(self.posterior.data_vars)):
            raise not_stored(fit, name)

    def unseen(self) -> dict[str, tuple[str, ...]]:
        """Levels that the model has not seen, by grouping factor."""
        from glimmer.terms.named_smooths import grouping

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

    def blocks(self, of: Expression | None = None) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows and their predictions, shape (draws, rows); or another expression's."""
        for start in range(0, max(self.design.n, 1), BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, self.design.n))
            yield rows, self._block(rows, of)

    def values(self, of: Expression | None = None) -> np.ndarray:
        """All predictions, shape (draws, n); or another expression's values."""
        out = None
        for rows, values in self.blocks(of):
            if out is None:
                out = np.empty((self.size, self.design.n), dtype=values.dtype)
            out[:, rows] = values
        assert out is not None  # noqa: S101
        return out

    def array(self, of: Expression | None = None) -> xr.DataArray:
        """All predictions, dims (chain, draw, obs_id); or another expression's values."""
        return self.labelled(self.values(of), slice(None))

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

    def _block(self, rows: slice, of: Expression | None) -> np.ndarray:
        """Predictions of one block of rows: assemble the model on them and replay the draws."""
        from glimmer.assemble import assemble
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
        draws = Draws(self.posterior, spec, levels, self.positions, self.effects)
        add_unseen(draws, self.streams, spec, design, assembly.model)
        _check_complete(assembly.model, draws)
        if self.marginal:
            output, points = marginal_mean(spec, design, assembly), points_of(spec)
        elif of is None and self.kind == "response":
            seed = [self.streams.entropy, OUTCOME_STREAM, rows.start]
            return drawn_outcomes(assembly, draws, seed)
        else:
            output, points = (of or EXPRESSIONS[self.kind])(assembly), 1
        return self._replayed(assembly.model, output, draws, 8 * max(design.n, 1) * points)

    def _replayed(
        self, model: pm.Model, output: TensorVariable, draws: Draws, row_bytes: int
    ) -> np.ndarray:
        """An expression at every draw, shape (draws, rows)."""
        run = Replay(model, [output], draws.names)
        size = max(1, CHUNK_BYTES // row_bytes)
        return np.concatenate([part for (part,) in run.chunks(draws, self.size, size)])


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
                f"Unknown group-specific effects {name!r}.", fix=suggestion(name, known)
            )
    return frozenset().union(*(known[name] for name in asked))


def needs_of(spec: ModelSpec, kind: Kind, groups: Groups) -> Needs:
    """Return the columns and arguments that a prediction needs."""
    effects = chosen_effects(spec, groups)
    counting = [block for block in spec.groups if effects.intersection(block.effect_names)]
    blocks = spec.groups if groups == "marginal" else counting
    weighted = spec.weights == "precision" and _mean_depends_on_scale(spec.family)
    return Needs(
        factors=frozenset(block.factor_name for block in counting),
        blocks=frozenset(block.name for block in blocks),
        outcome=kind == "response" or (kind == "mean" and weighted),
    )


def _mean_depends_on_scale(family: Family) -> bool:
    """Whether the expected outcome depends on the parameter that precision weights divide."""
    import pytensor.tensor as pt
    from pytensor.graph.traversal import ancestors

    others = {name: pt.scalar(name) for name in family.others}
    scale: Any = others.get(str(family.group_scale))
    return scale in set(ancestors([family.expected(pt.scalar("eta"), **others)]))


def _check_complete(model: pm.Model, draws: Draws) -> None:
    """Every variable must have draws."""
    absent = [v.name for v in model.free_RVs if v.name not in draws.names]
    if absent:
        raise NotFitted(
            f"The draws belong to another model: {', '.join(map(repr, absent))} are missing.",
            fix="predict with the model that was fitted",
        )


def _training_design(fit: Fitted, given: PerRowArguments) -> Design:
    for name in ("offset", "trials", "weights"):
        if getattr(given, name) is not None:
            raise ArgumentError(
                f"{name}= can only be used with new data.",
                fix=f"pass newdata=, or leave {name}= out",
            )
    return fit.design


def _choose(what: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArgumentError(
            f"{what} must be {alternatives(allowed)}, not {value!r}.",
            fix=suggestion(str(value), allowed),
        )


def _positions(posterior: xr.Dataset, draws: int | None, entropy: int) -> np.ndarray:
    """Which draws to use, in the order chain by chain."""
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    if draws is None or draws == total:
        return np.arange(total)
    check_whole("draws", draws, 1, ArgumentError)
    if draws > total:
        raise ArgumentError(f"draws must be a whole number from 1 to {total}, not {draws!r}.")
    stream = np.random.default_rng([entropy, DRAWS_STREAM])
    return np.sort(stream.choice(total, size=int(draws), replace=False))
