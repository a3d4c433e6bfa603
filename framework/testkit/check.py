"""What the kit is made of: laws, the checks that apply them to a plugin, and how numbers are compared."""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache, partial
from typing import Any, Generic, TypeVar
from unittest import SkipTest

import numpy as np
from numpy.typing import ArrayLike

from ..contracts import InputError
from ..contracts.arrays import AnyArray
from ..contracts.origin import said

Subject = TypeVar("Subject")


class LawBroken(AssertionError):
    """A plugin does not obey a law of its contract; the message says where and by how much."""


@dataclass(frozen=True)
class Check:
    """One law, ready to be applied to one plugin.

    Parameters
    ----------
    name : str
        Name of the law.
    law : str
        What the law says.
    run : callable
        Returns if the plugin obeys, and raises `LawBroken` if it does not; `LawSkipped` where a law that this one
        builds on is broken.
    expected_failure : str
        Why the plugin is known to break the law: `run` then returns if it does, and raises if it does not.

    Examples
    --------
    >>> Check("two_is_even", "2 is divisible by 2.", run=lambda: require(2 % 2 == 0, "2 is odd")).run()
    """

    name: str
    law: str
    run: Callable[[], None] = field(repr=False)
    expected_failure: str = ""


class LawSkipped(SkipTest):
    """A law was not looked at, because one that it builds on is broken; pytest and unittest call it skipped."""


def _always(subject: Any) -> bool:
    return True


@dataclass(frozen=True, eq=False)
class _Law:
    """A law, and the subject that it is applied to."""

    state: Callable[..., None]
    on: Callable[[Any], Sequence[Any]] | None
    where: Callable[[Any], bool]
    first: bool
    subject: Any = None

    @property
    def name(self) -> str:
        return self.state.__name__


