"""Laws of linear-algebra backends: explicit dense linear algebra is right, on a battery of structures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
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
from .roots import ROOTS, boundary_roots, inner_roots, times
from .structures import CASES, Case, scaled


def linalg_checks(
    backend: LinalgBackend,
    *,
    structures: Mapping[str, Callable[[np.random.Generator], Case]] | None = None,
    name: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Iterator[Check]:
    """One check for every law that a linear-algebra backend has to obey.

    Structures of infinite `cost` are left out; the laws of `selected_inverse` apply where it is declared.

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
    return plugin_checks(Held(backend, name), LAWS, _Backend(backend, cases), expected_failures)


@dataclass(frozen=True, eq=False)
class _System:
    """One pattern at one T, as dense matrices too."""

    name: str
    case: Case
    T: Blocks

    def __str__(self) -> str:
        return self.name

    @cached_property
    def M(self) -> FloatArray:
        return self.case.M(self.T)

    @cached_property
    def rounding(self) -> float:
        """Relative tolerance; M has no small eigenvalue, so rounding grows with the largest only."""
        return 1e-10 + 1e-15 * float(np.linalg.norm(self.M, 2))

    def right_hand_side(self, columns: int = 4) -> FloatArray:
        return np.random.default_rng(3).normal(size=(self.case.pattern.q, columns))

    def factor(self, backend: LinalgBackend) -> Factor:
        return backend.analyze(self.case.pattern).factorize(self.case.ZtWZ, self.T)


@dataclass(frozen=True, eq=False)
class _Backend:
    """The backend, and the systems that it says it can do."""

    backend: LinalgBackend
    cases: Mapping[str, Case]

    @cached_property
    def inner(self) -> list[_System]:
        return [
            _System(name, case, inner_roots(case))
            for name, case in self.cases.items()
            if self.backend.cost(case.pattern) < np.inf
        ]

    @cached_property
    def everywhere(self) -> list[_System]:
        return [
            _System(f"{system.name}, T {where}", system.case, at(system.case))
            for system in self.inner
            for where, at in ROOTS.items()
        ]


def _inner(b: _Backend) -> list[_System]:
    return b.inner


def _precise(b: _Backend) -> list[_System]:
    return [system for system in b.inner if system.case.pattern.has_precision]


def _takes_precision(b: _Backend) -> bool:
    return bool(_precise(b))


def _everywhere(b: _Backend) -> list[_System]:
    return b.everywhere


def _has_selected_inverse(b: _Backend) -> bool:
    return b.backend.has_selected_inverse


# The laws -----------------------------------------------------------------------------------------------------------

LAWS: LawBook[_Backend] = LawBook()


@LAWS.law(first=True)
def cost_is_a_number(b: _Backend) -> None:
    """`cost` is a number for every pattern, inf for those that the backend cannot do."""
    for case in b.cases.values():
        require_type(b.backend.cost, b.backend.cost(case.pattern), (float, int))


@LAWS.law(on=_inner, first=True)
def answers_have_the_types_of_the_contract(b: _Backend, system: _System) -> None:
    """`analyze` gives a `Symbolic`, `factorize` a `Factor`; what that is asked for are floats and arrays of floats."""
    pattern, B = system.case.pattern, system.right_hand_side()
    symbolic = b.backend.analyze(pattern)
    require_type(b.backend.analyze, symbolic, Symbolic)
    require_methods(symbolic)
    factor = symbolic.factorize(system.case.ZtWZ, system.T)
    require_type(symbolic.factorize, factor, Factor)
    require_methods(factor)
    require(isinstance(factor.logdet, float), f"logdet is of type {type(factor.logdet).__name__}")
    for solve in (factor.half_solve, factor.back_solve):
        require_array(solve, solve(B), B.shape)
    if b.backend.has_selected_inverse:
        inverse = factor.selected_inverse()
        require_type(factor.selected_inverse, inverse, PatternBlocks)
        for block in (*inverse.diagonal, *inverse.cross.values()):
            require_type(factor.selected_inverse, block, np.ndarray)


@LAWS.law(on=_precise, where=_takes_precision, first=True)
def a_known_precision_is_used_or_refused(b: _Backend, system: _System) -> None:
    """Where a factor has a known precision Q, M has I (x) Q in place of I; a backend that cannot says `cost` inf."""
    without = system.M - system.case.K() + np.eye(system.case.pattern.q)
    ignored = np.isclose(system.factor(b.backend).logdet, float(np.linalg.slogdet(without)[1]), rtol=1e-8)
    require(
        not ignored,
        "logdet is that of Lambda' Z'WZ Lambda + I: the precision of a factor is ignored. Use `Grouping.precision`, or "
        "let `cost` be inf for a pattern with `has_precision`",
    )


@LAWS.law(on=_everywhere)
def logdet_agrees_with_dense_algebra(b: _Backend, system: _System) -> None:
    """`logdet` is log|M|, M = Lambda' Z'WZ Lambda + K."""
    expected = float(np.linalg.slogdet(system.M)[1])
    close("logdet", system.factor(b.backend).logdet, expected, rtol=system.rounding, atol=system.rounding)


