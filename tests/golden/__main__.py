"""Write the golden record, or compare the code with it: ``python -m tests.golden compare``."""

from __future__ import annotations

import sys
import warnings

from tests.golden.cases import CASES
from tests.golden.record import differences, read, record_of, write

TOLERANCE = 1e-12


def main(verb: str, *wanted: str) -> int:
    """Write or compare all cases, or those named."""
    warnings.simplefilter("ignore")
    count = 0
    for case in wanted or CASES:
        if verb == "write":
            write(case)
            continue
        for line in differences(read(case), record_of(case), lambda place: TOLERANCE):
            count += 1
            print(f"{case}{line}")
    print(f"{len(wanted or CASES)} cases, {count} differences" if verb == "compare" else "written")
    return min(count, 1)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("write", "compare"):
        sys.exit("usage: python -m tests.golden write|compare [case ...]")
    sys.exit(main(*sys.argv[1:]))
