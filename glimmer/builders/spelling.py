"""Checks the names of arguments, and suggests ours for misspelt ones and other packages' names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from inspect import signature

from glimmer.errors import ArgumentError

ELSEWHERE = {
    "n_chains": "chains=",
    "num_chains": "chains=",
    "n_cores": "cores=",
    "iter": "draws= and tune=",
    "samples": "draws=",
    "num_samples": "draws=",
    "n_samples": "draws=",
    "warmup": "tune=",
    "num_warmup": "tune=",
    "seed": "random_seed=",
    "progress_bar": "progressbar=",
    "adapt_delta": "target_accept=",
    "nuts_sampler": "sampler=",
    "inference_method": "sampler=",
    "idata_kwargs": "compute_log_likelihood() after the fit",
    "priors": "prior=, prior_intercept=, prior_aux= and prior_covariance=",
    "QR": "it when the model is built",
}
"""What to use in place of arguments that other packages have."""
SIMILAR = 0.8


def arguments_of(builder: type) -> set[str]:
    """Names of a builder's arguments, those that it hands on to its parent among them."""
    kinds = [kind for kind in builder.__mro__ if "__init__" in vars(kind)]
    return {n for kind in kinds for n in signature(vars(kind)["__init__"]).parameters} - {"self"}


def check_spelling(extra: Iterable[str], known: Iterable[str]) -> None:
    """Raise `ArgumentError` for arguments that are probably not the sampler's own."""
    known = sorted(known)
    for name in sorted(extra):
        close = get_close_matches(name, known, n=1, cutoff=SIMILAR)
        use = ELSEWHERE.get(name) or next((f"{other}=" for other in close), None)
        if use is not None:
            raise ArgumentError(f"Unknown argument {name!r}.", fix=f"use {use}")
