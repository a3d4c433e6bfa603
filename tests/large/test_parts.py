"""Generalized models of rows in parts: the fit of the rows together, whatever the parts, and what follows from it."""

import warnings

import dask
import numpy as np
import polars as pl
import pytest

import ranef
from ranef.contracts.errors import ComparisonError
from ranef.contracts.linalg import PatternBlocks
from ranef.estimation.dispersion import DispersionScale
from ranef.estimation.laplace import curvature, laplace_gradient
from ranef.estimation.modes import find_mode
from ranef.estimation.parted import Most, added, penalized_likelihood
from ranef.estimation.pipeline import Analysis
from ranef.large.parts import parted

from .make import frame


def responses(n=900, seed=4):
    """Counts and successes with two crossed factors, whose levels are sorted along the rows in part."""
    data, rng = frame(n), np.random.default_rng(seed)
    g, h = data["g"].str[1:].astype(int).to_numpy(), data["h"].to_numpy()
    slope = 0.1 + 0.05 * rng.normal(size=60)[g]
    eta = 0.2 + slope * (data["x"] - 50) + 0.3 * (data["f"] == "mid")
    eta += 0.6 * rng.normal(size=60)[g] + 0.4 * rng.normal(size=100)[h]
    data["size"] = rng.integers(1, 6, n)
    data["exposure"] = rng.uniform(0.5, 2.0, n)
    data["k"] = rng.poisson(data["exposure"] * np.exp(eta))
    data["s"] = rng.binomial(data["size"], 1.0 / (1.0 + np.exp(-eta))) / data["size"]
    data["t"] = rng.gamma(3.0, np.exp(eta) / 3.0)
    return data.sort_values("g", kind="stable").reset_index(drop=True)


DATA = responses()
LEVELS = {"f": ["low", "mid", "top"]}
CLOGLOG = ranef.families.Binomial("cloglog")
CASES = {
    "one factor": ("k ~ x + f + offset(log(exposure)) + (1 | g)", {"family": "poisson", "levels": LEVELS}),
    "slopes": ("k ~ x + (1 + x | g)", {"family": "poisson"}),
    "crossed": ("s ~ x + (1 | g) + (1 | h)", {"family": "binomial", "weights": "size"}),
    "crossed with slopes": ("k ~ x + f + (1 + x | g) + (1 | h)", {"family": "poisson", "levels": LEVELS}),
    "expected weights": ("s ~ x + (1 | g)", {"family": CLOGLOG, "weights": "size", "hessian": "expected"}),
    "dispersion": ("k ~ x + (1 | g)", {"family": "negative_binomial"}),
    "dispersion of a continuous one": ("t ~ x + (1 | g)", {"family": ranef.families.Gamma("log")}),
    "structure": ("k ~ x + (1 + z | h)", {"family": "poisson", "covariance": {"h": "diag"}}),
}


def parts(*at):
    return [DATA.iloc[a:b] for a, b in zip([0, *at], [*at, len(DATA)], strict=True)]


def fitted(formula, data, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ranef.SingularFitWarning)
        return ranef.glmm(formula, data, tol=1e-13, **options)


def assert_same(one, other, by=1e-8):
    assert one.converged
    assert np.abs(one.theta - other.theta).max() < by
    assert np.abs(one.coefficients - other.coefficients).max() < by
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)
    for name, value in other.dispersion.items():
        assert one.dispersion[name] == pytest.approx(value, rel=1e-7)
    assert np.allclose(one.se, other.se, rtol=1e-6)
    assert one.names == other.names


@pytest.mark.parametrize("case", CASES)
def test_the_fit_of_all_rows(case):
    """Parts of any size, one empty and one of a single row; in some of them there are few of the levels."""
    formula, options = CASES[case]
    together = fitted(formula, DATA, {k: v for k, v in options.items() if k != "levels"})
    assert_same(fitted(formula, parts(100, 101, 101, 640), options), together)


def test_any_partition_gives_the_same_to_rounding():
    formula, options = CASES["crossed with slopes"]
    one = fitted(formula, [DATA], options)
    for at in ((450,), tuple(range(50, 900, 50))):
        assert_same(fitted(formula, parts(*at), options), one, by=1e-9)


