"""Runs a sampler on a PyMC model and returns the draws of its free variables."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from glimmer.errors import SamplingError
from glimmer.fitted import Settings

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

JAX_DEPTH = 10
"""The greatest tree depth of NumPyro and BlackJAX, which do not report that they reached it."""
ADVI = {"meanfield": "advi", "fullrank": "fullrank_advi"}
STATISTICS = {
    "depth": "tree_depth",
    "maxdepth_reached": "reached_max_treedepth",
    "mean_tree_accept": "acceptance_rate",
    "logp": "lp",
}
KEPT = (
    "acceptance_rate",
    "diverging",
    "energy",
    "lp",
    "n_steps",
    "reached_max_treedepth",
    "step_size",
    "tree_depth",
)


def sample(model: pm.Model, settings: Settings) -> xr.DataTree:
    """Draw from the posterior of ``model``.

    Returns
    -------
    xarray.DataTree
        ``posterior`` with the free variables, ``sample_stats`` with ArviZ's names.

    Raises
    ------
    SamplingError
        The log density is not finite where sampling starts, or the sampler is not installed.
    """
    names = [variable.name for variable in model.free_RVs]
    with _quiet():
        if settings.algorithm != "sampling":
            drawn = _variational(model, settings)
        elif settings.sampler == "nutpie":
            drawn = _nutpie(model, settings)
        else:
            drawn = _pymc(model, settings, names)
    return _standard(drawn)


def _standard(drawn: xr.DataTree) -> xr.DataTree:
    """Sampler statistics under ArviZ's names, the same for all samplers."""
    import xarray as xr

    groups = {"posterior": drawn["posterior"].to_dataset()}
    if "sample_stats" in drawn.children:
        stats = drawn["sample_stats"].to_dataset()
        stats = stats.rename({old: new for old, new in STATISTICS.items() if old in stats})
        if "tree_depth" in stats and "reached_max_treedepth" not in stats:
            stats["reached_max_treedepth"] = stats["tree_depth"] >= JAX_DEPTH
        groups["sample_stats"] = stats[[name for name in KEPT if name in stats]]
    return xr.DataTree.from_dict(groups)


def check_start(model: pm.Model) -> None:
    """Raise `SamplingError`, naming the variables at fault, if sampling cannot start."""
    from glimmer.interpreter.modes import DENSITY

    point = model.initial_point()
    terms = model.compile_fn(
        model.logp(sum=False), inputs=model.value_vars, mode=DENSITY, on_unused_input="ignore"
    )(point)
    names = [v.name for v in (*model.basic_RVs, *model.potentials)]
    bad = [n for n, term in zip(names, terms, strict=True) if not np.isfinite(term).all()]
    if bad:
        own = {v.name for v in model.potentials}.issuperset(bad)
        raise SamplingError(
            f"The log density is not finite where sampling starts: {', '.join(map(repr, bad))}.",
            fix="give it a finite value at model.initial_point(), or express the same by a prior"
            if own
            else "look at the outcome and the priors of these variables",
        )


def _nutpie(model: pm.Model, settings: Settings) -> xr.DataTree:
    """Sample with nutpie, which compiles the density alone: variables are derived afterwards.

    The start is checked when all is compiled: checking needs the kernels, compiling does not.
    """
    from glimmer.sampling.nutpie_compile import compile_for_nutpie

    compiled = compile_for_nutpie(model, var_names=[])
    check_start(model)
    return run_nutpie(model, compiled, settings)


def run_nutpie(model: pm.Model, compiled: Any, settings: Settings) -> xr.DataTree:
    """Draw from a model that is compiled with no other variables than its coordinates."""
    import nutpie
    import xarray as xr

    from glimmer.kernels import one_blas_thread
    from glimmer.sampling.deferred_imports import import_meanwhile
    from glimmer.sampling.nutpie_draws import read_draws

    import_meanwhile("arviz_stats")
    with one_blas_thread(), _own_arguments(settings):
        trace = nutpie.sample(
            compiled,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            seed=settings.random_seed,
            target_accept=settings.target_accept,
            progress_bar=settings.progressbar,
            save_warmup=False,
            return_raw_trace=True,
            **settings.extra,
        )
    names = [str(v.name) for v in model.value_vars]
    values, stats = read_draws(trace, names, (*STATISTICS, *KEPT))
    sizes = dict(zip(("chain", "draw"), next(iter(values.values())).shape, strict=False))
    coords = {dim: np.arange(size) for dim, size in sizes.items()}
    groups = {
        "posterior": _dataset(values, coords),
        "sample_stats": _dataset(stats, coords),
    }
    groups["posterior"] = free_variables(model, groups["posterior"])
    return xr.DataTree.from_dict(groups)


@contextmanager
def _own_arguments(settings: Settings) -> Iterator[None]:
    """Raise `SamplingError` that names the argument unknown to nutpie."""
    try:
        yield
    except (AttributeError, TypeError) as error:
        for name in settings.extra:
            if name in str(error):
                raise SamplingError(f"The sampler has no argument {name!r}.") from error
        raise


def _dataset(arrays: dict[str, np.ndarray], coords: dict[str, np.ndarray]) -> xr.Dataset:
    import xarray as xr

    def dims(name: str, array: np.ndarray) -> tuple[str, ...]:
        return ("chain", "draw", *(f"{name}_dim_{i}" for i in range(array.ndim - 2)))

    return xr.Dataset({n: (dims(n, v), v) for n, v in arrays.items()}, coords=coords)


def free_variables(model: pm.Model, values: xr.Dataset) -> xr.Dataset:
    """Draws of a model's free variables, from those of its value variables."""
    from glimmer.interpreter.replay import replay

    outputs = model.replace_rvs_by_values(model.free_RVs)
    given = {str(v.name): v for v in model.value_vars}
    arrays = replay(model, outputs, values, given=given)
    coords = {str(dim): values.coords[dim].values for dim in ("chain", "draw")}
    names = [rv.name for rv in model.free_RVs]
    return _dataset(dict(zip(names, arrays, strict=True)), coords)


def _pymc(model: pm.Model, settings: Settings, names: list[str]) -> xr.DataTree:
    import pymc as pm

    check_start(model)
    try:
        return pm.sample(
            model=model,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            random_seed=settings.random_seed,
            nuts_sampler=settings.sampler,
            target_accept=settings.target_accept,
            progressbar=settings.progressbar,
            var_names=names if settings.sampler == "pymc" else None,
            compute_convergence_checks=False,
            quiet=not settings.progressbar,
            **settings.extra,
        )
    except ImportError as error:
        raise SamplingError(
            f"The sampler {settings.sampler!r} is not installed.",
            fix='pip install "pymc-glimmer[jax]"',
        ) from error


def _variational(model: pm.Model, settings: Settings) -> xr.DataTree:
    import pymc as pm

    check_start(model)
    approximation = pm.fit(
        n=settings.extra.get("n", 30_000),
        method=ADVI[settings.algorithm],
        model=model,
        random_seed=settings.random_seed,
        progressbar=settings.progressbar,
    )
    return approximation.sample(
        draws=settings.draws * settings.chains, random_seed=settings.random_seed
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings of the libraries below about themselves."""
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", category=UserWarning, module="(numba|pytensor|nutpie)")
        yield
