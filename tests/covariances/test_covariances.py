"""Covariance structures in fits: what glmmTMB and nlme give, models that can be written in two ways, derivatives."""

from __future__ import annotations

import csv
import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

import ranef
from ranef.contracts import (
    ComparisonError,
    CovarianceStructure,
    InputError,
    InputTypeError,
    PluginNotFoundError,
    SingularFitWarning,
    Status,
)
from ranef.covariances import Toeplitz
from ranef.estimation.certificate import certify

HERE = Path(__file__).resolve().parent
REFERENCE = json.loads((HERE / "reference.json").read_text())
FITS = [name for name in REFERENCE if name != "version"]
STRUCTURES = ["cs", "homcs", "ar1", "toep", "homdiag"]

with (HERE / "visits.csv").open() as file:
    ROWS = list(csv.DictReader(file))
VISITS = {name: np.array([float(row[name]) for row in ROWS]) for name in ROWS[0]}
COLUMNS = {f"v{i}": (VISITS["visit"] == i).astype(float) for i in range(5)}
X = np.column_stack([np.ones(len(ROWS)), VISITS["x"]])
PATIENTS = {"patient": VISITS["patient"].astype(int)}


def visits(covariance, *, columns=COLUMNS, y=VISITS["y"], **settings):
    return ranef.lmm(
        y,
        X,
        PATIENTS,
        random_effects={"patient": list(columns)},
        random_data=columns,
        covariance={"patient": covariance},
        **settings,
    )


def counts(covariance, **settings):
    return ranef.glmm(
        VISITS["count"],
        X,
        PATIENTS,
        family="poisson",
        random_effects={"patient": list(COLUMNS)},
        random_data=COLUMNS,
        covariance={"patient": covariance},
        **settings,
    )


def sleepstudy(covariance, reml):
    d = ranef.datasets.load("sleepstudy")
    return ranef.lmm(
        d["Reaction"],
        np.column_stack([np.ones(180), d["Days"]]),
        {"Subject": d["Subject"]},
        random_effects={"Subject": ["1", "Days"]},
        random_data={"Days": d["Days"]},
        covariance={"Subject": covariance},
        reml=reml,
    )


def fitted(name: str):
    data, structure, *method = name.split("_")
    if data == "counts":
        return counts(structure)
    fit = visits if data == "visits" else sleepstudy
    return fit(structure, reml=method == ["reml"])


