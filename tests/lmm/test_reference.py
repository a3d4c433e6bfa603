"""All 27 linear reference models, by every backend, against what lme4, lmerTest and performance gave in R.

Figures and their accuracy: tests/reference/README.md. Tolerances are those of the project's promise, not of the day.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from ranef import registry
from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import RankDeficiencyWarning, SingularFitWarning
from ranef.display.rformat import wrapped
from ranef.estimation.profiled import ProfiledDeviance

from ..display.test_summary import printed
from ..reference.load import likelihood_ratio_tests, names
from .models import BACKENDS, Fitted, fitted

NAMES = names("lmm_")
INSTEVAL = ("lmm_insteval_ml", "lmm_insteval_reml")
SMALL = [name for name in NAMES if name not in INSTEVAL]
needs_cholmod = pytest.mark.skipif(find_spec("sksparse") is None, reason="scikit-sparse is not installed")
needs_nlopt = pytest.mark.skipif(find_spec("nlopt") is None, reason="NLopt is not installed")


DIGIT, NUMBER = re.compile(r"\d"), re.compile(r"-?\d+(?:\.\d*)?(?:e-?\d+)?")


def model_by_backend() -> list[Any]:
    """Dense forms a 4114 x 4114 matrix for InstEval: that is a test of its own."""
    pairs = [(name, backend) for backend in BACKENDS for name in NAMES if (name in SMALL or backend != "dense")]
    return [
        pytest.param(pair, marks=[needs_cholmod] if pair[1] == "cholmod" else [], id="-".join(pair)) for pair in pairs
    ]


@pytest.fixture(params=model_by_backend())
def model(request: pytest.FixtureRequest) -> Fitted:
    return fitted(*request.param)


def close(actual: Any, desired: Any, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    np.testing.assert_allclose(np.asarray(actual, dtype=float), np.asarray(desired, dtype=float), rtol=rtol, atol=atol)


# Estimates ---------------------------------------------------------------------------------------------------------


def test_log_likelihood_and_criteria(model: Fitted) -> None:
    f, record = model.solution, model.record
    assert f.log_likelihood == pytest.approx(record["logLik"], abs=1e-6)
    assert (f.n_parameters, f.n_obs, f.df_residual) == (record["npar"], record["nobs"], record["df_residual"])
    assert f.aic == pytest.approx(record["AIC"], abs=2e-6)
    assert f.bic == pytest.approx(record["BIC"], abs=2e-6)
    assert f.deviance == pytest.approx(record["deviance"], abs=2e-6)
    if record["reml"]:
        assert f.reml_criterion == pytest.approx(record["REMLcrit"], abs=2e-6)
    else:
        assert np.isnan(f.reml_criterion)
        assert f.deviance == pytest.approx(-2 * f.log_likelihood, rel=1e-15)


def test_fixed_effects(model: Fitted) -> None:
    f, kept = model.solution, model.kept
    se = model.by_name("se")
    close((f.coefficients[kept] - model.by_name("fixef")) / se, 0, atol=1e-5)
    close(f.se[kept], se, rtol=1e-5)
    close(f.t_values[kept], model.by_name("stat"), rtol=1e-5, atol=1e-5)
    close(f.vcov[np.ix_(kept, kept)] / np.outer(se, se), model.record["vcov"]["matrix"] / np.outer(se, se), atol=2e-5)
    assert f.fixef == pytest.approx(dict(zip(f.names, f.coefficients, strict=True)), nan_ok=True)


def test_satterthwaite(model: Fitted) -> None:
    f, tests = model.solution, model.record["satterthwaite"]
    at = [f.names.index(name) for name in tests["names"]]
    assert at == model.kept
    assert f.df_satterthwaite is not None
    close(f.df_satterthwaite[at], tests["df"], rtol=1e-3)
    close(f.p_values[at], tests["p"], rtol=1e-3)


def test_variance_components(model: Fitted) -> None:
    f, record = model.solution, model.record
    *ours, residual = f.var_components
    theirs = [
        (term["group"].removesuffix(".1"), name, term["sd"][i], term["corr"][i][:i])
        for term in record["varcorr"]
        for i, name in enumerate(term["names"])
    ]
    assert [(c.group, c.name) for c in ours] == [(group, name) for group, name, *_ in theirs]
    close([c.std_dev for c in ours], [sd for _, _, sd, _ in theirs], rtol=1e-4, atol=1e-9)
    close([c.variance for c in ours], [sd**2 for _, _, sd, _ in theirs], rtol=2e-4, atol=1e-9)
    for c, (*_, corr) in zip(ours, theirs, strict=True):
        close(c.corr, corr, rtol=1e-4)
    assert (residual.group, residual.name, residual.corr) == ("Residual", "", ())
    assert residual.std_dev == f.sigma == pytest.approx(record["sigma"], rel=1e-4)
    close(f.theta, list(record["theta"].values()), rtol=1e-4, atol=1e-6)
    assert f.is_singular is record["isSingular"]


def test_icc(model: Fitted) -> None:
    f, record = model.solution, model.record
    variances = {term["group"]: term["variance"][0] for term in record["varcorr"] if "(Intercept)" in term["names"]}
    assert f.icc == pytest.approx({g: v / (v + record["sigma"] ** 2) for g, v in variances.items()}, rel=1e-4, abs=1e-9)
    intercepts_only = all(len(columns) == 1 for columns in f.ranef_names.values())
    if intercepts_only and record.get("icc") and record["weights"] is None:
        # performance::icc is of all factors together: the odds icc / (1 - icc) = variance / sigma^2 add up.
        odds = sum(icc / (1 - icc) for icc in f.icc.values())
        assert odds / (1 + odds) == pytest.approx(record["icc"]["ICC_adjusted"], rel=1e-4)


def test_random_effects(model: Fitted) -> None:
    f = model.solution
    for block in model.record["ranef"]:
        name = block["group"]
        assert f.ranef_names[name] == tuple(block["names"])
        assert f.n_groups[name] == block["n_levels"] == len(f.levels[name])
        row = {level: i for i, level in enumerate(f.levels[name].tolist())}
        at = [row[level] for level in block["levels"]]
        scale = np.sqrt(np.array(block["column_sumsq"]) / block["n_levels"])
        close(f.ranef[name][at], block["values"], rtol=1e-4, atol=1e-4 * max(scale.max(), 1e-6))
        close((f.ranef[name] ** 2).sum(axis=0), block["column_sumsq"], rtol=1e-4, atol=1e-9)
        if "cond_sd" in block:
            variances = f.ranef_variances[name][at]
            close(np.sqrt(np.diagonal(variances, axis1=1, axis2=2)), block["cond_sd"], rtol=1e-4, atol=1e-9)
        if "cond_var" in block:
            # Covariances against the product of standard deviations: near zero their own digits mean nothing.
            sd = np.array(block["cond_sd"])
            close((variances - block["cond_var"]) / np.maximum(np.einsum("la,lb->lab", sd, sd), 1e-9), 0, atol=2e-4)


def test_rows(model: Fitted) -> None:
    f, record = model.solution, model.record
    first = slice(0, len(record["fitted"]))
    close(f.fitted_values[first], record["fitted"], atol=1e-4 * record["sigma"])
    assert f.fitted_values.sum() == pytest.approx(record["mu_sum"], rel=1e-8)
    close(f.residuals[first], record["residuals"]["response"], atol=1e-4 * record["sigma"])
    close(f.scaled_residuals[first], record["residuals"]["pearson_scaled"], atol=1e-4)


def test_certificate_and_warnings(model: Fitted) -> None:
    certificate = model.solution.certificate
    assert model.solution.converged
    assert certificate.converged
    assert certificate.message == ""
    assert certificate.boundary_ok
    assert certificate.expected_drop < 1e-6
    expected: list[type[Warning]] = []
    if model.record["dropped_columns"]:
        expected.append(RankDeficiencyWarning)
    if model.record["isSingular"]:
        expected.append(SingularFitWarning)
    assert list(model.warned) == expected


def test_summary_is_that_of_lmertest(model: Fitted) -> None:
    text, theirs = model.solution.summary(), printed(model.record)
    notes = [line for note in model.solution._notes() for line in wrapped([note])]
    for line in notes:
        text = text.replace(f"\n{line}", "")
    ours = text.rstrip().partition("\n\n")[2].split("\n")
    if "summary_lmerTest" not in model.record:  # InstEval: lme4's summary is on record, without tests
        ours, theirs = (lines[: lines.index("Fixed effects:")] for lines in (ours, theirs))
    if "Correlation of Fixed Effects: not shown" in ours[-1]:  # R says it by a message, not in the output
        del ours[-2:]
    if not model.case.correlated[next(iter(model.case.groups))]:
        # lme4 makes up a factor Subject.1 for the second term, and so has wider columns.
        ours, theirs = ([" ".join(line.replace("Subject.1", "").split()) for line in lines] for lines in (ours, theirs))
    # The same text, but for the last digit of a number: lmerTest's derivatives are numerical.
    assert [DIGIT.sub("0", line) for line in ours] == [DIGIT.sub("0", line) for line in theirs]
    for our_line, their_line in zip(ours, theirs, strict=True):
        close(NUMBER.findall(our_line), NUMBER.findall(their_line), rtol=1e-7)


# Likelihood ratio tests --------------------------------------------------------------------------------------------

PAIRS = [test for test in likelihood_ratio_tests() if test["full"].startswith("lmm_")]


@pytest.mark.parametrize("test", PAIRS, ids=[test["name"] for test in PAIRS])
def test_likelihood_ratio(test: dict[str, Any]) -> None:
    reduced, full = fitted(test["reduced"]).solution, fitted(test["full"]).solution
    for result in (reduced.compare(full), full.compare(reduced)):
        assert result.statistic == pytest.approx(test["chisq"], abs=4e-6)
        assert result.df == test["df"]
        assert result.p_value == pytest.approx(test["p"], rel=1e-4)


def test_every_reference_test_of_linear_models_is_here() -> None:
    assert len(PAIRS) == 9


# Backends against each other ---------------------------------------------------------------------------------------


def at_r_theta(name: str, backend: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """log|M|, M^-1 Lambda'Z'W [Q, y] and the deviance of `backend`, at lme4's theta."""
    model = fitted(name)
    cross = model.solution._fit.cross
    symbolic = registry.linalg_backend(backend)[0].analyze(cross.pattern)
    here = ProfiledDeviance(cross, symbolic, model.case.reml).at(np.array(list(model.record["theta"].values())))
    return np.array([here.factor.logdet]), here.solved, np.array([here.deviance])


