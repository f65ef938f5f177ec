"""Declares what a builder is given besides formula, data and family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Options:
    """Of every model; see `GlmerBuilder`. The default covariance prior, ``...``, is the model's."""

    prior: Any = None
    prior_intercept: Any = None
    prior_aux: Any = None
    prior_covariance: Any = ...
    weights: Any = None
    offset: Any = None
    subset: Any = None
    missing: str = "error"
    contrasts: Mapping[str, str] | None = None
    QR: bool = False
    prior_PD: bool = False
    centered: bool | Mapping[str, bool] | None = False
    functions: Mapping[str, Any] | None = None
    checks: Mapping[str, str] | None = None
    prior_smooth: Any = None
    knots: Mapping[str, Any] | None = None
    select: bool = False
    xt: Mapping[str, Any] | None = None
    random: str | None = None


@dataclass(frozen=True)
class CurveOptions:
    """Of a curve; see `NlmerBuilder`."""

    params: Any = None
    function: Any = None
    kinds: Mapping[str, str] | None = None
    transforms: Mapping[str, Any] | None = None
    ordering: bool = True
    residual: str = "constant"
    link: Any = None
    priors: str = "default"

    @property
    def rstanarm(self) -> bool:
        """Whether priors and transforms are those of stan_nlmer."""
        return self.priors == "rstanarm"
