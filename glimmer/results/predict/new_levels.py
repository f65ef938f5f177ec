"""Draws the effects of levels that are not in the training data.

Every level has a stream of its own by its name: its effects are the same in all rows, and whatever
else is predicted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from glimmer.errors import ArgumentError, check_whole
from glimmer.interpreter.replay import Replay
from glimmer.smooths.columns import new_levels
from glimmer.terms import SmoothBlock
from glimmer.terms.naming import NEW, new_name

if TYPE_CHECKING:
    import pymc as pm

    from glimmer.results.predict.draws_in_use import Draws
    from glimmer.spec import Design, ModelSpec

LEVEL_STREAM = 2


@dataclass(frozen=True)
class LevelStreams:
    """Random numbers of levels that a model has not seen.

    Attributes
    ----------
    entropy : int
        The seed as a number; see `entropy_of`.
    size : int
        Number of draws.
    rule : {"sample", "zero"}
        Whether effects are drawn from their distribution, or are zero.
    """

    entropy: int
    size: int
    rule: Literal["sample", "zero"] = "sample"

    def normals(self, factor: str, level: str, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normals of one level, the same whenever they are asked for."""
        digest = hashlib.blake2b(f"{factor}\0{level}".encode(), digest_size=16).digest()
        words = np.frombuffer(digest, dtype=np.uint32).tolist()
        stream = np.random.default_rng([self.entropy, LEVEL_STREAM, *words])
        return stream.standard_normal(shape)


def entropy_of(seed: int | None) -> int:
    """A seed as a number; a number from the system, if there is no seed."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    check_whole("random_seed", seed, 0, ArgumentError)
    return int(seed)


def add_unseen(
    draws: Draws, streams: LevelStreams, spec: ModelSpec, design: Design, model: pm.Model
) -> None:
    """Add the effects of unseen levels to the draws of an assembled model."""
    _sample_groups(draws, streams, spec, design, model)
    _sample_smooths(draws, streams, spec, design)
    _sample_terms(draws, streams, spec, design)


def _sample_groups(
    draws: Draws, streams: LevelStreams, spec: ModelSpec, design: Design, model: pm.Model
) -> None:
    """Each effect is normal given those before it, with mean and sd that the model states."""
    for block in spec.groups:
        levels = design.groups[block.name].new_levels
        z = _innovations(streams, spec, block.factor_name, levels) if levels else {}
        for effect in block.effect_names if levels else ():
            name = f"{effect}{NEW}"
            values = np.zeros((streams.size, len(levels)))
            if streams.rule == "sample":
                node = model[name].owner
                run = Replay(model, node.op.dist_params(node), draws.names)
                mean, sd = (v.reshape(streams.size, -1) for v in run(draws, streams.size))
                values = mean + sd * z[effect]
            draws.add(name, values)
    for effect in draws.zero:
        if f"{effect}{NEW}" in draws:
            draws[f"{effect}{NEW}"] = np.zeros_like(draws[f"{effect}{NEW}"])


def _sample_smooths(draws: Draws, streams: LevelStreams, spec: ModelSpec, design: Design) -> None:
    for named, levels in unlearned(spec, design):
        units = np.zeros((streams.size, len(levels), named.block.map.shape[1]))
        if streams.rule == "sample":
            for j, level in enumerate(levels):
                units[:, j] = streams.normals(named.name, level, units[:, j].shape)
        draws.add(f"{named.name}{NEW}", draws[named.sds[0]][:, None, None] * units)


def _sample_terms(draws: Draws, streams: LevelStreams, spec: ModelSpec, design: Design) -> None:
    """Standard normals of new places, which a term makes their coefficients from."""
    for block in spec.term_blocks:
        if new := design.terms[block.name].new:
            z = np.zeros((streams.size, len(new)))
            if streams.rule == "sample":
                for j, place in enumerate(new):
                    z[:, j] = streams.normals(block.name, str(place), (streams.size,))
            draws.add(new_name(block.free), z)


def unlearned(spec: ModelSpec, design: Design) -> Iterator[tuple[SmoothBlock, tuple[str, ...]]]:
    """Blocks of smooths whose rows have levels that the model has not seen, and those levels."""
    for block in spec.smooth_blocks:
        if levels := new_levels(design.smooths.get(block.name)):
            yield block, levels


def _innovations(
    streams: LevelStreams, spec: ModelSpec, factor: str, levels: Sequence[str]
) -> dict[str, np.ndarray]:
    """Standard normals of each effect of a factor, shape (draws, levels), seeded by level."""
    blocks = [block for block in spec.groups if block.factor_name == factor]
    effects = [name for block in blocks for name in block.effect_names]
    z = np.empty((len(effects), streams.size, len(levels)))
    for j, level in enumerate(levels):
        z[:, :, j] = streams.normals(factor, level, (streams.size, len(effects))).T
    return dict(zip(effects, z, strict=True))
