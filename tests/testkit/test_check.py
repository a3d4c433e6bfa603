"""Checks and laws themselves, and the command `ranef check`."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from ranef import registry
from ranef.cli import main
from ranef.contracts import FamilyEntry, InputError, LinkEntry, hookimpl
from ranef.testkit import LawBroken, as_pytest, family_checks, linalg_checks, link_checks, optimizer_checks
from ranef.testkit.check import close, leaves, same_bits
from ranef.testkit.differences import derivative
from ranef.testkit.measure import measure

from .broken import broken_laws
from .test_wrong_families import DoubledVariance, Geometric, Logit, WrongMean

SUBJECTS = [
    link_checks(registry.link("log")[0]),
    family_checks(registry.family("gamma")[0]),
    linalg_checks(registry.linalg_backend("dense")[0]),
    optimizer_checks(registry.optimizer("lbfgsb")[0]),
]


@pytest.mark.parametrize("checks", SUBJECTS, ids=["link", "family", "linalg", "optimizer"])
def test_every_law_states_itself(checks):
    listed = list(checks)
    assert len({check.name for check in listed}) == len(listed) > 8
    for check in listed:
        assert check.law.endswith((".", ")."))
        assert check.name.isidentifier()


def test_expected_failures_are_strict():
    law = "mean_is_that_of_the_density"
    assert broken_laws(family_checks(WrongMean(), expected_failures={law: "known"})) == {}
    (check,) = [c for c in family_checks(WrongMean(), expected_failures={law: "known"}) if c.name == law]
    assert check.expected_failure == "known"
    broken = broken_laws(family_checks(Geometric(), expected_failures={law: "known"}))
    assert broken == {law: f"{law}: expected to fail (known), but it holds: take it out of expected_failures"}


def test_expected_failures_of_no_law_are_refused():
    with pytest.raises(InputError, match="no law 'is_pretty' applies here; there is: methods_are_those"):
        list(family_checks(Geometric(), expected_failures={"is_pretty": "it is not"}))
    # a law that exists, but not for a family without dispersion parameters
    with pytest.raises(InputError, match="derivatives_by_phi_are_slopes"):
        list(family_checks(Geometric(), expected_failures={"derivatives_by_phi_are_slopes": "none"}))


def test_declared_abilities_decide_which_laws_apply():
    def names(checks):
        return {check.name for check in checks}

    trials, counts = family_checks(registry.family("binomial")[0]), family_checks(Geometric())
    assert names(trials) ^ names(counts) == {
        "one_trial_succeeds_with_the_probability_of_the_mean",
        "integer_weights_are_repeated_rows",
    }
    assert names(link_checks(Logit())) - names(link_checks(registry.link("identity")[0])) == {
        "complement_does_not_cancel",
        "log_means_are_logarithms_of_means",
        "derivatives_are_those_of_the_log_mean",
    }
    needing, free = (names(optimizer_checks(registry.optimizer(name)[0])) for name in ("lbfgsb", "nelder-mead"))
    assert free - needing == {"no_gradient_is_needed"}


def test_messages_say_where_and_by_how_much():
    message = broken_laws(family_checks(DoubledVariance()))["variance_is_that_of_the_density"]
    # Var = mu (1 + mu) = 90 at the last of the default means 0.3, 1, 2.5, 9
    assert message == (
        "variance_is_that_of_the_density: response_variance[3]: 180, expected 90 (4 of 4 elements differ)"
    )


def test_an_exception_breaks_a_law():
    class Broken(Logit):
        def mean(self, eta):
            raise ZeroDivisionError("mine")

    assert "ZeroDivisionError: mine" in next(iter(broken_laws(link_checks(Broken())).values()))


def test_the_kit_does_not_need_pytest():
    code = "import sys; sys.modules['pytest'] = None; import ranef.testkit as t; from ranef import registry\n"
    code += "for c in t.link_checks(registry.link('log')[0]): c.run()"
    subprocess.run([sys.executable, "-c", code], check=True)


test_as_pytest_makes_tests = as_pytest(link_checks(Logit()), link_checks(registry.link("sqrt")[0]))


def test_as_pytest_makes_one_test_for_each_law():
    (mark,) = test_as_pytest_makes_tests.pytestmark
    assert mark.kwargs["ids"] == [c.name for link in ("logit", "sqrt") for c in link_checks(registry.link(link)[0])]
    with pytest.raises(LawBroken):
        as_pytest([])(next(c for c in family_checks(WrongMean()) if c.name == "mean_is_that_of_the_density"))


# Tools ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected", "words"),
    [
        ([1.0, 2.1], [1.0, 2.0], r"x\[1\]: 2.1, expected 2 \(1 of 2 elements differ\)"),
        ([1.0], [1.0, 1.0], r"x: shape \(1,\), expected \(2,\)"),
        (np.nan, 1.0, "x: nan, expected 1"),
    ],
)
def test_close(actual, expected, words):
    with pytest.raises(LawBroken, match=words):
        close("x", actual, expected, rtol=1e-3)
    close("x", expected, expected, rtol=0.0)


def test_close_takes_equal_infinities():
    close("x", [np.inf, -np.inf], [np.inf, -np.inf], rtol=0.0)
    with pytest.raises(LawBroken):
        close("x", np.inf, -np.inf, rtol=1.0)


def test_same_bits_tells_zeros_apart():
    same_bits("x", {"a": (1.0, np.arange(3))}, {"a": (1.0, np.arange(3))})
    with pytest.raises(LawBroken):
        same_bits("x", 0.0, -0.0)
    assert [leaf.tolist() for leaf in leaves({"b": [2, (3.0,)], "a": np.ones(1)})] == [[1.0], 2, 3.0]


def test_differences_find_their_own_step():
    # functions that change over distances from 1e-3 to 1e3
    scale = np.array([1e-3, 1.0, 1e3])
    x = 0.3 * scale
    found = derivative(lambda x: np.sin(x / scale), x, 0.05 * np.maximum(x, 0.02))
    np.testing.assert_allclose(found, np.cos(0.3) / scale, rtol=1e-9)


@pytest.mark.parametrize(("name", "phi"), [("gamma", [0.5]), ("beta", [3.0]), ("student_t", [1.0, 12.0])])
def test_measures_of_continuous_families(name, phi):
    family = registry.family(name)[0]
    mu = np.array([0.3, 0.6])
    m = measure(family, mu, np.ones(2), np.array(phi))
    np.testing.assert_allclose(m.total, 1.0, rtol=1e-9)
    np.testing.assert_allclose(m.mean, mu, rtol=1e-9)
    np.testing.assert_allclose(m.variance, family.variance(mu, np.array(phi)), rtol=1e-8)


def test_measures_find_an_atom():
    # P(0) = exp(-mu^(2 - p) / (phi (2 - p))), Dunn & Smyth (2005), equation 5
    family = registry.family("tweedie")[0]
    m = measure(family, np.array([0.5, 2.0]), np.ones(2), np.array([0.3, 1.4]))
    at_zero = m.expect((m.y == 0).astype(float))
    np.testing.assert_allclose(at_zero, np.exp(-(np.array([0.5, 2.0]) ** 0.6) / (0.3 * 0.6)), rtol=1e-7)


# The command ----------------------------------------------------------------------------------------------------------


def run(*arguments: str):
    return CliRunner().invoke(main, ["check", *arguments])


def test_the_command_lists_laws_passed():
    done = run("inverse")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("link inverse (ranef ")
    assert "derivatives_are_those_of_the_mean" in done.output
    assert "12 of 12 laws passed" in done.output


class Wrong:
    @hookimpl
    def ranef_families(self):
        yield FamilyEntry("wrong-mean", "", WrongMean)


class ScratchLink(Logit):
    name = "scratch-both"


class Both:
    @hookimpl
    def ranef_families(self):
        yield FamilyEntry("scratch-both", "", Geometric)

    @hookimpl
    def ranef_links(self):
        yield LinkEntry("scratch-both", "", ScratchLink)


def test_the_command_fails_where_a_law_is_broken():
    with registry.use(Wrong(), distribution="mine", version="1.0"):
        done, as_json = run("wrong-mean"), run("mine:wrong-mean", "--json")
    assert done.exit_code == as_json.exit_code == 1
    assert "24 of 26 laws passed" in done.output
    report = json.loads(as_json.output)
    assert report["plugin"] == {"kind": "family", "name": "wrong-mean", "distribution": "mine", "version": "1.0"}
    assert [law["name"] for law in report["laws"] if not law["passed"]] == [
        "name_is_that_of_its_entry",
        "mean_is_that_of_the_density",
    ]


def test_the_command_wants_a_kind_where_there_are_two():
    with registry.use(Both()):
        unclear, clear = run("scratch-both"), run("scratch-both", "--kind", "link")
    assert unclear.exit_code == 1
    assert "choose by --kind family or link" in unclear.output
    assert clear.exit_code == 0
    assert "15 of 15 laws passed" in clear.output


def test_the_command_takes_aliases_and_links():
    done = run("negbin", "--link", "sqrt")
    assert done.exit_code == 0, done.output
    assert "family negative_binomial" in done.output
    assert run("dense", "--link", "log").exit_code == 2


def test_the_command_knows_no_such_plugin():
    done = run("no-such-plugin")
    assert done.exit_code == 1
    assert "there is no plugin 'no-such-plugin'" in done.output
