"""Checks the row kernels of a family against its parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from glimmer.errors import FamilyError

if TYPE_CHECKING:
    from glimmer.kernels import RowKernel


def kernels_of(
    kernels: Mapping[str, RowKernel], dist: Callable[..., Any], aux: Collection[str]
) -> dict[str, RowKernel]:
    """The kernels, by link, that are of a distribution; those of another are left out.

    Raises
    ------
    FamilyError
        The kernel of this distribution takes other auxiliary parameters than the family has.
    """
    own = {link: kernel.of(dist) for link, kernel in kernels.items()}
    for link, kernel in own.items():
        if kernel is not None and set(kernel.aux) != set(aux):
            raise FamilyError(
                f"The row kernel for the link {link!r} takes the auxiliary parameters "
                f"{tuple(kernel.aux)}, but the family has {tuple(aux)}.",
                fix="name the family's parameters in row_kernel(aux=...)",
            )
    return {link: kernel for link, kernel in own.items() if kernel is not None}
