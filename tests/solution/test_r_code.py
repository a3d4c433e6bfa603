"""Scripts for R: recorded ones, which package and why none, rows exactly, and nothing of a user's text as code.

That R runs them, and gives the same figures, r_models.py checks.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts.links import Log
from ranef.display.rscript import r_number, r_text
from ranef.families import NegativeBinomial, Poisson, ZeroInflated

from .r_models import GOLDEN, HOME, MODELS, X, counts, eta, fitted, g, noise, structured, x

EXACT = re.compile(r"-?\d+\.\d{4,}(e-?\d+)?")


def rounded(script: str) -> list[str]:
    """Lines with long numbers in six digits: the figures depend a little on the machine."""
    return EXACT.sub(lambda number: f"{float(number[0]):.6g}", script).split("\n")


def call(script: str) -> str:
    """The call of the script in one line, with short words for what many calls have."""
    text = " ".join(script.partition("m <- ")[2].partition("\nprint")[0].split())
    for long, short in (
        ("data = d, ", ""),
        ("weights = w", "WEIGHTS"),
        ("control = glmerControl(tolPwrss = 1e-13)", "CONTROL"),
        ("x1 + x2 + x3 + x4", "X"),
    ):
        text = text.replace(long, short)
    return text


@pytest.mark.parametrize("name", GOLDEN)
def test_scripts_are_those_that_were_run_in_r(name: str) -> None:
    """`python tests/solution/r_models.py --golden` writes them; without an argument it runs them all in R."""
    assert rounded(fitted(name).r_code()) == rounded((HOME / f"{name}.R").read_text(encoding="utf-8"))


CALLS = {
    "sleepstudy": "lmer( y ~ 0 + x1 + x2 + (1 + x2 | g1), REML = TRUE )",
    "sleepstudy_uncorrelated_ml": "lmer( y ~ 0 + x1 + x2 + (1 | g1) + (0 + x2 | g1), REML = FALSE )",
    "crossed_weights_offset": "lmer( y ~ 0 + x1 + x2 + offset(o) + (1 + x2 | g1) + (1 | g2), REML = TRUE, WEIGHTS )",
    "two_terms_dropped_column": "lmer( y ~ 0 + x1 + x2 + (1 | g1) + (0 + x2 | g1), REML = TRUE )",
    "no_fixed_effects": "lmer( y ~ 0 + (1 | g1), REML = TRUE )",
    "cbpp_nagq0": 'glmer( y ~ 0 + X + (1 | g1), family = binomial(link = "logit"), nAGQ = 0, WEIGHTS, CONTROL )',
    "cbpp_quadrature": 'glmer( y ~ 0 + X + (1 | g1), family = binomial(link = "logit"), nAGQ = 9, WEIGHTS, CONTROL )',
    "probit": 'glmmTMB( y ~ 0 + X + (1 | g1), family = binomial(link = "probit"), WEIGHTS )',
    "poisson_sqrt": 'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = poisson(link = "sqrt") )',
    "poisson_cs": 'glmmTMB( y ~ 0 + x1 + x2 + cs(0 + t1 | g1), family = poisson(link = "log") )',
    "zero_inflated_poisson": 'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = poisson(link = "log"), ziformula = ~ 1 )',
    "zero_inflated_models": (
        'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = nbinom2(link = "log"), '
        "dispformula = ~ 0 + d1 + d2, ziformula = ~ 0 + d3 + d4 )"
    ),
    "zero_inflated_binomial": (
        'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = binomial(link = "logit"), ziformula = ~ 1, WEIGHTS )'
    ),
    "hurdle_poisson": (
        'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = truncated_poisson(link = "log"), ziformula = ~ 0 + d1 + d2 )'
    ),
    "hurdle_negative_binomial": (
        'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = truncated_nbinom2(link = "log"), ziformula = ~ 1, '
        "dispformula = ~ 0 + d1 + d2 )"
    ),
    "hurdle_gamma": 'glmmTMB( y ~ 0 + x1 + x2 + (1 | g1), family = ziGamma(link = "log"), ziformula = ~ 1 )',
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str) -> None:
    assert call(fitted(name).r_code()) == CALLS[name]


def test_models_of_parameters_stand_beside_and_others_by_their_values() -> None:
    fit = fitted("hurdle_negative_binomial")
    script = fit.r_code()
    coefficients, zi = fit.coef_table("theta")["estimate"], fit.dispersion["zi"]
    numbers = ", ".join(r_number(float(value), 10) for value in coefficients)
    assert f'"Model of theta",\n  c("(Intercept)", "x1"),\n  c({numbers}),\n  unname(fixef(m)$disp))' in script
    assert f'c("zi"),\n  c({r_number(float(zi), 10)}),\n  unname(plogis(fixef(m)$zi)))' in script
    both = fitted("zero_inflated_models").r_code()
    assert "unname(fixef(m)$zi))" in both
    assert "plogis" not in both


def test_expected_weights_are_lme4_s_and_observed_ones_glmmtmb_s() -> None:
    assert "library(lme4)" in fitted("probit_expected").r_code()
    assert "library(glmmTMB)" in fitted("probit").r_code()
    assert "library(lme4)" in fitted("cbpp").r_code()  # the canonical link: they are the same


def test_our_figures_stand_beside() -> None:
    fit = fitted("cbpp_counts")
    script = fit.r_code()
    for value in (
        fit.log_likelihood,
        *fit.coefficients,
        *fit.se,
        fit.var_components[0].std_dev,
        *fit.dispersion.values(),
    ):
        assert re.search(rf"[( ]{re.escape(r_number(float(value), 10))}[,)]", script)


def test_correlations_of_the_user_s_columns() -> None:
    fit = fitted("sleepstudy")
    components = fit.var_components
    figures = [components[0].std_dev, components[1].std_dev, components[1].corr[0]]
    vector = ", ".join(r_number(v, 10) for v in figures)
    assert f'c("Subject (Intercept)", "Subject Days", "Subject Days, (Intercept)"),\n  c({vector})' in fit.r_code()
    assert 'c("g1 (Intercept)", "g1 x2", "g1 x2 (Intercept)")' in fit.r_code()


def test_dropped_columns_are_left_out_and_named() -> None:
    script = fitted("two_terms_dropped_column").r_code()
    assert "# without the columns twice, which are combinations of others" in script
    assert "x3" not in script


def test_a_log_likelihood_that_lme4_defines_otherwise_is_not_compared() -> None:
    script = fitted("cbpp_quadrature").r_code()
    assert "logLik(m)" not in script
    assert "lme4's lacks constants where nAGQ > 1" in script


def test_uncorrelated_columns_have_no_correlation() -> None:
    assert '"Subject (Intercept)", "Subject Days")' in fitted("sleepstudy_uncorrelated_ml").r_code()


def test_a_link_of_a_stranger_with_a_known_name_is_another() -> None:
    class Stranger(Log):
        name = "log"

    with pytest.raises(ranef.InputError, match=r"lme4: it has no link log\. glmmTMB: it has no link log"):
        of(Poisson(link=Stranger())).r_code()


def test_it_shows_itself() -> None:
    script = fitted("dyestuff").r_code()
    assert isinstance(script, str)
    assert repr(script) == str(script)
    assert script._repr_html_().startswith("<pre># The model that ranef fitted as Yield ~")
    assert "m &lt;- lmer(" in script._repr_html_()


# What R does not fit -----------------------------------------------------------------------------------------------


class Tampered(Poisson):
    """Another family than its base, of which R's packages know nothing."""


