"""Effects of levels that a model has not seen, drawn for a prediction.

Every level has a stream of its own by its name: its effects are the same in all rows, and whatever
else is predicted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from glimmer.interpreter.replay import Replay
from glimmer.smooths.columns import new_levels
from glimmer.terms import SmoothBlock
from glimmer.terms.naming import NEW

if TYPE_CHECKING:
    import pymc as pm

    from glimmer.results.predict.prediction import Draws, Prediction
    from glimmer.spec import Design, ModelSpec

LEVEL_STREAM = 2


def sample_unseen(
    prediction: Prediction, spec: ModelSpec, design: Design, model: pm.Model, draws: Draws
) -> list[str]:
    """Add to ``draws`` the effects of new levels, and return their names.

    Each is normal given those before it, with mean and sd that the model itself states.
    """
    names: list[str] = []
    for block in spec.groups:
        levels = design.groups[block.name].new_levels
        z = _innovations(prediction, block.factor_name, levels) if levels else {}
        for effect in block.effect_names if levels else ():
            name = f"{effect}{NEW}"
            if prediction.new_levels == "zero":
                draws[name] = np.zeros((prediction.size, len(levels)))
            else:
                node = model[name].owner
                run = Replay(model, node.op.dist_params(node), [*draws.names, *names])
                mean, sd = (v.reshape(prediction.size, -1) for v in run(draws))
                draws[name] = mean + sd * z[effect]
            names.append(name)
    for effect in draws.zero:
        if f"{effect}{NEW}" in draws:
            draws[f"{effect}{NEW}"] = np.zeros_like(draws[f"{effect}{NEW}"])
    for named, levels in unlearned(spec, design):
        name = f"{named.name}{NEW}"
        units = np.zeros((prediction.size, len(levels), named.block.map.shape[1]))
        if prediction.new_levels != "zero":
            for j, level in enumerate(levels):
                stream = _stream(prediction, named.name, level)
                units[:, j] = stream.standard_normal(units[:, j].shape)
        draws[name] = draws[named.sds[0]][:, None, None] * units
        names.append(name)
    return names


def unlearned(spec: ModelSpec, design: Design) -> Iterator[tuple[SmoothBlock, tuple[str, ...]]]:
    """Blocks of smooths whose rows have levels that the model has not seen, and those levels."""
    for block in spec.smooth_blocks:
        if levels := new_levels(design.smooths.get(block.name)):
            yield block, levels


def _innovations(
    prediction: Prediction, factor: str, levels: Sequence[str]
) -> dict[str, np.ndarray]:
    """Standard normals of each effect of a factor, shape (draws, levels), seeded by level."""
    effects = [
        name
        for block in prediction.spec.groups
        if block.factor_name == factor
        for name in block.effect_names
    ]
    z = np.empty((len(effects), prediction.size, len(levels)))
    for j, level in enumerate(levels):
        stream = _stream(prediction, factor, level)
        z[:, :, j] = stream.standard_normal((prediction.size, len(effects))).T
    return dict(zip(effects, z, strict=True))


def _stream(prediction: Prediction, factor: str, level: str) -> np.random.Generator:
    """The random numbers of one level."""
    digest = hashlib.blake2b(f"{factor}\0{level}".encode(), digest_size=16).digest()
    words = np.frombuffer(digest, dtype=np.uint32).tolist()
    return np.random.default_rng([prediction.entropy, LEVEL_STREAM, *words])
