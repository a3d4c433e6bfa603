"""Laws of linear-algebra backends: explicit dense linear algebra is right, on a battery of structures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..contracts import (
    Blocks,
    Factor,
    Grouping,
    LinalgBackend,
    NotPositiveDefiniteError,
    Pattern,
    PatternBlocks,
    Symbolic,
)
from ..contracts.arrays import FloatArray
from .check import Check, LawBook, close, pickled, read_only, require, same_bits, same_in_threads
from .plugin import Held, plugin_checks, require_array, require_methods, require_type
from .roots import boundary_roots, times
from .sampled import SAMPLED_LAWS
from .structures import CASES, Case, scaled, signed
from .systems import (
    System,
    Tested,
    everywhere,
    gradient_error,
    has_selected_inverse,
    inner,
    is_exact,
    logdet_error,
    precise,
    takes_precision,
)


def linalg_checks(
    backend: LinalgBackend,
    *,
    structures: Mapping[str, Callable[[np.random.Generator], Case]] | None = None,
    name: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """One check for every law that a linear-algebra backend has to obey.

    Structures of infinite `cost` are left out; the laws of `selected_inverse` apply where it is declared. A backend
    that `samples` is held to dense algebra within four Monte Carlo standard errors, and to the laws of probes.

    Parameters
    ----------
    backend : LinalgBackend
    structures : mapping of name to function, optional
        Each makes a `ranef.testkit.structures.Case` from a random generator; default: 16 structures with one to three
        factors, crossed, nested, partially crossed, with one to three columns, full and diagonal T, two of them with a
        known precision.
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the backend is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import linalg_checks
    >>> for check in linalg_checks(registry.linalg_backend("dense")[0]):
    ...     check.run()
    """
    cases = {name: make(np.random.default_rng(20150107)) for name, make in (structures or CASES).items()}
    return plugin_checks(Held(backend, name), LAWS + SAMPLED_LAWS, Tested(backend, cases), expected_failures)


# The laws -----------------------------------------------------------------------------------------------------------

LAWS: LawBook[Tested] = LawBook()


@LAWS.law(first=True)
def cost_is_a_number(b: Tested) -> None:
    """`cost` is a number for every pattern, inf for those that the backend cannot do."""
    for case in b.cases.values():
        require_type(b.backend.cost, b.backend.cost(case.pattern), (float, int))


@LAWS.law(on=inner, first=True)
def answers_have_the_types_of_the_contract(b: Tested, system: System) -> None:
    """`analyze` gives a `Symbolic`, `factorize` a `Factor`; what that is asked for are floats and arrays of floats."""
    pattern, B = system.case.pattern, system.right_hand_side()
    symbolic = b.backend.analyze(pattern)
    require_type(b.backend.analyze, symbolic, Symbolic)
    require_methods(symbolic)
    factor = symbolic.factorize(system.case.ZtWZ, system.T)
    require_type(symbolic.factorize, factor, Factor)
    require_methods(factor)
    require(isinstance(factor.logdet, float), f"logdet is of type {type(factor.logdet).__name__}")
    for solve in (factor.half_solve, factor.back_solve) if is_exact(b) else ():
        require_array(solve, solve(B), B.shape)
    require_type(factor.solve, factor.solve(B), np.ndarray)
    if b.backend.has_selected_inverse:
        inverse = factor.selected_inverse()
        require_type(factor.selected_inverse, inverse, PatternBlocks)
        for block in (*inverse.diagonal, *inverse.cross.values()):
            require_type(factor.selected_inverse, block, np.ndarray)


@LAWS.law(on=precise, where=takes_precision, first=True)
def a_known_precision_is_used_or_refused(b: Tested, system: System) -> None:
    """Where a factor has a known precision Q, M has I (x) Q in place of I; a backend that cannot says `cost` inf."""
    without = system.M - system.case.K() + np.eye(system.case.pattern.q)
    ignored = np.isclose(system.factor(b.backend).logdet, float(np.linalg.slogdet(without)[1]), rtol=1e-8)
    require(
        not ignored,
        "logdet is that of Lambda' Z'WZ Lambda + I: the precision of a factor is ignored. Use `Grouping.precision`, or "
        "let `cost` be inf for a pattern with `has_precision`",
    )


@LAWS.law(on=everywhere)
def logdet_agrees_with_dense_algebra(b: Tested, system: System) -> None:
    """`logdet` is log|M|, M = Lambda' Z'WZ Lambda + K; where it is sampled, within four Monte Carlo standard errors."""
    _logdet_close(b, system)


@LAWS.law(on=everywhere)
def solve_gives_the_inverse(b: Tested, system: System) -> None:
    """`solve(B)` is M^-1 B and `gram(B)` is B' M^-1 B, to rounding; by iterations, to 1e-8."""
    B, factor = system.right_hand_side(), system.factor(b.backend)
    expected, tol = np.linalg.solve(system.M, B), system.rounding if is_exact(b) else 1e-8
    close("M^-1 B", factor.solve(B), expected, rtol=tol, atol=tol)
    close("B' M^-1 B", factor.gram(B), B.T @ expected, rtol=tol, atol=tol * float(np.abs(B.T @ expected).max()))