@pytest.mark.parametrize("backend", ["blocked", pytest.param("cholmod", marks=needs_cholmod)])
@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in INSTEVAL)])
def test_backends_agree_with_dense_at_one_theta(name: str, backend: str) -> None:
    for ours, dense in zip(at_r_theta(name, backend), at_r_theta(name, "dense"), strict=True):
        close(ours, dense, rtol=1e-10, atol=1e-10 * float(np.abs(dense).max()))


@pytest.mark.parametrize("backend", ["blocked", pytest.param("cholmod", marks=needs_cholmod)])
@pytest.mark.parametrize("name", SMALL)
def test_backends_agree_with_dense_at_the_optimum(name: str, backend: str) -> None:
    ours, dense = fitted(name, backend).solution, fitted(name, "dense").solution
    close(ours.theta, dense.theta, rtol=1e-5, atol=1e-8)
    assert ours.log_likelihood == pytest.approx(dense.log_likelihood, abs=1e-8)


def test_provenance_names_the_backend_that_was_asked_for(model: Fitted) -> None:
    made_by = model.solution.provenance[0]
    assert made_by.kind == "linalg"
    assert made_by.name == model.backend or (model.backend == "auto" and made_by.name in BACKENDS)


# Optimizers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    ["trust-region", "lbfgsb", "cobyqa", "nelder-mead", pytest.param("bobyqa", marks=needs_nlopt)],
)
@pytest.mark.parametrize(
    "name",
    [
        "lmm_dyestuff2_reml",
        "lmm_dyestuff_ml",
        "lmm_sleepstudy_slope_reml",
        "lmm_sleepstudy_uncorr_ml",
        "lmm_sleepstudy_weights_reml",
        "lmm_penicillin_reml",
        "lmm_pastes_ml",
        "lmm_cake_reml",
    ],
)
def test_every_optimizer_reaches_the_optimum(name: str, optimizer: str) -> None:
    model = fitted(name, optimizer=optimizer)
    f = model.solution
    assert f.provenance[1].name == optimizer
    assert f.converged
    assert f.log_likelihood == pytest.approx(model.record["logLik"], abs=1e-6)
    close(f.theta, list(model.record["theta"].values()), rtol=1e-3, atol=1e-3)


def test_the_search_is_short() -> None:
    # A derivative-free search needs 50 and more evaluations (lme4: 53 for this model, by its BOBYQA).
    assert fitted("lmm_sleepstudy_slope_reml").solution.n_evaluations <= 15
