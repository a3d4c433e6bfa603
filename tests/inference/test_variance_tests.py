"""Tests of random effects and single term deletions: lmerTest's and lme4's, mixtures, and the exact distribution."""

import pickle

import numpy as np
import pytest
from scipy import optimize, special, stats

import ranef
from ranef.contracts import InputError, InputTypeError
from ranef.inference.exact_lrt import NullDistribution
from ranef.inference.variance_tests import mixture_p_values

from .wards import FACTS, SIMULATED, WARDS, counts, fitted, glmm, lmm

SLOPES = "y ~ drug + x + (x | ward) + (1 | nurse)"


# Random effects -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "formula", "reml", "reduce"),
    [
        ("ranova", SLOPES, True, True),
        ("ranova_whole", SLOPES, True, False),
        ("ranova_ml", SLOPES, False, True),
        ("ranova_one", "y ~ drug + x + (1 | ward)", True, True),
    ],
)
def test_tables_are_those_of_lmertest(name, formula, reml, reduce):
    table, facts = lmm(formula, reml=reml).ranova(reduce=reduce), FACTS[name]
    assert [t.replace("1 + x", "x") for t in table["term"]] == facts["rows"]
    columns = {
        "npar": "npar",
        "logLik": "log_likelihood",
        "AIC": "aic",
        "LRT": "statistic",
        "Df": "df",
        "Pr(>Chisq)": "p_value",
    }
    for theirs, ours in columns.items():
        rtol = 1e-8 if ours in ("log_likelihood", "aic") else 1e-6
        np.testing.assert_allclose(table[ours], np.array(facts["columns"][theirs], dtype=float), rtol=rtol)


@pytest.mark.parametrize(("df", "critical"), [(1, 2.71), (2, 5.14), (3, 7.05), (4, 8.76)])
def test_mixtures_have_the_published_quantiles(df, critical):
    """Fitzmaurice, Laird & Ware (2011), Applied Longitudinal Analysis, appendix C: 5 % of (df - 1, df)."""
    assert float(mixture_p_values(critical, df)) == pytest.approx(0.05, abs=2e-4)


def test_a_variance_that_is_zero_has_the_p_value_one():
    rng = np.random.default_rng(4)
    data = {"g": np.tile(np.arange(6), 5), "y": rng.normal(size=30)}
    data["y"] -= np.array([data["y"][data["g"] == k].mean() for k in range(6)])[data["g"]]
    table = lmm("y ~ 1 + (1 | g)", data).ranova()
    assert table["statistic"][1] == pytest.approx(0.0, abs=1e-8)
    assert lmm("y ~ 1 + (1 | g)", data).exact_lrt(200, rng=1)["p_value"][0] == 1.0


@pytest.mark.parametrize(
    ("formula", "rows"),
    [
        ("y ~ x + (x || ward)", ["(1 | ward)", "(0 + x | ward)"]),
        ("y ~ x + (0 + x | ward) + (1 | nurse)", ["(0 + x | ward)", "(1 | nurse)"]),
        ("y ~ x + (dose + x | ward)", ["dose in {}", "x in {}"]),
        ("y ~ x + (x * I(x^2) | ward)", ["x:I(x ** 2) in {}"]),
        ("y ~ x + (0 + dose | ward)", ["(0 + {} | ward)"]),
    ],
)
def test_what_is_left_out(formula, rows):
    fit = lmm(formula)
    names = fit.ranova()["term"].tolist()[1:]
    assert len(names) == len(rows)
    for name, row in zip(names, rows, strict=True):
        assert name.startswith(row.split("{")[0])


def test_several_variances_at_once_have_no_mixture():
    table = lmm("y ~ x + (dose + x | ward)").ranova()
    assert np.isnan(table["p_mixture"]).tolist() == [True, True, False]
    assert "NA: of several variances" in str(table)
    whole = lmm("y ~ x + (1 | ward)").ranova()
    assert "NA: of several" not in str(whole)


def test_reduced_models_are_those_that_are_fitted_directly():
    """With weights, which are in the bases of the columns, and a slope whose origin matters."""
    data = {**WARDS, "z": 100.0 + WARDS["x"]}
    table = lmm("y ~ drug + (z | ward) + (x || nurse)", data, weights="w").ranova()
    for row, formula in enumerate(
        [
            "y ~ drug + (1 | ward) + (x || nurse)",
            "y ~ drug + (z | ward) + (0 + x | nurse)",
            "y ~ drug + (z | ward) + (1 | nurse)",
        ]
    ):
        direct = lmm(formula, data, weights="w")
        assert table["log_likelihood"][row + 1] == pytest.approx(direct.log_likelihood, abs=1e-6)
        assert table["npar"][row + 1] == direct.n_parameters


