"""PyTensor's own interpreter: expressions that are ready in milliseconds, with nothing compiled."""

from __future__ import annotations

from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

PLAIN = Mode(linker="py", optimizer=None)  # type: ignore[arg-type]
DENSITY = Mode(
    linker="py",
    optimizer=RewriteDatabaseQuery(
        include=["canonicalize", "stabilize", "local_check_parameter_to_ninf_switch"]
    ),
)
"""For log densities: as written they overflow in the tails (log(1 - sigmoid(40)))."""