@LAWS.law(on=everywhere, where=is_exact)
def half_solve_is_a_square_root_of_the_inverse(b: Tested, system: System) -> None:
    """With C = `half_solve(B)`, C'C is B' M^-1 B."""
    B = system.right_hand_side()
    half = system.factor(b.backend).half_solve(B)
    close("C'C", half.T @ half, B.T @ np.linalg.solve(system.M, B), rtol=system.rounding, atol=system.rounding)


@LAWS.law(on=everywhere, where=is_exact)
def both_solves_together_give_the_inverse(b: Tested, system: System) -> None:
    """`back_solve(half_solve(B))` is M^-1 B."""
    B, factor = system.right_hand_side(), system.factor(b.backend)
    expected = np.linalg.solve(system.M, B)
    close("M^-1 B", factor.back_solve(factor.half_solve(B)), expected, rtol=system.rounding, atol=system.rounding)


@LAWS.law(on=inner, where=is_exact)
def back_solve_is_the_transpose_of_half_solve(b: Tested, system: System) -> None:
    """C' (L^-1 P B) = (P' L^-T C)' B, for one column and for more columns than random effects."""
    factor, rng = system.factor(b.backend), np.random.default_rng(5)
    for n_columns in (1, system.case.pattern.q + 2):
        B, C = rng.normal(size=(2, system.case.pattern.q, n_columns))
        close("C' L^-1 P B", C.T @ factor.half_solve(B), factor.back_solve(C).T @ B, rtol=1e-9, atol=1e-9)


@LAWS.law(on=everywhere, where=has_selected_inverse)
def selected_inverse_agrees_with_dense_algebra(b: Tested, system: System) -> None:
    """`selected_inverse` is M^-1 on the pattern of Z'Z, block by block in the order of the pattern's pairs."""
    inverse: FloatArray = np.asarray(np.linalg.inv(system.M), np.float64)
    expected = system.case.blocks_of(inverse)
    _blocks_close(system.factor(b.backend).selected_inverse(), expected, system.rounding)


@LAWS.law(on=everywhere)
def logdet_gradient_agrees_with_dense_algebra(b: Tested, system: System) -> None:
    """`logdet_gradient`, where it is not None, is 2 tr(M^-1 Lambda' Z'WZ dLambda) for every entry of T.

    Where log|M| is sampled, within four Monte Carlo standard errors, and 1e-8 for what iterations leave.
    """
    _logdet_gradient_close(b, system)


@LAWS.law(on=inner)
def no_columns_give_no_columns(b: Tested, system: System) -> None:
    """A model without fixed effects asks for nothing, and gets it."""
    factor, nothing = system.factor(b.backend), np.empty((system.case.pattern.q, 0))
    for solve in _solves(b, factor):
        solved = solve(nothing)
        require(solved.shape == nothing.shape, f"shape {solved.shape}, expected {nothing.shape}")


@LAWS.law(on=inner)
def array_order_does_not_matter(b: Tested, system: System) -> None:
    """C-ordered and Fortran-ordered right-hand sides give the same."""
    factor, B = system.factor(b.backend), system.right_hand_side()
    for solve in _solves(b, factor):
        close(solve.__name__, solve(np.asfortranarray(B)), solve(B), rtol=1e-12, atol=1e-12)


@LAWS.law(on=inner)
def earlier_factors_stay_valid(b: Tested, system: System) -> None:
    """A factor answers the same before and after other factorizations by the same analysis."""
    symbolic = system.analysis(b.backend)
    asked, not_asked = (symbolic.factorize(system.case.ZtWZ, system.T) for _ in range(2))
    before = _answers(b, asked, system)
    symbolic.factorize(scaled(system.case.ZtWZ, 4.0), times(0.5, system.T))
    symbolic.factorize(system.case.ZtWZ, boundary_roots(system.case))
    same_bits("a factor after another factorization", _answers(b, asked, system), before)
    same_bits("a factor first asked after another factorization", _answers(b, not_asked, system), before)