def test_columns_that_are_left_are_those_that_were_given():
    """A fit computes in a basis of the columns, in which the third is a combination of all."""
    table = lmm("y ~ drug + (x + w | ward)").ranova()
    for row, formula in enumerate(["y ~ drug + (w | ward)", "y ~ drug + (x | ward)"]):
        assert table["log_likelihood"][row + 1] == pytest.approx(lmm(formula).log_likelihood, abs=1e-6)


def test_known_precisions_stay():
    rng = np.random.default_rng(8)
    A = np.eye(5) + 0.3
    g, h = np.repeat(np.arange(5), 12), np.tile(np.arange(10), 6)
    y, X = rng.normal(size=60) + rng.normal(size=5)[g] + rng.normal(size=10)[h], np.ones((60, 1))
    arguments = {"relationship": {"g": A}, "x_names": ["(Intercept)"]}
    both = ranef.lmm(y, X, {"g": g, "h": h}, **arguments)
    alone = ranef.lmm(y, X, {"g": g}, **arguments)
    assert both.ranova()["log_likelihood"][2] == pytest.approx(alone.log_likelihood, abs=1e-7)


def test_structures_are_left_out_as_a_whole():
    fit = lmm("y ~ x + cs(0 + dose | ward)")
    table = fit.ranova()
    assert len(table) == 2
    assert np.isnan(table["p_mixture"][1])
    assert table["df"][1] == len(fit.theta)


def test_a_generalized_model_without_random_effects_is_a_regression():
    formula = "count ~ drug + x + (1 | ward)"
    X, y = counts(formula)._fit.model.design.X, WARDS["count"]

    def poisson(beta):
        eta = X @ beta
        return -(y @ eta - np.exp(eta).sum() - special.gammaln(y + 1.0).sum())

    start = np.zeros(X.shape[1])
    best = optimize.minimize(
        poisson, start, jac=lambda b: -X.T @ (y - np.exp(X @ b)), method="BFGS", options={"gtol": 1e-9}
    )
    table = counts(formula).ranova()
    assert table["log_likelihood"][1] == pytest.approx(-best.fun, abs=1e-6)
    assert table["npar"].tolist() == [5, 4]
    assert "By REML" not in str(table)


def test_a_dispersion_is_estimated_anew():
    fit = counts("count ~ x + (1 | ward)", "negative_binomial")
    X, y = fit._fit.model.design.X, WARDS["count"]

    def negative(p):
        mu, size = np.exp(X @ p[:2]), np.exp(p[2])
        return -stats.nbinom.logpmf(y, size, size / (size + mu)).sum()

    best = optimize.minimize(
        negative, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 5000}
    )
    assert fit.ranova()["log_likelihood"][1] == pytest.approx(-best.fun, abs=1e-6)


def test_what_ranova_cannot_do_is_refused(tmp_path):
    with pytest.raises(InputTypeError, match="reduce must be True or False"):
        fitted("covariate").ranova(reduce="x")
    with pytest.raises(InputError, match="nagq=0 does not maximize the Laplace likelihood"):
        glmm("count ~ x + (1 | ward)", nagq=0).ranova()
    fitted("covariate").save(tmp_path / "fit.ranef")
    with pytest.raises(InputError, match="no rows"):
        ranef.load(tmp_path / "fit.ranef").ranova()


def test_the_boundary_is_explained():
    text = str(lmm(SLOPES).ranova())
    assert "A variance of zero is at the boundary" in text
    assert text.splitlines()[1].split() == ["npar", "logLik", "AIC", "LRT", "Df", "Pr(>Chisq)", "Pr(mixture)"]
    assert "By REML" in text
    assert "By maximum likelihood" in str(lmm("y ~ x + (1 | ward)", reml=False).ranova())
    assert "without it the fit is singular (nurse)" in str(lmm(SLOPES).ranova(reduce=False))


# The exact test -----------------------------------------------------------------------------------------------------


