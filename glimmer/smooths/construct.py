"""Learns a smooth term from a spec and a table: penalties scaled, ``by``, centred, converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from glimmer.data import Column, Factor, Frame, Numeric
from glimmer.errors import (
    DesignWarning,
    ModelError,
    NotEnoughData,
    SmoothError,
    suggestion,
    warn,
)
from glimmer.smooths.basis import Basis, Columns, basis_class, matrix
from glimmer.smooths.blocks import Unpenalized
from glimmer.smooths.conversion import Setting, rescaled, to_blocks
from glimmer.smooths.matrices import frozen
from glimmer.smooths.random_effect import level_codes
from glimmer.smooths.spec import SmoothSpec
from glimmer.smooths.tensor import SeparableProduct, TensorProduct
from glimmer.smooths.term import SmoothTerm, raw_design

Knots = Mapping[str, Any]
OVERLAP = 1e-9


def learn_smooths(
    specs: Sequence[SmoothSpec],
    frame: Frame,
    knots: Knots | None = None,
    select: bool = False,
    formula: str | None = None,
) -> tuple[SmoothTerm, ...]:
    """Learn the smooth terms of a model from its data.

    Parameters
    ----------
    specs : sequence of SmoothSpec
    frame : Frame
        The training rows.
    knots : mapping, optional
        Knots by covariate.
    select : bool
        Penalize the null space of every smooth with an sd of its own.
    formula : str, optional
        The formula that the specs' spans refer to, for error messages.

    Returns
    -------
    tuple of SmoothTerm
        In the order of ``specs``. Terms of one ``id`` share their basis, learned from the pooled
        covariates, and the normalization of their blocks, so that one sd can serve them all.

    Warns
    -----
    DesignWarning
        Two smooths hold the same unpenalized function (mgcv drops one; nothing is dropped here).

    Raises
    ------
    SmoothError
        A smooth cannot be built from these data; the message names the limits.
    """
    _check_knots(specs, knots or {})
    first: dict[str, SmoothSpec] = {}
    terms = []
    for spec in specs:
        with _located(spec, formula):
            leader = spec if spec.id is None else first.setdefault(spec.id, spec)
            alike = [s for s in specs if s is spec or (s.id is not None and s.id == spec.id)]
            pool = [_like(other, leader) for other in alike]
            terms.append(_learn(_like(spec, leader), frame, pool, knots or {}, select))
    _warn_of_overlap(terms, frame)
    return _shared_scales(tuple(terms))


def setting(term: SmoothTerm, frame: Frame) -> Setting:
    """The term on its training rows."""
    return _setting(term.spec, term.basis, term.columns(frame), frame, term.S_scale)


def _learn(
    spec: SmoothSpec, frame: Frame, pool: Sequence[SmoothSpec], knots: Knots, select: bool
) -> SmoothTerm:
    """Learn one term, its basis and penalty scale from the covariates of ``pool``."""
    if frame.n == 0:
        raise NotEnoughData(f"{spec.label} cannot be built: the table has no rows.")
    columns = _covariates(spec, frame)
    pooled = columns if len(pool) == 1 else _pooled([_covariates(p, frame) for p in pool])
    basis = learn_basis(spec, pooled, knots)
    S_scale = None if pooled is columns else basis.scales(raw_design(basis, pooled))
    return assemble(spec, basis, columns, frame, S_scale, select)


def assemble(
    spec: SmoothSpec,
    basis: Basis,
    columns: Columns,
    frame: Frame,
    S_scale: np.ndarray | None = None,
    select: bool = False,
) -> SmoothTerm:
    """The term of a learned basis: penalty scale, constraint, ranks, blocks."""
    at = _setting(spec, basis, columns, frame, S_scale)
    levels, ordered = _by_levels(spec, frame)
    return SmoothTerm(
        spec=replace(spec, xt=None),
        basis=basis,
        labels=tuple(isinstance(column, Factor) for column in columns),
        limits=tuple(_limits(column) for column in columns),
        by_levels=levels,
        by_ordered=ordered,
        Z=None if at.Z is None else frozen(at.Z),
        S_scale=frozen(at.S_scale),
        rank=at.rank,
        null_dim=at.null_dim,
        blocks=to_blocks(at, fx=spec.fx, select=select),
    )


def learn_basis(spec: SmoothSpec, columns: Columns, knots: Knots) -> Basis:
    """The basis of ``s``, or the product of the margins."""
    starts = np.cumsum([0, *spec.d])
    parts = [columns[a : a + size] for a, size in zip(starts, spec.d, strict=False)]
    bases = [
        basis_class(bs).learn(part, k=k, m=m, xt=spec.xt, knots=_knots_of(part, knots))
        for bs, part, k, m in zip(spec.bs, parts, spec.k, spec.m, strict=True)
    ]
    match spec.function:
        case "s":
            return bases[0]
        case "t2":
            return SeparableProduct.of(bases, parts, full=spec.full)
        case _:
            return TensorProduct.of(bases, parts, spec.function == "ti", spec.np)


def _setting(
    spec: SmoothSpec, basis: Basis, columns: Columns, frame: Frame, S_scale: np.ndarray | None
) -> Setting:
    """The basis at the training rows, centred unless a numeric ``by`` varies."""
    raw = raw_design(basis, columns)
    S_scale = basis.scales(raw) if S_scale is None else S_scale
    weights, varies = _by_weights(spec, frame)
    row = None
    if spec.pc is not None:
        row = basis.design(_point(spec.pc, columns))[0]
    elif not varies and isinstance(raw, np.ndarray):
        row = raw.mean(axis=0)
    Z = basis.constrain(row)
    numeric = [column for column in columns if isinstance(column, Numeric)]
    x = matrix(numeric) if numeric else np.zeros((frame.n, 0))
    return Setting(basis, raw, row, Z, S_scale, x, weights)


def _covariates(spec: SmoothSpec, frame: Frame) -> Columns:
    """The training covariates; whole numbers as levels where the basis needs a factor."""
    columns: list[Column] = [frame[name] for name in spec.variables]
    reads = [
        basis_class(b).reads_labels for b, n in zip(spec.bs, spec.d, strict=True) for _ in range(n)
    ]
    if any(reads) and not any(isinstance(column, Factor) for column in columns):
        last = max(i for i, read in enumerate(reads) if read)
        column = columns[last]
        if isinstance(column, Numeric) and column.kind != "float":
            columns[last] = frame.factor(column.name)
    return columns


def _pooled(parts: Sequence[Columns]) -> Columns:
    """Covariates of several terms one below the other, named as the first."""
    pooled: list[Column] = []
    for columns in zip(*parts, strict=True):
        if not all(isinstance(column, Numeric) for column in columns):
            raise SmoothError("Smooths that share an id must have numeric covariates.")
        values = np.concatenate([c.values for c in columns if isinstance(c, Numeric)])
        pooled.append(Numeric(columns[0].name, values))
    return pooled


def _by_weights(spec: SmoothSpec, frame: Frame) -> tuple[np.ndarray, bool]:
    """A numeric ``by`` and whether it varies; ones without one, or with a factor."""
    if spec.by is None or isinstance(frame[spec.by], Factor):
        return np.ones(frame.n), False
    values = matrix([frame.numeric(spec.by)])[:, 0]
    return values, bool(values.min() < values.max())


def _by_levels(spec: SmoothSpec, frame: Frame) -> tuple[tuple[str, ...] | None, bool]:
    """The levels of a factor ``by`` that have rows, and whether they are ordered."""
    column = None if spec.by is None else frame[spec.by]
    if not isinstance(column, Factor):
        return None, False
    level_codes(column, column.levels)
    return column.used().levels, column.ordered


def _point(pc: tuple[float, ...], columns: Columns) -> Columns:
    return [Numeric(c.name, np.array([value])) for c, value in zip(columns, pc, strict=True)]


def _limits(column: Column) -> tuple[float, float] | None:
    if isinstance(column, Factor):
        return None
    return float(column.values.min()), float(column.values.max())


def _knots_of(columns: Columns, knots: Knots) -> np.ndarray | None:
    """The user's knots for these covariates, a column for each when there are several."""
    numeric = [column.name for column in columns if isinstance(column, Numeric)]
    given = [np.asarray(knots[name], dtype=float) for name in numeric if name in knots]
    if not given:
        return None
    if len(given) < len(numeric) or len({len(values) for values in given}) > 1:
        raise SmoothError(
            f"Knots must be given for each of {', '.join(numeric)}, with the same number for each.",
            column=numeric[0],
        )
    return given[0] if len(given) == 1 else np.stack(given, axis=1)


