"""What the golden record says of a model, and how it is written, read and compared.

A point is the model's initial point plus normal numbers of sd 0.5 in the space of the value
variables, each variable's from a generator seeded by (case, variable, number of the point), so that
the order of variables does not matter. Where the log density is not finite the step is halved.

The columns of many smooths are eigenvectors, which on another machine may have another sign or be
others of the same space. Their coefficients are therefore the columns' products with normal numbers
of the rows: they turn as the columns do, and the density is the same. Nor are they summed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pymc as pm
import pytensor
from pymc.logprob.utils import ParameterValueError
from pytensor.compile.mode import Mode

from tests.golden.adapter import sampled
from tests.golden.cases import CASES

FOLDER = Path(__file__).parent / "record"
INTERPRETED = Mode(linker="py", optimizer=None)  # type: ignore[arg-type]
POINTS = (1, 2, 3)
STEP, SMALLEST = 0.5, 1e-3
FIRST = "point 1"
DEPTH = 3
LONGEST = 20  # labels of one dimension that are written

Values = dict[str, np.ndarray]
Record = dict[str, Any]


@cache
def built(case: str) -> Any:
    """The builder of a case, made once."""
    return CASES[case]()


def record_of(case: str) -> Record:
    """The record of a case, as it can be written in JSON."""
    builder = built(case)
    coordinates, other = sampled(builder)
    found = {
        "priors": str(builder.prior_summary()).splitlines(),
        **_of_model(builder.build(), case),
        "coordinates": coordinates,
    }
    if other is not None:
        found["sampled"] = _of_model(other, case, sampled=True)
    return json.loads(json.dumps(found))


def _of_model(model: pm.Model, case: str, sampled: bool = False) -> Record:
    """Variables, log densities and values of a model; of one to sample, of its free variables."""
    kinds = _kinds(model)
    terms = _terms(model)
    kinds = {"free": kinds["free"]} if sampled else kinds
    named = {v.name: v for variables in kinds.values() for v in variables}
    values = model.replace_rvs_by_values([*named.values()])
    at = _function(model, [*terms.values(), *values])
    turning = _columns(model)
    points = _points(model, case, lambda point: _density(at, point, len(terms)))
    densities: Record = {}
    for name, (step, point) in points.items():
        found = [np.asarray(v, dtype=float) for v in at(point)]
        parts = {f"of {term}": float(v) for term, v in zip(terms, found, strict=False)}
        densities[name] = {"step": step, "total": sum(parts.values()), **({} if sampled else parts)}
        if name == FIRST:
            shown = dict(zip(named, found[len(terms) :], strict=True))
    out = {
        "coords": {} if sampled else {str(k): _labels(v) for k, v in model.coords.items()},
        "variables": {
            kind: {v.name: _outline(model, v, shown[v.name].shape) for v in variables}
            for kind, variables in kinds.items()
        },
        "density": densities,
        "start": {name: _sums(value) for name, value in points["start"][1].items()},
        "values": {
            name: _sums(value)[name.removesuffix("_data") in turning :]
            for name, value in shown.items()
        },
    }
    return {name: part for name, part in out.items() if part}


def _kinds(model: pm.Model) -> dict[str, list[Any]]:
    """The variables of a model by their kind, in their order."""
    return {
        "free": model.free_RVs,
        "observed": model.observed_RVs,
        "deterministic": model.deterministics,
        "potential": model.potentials,
        "data": model.data_vars,
    }


def _labels(values: Any) -> list[str] | int:
    """Labels of a dimension, if it has any; of a long one their number."""
    labels = [str(value) for value in (() if values is None else values)]
    return labels if len(labels) <= LONGEST else len(labels)


def _outline(model: pm.Model, variable: Any, shape: tuple[int, ...]) -> Record:
    """Dimensions, shape and, of random variables, the distribution."""
    dims = model.named_vars_to_dims.get(variable.name) or ()
    out = {"dims": [str(dim) for dim in dims], "shape": list(shape)}
    if variable in model.basic_RVs:
        out["distribution"] = _distribution(variable)
    return out


def _distribution(variable: Any) -> str:
    """The name of a random variable's Op."""
    op = variable.owner.op
    return str(getattr(op, "name", None) or type(op).__name__)


def _terms(model: pm.Model) -> dict[str, Any]:
    """The log density of each variable and potential, with the Jacobian of its transform."""
    variables = [*model.basic_RVs, *model.potentials]
    terms = model.logp(sum=False)
    return {v.name: term.sum() for v, term in zip(variables, terms, strict=True)}