def test_what_follows_from_the_fit():
    """There are no rows, as in a fit that was saved without them: the same predictions, tests and tables."""
    formula, options = CASES["crossed"]
    one, together = fitted(formula, parts(300), options), fitted(formula, DATA, options)
    assert one.deviance == pytest.approx(together.deviance, rel=1e-9)
    assert one.icc == pytest.approx(together.icc, rel=1e-6)
    new = DATA.iloc[:20]
    asked = {"se": True, "interval": "confidence"}
    mine, theirs = one.predict(new, **asked), together.predict(new, **asked)
    for name in theirs:
        assert np.allclose(mine[name], theirs[name], rtol=1e-5), name
    assert np.allclose(one.anova()["p_value"], together.anova()["p_value"], rtol=1e-5)
    assert "Number of obs: 900" in str(one.summary())
    with pytest.raises(ranef.InputError, match=r"no rows \(it was fitted to sums\)"):
        one.fitted_values  # noqa: B018


def test_the_mean_of_intraclass_correlations():
    formula, options = CASES["slopes"]
    assert fitted(formula, parts(200, 500), options).icc == pytest.approx(fitted(formula, DATA, options).icc, rel=1e-6)


def test_a_fit_is_saved_and_loaded(tmp_path):
    one = fitted("k ~ x + (1 | g)", parts(300), {"family": "poisson"})
    one.save(tmp_path / "fit.ranef", rows=False)
    again = ranef.load(tmp_path / "fit.ranef")
    assert np.array_equal(again.theta, one.theta)
    assert np.array_equal(again.se, one.se)


def test_two_fits_of_the_same_rows_are_compared():
    """The rows are known to be the same in any parts."""
    small = fitted("k ~ 1 + (1 | g)", parts(10), {"family": "poisson"})
    large = fitted("k ~ x + (1 | g)", parts(300, 600), {"family": "poisson"})
    other = fitted("k ~ x + (1 | g)", [DATA.assign(k=DATA["k"] + 1)], {"family": "poisson"})
    assert ranef.anova(small, large)["p_value"][-1] < 1e-6
    with pytest.raises(ComparisonError, match="different data"):
        ranef.anova(small, other)


@pytest.mark.parametrize("case", ["crossed with slopes", "dispersion"])
def test_partitions_of_dask(case):
    formula, options = CASES[case]
    delayed = [dask.delayed(part) for part in parts(100, 100, 500)]
    with dask.config.set(scheduler="synchronous"):
        fit = fitted(formula, delayed, options)
    assert_same(fit, fitted(formula, parts(300), options))


@pytest.mark.parametrize("joint", [False, True])
def test_reductions_are_those_of_rows_together(joint):
    """What the search only starts from, or only curves by, as well: no estimate would show it."""
    family = ranef.families.NegativeBinomial()
    one, many = (
        penalized_likelihood(rows, family, Analysis.of(rows.random.pattern, "auto", "auto").symbolic, "observed")
        for rows in (in_parts([DATA], family).over.parts[0], in_parts(parts(200, 500), family))
    )
    phi, other = np.array([2.0]), np.array([2.5])
    gamma, scale = np.array([0.5, 0.1]), DispersionScale(family.parameters)
    found = []
    for model in (one, many):
        Lambda, farther = model.Lambda(np.array([0.5, 0.1, 0.2])), model.Lambda(np.array([0.7, 0.1, 0.1]))
        mode = find_mode(model, Lambda, phi, np.zeros(model.pattern.q), gamma, joint=joint)
        moved, of_gamma = model.moved(mode, farther, other, mode.point.gamma + (not joint))
        by = laplace_gradient(mode)
        scores = model.outer_scores(mode, scale, np.array([1.5]))
        sums = mode.system.sums
        of_mode = mode.point.u, mode.point.gamma, mode.score, mode.log_density, curvature(mode)
        of_sums = moved, of_gamma if joint else 0.0, scores, sums.largest, sums.mean, sums.ZtWQ
        found.append([*of_mode, *of_sums, by.gamma, by.entries, by.phi.sum()])
    for mine, theirs in zip(*found, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-8, atol=1e-8)


