"""The data sets that ship with ranef: what each is, where it comes from, and how it is read."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError, MissingExtraError, shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """What is known about a data set that ships with ranef.

    Parameters
    ----------
    name : str
        What `load` takes.
    summary : str
        What was measured.
    labels : tuple of str
        The columns that hold labels of a factor, read as strings; all others are numbers.
    source : str
        Where the data were published.
    """

    name: str
    summary: str
    labels: tuple[str, ...]
    source: str


_DAVIES = "O. L. Davies & P. L. Goldsmith (eds) (1972), Statistical Methods in Research and Production, 4th ed., "

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "cake",
            "breakage angle of chocolate cakes by recipe and baking temperature (a split-plot experiment)",
            ("replicate", "recipe", "temperature"),
            "F. E. Cook (1938), Chocolate cake, I. Optimum baking temperature, Iowa State College; printed in "
            "W. G. Cochran & G. M. Cox (1957), Experimental Designs, 2nd ed., Wiley, p. 300",
        ),
        Dataset(
            "cbpp",
            "new cases of contagious bovine pleuropneumonia in 15 herds over four periods",
            ("herd", "period"),
            "M. Lesnoff et al. (2004), Within-herd spread of contagious bovine pleuropneumonia in Ethiopian highlands, "
            "Preventive Veterinary Medicine 64, 27-40",
        ),
        Dataset(
            "dyestuff",
            "yield of dyestuff from five preparations of each of six batches of an intermediate product",
            ("Batch",),
            _DAVIES + "Oliver and Boyd, section 6.4",
        ),
        Dataset(
            "dyestuff2",
            "generated data of the structure of dyestuff, whose estimated variance between batches is zero",
            ("Batch",),
            "G. E. P. Box & G. C. Tiao (1973), Bayesian Inference in Statistical Analysis, Addison-Wesley, "
            "section 5.1.2",
        ),
        Dataset(
            "kidney",
            "days until infection (event 1), or until the catheter was removed for another reason (0), twice of "
            "each of 38 kidney patients with portable dialysis",
            ("patient", "sex", "disease"),
            "C. A. McGilchrist & C. W. Aisbett (1991), Regression with frailty in survival analysis, Biometrics 47, "
            "461-466, doi 10.2307/2532138, table 1",
        ),
        Dataset(
            "lambs",
            "weights of 210 lambs of three years with their sires and dams, simulated",
            ("animal", "sire", "dam", "sex", "year"),
            "simulated for ranef (2026): heritability 0.36, males 2.5 kg heavier (tests/datasets/make_simulated.py)",
        ),
        Dataset(
            "pastes",
            "strength of a chemical paste: two measurements of three casks from each of ten deliveries",
            ("batch", "cask", "sample"),
            _DAVIES + "Oliver and Boyd, section 6.5",
        ),
        Dataset(
            "penicillin",
            "diameter of the zone of growth inhibition of six penicillin samples on each of 24 plates",
            ("plate", "sample"),
            _DAVIES + "Oliver and Boyd, section 6.6",
        ),
        Dataset(
            "priming",
            "times (ms) of 24 subjects to decide whether 32 strings are words, after related and unrelated primes, "
            "simulated",
            ("subject", "item", "prime"),
            "simulated for ranef (2026): related primes take 6 % off (tests/datasets/make_simulated.py)",
        ),
        Dataset(
            "salamanders",
            "salamanders of seven species and stages, counted four times at each of 23 sites of streams, some of them "
            "mined",
            ("site", "mined", "species"),
            "S. J. Price, B. L. Muncy, S. J. Bonner, A. N. Drayer & C. D. Barton (2016), Effects of mountaintop "
            "removal mining and valley filling on the occupancy and abundance of stream salamanders, Journal of "
            "Applied Ecology 53, 459-468, doi 10.1111/1365-2664.12585",
        ),
        Dataset(
            "sleepstudy",
            "reaction time (ms) of 18 subjects on ten days, sleep restricted to three hours a night after day 2",
            ("Subject",),
            "G. Belenky et al. (2003), Patterns of performance degradation and restoration during sleep restriction "
            "and subsequent recovery: a sleep dose-response study, Journal of Sleep Research 12, 1-12, "
            "doi 10.1046/j.1365-2869.2003.00337.x",
        ),
        Dataset(
            "wine",
            "bitterness of white wine, rated 1 (least) to 5 by nine judges, by temperature and contact of juice and "
            "skins when the grapes were crushed; two bottles of each",
            ("temp", "contact", "bottle", "judge"),
            "J. H. Randall (1989), The analysis of sensory data by generalised linear model, Biometrical Journal 31, "
            "781-793, doi 10.1002/bimj.4710310703",
        ),
    )
}


def names() -> tuple[str, ...]:
    """Names of the data sets that `load` takes.

    Examples
    --------
    >>> from ranef import datasets
    >>> datasets.names()
    ('cake', 'cbpp', 'dyestuff', 'dyestuff2', 'kidney', 'lambs', 'pastes', 'penicillin', 'priming', 'salamanders',
     'sleepstudy', 'wine')
    """
    return tuple(DATASETS)


def describe(name: str) -> Dataset:
    """What the data set `name` is and where it was published.

    Raises
    ------
    InputError
        No data set has this name.

    Examples
    --------
    >>> from ranef import datasets
    >>> datasets.describe("cbpp").labels
    ('herd', 'period')
    """
    known: Any = name
    if not isinstance(known, str) or known not in DATASETS:
        raise InputError(f"datasets: there is no data set {shown(known)}; there are {', '.join(DATASETS)}")
    return DATASETS[known]


@overload
def load(name: str, *, as_frame: Literal[False] = False) -> dict[str, AnyArray]: ...
@overload
def load(name: str, *, as_frame: Literal[True]) -> pd.DataFrame: ...
def load(name: str, *, as_frame: bool = False) -> dict[str, AnyArray] | pd.DataFrame:
    """Read a data set that ships with ranef.

    Parameters
    ----------
    name : str
        One of `names()`.
    as_frame : bool, default False
        Give a pandas DataFrame instead of a dict of arrays.

    Returns
    -------
    dict of str to (n,) array, or pandas.DataFrame
        Columns by name: factors as arrays of str, all else as float.

    Raises
    ------
    InputError
        No data set has this name.
    MissingExtraError
        `as_frame=True` without pandas.

    Examples
    --------
    >>> from ranef import datasets
    >>> data = datasets.load("sleepstudy")
    >>> {column: values.shape for column, values in data.items()}
    {'Reaction': (180,), 'Days': (180,), 'Subject': (180,)}
    >>> str(data["Subject"][0]), float(data["Reaction"][0])
    ('308', 249.56)
    """
    labels = describe(name).labels
    with files(__package__).joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    columns = {
        column: np.array(values, dtype=str if column in labels else float)
        for column, values in zip(header, zip(*rows, strict=True), strict=True)
    }
    return _frame(columns) if as_frame else columns


def _frame(columns: dict[str, AnyArray]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError(
            'datasets: as_frame=True needs pandas: pip install "ranef[pandas]", or take the arrays with as_frame=False'
        ) from error
    return pd.DataFrame(columns)
