"""Models of dispersion parameters: figures of glmmTMB, exact gradients, laws, and what every method says of them."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef import registry
from ranef.contracts import Family, IdentificationWarning, InputError, InputTypeError, NoMaximumError
from ranef.design.mixed import build_design
from ranef.design.parameter import parameter_design
from ranef.estimation.dispersion import DispersionScale
from ranef.estimation.generalized_criterion import GeneralizedCriterion, Units
from ranef.estimation.modes import PenalizedLikelihood
from ranef.estimation.pipeline import Watch
from ranef.families import (
    Beta,
    Gamma,
    Hurdle,
    NegativeBinomial,
    NegativeBinomial1,
    Ordinal,
    Poisson,
    SkewNormal,
    StudentT,
    TruncatedGaussian,
    Tweedie,
    ZeroInflated,
)

#: glmmTMB 1.1.5 with its optimizer polished: tests/families/make_parameter_models.R
GLMMTMB = json.loads((Path(__file__).parents[1] / "families" / "parameter_models.json").read_text())
SALAMANDERS = ranef.datasets.load("salamanders")


def counts(**options: Any) -> Any:
    return ranef.glmm("count ~ mined + (1 | site)", SALAMANDERS, **options)


# Figures ------------------------------------------------------------------------------------------------------------


def fitted(name: str) -> Any:
    if name in ("beta", "gamma"):
        y = "y" if name == "beta" else "amount"
        data = {key: np.asarray(value) for key, value in GLMMTMB["data"].items()}
        family = "beta" if name == "beta" else "gamma"
        return ranef.glmm(f"{y} ~ x + (1 | g)", data, family=family, dispersion="~ h" if name == "beta" else "~ x")
    of: dict[str, Any] = {
        "nbinom2": {"family": "nbinom2", "dispersion": "~ DOP + mined"},
        "nbinom1": {"family": "nbinom1", "parameters": {"phi": "~ DOP"}},
        "zip": {"family": "zero_inflated_poisson", "zi": "~ cover"},
        "zinb2": {"family": "zero_inflated_negative_binomial", "zi": "~ Wtemp", "dispersion": "~ DOP"},
        "hurdle": {"family": "hurdle_poisson", "zi": "~ mined + cover"},
    }
    if name == "zip":
        return ranef.glmm("count ~ mined + DOP + (1 | site)", SALAMANDERS, **of[name])
    return counts(**of[name])


@pytest.mark.parametrize("name", ["nbinom2", "nbinom1", "zip", "zinb2", "hurdle", "beta", "gamma"])
def test_glmmtmb_has_the_same_fit(name: str) -> None:
    theirs, fit = GLMMTMB[name], fitted(name)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(theirs["logLik"], abs=1e-6)
    np.testing.assert_allclose(fit.coefficients, theirs["cond"]["estimate"], atol=2e-5)
    np.testing.assert_allclose(fit.var_components[0].std_dev, theirs["sd"], atol=2e-5)
    np.testing.assert_allclose(fit.se, theirs["cond"]["se"], rtol=1e-3)
    sign = -1.0 if name == "gamma" else 1.0  # of the shape, 1 / dispersion
    for part, which in (("disp", "disp"), ("zi", "zi")):
        if estimates := np.atleast_1d(theirs[part]["estimate"]).tolist():
            table = fit.coef_table(which)
            se = np.atleast_1d(theirs[part]["se"])
            np.testing.assert_allclose(table["estimate"], sign * np.array(estimates), atol=max(2e-5, 2e-4 * se.max()))
            np.testing.assert_allclose(table["se"], se, rtol=2e-3)


# Gradients ----------------------------------------------------------------------------------------------------------

CASES: list[tuple[Family, tuple[str, ...]]] = [
    (NegativeBinomial(), ("theta",)),
    (NegativeBinomial1(), ("phi",)),
    (Gamma(), ("dispersion",)),
    (Beta(), ("precision",)),
    (Tweedie(), ("phi", "power")),
    (StudentT(), ("scale", "df")),
    (SkewNormal(), ("sigma", "skewness")),
    (TruncatedGaussian(), ("sigma",)),
    (ZeroInflated(Poisson()), ("zi",)),
    (ZeroInflated(NegativeBinomial()), ("zi",)),
    (Hurdle(NegativeBinomial()), ("theta", "zi")),
    (Ordinal("logit", categories=list("abcd")), ("b|c - a|b", "c|d - b|c")),
    (Ordinal("probit", categories=list("abcd")), ("c|d - b|c",)),
    (Ordinal("cloglog", "symmetric", list("abcdef")), ("spacing 1", "spacing 2")),
    (Ordinal("loglog", "equidistant", list("abcd")), ("spacing",)),
    (Ordinal("cauchit", categories=list("abcd")), ("b|c - a|b",)),
]


def criterion_of(family: Family, names: tuple[str, ...], nagq: int, hessian: str, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    n, names = 60, tuple(p.name for p in family.parameters if p.name in names) or (family.parameters[0].name,)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    mu = family.link.mean(0.2 + 0.3 * X[:, 1]).mu
    phi = np.array([p.start for p in family.parameters])
    y = family.sample(mu, np.ones(n), phi, rng)
    design = build_design(y, X, {"g": np.repeat(np.arange(12), 5)}, weights_are_precisions=False)
    made = {name: parameter_design(name, np.column_stack([np.ones(n), rng.normal(size=n)]), n) for name in names}
    design = replace(design, parameters={k: v for k, v in made.items() if v is not None})
    backend = registry.linalg_backend("dense")[0]
    model = PenalizedLikelihood(design, family, backend.analyze(design.random.pattern), hessian)
    scale = DispersionScale(family.parameters, design.parameters)
    xi = scale.to_free(phi, design.parameter_rows)
    criterion = GeneralizedCriterion(model, nagq, Units(1.0, xi), joint=False, watch=Watch())
    x = criterion.pack(np.array([0.1, 0.3]) * np.sqrt(n), np.array([0.6]), xi + 0.2 * rng.normal(size=len(xi)))
    return criterion, x


@pytest.mark.parametrize(("nagq", "hessian"), [(1, "observed"), (1, "expected"), (5, "observed")])
@pytest.mark.parametrize(("family", "names"), CASES, ids=[f.name for f, _ in CASES])
def test_gradients_are_differences(family: Family, names: tuple[str, ...], nagq: int, hessian: str) -> None:
    criterion, x = criterion_of(family, names, nagq, hessian, seed=len(family.name))
    g = criterion.gradient(x)[1]
    assert len(g) == 3 + 2 * len(criterion.dispersion.models) + len(criterion.dispersion.names)
    for i, h in enumerate(1e-3 * np.eye(len(x))):
        one, two = ((criterion.value(x + s * h) - criterion.value(x - s * h)) / (2e-3 * s) for s in (1.0, 2.0))
        assert (4.0 * one - two) / 3.0 == pytest.approx(g[i], rel=1e-6, abs=1e-5)


# Laws ---------------------------------------------------------------------------------------------------------------


def test_a_formula_of_ones_is_no_formula() -> None:
    plain, ones = counts(family="nbinom2"), counts(family="nbinom2", dispersion="~ 1")
    assert ones.log_likelihood == plain.log_likelihood
    assert ones.dispersion == plain.dispersion
    twos = ranef.glmm(
        SALAMANDERS["count"],
        np.column_stack([np.ones(644), SALAMANDERS["mined"] == "yes"]),
        {"site": SALAMANDERS["site"]},
        family="nbinom2",
        dispersion=np.full((644, 1), 2.0),
    )
    assert twos.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-9)
    assert 2.0 * twos.coef_table("theta")["estimate"][0] == pytest.approx(np.log(plain.dispersion["theta"]), abs=1e-6)


def test_a_formula_of_ones_needs_nothing_of_new_rows() -> None:
    plain, ones = counts(family="nbinom2"), counts(family="nbinom2", dispersion="~ 1")
    new = {"mined": ["no", "yes"], "site": SALAMANDERS["site"][:2]}
    limits = [fit.predict(new, interval="prediction")["upper"] for fit in (plain, ones)]
    np.testing.assert_array_equal(*limits)
    np.testing.assert_array_equal(*(fit.simulate(3, newdata=new, rng=1) for fit in (plain, ones)))


def test_columns_of_two_groups_give_the_parameters_of_two_fits() -> None:
    """Groups without common sites: the likelihood is a product."""
    mined = SALAMANDERS["mined"] == "yes"
    parts = [{key: value[which] for key, value in SALAMANDERS.items()} for which in (~mined, mined)]
    alone = [ranef.glmm("count ~ 1 + (1 | site)", part, family="nbinom2") for part in parts]
    G = np.column_stack([~mined, mined]).astype(float)
    both = ranef.glmm(
        SALAMANDERS["count"], G, {"site": SALAMANDERS["site"]}, family="nbinom2", dispersion=G,
        random_effects={"site": [["a"], ["b"]]}, random_data={"a": G[:, 0], "b": G[:, 1]},
    )  # fmt: skip
    assert both.log_likelihood == pytest.approx(sum(fit.log_likelihood for fit in alone), abs=1e-6)
    theta = np.exp(both.coef_table("theta")["estimate"])
    np.testing.assert_allclose(theta, [fit.dispersion["theta"] for fit in alone], rtol=1e-4)
    errors = [fit.dispersion_se["theta"] / fit.dispersion["theta"] for fit in alone]
    np.testing.assert_allclose(both.coef_table("theta")["se"], errors, rtol=1e-3)


def test_a_model_does_not_depend_on_units_or_the_basis_of_its_columns() -> None:
    one = counts(family="nbinom2", dispersion="~ DOP")
    other = counts(family="nbinom2", dispersion="~ I(1000 * DOP + 5000)")
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-8)
    slopes = [fit.coef_table("disp")["estimate"][1] for fit in (one, other)]
    assert 1000.0 * slopes[1] == pytest.approx(slopes[0], rel=1e-5)
    np.testing.assert_allclose(other.predict(type="disp"), one.predict(type="disp"), rtol=1e-5)


# What methods say ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit() -> Any:
    return counts(family="zero_inflated_negative_binomial", zi="~ mined", dispersion="~ DOP")


def test_summary_has_a_section_for_each_model(fit: Any) -> None:
    text = str(fit.summary())
    assert "Dispersion model (log of theta):" in text
    assert "Zero-inflation model (logit of zi):" in text
    assert text.count("DOP") >= 2
    assert "Dispersion parameters:" not in text
    assert "Dispersion model (log of theta)" in fit._repr_html_()
    assert "minedyes" in str(fit.summary(names="R")).split("Zero-inflation model")[1]
    with pytest.raises(InputError, match=r"which must be an estimated parameter of the .*theta, zi"):
        fit.coef_table("phi")


def test_predictions_of_parameters_and_means(fit: Any) -> None:
    new = {"mined": np.array(["yes", "no"]), "DOP": np.array([0.0, 1.0]), "site": np.array(["VF-1", "VF-1"])}
    a, b = fit.coef_table("zi")["estimate"]
    zi = 1.0 / (1.0 + np.exp(-(a + b * np.array([1.0, 0.0]))))
    np.testing.assert_allclose(fit.predict(new, type="zprob"), zi, rtol=1e-12)
    np.testing.assert_allclose(fit.predict(new, type="zi", scale="link"), np.log(zi / (1 - zi)), rtol=1e-9)
    c, d = fit.coef_table("disp")["estimate"]
    np.testing.assert_allclose(fit.predict(new, type="disp"), np.exp([c, c + d]), rtol=1e-12)
    conditional = fit.predict(new, type="conditional")
    np.testing.assert_allclose(conditional, np.exp(fit.predict(new, scale="link")), rtol=1e-12)
    np.testing.assert_allclose(fit.predict(new), (1.0 - zi) * conditional, rtol=1e-12)
    np.testing.assert_allclose(fit.predict(type="zprob")[:1], zi[:1], rtol=1e-12)
    table = fit.predict(new, type="disp", se=True, interval="confidence", scale="link")
    assert table["se"][0] == pytest.approx(fit.coef_table("disp")["se"][0], rel=1e-9)
    assert (table["lower"] < table["fit"]).all()
    with pytest.raises(InputError, match="column 'DOP'"):
        fit.predict({"mined": new["mined"]}, type="disp")
    with pytest.raises(InputError, match="type must be one of mean, conditional, zprob, disp, theta, zi"):
        fit.predict(new, type="phi")


def test_errors_of_overall_means_take_in_those_of_the_extra_zeros() -> None:
    """By the delta method over all parameters, with brute differences."""
    fit = ranef.glmm("count ~ mined + (1 | site)", SALAMANDERS, family="zero_inflated_poisson", zi="~ cover")
    new = {"mined": np.array(["no"]), "cover": np.array([1.0])}
    got = fit.predict(new, random="none", se=True)
    V = fit._covariance[: len(fit._fit.gamma) + 1 + 2, : len(fit._fit.gamma) + 1 + 2]
    R = fit._labels.fixed.R
    q = np.linalg.solve(R.T, [1.0, 0.0])
    z = fit._labels.parameters["zi"].in_basis(np.array([[1.0, 1.0]]))[0]
    zi, mean = fit.predict(new, type="zprob")[0], got["fit"][0]
    J = np.concatenate([mean * q, [0.0], -mean * zi * z])
    assert got["se"][0] == pytest.approx(float(np.sqrt(J @ V @ J)), rel=1e-5)


def test_refits_simulations_and_many(fit: Any) -> None:
    assert fit.refit(SALAMANDERS["count"]).log_likelihood == fit.log_likelihood
    Y = fit.simulate(2, rng=3)
    assert Y.shape == (644, 2)
    many = fit.refit_many(Y[:, :1])
    one = fit.refit(Y[:, 0])
    assert many.log_likelihood[0] == pytest.approx(one.log_likelihood, abs=1e-7)
    assert many.dispersion_names == ("theta~(Intercept)", "theta~DOP", "zi~(Intercept)", "zi~mined[T.yes]")
    np.testing.assert_allclose(many.dispersion[0, :2], one.coef_table("disp")["estimate"], rtol=1e-4)


def test_simulated_responses_have_the_dispersion_of_their_rows() -> None:
    """Gamma responses of known dispersion: the mean of (y / mu - 1)^2 by rows is the model's."""
    fit = fitted("gamma")
    Y = fit.simulate(4000, rng=1, random="conditional")
    spread = ((Y / fit.fitted_values[:, None] - 1.0) ** 2).mean(axis=1)
    np.testing.assert_allclose(spread, fit.predict(type="disp"), rtol=0.35)
    assert np.corrcoef(spread, fit.predict(type="disp"))[0, 1] > 0.99