def test_bases_are_turned_one_after_the_other():
    family, zeros = ranef.families.Poisson(), np.zeros(0)
    turns = [np.array([[0.6, -0.8], [0.8, 0.6]]), np.array([[0.0, 1.0], [1.0, 0.0]])]  # which do not commute
    sums = []
    for rows in (in_parts([DATA], family).over.parts[0], in_parts(parts(200, 500), family)):
        turned = rows.rotated(turns[:1]).rotated(turns[1:])
        model = penalized_likelihood(
            turned, family, Analysis.of(rows.random.pattern, "auto", "auto").symbolic, "observed"
        )
        effects = np.linspace(-1.0, 1.0, model.pattern.q)
        point = model.point(model.Lambda(np.array([0.5, 0.1, 0.2])), zeros, effects, np.array([0.5, 0.1]))
        sums.append((*model.slopes(point, joint=True), model.weighted(point, observed=True).ZtWZ.diagonal[0]))
    for mine, theirs in zip(*sums, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-8, atol=1e-8)


def in_parts(frames, family):
    return parted("k ~ x + (1 + x | g)", frames, family, structures={}, options={}).rows


# What is wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("parts", {"nagq": 9}, "nagq=9: rows in parts are fitted by the Laplace approximation"),
        ("parts", {"nagq": 0}, "nagq=0: rows in parts"),
        ("parts", {"family": "zero_inflated_poisson"}, "looks at all responses together"),
        (
            "parts",
            {"family": ranef.families.Poisson("identity")},
            "end at an edge, near which rows have to be together",
        ),
        ("parts", {"family": "negative_binomial", "dispersion": "~ x"}, "dispersion: for rows that are in memory"),
        ("parts", {"subset": "x > 50"}, "subset: for rows that are in memory"),
        ("empty", {}, "no rows"),
        ("iterator", {}, "looks at its rows many times: give a list of data frames"),
        ("lazy", {}, "looks at its rows many times"),
        ("negative", {}, r"part 1: .*-1"),
        ("missing", {}, "part 1: values are missing: x in 1 row"),
        ("separated", {"family": "binomial"}, "the end of their range, or nearly so"),
    ],
)
def test_what_is_not_there_is_refused_by_name(data, options, message):
    sources = {
        "parts": lambda: parts(300),
        "empty": lambda: [DATA.iloc[:0]],
        "iterator": lambda: iter(parts(300)),
        "lazy": lambda: pl.from_pandas(DATA).lazy(),
        "negative": lambda: [DATA.iloc[:300], DATA.assign(k=DATA["k"].where(DATA.index != 500, -1)).iloc[300:]],
        "missing": lambda: [DATA.iloc[:300], DATA.assign(x=DATA["x"].where(DATA.index != 500)).iloc[300:]],
        "separated": lambda: [DATA.assign(k=(DATA["x"] > 52).astype(float)).iloc[a : a + 300] for a in (0, 300, 600)],
    }
    with pytest.raises((ranef.InputError, ranef.InputTypeError), match=message):
        ranef.glmm("k ~ x + (1 | g)", sources[data](), **({"family": "poisson"} | options))


def test_linear_models_of_sums_refuse_what_needs_rows():
    """Residual structures had been ignored."""
    with pytest.raises(ranef.InputTypeError, match="residual, dispersion: for rows that are in memory"):
        ranef.lmm("y ~ x + (1 | g)", parts(300), residual="cs(1 | g)", dispersion="~ x")


def test_sums_of_what_parts_give():
    blocks = PatternBlocks((np.ones((1, 1, 2)),), {(0, 1): np.ones((1, 1, 3))})
    total, most, sums = added([(1.0, Most(2.0), blocks), (3.0, Most(1.0), blocks)])
    assert (total, most) == (4.0, Most(2.0))
    assert np.array_equal(sums.diagonal[0], 2.0 * blocks.diagonal[0])
    assert np.array_equal(sums.cross[0, 1], 2.0 * blocks.cross[0, 1])
    assert added([(1.0, 2.0), None]) is None
