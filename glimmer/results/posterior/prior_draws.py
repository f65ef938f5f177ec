"""Draws parameters from the prior, and outcomes predicted by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from glimmer.fitted import Model


def prior_predictive(
    model: Model, draws: int = 1000, random_seed: int | None = None
) -> xr.DataTree:
    """Draw parameters from the prior, and outcomes given those; nothing is compiled.

    Parameters
    ----------
    model : Model
        Fitted or not.
    draws : int
    random_seed : int, optional

    Returns
    -------
    InferenceData (an xarray.DataTree)
        With groups ``prior`` and ``prior_predictive``, dimensions (chain, draw, ...).

    Raises
    ------
    PriorError
        A prior is flat.

    Examples
    --------
    >>> import glimmer as gl
    >>> model = gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", gl.load_data("sleepstudy"))
    >>> model.prior_predictive(10, random_seed=1)["prior_predictive"]["Reaction"].shape
    (1, 10, 180)
    """
    import pymc as pm

    from glimmer.assemble import assemble
    from glimmer.interpreter.modes import PLAIN
    from glimmer.spec.priors import check_proper

    check_proper(model.spec.priors)
    return pm.sample_prior_predictive(
        draws,
        model=assemble(model.spec, model.design).model,
        random_seed=random_seed,
        compile_kwargs={"mode": PLAIN},
    )