@LAWS.law(on=_everywhere)
def half_solve_is_a_square_root_of_the_inverse(b: _Backend, system: _System) -> None:
    """With C = `half_solve(B)`, C'C is B' M^-1 B."""
    B = system.right_hand_side()
    half = system.factor(b.backend).half_solve(B)
    close("C'C", half.T @ half, B.T @ np.linalg.solve(system.M, B), rtol=system.rounding, atol=system.rounding)


@LAWS.law(on=_everywhere)
def both_solves_together_give_the_inverse(b: _Backend, system: _System) -> None:
    """`back_solve(half_solve(B))` is M^-1 B."""
    B, factor = system.right_hand_side(), system.factor(b.backend)
    expected = np.linalg.solve(system.M, B)
    close("M^-1 B", factor.back_solve(factor.half_solve(B)), expected, rtol=system.rounding, atol=system.rounding)


@LAWS.law(on=_inner)
def back_solve_is_the_transpose_of_half_solve(b: _Backend, system: _System) -> None:
    """C' (L^-1 P B) = (P' L^-T C)' B, for one column and for more columns than random effects."""
    factor, rng = system.factor(b.backend), np.random.default_rng(5)
    for n_columns in (1, system.case.pattern.q + 2):
        B, C = rng.normal(size=(2, system.case.pattern.q, n_columns))
        close("C' L^-1 P B", C.T @ factor.half_solve(B), factor.back_solve(C).T @ B, rtol=1e-9, atol=1e-9)


@LAWS.law(on=_everywhere, where=_has_selected_inverse)
def selected_inverse_agrees_with_dense_algebra(b: _Backend, system: _System) -> None:
    """`selected_inverse` is M^-1 on the pattern of Z'Z, block by block in the order of the pattern's pairs."""
    inverse: FloatArray = np.asarray(np.linalg.inv(system.M), np.float64)
    expected = system.case.blocks_of(inverse)
    _blocks_close(system.factor(b.backend).selected_inverse(), expected, system.rounding)


@LAWS.law(on=_everywhere)
def logdet_gradient_agrees_with_dense_algebra(b: _Backend, system: _System) -> None:
    """`logdet_gradient`, where it is not None, is 2 tr(M^-1 Lambda' Z'WZ dLambda) for every entry of T."""
    given = system.factor(b.backend).logdet_gradient()
    if given is not None:
        require(len(given) == len(system.T), f"{len(given)} derivatives for {len(system.T)} grouping factors")
        expected = system.case.logdet_gradient(system.T)
        # Z'WZ Lambda grows with T, and so does rounding in what it multiplies
        scale = 1.0 + max(float(np.abs(by).max()) for by in expected)
        for actual, by in zip(given, expected, strict=True):
            close("d logdet / dT", np.tril(actual), np.tril(by), rtol=system.rounding, atol=system.rounding * scale)


@LAWS.law(on=_inner)
def no_columns_give_no_columns(b: _Backend, system: _System) -> None:
    """A model without fixed effects asks for nothing, and gets it."""
    factor, nothing = system.factor(b.backend), np.empty((system.case.pattern.q, 0))
    for solved in (factor.half_solve(nothing), factor.back_solve(nothing)):
        require(solved.shape == nothing.shape, f"shape {solved.shape}, expected {nothing.shape}")


@LAWS.law(on=_inner)
def array_order_does_not_matter(b: _Backend, system: _System) -> None:
    """C-ordered and Fortran-ordered right-hand sides give the same."""
    factor, B = system.factor(b.backend), system.right_hand_side()
    for solve in (factor.half_solve, factor.back_solve):
        close(solve.__name__, solve(np.asfortranarray(B)), solve(B), rtol=1e-12, atol=1e-12)


@LAWS.law(on=_inner)
def earlier_factors_stay_valid(b: _Backend, system: _System) -> None:
    """A factor answers the same before and after other factorizations by the same analysis."""
    symbolic = b.backend.analyze(system.case.pattern)
    asked, not_asked = (symbolic.factorize(system.case.ZtWZ, system.T) for _ in range(2))
    before = _answers(b, asked, system)
    symbolic.factorize(scaled(system.case.ZtWZ, 4.0), times(0.5, system.T))
    symbolic.factorize(system.case.ZtWZ, boundary_roots(system.case))
    same_bits("a factor after another factorization", _answers(b, asked, system), before)
    same_bits("a factor first asked after another factorization", _answers(b, not_asked, system), before)


@LAWS.law(on=_inner)
def an_earlier_T_gives_the_earlier_answer(b: _Backend, system: _System) -> None:
    """Factorizing at T, elsewhere, and at T again gives the same bits twice."""
    symbolic, ZtWZ = b.backend.analyze(system.case.pattern), system.case.ZtWZ
    before = _answers(b, symbolic.factorize(ZtWZ, system.T), system)
    _answers(b, symbolic.factorize(ZtWZ, boundary_roots(system.case)), system)
    same_bits("T again", _answers(b, symbolic.factorize(ZtWZ, system.T), system), before)