@pytest.mark.parametrize("name", FITS)
def test_fits_are_those_of_glmmtmb_and_nlme(name):
    """glmmTMB 1.1.5; homcs and homdiag, which that has not, by nlme (make_reference.R)."""
    fit, expected = fitted(name), REFERENCE[name]
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(expected["logLik"], abs=1e-6)
    assert fit.n_parameters == expected["npar"]
    np.testing.assert_allclose(fit.coefficients, expected["fixef"], rtol=1e-5)
    (covariance,) = fit._fit.covariances
    size = np.abs(expected["covariance"]).max()
    np.testing.assert_allclose(covariance, expected["covariance"], rtol=1e-4, atol=1e-4 * size)
    if not name.startswith("visits") or "hom" in name:
        # elsewhere glmmTMB's are from the joint information of coefficients and variances, which is no lme4
        np.testing.assert_allclose(fit.se, expected["se"], rtol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_standard_errors_are_those_of_generalized_least_squares(structure):
    fit = visits(structure)
    Z = np.column_stack(list(COLUMNS.values()))
    same = PATIENTS["patient"][:, None] == PATIENTS["patient"]
    V = fit.sigma**2 * np.eye(len(Z)) + same * (Z @ fit._fit.covariances[0] @ Z.T)
    np.testing.assert_allclose(fit.vcov, np.linalg.inv(X.T @ np.linalg.solve(V, X)), rtol=1e-9)


# One model, written in two ways ---------------------------------------------------------------------------------------


def test_structures_without_structure_are_the_same_bits():
    plain = visits(None)
    np.testing.assert_array_equal(visits("us").theta, plain.theta)
    uncorrelated = ranef.lmm(
        VISITS["y"], X, PATIENTS, random_effects={"patient": list(COLUMNS)}, random_data=COLUMNS, correlated=False
    )
    np.testing.assert_array_equal(visits("diag").theta, uncorrelated.theta)


def nested(covariances):
    """(1 | patient:visit), and (1 | patient) where there are two."""
    cell = 5 * PATIENTS["patient"] + VISITS["visit"].astype(int)
    return ranef.lmm(VISITS["y"], X, {"cell": cell} | (PATIENTS if covariances == 2 else {}))


@pytest.mark.parametrize(("structure", "covariances"), [("homdiag", 1), ("homcs", 2)])
def test_homogeneous_structures_are_nested_intercepts(structure, covariances):
    """Satterthwaite's degrees of freedom do not depend on how the variance parameters are chosen."""
    fit, other = visits(structure), nested(covariances)
    assert fit.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(fit.se, other.se, rtol=1e-5)
    np.testing.assert_allclose(fit.df_satterthwaite, other.df_satterthwaite, rtol=1e-4)
    first = fit.var_components[0]
    assert first.variance == pytest.approx(sum(c.variance for c in other.var_components[:-1]), rel=1e-5)
    if structure == "homcs":
        between = next(c.variance for c in other.var_components if c.group == "patient")
        assert first.corr[0] == pytest.approx(between / first.variance, rel=1e-5)


@pytest.mark.parametrize(("one", "other"), [("cs", "us"), ("toep", "us"), ("ar1", "homcs")])
def test_two_columns_leave_no_choice(one, other):
    columns = {"early": (VISITS["visit"] < 2).astype(float), "late": (VISITS["visit"] >= 2).astype(float)}
    a, b = (visits(structure, columns=columns) for structure in (one, other))
    assert a.log_likelihood == pytest.approx(b.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(a._fit.covariances[0], b._fit.covariances[0], rtol=1e-4)
    np.testing.assert_allclose(a.df_satterthwaite, b.df_satterthwaite, rtol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_of_y_are_units_of_the_standard_deviations(structure):
    one, other = visits(structure), visits(structure, y=1e6 * VISITS["y"])
    np.testing.assert_allclose(other.theta, one.theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        [c.std_dev for c in other.var_components], [1e6 * c.std_dev for c in one.var_components], rtol=1e-4
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_of_the_columns_are_units_of_the_standard_deviations(structure):
    one = visits(structure)
    other = visits(structure, columns={name: 1000.0 * column for name, column in COLUMNS.items()})
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-8)
    for here, there in zip(one.var_components[:-1], other.var_components, strict=False):
        assert 1000.0 * there.std_dev == pytest.approx(here.std_dev, rel=1e-4)
        assert there.corr == pytest.approx(here.corr, rel=1e-3)


@pytest.mark.parametrize("plugins", [{"backend": "dense"}, {"optimizer": "lbfgsb"}, {"optimizer": "bobyqa"}], ids=str)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_backends_and_optimizers_agree(structure, plugins):
    one, other = visits(structure), visits(structure, **plugins)
    assert other.converged
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_fit_restarted_from_its_theta_stays(structure):
    fit = visits(structure)
    again = visits(structure, start=fit.theta)
    assert again.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-9)
    assert len(fit.theta) == len(again.theta)


# The criterion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("fit", [visits, counts])
def test_the_gradient_is_that_of_differences(fit, structure):
    found = fit(structure)
    factorized = found._fit.factorized()
    criterion = factorized.criterion
    x = found._fit.theta / criterion.unit if fit is visits else factorized.x
    rng = np.random.default_rng(3)
    x = x + 0.1 * rng.normal(size=len(x))
    numeric = []
    for i in range(len(x)):
        sides = [criterion.value(x + sign * 1e-5 * np.eye(len(x))[i]) for sign in (1.0, -1.0)]
        numeric.append((sides[0] - sides[1]) / 2e-5)
    np.testing.assert_allclose(criterion.gradient(x)[1], numeric, rtol=1e-5, atol=1e-4)


def test_the_approximate_curvature_is_exact_where_T_is_linear():
    """For one grouping factor and one standard deviation."""
    criterion = visits("homdiag")._fit.factorized().criterion
    for x in ([0.7], [1.9]):
        np.testing.assert_allclose(
            criterion.curvature(np.array(x)), criterion.hessian(np.array(x), central=True), rtol=1e-5
        )


@pytest.mark.parametrize(("structure", "least"), [("cs", 0.0), ("toep", 0.0), ("homcs", -np.inf), ("ar1", -np.inf)])
def test_standard_deviations_have_a_bound_where_there_are_several(structure, least):
    """The sign of one of them turns its correlations; that of a single one changes no covariance."""
    own = ranef.registry.covariance(structure)[0]
    lower, upper = own.bounds(4)
    assert (lower == np.where(own.scales(4), least, -np.inf)).all()
    assert (upper == np.inf).all()


@pytest.mark.parametrize("structure", ["cs", "homcs", "ar1", "toep"])
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["all alike", "alternating"])
def test_starts_keep_away_from_singular_matrices(structure, sign):
    """Where correlations are nearly 1 and -1, too: from there no search would lead away."""
    own, signs = ranef.registry.covariance(structure)[0], sign ** np.arange(4)
    T = own.relative_factor(own.start(np.outer(signs, signs) + 1e-9 * np.eye(4)), 4)
    assert np.linalg.svd(T, compute_uv=False)[-1] > 0.01


@pytest.mark.parametrize("structure", STRUCTURES)
def test_an_independent_search_finds_nothing_better(structure):
    """The criterion from V itself, by a search without derivatives from several starts."""
    own = ranef.registry.covariance(structure)[0]
    fit, k, rng = visits(structure, reml=False), 5, np.random.default_rng(1)
    Z, y = np.column_stack(list(COLUMNS.values())), VISITS["y"]
    same = PATIENTS["patient"][:, None] == PATIENTS["patient"]

    def deviance(parameters):
        lower, upper = own.bounds(k)
        T = own.relative_factor(np.clip(parameters, lower, upper), k)
        V = np.eye(len(y)) + same * (Z @ T @ T.T @ Z.T)
        VX = np.linalg.solve(V, X)
        r = y - X @ np.linalg.solve(X.T @ VX, VX.T @ y)
        s2 = float(r @ np.linalg.solve(V, r)) / len(y)
        return np.linalg.slogdet(V)[1] + len(y) * (1.0 + np.log(2.0 * np.pi * s2))

    starts = [own.start(size * np.eye(k)) + 0.3 * rng.normal(size=len(fit.theta)) for size in (0.3, 2.0)]
    best = min(minimize(deviance, start, method="L-BFGS-B").fun for start in starts)
    assert -2.0 * fit.log_likelihood < best + 1e-5
    assert deviance(fit.theta) == pytest.approx(-2.0 * fit.log_likelihood, abs=1e-8)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_data_without_effects_end_at_zero(structure):
    """At sd = 0 every slope by a single standard deviation vanishes; it is the optimum here, and certified."""
    cell = 5 * PATIENTS["patient"] + VISITS["visit"].astype(int)
    rng = np.random.default_rng(8)
    noise = rng.normal(size=len(cell))
    noise -= (np.bincount(cell, noise) / np.maximum(np.bincount(cell), 1))[cell]  # cells differ less than by chance
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.warns(SingularFitWarning):
            fit = visits(structure, y=noise)
        assert "singular" in fit.summary()
    assert fit.converged
    assert fit.is_singular
    assert max(c.std_dev for c in fit.var_components[:-1]) < 1e-3 * fit.sigma


@pytest.mark.parametrize("fit", [visits, counts])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_no_fit_stays_at_zero_where_there_is_a_variance(structure, fit):
    """There every slope vanishes; the certificate has to see that the criterion bends down."""
    found = fit(structure)
    again = fit(structure, start=0.0 * found.theta)
    assert again.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("fit", [visits, counts])
def test_structures_are_certified_by_the_hessian(fit, structure):
    """What T adds to it is not in approximate curvature."""
    assert fit(structure).certificate.hessian == "differences of exact gradients"


@pytest.mark.parametrize("angle", [-0.5 * np.pi, 0.5 * np.pi])
def test_a_start_at_the_wrong_end_is_left(angle):
    """At a correlation of -1 or 1 the covariance matrix is singular, and its angle has no slope."""
    again = visits("ar1", start=[1.0, angle])
    assert again.log_likelihood == pytest.approx(visits("ar1").log_likelihood, abs=1e-6)


# What is shown, and refused -------------------------------------------------------------------------------------------


def test_the_summary_shows_what_the_structure_has():
    text = visits("ar1").summary()
    assert "ar1(0 + v0 + v1 + v2 + v3 + v4 | patient)" in text
    assert " patient  v0 ... 0.9323   0.9656   0.70 (ar1)" in text
    assert "0.75 0.50 0.33 0.10 (toep)" in visits("toep").summary()
    assert "(homdiag)" in visits("homdiag").summary()
    assert "0.70 (ar1)" in visits("ar1")._repr_html_()


def test_a_fit_can_be_pickled():
    fit = pickle.loads(pickle.dumps(visits("toep")))
    assert fit.summary() == visits("toep").summary()


def test_terms_of_a_factor_may_have_one_each():
    both = ranef.lmm(
        VISITS["y"],
        X,
        PATIENTS,
        random_effects={"patient": [["1"], list(COLUMNS)]},
        random_data=COLUMNS,
        covariance={"patient": [None, "homdiag"]},
    )
    assert both.log_likelihood == pytest.approx(nested(2).log_likelihood, abs=1e-7)


def test_an_object_is_as_good_as_a_name():
    named, given = visits("toep"), visits(Toeplitz())
    np.testing.assert_array_equal(given.theta, named.theta)
    assert [p.name for p in named.provenance][2:] == [p.name for p in given.provenance][2:] == ["toep"]
    assert named.provenance[2].distribution == "ranef"


def test_nested_structures_are_compared():
    assert visits("ar1", reml=False).compare(visits("us", reml=False)).df == 13
    with pytest.raises(ComparisonError, match="does not contain the random effects ar1"):
        visits("ar1", reml=False).compare(visits("cs", reml=False))


class Distant(Toeplitz):
    """A structure with a long attribute, whose text leaves out its middle."""

    def __init__(self, middle: float) -> None:
        self.distances = np.zeros(3000)
        self.distances[1500] = middle


def test_structures_that_differ_in_an_attribute_are_not_nested():
    def fit(middle, columns):
        effects = {"patient": [["1"], list(COLUMNS)], "visit": columns}
        groups = PATIENTS | {"visit": VISITS["visit"].astype(int)}
        return ranef.lmm(
            VISITS["y"],
            X,
            groups,
            random_effects=effects,
            random_data=COLUMNS | {"x": VISITS["x"]},
            covariance={"patient": [None, Distant(middle)]},
            reml=False,
        )

    small, same, other = fit(0.0, ["1"]), fit(0.0, ["1", "x"]), fit(1.0, ["1", "x"])
    assert small.compare(same).df == 2
    with pytest.raises(ComparisonError, match="does not contain the random effects"):
        small.compare(other)


class Three(CovarianceStructure):
    """For three columns only."""

    name, least_columns, most_columns = "three", 3, 3
    names = scales = relative_factor = start = None


@pytest.mark.parametrize(
    ("covariance", "error", "message"),
    [
        ({"patient": "spline"}, PluginNotFoundError, "spline"),
        ({"patient": 3}, InputTypeError, r"covariance\['patient'\] must be a name or a CovarianceStructure; got 3"),
        ({"patient": Toeplitz}, InputTypeError, r"is the class Toeplitz; pass an object: Toeplitz\(\)"),
        ({"doctor": "cs"}, InputError, "covariance names doctor, which groups does not have; groups has patient"),
        ({"patient": ["cs", "cs"]}, InputError, r"covariance\['patient'\] has 2 structures for 1 terms"),
        ({"patient": Three()}, InputError, "is three, which needs 3 to 3 columns; the term .* has 5"),
        ("cs", InputTypeError, "covariance"),
    ],
)
def test_what_is_wrong_is_named(covariance, error, message):
    with pytest.raises(error, match=message):
        ranef.lmm(
            VISITS["y"],
            X,
            PATIENTS,
            random_effects={"patient": list(COLUMNS)},
            random_data=COLUMNS,
            covariance=covariance,
        )


def test_one_column_has_no_correlation():
    with pytest.raises(InputError, match=r"covariance\['patient'\] is ar1, which needs 2 columns or more"):
        ranef.lmm(VISITS["y"], X, PATIENTS, covariance={"patient": "ar1"})


def test_uncorrelated_columns_have_no_structure():
    with pytest.raises(InputError, match=r"correlated\['patient'\] is False, which is the structure diag"):
        visits("cs", correlated=False)


@pytest.mark.parametrize("kind", ["cs", "toep"])
def test_a_standard_deviation_of_zero_has_no_sign(kind):
    """At 0 the correlation has no effect: a way down with a correlation of -1 is one, whatever the angle says there."""
    rng = np.random.default_rng(1)
    g, v = np.repeat(np.arange(12), 6), np.tile([0, 0, 0, 1, 1, 1], 12)
    b = rng.normal(size=12)[g]
    d = {"y": np.where(v, 2.0 * b, -0.4 * b) + rng.normal(size=72), "f": np.array(["a", "b"])[v], "g": g}
    fit = ranef.lmm(f"y ~ 0 + f + {kind}(0 + f | g)", d)
    assert fit.var_table()["corr_1"][0] == pytest.approx(-1.0)
    criterion = fit._fit.factorized().criterion

    best = minimize_scalar(lambda sd: criterion.value(np.array([0.0, sd, 0.0])), bounds=(0.0, 5.0), method="bounded").x
    for angle in (1.0, -1.0):
        at = certify(criterion, np.array([0.0, best, angle]), Status.CONVERGED, quick=False)
        assert not at.certificate.converged
        assert criterion.value(at.way_down) < at.value - 1.0
