"""Public names and signatures of `ranef` and `ranef.contracts`, pinned in public_api.txt: a change is a decision.

`python tests/test_public_api.py` writes the file anew.
"""

from __future__ import annotations

import difflib
import enum
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

import ranef
import ranef.contracts
import ranef.datasets
import ranef.registry
from ranef.solution.mixed import MixedSolution

SNAPSHOT = Path(__file__).with_name("public_api.txt")
ADVICE = """
The public interface differs from tests/public_api.txt (- is what was promised, + is what is there):

{difference}

If that is meant: CONTRIBUTING.md ("Stability") says what it does to the version numbers. Then
  python tests/test_public_api.py
writes the file anew, and CHANGELOG.md tells users."""


def describe(module: ModuleType) -> Iterator[str]:
    """One line for each public name of a module, and for each public attribute of its classes."""
    for name in sorted(public_names(module)):
        thing, path = getattr(module, name), f"{module.__name__}.{name}"
        if inspect.isclass(thing):
            yield from describe_class(path, thing)
        elif inspect.ismodule(thing):
            yield f"{path}: module"
        elif isinstance(thing, GenericAlias):
            yield f"{path}: type"
        elif callable(thing):
            yield f"{path}{signature(thing)}"
        elif name == "__version__":
            yield f"{path}: str"
        else:
            yield f"{path}: {type(thing).__name__}" + (f" = {thing!r}" if isinstance(thing, str) else "")


def public_names(module: ModuleType) -> list[str]:
    """`__all__`, else what the module defines without an underscore."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [n for n, v in vars(module).items() if n[0] != "_" and getattr(v, "__module__", "") == module.__name__]


def describe_class(path: str, cls: type) -> Iterator[str]:
    """Bases, how it is made, and public attributes, inherited ones included."""
    bases = ", ".join(b.__name__ for b in cls.__bases__ if b is not object)
    yield f"class {path}({bases})"
    if issubclass(cls, enum.Enum):
        yield from (f"{path}.{member.name}" for member in cls)
        return
    if is_dataclass(cls):
        yield from (f"{path}.{f.name}: {f.type}{default_of(f)}" for f in fields(cls))
    elif "__init__" in vars(cls) and not issubclass(cls, MixedSolution):  # solutions are made by lmm and glmm
        yield f"{path}.__init__{signature(cls.__init__)}"
    own = [c for c in cls.__mro__ if c.__module__.startswith("ranef")]
    taken = {f.name for f in fields(cls)} if is_dataclass(cls) else set()
    for name in sorted({n for c in own for n in vars(c)} - taken):
        if not name.startswith("_"):
            yield f"{path}.{describe_attribute(name, inspect.getattr_static(cls, name))}"


def describe_attribute(name: str, value: Any) -> str:
    """A method's signature, a property's type, a class attribute's value."""
    if isinstance(value, classmethod | staticmethod):
        value = value.__func__
    getter = getattr(value, "fget", None) or getattr(value, "func", None)
    abstract = " (abstract)" if getattr(value, "__isabstractmethod__", False) else ""
    if getter is not None:
        return f"{name}: {inspect.signature(getter).return_annotation}{abstract}"
    if callable(value):
        return f"{name}{signature(value)}{abstract}"
    return f"{name} = {value!r}"


def signature(function: Any) -> str:
    """As in the source: annotations are text."""
    return str(inspect.signature(function)).replace("'", "")


def default_of(field: Any) -> str:
    """Whether a field may be left out, and what it is then."""
    if repr(field.default_factory) != repr(field.default):  # one of the two is given
        made = field.default if "MISSING" not in repr(field.default) else field.default_factory
        return f" = {getattr(made, '__name__', None) or repr(made)}"
    return ""


def snapshot() -> str:
    """The whole interface as text."""
    modules = (ranef, ranef.contracts, ranef.registry, ranef.datasets)
    return "\n".join(line for module in modules for line in describe(module)) + "\n"


def test_public_interface_is_what_was_promised():
    promised, there = SNAPSHOT.read_text().splitlines(), snapshot().splitlines()
    difference = [
        line for line in difflib.unified_diff(promised, there, n=0, lineterm="") if line[:2] not in ("--", "++")
    ]
    assert not difference, ADVICE.format(difference="\n".join(difference))


def test_the_snapshot_sees_signatures_defaults_and_abstract_methods():
    lines = snapshot().splitlines()
    assert any(
        line.startswith("ranef.lmm(y: Any = None, X: Any = None, groups") and "reml: bool = True" in line
        for line in lines
    )
    assert "ranef.contracts.LinalgBackend.cost(self, pattern: Pattern) -> float (abstract)" in lines
    assert "ranef.contracts.PluginEntry.automatic: bool = True" in lines
    assert "ranef.LMMSolution.df_satterthwaite: FloatArray | None" in lines
    assert "ranef.contracts.Status.CONVERGED" in lines
    assert not any(" at 0x" in line for line in lines)


if __name__ == "__main__":
    SNAPSHOT.write_text(snapshot())
