"""Iterations, bounds of the fill, and the choice between them and exact backends.

That answers are right within their Monte Carlo error, with exact derivatives, is what the laws of the kit say.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from ranef import registry
from ranef.backends.linalg.fill import envelope_work
from ranef.backends.linalg.iterations import conjugate_gradients, lanczos
from ranef.backends.linalg.krylov import Krylov
from ranef.backends.linalg.sampling import signs
from ranef.contracts import Grouping, InputError, NotPositiveDefiniteError, Pattern, SampledError
from ranef.estimation.pipeline import assemble, choose_backend
from ranef.testkit.roots import inner_roots
from ranef.testkit.structures import CASES, make_case


def positive_definite(q: int, rng: np.random.Generator):
    V = np.linalg.qr(rng.normal(size=(q, q)))[0]
    return (V * np.geomspace(0.01, 2.0, q)) @ V.T


def test_conjugate_gradients_solve_every_column():
    rng = np.random.default_rng(1)
    K, B = positive_definite(40, rng), rng.normal(size=(40, 3))
    B[:, 1] = 0.0
    np.testing.assert_allclose(conjugate_gradients(lambda V: K @ V, B, 1e-12), np.linalg.solve(K, B), atol=1e-9)


def test_lanczos_gives_functions_of_the_matrix():
    # z'f(K)z from the eigenvectors of K; one column is an eigenvector, whose process ends at once
    rng = np.random.default_rng(2)
    K, Z = positive_definite(40, rng), rng.normal(size=(40, 3))
    eigenvalues, Q = np.linalg.eigh(K)
    Z[:, 1] = Q[:, 7]
    found = lanczos(lambda V: K @ V, Z, 1e-6)
    values, vectors = found.spectra()
    for f in (np.log, np.sqrt, np.reciprocal):
        by_quadrature = (Z**2).sum(axis=0) * (vectors[:, 0, :] ** 2 * f(values)).sum(axis=1)
        np.testing.assert_allclose(by_quadrature, ((Q.T @ Z) ** 2 * f(eigenvalues)[:, None]).sum(axis=0), rtol=1e-9)
    assert np.count_nonzero(found.V[:, :, 1].any(axis=1)) == 1


@pytest.mark.parametrize("iterate", [conjugate_gradients, lanczos])
def test_iterations_see_an_indefinite_matrix(iterate):
    K = np.diag([1.0, 2.0, -0.5])
    with pytest.raises(NotPositiveDefiniteError, match="no curvature"):
        iterate(lambda V: K @ V, np.ones((3, 2)), 1e-10)


def test_signs_are_signs_and_do_not_repeat():
    Z = signs(0, 40, 1000)
    assert set(np.unique(Z)) == {-1.0, 1.0}
    # products of different probes are sums of 1,000 signs: none of 780 is beyond five standard deviations of 32
    assert np.abs(Z.T @ Z - 1000.0 * np.eye(40)).max() < 160.0
    np.testing.assert_array_equal(signs(30, 40, 1000), Z[:, 30:])


def test_what_has_no_coupling_has_no_error():
    # one factor, and a second one of one level: K is a number, whose probes have z'f(K)z = f(K)
    one = CASES["one_correlated"](np.random.default_rng(3))
    for case in (one, make_case([np.arange(12) % 4, np.zeros(12, int)], [np.ones((12, 1))] * 2)):
        T = inner_roots(case)
        factor = Krylov(2).analyze(case.pattern).factorize(case.ZtWZ, T)
        assert factor.probe_logdets == pytest.approx(np.linalg.slogdet(case.M(T))[1], abs=1e-10)


def test_probes_are_at_least_two():
    with pytest.raises(InputError, match="at least 2"):
        Krylov(1)
    assert Krylov(2).analyze(Pattern((Grouping("f", 3, 1),), {})).n_probes == 2


def test_what_only_a_factorization_knows_is_refused_by_name():
    case = CASES["crossed_two"](np.random.default_rng(4))
    factor = Krylov().analyze(case.pattern).factorize(case.ZtWZ, inner_roots(case))
    B = np.ones((case.pattern.q, 1))
    for ask in (lambda: factor.half_solve(B), lambda: factor.back_solve(B), factor.selected_inverse):
        with pytest.raises(SampledError, match="a backend that samples"):
            ask()


# The fill ---------------------------------------------------------------------------------------------------------


def crossed(n_f: int, n_g: int, n: int, chain: bool = False) -> Pattern:
    rng = np.random.default_rng(5)
    f = rng.integers(0, n_f, n)
    g = (f * n_g // n_f + rng.integers(0, 3, n)) % n_g if chain else rng.integers(0, n_g, n)
    met = np.unique(f * n_g + g)
    return Pattern((Grouping("f", n_f, 1), Grouping("g", n_g, 1)), {(0, 1): (met // n_g, met % n_g)})


def test_a_path_has_an_envelope_of_one_entry_each():
    # f0 - g0 - f1 - g1 - ...: levels in a row, where all but the first of f have two neighbours
    i = np.arange(50)
    pairs = sorted([*zip(i, i, strict=True), *zip(i[1:], i[:-1], strict=True)])
    rows, columns = np.array(pairs).T
    factors = Grouping("f", 50, 2), Grouping("g", 50, 1)
    assert envelope_work(Pattern(factors, {(0, 1): (rows, columns)})) == 2**3 * 3 * (1 + 4 * 49 + 49)


def test_levels_that_meet_at_random_have_an_envelope_as_large_as_a_dense_block():
    pattern = crossed(400, 300, 2000)
    assert 0.3 < envelope_work(pattern) / 300**3 < 1.0
    # the third factor has one level, a neighbour of all of g: the envelope ends with a full row
    with_h = {(1, 2): (np.arange(300), np.zeros(300, int))}
    one = Pattern((*pattern.groupings, Grouping("h", 1, 1)), {**pattern.pairs, **with_h})
    assert envelope_work(one) > envelope_work(pattern)


def test_counting_pairs_is_given_up_where_it_is_much_work(monkeypatch):
    monkeypatch.setattr("ranef.backends.linalg.fill.MOST_PAIRS", 10.0)
    assert envelope_work(crossed(30, 20, 60)) == np.inf


# Automatic choice ---------------------------------------------------------------------------------------------------


def name_of(pattern: Pattern, **options) -> str:
    return choose_backend(pattern, "auto", **options)[1].name


def test_iterations_are_for_what_would_be_ten_seconds_of_dense_work():
    assert name_of(crossed(4000, 3500, 60_000), sampled=True) == "blocked"
    assert name_of(crossed(5000, 4500, 60_000), sampled=True) == "krylov"
    assert name_of(crossed(30_000, 25_000, 300_000), sampled=True) == "krylov"


def test_exact_models_never_get_iterations():
    assert name_of(crossed(5000, 4500, 60_000)) == "blocked"
    with pytest.raises(InputError, match="linear models with independent residuals only"):
        assemble(crossed(30, 20, 60), "krylov", "auto")


@pytest.mark.skipif(find_spec("sksparse") is None, reason="needs scikit-sparse")
def test_chains_of_levels_go_to_the_sparse_factorization():
    assert name_of(crossed(30_000, 25_000, 100_000, chain=True), sampled=True) == "cholmod"


@pytest.mark.skipif(find_spec("sksparse") is None, reason="needs scikit-sparse")
def test_what_is_refused_says_so():
    from ranef.backends.linalg.cholmod import Cholmod

    assert Cholmod().cost(crossed(30_000, 25_000, 300_000)) > 25_000.0**3
    # known to be dense without an analysis, whose result would be as large
    assert Cholmod().cost(crossed(5000, 4500, 60_000)) == pytest.approx(2e10 + 4500.0**3)


def test_a_known_precision_is_refused():
    pattern = CASES["known_precision"](np.random.default_rng(0)).pattern
    assert Krylov().cost(pattern) == np.inf
    with pytest.raises(InputError, match="known precision"):
        assemble(pattern, "krylov", "auto", sampled=True)


def test_it_is_registered_with_what_it_can_do():
    backend, provenance = registry.linalg_backend("krylov")
    assert backend.samples
    assert backend.has_gradient
    assert not backend.has_selected_inverse
    assert provenance.name == "krylov"
