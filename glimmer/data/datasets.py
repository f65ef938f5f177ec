"""Loads the data sets that ship with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from glimmer.errors import DataError, suggestion

if TYPE_CHECKING:
    import pandas as pd

_LABELS: dict[str, tuple[str, ...]] = {
    "sleepstudy": ("Subject",),
    "cbpp": ("herd", "period"),
    "Penicillin": ("plate", "sample"),
    "roaches": (),
    "Orange": ("Tree",),
    "Theoph": ("Subject",),
    "mcycle": (),
    "CO2": ("Plant", "Type", "Treatment"),
}


def load_data(name: str) -> pd.DataFrame:
    """Load a data set that ships with the package.

    Parameters
    ----------
    name : {"sleepstudy", "cbpp", "Penicillin", "roaches", "Orange", "Theoph", "mcycle", "CO2"}
        ``sleepstudy``: reaction time (ms) of 18 subjects over 10 days of little sleep (Belenky et
        al. 2003). ``cbpp``: new cases of bovine pleuropneumonia in 15 herds over four periods
        (Lesnoff et al. 2004). ``Penicillin``: diameter (mm) of growth inhibition on 24 plates by 6
        samples (Davies & Goldsmith 1972). ``roaches``: roaches caught in 262 apartments before and
        after pest control (Gelman & Hill 2007). ``Orange``: trunk circumference (mm) of 5 orange
        trees by age in days (Draper & Smith 1998). ``Theoph``: concentration (mg/L) of theophylline
        in 12 subjects by hours after an oral dose in mg/kg (Boeckmann, Sheiner & Beal 1994).
        ``mcycle``: acceleration (g) of the head by milliseconds after a simulated motorcycle impact
        (Silverman 1985). ``CO2``: uptake of carbon dioxide (umol/m^2 s) by 12 plants at seven
        concentrations (mL/L), from two origins, chilled or not (Potvin, Lechowicz & Tardif 1990).

    Returns
    -------
    pandas.DataFrame
        Labels are categories.

    Raises
    ------
    DataError
        There is no data set of that name.

    Examples
    --------
    >>> load_data("sleepstudy").shape
    (180, 3)
    """
    import pandas as pd

    if name not in _LABELS:
        raise DataError(f"Unknown data set {name!r}.", fix=suggestion(name, _LABELS))
    with (files("glimmer.data") / "sets" / f"{name}.csv").open() as file:
        table = pd.read_csv(file, dtype=dict.fromkeys(_LABELS[name], "str"))
    return table.astype(dict.fromkeys(_LABELS[name], "category"))