def simulated(fit, y):
    """Statistic of another response, by fits."""
    refit = fit.refit(y)
    return refit.ranova()["statistic"][1]


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("weights", [None, "w"])
def test_the_distribution_is_that_of_refits(reml, weights):
    """Any response has a w of its own, by which the formula of Crainiceanu & Ruppert gives the statistic of a refit."""
    fit = lmm("y ~ x + (0 + x | ward)", reml=reml, weights=weights)
    design = fit._fit.model.design
    root = np.ones(150) if weights is None else np.sqrt(WARDS["w"])
    Z = root[:, None] * WARDS["x"][:, None] * (WARDS["ward"][:, None] == np.unique(WARDS["ward"]))
    Z *= design.random.groups[0].columns[0][0] / WARDS["x"][0]  # in the unit of the fit
    Q = np.linalg.qr(root[:, None] * design.X)[0]
    PZ = Z - Q @ (Q.T @ Z)
    U, s, _ = np.linalg.svd(PZ, full_matrices=False)
    U, s = U[:, s > 1e-8], s[s > 1e-8]  # x is a column of X: the sum of the slopes' columns explains nothing
    null = NullDistribution.of(fit._fit)
    np.testing.assert_allclose(null.mu, s**2, rtol=1e-8)
    np.testing.assert_allclose(null.xi, s**2 if reml else np.linalg.svd(Z)[1] ** 2, rtol=1e-8)
    rng = np.random.default_rng(11)
    for sd in (0.0, 0.3, 1.0):
        y = WARDS["x"] * (sd * rng.normal(size=12))[np.unique(WARDS["ward"], return_inverse=True)[1]]
        y = y + rng.normal(size=150) / root
        e = root * y - Q @ (Q.T @ (root * y))
        w = (U.T @ e) ** 2
        found = null.largest(w[None], np.array([e @ e - w.sum()]))[0]
        assert found == pytest.approx(simulated(fit, y), abs=2e-6)


def test_known_precisions_are_in_the_exact_test():
    rng = np.random.default_rng(3)
    A = np.linalg.inv(np.eye(5) + 0.4)
    g, X = np.repeat(np.arange(5), 6), np.ones((30, 1))
    fit = ranef.lmm(rng.normal(size=30) + np.arange(5)[g], X, {"g": g}, precision={"g": A})
    L = np.linalg.cholesky(np.linalg.inv(A))
    Z = np.eye(5)[g] @ L
    PZ = Z - Z.mean(axis=0)
    s = np.linalg.svd(PZ)[1]
    np.testing.assert_allclose(NullDistribution.of(fit._fit).mu, s[s > 1e-6] ** 2, rtol=1e-8)


def test_a_balanced_design_has_a_known_chance_of_zero():
    """One-way, m groups of n: RLRT is zero where F <= 1 (Crainiceanu & Ruppert 2004, section 4)."""
    data = ranef.datasets.load("dyestuff")
    fit = lmm("Yield ~ 1 + (1 | Batch)", data)
    draws = fit.exact_lrt(20_000, rng=5).simulated
    expected = stats.f.cdf(1.0, 5, 24)
    assert (draws <= 1e-9).mean() == pytest.approx(expected, abs=3.5 * np.sqrt(expected * (1 - expected) / 20_000))
    # where it is not zero it is a function of F: the exact p-value of the F test is that of the statistic
    y, batch = data["Yield"], np.asarray(data["Batch"])
    means = np.array([y[batch == b].mean() for b in np.unique(batch)])
    F = (
        5
        * means.var(ddof=1)
        / (sum(((y[batch == b] - y[batch == b].mean()) ** 2).sum() for b in np.unique(batch)) / 24)
    )
    p = fit.exact_lrt(20_000, rng=6)["p_value"][0]
    exact = stats.f.sf(F, 5, 24)
    assert p == pytest.approx(exact, abs=3.5 * np.sqrt(exact / 20_000))


@pytest.mark.parametrize("likelihood", ["reml", "ml"])
def test_an_unbalanced_design_has_the_distribution_of_lme4_s_fits(likelihood):
    """By make_simulated.R: how often the statistic of pure noise is beyond some values."""
    facts = SIMULATED["exact_lrt"][likelihood]
    draws = lmm("y ~ x + (1 | ward)", reml=likelihood == "reml").exact_lrt(20_000, rng=5).simulated
    for at, theirs in zip(facts["at"], facts["exceeded"], strict=True):
        ours = float((draws > at).mean())
        error = np.sqrt(ours * (1.0 - ours) * (1.0 / 20_000 + 1.0 / facts["nsim"]))
        assert ours == pytest.approx(theirs, abs=3.5 * error)


