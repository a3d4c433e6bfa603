"""What is CHOLMOD's own: both interfaces of scikit-sparse, the choice of ordering, the predicted cost."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_array

from ranef.backends.linalg import cholmod as backend
from ranef.backends.linalg.cholmod import Cholmod
from ranef.contracts.arrays import IntArray
from ranef.contracts.errors import MissingExtraError, NotPositiveDefiniteError
from ranef.contracts.linalg import Grouping, Pattern
from ranef.testkit.roots import inner_roots, times
from ranef.testkit.structures import CASES, Case, make_case

from .cases import assert_blocks_equal
from .test_selected_inversion import filled

needs_sksparse = pytest.mark.skipif(find_spec("sksparse") is None, reason="scikit-sparse is not installed")


class FakeCholmod05(ModuleType):
    """`sksparse.cholmod` as version 0.5 documents it, by dense algebra; orders backwards, refactorizes in place."""

    class CholmodNotPositiveDefiniteError(Exception):
        pass

    class CholeskyFactor:
        def __init__(self, A: Any, *, lower: bool, order: str) -> None:
            assert isinstance(A, csc_array)
            assert lower
            assert order in {"amd", "metis"}
            n = A.shape[0]
            self.perm: IntArray = np.arange(n)[::-1]
            pattern = np.zeros((n, n), dtype=bool)
            pattern[A.indices, np.repeat(np.arange(n), np.diff(A.indptr))] = True
            self._pattern = filled((pattern | pattern.T)[np.ix_(self.perm, self.perm)])
            # CHOLMOD's integers are those of A; SciPy before 1.15 solves with 32 bits only
            indptr = np.concatenate([[0], np.cumsum(self._pattern.sum(axis=0))]).astype(A.indptr.dtype)
            indices = np.nonzero(self._pattern.T)[1].astype(A.indices.dtype)
            self.factor = csc_array((np.zeros(len(indices)), indices, indptr), shape=(n, n))

        def factorize(self, A: Any, *, ldl: bool, beta: float, lower: bool) -> FakeCholmod05.CholeskyFactor:
            assert isinstance(A, csc_array)
            assert lower
            assert not ldl
            triangle = A.toarray()
            M = triangle + np.tril(triangle, -1).T + beta * np.eye(len(triangle))
            try:
                L = np.linalg.cholesky(M[np.ix_(self.perm, self.perm)])
            except np.linalg.LinAlgError as error:
                raise FakeCholmod05.CholmodNotPositiveDefiniteError from error
            self.factor.data[:] = L.T[self._pattern.T]
            return self


@pytest.fixture
def scikit_sparse_05(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = ModuleType("sksparse"), FakeCholmod05("sksparse.cholmod")
    package.__spec__ = ModuleSpec("sksparse", None)
    package.cholmod = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sksparse", package)
    monkeypatch.setitem(sys.modules, "sksparse.cholmod", module)


@pytest.mark.usefixtures("scikit_sparse_05")
@pytest.mark.parametrize("name", CASES)
def test_works_with_the_interface_of_scikit_sparse_05(name: str) -> None:
    """As far as a stand-in can tell: earlier factors survive, zeros stay in the pattern, breakdown is named."""
    case = CASES[name](np.random.default_rng(1))
    B = np.random.default_rng(2).normal(size=(case.pattern.q, 3))
    symbolic = Cholmod().analyze(case.pattern)
    roots = [times(0.0, inner_roots(case)), inner_roots(case)]
    factors = [symbolic.factorize(case.ZtWZ, T) for T in roots]
    with pytest.raises(NotPositiveDefiniteError, match="not positive definite"):
        symbolic.factorize(case.blocks_of(-case.Z.T @ case.Z), times(10.0, roots[1]))
    for factor, T in zip(factors, roots, strict=True):
        M = case.M(T)
        np.testing.assert_allclose(factor.logdet, np.linalg.slogdet(M)[1], rtol=1e-10, atol=1e-10)
        half = factor.half_solve(B)
        np.testing.assert_allclose(half.T @ half, B.T @ np.linalg.solve(M, B), rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(factor.back_solve(half), np.linalg.solve(M, B), rtol=1e-9, atol=1e-10)
        assert_blocks_equal(factor.selected_inverse(), case.blocks_of(np.linalg.inv(M)), 1e-9)


def large_crossed() -> Case:
    """Two crossed factors with a dense trailing block wide enough for LAPACK and supernodes."""
    rng = np.random.default_rng(3)
    n = 3000
    return make_case([rng.integers(0, 150, n), rng.integers(0, 90, n)], [np.ones((n, 1)), rng.normal(size=(n, 2))])


@needs_sksparse
@pytest.mark.parametrize("small_q", [1_500, 0])
def test_agrees_with_dense_algebra_when_supernodal(small_q: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where METIS's ordering competes with AMD's."""
    monkeypatch.setattr(backend, "SMALL_Q", small_q)
    case = large_crossed()
    T = inner_roots(case)
    M = case.M(T)
    factor = Cholmod().analyze(case.pattern).factorize(case.ZtWZ, T)
    np.testing.assert_allclose(factor.logdet, np.linalg.slogdet(M)[1], rtol=1e-12)
    assert_blocks_equal(factor.selected_inverse(), case.blocks_of(np.linalg.inv(M)), 1e-9)
    B = np.random.default_rng(2).normal(size=(case.pattern.q, 3))
    half = factor.half_solve(B)  # after the selected inverse, which must not change the factor
    np.testing.assert_allclose(factor.back_solve(half), np.linalg.solve(M, B), rtol=1e-9, atol=1e-12)


def chain(n_levels: int) -> Pattern:
    """Two factors, each level of the one meeting two neighbours of the other: L has next to no fill."""
    f = np.repeat(np.arange(n_levels), 2)
    g = f + np.tile([0, 1], n_levels)
    return Pattern((Grouping("f", n_levels, 1), Grouping("g", n_levels + 1, 1)), {(0, 1): (f, g)})


@needs_sksparse
def test_cost_follows_the_fill_not_the_number_of_random_effects() -> None:
    """A chain costs in proportion to its length; eliminating one factor whole would leave a matrix of half the size."""
    short, long = Cholmod().cost(chain(4_000)), Cholmod().cost(chain(16_000))
    assert short < long < 8.0 * short
    assert long < 8_000.0**3


@needs_sksparse
def test_cost_and_analysis_share_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = chain(4_000)
    monkeypatch.setattr("ranef.backends.linalg.cholmod.OVERHEAD", 0.0)  # an envelope so small needs no analysis else
    one = Cholmod()
    one.cost(pattern)
    predicted = one._latest
    assert one.analyze(pattern) is predicted
    assert one.analyze(pattern) is not predicted  # two fits do not share what a factorization changes


def test_names_the_extra_when_scikit_sparse_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ranef\[cholmod\]"):
        Cholmod()
