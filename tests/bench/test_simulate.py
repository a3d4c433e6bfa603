"""Simulated cases: sizes, nesting, reproducibility, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ranef.bench import cases, simulate
from ranef.contracts import InputError


def test_crossed_has_the_sizes_asked_for():
    model = simulate.parse("crossed:rows=3000,levels=40x7").build()
    assert model.y.shape == (3000,)
    assert [len(np.unique(codes)) for codes in model.groups.values()] == [40, 7]
    assert model.reml


def test_factors_repeat_one_number_of_levels():
    model = simulate.parse("crossed:rows=3000,levels=20,factors=3,ml=1").build()
    assert [len(np.unique(codes)) for codes in model.groups.values()] == [20, 20, 20]
    assert not model.reml


def test_levels_of_nested_factors_lie_inside_one_another():
    groups = simulate.parse("nested:rows=5000,levels=5x30x200").build().groups
    assert list(groups) == ["g1", "g2", "g3"]
    for outer, inner, n_inner in (("g1", "g2", 30), ("g2", "g3", 200)):
        assert len(np.unique(groups[inner])) == n_inner
        assert len(np.unique(np.column_stack([groups[outer], groups[inner]]), axis=0)) == n_inner


def test_slopes_have_the_covariance_they_are_made_with():
    # 4000 levels of 25 rows: the estimates are within some 5 % of spread (1, 1/2) and correlation 0.3
    fit = simulate.parse("slopes:rows=100000,levels=4000,columns=2").build().fit()
    intercept, slope, residual = fit.var_components
    assert intercept.std_dev == pytest.approx(1.0, rel=0.05)
    assert slope.std_dev == pytest.approx(0.5, rel=0.05)
    assert slope.corr == pytest.approx((0.3,), abs=0.07)
    assert residual.std_dev == pytest.approx(1.0, rel=0.02)


def test_the_seed_decides():
    first, again, other = (simulate.parse(f"crossed:seed={s}").build().y for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("family", "values"), [("binomial", {0.0, 1.0}), ("poisson", {0.0, 1.0, 2.0})])
def test_families(family, values):
    model = simulate.parse(f"slopes:rows=500,family={family}").build()
    assert model.family == family
    assert values <= set(model.y.tolist()) <= set(map(float, range(200)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spiral", "no generator 'spiral'; there is: crossed, nested, slopes"),
        ("slopes:depth=3", "slopes has no parameter 'depth'; it has rows, levels, columns"),
        ("slopes:rows", "'rows' is not of the form parameter=value"),
        ("slopes:rows=many", "rows is a positive number; got 'many'"),
        ("slopes:rows=0", "rows is a positive number; got '0'"),
        ("slopes:levels=3x4", "levels is a positive number; got '3x4'"),
        ("crossed:levels=3,4", "'4' is not of the form"),
        ("crossed:levels=ax4", "levels is a positive number, or several, 500x50; got 'ax4'"),
        ("crossed:ml=yes", "ml is 0 or 1; got 'yes'"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        simulate.parse(text)


def test_unknown_family_and_case():
    with pytest.raises(InputError, match="families binomial and poisson, or none; got 'gamma'"):
        simulate.parse("crossed:family=gamma").build()
    with pytest.raises(InputError, match="no case 'sleep'; there is: sleepstudy, penicillin"):
        cases.named("sleep")


def test_growing_cases_differ_in_one_parameter():
    grown = cases.grown("slopes:rows=1000,levels=10", "levels", ["20", "30"])
    assert [len(np.unique(case.build().groups["g"])) for case in grown] == [20, 30]
    assert {case.grown for case in grown} == {"levels"}
    assert len({case.name for case in grown}) == 2


@pytest.mark.parametrize("name", [*cases.SHIPPED, *cases.PRESETS])
def test_named_cases_pickle(name):
    assert pickle.loads(pickle.dumps(cases.named(name))).name == name


def test_every_set_has_named_cases():
    for names in cases.SETS.values():
        assert [cases.named(name).name for name in names] == list(names)


def test_shipped_cases_fit():
    # lme4's REML criteria of these models, tests/reference/fits/lmm_sleepstudy_slope_reml.json and so on
    assert -2 * cases.sleepstudy().fit().log_likelihood == pytest.approx(1743.628271958490, abs=1e-6)
    assert -2 * cases.penicillin().fit().log_likelihood == pytest.approx(330.860588991086, abs=1e-6)
    # -2 log-likelihood of glmer's fit by the Laplace approximation, glmm_cbpp_laplace.json
    assert -2 * cases.cbpp().fit().log_likelihood == pytest.approx(184.0525637295142, abs=1e-6)
