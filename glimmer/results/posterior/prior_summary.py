"""Lists the priors of a model, as specified and in the units of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glimmer.spec import ModelSpec
    from glimmer.spec.priors import PriorLine

HEADINGS = {
    "intercept": "Intercept (after predictors centered)",
    "curve": "Parameters of the curve (after predictors centered)",
    "common": "Coefficients",
    "term": "Other terms",
    "smooth": "Smooth terms (standard deviations)",
    "auxiliary": "Auxiliary",
    "covariance": "Covariance",
}


@dataclass(frozen=True)
class PriorTable:
    """What `prior_summary` returns: prints as text, and holds the lines.

    Attributes
    ----------
    formula : str
    lines : tuple of PriorLine
        Each with ``parameter``, ``specified``, ``adjusted`` and ``group``.
    rotated : bool
        Whether the coefficients' prior is on an orthogonalized design.
    """

    formula: str
    lines: tuple[PriorLine, ...]
    rotated: bool = False

    def __str__(self) -> str:
        out = [f"Priors for model '{self.formula}'", "------"]
        for group, heading in HEADINGS.items():
            lines = [line for line in self.lines if line.group == group]
            if not lines:
                continue
            note = " (of the QR-rotated design)" if group == "common" and self.rotated else ""
            out.append(f"{heading}{note}")
            for line in lines:
                out += self._line(line)
            out.append("")
        return "\n".join(out).rstrip()

    def _line(self, line: PriorLine) -> list[str]:
        name = "" if line.parameter in ("Intercept", "coefficients") else f"{line.parameter} "
        if line.specified == line.adjusted:
            return [f" {name}~ {line.specified}"]
        return [
            f" {name}specified ~ {line.specified}",
            f" {' ' * len(name)} adjusted ~ {line.adjusted}",
        ]

    __repr__ = __str__


def prior_summary(spec: ModelSpec) -> PriorTable:
    """The priors of a model, fitted or not."""
    rotated = any(p.rotation is not None for p in spec.predictors.values())
    return PriorTable(spec.formula, spec.priors.lines, rotated)