def _check_knots(specs: Sequence[SmoothSpec], knots: Knots) -> None:
    known = [name for spec in specs for name in spec.variables]
    for name in knots:
        if name not in known:
            raise SmoothError(
                f"There are knots for {name!r}, which no smooth uses.", fix=suggestion(name, known)
            )


def _like(spec: SmoothSpec, leader: SmoothSpec) -> SmoothSpec:
    """A spec with the basis of the first one of its ``id``."""
    if spec.d != leader.d or spec.function != leader.function:
        raise SmoothError(f"Smooths with id={spec.id!r} must be of the same form.")
    same = {name: getattr(leader, name) for name in ("bs", "k", "m", "fx", "xt", "np", "full")}
    return replace(spec, **same)


def _warn_of_overlap(terms: Sequence[SmoothTerm], frame: Frame) -> None:
    """Warn of unpenalized functions that two smooths both hold, such as x in s(x) + te(x, z)."""
    used = [variable for term in terms for variable in term.spec.variables]
    if len(set(used)) == len(used):
        return
    held: list[np.ndarray] = [np.ones((frame.n, 1))]
    for term in terms:
        for columns in term.designs(frame):
            pairs = zip(term.blocks, columns, strict=True)
            held += [
                X for b, X in pairs if isinstance(b, Unpenalized) and isinstance(X, np.ndarray)
            ]
        together = np.hstack(held)
        together = together / np.linalg.norm(together, axis=0)
        if np.linalg.eigvalsh(together.T @ together)[0] < OVERLAP:
            warn(
                f"The unpenalized part of {term.spec.label} "
                "is a linear combination of the terms before it.",
                DesignWarning,
                fix="use ti() for interactions beside main effects, or select=True",
            )
            return


def _shared_scales(terms: tuple[SmoothTerm, ...]) -> tuple[SmoothTerm, ...]:
    """Give the blocks of terms with one ``id`` one scale: the root mean square of their own."""
    shared: dict[str, list[SmoothTerm]] = {}
    for term in terms:
        if term.spec.id is not None:
            shared.setdefault(term.spec.id, []).append(term)
    return tuple(
        term if term.spec.id is None else _rescaled(term, shared[term.spec.id]) for term in terms
    )


def _rescaled(term: SmoothTerm, family: Sequence[SmoothTerm]) -> SmoothTerm:
    blocks = []
    for own, *alike in zip(term.blocks, *(other.blocks for other in family), strict=True):
        scales = [block.scale for block in alike if not isinstance(block, Unpenalized)]
        blocks.append(rescaled(own, float(np.sqrt(np.mean(np.square(scales))))) if scales else own)
    return replace(term, blocks=tuple(blocks))


@contextmanager
def _located(spec: SmoothSpec, formula: str | None) -> Iterator[None]:
    """Point errors at the term in its formula."""
    try:
        yield
    except ModelError as error:
        if error.formula is None and formula is not None:
            error.formula, error.span = formula, error.span or spec.span
        raise
