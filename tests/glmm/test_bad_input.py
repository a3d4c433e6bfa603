"""What `glmm` refuses, before any work, with a message that says what is wrong, where, and what to do."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError, InputTypeError, Observer, PluginNotFoundError
from ranef.contracts.observer import Evaluated, Event, FitStarted
from ranef.families import Beta, Binomial, Gamma, InverseGaussian, NegativeBinomial, Poisson, StudentT, Tweedie

N = 60
GROUP, OTHER = np.arange(N) % 6, np.arange(N) % 5
X = np.column_stack([np.ones(N), np.linspace(-1, 1, N)])
BINARY = (np.arange(N) % 3 == 0).astype(float)
COUNTS = (np.arange(N) % 4).astype(float)
PROPORTIONS = (np.arange(N) % 6) / 5


class NoWork(Observer):
    """Fails the test when a fit starts."""

    def notify(self, event: Event) -> None:
        if isinstance(event, FitStarted | Evaluated):
            pytest.fail(f"{event} before the check")


def refused(error: type[Exception], *said: str, y: Any = BINARY, **arguments: Any) -> None:
    """Fitting raises `error`, and its message has all of `said`."""
    groups = arguments.pop("groups", {"g": GROUP})
    with pytest.raises(error) as caught:
        ranef.glmm(y, arguments.pop("X", X), groups, callbacks=NoWork(), **arguments)
    for text in said:
        assert text in str(caught.value)


# The response ------------------------------------------------------------------------------------------------------


def test_proportions_without_weights() -> None:
    refused(InputError, "one trial, 0 or 1", "row 1: 0.2", "weights = numbers of trials", "(n, 2)", y=PROPORTIONS)


def test_counts_of_successes_without_trials() -> None:
    refused(InputError, "between 0 and 1", "row 2: 2", "successes / trials", y=COUNTS)


def test_proportions_that_do_not_fit_the_numbers_of_trials() -> None:
    refused(InputError, "whole numbers of successes", "row 1: 0.8", y=PROPORTIONS, weights=np.full(N, 4.0))


@pytest.mark.parametrize("family", ["binomial", "beta_binomial"])
def test_trials_that_are_not_whole(family: str) -> None:
    refused(InputError, "numbers of trials", "row 0: 4.5", y=PROPORTIONS, weights=np.full(N, 4.5), family=family)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial", "nbinom1"])
def test_counts_that_are_not_whole(family: str) -> None:
    refused(InputError, "counts 0, 1, 2, ...", "row 7: 3.5", y=np.where(np.arange(N) == 7, 3.5, COUNTS), family=family)


@pytest.mark.parametrize("family", ["poisson", "negative_binomial", "nbinom1"])
def test_negative_counts(family: str) -> None:
    refused(InputError, "counts 0, 1, 2, ...", "row 0: -1", "row 4: -1", "and 10 more", y=COUNTS - 1, family=family)


@pytest.mark.parametrize(
    ("family", "needs", "bad"),
    [
        ("gamma", "positive numbers", 0.0),
        ("inverse_gaussian", "positive numbers", 0.0),
        ("tweedie", "0 or positive numbers", -0.5),
        ("beta", "numbers strictly between 0 and 1", 1.0),
        ("beta", "numbers strictly between 0 and 1", 0.0),
        ("truncated_poisson", "counts 1, 2, 3, ...", 0.0),
        ("truncated_negative_binomial", "counts 1, 2, 3, ...", 0.0),
    ],
)
def test_values_outside_of_the_support(family: str, needs: str, bad: float) -> None:
    fine = 0.5 if family in ("beta", "gamma", "inverse_gaussian", "tweedie") else 2.0
    y = np.where(np.arange(N) == 11, bad, fine)
    refused(InputError, f"the {family} family needs {needs}", f"row 11: {bad:g}", y=y, family=family)


def test_missing_values_and_text() -> None:
    refused(
        InputError, "missing (NaN)", "3 rows", "2, 5, 9", y=np.where(np.isin(np.arange(N), [2, 5, 9]), np.nan, BINARY)
    )
    refused(InputTypeError, "text where numbers belong", "'no'", y=np.where(BINARY == 0, "yes", "no"))


# Two columns -------------------------------------------------------------------------------------------------------

SUCCESSES = np.column_stack([COUNTS, COUNTS[::-1]])


def test_two_columns_and_weights() -> None:
    refused(InputError, "leave weights out", y=SUCCESSES, weights=np.ones(N))


def test_two_columns_with_rows_without_trials() -> None:
    y = SUCCESSES + 1
    y[[3, 8]] = 0
    refused(InputError, "no trial at all", "2 rows", "3, 8", y=y)


def test_two_columns_that_are_not_counts() -> None:
    refused(InputError, "counts 0, 1, 2, ...", "15 rows", "0, 4, 8", y=SUCCESSES - [1, 0])
    refused(InputError, "counts 0, 1, 2, ...", "60 rows", y=SUCCESSES + 0.25)
    refused(InputError, "missing", y=np.where(SUCCESSES == 0, np.nan, SUCCESSES))


def test_two_columns_for_a_family_of_one() -> None:
    refused(InputError, "only families of proportions", "poisson", y=SUCCESSES, family="poisson")


def test_three_columns() -> None:
    refused(InputError, "one-dimensional", "(60, 3)", y=np.column_stack([COUNTS] * 3))


# Weights, offset, start --------------------------------------------------------------------------------------------


def test_weights_that_are_not_positive() -> None:
    weights = np.where(np.arange(N) == 4, 0.0, 1.0)
    refused(InputError, "weights must be positive", "1 row", ": 4", y=COUNTS, family="poisson", weights=weights)


def test_lengths() -> None:
    refused(InputError, "X has 59 rows, y has 60", X=X[:-1])
    refused(InputError, "weights has 59 rows", weights=np.ones(59))
    refused(InputError, "offset has 59 rows", offset=np.ones(59))


def test_infinite_offset() -> None:
    refused(InputError, "offset has infinite values", "1 row", offset=np.where(np.arange(N) == 4, np.inf, 0.0))


def test_start_of_wrong_length() -> None:
    refused(InputError, "start has 2 values", "1 covariance parameter", start=[1.0, 2.0])


def test_no_intercept_where_every_mean_would_be_zero() -> None:
    with pytest.raises(InputError, match="include an intercept in X, or use the log link"):
        ranef.glmm(COUNTS, X[:, 1:], {"g": GROUP}, family=Poisson("identity"))


# Family and link ---------------------------------------------------------------------------------------------------


def test_unknown_family_lists_what_there_is() -> None:
    refused(PluginNotFoundError, "there is no family 'binomal'", "did you mean 'binomial'", "poisson", family="binomal")
    refused(PluginNotFoundError, "'negative_gamma'", "beta, beta_binomial, binomial, conway", family="negative_gamma")
    refused(PluginNotFoundError, "did you mean 'binomial'", family="Binomial")


def test_a_class_instead_of_an_object() -> None:
    refused(InputTypeError, "family is the class Binomial", "Binomial()", family=Binomial)


def test_no_family_at_all() -> None:
    refused(InputTypeError, "name or a Family object", "NoneType", family=None)


@pytest.mark.parametrize(
    ("family", "link", "fitting"),
    [
        (Poisson, "logit", "log, identity, sqrt"),
        (Binomial, "identity", "logit, probit, cloglog"),
        (Gamma, "logit", "log, inverse, identity"),
        (Beta, "inverse", "logit, probit"),
        (InverseGaussian, "sqrt", "log, inverse_squared"),
        (Binomial, "no-such", "logit, probit, cloglog"),
    ],
)
def test_a_link_that_does_not_fit(family: Any, link: str, fitting: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"link {link!r} does not fit")) as caught:
        family(link=link)
    assert fitting in str(caught.value)


@pytest.mark.parametrize(
    ("family", "options", "said"),
    [
        (NegativeBinomial, {"theta": -1.0}, "theta=-1 must lie between 0 and inf"),
        (NegativeBinomial, {"theta": 0.0}, "theta=0 must lie between 0 and inf"),
        (Tweedie, {"power": 2.5}, "power=2.5 must lie between 1 and 2"),
        (StudentT, {"df": -3.0}, "df=-3 must lie between"),
    ],
)
def test_given_dispersions_out_of_bounds(family: Any, options: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        family(**options)


# Settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nagq", [-1, 1.0, True, "1", None])
def test_nagq_that_is_no_number_of_nodes(nagq: Any) -> None:
    refused(InputError, "nagq must be 0, 1 or a larger integer", repr(nagq), nagq=nagq)


def test_quadrature_with_two_factors() -> None:
    refused(InputError, "one grouping factor", "2 (g, h)", "Use nagq=1", groups={"g": GROUP, "h": OTHER}, nagq=9)


def test_quadrature_in_too_many_dimensions() -> None:
    data = {name: X[:, 1] ** (i + 1) for i, name in enumerate("abc")}
    terms = {"random_effects": {"g": ["1", *data]}, "random_data": data}
    refused(InputError, "5^4 nodes", "at most 3 columns", "Use nagq=1", nagq=5, **terms)


@pytest.mark.parametrize("hessian", ["exact", None, ["observed"], True])
def test_unknown_hessian(hessian: Any) -> None:
    refused(InputError, "'observed' or 'expected'", repr(hessian), hessian=hessian)


@pytest.mark.parametrize(("setting", "value"), [("tol", 0.0), ("max_iter", 0), ("conf_level", 1.0), ("max_iter", 2.5)])
def test_settings_out_of_range(setting: str, value: Any) -> None:
    refused(InputError, f"{setting} must", **{setting: value})


def test_unknown_backend_and_optimizer() -> None:
    refused(PluginNotFoundError, "'no-such'", "dense", backend="no-such")
    refused(PluginNotFoundError, "'no-such'", "lbfgsb", optimizer="no-such")


# Questions to a fit ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit() -> ranef.GLMMSolution:
    level = np.array([1, 5, 2, 9, 4, 2, 7, 1, 3, 6])[np.arange(N) // 6]
    return ranef.glmm(COUNTS + level, X, {"g": np.arange(N) // 6}, family="poisson")


def test_unknown_kind_of_residuals(fit: ranef.GLMMSolution) -> None:
    with pytest.raises(InputError, match="response, pearson, deviance, working, quantile; got 'partial'"):
        fit.residuals_of("partial")


def test_quantile_residuals_of_counts_without_a_generator(fit: ranef.GLMMSolution) -> None:
    with pytest.raises(InputError, match="randomized: pass rng"):
        fit.residuals_of("quantile")


@pytest.mark.parametrize("nagq", [1, 0, 2.5, True])
def test_laplace_check_needs_nodes(fit: ranef.GLMMSolution, nagq: Any) -> None:
    with pytest.raises(InputError, match="nagq must be an integer of at least 2"):
        fit.laplace_check(nagq=nagq)


def test_laplace_check_of_two_factors() -> None:
    y = np.array([1, 5, 2, 9, 4, 2, 7, 1, 3, 6])[np.arange(N) // 6] * np.array([1, 3, 2, 5, 1])[OTHER]
    two = ranef.glmm(y, X, {"g": np.arange(N) // 6, "h": OTHER}, family="poisson")
    with pytest.raises(InputError, match=r"one grouping factor.*\(1 \| g\) \+ \(1 \| h\)"):
        two.laplace_check()