@pytest.mark.parametrize("rows", [True, False])
def test_files_keep_models(fit: Any, rows: bool, tmp_path: Path) -> None:
    fit.save(tmp_path / "fit.ranef", rows=rows)
    copy = ranef.load(tmp_path / "fit.ranef")
    assert copy.summary() == fit.summary()
    new = {"mined": np.array(["yes"]), "DOP": np.array([0.3])}
    assert copy.predict(new, type="disp") == fit.predict(new, type="disp")
    assert copy.predict(new, random="none") == fit.predict(new, random="none")
    if rows:
        assert copy.refit(SALAMANDERS["count"]).log_likelihood == fit.log_likelihood
    else:
        with pytest.raises(InputError, match="no rows"):
            copy.predict(type="disp")


def test_comparisons_know_which_models_are_nested(tmp_path: Path) -> None:
    plain, by_dop = counts(family="nbinom2"), counts(family="nbinom2", dispersion="~ DOP")
    both, other = counts(family="nbinom2", dispersion="~ DOP + mined"), counts(family="nbinom2", dispersion="~ cover")
    table = ranef.anova(plain, by_dop, both)
    assert table["df"].tolist()[1:] == [1.0, 1.0]
    assert table["statistic"][1] == pytest.approx(2.0 * (by_dop.log_likelihood - plain.log_likelihood))
    assert np.isnan(ranef.anova(other, both)["statistic"][1])
    no_constant = counts(family="nbinom2", dispersion="~ 0 + DOP + cover")
    assert np.isnan(ranef.anova(plain, no_constant)["statistic"][1])
    plain.save(tmp_path / "plain")
    by_dop.save(tmp_path / "dop")
    saved = ranef.anova(ranef.load(tmp_path / "plain"), ranef.load(tmp_path / "dop"))
    assert saved["statistic"][1] == pytest.approx(table["statistic"][1])
    dropped = both.drop1()
    without = ranef.glmm("count ~ 1 + (1 | site)", SALAMANDERS, family="nbinom2", dispersion="~ DOP + mined")
    assert dropped["statistic"][1] == pytest.approx(2.0 * (both.log_likelihood - without.log_likelihood), abs=1e-5)


