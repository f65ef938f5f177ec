"""Builds nonlinear mixed models: `NlmerBuilder` and the verb `nlmer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glimmer.builders.base import ModelBuilder
from glimmer.builders.glmer import fitted
from glimmer.builders.methods import Method


class NlmerBuilder(ModelBuilder):
    """A nonlinear model with group-specific terms, as rstanarm's ``stan_nlmer``.

    The outcome follows a curve whose parameters have linear predictors of their own, with
    covariates, smooths and group-specific terms. Sampling starts at a self-start of the curve.

    Parameters
    ----------
    formula : str
        R's three parts, ``"circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree"``, or two,
        with a curve that is called (``"y ~ SSfol(Dose, Time, lKe, lKa, lCl)"``) or written out
        (``"y ~ a * exp(-k * t)"``). A number in place of a parameter is its known value.
    data : table
    params : dict or sequence of str, optional
        A formula for each parameter, ``{"Asym": "~ treatment + (1 | g)", "xmid": "~ s(z)"}``, or a
        number for a known one; parameters left out have ``"~ 1"``. Terms ``(1 | p | g)`` with
        the same label p are correlated across parameters. A curve that is written out needs all its
        parameters here.
    function : MeanFunction, callable of PyTensor tensors, or str, optional
        What the formula calls, if it is none of the registered functions. The data of a callable
        are its first arguments, as far as the formula passes columns to them.
    family : str, Family or bambi.Family
        Gaussian by default.
    link : str, Link or bambi.Link, optional
        By default the curve is the mean of the outcome (the median, of a lognormal one) itself.
        With a link it is the linear predictor.
    kinds : dict, optional
        What the parameters of your own curve measure, by name: see `glimmer.nonlinear.KINDS`.
    transforms : dict, optional
        ``"identity"``, ``"log"``, ``"log(lower)"``, ``"logit(lower, upper)"``, ``"softplus"`` or
        ``"above(other)"`` by parameter; by default that of its domain. The linear predictor, with
        covariates and group-specific effects, lives on the transformed scale.
    ordering : bool
        Where two sets of parameters give the same curve, allow one of them only, by an order of
        their population values.
    residual : {"constant", "proportional", "additive+proportional", "power", "constant+power"}
        How the residual sd follows the curve: see `glimmer.spec.residual_models.RESIDUALS`.
    priors : {"default", "rstanarm"}
        Default priors: in units of each parameter, around the self-start; or ``stan_nlmer``'s.
    prior : prior or dict, optional
        Of parameters (on the scale of their transform, with predictors at their means) and of their
        terms, by name: ``{"Asym": gl.normal(200, 50), "Asym_treatment": gl.normal(0, 20)}``.
    prior_aux : prior or dict, optional
        Of sigma and other parameters of the outcome's distribution and residual sd.
    prior_covariance : covariance prior, prior or dict, optional
        Default: ``lkj(2)`` with half-normal standard deviations in units of each parameter.
    prior_smooth, knots, select, xt
        As in `Gamm4Builder`; smooths are named after their parameter, ``xmid_s(z)``.
    centered : bool or dict, optional
        In plain coordinates, sample effects centred or not, by grouping factor; by default around
        the information in the rows of each group. The model is the same.
    weights, offset, subset, missing, contrasts, prior_PD, functions, checks
        As in `GlmerBuilder`; an offset is added to the linear predictor of the outcome.

    Raises
    ------
    FormulaError, MeanFunctionError, DataError, OutcomeError, DesignError, FamilyError, PriorError
        Before anything is compiled; each has a fix where one is known.

    Notes
    -----
    In the posterior a parameter with an intercept alone is under its own name, ``Asym``. If it has
    a transform, ``scal`` is its value at the group-specific effects' zero and ``scal_link`` what
    was sampled. A parameter with covariates has ``Asym_Intercept``, ``Asym_treatment``, ... on the
    scale of its transform. Effects are ``Asym|Tree``, their standard deviations
    ``Asym|Tree_sigma``, on that scale too; where a block has several, those on
    which the data have most information come first.

    Examples
    --------
    >>> import glimmer as gl
    >>> model = gl.NlmerBuilder(
    ...     "circumference ~ SSlogis(age, Asym, xmid, scal) ~ Asym | Tree", gl.load_data("Orange")
    ... )
    >>> [v.name for v in model.build().free_RVs]
    ['sigma', 'Asym', 'xmid', 'scal_link', 'Asym|Tree_sigma', 'Asym|Tree_value']
    """

    verb = "nlmer"

    def __init__(
        self,
        formula: str,
        data: Any,
        params: Any = None,
        function: Any = None,
        family: Any = "gaussian",
        *,
        link: Any = None,
        kinds: Mapping[str, str] | None = None,
        transforms: Mapping[str, Any] | None = None,
        ordering: bool = True,
        residual: str = "constant",
        priors: str = "default",
        prior: Any = None,
        prior_aux: Any = None,
        prior_covariance: Any = ...,
        prior_smooth: Any = None,
        knots: Mapping[str, Any] | None = None,
        select: bool = False,
        xt: Mapping[str, Any] | None = None,
        weights: Any = None,
        offset: Any = None,
        subset: Any = None,
        missing: str = "error",
        contrasts: Mapping[str, str] | None = None,
        prior_PD: bool = False,
        centered: bool | Mapping[str, bool] | None = None,
        functions: Mapping[str, Any] | None = None,
        checks: Mapping[str, str] | None = None,
    ) -> None:
        from glimmer.data import Frame
        from glimmer.families import get_family
        from glimmer.learn.curve_stage import CurveKind
        from glimmer.learn.model import learn_model
        from glimmer.learn.options import CurveOptions, Options

        options = Options(
            prior=prior,
            prior_aux=prior_aux,
            prior_covariance=prior_covariance,
            weights=weights,
            offset=offset,
            subset=subset,
            missing=missing,
            contrasts=contrasts,
            prior_PD=prior_PD,
            centered=centered,
            functions=functions,
            checks=checks,
            prior_smooth=prior_smooth,
            knots=knots,
            select=select,
            xt=xt,
        )
        curve = CurveOptions(
            params=params,
            function=function,
            kinds=kinds,
            transforms=transforms,
            ordering=ordering,
            residual=residual,
            link=link,
            priors=priors,
        )
        self.functions = functions
        self.spec, self.design, self.frame = learn_model(
            formula, Frame(data), get_family(family), options, CurveKind(curve)
        )

    parameters = Method("glimmer.results.curves.parameters")
    derived = Method("glimmer.results.curves.parameters")
    individual_curves = Method("glimmer.results.curves.plots")
    plot_individuals = Method("glimmer.results.curves.plots")
    predictive_check = Method("glimmer.results.curves.plots")
    plot_predictive_check = Method("glimmer.results.curves.plots")


def nlmer(
    formula: str,
    data: Any,
    params: Any = None,
    function: Any = None,
    family: Any = "gaussian",
    **arguments: Any,
) -> NlmerBuilder:
    """Build and fit a `NlmerBuilder`; return the fitted model.

    Arguments are those of `NlmerBuilder` and of its ``fit``.
    """
    arguments = {"params": params, "function": function, "family": family, **arguments}
    return fitted(NlmerBuilder, formula, data, arguments, "nlmer")
