"""Declares priors that tie coefficients together: lasso, product normal, (regularized) horseshoes.

Each is built from independent standard variables and a scale, as rstanarm does (Piironen & Vehtari
2017 for the regularized horseshoe).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from glimmer.errors import PriorError
from glimmer.priors.base import (
    Hyper,
    LocationScale,
    Prior,
    described,
    positive,
    positive_scale,
    prior_function,
    real,
)
from glimmer.record import record

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


class JointPrior(Prior):
    """A prior for a vector of coefficients that share something."""

    joint: ClassVar[bool] = True

    def rv(self) -> TensorVariable:
        raise PriorError(
            f"{self} cannot be the prior of one number: it is for a vector of coefficients."
        )

    positive_rv = rv

    def build(self, name: str, k: int, dim: str, noise: TensorVariable | float) -> TensorVariable:
        """Register the prior's variables under ``name`` and return the coefficients, shape (k,).

        Parameters
        ----------
        name : str
            Prefix of the variables' names.
        k : int
        dim : str
            Name of the coefficients' dimension.
        noise : tensor or float
            The residual sd, where the family has one on the scale of the linear predictor, else 1.
        """
        raise NotImplementedError


@record
class Lasso(LocationScale, JointPrior):
    """Laplace with a common scale that is itself chi-square(df)."""

    df: float = 1.0
    location: Hyper = 0.0
    scale: Hyper | None = None
    autoscale: bool = False

    def build(self, name: str, k: int, dim: str, noise: TensorVariable | float) -> TensorVariable:
        import pymc as pm

        location, scale = self.shift_and_scale
        inverse_penalty = pm.ChiSquared(f"{name}_lasso_scale", self.df)
        z = pm.Laplace(f"{name}_z", 0.0, 1.0, dims=dim)
        return location + inverse_penalty * scale * z

    def __str__(self) -> str:
        return described(
            "lasso", self.autoscale, df=self.df, location=self.location, scale=self.scale
        )


@record
class ProductNormal(LocationScale, JointPrior):
    """A product of ``df`` normals: location + scale^df z_1 ... z_df."""

    df: int = 2
    location: Hyper = 0.0
    scale: Hyper | None = 1.0

    def build(self, name: str, k: int, dim: str, noise: TensorVariable | float) -> TensorVariable:
        import pymc as pm

        location, scale = self.shift_and_scale
        z = pm.Normal(f"{name}_z", 0.0, 1.0, shape=(self.df, k), dims=(f"{name}_factor", dim))
        return location + scale**self.df * z.prod(axis=0)

    def __str__(self) -> str:
        return described(
            "product_normal", False, df=self.df, location=self.location, scale=self.scale
        )


@record
class Horseshoe(JointPrior):
    """The regularized horseshoe; with two local scales, horseshoe plus."""

    df: tuple[float, ...] = (1.0,)
    global_df: float = 1.0
    global_scale: float = 0.01
    slab_df: float = 4.0
    slab_scale: float = 2.5

    def build(self, name: str, k: int, dim: str, noise: TensorVariable | float) -> TensorVariable:
        import pymc as pm
        import pytensor.tensor as pt

        tau = noise * pm.HalfStudentT(f"{name}_global", nu=self.global_df, sigma=self.global_scale)
        slab = pm.InverseGamma(f"{name}_slab", self.slab_df / 2, self.slab_df / 2)
        local = 1.0
        for i, df in enumerate(self.df):
            local = local * pm.HalfStudentT(
                f"{name}_local" + (f"{i + 1}" if len(self.df) > 1 else ""), nu=df, sigma=1, dims=dim
            )
        z = pm.Normal(f"{name}_z", 0.0, 1.0, dims=dim)
        c2 = self.slab_scale**2 * slab
        return z * tau * local * pt.sqrt(c2 / (c2 + tau**2 * local**2))

    def __str__(self) -> str:
        arguments = {f"df{i + 1}": df for i, df in enumerate(self.df)}
        if len(self.df) == 1:
            arguments = {"df": self.df[0]}
        return described(
            "hs" if len(self.df) == 1 else "hs_plus",
            False,
            **arguments,
            global_df=self.global_df,
            global_scale=self.global_scale,
            slab_df=self.slab_df,
            slab_scale=self.slab_scale,
        )


@prior_function
def lasso(
    df: float = 1.0,
    location: Hyper = 0.0,
    scale: Hyper | None = None,
    autoscale: bool = False,
) -> Lasso:
    """Return the Bayesian lasso: Laplace priors whose common scale has a chi-square(df) prior."""
    return Lasso(
        float(positive(df, "df")),  # type: ignore[arg-type]
        real(location, "location"),
        positive_scale(scale),
        autoscale,
    )


@prior_function
def product_normal(df: int = 2, location: Hyper = 0.0, scale: Hyper = 1.0) -> ProductNormal:
    """Return the product of ``df`` normals: prior sd scale^df, with a spike at the location."""
    if int(df) != df or df < 1:
        raise PriorError(f"df must be a whole number of at least 1, not {df!r}.")
    return ProductNormal(int(df), real(location, "location"), positive(scale, "scale"))


@prior_function
def hs(
    df: float = 1.0,
    global_df: float = 1.0,
    global_scale: float = 0.01,
    slab_df: float = 4.0,
    slab_scale: float = 2.5,
) -> Horseshoe:
    """Return the regularized horseshoe of Piironen & Vehtari (2017).

    Parameters
    ----------
    df : float
        Degrees of freedom of the half-t local scales.
    global_df, global_scale : float
        The half-t global scale; times sigma in the gaussian family.
    slab_df, slab_scale : float
        The slab: coefficients that escape are Student t with these.
    """
    numbers = _numbers(global_df, global_scale, slab_df, slab_scale)
    return Horseshoe(_numbers(df), *numbers)


@prior_function
def hs_plus(
    df1: float = 1.0,
    df2: float = 1.0,
    global_df: float = 1.0,
    global_scale: float = 0.01,
    slab_df: float = 4.0,
    slab_scale: float = 2.5,
) -> Horseshoe:
    """Return the regularized horseshoe plus: the product of two local scales (see `hs`)."""
    numbers = _numbers(global_df, global_scale, slab_df, slab_scale)
    return Horseshoe(_numbers(df1, df2), *numbers)


def _numbers(*values: float) -> tuple[float, ...]:
    return tuple(float(np.asarray(positive(value, "hyperparameters"))) for value in values)
