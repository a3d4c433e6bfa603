"""Threads of BLAS: one for small models, untouched for large ones, and lifted by the last one out."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import ranef
from ranef.contracts import Evaluated, Observer
from ranef.threads import few_threads


def threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


class Seen(Observer):
    """Numbers of threads during the evaluations of a fit."""

    def __init__(self):
        self.threads = []

    def notify(self, event):
        if isinstance(event, Evaluated):
            self.threads.append(threads())


@pytest.mark.parametrize("front", [ranef.lmm, ranef.glmm])
def test_a_small_fit_has_one(front):
    d, seen = ranef.datasets.load("penicillin"), Seen()
    options = {} if front is ranef.lmm else {"family": "gaussian"}
    fit = front(
        d["diameter"], np.ones((144, 1)), {"plate": d["plate"], "sample": d["sample"]}, callbacks=seen, **options
    )
    assert seen.threads
    assert all(n == {1} for n in seen.threads)
    assert threads() == {2}
    assert np.isfinite(fit.ranef_variances["plate"]).all()
    assert threads() == {2}


@pytest.mark.parametrize("sizes", [(1000, 3, 501), (10_000, 100, 0)])
def test_large_dense_blocks_keep_theirs(sizes):
    with few_threads(*sizes):
        assert threads() == {2}


@pytest.mark.parametrize("sizes", [(1000, 3, 500), (9_000, 100, 0), (10, 1, 0)])
def test_small_ones_do_not(sizes):
    with few_threads(*sizes):
        assert threads() == {1}
    assert threads() == {2}


def test_the_last_one_out_lifts_the_limit():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with few_threads(10, 1):
            inside.set()
            leave.wait(10)

    with few_threads(10, 1):
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(10)
        with few_threads(10, 1):
            pass
    assert threads() == {1}
    leave.set()
    thread.join()
    assert threads() == {2}


def test_an_error_lifts_it_too():
    with pytest.raises(ZeroDivisionError), few_threads(10, 1):
        1 / 0  # noqa: B018
    assert threads() == {2}
