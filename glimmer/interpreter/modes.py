"""Makes functions of PyTensor expressions in milliseconds, by its own interpreter."""

from __future__ import annotations

from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery


def _interpreted(*rewrites: str) -> Mode:
    return Mode(linker="py", optimizer=RewriteDatabaseQuery(include=list(rewrites)))


PLAIN = Mode(linker="py", optimizer=None)  # type: ignore[arg-type]
DENSITY = _interpreted("canonicalize", "stabilize", "local_check_parameter_to_ninf_switch")
"""For log densities: as written they overflow in the tails (log(1 - sigmoid(40)))."""
RANDOM = _interpreted("inline_ofg_expansion")
"""For random variables: those made of others (mixtures, censored ones) are drawn part by part."""
REJECTING = _interpreted("inline_ofg_expansion", "canonicalize", "scan_save_mem")
"""For truncated random variables that are drawn by rejection: without the draws rejected."""
