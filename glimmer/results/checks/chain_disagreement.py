"""Finds why the chains of a nonlinear model disagree: label switching, or several curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.results.posterior.draws import left_out_effects

if TYPE_CHECKING:
    from glimmer.fitted import Fitted

AGREE = 1.05
MOST_DRAWS = 100
MOST_ROWS = 200
RARE = 0.05


def disagreement(fit: Fitted) -> str:
    """Say whether chains that disagree about parameters agree about the curve.

    Parameters
    ----------
    fit : Fitted
        Of a nonlinear model.

    Returns
    -------
    str
        Empty where chains agree, where each has not mixed in itself, or where the draws of some
        effects, which the curve depends on, were not stored.
    """
    from arviz_stats import rhat

    chains = fit.draws["posterior"].sizes["chain"]
    if chains < 2 or left_out_effects(fit):
        return ""
    draws = _intercepts(fit)
    apart = [name for name, values in draws.items() if float(rhat(values)) > AGREE]
    curves = _curves(fit)
    same = max(float(rhat(curves[..., i])) for i in range(curves.shape[2])) < AGREE
    switched = _switched(fit, draws)
    if switched and (same or apart):
        return (
            switched
            + ("; the curve agrees between chains" if same else "")
            + ": label switching, fit with ordering=True"
        )
    if apart and same:
        return (
            f"chains agree about the curve but not about {', '.join(apart)}: other parameters give "
            "the same curve, fix one of them or give it a narrower prior"
        )
    within = [_split(curves[c]) for c in range(len(curves))]
    if not same and max(within) < AGREE:
        return (
            "each chain has found a curve of its own: the posterior has several modes, look at the "
            "data and the priors"
        )
    return ""


def _intercepts(fit: Fitted) -> dict[str, np.ndarray]:
    """Draws of the population's values on the scale of the transforms, each (chain, draw)."""
    posterior, names = fit.posterior, fit.spec.names
    return {
        name: posterior[names.intercepts[name]].values
        for name, predictor in fit.spec.predictors.items()
        if predictor.intercept
    }


def _curves(fit: Fitted) -> np.ndarray:
    """The expected outcome at some draws and rows, shape (chain, draw, row)."""
    from glimmer.assemble import assemble
    from glimmer.interpreter.replay import replay

    posterior = fit.posterior
    step = max(1, posterior.sizes["draw"] // MOST_DRAWS)
    rows = np.unique(np.linspace(0, fit.design.n - 1, MOST_ROWS).round().astype(int))
    assembly = assemble(fit.spec, fit.design.take(rows), observe=False)
    (values,) = replay(
        assembly.model, [assembly.expected], posterior.isel(draw=slice(None, None, step))
    )
    return values[:, :, np.ptp(values, axis=(0, 1)) > 0]


def _switched(fit: Fitted, draws: dict[str, np.ndarray]) -> str:
    """Which symmetry some draws are on the other side of, and in which chains."""
    curve: Any = fit.spec.stage
    own = dict(zip(curve.function.names, curve.parameters, strict=True))
    for symmetry in curve.function.symmetries:
        members = {n: own[n] for n in symmetry.positive}
        if not all(p.name in draws and p.transform.identity for p in members.values()):
            continue
        side = np.asarray(symmetry.is_canonical({n: draws[p.name] for n, p in members.items()}))
        share = side.mean(axis=1)
        if RARE < side.mean() < 1 - RARE:
            shown = ", ".join(f"chain {c + 1} {s:.0%}" for c, s in enumerate(share))
            return (
                f"{symmetry.name}: exchanged parameters give the same curve ({shown} of draws in "
                "canonical order)"
            )
    return ""


def _split(values: np.ndarray) -> float:
    """R-hat of the halves of one chain, the worst of all rows; values have shape (draw, row)."""
    from arviz_stats import rhat

    half = len(values) // 2
    halves = np.stack([values[:half], values[half : 2 * half]])
    return max(float(rhat(halves[..., i])) for i in range(values.shape[1]))
