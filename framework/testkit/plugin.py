"""Laws of plugins of every kind: what ranef calls, what it gets back, and what the plugin is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray
from ..contracts.origin import defined_at
from .check import Check, LawBook, Subject, checks_of, require


@dataclass(frozen=True, eq=False)
class Held:
    """A plugin, and the name of its entry where that is known."""

    plugin: Any
    name: str | None = None


def plugin_checks(
    held: Held, book: LawBook[Subject], subject: Subject, expected_failures: Mapping[str, str] | None
) -> Iterator[Check]:
    """One check for every law of plugins, and for every law of their kind."""
    laws = GENERAL.applying(held) + book.applying(subject)
    return checks_of(laws, type(held.plugin).__module__, expected_failures)


# The laws -----------------------------------------------------------------------------------------------------------

GENERAL: LawBook[Held] = LawBook()


@GENERAL.law(first=True)
def methods_are_those_of_the_contract(held: Held) -> None:
    """Each method can be called with the arguments that its contract has, and each property is one."""
    require_methods(held.plugin)


@GENERAL.law(where=lambda held: held.name is not None)
def name_is_that_of_its_entry(held: Held) -> None:
    """A plugin with a `name` has that of its entry: users write the one, and summaries print the other."""
    own = getattr(held.plugin, "name", held.name)
    cls = type(held.plugin)
    require(own == held.name, f"its entry is called {held.name!r}, {cls.__qualname__}.name is {own!r}{_at(cls)}")


def require_methods(thing: Any) -> None:
    """Raise `LawBroken` unless a thing's methods can be called as those of the contracts that its class has."""
    contracts = [c for c in type(thing).__mro__ if c.__module__.partition(".contracts")[0] == "ranef"]
    wrong = [
        fault
        for contract in contracts
        for name, member in vars(contract).items()
        if not name.startswith("_") and (fault := _fault(thing, name, member))
    ]
    require(not wrong, "; ".join(dict.fromkeys(wrong)))


def _fault(thing: Any, name: str, member: Any) -> str:
    """What is wrong with what a contract has under a name; "" where nothing is."""
    here = f"{type(thing).__qualname__}.{name}"
    given = inspect.getattr_static(type(thing), name)
    if isinstance(member, property | cached_property):
        if inspect.isfunction(given):
            return f"{here} is a method; ranef reads it as a property: write @property above it{_at(given)}"
    elif inspect.isfunction(member) and given is not member:
        method = getattr(thing, name)
        if not callable(method):
            return f"{here} is {method!r}; ranef calls it as {_text(name, member)}"
        return _fault_of_call(here, method, name, member)
    return ""


def _fault_of_call(here: str, method: Any, name: str, member: Callable[..., Any]) -> str:
    """Why a method cannot be called as the contract's, with its optional arguments and without."""
    parameters = list(inspect.signature(member).parameters.values())[1:]
    by_position = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    required = [p for p in by_position if p.default is p.empty]
    by_name = dict.fromkeys(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # a function in C that does not tell
        return ""
    for arguments in (required, by_position):
        try:
            signature.bind(*arguments, **by_name)
        except TypeError as error:
            return f"{here} is called as {_text(name, member)}, but: {error}{_at(method)}"
    return ""


def _text(name: str, member: Callable[..., Any]) -> str:
    """A call, without annotations: "variance(mu, phi)"."""
    parameters = list(inspect.signature(member).parameters.values())[1:]
    plain = [p.replace(annotation=p.empty) for p in parameters]
    return f"{name}{inspect.Signature(plain)}"


def _at(thing: Any) -> str:
    place = defined_at(thing)
    return f" ({place})" if place else ""


# What methods return ------------------------------------------------------------------------------------------------


def require_type(method: Any, value: Any, of: type[Any] | tuple[type[Any], ...]) -> None:
    """Raise `LawBroken` unless what a method returned has a type; the message names the method's file and line."""
    name = method.__qualname__
    require(value is not None, f"{name} returned None: is `return` missing?{_at(method)}")
    wanted = " or ".join(t.__name__ for t in (of if isinstance(of, tuple) else (of,)))
    given = type(value).__name__
    require(isinstance(value, of), f"{name} returned an object of type {given}, not {wanted}{_at(method)}")


def require_array(method: Any, value: Any, shape: tuple[int, ...], dtype: Any = np.float64, part: str = "") -> AnyArray:
    """What a method returned, or a part of it, once it is an array of that shape and dtype."""
    require_type(method, value, np.ndarray)
    what = f"{part} of {method.__qualname__}" if part else method.__qualname__
    require(value.shape == shape, f"{what} has shape {value.shape}, expected {shape}{_at(method)}")
    require(value.dtype == dtype, f"{what} has dtype {value.dtype}, expected {np.dtype(dtype)}{_at(method)}")
    array: AnyArray = value
    return array
