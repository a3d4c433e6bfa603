"""Law: `ranef fit` is the library's call. Every option leads to the same fit, and to another one than without it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ranef
from ranef.cli import main

pytestmark = pytest.mark.filterwarnings("ignore::ranef.RanefWarning")

N = 96
RNG = np.random.default_rng(5)
G, H, S = np.arange(N) // 8, np.arange(N) % 6, np.arange(N) // 4 % 3
ONE, X, Z, O1, O2 = np.ones(N), *RNG.normal(size=(4, N)).round(3)
MEAN = 1 + X + RNG.normal(size=12)[G] + RNG.normal(size=12)[G] * X + RNG.normal(size=6)[H]
Y = (MEAN + RNG.normal(size=N)).round(3)
TRIALS = RNG.integers(2, 9, size=N)
HITS = RNG.binomial(TRIALS, 1 / (1 + np.exp(-0.5 * MEAN)))
COUNTS = RNG.poisson(np.exp(0.4 * MEAN))
W1, W2 = RNG.uniform(0.5, 2, size=(2, N)).round(3)
COLUMNS = {
    "y": Y,
    "x": X,
    "z": Z,
    "o1": O1,
    "o2": O2,
    "w1": W1,
    "w2": W2,
    "counts": COUNTS,
    "trials": TRIALS,
    "part": HITS / TRIALS,
    "g": G,
    "h": np.char.add("h", H.astype(str)),
    "s": S,
}
LMM = {"x_names": ["(Intercept)", "x"], "random_data": {"x": X, "z": Z}}


def lmm(y: Any = Y, X: Any = (ONE, X), groups: Any = None, **arguments: Any) -> ranef.LMMSolution:
    return ranef.lmm(y, np.column_stack(X), groups or {"g": G}, **(LMM | arguments))


def glmm(y: Any, **arguments: Any) -> ranef.GLMMSolution:
    return ranef.glmm(y, np.column_stack([ONE, X]), {"g": G}, **(LMM | arguments))


PLAIN = "--x x --groups g"
COMMANDS: dict[str, tuple[str, Callable[[], Any]]] = {
    "plain": (f"--y y {PLAIN}", lmm),
    "y": (f"--y z {PLAIN}", lambda: lmm(Z)),
    "x": ("--y y --x x,z --groups g", lambda: lmm(X=(ONE, X, Z), x_names=["(Intercept)", "x", "z"])),
    "no_intercept": (f"--y y {PLAIN} --no-intercept", lambda: lmm(X=(X,), x_names=["x"])),
    "groups": ("--y y --x x --groups g,h", lambda: lmm(groups={"g": G, "h": COLUMNS["h"]})),
    "groups, nested": (
        "--y y --x x --groups s,s:h",
        lambda: lmm(groups={"s": S, "s:h": [f"{s}:h{h}" for s, h in zip(S, H, strict=True)]}),
    ),
    "random": ("--y y --x x --random g:1+z", lambda: lmm(random_effects={"g": ["1", "z"]})),
    "random, twice": (
        "--y y --x x --random g:1+z --random h:x",
        lambda: lmm(groups={"g": G, "h": COLUMNS["h"]}, random_effects={"g": ["1", "z"], "h": ["x"]}),
    ),
    "uncorrelated": (
        "--y y --x x --random g:1+z --uncorrelated g",
        lambda: lmm(random_effects={"g": ["1", "z"]}, correlated={"g": False}),
    ),
    "covariance": (
        "--y y --x x --random g:x+z --covariance g=homcs",
        lambda: lmm(random_effects={"g": ["x", "z"]}, covariance={"g": "homcs"}),
    ),
    "weights": (f"--y y {PLAIN} --weights w1", lambda: lmm(weights=W1)),
    "weights, others": (f"--y y {PLAIN} --weights w2", lambda: lmm(weights=W2)),
    "offset": (f"--y y {PLAIN} --offset o1", lambda: lmm(offset=O1)),
    "offset, another": (f"--y y {PLAIN} --offset o2", lambda: lmm(offset=O2)),
    "weights and offset": (f"--y y {PLAIN} --weights w1 --offset o2", lambda: lmm(weights=W1, offset=O2)),
    "ml": (f"--y y {PLAIN} --ml", lambda: lmm(reml=False)),
    "family": (f"--y counts {PLAIN} --family poisson", lambda: glmm(COUNTS, family="poisson")),
    "family, offset": (
        f"--y counts {PLAIN} --family poisson --offset o1",
        lambda: glmm(COUNTS, family="poisson", offset=O1),
    ),
    "family, trials": (
        f"--y part {PLAIN} --family binomial --weights trials",
        lambda: glmm(HITS / TRIALS, family="binomial", weights=TRIALS),
    ),
    "link": (
        f"--y part {PLAIN} --family binomial --weights trials --link probit",
        lambda: glmm(HITS / TRIALS, family="binomial(probit)", weights=TRIALS),
    ),
    "family with a link": (
        f"--y part {PLAIN} --family binomial(cloglog) --weights trials",
        lambda: glmm(HITS / TRIALS, family="binomial(cloglog)", weights=TRIALS),
    ),
    "formula": ("y~x*z+(1|g)", lambda: ranef.lmm("y~x*z+(1|g)", COLUMNS)),
    "subset": ("y~x+(1|g) --subset z>-1", lambda: ranef.lmm("y~x+(1|g)", COLUMNS, subset="z>-1")),
    "contrasts": (
        "y~x+h+(1|g) --contrasts h=sum",
        lambda: ranef.lmm("y~x+h+(1|g)", COLUMNS, contrasts={"h": "sum"}),
    ),
    "weights of a formula": ("y~x+(1|g) --weights w1*2", lambda: ranef.lmm("y~x+(1|g)", COLUMNS, weights="w1*2")),
    "backend": (f"--y y {PLAIN} --backend dense", lambda: lmm(backend="dense")),
    "optimizer": (f"--y y {PLAIN} --optimizer nelder-mead", lambda: lmm(optimizer="nelder-mead")),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("law") / "d.csv"
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([COLUMNS, *zip(*(c.tolist() for c in COLUMNS.values()), strict=True)])
    return str(file)


def run(path: str | Path, options: str) -> Any:
    return CliRunner().invoke(main, ["fit", str(path), *options.split()])


def numbers(fit: Any) -> dict[str, Any]:
    """All that may differ between two fits."""
    return {
        "model": fit._labels.right_hand_side,
        "log-likelihood": fit.log_likelihood,
        "theta": fit.theta.tolist(),
        "fixef": fit.fixef,
        "levels": {name: list(map(str, levels)) for name, levels in fit.levels.items()},
        "ranef": {name: effects.tolist() for name, effects in fit.ranef.items()},
        "provenance": [str(p) for p in fit.provenance],
    }


@pytest.mark.parametrize("case", COMMANDS)
def test_the_command_is_the_call(path: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options, call = COMMANDS[case]
    expected, plain, fits = call(), numbers(lmm()), []
    for name in ("lmm", "glmm"):
        function = getattr(ranef, name)
        monkeypatch.setattr(ranef, name, lambda *a, f=function, **k: fits.append(f(*a, **k)) or fits[-1])
    done = run(path, options)
    assert done.exit_code == 0, done.output
    assert numbers(fits[0]) == numbers(expected)
    assert fits[0]._of_source(str(path)).summary() in done.output
    assert case == "plain" or numbers(expected) != plain  # else it could be ignored


def test_every_option_has_its_case() -> None:
    options = {p.name for p in main.commands["fit"].params} - {
        "data",
        "names",
        "save",
    }  # names: tests/formula/test_command_line.py; save: tests/prediction/test_by_formula.py
    options -= {
        "anova",
        "df",
        "check",
        "plot",
        "html",
        "seed",
    }  # what follows from a fit: tests/solution/test_report.py
    assert options <= set(COMMANDS)
