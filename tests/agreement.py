"""When two posteriors agree (DESIGN section 6): means and sds, against Monte Carlo error."""

import numpy as np
from arviz_stats import ess


def disagreements(name, draws, mean, sd, n_eff):
    """What differs between our draws (chain, draw) and a reference's mean, sd and effective size.

    The means agree within 4 combined Monte Carlo errors or 5 % of the posterior sd; the sds within
    10 %.
    """
    ours = float(np.asarray(draws).mean()), float(np.asarray(draws).std(ddof=1))
    size = float(ess(np.asarray(draws), method="mean"))
    error = np.hypot(ours[1] / np.sqrt(size), sd / np.sqrt(n_eff))
    out = []
    if abs(ours[0] - mean) > max(4 * error, 0.05 * sd):
        out.append(f"{name}: mean {ours[0]:.4g}, reference {mean:.4g} (Monte Carlo {error:.2g})")
    if abs(ours[1] / sd - 1) > 0.10:
        out.append(f"{name}: sd {ours[1]:.4g}, reference {sd:.4g}")
    return out
