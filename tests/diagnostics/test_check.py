"""Checks: each fault that is put into data is found, and sound data give no finding beyond notes."""

from dataclasses import replace

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError
from ranef.diagnostics.findings import Finding, Findings

from .test_influence import poisson

N, G = 200, 20


def data(seed=0):
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(G), N // G), rng.normal(size=N)
    return rng, g, x, rng.normal(size=G)[g]


def linear(y, x, g, **more):
    return ranef.lmm(y, np.column_stack([np.ones(N), x]), {"g": g}, x_names=["1", "x"], **more)


def found(fit, name):
    """Severities and sentences of one check."""
    findings = fit.check(nsim=199, rng=1)
    mine = findings["check"] == name
    return list(zip(findings["severity"][mine], findings["finding"][mine], strict=True))


def test_sound_data_have_no_faults():
    rng, g, x, b = data()
    fit = linear(1 + x + b + rng.normal(size=N), x, g)
    findings = fit.check(rng=1)
    assert findings.ok, str(findings)
    assert "influence" in findings.looked_at
    assert findings.left_out == ("Laplace approximation (of Laplace fits only)",)
    assert "Nothing to say of: convergence" in str(findings)


def test_a_curve_is_found():
    rng, g, x, b = data()
    fit = linear(1 + x + 0.8 * x**2 + b + rng.normal(size=N), x, g)
    [(severity, text), *_] = found(fit, "residuals against the mean")
    assert severity == "doubtful"
    assert text == "residuals have a pattern against the population's mean (p = 0.005)"


def test_spread_that_grows_is_found():
    rng, g, x, b = data()
    fit = linear(1 + 2 * x + b + np.exp(0.8 * x) * rng.normal(size=N), x, g)
    assert any("spread of residuals changes" in text for _, text in found(fit, "residuals against the mean"))


def test_levels_of_another_spread_are_found():
    rng, g, x, b = data()
    fit = linear(1 + x + b + np.where(g % 4 == 0, 3.0, 0.5) * rng.normal(size=N), x, g)
    assert found(fit, "residuals by level") == [("doubtful", "levels of g differ in spread (p = 0.005)")]


def test_heavy_tails_are_found():
    rng, g, x, b = data()
    fit = linear(1 + x + b + rng.standard_t(1.5, size=N), x, g)
    assert found(fit, "distribution of the response")


def test_overdispersion_and_zeros_are_found():
    rng, g, x, b = data()
    X = np.column_stack([np.ones(N), x])
    y = rng.poisson(np.exp(1.5 + 0.3 * x + 0.3 * b)) * (rng.random(N) > 0.3)
    texts = [text for _, text in found(ranef.glmm(y, X, {"g": g}, family="poisson"), "distribution of the response")]
    assert any("times as much as in the model" in text for text in texts)
    assert any("responses are zero" in text for text in texts)


def test_effects_that_are_not_normal_are_found():
    rng, g, x, _ = data()
    b = np.where(np.arange(G) < 2, 12.0, 0.0) + 0.3 * rng.normal(size=G)
    fit = linear(1 + x + b[g] + 0.5 * rng.normal(size=N), x, g)
    [(_, text)] = found(fit, "normality of the random effects")
    assert text.startswith("effects (Intercept) of g are not normal")


def test_a_row_that_matters_is_named():
    rng, g, x, b = data()
    x[17], y = 9.0, 1 + b + rng.normal(size=N)
    y[17] = 15.0
    [(severity, text), *_] = found(linear(y, x, g), "influence")
    assert (severity, text[:24]) == ("doubtful", "row 17 alone moves x by ")


def test_a_level_that_moves_one_coefficient_far_is_named():
    d = ranef.datasets.load("cbpp")
    fit = ranef.glmm("cbind(incidence, size - incidence) ~ period + (1 | herd)", d, family="binomial")
    largest = fit.influence("herd").largest(1)
    assert largest["cooks"][0] < 1.0 < largest["dfbetas_period[T.2]"][0]
    expected = "herd 11 alone moves period[T.2] by 1.2 standard errors (Cook's distance 0.42)"
    assert found(fit, "influence") == [("doubtful", expected)]


