"""Partitions by Dask's own schedulers and by processes: the sums of all rows, whatever the partitions."""

import dask
import numpy as np
import pandas as pd
import pytest

import ranef

from .make import frame

DATA = frame(1500)
FORMULA = "y ~ x + f + (1 + x | g) + (1 | h)"
LEVELS = {"f": ["low", "mid", "top"]}
EXPECTED = ranef.lmm(FORMULA, DATA)


def load(start, stop):
    return DATA.iloc[start:stop]


def partitions(*at):
    return [dask.delayed(load)(a, b) for a, b in zip([0, *at], [*at, len(DATA)], strict=True)]


@pytest.mark.parametrize("at", [(), (700,), (3, 3, 400), tuple(range(100, 1500, 100))])
def test_delayed_frames(at):
    """One empty partition among them; more than are added at once."""
    with dask.config.set(scheduler="threads"):
        fit = ranef.lmm(FORMULA, partitions(*at), levels=LEVELS)
    assert np.abs(fit.theta - EXPECTED.theta).max() < 1e-9
    assert np.allclose(fit.coefficients, EXPECTED.coefficients, rtol=1e-9)


def test_data_frames_of_dask_without_a_client():
    dd = pytest.importorskip("dask.dataframe")
    frame_ = dd.from_pandas(DATA, npartitions=5)
    with dask.config.set(scheduler="synchronous"):
        fit = ranef.lmm(FORMULA, frame_, levels=LEVELS)
    assert np.abs(fit.theta - EXPECTED.theta).max() < 1e-9


def test_what_is_wrong_is_named_with_its_partition():
    with dask.config.set(scheduler="synchronous"):
        with pytest.raises(ranef.InputError, match="f is a factor in X, whose levels must be known"):
            ranef.lmm(FORMULA, partitions(500))
        with pytest.raises(ranef.InputError, match="partition 1: there is no column 'x'"):
            ranef.lmm(FORMULA, [*partitions()[:1], dask.delayed(DATA.drop(columns="x"))], levels=LEVELS)
        with pytest.raises(ranef.InputError, match="no rows"):
            ranef.lmm(FORMULA, [dask.delayed(DATA.iloc[:0])], levels=LEVELS)


def test_grams_as_bytes_in_a_frame():
    """The recipe of docs/large-data.md for Spark, with an iterator in the place of `mapInPandas`."""
    import pickle

    def part(frames):
        for one in frames:
            yield pd.DataFrame({"gram": [pickle.dumps(ranef.Gram.of(one, "y ~ x + (1 | g)"))]})

    rows = pd.concat(part(iter([DATA.iloc[:500], DATA.iloc[500:600], DATA.iloc[600:]])))
    fit = ranef.lmm(sum(pickle.loads(gram) for gram in rows["gram"]))
    assert np.abs(fit.theta - ranef.lmm("y ~ x + (1 | g)", DATA).theta).max() < 1e-9


def test_any_executor_by_the_sum_alone():
    """The recipe of docs/large-data.md for Ray, with processes of Python."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        grams = pool.map(ranef.Gram.of, [DATA.iloc[:800], DATA.iloc[800:]], ["y ~ x + (1 | g)"] * 2)
        fit = ranef.lmm(sum(grams))
    assert np.abs(fit.theta - ranef.lmm("y ~ x + (1 | g)", DATA).theta).max() < 1e-9
