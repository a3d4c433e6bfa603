"""Every linear-algebra backend against explicit dense linear algebra, on a battery of structures."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from ranef.backends.linalg.blocked import Blocked
from ranef.backends.linalg.cholmod import Cholmod
from ranef.backends.linalg.dense import Dense
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.errors import NotPositiveDefiniteError
from ranef.contracts.linalg import GroupingFactor, LinalgBackend, PatternBlocks, Structure
from ranef.testkit.structures import Case

from .cases import CASES

needs_sksparse = pytest.mark.skipif(find_spec("sksparse") is None, reason="scikit-sparse is not installed")
BACKENDS = [
    Dense,
    Blocked,
    pytest.param(Cholmod, marks=needs_sksparse),
]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> LinalgBackend:
    made: LinalgBackend = request.param()
    return made


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param](np.random.default_rng(20150107))


def inner_theta(structure: Structure) -> FloatArray:
    """A theta inside the bounds: off-diagonals of either sign, diagonals positive."""
    rng = np.random.default_rng(7)
    theta = rng.normal(scale=0.7, size=structure.n_theta)
    return np.where(on_diagonal(structure), np.abs(theta) + 0.1, theta)


def on_diagonal(structure: Structure) -> BoolArray:
    return np.concatenate([f.theta_rows == f.theta_columns for f in structure.factors])


def boundary_theta(structure: Structure) -> FloatArray:
    """The last column of every T is zero."""
    last = np.concatenate([f.theta_columns == f.n_columns - 1 for f in structure.factors])
    return np.where(last, 0.0, inner_theta(structure))


THETAS = {
    "inner": inner_theta,
    "boundary": boundary_theta,
    "zero": lambda s: np.zeros(s.n_theta),
    "huge": lambda s: 1e3 * inner_theta(s),
    "tiny": lambda s: 1e-7 * inner_theta(s),
    "unbalanced": lambda s: inner_theta(s) * np.geomspace(1e-3, 1e2, s.n_theta),
}


def assert_blocks_equal(blocks: PatternBlocks, expected: PatternBlocks, rtol: float, scale: float) -> None:
    assert len(blocks.diagonal) == len(expected.diagonal)
    assert set(blocks.cross) == set(expected.cross)
    for block, wanted in zip(blocks.diagonal, expected.diagonal, strict=True):
        assert block.shape == wanted.shape
        np.testing.assert_allclose(block, wanted, rtol=rtol, atol=rtol * scale)
    for pair, wanted in expected.cross.items():
        assert blocks.cross[pair].shape == wanted.shape
        np.testing.assert_allclose(blocks.cross[pair], wanted, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("where", THETAS)
def test_agrees_with_explicit_dense_algebra(backend: LinalgBackend, case: Case, where: str) -> None:
    """log|M|, B' M^-1 B, M^-1 B and M^-1 on the pattern, from M = Lambda' Z'WZ Lambda + I by numpy.linalg."""
    theta = THETAS[where](case.structure)
    M = case.M(theta)
    # M has no eigenvalue below 1, so rounding in the reference grows with the largest only
    rtol = 1e-10 + 1e-15 * float(np.linalg.norm(M, 2))
    B = np.random.default_rng(3).normal(size=(case.structure.q, 4))
    factor = backend.analyze(case.structure).factorize(case.ZtWZ, theta)

    np.testing.assert_allclose(factor.logdet, np.linalg.slogdet(M)[1], rtol=rtol, atol=rtol)
    half = factor.half_solve(B)
    np.testing.assert_allclose(half.T @ half, B.T @ np.linalg.solve(M, B), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(factor.back_solve(half), np.linalg.solve(M, B), rtol=rtol, atol=rtol)
    if backend.has_selected_inverse:
        assert_blocks_equal(factor.selected_inverse(), case.blocks_of(np.linalg.inv(M)), rtol, 1.0)


def test_back_solve_is_the_transpose_of_half_solve(backend: LinalgBackend, case: Case) -> None:
    """C' (L^-1 P B) = (P' L^-T C)' B, also for one column and for more columns than random effects."""
    factor = backend.analyze(case.structure).factorize(case.ZtWZ, inner_theta(case.structure))
    rng = np.random.default_rng(5)
    for n_columns in (1, case.structure.q + 2):
        B, C = rng.normal(size=(2, case.structure.q, n_columns))
        np.testing.assert_allclose(C.T @ factor.half_solve(B), factor.back_solve(C).T @ B, rtol=1e-9, atol=1e-9)


def test_no_columns(backend: LinalgBackend, case: Case) -> None:
    """A model without fixed effects asks for nothing."""
    factor = backend.analyze(case.structure).factorize(case.ZtWZ, inner_theta(case.structure))
    nothing = np.empty((case.structure.q, 0))
    assert factor.half_solve(nothing).shape == nothing.shape
    assert factor.back_solve(nothing).shape == nothing.shape


def test_array_order_does_not_matter(backend: LinalgBackend, case: Case) -> None:
    factor = backend.analyze(case.structure).factorize(case.ZtWZ, inner_theta(case.structure))
    B = np.random.default_rng(2).normal(size=(case.structure.q, 3))
    np.testing.assert_allclose(factor.half_solve(np.asfortranarray(B)), factor.half_solve(B), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(factor.back_solve(np.asfortranarray(B)), factor.back_solve(B), rtol=1e-13, atol=1e-13)


def test_earlier_factors_stay_valid(backend: LinalgBackend, case: Case) -> None:
    """A factor answers the same before and after other factorizations by the same analysis."""
    symbolic = backend.analyze(case.structure)
    theta = inner_theta(case.structure)
    B = np.random.default_rng(4).normal(size=(case.structure.q, 2))
    early, untouched = symbolic.factorize(case.ZtWZ, theta), symbolic.factorize(case.ZtWZ, theta)
    logdet, half = early.logdet, early.half_solve(B)
    heavier = PatternBlocks(
        tuple(4.0 * block for block in case.ZtWZ.diagonal),
        {pair: 4.0 * block for pair, block in case.ZtWZ.cross.items()},
    )
    other = symbolic.factorize(heavier, theta)
    # 4 Z'WZ at theta is Z'WZ at 2 theta
    np.testing.assert_allclose(other.logdet, np.linalg.slogdet(case.M(2.0 * theta))[1], rtol=1e-10)

    for factor in (early, untouched):
        assert factor.logdet == logdet
        np.testing.assert_array_equal(factor.half_solve(B), half)
        if backend.has_selected_inverse:
            assert_blocks_equal(factor.selected_inverse(), case.blocks_of(np.linalg.inv(case.M(theta))), 1e-9, 1.0)


def test_refactorizing_at_an_earlier_theta_gives_the_earlier_answer(backend: LinalgBackend, case: Case) -> None:
    symbolic = backend.analyze(case.structure)
    first, second = inner_theta(case.structure), boundary_theta(case.structure)
    B = np.random.default_rng(6).normal(size=(case.structure.q, 2))
    before = symbolic.factorize(case.ZtWZ, first)
    symbolic.factorize(case.ZtWZ, second).half_solve(B)
    after = symbolic.factorize(case.ZtWZ, first)
    assert after.logdet == before.logdet
    np.testing.assert_array_equal(after.half_solve(B), before.half_solve(B))


def test_inputs_are_not_changed(backend: LinalgBackend, case: Case) -> None:
    """Everything handed in is read-only."""
    theta = inner_theta(case.structure)
    B = np.random.default_rng(8).normal(size=(case.structure.q, 2))
    handed_in = [theta, B, *case.ZtWZ.diagonal, *case.ZtWZ.cross.values()]
    handed_in += [array for pair in case.structure.pairs.values() for array in pair]
    for array in handed_in:
        array.flags.writeable = False
    copies = [array.copy() for array in handed_in]
    factor = backend.analyze(case.structure).factorize(case.ZtWZ, theta)
    factor.back_solve(factor.half_solve(B))
    if backend.has_selected_inverse:
        factor.selected_inverse()
    for array, copy in zip(handed_in, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_breakdown_is_named(backend: LinalgBackend) -> None:
    """Negative weights can make M indefinite: here one level has 1 - 9 < 0 on the diagonal."""
    case = CASES["one_scalar"](np.random.default_rng(1))
    indefinite = PatternBlocks(tuple(np.full_like(block, -9.0) for block in case.ZtWZ.diagonal), {})
    with pytest.raises(NotPositiveDefiniteError, match="theta"):
        backend.analyze(case.structure).factorize(indefinite, np.array([1.0]))


def test_works_after_a_breakdown(backend: LinalgBackend, case: Case) -> None:
    symbolic = backend.analyze(case.structure)
    theta = inner_theta(case.structure)
    indefinite = PatternBlocks(
        tuple(-1e3 * block for block in case.ZtWZ.diagonal),
        {pair: -1e3 * block for pair, block in case.ZtWZ.cross.items()},
    )
    with pytest.raises(NotPositiveDefiniteError):
        symbolic.factorize(indefinite, theta)
    np.testing.assert_allclose(
        symbolic.factorize(case.ZtWZ, theta).logdet, np.linalg.slogdet(case.M(theta))[1], rtol=1e-10
    )


def test_cost_grows_with_the_number_of_levels(backend: LinalgBackend) -> None:
    """A positive number of operations, larger for twice the levels."""

    def crossed(n_levels: int) -> Structure:
        f, g = np.divmod(np.arange(n_levels * 5), 5)
        one = np.array([0])
        factors = (GroupingFactor("f", n_levels, 1, one, one), GroupingFactor("g", 5, 1, one, one))
        return Structure(factors, {(0, 1): (f, g)})

    small, large = backend.cost(crossed(20)), backend.cost(crossed(40))
    assert 0 < small < large < np.inf


def test_dense_refuses_what_does_not_fit_in_memory() -> None:
    one = np.array([0])
    assert Dense().cost(Structure((GroupingFactor("f", 30_000, 1, one, one),), {})) == np.inf
