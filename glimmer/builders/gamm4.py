"""Builds generalized additive mixed models: `Gamm4Builder` and the verb `gamm4`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glimmer.builders.glmer import GlmerBuilder, fitted


class Gamm4Builder(GlmerBuilder):
    """A generalized additive model with group-specific terms, as rstanarm's ``stan_gamm4``.

    Parameters
    ----------
    formula : str
        With at least one smooth term: ``"y ~ s(x) + te(u, v) + treatment"``. Group-specific terms
        may stand here too.
    data : table
    random : str, optional
        Group-specific terms, ``"~ (1 | g)"``.
    family : str, Family or bambi.Family
    prior_smooth : prior, dict or rstanarm_smooth_prior, optional
        Of the standard deviations of the smooths, each the typical size of a curve; a dict has
        priors by smooth (``{"s(x)": gl.exponential(2)}``). Default
        ``exponential(1, autoscale=True)``.
    knots : dict, optional
        Knots by covariate.
    select : bool
        Penalize the null space of every smooth too, so that a curve may vanish.
    xt : dict, optional
        Objects that bases need besides data, named in the formula as ``xt=name``.
    **arguments
        As in `GlmerBuilder`.

    Raises
    ------
    SmoothError
        There is no smooth term, or one cannot be built from these data.

    Examples
    --------
    >>> import glimmer as gl
    >>> model = gl.Gamm4Builder(
    ...     "Reaction ~ s(Days, k=5)", gl.load_data("sleepstudy"), random="~ (1 | Subject)"
    ... )
    >>> sorted(name for name in model.build().named_vars if name.startswith("s(Days)"))
    ['s(Days)', 's(Days)_data', 's(Days)_null', 's(Days)_null_data', 's(Days)_sigma']
    """

    verb = "gamm4"

    def __init__(
        self,
        formula: str,
        data: Any,
        random: str | None = None,
        family: Any = "gaussian",
        *,
        prior_smooth: Any = None,
        knots: Mapping[str, Any] | None = None,
        select: bool = False,
        xt: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> None:
        from glimmer.errors import SmoothError

        super().__init__(
            formula,
            data,
            family,
            prior_smooth=prior_smooth,
            knots=knots,
            select=select,
            xt=xt,
            random=random,
            **arguments,
        )
        if not self.spec.smooths:
            raise SmoothError(
                "The formula must have a smooth term.",
                formula=self.spec.formula,
                span=(0, len(self.spec.formula)),
                fix="add s(x), or use GlmerBuilder",
            )


def gamm4(
    formula: str,
    data: Any,
    random: str | None = None,
    family: Any = "gaussian",
    **arguments: Any,
) -> Gamm4Builder:
    """Build and fit a `Gamm4Builder`; return the fitted model.

    Arguments are those of `Gamm4Builder` and of its ``fit``.
    """
    arguments = {"random": random, "family": family, **arguments}
    return fitted(Gamm4Builder, formula, data, arguments, "gamm4")
