"""The shipped data sets are those that the reference fits were made from (lme4's)."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import ranef
from ranef import datasets
from ranef.contracts.errors import InputError, MissingExtraError

from ..reference.load import read_csv

ROWS = {"cake": 270, "cbpp": 56, "dyestuff": 30, "dyestuff2": 30, "pastes": 60, "penicillin": 144, "sleepstudy": 180}

#: Of glmmTMB's Salamanders: rows, and the sums that the test names.
NUMBERS = (644, 852, 387, 615.999999941646, 91.96874744)

#: Of the kidney data: rows, and the sums that the test names.
KIDNEY = [76, 7724, 58, 68102, 20]

#: Sum of the wine data's response times judge.
WINE = 15924.0


def test_names() -> None:
    assert set(datasets.names()) == {*ROWS, "kidney", "lambs", "priming", "salamanders", "wine"}


def test_kidney_is_that_of_survival() -> None:
    # survival 3.5-3: with(kidney, c(nrow(kidney), sum(time), sum(status), sum(age * id), sum(sex == 1)))
    d = datasets.load("kidney")
    sums = [len(d["time"]), d["time"].sum(), d["event"].sum(), (d["age"] * d["patient"].astype(float)).sum()]
    assert [*sums, (d["sex"] == "male").sum()] == KIDNEY
    assert set(d["disease"]) == {"AN", "GN", "PKD", "Other"}


def test_salamanders_are_those_of_glmmtmb() -> None:
    # summaries of glmmTMB 1.1.5: with(Salamanders, c(sum(count), sum(count == 0), sum(cover^2), sum(DOP * count)))
    d = datasets.load("salamanders")
    assert {name: values.dtype.kind for name, values in d.items()} == {
        "site": "U", "mined": "U", "cover": "f", "DOP": "f", "Wtemp": "f", "species": "U", "count": "f"
    }  # fmt: skip
    assert (len(d["count"]), d["count"].sum(), (d["count"] == 0).sum()) == NUMBERS[:3]
    np.testing.assert_allclose([(d["cover"] ** 2).sum(), (d["DOP"] * d["count"]).sum()], NUMBERS[3:], rtol=1e-12)
    assert (len(set(d["site"])), len(set(d["species"])), set(d["mined"])) == (23, 7, {"yes", "no"})


def test_simulated_data_have_the_effects_that_they_were_made_with() -> None:
    """make_simulated.py: 6 % less time after related primes; males 2.5 kg heavier; within three standard errors."""
    times = ranef.lmm("log(rt) ~ prime + (1 | subject) + (1 | item)", datasets.load("priming"))
    weights = ranef.lmm("weight ~ sex + year + (1 | dam)", datasets.load("lambs"))
    assert abs(times.coefficients[1] - 0.06) < 3 * times.se[1]
    assert abs(weights.coefficients[1] - 2.5) < 3 * weights.se[1]
    assert (times.n_obs, times.n_groups, weights.n_obs) == (743, {"subject": 24, "item": 32}, 210)


def test_wine_is_that_of_ordinal() -> None:
    # ordinal 2022.11.16: with(wine, c(nrow(wine), sum(response * as.integer(judge)))); table(wine$rating)
    d = datasets.load("wine")
    assert (len(d["rating"]), (d["response"] * d["judge"].astype(float)).sum()) == (72, WINE)
    assert [(d["rating"] == k).sum() for k in range(1, 6)] == [5, 22, 26, 12, 7]
    assert all(d["temp"][d["bottle"] == b].tolist() == [t] * 9 for b, t in (("1", "cold"), ("8", "warm")))


@pytest.mark.parametrize("name", ROWS)
def test_data_equal_the_reference(name: str) -> None:
    labels = datasets.describe(name).labels
    data = datasets.load(name)
    reference = read_csv(f"data/{name}.csv", labels)
    assert set(labels) < set(data)
    for column, values in data.items():
        assert values.dtype.kind == ("U" if column in labels else "f")
        assert values.shape == (ROWS[name],)
        np.testing.assert_array_equal(values, reference[column])


def test_every_data_set_says_where_it_comes_from() -> None:
    for name in datasets.names():
        known = datasets.describe(name)
        assert any(
            year in known.source for year in ("1938", "1972", "1973", "1989", "1991", "2003", "2004", "2016", "2026")
        )
        assert known.summary


def test_frame_has_the_same_columns() -> None:
    pytest.importorskip("pandas")
    frame = datasets.load("cbpp", as_frame=True)
    assert list(frame) == list(datasets.load("cbpp"))
    assert frame["incidence"].sum() == datasets.load("cbpp")["incidence"].sum()


def test_frame_without_pandas_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"ranef\[pandas\]"):
        datasets.load("cbpp", as_frame=True)


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(InputError, match=r"no data set 'iris'.*sleepstudy"):
        datasets.load("iris")
