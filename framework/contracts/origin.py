"""Where in a plugin's own files something is, for messages about plugins."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import Any


def package_of(module: str) -> str:
    """The package that a module's plugin is written in: all of the distribution's; one folder of ranef's own.

    Examples
    --------
    >>> package_of("my_package.ranef.plugin"), package_of("ranef.families.poisson")
    ('my_package', 'ranef.families')
    """
    top, _, _ = module.partition(".")
    return module.rpartition(".")[0] or module if top == "ranef" else top


def raised_at(error: BaseException, module: str) -> str:
    """The last line of a plugin's own files that an exception came through; "" where it came through none.

    Parameters
    ----------
    error : BaseException
        As it was caught.
    module : str
        Name of the plugin's module: files of its package are the plugin's own.

    Returns
    -------
    str
        For example "lindley.py, line 12".
    """
    package = package_of(module)
    lines = [
        _line(frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if f"{frame.f_globals.get('__name__')}.".startswith(f"{package}.")
    ]
    return lines[-1] if lines else ""


def defined_at(thing: Any) -> str:
    """Where a function, method or class is written, as "lindley.py, line 12"; "" where that is in no file."""
    function = inspect.unwrap(getattr(thing, "__func__", thing))
    if code := getattr(function, "__code__", None):
        return _line(code.co_filename, code.co_firstlineno)
    try:
        return _line(inspect.getsourcefile(function) or "", inspect.getsourcelines(function)[1])
    except (OSError, TypeError):  # written in a notebook, or in C
        return ""


def said(error: BaseException, module: str) -> str:
    """What an exception says, with its type and the last line of the plugin's own files."""
    place = raised_at(error, module)
    return f"{type(error).__name__}: {error}" + f" ({place})" * bool(place)


def _line(file: str, number: int) -> str:
    """A path from the working directory where it lies below that."""
    path = Path(file)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}, line {number}"
