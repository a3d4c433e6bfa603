"""What `import ranef` does not import: packages that are slow to import come with what needs them."""

from __future__ import annotations

import json
import subprocess
import sys

#: scipy.stats takes longer than ranef itself; it brings optimize and interpolate, which are slow, too.
SLOW = ("scipy.stats", "scipy.optimize", "scipy.interpolate", "scipy.spatial")
#: What every fit needs, but `import ranef` does not: written `scipy.special.ndtri`, which SciPy imports on first use.
OF_A_FIT = ("scipy.special", "scipy.sparse")
EXTRAS = (
    "formulaic", "narwhals", "pandas", "polars", "pyarrow", "matplotlib", "rich", "sksparse", "nlopt", "sklearn",
)  # fmt: skip
#: Plugins come on first use, and so does what only commands need.
OURS = ("ranef.backends", "ranef.families", "ranef.covariances", "ranef.testkit", "ranef.bench", "ranef.cli", "click")


def loaded_by(code: str) -> set[str]:
    """Modules that a new process has after this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_ranef():
    """Beside SciPy's linear algebra, which brings sparse matrices itself in SciPy 1.14."""
    loaded = loaded_by("import ranef") - loaded_by("import scipy.linalg")
    assert "ranef.frontends.lmm" in loaded
    assert loaded & {*SLOW, *EXTRAS, *OURS, *OF_A_FIT} == set()


def test_asking_for_help_on_the_command_line():
    loaded = loaded_by("""
from click.testing import CliRunner
from ranef.cli import main
assert "Usage" in CliRunner().invoke(main, ["--help"]).output
""")
    assert "ranef.cli.fit" in loaded
    assert loaded & {*SLOW, *EXTRAS} == set()


def test_a_fit_and_its_tests_need_little_of_scipy():
    loaded = loaded_by("""
import numpy as np, ranef
d = ranef.datasets.load("sleepstudy")
X = np.column_stack([np.ones(180), d["Days"]])
fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["(Intercept)", "Days"])
print(fit.summary(), fit.anova(terms={"Days": ["Days"]}), fit.conf_int, fit.contrast([0, 1], df="kenward-roger"))
""")
    assert "ranef.backends" in loaded
    assert loaded & {*SLOW, *EXTRAS} == set()
