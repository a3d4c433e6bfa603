"""Print the oldest versions of all that pyproject.toml asks for, one a line, as pip reads them.

The extras that check the code or write the manual, and the one that needs a compiler, are left out; what runs the
tests is in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
LEFT_OUT = ("cholmod", "all", "test", "docs", "dev")
RUNNERS = ("array-api-compat", "array-api-strict", "hypothesis", "pytest", "pytest-xdist")


def lowest(project: dict[str, Any]) -> list[str]:
    """Requirements as name==version."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(r for name, rs in extras.items() if name not in LEFT_OUT for r in rs)]
    wanted += [r for r in extras["test"] if re.split(r"[<>=\[]", r)[0] in RUNNERS]
    return sorted(set(pinned(wanted)))


def pinned(requirements: Iterable[str]) -> Iterator[str]:
    """Each at its lower bound; those without one are an error."""
    for requirement in requirements:
        found = re.fullmatch(r"([\w.-]+(?:\[[\w,]+\])?)>=([\w.]+)(,.*)?", requirement)
        if found is None:
            raise ValueError(f"{requirement}: expected a lower bound, as in numpy>=1.26")
        yield f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    print("\n".join(lowest(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"])))