class LawBook(Generic[Subject]):
    """The laws of one kind of plugin: functions whose docstrings say what they hold plugins to.

    Examples
    --------
    >>> book = LawBook[float]()
    >>> @book.law()
    ... def is_positive(x: float) -> None:
    ...     '''Numbers are positive.'''
    ...     require(x > 0, f"{x} is not")
    >>> [check.law for check in book.checks(2.0)]
    ['Numbers are positive.']
    >>> for check in book.checks(-2.0, {"is_positive": "numbers of this kind are debts"}):
    ...     check.run()
    """

    def __init__(self) -> None:
        self._laws: list[_Law] = []

    def law(
        self,
        on: Callable[[Subject], Sequence[Any]] | None = None,
        where: Callable[[Subject], bool] = _always,
        *,
        first: bool = False,
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Enter a function as a law.

        Parameters
        ----------
        on : callable, optional
            Gives the cases of a subject: the law is then a function of subject and case, and holds in every case.
        where : callable, optional
            Whether the law applies to a subject: declared abilities decide.
        first : bool
            Whether the laws after it build on it: they are skipped where it is broken.
        """

        def enter(state: Callable[..., None]) -> Callable[..., None]:
            self._laws.append(_Law(state, on, where, first))
            return state

        return enter

    def __add__(self, other: LawBook[Subject]) -> LawBook[Subject]:
        """The laws of both, in order."""
        both = LawBook[Subject]()
        both._laws = self._laws + other._laws
        return both

    def applying(self, subject: Subject) -> list[_Law]:
        """The laws that apply to a subject."""
        return [replace(law, subject=subject) for law in self._laws if _applies(law, subject)]

    def checks(self, subject: Subject, expected_failures: Mapping[str, str] | None = None) -> Iterator[Check]:
        """One check for every law that applies.

        Raises
        ------
        InputError
            If `expected_failures` names a law that does not exist or does not apply.
        """
        return checks_of(self.applying(subject), type(subject).__module__, expected_failures)


def _applies(law: _Law, subject: Any) -> bool:
    """Whether a law applies; where a plugin cannot even be asked, a law that it builds on says why."""
    try:
        return law.where(subject)
    except Exception:
        return True


def checks_of(laws: Sequence[_Law], module: str, expected_failures: Mapping[str, str] | None) -> Iterator[Check]:
    """One check for each law; messages name lines of the package that the plugin's module is in."""
    expected = dict(expected_failures or {})
    names = [law.name for law in laws]
    if unknown := sorted(set(expected) - set(names)):
        raise InputError(f"expected_failures: no law {unknown[0]!r} applies here; there is: {', '.join(names)}")
    before: list[tuple[str, Callable[[], bool]]] = []
    for law in laws:
        run = _applied(law, module)
        if law.name in expected:
            run = _strictly_failing(run, law.name, expected[law.name])
        run = _after(tuple(before), run)
        yield Check(law.name, inspect.getdoc(law.state) or "", run, expected.get(law.name, ""))
        if law.first and law.name not in expected:
            before.append((law.name, cache(partial(_is_broken, run))))


def _applied(law: _Law, module: str) -> Callable[[], None]:
    """What applies a law in all its cases, and names those in which it is broken."""

    def run() -> None:
        broken: list[tuple[str, Exception]] = []
        try:
            cases = [(law.subject,)] if law.on is None else [(law.subject, case) for case in law.on(law.subject)]
        except Exception as error:
            raise LawBroken(f"{law.name}: {_said(error, module)}") from error
        if not cases:
            raise LawBroken(f"{law.name}: there is no case to check it in")
        for arguments in cases:
            try:
                with np.errstate(all="ignore"):
                    law.state(*arguments)
            except Exception as error:  # whatever a plugin raises
                case = str(arguments[-1]) if law.on else ""
                broken.append((f"in {case}: " if case else "", error))
        if broken:
            where, first = broken[0]
            count = f" (in {len(broken)} of {len(cases)} cases)" if len(cases) > 1 else ""
            raise LawBroken(f"{law.name}: {where}{_said(first, module)}{count}") from first

    return run


def _after(before: Sequence[tuple[str, Callable[[], bool]]], run: Callable[[], None]) -> Callable[[], None]:
    def run_where_those_before_hold() -> None:
        for name, is_broken in before:
            if is_broken():
                raise LawSkipped(f"not looked at: it builds on {name}, which is broken")
        run()

    return run_where_those_before_hold


def _is_broken(run: Callable[[], None]) -> bool:
    try:
        run()
    except (LawBroken, LawSkipped):
        return True
    return False


def _strictly_failing(run: Callable[[], None], name: str, reason: str) -> Callable[[], None]:
    def run_and_expect_failure() -> None:
        try:
            run()
        except LawBroken:
            return
        raise LawBroken(f"{name}: expected to fail ({reason}), but it holds: take it out of expected_failures")

    return run_and_expect_failure


def _said(error: Exception, module: str) -> str:
    return str(error) if isinstance(error, LawBroken) else said(error, module)


def as_pytest(*checks: Iterable[Check]) -> Callable[[Check], None]:
    """A pytest test function with one test for every check.

    Examples
    --------
    The whole test module of a plugin::

        from ranef.testkit import as_pytest, family_checks
        from my_package import MyFamily

        test_my_family = as_pytest(family_checks(MyFamily()))
    """
    import pytest

    listed = [check for group in checks for check in group]

    @pytest.mark.parametrize("check", listed, ids=[check.name for check in listed])
    def obeys(check: Check) -> None:
        check.run()

    return obeys


# Comparison -------------------------------------------------------------------------------------------------------


def require(condition: bool, message: str) -> None:
    """Raise `LawBroken` unless the condition holds (assert statements vanish under ``python -O``)."""
    if not condition:
        raise LawBroken(message)


def close(what: str, actual: ArrayLike, expected: ArrayLike, *, rtol: float, atol: float = 0.0) -> None:
    """Raise `LawBroken`, with the worst element, unless |actual - expected| <= atol + rtol |expected| everywhere.

    Examples
    --------
    >>> close("a third", 0.333, 1 / 3, rtol=1e-6)
    Traceback (most recent call last):
        ...
    ranef.testkit.check.LawBroken: a third: 0.333, expected 0.333333333333
    """
    a, e = np.asarray(actual, float), np.asarray(expected, float)
    require(a.shape == e.shape, f"{what}: shape {a.shape}, expected {e.shape}")
    with np.errstate(invalid="ignore"):
        excess = np.where(a == e, -np.inf, np.abs(a - e) - (atol + rtol * np.abs(e)))
    bad = ~(excess <= 0)  # NaN is bad
    if np.any(bad):
        worst = np.unravel_index(int(np.argmax(np.where(np.isnan(excess), np.inf, excess))), a.shape)
        place = f"[{', '.join(map(str, worst))}]" if worst else ""
        count = f" ({int(bad.sum())} of {a.size} elements differ)" if a.size > 1 else ""
        raise LawBroken(f"{what}{place}: {a[worst]:.12g}, expected {e[worst]:.12g}{count}")


def leaves(answer: Any) -> Iterator[AnyArray]:
    """All arrays and numbers of an answer made of dataclasses, mappings and sequences."""
    if is_dataclass(answer) and not isinstance(answer, type):
        answer = [getattr(answer, f.name) for f in fields(answer)]
    if isinstance(answer, Mapping):
        answer = [answer[key] for key in sorted(answer)]
    if isinstance(answer, (list, tuple)):
        for part in answer:
            yield from leaves(part)
    else:
        yield np.asarray(answer)


def same_bits(what: str, actual: Any, expected: Any) -> None:
    """Raise `LawBroken` unless two answers are the same to the last bit."""
    a, e = list(leaves(actual)), list(leaves(expected))
    same = len(a) == len(e) and all(
        x.shape == y.shape and (x.tobytes() == y.tobytes() if x.dtype != object else x == y)
        for x, y in zip(a, e, strict=True)
    )
    require(same, f"{what}: the answers differ")


def at_once(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers of tasks that two threads do at the same time, as far as they can be made to meet."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(_quietly, tasks))
    finally:
        sys.setswitchinterval(interval)


def same_in_threads(what: str, tasks: Sequence[Callable[[], Any]]) -> None:
    """Raise `LawBroken` unless tasks that run at once give the answers that they give one after the other."""
    alone = [_quietly(task) for task in tasks]
    for found, expected in zip(at_once([*tasks] * 3), alone * 3, strict=True):
        same_bits(f"{what}, in two threads at once", found, expected)


def _quietly(task: Callable[[], Any]) -> Any:
    with np.errstate(all="ignore"):  # which belongs to the thread
        return task()


def pickled(what: str, thing: Any) -> Any:
    """A copy by pickle."""
    try:
        return pickle.loads(pickle.dumps(thing))
    except Exception as error:
        raise LawBroken(f"{what} cannot be pickled: {error}") from error


def read_only(*arrays: AnyArray) -> list[AnyArray]:
    """Copies that nobody can write to."""
    copies = [array.copy(order="K") for array in arrays]
    for copy in copies:
        copy.flags.writeable = False
    return copies