@LAWS.law(on=inner)
def an_earlier_T_gives_the_earlier_answer(b: Tested, system: System) -> None:
    """Factorizing at T, elsewhere, and at T again gives the same bits twice."""
    symbolic, ZtWZ = system.analysis(b.backend), system.case.ZtWZ
    before = _answers(b, symbolic.factorize(ZtWZ, system.T), system)
    _answers(b, symbolic.factorize(ZtWZ, boundary_roots(system.case)), system)
    same_bits("T again", _answers(b, symbolic.factorize(ZtWZ, system.T), system), before)


@LAWS.law(on=inner)
def new_weights_are_seen(b: Tested, system: System) -> None:
    """One analysis serves all weights: 4 Z'WZ at T has the determinant of Z'WZ at 2 T."""
    symbolic = system.analysis(b.backend)
    symbolic.factorize(system.case.ZtWZ, system.T)
    heavier = symbolic.factorize(scaled(system.case.ZtWZ, 4.0), system.T)
    expected = float(np.linalg.slogdet(system.case.M(times(2.0, system.T)))[1])
    close("logdet", heavier.logdet, expected, rtol=1e-9, atol=1e-9 + logdet_error(heavier))


@LAWS.law(on=inner)
def negative_weights_count_too(b: Tested, system: System) -> None:
    """Of densities that are not log-concave observed weights may be negative, and blocks of Z'WZ indefinite; M is not.

    `logdet` is log|M|, and `logdet_gradient` its derivatives, where some weights are negative and T is so small that
    M is positive definite.
    """
    case, T = signed(system.case), system.T
    while np.linalg.eigvalsh(case.M(T))[0] < 0.1:
        T = times(0.7, T)
    _logdet_close(b, System(system.name, case, T))
    _logdet_gradient_close(b, System(system.name, case, T))


@LAWS.law(on=inner)
def an_indefinite_system_is_refused(b: Tested, system: System) -> None:
    """Where M is not positive definite, `factorize` raises `NotPositiveDefiniteError`, and works again afterwards."""
    symbolic = system.analysis(b.backend)
    try:
        symbolic.factorize(scaled(system.case.ZtWZ, -1e3), system.T)
    except NotPositiveDefiniteError:
        pass
    else:
        require(False, "M has negative eigenvalues, and was factorized")
    expected = float(np.linalg.slogdet(system.M)[1])
    after = symbolic.factorize(system.case.ZtWZ, system.T)
    close("logdet after a breakdown", after.logdet, expected, rtol=1e-9, atol=1e-9 + logdet_error(after))


@LAWS.law(on=inner)
def inputs_are_not_changed(b: Tested, system: System) -> None:
    """T, cross-products, pattern and right-hand sides may be read-only, and stay as they are."""
    case, s = system.case, system.case.pattern
    B, C, *T = read_only(system.right_hand_side(), np.asfortranarray(system.right_hand_side()), *system.T)
    ZtWZ = PatternBlocks(
        tuple(read_only(*case.ZtWZ.diagonal)),
        {pair: read_only(block)[0] for pair, block in case.ZtWZ.cross.items()},
    )
    pairs = {key: (read_only(rows)[0], read_only(columns)[0]) for key, (rows, columns) in s.pairs.items()}
    factor = b.backend.analyze(Pattern(s.groupings, pairs)).factorize(ZtWZ, tuple(T))
    _answers(b, factor, system)
    for right in (B, C):
        factor.solve(right)
        for solve in _solves(b, factor):
            solve(right)
    # memory can be written to by libraries that do not ask numpy
    same_bits("right-hand sides", (B, C, *T), (system.right_hand_side(),) * 2 + system.T)
    same_bits("cross-products", ZtWZ.diagonal, case.ZtWZ.diagonal)
    same_bits("cross-products", dict(ZtWZ.cross), dict(case.ZtWZ.cross))


@LAWS.law(on=inner)
def equal_questions_get_equal_bits(b: Tested, system: System) -> None:
    """Two analyses of one pattern answer alike to the last bit."""
    first, second = (_answers(b, system.factor(b.backend), system) for _ in range(2))
    same_bits("a second analysis", second, first)