def test_intervals_and_tables(fit: Any) -> None:
    by_dop = counts(family="nbinom2", dispersion="~ DOP")
    wald, table = by_dop.confint("random"), by_dop.coef_table("disp")
    assert list(wald["parameter"])[-2:] == ["theta~(Intercept)", "theta~DOP"]
    np.testing.assert_allclose(wald["lower"][-2:], table["lower"], rtol=1e-6)
    profile = by_dop.confint("theta~DOP", method="profile")
    np.testing.assert_allclose(profile["lower"], table["lower"][1], atol=0.02)
    assert "theta" not in by_dop.glance()
    assert fit.n_parameters == 2 + 1 + 4


def test_updates_keep_and_change_models(fit: Any) -> None:
    by_dop = counts(family="nbinom2", dispersion="~ DOP")
    added = by_dop.update(formula=". ~ . + cover", data=SALAMANDERS)
    assert added.coef_table("disp")["name"].tolist() == ["(Intercept)", "DOP"]
    changed = by_dop.update(dispersion="~ cover", data=SALAMANDERS)
    assert changed.coef_table("disp")["name"].tolist() == ["(Intercept)", "cover"]
    with pytest.raises(InputError, match="parameters names theta, which the poisson family does not have"):
        by_dop.update(family="poisson")