def test_the_same_seed_has_the_same_bits():
    fit = lmm("y ~ x + (1 | ward)")
    one, other = fit.exact_lrt(3000, rng=1), fit.exact_lrt(3000, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(one.simulated, other.simulated)
    assert len(one.simulated) == 3000
    assert str(pickle.loads(pickle.dumps(one))) == str(one)
    assert "Exact restricted likelihood ratio test" in str(one)
    assert one["error"][0] == pytest.approx(np.sqrt(one["p_value"][0] * (1 - one["p_value"][0]) / 3000))


@pytest.mark.parametrize(
    ("fit", "options", "error", "message"),
    [
        (lambda: fitted("covariate"), {"rng": 1}, InputError, "one variance of random effects, and this one has"),
        (lambda: lmm("y ~ x + (x | ward)"), {"rng": 1}, InputError, "ranova\\(\\) has likelihood ratios"),
        (counts, {"rng": 1}, InputError, "is for linear models"),
        (lambda: lmm("y ~ x + (1 | ward)"), {}, InputTypeError, "rng must be a Generator or a seed"),
        (lambda: lmm("y ~ x + (1 | ward)"), {"rng": 1, "nsim": 0}, InputError, "nsim must be a positive integer"),
        (lambda: lmm("y ~ x + (1 | ward)"), {"rng": 1, "nsim": 2.5}, InputError, "nsim must be a positive integer"),
    ],
)
def test_what_the_exact_test_cannot_do_is_refused(fit, options, error, message):
    with pytest.raises(error, match=message):
        fit().exact_lrt(**options)


def test_many_levels_are_left_to_the_mixture():
    rng = np.random.default_rng(1)
    data = {"g": np.repeat(np.arange(3001), 2), "y": rng.normal(size=6002)}
    with pytest.raises(InputError, match="g has 3,001 levels"):
        lmm("y ~ 1 + (1 | g)", data).exact_lrt(rng=1)


# Single term deletions ----------------------------------------------------------------------------------------------


def test_deletions_are_those_of_lme4_and_lmertest():
    fit = fitted("interaction")
    table, facts = fit.drop1(), FACTS["drop1"]["chisq"]
    assert table["term"].tolist() == facts["rows"] == ["<none>", "x", "drug:dose"]
    for theirs, ours in {"npar": "df", "AIC": "aic", "LRT": "statistic", "Pr(Chi)": "p_value"}.items():
        np.testing.assert_allclose(table[ours], np.array(facts["columns"][theirs], dtype=float), rtol=1e-6)
    table, facts = fit.drop1("F"), FACTS["drop1"]["F"]
    for theirs, ours in {"Sum Sq": "sum_sq", "NumDF": "num_df", "DenDF": "den_df", "F value": "statistic"}.items():
        np.testing.assert_allclose(table[ours], facts["columns"][theirs], rtol=1e-7)
    by_kr = fit.drop1("F", "kenward-roger")
    np.testing.assert_allclose(by_kr["statistic"], fit.anova(3, "kenward-roger")["statistic"][2:], rtol=1e-8)


def test_deletions_of_generalized_models_are_refits():
    formula = "count ~ drug * x + dose + (1 | ward)"
    table = counts(formula).drop1()
    assert table["term"].tolist() == ["<none>", "dose", "drug:x"]
    small = glmm("count ~ drug * x + (1 | ward)")
    assert table["aic"][1] == pytest.approx(small.aic, abs=1e-6)
    assert "Refitted" not in str(table)
    assert "Chi-squared is for many levels" in str(table)


def test_deletions_that_there_are_not_are_refused():
    with pytest.raises(InputError, match="test must be 'LRT' or 'F'"):
        fitted("covariate").drop1("Wald")
    with pytest.raises(InputError, match="test='F' is for linear models"):
        counts().drop1("F")
    with pytest.raises(InputError, match="say which columns make a term"):
        ranef.lmm(WARDS["y"], np.ones((150, 1)), {"ward": WARDS["ward"]}).drop1()
    with pytest.raises(InputError, match="nothing to leave out"):
        lmm("y ~ 1 + (1 | ward)").drop1()


def test_terms_of_arrays_may_be_left_out():
    frame = ranef.model_frame("y ~ drug + x + (1 | ward)", dict(WARDS))
    fit = ranef.lmm(frame.y, frame.X, frame.groups, x_names=frame.x_names)
    table = fit.drop1(terms={"drug": ["drug[T.b]", "drug[T.c]"], "x": "x"})
    expected = lmm("y ~ drug + x + (1 | ward)").drop1()
    np.testing.assert_allclose(table["statistic"], expected["statistic"], rtol=1e-8)