@LAWS.law(on=inner)
def threads_do_not_meet(b: Tested, system: System) -> None:
    """Two threads that factorize different cross-products by one analysis at different T get what one gets."""
    symbolic = system.analysis(b.backend)
    roots = (system.T, times(0.5, system.T), boundary_roots(system.case))
    products = (system.case.ZtWZ, scaled(system.case.ZtWZ, 3.0))

    def at(ZtWZ: PatternBlocks, T: Blocks) -> Callable[[], Any]:
        return lambda: _answers(b, symbolic.factorize(ZtWZ, T), system)

    same_in_threads("factorize", [at(ZtWZ, T) for T in roots for ZtWZ in products])


@LAWS.law()
def backend_can_be_pickled(b: Tested) -> None:
    """The backend, sent to another process, is a backend there and gives the same bits."""
    copy = pickled("the backend", b.backend)
    for system in b.inner[:2]:
        same_bits(
            "a pickled backend", _answers(b, system.factor(copy), system), _answers(b, system.factor(b.backend), system)
        )


@LAWS.law()
def cost_is_positive_and_grows(b: Tested) -> None:
    """`cost` is a positive number of operations (inf: it cannot be done), larger for twice as many levels."""

    def one_factor(n_levels: int) -> Pattern:
        return Pattern((Grouping("f", n_levels, 1),), {})

    costs = [float(b.backend.cost(s)) for s in (one_factor(100), one_factor(200))]
    costs += [float(b.backend.cost(case.pattern)) for case in b.cases.values()]
    require(all(cost > 0 for cost in costs), f"costs: {costs}")
    require(costs[0] < costs[1] or costs[1] == np.inf, f"100 levels cost {costs[0]:g}, 200 levels {costs[1]:g}")
    require(bool(b.inner), "no pattern of the battery has a finite cost")


def _logdet_close(b: Tested, system: System) -> None:
    expected, factor = float(np.linalg.slogdet(system.M)[1]), system.factor(b.backend)
    close("logdet", factor.logdet, expected, rtol=system.rounding, atol=system.rounding + logdet_error(factor))


def _logdet_gradient_close(b: Tested, system: System) -> None:
    factor, tol = system.factor(b.backend), system.rounding if is_exact(b) else max(system.rounding, 1e-8)
    given = factor.logdet_gradient()
    if given is not None:
        require(len(given) == len(system.T), f"{len(given)} derivatives for {len(system.T)} grouping factors")
        expected = system.case.logdet_gradient(system.T)
        # Z'WZ Lambda grows with T, and so does rounding in what it multiplies
        scale = 1.0 + max(float(np.abs(by).max()) for by in expected)
        for j, (actual, by) in enumerate(zip(given, expected, strict=True)):
            error = np.tril(np.abs(actual - by)) - np.tril(gradient_error(factor, j) * np.ones_like(by))
            allowed = tol * (scale + np.tril(np.abs(by)))
            require(bool((error <= allowed).all()), _off("d logdet / dT", j, actual, by))


def _answers(b: Tested, factor: Factor, system: System) -> list[Any]:
    """All that a factor can be asked."""
    B = system.right_hand_side(2)
    answers: list[Any] = [factor.logdet, *(solve(B) for solve in _solves(b, factor))]
    if b.backend.has_selected_inverse:
        answers.append(factor.selected_inverse())
    gradient = factor.logdet_gradient()
    return answers if gradient is None else [*answers, gradient]


def _solves(b: Tested, factor: Factor) -> list[Callable[[FloatArray], FloatArray]]:
    return [factor.half_solve, factor.back_solve] if is_exact(b) else [factor.solve]


def _off(what: str, j: int, actual: FloatArray, expected: FloatArray) -> str:
    return f"{what}[{j}]: {actual.round(8).tolist()}, expected {expected.round(8).tolist()} (of the lower triangle)"


def _blocks_close(blocks: PatternBlocks, expected: PatternBlocks, rtol: float) -> None:
    require(len(blocks.diagonal) == len(expected.diagonal), f"{len(blocks.diagonal)} diagonal blocks")
    require(
        set(blocks.cross) == set(expected.cross), f"pairs {sorted(blocks.cross)}, expected {sorted(expected.cross)}"
    )
    for j, (block, wanted) in enumerate(zip(blocks.diagonal, expected.diagonal, strict=True)):
        close(f"diagonal[{j}]", block, wanted, rtol=rtol, atol=rtol)
    for pair, wanted in expected.cross.items():
        close(f"cross[{pair}]", blocks.cross[pair], wanted, rtol=rtol, atol=rtol)