def test_a_level_that_carries_a_coefficient_is_named():
    rng, g, _, b = data()
    x = (g == 3).astype(float)
    texts = [text for _, text in found(linear(1 + x + b + rng.normal(size=N), x, g), "influence")]
    assert "without g 3 the data do not determine all coefficients" in texts


def test_collinear_columns_are_named():
    rng, g, x, b = data()
    X = np.column_stack([np.ones(N), x, x + 0.1 * rng.normal(size=N)])
    fit = ranef.lmm(1 + x + b + rng.normal(size=N), X, {"g": g}, x_names=["1", "x", "z"])
    [(severity, text)] = found(fit, "collinearity")
    assert severity == "doubtful"
    inflation = fit.vif()["inflation"]
    assert text.endswith(f"x {inflation[0]:.3g} times, z {inflation[1]:.3g} times")


@pytest.mark.filterwarnings("ignore::ranef.contracts.RanefWarning")
def test_what_the_fit_says_of_itself():
    rng, g, x, b = data()
    y = 1 + x + b + rng.normal(size=N)
    assert found(linear(y + g % 3, x, g % 3), "number of levels")[0][1].startswith("g has 3 levels")
    d = ranef.datasets.load("dyestuff2")
    singular = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
    assert found(singular, "rank of the random effects") == [("note", "the variance of Batch is estimated as zero")]
    doubled = ranef.lmm(y, np.column_stack([np.ones(N), x, 2 * x]), {"g": g}, x_names=["1", "x", "x2"])
    assert found(doubled, "identification") == [("note", "x2 is a combination of other columns of X")]
    short = linear(y, x, g, max_iter=1, tol=1e-14, optimizer="nelder-mead")
    assert not short.converged
    findings = short.check(rng=1)
    assert (findings["severity"][0], findings["check"][0], findings.ok) == ("serious", "convergence", False)


@pytest.mark.parametrize(("higher", "told"), [(2.17, True), (5.4, False)])
def test_another_optimum_is_told_where_the_data_hardly_choose(higher, told):
    rng, g, x, b = data()
    fit = linear(x + b + rng.normal(size=N), x, g)
    certificate = replace(fit.certificate, other_optima=(higher,))
    fit = fit._of(replace(fit._fit, certificate=certificate))
    assert found(fit, "identification") == [("doubtful", "another optimum is only 2.2 higher in deviance")] * told


def test_a_fit_without_rows_is_checked_for_what_it_knows(tmp_path):
    fit = poisson()
    fit.save(tmp_path / "fit.ranef")
    findings = ranef.load(tmp_path / "fit.ranef").check(rng=1)
    assert "influence (the fit has no rows)" in findings.left_out
    assert "convergence" in findings.looked_at


def test_findings_are_sentences_worst_first():
    rows = [Finding("note", "a", "one thing", "Do this"), Finding("serious", "b", "another", "Do that")]
    findings = Findings.of(rows, ["a", "b", "c"], ["d (why)"], "")
    assert findings["check"].tolist() == ["b", "a"]
    assert str(findings).splitlines() == [
        "2 findings in 3 checks",
        "1. serious, b: another. Do that.",
        "2. note, a: one thing. Do this.",
        "Nothing to say of: c.",
        "Not looked at: d (why).",
    ]
    assert not findings.ok
    assert Findings.of([], ["a"], [], "").ok
    assert "Do that" in findings._repr_html_()


def test_arguments_are_checked_before_any_work():
    fit = poisson()
    with pytest.raises(InputError, match="pass rng"):
        fit.check()
    with pytest.raises(InputError, match="nsim"):
        fit.check(nsim=0, rng=1)