@LAWS.law(on=_inner)
def new_weights_are_seen(b: _Backend, system: _System) -> None:
    """One analysis serves all weights: 4 Z'WZ at T has the determinant of Z'WZ at 2 T."""
    symbolic = b.backend.analyze(system.case.pattern)
    symbolic.factorize(system.case.ZtWZ, system.T)
    heavier = symbolic.factorize(scaled(system.case.ZtWZ, 4.0), system.T)
    expected = float(np.linalg.slogdet(system.case.M(times(2.0, system.T)))[1])
    close("logdet", heavier.logdet, expected, rtol=1e-9, atol=1e-9)


@LAWS.law(on=_inner)
def an_indefinite_system_is_refused(b: _Backend, system: _System) -> None:
    """Where M is not positive definite, `factorize` raises `NotPositiveDefiniteError`, and works again afterwards."""
    symbolic = b.backend.analyze(system.case.pattern)
    try:
        symbolic.factorize(scaled(system.case.ZtWZ, -1e3), system.T)
    except NotPositiveDefiniteError:
        pass
    else:
        require(False, "M has negative eigenvalues, and was factorized")
    expected = float(np.linalg.slogdet(system.M)[1])
    logdet = symbolic.factorize(system.case.ZtWZ, system.T).logdet
    close("logdet after a breakdown", logdet, expected, rtol=1e-9, atol=1e-9)


@LAWS.law(on=_inner)
def inputs_are_not_changed(b: _Backend, system: _System) -> None:
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
        factor.back_solve(factor.half_solve(right))
        factor.back_solve(right)
    # memory can be written to by libraries that do not ask numpy
    same_bits("right-hand sides", (B, C, *T), (system.right_hand_side(),) * 2 + system.T)
    same_bits("cross-products", ZtWZ.diagonal, case.ZtWZ.diagonal)
    same_bits("cross-products", dict(ZtWZ.cross), dict(case.ZtWZ.cross))


@LAWS.law(on=_inner)
def equal_questions_get_equal_bits(b: _Backend, system: _System) -> None:
    """Two analyses of one pattern answer alike to the last bit."""
    first, second = (_answers(b, system.factor(b.backend), system) for _ in range(2))
    same_bits("a second analysis", second, first)


@LAWS.law(on=_inner)
def threads_do_not_meet(b: _Backend, system: _System) -> None:
    """Two threads that factorize different cross-products by one analysis at different T get what one gets."""
    symbolic = b.backend.analyze(system.case.pattern)
    roots = (system.T, times(0.5, system.T), boundary_roots(system.case))
    products = (system.case.ZtWZ, scaled(system.case.ZtWZ, 3.0))

    def at(ZtWZ: PatternBlocks, T: Blocks) -> Callable[[], Any]:
        return lambda: _answers(b, symbolic.factorize(ZtWZ, T), system)

    same_in_threads("factorize", [at(ZtWZ, T) for T in roots for ZtWZ in products])


@LAWS.law()
def backend_can_be_pickled(b: _Backend) -> None:
    """The backend, sent to another process, is a backend there and gives the same bits."""
    copy = pickled("the backend", b.backend)
    for system in b.inner[:2]:
        same_bits(
            "a pickled backend", _answers(b, system.factor(copy), system), _answers(b, system.factor(b.backend), system)
        )


@LAWS.law()
def cost_is_positive_and_grows(b: _Backend) -> None:
    """`cost` is a positive number of operations (inf: it cannot be done), larger for twice as many levels."""

    def one_factor(n_levels: int) -> Pattern:
        return Pattern((Grouping("f", n_levels, 1),), {})

    costs = [float(b.backend.cost(s)) for s in (one_factor(100), one_factor(200))]
    costs += [float(b.backend.cost(case.pattern)) for case in b.cases.values()]
    require(all(cost > 0 for cost in costs), f"costs: {costs}")
    require(costs[0] < costs[1] or costs[1] == np.inf, f"100 levels cost {costs[0]:g}, 200 levels {costs[1]:g}")
    require(bool(b.inner), "no pattern of the battery has a finite cost")


def _answers(b: _Backend, factor: Factor, system: _System) -> list[Any]:
    """All that a factor can be asked."""
    B = system.right_hand_side(2)
    answers: list[Any] = [factor.logdet, factor.half_solve(B), factor.back_solve(B)]
    if b.backend.has_selected_inverse:
        answers.append(factor.selected_inverse())
    gradient = factor.logdet_gradient()
    return answers if gradient is None else [*answers, gradient]


def _blocks_close(blocks: PatternBlocks, expected: PatternBlocks, rtol: float) -> None:
    require(len(blocks.diagonal) == len(expected.diagonal), f"{len(blocks.diagonal)} diagonal blocks")
    require(
        set(blocks.cross) == set(expected.cross), f"pairs {sorted(blocks.cross)}, expected {sorted(expected.cross)}"
    )
    for j, (block, wanted) in enumerate(zip(blocks.diagonal, expected.diagonal, strict=True)):
        close(f"diagonal[{j}]", block, wanted, rtol=rtol, atol=rtol)
    for pair, wanted in expected.cross.items():
        close(f"cross[{pair}]", blocks.cross[pair], wanted, rtol=rtol, atol=rtol)
