"""Names those variables of a model that do not belong to a term."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glimmer.terms.naming import MU, data_name, dim_name, variable_name

if TYPE_CHECKING:
    from glimmer.families import Family
    from glimmer.spec.predictor import Predictor
    from glimmer.terms import GroupBlock, Response

ROWS = "obs_id"
"""The dimension of rows."""
DATA = {"common", "offset", "trials", "weights"}
"""The arrays of a model are named so."""
TRIALS, WEIGHTS, OFFSET = (data_name(what) for what in ("trials", "weights", "offset"))


@dataclass(frozen=True)
class Names:
    """Names that step aside when a term of the formula has the same name.

    Attributes
    ----------
    coefficients : str
        What the names of vectors of coefficients begin with.
    outcome : str
    parameters : dict of str to str
        Of the parameters of the outcome's distribution, by their names in the family.
    residual : dict of str to str
        Of the parameters of a residual sd that follows the curve.
    intercepts : dict of str to str
        By predictor, on the scale of its link, with covariates at zero.
    centered : dict of str to str
        The same with covariates at their means.
    values : dict of str to str
        By predictor, of the parameter's value if an intercept is all it has.
    """

    coefficients: str
    outcome: str
    parameters: dict[str, str]
    residual: dict[str, str]
    intercepts: dict[str, str]
    centered: dict[str, str]
    values: dict[str, str]

    @classmethod
    def of(
        cls,
        family: Family,
        response: Response | None,
        predictors: dict[str, Predictor],
        groups: tuple[GroupBlock, ...],
        intercepts: dict[str, str],
        parameters: Iterable[str],
        residual: Iterable[str],
    ) -> Names:
        """Choose names that no term has.

        Parameters
        ----------
        family, response, predictors, groups
            Of the specification.
        intercepts : dict of str to str
            By predictor, what its intercept is called if it does not have to step aside.
        parameters : iterable of str
            Names of a curve's parameters.
        residual : iterable of str
            Names of the parameters of a residual sd that follows a curve.
        """
        taken = set(_of_terms(predictors, groups))
        intercepts = dict(intercepts)
        taken |= {name for key, name in intercepts.items() if key != MU} | set(parameters)
        written = variable_name(response.name) if response else "y"
        outcome = _free(written, taken | DATA)
        taken.add(outcome)
        if MU in intercepts:
            intercepts[MU] = _free(intercepts[MU], taken)
        own = {name: _aside(name, outcome, taken) for name in family.aux}
        scale = own.get(str(family.group_scale))
        return cls(
            coefficients=_prefix("beta", taken),
            outcome=outcome,
            parameters=own,
            residual={name: f"{scale}_{name}" for name in residual},
            intercepts=intercepts,
            centered={
                p.name: f"{intercepts[p.name]}_centered" if p.common else intercepts[p.name]
                for p in predictors.values()
            },
            values={p.name: p.name for p in predictors.values() if p.bare and not p.main},
        )

    @property
    def intercept(self) -> str:
        """Of the outcome's mean."""
        return self.intercepts.get(MU, "Intercept")

    @property
    def aux(self) -> tuple[str, ...]:
        """Of all parameters of the outcome's distribution besides its mean."""
        return (*self.parameters.values(), *self.residual.values())

    @property
    def rotated(self) -> str:
        """Of the coefficients of a design that was made orthogonal."""
        return f"{self.coefficients}_rotated"

    def own(self) -> Iterator[str]:
        """Names of variables and dimensions that do not step aside for those of terms."""
        yield from (ROWS, "common_dim", data_name("common"), OFFSET, TRIALS, WEIGHTS)
        yield from (data_name(self.outcome), dim_name(self.coefficients))
        yield f"{self.intercept}_centered"


def _of_terms(predictors: dict[str, Predictor], groups: tuple[GroupBlock, ...]) -> Iterator[str]:
    for predictor in predictors.values():
        yield from (term.name for term in predictor.common)
        yield from (block.name for block in predictor.smooth_blocks)
        yield from (
            name for block in predictor.term_blocks for name in (block.name, *block.variables)
        )
    yield from (name for block in groups for name in block.effect_names)


def _prefix(name: str, taken: set[str]) -> str:
    """A name that begins no name in use: others are made from it."""
    while any(other == name or other.startswith(f"{name}_") for other in taken):
        name += "_"
    return name


def _aside(name: str, outcome: str, taken: set[str]) -> str:
    return name if name not in taken else _free(f"{outcome}_{name}", taken)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
