"""Bayesian multilevel models on PyMC: from a formula and a table to a posterior.

Names are imported when they are first used, so that ``import glimmer`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_WHERE = {
    "Gamm4Builder": "glimmer.builders",
    "GlmerBuilder": "glimmer.builders",
    "ModelBuilder": "glimmer.builders",
    "NlmerBuilder": "glimmer.builders",
    "nlmer": "glimmer.builders",
    "gamm4": "glimmer.builders",
    "glmer": "glimmer.builders",
    "glmer_nb": "glimmer.builders",
    "lmer": "glimmer.builders",
    "load": "glimmer.builders.saved",
    "load_data": "glimmer.data",
    "loo_compare": "glimmer.results.compare.compare",
    "loo_model_weights": "glimmer.results.compare.compare",
    "Family": "glimmer.families.family",
    "Link": "glimmer.families.links",
    "Support": "glimmer.families.support",
    "register_family": "glimmer.families",
    "register_link": "glimmer.families",
    "RowKernel": "glimmer.kernels",
    "row_kernel": "glimmer.kernels",
    "precision_weights": "glimmer.learn.per_row",
    "rstanarm_smooth_prior": "glimmer.learn.smooth_priors",
    "register_basis": "glimmer.smooths",
    "register_term": "glimmer.terms",
    "Term": "glimmer.terms",
    "TermArrays": "glimmer.terms",
    "TermParameter": "glimmer.terms",
    "smooth_con": "glimmer.smooths",
    "SmoothSpec": "glimmer.smooths",
    **dict.fromkeys(
        (
            "Prior",
            "cauchy",
            "decov",
            "dirichlet",
            "exponential",
            "flat",
            "gamma",
            "hs",
            "hs_plus",
            "laplace",
            "lasso",
            "lkj",
            "normal",
            "prior",
            "product_normal",
            "student_t",
        ),
        "glimmer.priors",
    ),
    **dict.fromkeys(
        (
            "Input",
            "MeanFunction",
            "Parameter",
            "Symmetry",
            "dose_table",
            "group_starts",
            "mean_function",
            "register_mean_function",
            "superpose",
            *"SSasymp SSasympOff SSasympOrig SSbiexp SSmicmen SSweibull".split(),
            *"SSlogis SSfpl SSgompertz richards".split(),
            *"exponential_growth power_law von_bertalanffy chapman_richards".split(),
            *"beta_growth beta_growth_log ricker".split(),
            *"emax hill loglogistic3 loglogistic4 loglogistic5 weibull1 weibull2".split(),
            *"SSfol onecpt_bolus onecpt_infusion onecpt_oral onecpt_oral_lag".split(),
            *"onecpt_oral_rates twocpt_bolus twocpt_oral".split(),
        ),
        "glimmer.nonlinear",
    ),
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("pymc-glimmer")
    if name == "errors":
        return import_module("glimmer.errors")
    if name not in _WHERE:
        raise AttributeError(f"module 'glimmer' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, imported or not."""
    return [*__all__, "__version__", "errors"]
