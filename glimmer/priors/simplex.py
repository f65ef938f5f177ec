"""Declares priors of shares of a whole: positive numbers that sum to one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from glimmer.errors import PriorError
from glimmer.priors.base import Hyper, Prior, described, positive, prior_function
from glimmer.record import record

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@record
class Dirichlet(Prior):
    """Dirichlet prior on shares; see `dirichlet`."""

    vectors: ClassVar[tuple[str, ...]] = ("concentration",)
    concentration: Hyper

    def rv(self) -> TensorVariable:
        import pymc as pm

        if not isinstance(self.concentration, tuple):
            raise PriorError(
                f"{self} is for several shares, not for one number.",
                fix="use it for a parameter that is a simplex",
            )
        return pm.Dirichlet.dist(list(self.concentration))

    def sized(self, size: int) -> Dirichlet:
        if isinstance(self.concentration, tuple):
            if len(self.concentration) != size:
                raise PriorError(
                    f"{self} has {len(self.concentration)} values for {size} shares.",
                    fix="give one value for all, or one for each",
                )
            return self
        return replace(self, concentration=(self.concentration,) * size)  # type: ignore[type-var]

    def __str__(self) -> str:
        return described("dirichlet", False, concentration=self.concentration)


@prior_function
def dirichlet(concentration: Hyper = 1.0) -> Dirichlet:
    """Return the Dirichlet prior of shares that sum to one.

    Parameters
    ----------
    concentration : float or sequence of float
        1 is uniform over all shares; larger values favour equal ones. One number for all shares, or
        one for each.

    Examples
    --------
    >>> print(dirichlet(2))
    dirichlet(concentration = 2)
    """
    return Dirichlet(positive(concentration, "concentration"))
