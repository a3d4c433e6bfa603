"""The reference models from their formulas, on every kind of data frame: the array fits' numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ranef

from ..reference.load import expected, load, names, read_csv

FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": lambda columns: pa.table({name: pa.array(values) for name, values in columns.items()}),
}
#: R's names of families.
FAMILIES = {"Gamma": "gamma", "inverse.gaussian": "inverse_gaussian", "negative.binomial": "negative_binomial"}


def frame_of(name, kind):
    record = expected(name)
    columns = read_csv(record["data_file"], record["spec"]["factor_columns"])
    return FRAMES[kind]({c: v.astype(object) if v.dtype.kind == "U" else v for c, v in columns.items()})


def fit(case, *arguments, **others):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if case.kind == "glmm":
            others |= {"family": f"{FAMILIES.get(case.family, case.family)}({case.link})", "nagq": case.nagq}
            return ranef.glmm(*arguments, **others)
        return ranef.lmm(*arguments, reml=case.reml, **others)


def codes(labels):
    return np.unique(np.asarray(labels).astype(str), return_inverse=True)[1]


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", names())
def test_arguments(name, kind):
    case = load(name)
    frame = ranef.model_frame(case.expected["formula"], frame_of(name, kind), weights=case.expected["weights"])
    np.testing.assert_array_equal(frame.y, case.y)
    assert [frame.terms.r_names[c] for c in frame.x_names] == list(case.x_names)
    np.testing.assert_allclose(frame.X, case.X, rtol=1e-13, atol=1e-13)
    assert {frozenset(name.split(":")) for name in frame.groups} == {frozenset(name.split(":")) for name in case.groups}
    for group, labels in frame.groups.items():
        same = next(g for g in case.groups if set(g.split(":")) == set(group.split(":")))
        ours, theirs = codes(labels), codes(case.groups[same])
        assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == ours.max() + 1 == theirs.max() + 1


@pytest.mark.parametrize("name", names())
def test_arguments_have_the_same_bits_on_every_kind_of_frame(name):
    """So that the fits of `test_fits`, one kind for each model, are those of all kinds."""
    record = expected(name)
    first, *others = (
        ranef.model_frame(record["formula"], frame_of(name, kind), weights=record["weights"]).arguments()
        for kind in FRAMES
    )
    for other in others:
        assert first.keys() == other.keys()
        for argument in ("y", "X", "weights", "offset"):
            if first[argument] is None:
                assert other[argument] is None
            else:
                np.testing.assert_array_equal(other[argument], first[argument], strict=True)
        for argument in ("groups", "random_data"):
            assert first[argument].keys() == other[argument].keys()
            for key, values in first[argument].items():
                assert np.asarray(other[argument][key]).tolist() == np.asarray(values).tolist()
        for argument in ("random_effects", "covariance", "x_names", "y_name"):
            assert other[argument] == first[argument]


@pytest.mark.parametrize(("name", "kind"), [(n, [*FRAMES][i % 3]) for i, n in enumerate(names())])
def test_fits(name, kind):
    case = load(name)
    ours = fit(case, case.expected["formula"], frame_of(name, kind), weights=case.expected["weights"])
    arrays = {
        k: getattr(case, k) for k in ("random_effects", "random_data", "correlated", "weights", "offset", "x_names")
    }
    theirs = fit(case, case.y, case.X, case.groups, **arrays)
    np.testing.assert_allclose(ours.log_likelihood, theirs.log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ours.se, theirs.se, rtol=1e-10)
    components = [sorted((v.name, v.variance) for v in f.var_components) for f in (ours, theirs)]
    for (name, mine), (same, other) in zip(*components, strict=True):
        assert ours.terms.r_names.get(name, name) == same
        np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-10)
