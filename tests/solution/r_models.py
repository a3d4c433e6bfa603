"""Small models of all kinds that R fits too; as a program it runs what `r_code` writes for them in R.

    python tests/solution/r_models.py [NAME ...]

needs Rscript with lme4, glmmTMB and ordinal. It prints how far R's figures are from ranef's, relative to their size,
and exits with 1 where a script does not run, or a figure is further off than `CLOSE`. Standard errors of linear models
by glmmTMB are other ones (see the scripts) and may be further off. Last run with R 4.2.2, lme4 1.1-31 and glmmTMB
1.1.5: close.

    python tests/solution/r_models.py --golden

writes the scripts of `GOLDEN` anew, which test_r_code.py compares with.
"""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import ranef

HOME = Path(__file__).with_name("r_code")
GOLDEN = ("dyestuff", "cbpp", "sleepstudy_ar1", "cbpp_counts")
#: Largest relative difference, of figures that are below 0.01 relative to that.
CLOSE, CLOSE_IN_GLMMTMB_LINEAR = 1e-3, 0.1
#: Standard errors by clmm, whose Hessian is by differences (tests/ordinal has ours against one by hand).
CLOSE_IN_CLMM = 0.01

N, LEVELS = 300, 20
RNG = np.random.default_rng(4)
g = np.repeat(np.arange(LEVELS), N // LEVELS)
h = np.tile([f'h "{i}"' for i in range(12)], N // 12)
t = np.tile(np.arange(5), N // 5)
x = RNG.normal(size=N).round(3)
u, v = RNG.normal(size=(LEVELS, 2)) * [0.8, 0.4], RNG.normal(size=12) * 0.5
eta = 0.5 + 0.4 * x + u[g, 0] + u[g, 1] * x
mu = np.exp(0.6 * eta + 0.5)
w, o = RNG.uniform(0.5, 2.0, N), RNG.normal(size=N) * 0.1
X = np.column_stack([np.ones(N), x])
NAMES = ["(Intercept)", "x"]
TIMES = {f"t{i}": t == i for i in range(5)}
SLOPES: dict[str, Any] = {"random_effects": {"g": ["1", "x"]}, "x_names": NAMES}
noise = RNG.normal(size=N)
counts = RNG.poisson(mu).astype(float)
probability = 1.0 / (1.0 + np.exp(-eta))
beta = np.clip(RNG.beta(probability * 8, (1 - probability) * 8), 1e-6, 1 - 1e-6)
trials = RNG.integers(3, 12, N).astype(float)

#: Effects of four times, with correlations that differ by distance.
big, time = np.repeat(np.arange(60), 20), np.tile(np.arange(4), 300)
ORDERED = {f"t{i}": time == i for i in range(4)}
_root = np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4))))
moving = 1 + (RNG.normal(size=(60, 4)) @ _root.T * 0.7)[big, time] + 0.5 * RNG.normal(size=1200)


def dyestuff() -> Any:
    d = ranef.datasets.load("dyestuff")
    return ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, y_name="Yield")


CBPP = ranef.datasets.load("cbpp")
CBPP_X: dict[str, Any] = {
    "X": np.column_stack([np.ones(56), *(CBPP["period"] == p for p in "234")]),
    "groups": {"herd": CBPP["herd"]},
    "x_names": ["(Intercept)", "period2", "period3", "period4"],
}


def cbpp(**others: Any) -> Any:
    y = CBPP["incidence"] / CBPP["size"]
    return ranef.glmm(y, **CBPP_X, weights=CBPP["size"], y_name="incidence / size", **others)


def cbpp_counts() -> Any:
    offset = np.log(CBPP["size"])
    return ranef.glmm(CBPP["incidence"], **CBPP_X, offset=offset, family="negative_binomial1", y_name="incidence")


def wine() -> Any:
    return ranef.glmm("rating ~ temp + contact + (1 | judge)", ranef.datasets.load("wine"), family="ordinal")


def sleepstudy(**others: Any) -> Any:
    d = ranef.datasets.load("sleepstudy")
    fixed, names = np.column_stack([np.ones(180), d["Days"]]), ["(Intercept)", "Days"]
    options: dict[str, Any] = {"random_effects": {"Subject": ["1", "Days"]}, "x_names": names, **others}
    return ranef.lmm(d["Reaction"], fixed, {"Subject": d["Subject"]}, **options)


