"""Models at and near the boundary, with few observations and empty cells: never below lme4's best log-likelihood.

lme4_reference.csv is of lme4 1.1.31 in R 4.2.2 (Debian 12), by make_lme4_reference.R from the data of simulated.py:
`logLik` the best of three optimizers with tight tolerances, `default` that of a plain call of lmer.
"""

from __future__ import annotations

import csv
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ranef
from ranef.contracts.errors import SingularFitWarning

from .simulated import MODELS

with (Path(__file__).parent / "lme4_reference.csv").open(encoding="utf-8") as file:
    REFERENCE = {row["name"]: row for row in csv.DictReader(file)}

#: Singular by their making.
SINGULAR = {"correlation of 1", "correlation of -1", "no slope variance", "no variance at all"}


@cache
def fitted(name: str, backend: str = "auto") -> ranef.LMMSolution:
    model = MODELS[name]()
    arguments = model.arguments()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no ConvergenceWarning, no RuntimeWarning ...
        warnings.simplefilter("ignore", SingularFitWarning)
        solution = ranef.lmm(
            arguments.pop("y"), arguments.pop("X"), arguments.pop("groups"), **arguments, backend=backend
        )
        solution.summary()
    return solution


def test_data_are_those_of_the_reference() -> None:
    assert list(REFERENCE) == list(MODELS)
    for name, row in REFERENCE.items():
        y = MODELS[name]().columns["y"]
        assert len(y) == int(row["n"])
        assert y.sum() == pytest.approx(float(row["y_sum"]), rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_log_likelihood_is_the_maximum(name: str) -> None:
    # Of "years" lmer's defaults miss the maximum by 10.8: a narrow valley of correlations near -1.
    assert fitted(name).log_likelihood == pytest.approx(float(REFERENCE[name]["logLik"]), abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_converged_with_figures_everywhere(name: str) -> None:
    f = fitted(name)
    assert f.converged
    assert f.certificate.boundary_ok
    assert f.df_satterthwaite is not None
    for figures in (
        f.coefficients,
        f.se,
        f.p_values,
        f.df_satterthwaite,
        *f.ranef.values(),
        *f.ranef_variances.values(),
    ):
        assert np.isfinite(figures).all()
    assert (f.df_satterthwaite > 0).all()
    assert (f.df_satterthwaite < 10 * f.n_obs).all()
    for variances in f.ranef_variances.values():
        assert np.linalg.eigvalsh(variances).min() > -1e-10
    for c in f.var_components:
        assert all(np.isnan(r) or abs(r) <= 1 + 1e-12 for r in c.corr)


@pytest.mark.parametrize("name", sorted(SINGULAR))
def test_singular_fits_are_found_to_be_singular(name: str) -> None:
    assert fitted(name).is_singular
    assert "the fit is singular" in fitted(name).summary()


@pytest.mark.parametrize("name", MODELS)
def test_backends_agree(name: str) -> None:
    dense, blocked = fitted(name, "dense"), fitted(name, "blocked")
    assert blocked.log_likelihood == pytest.approx(dense.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(blocked.coefficients, dense.coefficients, rtol=1e-5, atol=1e-6)


def test_a_shift_of_a_slope_is_the_same_model() -> None:
    # (x | a) with x in years is (x - 2000 | a): the random intercept is at another place.
    years = MODELS["years"]()
    arguments = years.arguments()
    centred = years.columns["x"] - 2000.0
    arguments |= {"X": np.column_stack([np.ones(len(centred)), centred]), "random_data": {"x": centred}}
    plain = ranef.lmm(arguments.pop("y"), arguments.pop("X"), arguments.pop("groups"), **arguments)
    assert fitted("years").log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-5)
    np.testing.assert_allclose(fitted("years").fitted_values, plain.fitted_values, atol=1e-3)