def test_arrays_are_as_formulas() -> None:
    d = SALAMANDERS
    X = np.column_stack([np.ones(644), d["mined"] == "yes"])
    Z = np.column_stack([np.ones(644), d["DOP"]])
    fit = ranef.glmm(d["count"], X, {"site": d["site"]}, family="nbinom2", parameters={"theta": Z})
    assert fit.log_likelihood == pytest.approx(counts(family="nbinom2", dispersion="~ DOP").log_likelihood, abs=1e-9)
    new = {"X": X[:3], "groups": {"site": d["site"][:3]}, "parameters": {"theta": Z[:3]}}
    np.testing.assert_allclose(fit.predict(new, type="disp"), fit.predict(type="disp")[:3])
    assert fit.simulate(1, rng=1, newdata=new).shape == (3, 1)
    with pytest.raises(InputError, match=r"newdata has no parameters\['theta'\]"):
        fit.simulate(1, rng=1, newdata={k: v for k, v in new.items() if k != "parameters"})


def test_missing_values_of_a_parameter_leave_rows_out() -> None:
    d = dict(SALAMANDERS)
    d["DOP"] = np.where(np.arange(644) < 7, np.nan, d["DOP"])
    fit = ranef.glmm("count ~ mined + (1 | site)", d, family="nbinom2", dispersion="~ DOP")
    assert fit.n_obs == 637
    assert "7 rows were left out for missing values (DOP 7)" in str(fit.summary())