def linear(y: Any = eta + noise, **others: Any) -> Any:
    return ranef.lmm(y, X, others.pop("groups", {"g": g}), **{**SLOPES, **others})


def generalized(y: Any, family: Any, **others: Any) -> Any:
    return ranef.glmm(y, X, others.pop("groups", {"g": g}), family=family, **{"x_names": NAMES, **others})


def structured(structure: str, **others: Any) -> Any:
    terms: dict[str, Any] = {"random_effects": {"g": list(ORDERED)}, "random_data": ORDERED}
    return ranef.lmm(moving, np.ones((1200, 1)), {"g": big}, covariance={"g": structure}, **terms, **others)


def sleepstudy_ar1() -> Any:
    d = ranef.datasets.load("sleepstudy")
    thirds = {f"third{i}": np.minimum(d["Days"] // 3, 2) == i for i in range(3)}
    return sleepstudy(random_effects={"Subject": list(thirds)}, random_data=thirds, covariance={"Subject": "ar1"})


def _tweedie() -> Any:
    return np.array([np.random.default_rng(i).gamma(2.0, 0.5, size=int(k)).sum() for i, k in enumerate(counts)])


#: Responses of which some are zeros, more of them where the first variable is large.
zeros = np.random.default_rng(5).random(N) < 1.0 / (1.0 + np.exp(1.0 - 0.8 * x))
positive = np.random.default_rng(6).gamma(3.0, mu / 3.0)
successes = np.random.default_rng(7).binomial(trials.astype(int), probability).astype(float)
ZINB, ZI_MODEL = "zero_inflated_negative_binomial", np.column_stack([np.ones(N), x])
MODELLED = {"theta": ZI_MODEL, "zi": ZI_MODEL}


def _with_zeros(y: Any) -> Any:
    return np.where(zeros, 0.0, y)


def _overdispersed() -> Any:
    theta = np.exp(0.7 + 0.5 * x)
    return np.random.default_rng(8).negative_binomial(theta, theta / (theta + mu)).astype(float)


MODELS: dict[str, Callable[[], Any]] = {
    "dyestuff": dyestuff,
    "sleepstudy": sleepstudy,
    "sleepstudy_uncorrelated_ml": lambda: sleepstudy(correlated=False, reml=False),
    "crossed_weights_offset": lambda: linear(groups={"g": g, "h": h}, weights=w, offset=o),
    "two_terms_dropped_column": lambda: ranef.lmm(
        eta + noise,
        np.column_stack([X, 2 * x]),
        {"g": g},
        random_effects={"g": [["1"], ["x"]]},
        x_names=[*NAMES, "twice"],
    ),
    "no_fixed_effects": lambda: ranef.lmm(eta + noise, np.zeros((N, 0)), {"g": g}),
    "gaussian_cs": lambda: structured("cs"),
    "sleepstudy_ar1": sleepstudy_ar1,
    "gaussian_ar1_ml": lambda: structured("ar1", reml=False),
    "gaussian_toep": lambda: structured("toep"),
    "cbpp": cbpp,
    "cbpp_quadrature": lambda: cbpp(nagq=9),
    "cbpp_nagq0": lambda: cbpp(nagq=0),
    "probit": lambda: cbpp(family="binomial(probit)"),
    "cloglog": lambda: cbpp(family="binomial(cloglog)"),
    "probit_expected": lambda: cbpp(family="binomial(probit)", hessian="expected"),
    "cauchit_expected": lambda: cbpp(family="binomial(cauchit)", hessian="expected"),
    "poisson": lambda: generalized(counts, "poisson", offset=o, random_effects={"g": ["1", "x"]}),
    "poisson_weights": lambda: generalized(counts, "poisson", groups={"g": g, "h": h}, weights=w),
    "poisson_sqrt": lambda: generalized(counts + 3.0, "poisson(sqrt)"),
    "poisson_cs": lambda: generalized(
        counts, "poisson", random_effects={"g": list(TIMES)}, random_data=TIMES, covariance={"g": "cs"}
    ),
    "negative_binomial": lambda: generalized(RNG.negative_binomial(2, 2 / (2 + mu)).astype(float), "negative_binomial"),
    "cbpp_counts": cbpp_counts,
    "gamma": lambda: generalized(RNG.gamma(3.0, mu / 3.0), "gamma"),
    "gaussian_log": lambda: generalized(mu + 0.3 * noise, "gaussian(log)"),
    "beta": lambda: generalized(beta, "beta"),
    "beta_binomial": lambda: generalized(
        RNG.binomial(trials.astype(int), beta) / trials, "beta_binomial", weights=trials
    ),
    "student_t": lambda: generalized(eta + RNG.standard_t(4, size=N), "student_t"),
    "truncated_poisson": lambda: generalized(np.maximum(counts, 1.0), "truncated_poisson"),
    "truncated_negative_binomial": lambda: generalized(
        np.maximum(RNG.negative_binomial(2, 1 / (1 + mu)), 1).astype(float), "truncated_negative_binomial"
    ),
    "tweedie": lambda: generalized(_tweedie(), "tweedie"),
    "wine": wine,
    "zero_inflated_poisson": lambda: generalized(_with_zeros(counts), "zero_inflated_poisson"),
    "zero_inflated_models": lambda: generalized(_with_zeros(_overdispersed()), ZINB, parameters=MODELLED),
    "zero_inflated_binomial": lambda: generalized(
        _with_zeros(successes / trials), "zero_inflated_binomial", weights=trials
    ),
    "hurdle_poisson": lambda: generalized(_with_zeros(np.maximum(counts, 1.0)), "hurdle_poisson", zi=ZI_MODEL),
    "hurdle_negative_binomial": lambda: generalized(
        _with_zeros(np.maximum(_overdispersed(), 1.0)), "hurdle_negative_binomial", dispersion=ZI_MODEL
    ),
    "hurdle_gamma": lambda: generalized(_with_zeros(positive), "hurdle_gamma"),
}


def fitted(name: str) -> Any:
    """The fit of that name, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MODELS[name]()


def differences(printed: str) -> dict[str, float]:
    """The largest relative difference under each of the script's headings."""
    out, heading, header = {}, "", ""
    for line in printed.splitlines():
        if re.fullmatch(r"\s*name\s+ranef\s+R\s+difference", line):
            heading = header
        elif heading and (cells := line.split()) and len(cells) >= 3:
            ours, difference = (np.inf if cell == "NA" else float(cell) for cell in (cells[-3], cells[-1]))
            out[heading] = max(out.get(heading, 0.0), abs(difference) / max(abs(ours), 0.01))
        else:
            heading, header = "", line
    return out


def run(name: str, folder: Path) -> bool:
    """Whether the script of a model runs in R, and its figures are ranef's."""
    fit = fitted(name)
    data = folder / f"{name}.csv" if fit.n_obs > 1000 or name == "crossed_weights_offset" else None
    script = folder / f"{name}.R"
    script.write_text(fit.r_code(data=data), encoding="utf-8")
    done = subprocess.run(["Rscript", str(script)], capture_output=True, text=True, check=False)
    found = differences(done.stdout)
    linear = "glmmTMB(" in script.read_text() and isinstance(fit, ranef.LMMSolution)
    of_se = CLOSE_IN_GLMMTMB_LINEAR if linear else CLOSE_IN_CLMM if "clmm(" in script.read_text() else CLOSE
    bounds = {heading: of_se if heading == "Standard errors" else CLOSE for heading in found}
    close = done.returncode == 0 and len(found) > 1 and all(found[k] <= bounds[k] for k in found)
    print("ok  " if close else "FAIL", name, {k: float(f"{v:.1g}") for k, v in found.items()})
    if done.returncode:
        print(done.stderr)
    return close


if __name__ == "__main__":
    if sys.argv[1:] == ["--golden"]:
        for name in GOLDEN:
            (HOME / f"{name}.R").write_text(fitted(name).r_code(), encoding="utf-8")
        sys.exit()
    with TemporaryDirectory() as folder:
        results = [run(name, Path(folder)) for name in sys.argv[1:] or MODELS]
    sys.exit(not all(results))