def _function(model: pm.Model, outputs: list[Any]) -> Callable[[Values], list[Any]]:
    inputs = model.value_vars
    function = pytensor.function(inputs, outputs, mode=INTERPRETED, on_unused_input="ignore")
    return lambda point: function(*(point[value.name] for value in inputs))


def _density(at: Callable[[Values], list[Any]], point: Values, terms: int) -> float:
    """The log density: minus infinity where a parameter is impossible."""
    try:
        return float(sum(at(point)[:terms]))
    except ParameterValueError:
        return -np.inf


def _points(
    model: pm.Model, case: str, density: Callable[[Values], float]
) -> dict[str, tuple[float, Values]]:
    """By name, how far a point is from the start, and the point."""
    start = {k: np.asarray(v, dtype=float) for k, v in model.initial_point().items()}
    out = {"start": (0.0, start)}
    columns = {model.rvs_to_values[model[k]].name: v for k, v in _columns(model).items()}
    for number in POINTS:
        moves = {k: _move(case, k, number, v.shape, columns.get(k)) for k, v in start.items()}
        step = STEP
        while True:
            point = {k: v + step * moves[k] for k, v in start.items()}
            if np.isfinite(density(point)) or step < SMALLEST:
                break
            step /= 2
        out[f"point {number}"] = step, point
    return out


def _columns(model: pm.Model) -> dict[str, np.ndarray]:
    """The columns of each smooth, by the name of their coefficients."""
    data = {v.name: v.get_value() for v in model.data_vars}
    own = {rv.name: data.get(f"{rv.name}_data", np.empty(0)) for rv in model.free_RVs}
    return {name: columns for name, columns in own.items() if columns.ndim == 2}


def _move(
    case: str, variable: str, number: int, shape: tuple[int, ...], columns: np.ndarray | None
) -> np.ndarray:
    """Normal numbers; for coefficients of ``columns``, in a direction that turns with them."""
    seed = [crc32(case.encode()), crc32(variable.encode()), number]
    rng = np.random.default_rng(seed)
    if columns is None:
        return rng.standard_normal(shape)
    direction = rng.standard_normal((*shape[:-1], len(columns))) @ columns
    return direction * rng.uniform(0.5, 1.5) * np.sqrt(direction.size / np.sum(direction**2))


def _sums(value: np.ndarray) -> list[float]:
    """The sum of an array and of its squares."""
    return [float(value.sum()), float((value**2).sum())]


# Files


def path_of(case: str) -> Path:
    """The file that holds the record of a case."""
    return FOLDER / f"{case.replace(' ', '_').replace(',', '')}.json"


def read(case: str) -> Record:
    """The record of a case as it was written."""
    return json.loads(path_of(case).read_text())


def write(case: str) -> None:
    """Write the record of a case as the code now has it."""
    FOLDER.mkdir(exist_ok=True)
    path_of(case).write_text(_text(record_of(case)) + "\n")


def _text(value: Any, depth: int = 0) -> str:
    """JSON with a line for each entry down to the third level."""
    if not isinstance(value, dict) or not value or depth == DEPTH:
        return json.dumps(value, ensure_ascii=False)
    inside = " " * (depth + 1)
    lines = [f"{inside}{json.dumps(k)}: {_text(v, depth + 1)}" for k, v in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"


# Differences


def differences(
    golden: Any, found: Any, tolerance: Callable[[str], float], place: str = ""
) -> Iterator[str]:
    """Every difference between two records, with its place.

    Parameters
    ----------
    golden, found : JSON values
    tolerance : callable
        From a place to how far numbers there may differ, relative to max(1, |number|).
    place : str
    """
    if isinstance(golden, dict) and isinstance(found, dict):
        if list(golden) != list(found):
            yield f"{place}: names {list(golden)} are now {list(found)}"
        for name in golden.keys() & found.keys():
            yield from differences(golden[name], found[name], tolerance, f"{place}/{name}")
    elif isinstance(golden, list) and isinstance(found, list) and len(golden) == len(found):
        for i, pair in enumerate(zip(golden, found, strict=True)):
            yield from differences(*pair, tolerance, f"{place}[{i}]")
    elif isinstance(golden, float) and isinstance(found, float):
        far = _distance(golden, found)
        if not far <= tolerance(place):
            yield f"{place}: {golden!r} is now {found!r}, {far:.1e} away"
    elif golden != found:
        yield f"{place}: {golden!r} is now {found!r}"


def _distance(golden: float, found: float) -> float:
    if golden == found or (np.isnan(golden) and np.isnan(found)):
        return 0.0
    return abs(golden - found) / max(1.0, abs(golden))
