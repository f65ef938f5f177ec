"""Translates a model into bambi's terms, where bambi can express it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.data import Factor
from glimmer.errors import DesignError, PriorError
from glimmer.formula import parse, variables
from glimmer.priors.any_distribution import ConstantPrior, NamedPrior
from glimmer.priors.covariance import LKJ, Decov
from glimmer.priors.independent import Exponential, GammaPrior, Laplace, Normal, StudentT
from glimmer.terms.naming import MU

if TYPE_CHECKING:
    import bambi
    import pandas as pd

    from glimmer.fitted import Model
    from glimmer.priors import Prior
    from glimmer.spec import ModelSpec
    from glimmer.terms import GroupBlock


def to_bambi(model: Model) -> bambi.Model:
    """Translate a model to ``bambi.Model``, with the same formula, data and priors.

    Raises
    ------
    DesignError
        Bambi cannot express the model: correlated group-specific effects, smooths, weights, QR, an
        offset given as an array, a family of your own.
    PriorError
        Bambi cannot express a prior: standard deviations relative to sigma (`decov` in the gaussian
        family), priors that tie coefficients together.

    Examples
    --------
    >>> import glimmer as gl
    >>> model = gl.GlmerBuilder(
    ...     "cbind(incidence, size - incidence) ~ period + (1 | herd)",
    ...     gl.load_data("cbpp"),
    ...     family="binomial",
    ... )
    >>> model.to_bambi().family.name
    'binomial'
    """
    import bambi

    spec = model.spec
    _check(spec)
    return bambi.Model(
        _formula(spec),
        _table(model),
        family=spec.family.bambi,
        link=spec.family.link_name,
        priors=_priors(spec, bambi.Prior),
        dropna=False,
    )


def _check(spec: ModelSpec) -> None:
    reasons = {
        "correlated group-specific effects": any(block.size > 1 for block in spec.groups),
        "weights": spec.weights not in ("none", "trials"),
        "proportions with trials as weights": spec.weights == "trials",
        "a QR-rotated design": any(p.rotation is not None for p in spec.predictors.values()),
        "smooth terms with these bases and priors": bool(spec.smooths),
        "a nonlinear model": MU not in spec.predictors,
        "an offset given as an array": spec.array_offset,
        "a likelihood that is switched off": not spec.likelihood,
        f"the family {spec.family.name!r}": spec.family.bambi is None,
        "an outcome with another level as success": spec.response is None,
    }
    for what, present in reasons.items():
        if present:
            raise DesignError(
                f"Bambi cannot express {what}.",
                fix="write (x || g) for uncorrelated effects" if "correlated" in what else None,
            )


def _formula(spec: ModelSpec) -> str:
    """The formula in formulae's dialect, every term spelled out."""
    assert spec.response is not None  # noqa: S101
    right = ["1" if spec.predictors[MU].intercept else "0"]
    right += [term.name for term in spec.predictors[MU].common]
    right += [f"offset({learned.text})" for learned in spec.predictors[MU].offsets]
    right += [_bar(block) for block in spec.groups]
    return f"{spec.response.formulae} ~ {' + '.join(right)}"


def _bar(block: GroupBlock) -> str:
    name = "1" if block.intercept else f"0 + {block.effects[0].name}"
    return f"({name}|{block.factor_name})"


def _table(model: Model) -> pd.DataFrame:
    """The columns that the formula uses, for the rows used."""
    import pandas as pd

    formula = parse(model.spec.formula)
    nodes = [node for node in (formula.response, *formula.parts) if node is not None]
    names = dict.fromkeys(v.name for node in nodes for v in variables(node))
    names.update(dict.fromkeys(learned.text for learned in model.spec.predictors[MU].offsets))
    out = {}
    for name in names:
        if name not in model.frame:
            continue
        column = model.frame[name]
        out[name] = (
            pd.Categorical.from_codes(column.codes, categories=list(column.levels))
            if isinstance(column, Factor)
            else column.values.astype(int)
            if column.kind != "float"
            else column.values
        )
    for block in model.spec.groups:
        for name in block.factor:
            factor = model.frame.factor(name)
            out[name] = pd.Categorical.from_codes(factor.codes, categories=list(factor.levels))
    return pd.DataFrame(out)


def _priors(spec: ModelSpec, Prior: Any) -> dict[str, Any]:
    priors: dict[str, Any] = {}
    intercept = spec.priors.predictors[MU].intercept
    if intercept is not None:
        priors["Intercept"] = _prior(intercept, Prior)
    for common in spec.priors.predictors[MU].common:
        for term in common.terms:
            priors[term] = _prior(common.prior, Prior)
    for name, prior in spec.priors.aux.items():
        priors[name] = _prior(prior, Prior, positive=True)
    for block in spec.groups:
        sd = _sd_prior(spec, block)
        priors[block.effect_names[0]] = Prior("Normal", mu=0, sigma=_prior(sd, Prior, True))
    return priors


def _sd_prior(spec: ModelSpec, block: GroupBlock) -> Prior:
    prior = spec.priors.covariance[block.name]
    if isinstance(prior, LKJ):
        return prior.sd[0]
    if isinstance(prior, Decov) and spec.family.group_scale is None:
        return GammaPrior(prior.shape, 1 / prior.scale)
    raise PriorError(
        f"Bambi cannot express {prior} relative to the residual sd.",
        fix="use prior_covariance=gl.lkj()",
    )


def _prior(prior: Prior, Prior: Any, positive: bool = False) -> Any:
    """Our prior as bambi's."""
    match prior:
        case Normal():
            location, scale = prior.shift_and_scale
            if positive and prior.centred_at_zero:
                return Prior("HalfNormal", sigma=scale)
            return Prior("Normal", mu=location, sigma=scale)
        case StudentT():
            location, scale = prior.shift_and_scale
            if positive and prior.centred_at_zero:
                return Prior("HalfStudentT", nu=prior.df, sigma=scale)
            return Prior("StudentT", nu=prior.df, mu=location, sigma=scale)
        case Laplace():
            location, scale = prior.shift_and_scale
            return Prior("Laplace", mu=location, b=scale)
        case Exponential():
            return Prior("Exponential", lam=np.asarray(prior.rate))
        case GammaPrior():
            return Prior("Gamma", alpha=np.asarray(prior.shape), beta=np.asarray(prior.rate))
        case NamedPrior():
            return Prior(prior.distribution, **prior.arguments)
        case ConstantPrior():
            raise PriorError(f"Give {prior} to bambi by name.", fix="use gl.prior(name, ...)")
    raise PriorError(f"Bambi cannot express {prior}.")