def related() -> Any:
    labels = np.unique(g)
    A = 0.5 * np.eye(len(labels)) + 0.5
    return ranef.lmm(eta + noise, X, {"g": g}, relationship={"g": (A, labels)})


def of(family: Any, y: Any = counts, **others: Any) -> Any:
    return ranef.glmm(y, X, {"g": g}, family=family, **others)


REFUSED = {
    "relationship": (related, "lme4: the levels of a factor are independent there.*glmmTMB: the levels of a factor"),
    "structure": (
        lambda: structured("homcs"),
        "lme4: it has no covariance structures, homcs for one. glmmTMB: none of its covariance structures is .* homcs",
    ),
    "weights": (lambda: structured("cs", weights=np.tile([1.0, 2.0], 600)), "multiply log densities, and are no prec"),
    "ar1 of other columns": (
        lambda: ranef.lmm(
            eta + noise,
            X,
            {"g": g},
            random_effects={"g": ["x", "x2"]},
            random_data={"x": x, "x2": x**2},
            covariance={"g": "ar1"},
        ),
        "its ar1 is of a factor's levels, and x, x2 are no indicators",
    ),
    "family": (lambda: of("inverse_gaussian", np.exp(noise)), "none of its families is known to be inverse_gaussian"),
    "zeros of a stranger's family": (
        lambda: of(ZeroInflated(Tampered()), np.where(np.arange(len(counts)) % 3, counts, 0.0)),
        "none of its families is known to be zero_inflated_poisson as it is here",
    ),
    "a hurdle that glmmTMB has not": (
        lambda: of("hurdle_lognormal", np.where(np.arange(len(counts)) % 3, counts + 1.0, 0.0)),
        "none of its families is known to be hurdle_lognormal",
    ),
    "a subclass": (lambda: of(Tampered()), "none of its families is known to be poisson as it is here"),
    "link": (lambda: of("binomial(loglog)", counts > 2), "lme4: it has no link loglog. glmmTMB: it has no link loglog"),
    "given parameter": (lambda: of(NegativeBinomial(theta=2.0)), "it estimates theta, which was given here"),
    "quadrature in two dimensions": (
        lambda: of("poisson", random_effects={"g": ["1", "x"]}, random_data={"x": x}, nagq=3),
        r"lme4: its quadrature \(nAGQ = 3\) takes one .*glmmTMB: it has the Laplace approximation only.* nagq=3",
    ),
    "nagq=0": (lambda: of("negative_binomial", nagq=0), "glmmTMB: .*Laplace approximation only, .*of nagq=0"),
    "expected weights": (
        lambda: of("gamma", np.exp(noise), hessian="expected"),
        r"its Laplace approximation has observed weights \(hessian='observed'\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_refused_with_the_reason_of_each_package(case: str) -> None:
    made, message = REFUSED[case]
    with pytest.raises(ranef.InputError, match="no package of R that ranef knows fits this model.*" + message):
        made().r_code()


# Rows --------------------------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


@pytest.mark.filterwarnings("ignore::ranef.SingularFitWarning")
def test_a_file_has_all_digits_and_labels(tmp_path: Path) -> None:
    labels = np.array(["NA", "a,b", '"q"', "two\nlines", "é", " blank"])[np.arange(60) % 6]
    y, z = np.random.default_rng(1).normal(size=(2, 60)) / 3.0
    path = tmp_path / "a b.csv"
    fit = ranef.lmm(
        y, np.ones((60, 1)), {"g": labels}, random_effects={"g": ["1", "z"]}, random_data={"z": z}, weights=np.exp(z)
    )
    script = fit.r_code(data=path)
    columns = read(path)
    assert list(columns) == ["y", "x1", "g1", "z1", "w"]
    assert [float(v) for v in columns["y"]] == y.tolist()
    assert [float(v) for v in columns["w"]] == np.exp(z).tolist()
    np.testing.assert_allclose([float(v) for v in columns["z1"]], z, rtol=1e-12)
    assert columns["g1"] == labels.tolist()
    kinds = '"numeric", "numeric", "factor", "numeric", "numeric"'
    assert f'd <- read.csv("{path.as_posix()}", colClasses = c({kinds}), na.strings = character(0)' in script
    assert "data.frame(\n" not in script


def test_a_file_is_not_written_over(tmp_path: Path) -> None:
    fit, path = fitted("dyestuff"), tmp_path / "rows.csv"
    assert fit.r_code(data=str(path)) == fit.r_code(data=path)  # the same again is no harm
    path.write_text("the user's own")
    with pytest.raises(ranef.InputError, match=r"rows.csv' is there already and is not written over"):
        fit.r_code(data=path)
    assert path.read_text() == "the user's own"
    with pytest.raises(ranef.InputError, match="is there already"):
        fit.r_code(data=tmp_path)
    with pytest.raises(ranef.InputError, match="cannot be written"):
        fit.r_code(data=tmp_path / "no folder" / "rows.csv")
    with pytest.raises(ranef.InputTypeError, match="data must be the path of a file"):
        fit.r_code(data=True)


def test_a_refused_model_writes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ranef.InputError):
        related().r_code(data=tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []


def test_many_rows_need_a_file(tmp_path: Path) -> None:
    fit = fitted("gaussian_cs")
    with pytest.raises(ranef.InputError, match=r"1,200 rows, too many .* r_code\(data='rows.csv'\)"):
        fit.r_code()
    assert len(read(tmp_path / "rows.csv")["y"] if fit.r_code(data=tmp_path / "rows.csv") else []) == 1200


def test_a_column_of_random_effects_with_other_values_than_that_of_x_is_another_variable() -> None:
    options: dict[str, Any] = {"random_effects": {"g": ["1", "x"]}, "x_names": ["(Intercept)", "x"]}
    fit = ranef.lmm(eta + noise, X, {"g": g}, random_data={"x": 2 * x}, **options)
    assert "(1 + z1 | g1)" in call(fit.r_code())
    assert "(1 + x2 | g1)" in call(ranef.lmm(eta + noise, X, {"g": g}, random_data={"x": x}, **options).r_code())


def test_a_variable_of_two_factors_is_one_variable() -> None:
    effects = {"g": ["z"], "h": ["z"]}
    fit = ranef.lmm(eta + noise, X, {"g": g, "h": np.arange(300) % 7}, random_effects=effects, random_data={"z": x - 1})
    assert "(0 + z1 | g1) + (0 + z1 | g2)" in call(fit.r_code())
    assert "z2" not in fit.r_code()


@pytest.mark.filterwarnings("ignore")
def test_no_text_of_the_user_is_code() -> None:
    """Names with line ends of every kind and quotes, labels with quotes, backslashes and letters beyond ASCII."""
    evil = '"); stop("no")\nstop("no")\r\nstop("no")\u2028stop("no")\x0bstop("no")\\'
    labels = np.array([evil, evil + "b", "😀", "ä", "\0", "\0\0"], dtype=object)[np.arange(60) % 6]
    y = np.random.default_rng(1).normal(size=60)
    fit = ranef.lmm(
        y,
        np.ones((60, 1)),
        {evil: labels},
        x_names=[evil],
        y_name=evil,
        random_effects={evil: [evil + "z"]},
        random_data={evil + "z": y**2},
    )
    script = fit.r_code()
    for line in script.split("\n"):
        assert line.isprintable()
        code = re.sub(r'"(\\.|[^"\\])*"', "", line.partition("#")[0] if line.startswith("#") else line)
        assert "stop" not in code
        assert "no" not in code
    assert 'labels = c("1", "2", "3", "4", "5", "6")' in script  # NUL is no letter of R's strings


def test_strings_and_numbers_of_r() -> None:
    """As R 4.2.2 reads them."""
    assert r_text('a"\\\n\té😀') == r'"a\"\\\u000a\u0009\u00e9\U0001f600"'
    assert [r_number(v) for v in (1e22, 1e-300, -0.1, float("inf"), float("-inf"))] == [
        "1e+22",
        "1e-300",
        "-0.1",
        "Inf",
        "-Inf",
    ]


def test_every_model_that_r_was_asked_for_has_a_script(tmp_path: Path) -> None:
    for name in MODELS:
        fit = fitted(name)
        assert "beside(" in fit.r_code(data=tmp_path / f"{name}.csv")
