"""Maxima of the likelihood, for fits where nlme and the posterior differ.

``python -m benchmarks.nlmer_likelihood``

The likelihood with group effects integrated out, in numpy alone: adaptive Gauss-Hermite quadrature
at each group's own mode (Pinheiro & Bates 1995, Journal of Computational and Graphical Statistics
4), and its maximum. nlme maximizes an approximation in steps (Lindstrom & Bates 1990).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

DATA = Path(__file__).parent.parent / "tests" / "reference" / "nonlinear" / "nlme_fits.json"
STEP, ROUNDS = 1e-5, 30


@dataclass(frozen=True, eq=False)
class Case:
    """A fit of nlme's: ``curve(x, *parameters)``, and the parameters that vary between groups.

    Unknowns are the parameters, then logs of the sds between groups, log sigma, and the power of
    the mean that the residual sd is proportional to, if there is one.
    """

    name: str
    outcome: str
    x: str
    group: str
    curve: Callable[..., np.ndarray]
    parameters: tuple[str, ...]
    varying: tuple[str, ...]
    nodes: int
    power: bool = False


def biexponential(t: Any, A1: Any, lrc1: Any, A2: Any, lrc2: Any) -> Any:
    return A1 * np.exp(-np.exp(lrc1) * t) + A2 * np.exp(-np.exp(lrc2) * t)


def logistic(t: Any, Asym: Any, xmid: Any, scal: Any) -> Any:
    return Asym / (1 + np.exp((xmid - t) / scal))


CASES = (
    Case(
        "Indometh_SSbiexp_A1_lrc1_A2_diag",
        "conc",
        "time",
        "Subject",
        biexponential,
        ("A1", "lrc1", "A2", "lrc2"),
        ("A1", "lrc1", "A2"),
        nodes=15,
    ),
    Case(
        "Soybean_SSlogis_varPower",
        "weight",
        "Time",
        "Plot",
        logistic,
        ("Asym", "xmid", "scal"),
        ("Asym",),
        nodes=25,
        power=True,
    ),
)


class Likelihood:
    """The likelihood of a case, as a function of its unknowns."""

    def __init__(self, case: Case, table: dict[str, list[Any]]) -> None:
        self.case = case
        self.x, self.y = (np.array(table[name], float) for name in (case.x, case.outcome))
        levels, self.index = np.unique(table[case.group], return_inverse=True)
        self.groups, k = len(levels), len(case.varying)
        points, weights = np.polynomial.hermite_e.hermegauss(case.nodes)
        own = np.meshgrid(*[points] * k, indexing="ij")
        self.nodes = np.stack(own, axis=-1).reshape(-1, k)
        logs = np.meshgrid(*[np.log(weights)] * k, indexing="ij")
        self.log_weights = sum(part.ravel() for part in logs) + (self.nodes**2).sum(1) / 2

    def __call__(self, unknowns: np.ndarray) -> float:
        """The log likelihood."""
        modes, roots = self._modes(unknowns)
        z = modes[:, None] + np.einsum("jkl,ml->jmk", roots, self.nodes)
        k = z.shape[-1]
        prior = -(z**2).sum(-1) / 2 - k * np.log(2 * np.pi) / 2
        terms = self._summed(self._density(unknowns, z[self.index])) + prior + self.log_weights
        largest = terms.max(axis=1)
        scale = np.linalg.slogdet(roots)[1]
        inside = np.log(np.exp(terms - largest[:, None]).sum(axis=1))
        return float((largest + inside + scale).sum())

    def _split(self, unknowns: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Parameters, sds between groups, sigma, and the power."""
        p, k = len(self.case.parameters), len(self.case.varying)
        sigma = float(np.exp(unknowns[p + k]))
        power = float(unknowns[p + k + 1]) if self.case.power else 0.0
        return unknowns[:p], np.exp(unknowns[p : p + k]), sigma, power

    def _curve(self, unknowns: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The curve in each row, for standardized effects of shape (n, m, k)."""
        fixed, sds, _, _ = self._split(unknowns)
        values = dict(zip(self.case.parameters, fixed, strict=True))
        for i, name in enumerate(self.case.varying):
            values[name] = values[name] + sds[i] * z[..., i]
        return self.case.curve(self.x[:, None], *values.values())

    def _density(self, unknowns: np.ndarray, z: np.ndarray) -> np.ndarray:
        f = self._curve(unknowns, z)
        _, _, sigma, power = self._split(unknowns)
        sd = sigma * np.abs(f) ** power
        return -(((self.y[:, None] - f) / sd) ** 2) / 2 - np.log(sd) - np.log(2 * np.pi) / 2

    def _modes(self, unknowns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each group's mode, by Gauss-Newton steps, and a root of its covariance."""
        _, _, sigma, power = self._split(unknowns)
        k = len(self.case.varying)
        z = np.zeros((self.groups, k))
        for _ in range(ROUNDS):
            around = z[:, None] + STEP * np.vstack([np.zeros(k), np.eye(k)])
            f = self._curve(unknowns, around[self.index])
            slopes, sd = (f[:, 1:] - f[:, :1]) / STEP, sigma * np.abs(f[:, 0]) ** power
            J, r = slopes / sd[:, None], (self.y - f[:, 0]) / sd
            H = self._summed(J[:, :, None] * J[:, None, :]) + np.eye(k)
            z = z + np.linalg.solve(H, (self._summed(J * r[:, None]) - z)[..., None])[..., 0]
        inverse = np.linalg.inv(np.linalg.cholesky(H))
        return z, np.swapaxes(inverse, 1, 2)

    def _summed(self, values: np.ndarray) -> np.ndarray:
        out = np.zeros((self.groups, *values.shape[1:]))
        np.add.at(out, self.index, values)
        return out

    def maximum(self, start: np.ndarray) -> np.ndarray:
        """The unknowns of a maximum, by simplex steps, three times from where they end."""
        found = start
        for _ in range(3):
            found = minimize(
                lambda u: -self(np.clip(u, -12, None)),
                found,
                method="Nelder-Mead",
                options={"xatol": 1e-5, "fatol": 1e-7, "maxiter": 5000, "maxfev": 5000},
            ).x
        return found


def reference(case: Case, fit: dict[str, Any]) -> np.ndarray:
    """The unknowns at nlme's estimates."""
    (between,) = fit["random"].values()
    sds = dict(zip(between["names"], between["sd"], strict=True))
    return np.array(
        [
            *(fit["fixef"][name] for name in case.parameters),
            *(np.log(sds[name]) for name in case.varying),
            np.log(fit["sigma"]),
            *(fit["varStruct"]["coef"] if case.power else ()),
        ]
    )


def main() -> None:
    """Print log likelihood and estimates at nlme's end and at the maximum."""
    fits = {fit["id"]: fit for fit in json.loads(DATA.read_text())["fits"]}
    print("| fit | at | log likelihood | parameters | sds between groups | sigma |")
    print("|---|---|---|---|---|---|")
    for case in CASES:
        likelihood = Likelihood(case, fits[case.name]["data"])
        end = reference(case, fits[case.name])
        for where, unknowns in (("nlme", end), ("maximum", likelihood.maximum(end))):
            fixed, sds, sigma, _ = likelihood._split(unknowns)
            shown = ", ".join(f"{n} {v:.4g}" for n, v in zip(case.parameters, fixed, strict=True))
            between = ", ".join(f"{v:.3g}" for v in sds)
            print(
                f"| {case.name} | {where} | {likelihood(unknowns):.3f} | {shown} | {between} "
                f"| {sigma:.3g} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
