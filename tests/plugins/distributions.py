"""Source of small distributions, each with one plugin module: a good one, and one for each way to be wrong."""

from __future__ import annotations

from pathlib import Path

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"

[project.entry-points.ranef]
{point} = "{module}"

[tool.setuptools]
py-modules = ["{module}"]
"""

LINK = """\
import numpy as np
from ranef.contracts import Link, LinkEntry, Mean, hookimpl

class Times(Link):
    name = "times"
    def __init__(self, factor):
        self.factor = factor
    def link(self, mu):
        return self.factor * mu
    def mean(self, eta):
        one = np.ones_like(eta)
        return Mean(eta / self.factor, 1 - eta / self.factor, one / self.factor, 0 * one, 0 * one)

"""

MODULES = {
    "scratch-good": LINK
    + """\
from ranef.contracts import Family, FamilyEntry

class Geometric(Family):
    name, links, discrete = "scratch-geometric", (Times(5.0),), True
    support_text = "counts 0, 1, 2, ..."
    def log_density(self, y, mu, weights, phi):
        return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))
    def variance(self, mu, phi):
        return mu * (1 + mu)
    def support(self, y, weights):
        return (y >= 0) & (y == np.round(y))
    def sample(self, mu, weights, phi, rng):
        return rng.geometric(1 / (1 + mu)) - 1.0

@hookimpl
def ranef_families():
    yield FamilyEntry("scratch-geometric", "Geometric distribution", Geometric, aliases=("scratch-geo",))

@hookimpl
def ranef_links():
    yield LinkEntry("scratch-times-five", "5 mu", lambda: Times(5.0))
""",
    "scratch-rival-one": LINK
    + """\
@hookimpl
def ranef_links():
    yield LinkEntry("scratch-twin", "1 mu", lambda: Times(1.0))
""",
    "scratch-rival-two": LINK
    + """\
@hookimpl
def ranef_links():
    yield LinkEntry("scratch-twin", "2 mu", lambda: Times(2.0))
""",
    "scratch-broken": "import a_module_that_nobody_has\n",
    "scratch-unmakeable": """\
from ranef.contracts import FamilyEntry, hookimpl

def make(**options):
    from numpy import linalg
    return linalg.no_such_thing

@hookimpl
def ranef_families():
    yield FamilyEntry("scratch-unmakeable", "cannot be made", make)
""",
    "scratch-namesake": LINK
    + """\
@hookimpl
def ranef_links():
    yield LinkEntry("logit", "five times mu", lambda: Times(5.0))
""",
    "scratch-old": LINK
    + """\
@hookimpl
def ranef_links():
    yield LinkEntry("scratch-old", "an old one", lambda: Times(1.0), api_version="0.3")
""",
    "scratch-misspelt": LINK
    + """\
@hookimpl
def ranef_linkz():
    yield LinkEntry("scratch-misspelt", "", lambda: Times(1.0))
""",
    "scratch-wrong-hook": """\
from ranef.contracts import hookimpl

@hookimpl
def ranef_links():
    return {"scratch-wrong-hook": "a dict is no entry"}
""",
    "scratch-wrong-make": """\
from ranef.contracts import LinkEntry, hookimpl

@hookimpl
def ranef_links():
    yield LinkEntry("scratch-wrong-make", "makes a dict", dict)
""",
    "scratch-needy": LINK
    + """\
def make():
    import a_module_that_nobody_has
    return Times(1.0)

@hookimpl
def ranef_links():
    yield LinkEntry(
        "scratch-needy", "needs more", make,
        requires=("a_module_that_nobody_has",), install_hint="pip install a-distribution-that-has-it",
    )
""",
}


def write(folder: Path) -> list[Path]:
    """Write all distributions, each into a folder of its own."""
    folders = []
    for name, code in MODULES.items():
        home = folder / name
        home.mkdir()
        module = name.replace("-", "_")
        text = PYPROJECT.format(name=name, version="1.2.3", point=f"{name}-point", module=module)
        (home / "pyproject.toml").write_text(text)
        (home / f"{module}.py").write_text(code)
        folders.append(home)
    return folders
