"""Builds generalized linear mixed models: `GlmerBuilder`, `glmer`, `lmer`, `glmer_nb`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glimmer.builders.base import FIT, ModelBuilder
from glimmer.builders.spelling import arguments_of, check_spelling
from glimmer.errors import DesignError


class GlmerBuilder(ModelBuilder):
    """A generalized linear model with group-specific terms, as rstanarm's ``stan_glmer``.

    Parameters
    ----------
    formula : str
        In lme4's syntax, e.g. ``"Reaction ~ Days + (Days | Subject)"``.
    data : table
        pandas, polars, pyarrow, or a dict of arrays.
    family : str, Family or bambi.Family
        ``"gaussian"``, ``"binomial"``, ``"bernoulli"``, ``"poisson"``, ``"neg_binomial_2"``,
        ``"Gamma"``, ``"inverse_gaussian"``, ``"beta"``, ``"student_t"``, ``"lognormal"`` (bambi's
        spellings work too), or a `Family`.
    link : str, Link or bambi.Link, optional
        The family's default link, if not given.
    prior : prior or dict, optional
        Of the coefficients; a dict has priors by term. Default ``normal(0, 2.5, autoscale=True)``.
    prior_intercept : prior, optional
        Of the intercept when all predictors are at their means. Default
        ``normal(mean(y), 2.5, autoscale=True)`` for the gaussian family, ``normal(0, 2.5)``
        for others.
    prior_aux : prior or dict, optional
        Of the auxiliary parameter (sigma, alpha, ...); a dict has priors by parameter.
    prior_covariance : covariance prior, prior or dict, optional
        `decov` or `lkj`, or any prior for the standard deviations; a dict has priors by grouping
        factor (``{"Subject": gl.decov(2)}``) or by effect (``{"1|herd": gl.exponential(1)}``).
    weights : str or array of shape (n,), optional
        Exponents of the likelihood; numbers of trials if the binomial outcome is a proportion; or
        `precision_weights`.
    offset : str or array of shape (n,), optional
        Added to the linear predictor.
    subset : str, mask or positions, optional
        Which rows to use.
    missing : {"error", "drop"}
        What to do about rows with missing values.
    contrasts : dict, optional
        Contrasts by factor: ``"treatment"``, ``"sum"``, ``"helmert"`` or ``"poly"``.
    QR : bool
        Sample the coefficients of an orthogonalized design; priors are then on those.
    prior_PD : bool
        Leave out the likelihood, to sample from the prior.
    centered : bool or dict
        Sample the effects of some or all grouping factors in centred coordinates. The model is the
        same; sampling is faster this way when each group has many informative rows.
    functions : dict, optional
        Your own functions of arrays, to be used in the formula.
    checks : dict, optional
        What to do about doubtful findings: ``"ignore"``, ``"warn"`` or ``"error"`` by name.
    prior_smooth, knots, select, xt, random
        For smooth terms in the formula; see `Gamm4Builder`.

    Raises
    ------
    FormulaError, DataError, OutcomeError, DesignError, FamilyError, PriorError
        Before anything is compiled; each has a fix where one is known.

    Examples
    --------
    >>> import glimmer as gl
    >>> model = gl.GlmerBuilder(
    ...     "cbind(incidence, size - incidence) ~ period + (1 | herd)",
    ...     gl.load_data("cbpp"),
    ...     family="binomial",
    ... )
    >>> model.build().named_vars_to_dims["period"]
    ('period_dim',)
    """

    verb = "glmer"

    def __init__(
        self,
        formula: str,
        data: Any,
        family: Any = "gaussian",
        *,
        link: Any = None,
        prior: Any = None,
        prior_intercept: Any = None,
        prior_aux: Any = None,
        prior_covariance: Any = ...,
        weights: Any = None,
        offset: Any = None,
        subset: Any = None,
        missing: str = "error",
        contrasts: Mapping[str, str] | None = None,
        QR: bool = False,
        prior_PD: bool = False,
        centered: bool | Mapping[str, bool] = False,
        functions: Mapping[str, Any] | None = None,
        checks: Mapping[str, str] | None = None,
        prior_smooth: Any = None,
        knots: Mapping[str, Any] | None = None,
        select: bool = False,
        xt: Mapping[str, Any] | None = None,
        random: str | None = None,
    ) -> None:
        from glimmer.data import Frame
        from glimmer.families import get_family
        from glimmer.learn import Options, learn_model

        options = Options(
            prior=prior,
            prior_intercept=prior_intercept,
            prior_aux=prior_aux,
            prior_covariance=prior_covariance,
            weights=weights,
            offset=offset,
            subset=subset,
            missing=missing,
            contrasts=contrasts,
            QR=QR,
            prior_PD=prior_PD,
            centered=centered,
            functions=functions,
            checks=checks,
            prior_smooth=prior_smooth,
            knots=knots,
            select=select,
            xt=xt,
            random=random,
        )
        self.functions = functions
        self.spec, self.design, self.frame = learn_model(
            formula, Frame(data), get_family(family, link), options
        )


def glmer(formula: str, data: Any, family: Any = "gaussian", **arguments: Any) -> GlmerBuilder:
    """Build and fit a `GlmerBuilder`; return the fitted model.

    Arguments are those of `GlmerBuilder` and of its ``fit``.
    """
    return fitted(GlmerBuilder, formula, data, {"family": family, **arguments}, "glmer")


def lmer(formula: str, data: Any, **arguments: Any) -> GlmerBuilder:
    """Build and fit a gaussian `GlmerBuilder` with the identity link; return the fitted model."""
    for name in ("family", "link"):
        if name in arguments:
            raise DesignError(
                f"lmer() has no argument {name!r}: its family is gaussian.", fix="use glmer()"
            )
    return fitted(GlmerBuilder, formula, data, {"family": "gaussian", **arguments}, "lmer")


def glmer_nb(formula: str, data: Any, *, link: str = "log", **arguments: Any) -> GlmerBuilder:
    """Build and fit a negative binomial `GlmerBuilder`; return the fitted model."""
    if "family" in arguments:
        raise DesignError(
            "glmer_nb() has no argument 'family': its family is neg_binomial_2.", fix="use glmer()"
        )
    arguments = {"family": "neg_binomial_2", "link": link, **arguments}
    return fitted(GlmerBuilder, formula, data, arguments, "glmer_nb")


def fitted[B: ModelBuilder](
    builder: type[B], formula: str, data: Any, arguments: dict[str, Any], verb: str
) -> B:
    """Divide ``arguments`` between the builder and its fit, build, fit."""
    own = arguments_of(builder)
    check_spelling(arguments.keys() - own - FIT, own | FIT)
    model = builder(formula, data, **{k: v for k, v in arguments.items() if k in own})  # type: ignore[call-arg]
    model.verb = verb
    model.fit(**{k: v for k, v in arguments.items() if k not in own})
    return model