# Limits and refusals ------------------------------------------------------------------------------------------------


def test_a_group_without_extra_zeros_is_said_to_be_at_a_limit() -> None:
    """No zeros in half of the groups: their probability has no estimate, and nothing is made up for it."""
    rng = np.random.default_rng(5)
    g, h = np.repeat(np.arange(20), 15), np.tile([0.0, 1.0, 1.0], 100)
    y = 1.0 + rng.poisson(np.exp(1.0 + 0.3 * rng.normal(size=20)[g]))
    y = np.where((h == 1.0) & (rng.random(300) < 0.3), 0.0, y)
    data = {"y": y, "g": g, "h": np.where(h == 1.0, "some", "none")}
    with pytest.warns(IdentificationWarning, match="zi~"):
        fit = ranef.glmm("y ~ 1 + (1 | g)", data, family="hurdle_poisson", zi="~ h")
    assert fit.converged
    table = fit.coef_table("zi")
    assert np.isnan(table["estimate"]).all()
    assert np.isnan(table["se"]).all()
    assert "zi has run to the end of its range in some rows" in str(fit.summary())
    probability = fit.predict(type="zprob")
    assert np.isnan(probability[h == 0.0]).all()
    np.testing.assert_allclose(probability[h == 1.0], np.mean(y[h == 1.0] == 0.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "poisson", "dispersion": "~ DOP"}, "the poisson family has no dispersion parameter"),
        ({"family": "zero_inflated_poisson", "dispersion": "~ DOP"}, "has no dispersion parameter"),
        ({"family": "poisson", "zi": "~ DOP"}, "zi: the poisson family .*family='zero_inflated_poisson'"),
        ({"family": "binomial", "zi": "~ DOP"}, "zi: the binomial family .*0/1 responses"),
        ({"family": "nbinom2", "parameters": {"phi": "~ DOP"}}, "parameters names phi, .*it has theta"),
        ({"family": "nbinom2", "parameters": {"theta": "~ DOP"}, "dispersion": "~ 1"}, "are the same parameter"),
        ({"family": NegativeBinomial(theta=2.0), "dispersion": "~ DOP"}, "a parameter is given or estimated"),
        ({"family": "nbinom2", "dispersion": "~ DOP + I(2 * DOP)"}, "columns that depend on others.*a multiple of DOP"),
        ({"family": "nbinom2", "dispersion": "~ DOP + (1 | site)"}, "no random effects"),
        ({"family": "nbinom2", "dispersion": "~ offset(DOP)"}, "no offset"),
        ({"family": "nbinom2", "dispersion": "theta ~ DOP"}, "without a response"),
        ({"family": "nbinom2", "dispersion": "~ depth"}, "there is no column 'depth'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        counts(**options)


def test_formulas_go_with_formulas_and_matrices_with_arrays() -> None:
    with pytest.raises(InputTypeError, match="must be a formula"):
        counts(family="nbinom2", dispersion=np.ones((644, 1)))
    d = SALAMANDERS
    with pytest.raises(InputTypeError, match="the model is given by arrays"):
        ranef.glmm(d["count"], np.ones((644, 1)), {"site": d["site"]}, family="nbinom2", dispersion="~ DOP")
    with pytest.raises(InputError, match=r"parameters\['theta'\] has 3 rows"):
        ranef.glmm(d["count"], np.ones((644, 1)), {"site": d["site"]}, family="nbinom2", dispersion=np.ones((3, 1)))


@pytest.mark.parametrize("family", ["gaussian", "student_t", "gamma(log)", "lognormal", "weibull", "beta", "tobit"])
def test_a_dispersion_of_one_row_has_no_maximum(family):
    """The log density at the mean grows by the logarithm of one over the standard deviation; of counts it does not."""
    rng = np.random.default_rng(2)
    g, one = np.repeat(np.arange(8), 5), np.arange(40) == 7
    d = {"y": rng.beta(4.0, 4.0, 40), "g": g, "f": np.where(one, "p", "q"), "two": np.arange(40) < 8}
    for dispersion in ("~ f", "~ 0 + f"):
        with pytest.raises(NoMaximumError, match=r"apart from all other rows for row 7"):
            ranef.glmm("y ~ 1 + (1 | g)", d, family=family, dispersion=dispersion)
    assert ranef.glmm("y ~ 1 + (1 | g)", d, family=family, dispersion="~ two").converged


def test_rows_whose_density_cannot_grow_have_a_dispersion_of_their_own():
    """Counts, and what is at the limit of a tobit model: probabilities, none of which is above 1."""
    rng = np.random.default_rng(2)
    g, one = np.repeat(np.arange(8), 5), np.arange(40) == 7
    d = {"y": np.where(one, 0.0, 0.1 + rng.gamma(4.0, 0.5, 40)), "g": g, "f": np.where(one, "p", "q")}
    d["count"] = rng.poisson(3.0 * rng.gamma(2.0, 0.5, 40)).astype(float)
    for y, family in (("y", "tobit"), ("count", "negative_binomial")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert np.isfinite(ranef.glmm(f"{y} ~ 1 + (1 | g)", d, family=family, dispersion="~ f").log_likelihood)
