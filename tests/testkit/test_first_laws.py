"""Signatures, types and names come first: one mistake gives one message, with the plugin's file and line."""

from __future__ import annotations

import inspect
import unittest

import numpy as np
import pytest
from click.testing import CliRunner

from ranef import registry
from ranef.cli import main
from ranef.contracts import FamilyEntry, Link, Observer, Optimizer, PluginError, hookimpl
from ranef.testkit import family_checks, linalg_checks, link_checks, observer_checks, optimizer_checks
from ranef.testkit.check import LawBook, LawSkipped, require

from .broken import broken_laws, skipped_laws
from .test_wrong_backends import Right, RightFactor, RightOptimizer, with_factor
from .test_wrong_families import Geometric, Logistic, Logit

CHECKS = {
    Geometric: family_checks,
    Logistic: family_checks,
    Link: link_checks,
    Right: linalg_checks,
    Optimizer: optimizer_checks,
    Observer: observer_checks,
}
SIGNATURES = "methods_are_those_of_the_contract"


def checks_of(plugin):
    return next(checks for base, checks in CHECKS.items() if isinstance(plugin, base))


def the_one_message(plugin) -> str:
    """The message of the only law that is broken, all others of the kind being skipped or passed."""
    (message,) = broken_laws(checks_of(plugin)(plugin)).values()
    return message


def place_of(function) -> str:
    return f"test_first_laws.py, line {inspect.unwrap(function).__code__.co_firstlineno})"


# Signatures -----------------------------------------------------------------------------------------------------------


class ShortVariance(Geometric):
    def variance(self, mu):
        return mu * (1 + mu)


class PositionalOrder(Geometric):
    def evaluate(self, y, eta, weights, phi):
        return super().evaluate(y, eta, weights, phi)


class ParametersMethod(Logistic):
    def parameters(self):
        return ()


class NoMethod(Geometric):
    support = True


class LinkOfNothing(Logit):
    def mean(self):
        return super().mean(np.zeros(1))


class PositionalOptimizer(RightOptimizer):
    def minimize(self, objective, tolerance, max_evaluations):
        return super().minimize(objective, tol=tolerance, max_evaluations=max_evaluations)


class TwoEvents(Observer):
    def notify(self, event, fit):
        pass


@pytest.mark.parametrize(
    ("plugin", "method", "words"),
    [
        (ShortVariance, "variance", "ShortVariance.variance is called as variance(mu, phi), but: too many positional"),
        (PositionalOrder, "evaluate", "evaluate is called as evaluate(y, eta, weights, phi, order=2), but: too many"),
        (ParametersMethod, "parameters", "ParametersMethod.parameters is a method; ranef reads it as a property"),
        (LinkOfNothing, "mean", "LinkOfNothing.mean is called as mean(eta), but: too many positional arguments"),
        (PositionalOptimizer, "minimize", "is called as minimize(objective, *, tol, max_evaluations), but: missing a"),
        (TwoEvents, "notify", "TwoEvents.notify is called as notify(event), but: missing a required argument: 'fit'"),
    ],
)
def test_a_wrong_signature_gives_one_message_with_its_place(plugin, method, words):
    message = the_one_message(plugin())
    assert message.startswith(f"{SIGNATURES}: ")
    assert words in message
    assert message.endswith(place_of(getattr(plugin, method)))
    assert message.count(" is called as ") + message.count(" is a method") == 1


def test_what_is_no_method_is_named():
    expected = "NoMethod.support is True; ranef calls it as support(y, weights)"
    assert the_one_message(NoMethod()) == f"{SIGNATURES}: {expected}"


def test_more_arguments_with_defaults_are_welcome():
    class Verbose(Geometric):
        def variance(self, mu, phi, verbose=False):
            return super().variance(mu, phi)

        def log_density(self, *arguments):
            return super().log_density(*arguments)

    assert SIGNATURES not in broken_laws(family_checks(Verbose()))


def test_all_other_laws_are_skipped():
    names = {check.name for check in family_checks(ShortVariance())}
    skipped = skipped_laws(family_checks(ShortVariance()))
    assert set(skipped) == names - {SIGNATURES}
    assert set(skipped.values()) == {f"not looked at: it builds on {SIGNATURES}, which is broken"}


def test_a_skipped_law_is_skipped_for_pytest_and_unittest():
    *_, last = family_checks(ShortVariance())
    with pytest.raises(unittest.SkipTest):
        last.run()
    assert issubclass(LawSkipped, unittest.SkipTest)


def test_a_law_that_others_build_on_may_be_declared_broken():
    expected = {SIGNATURES: "ours calls it otherwise"}
    names = set(broken_laws(family_checks(ShortVariance(), expected_failures=expected)))
    assert names == {"answers_are_float_arrays_of_the_shape_of_y"}


# Types ----------------------------------------------------------------------------------------------------------------


class NoDensity(Geometric):
    def log_density(self, y, mu, weights, phi):
        weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))


class NoSample(Geometric):
    def sample(self, mu, weights, phi, rng):
        rng.geometric(1 / (1 + mu))


class Integers(Geometric):
    def sample(self, mu, weights, phi, rng):
        return rng.geometric(1 / (1 + mu)) - 1


class NoStart(Geometric):
    def start_mean(self, y, weights):
        pass


class Crashes(Geometric):
    def variance(self, mu, phi):
        return mu * phi[0]


class CrashesDeeper(Geometric):
    def variance(self, mu, phi):
        return self.first_of(mu, phi)

    @staticmethod
    def first_of(mu, phi):
        return mu * phi[0]


class CannotBeAsked(Logistic):
    @property
    def parameters(self):
        return (no_such_name,)  # noqa: F821


class NoMean(Logit):
    def mean(self, eta):
        super().mean(eta)


class NoResult(RightOptimizer):
    def minimize(self, objective, *, tol, max_evaluations):
        super().minimize(objective, tol=tol, max_evaluations=max_evaluations)


class NoCost(Right):
    def cost(self, pattern):
        pass


class NoAnalysis(Right):
    def analyze(self, pattern):
        pass


class NoSolution(RightFactor):
    def half_solve(self, B):
        pass


@pytest.mark.parametrize(
    ("plugin", "method", "name"),
    [
        (NoDensity(), NoDensity.log_density, "NoDensity.log_density"),
        (NoSample(), NoSample.sample, "NoSample.sample"),
        (NoStart(), NoStart.start_mean, "NoStart.start_mean"),
        (NoMean(), NoMean.mean, "NoMean.mean"),
        (NoResult(), NoResult.minimize, "NoResult.minimize"),
        (NoCost(), NoCost.cost, "NoCost.cost"),
        (NoAnalysis(), NoAnalysis.analyze, "NoAnalysis.analyze"),
        (with_factor(NoSolution), NoSolution.half_solve, "NoSolution.half_solve"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_forgotten_return_gives_one_message_with_its_place(plugin, method, name):
    message = the_one_message(plugin)
    assert f"{name} returned None: is `return` missing? (" in message
    assert place_of(method) in message


def test_a_wrong_dtype_gives_one_message_with_its_place():
    message = the_one_message(Integers())
    assert "Integers.sample has dtype int64, expected float64" in message
    assert message.endswith(place_of(Integers.sample))


@pytest.mark.parametrize(
    ("plugin", "line"),
    [
        (Crashes(), Crashes.variance.__code__.co_firstlineno + 1),
        (CrashesDeeper(), CrashesDeeper.first_of.__code__.co_firstlineno + 2),
    ],
)
def test_an_exception_is_told_with_the_last_line_of_the_plugin(plugin, line):
    message = the_one_message(plugin)
    assert "IndexError: index 0 is out of bounds for axis 0 with size 0 (" in message
    assert message.endswith(f"test_first_laws.py, line {line})")


def test_a_plugin_that_cannot_even_be_asked_gives_one_message():
    message = the_one_message(CannotBeAsked())
    assert message.startswith("attributes_describe_the_family: NameError: name 'no_such_name' is not defined (")


def test_a_support_that_is_too_narrow_gives_one_message():
    class Positive(Geometric):
        def support(self, y, weights):
            return super().support(y, weights) & (y > 1)

    assert "`support` refuses " in the_one_message(Positive())
    assert the_one_message(Positive()).startswith("draws_lie_in_the_support: ")


def test_a_family_that_forgets_its_base_class():
    class NoLink(Geometric):
        def __init__(self):
            pass

    assert "NoLink has no link: its __init__ must call super().__init__(link)" in the_one_message(NoLink())


@pytest.mark.parametrize("names", [(), "log"])
def test_links_are_a_tuple_of_names(names):
    class Linkless(Geometric):
        links = names

    with pytest.raises(PluginError, match=r"Linkless\.links is .*: expected a tuple of the names of the links"):
        Linkless()


def test_a_family_without_dispersion_has_no_settings_in_its_messages():
    assert "in its settings" not in the_one_message(Crashes())


# Names ----------------------------------------------------------------------------------------------------------------


class NamedBackend(Right):
    name = "right"


class NamedOptimizer(RightOptimizer):
    name = "right"


class NamedObserver(Observer):
    name = "right"


@pytest.mark.parametrize("plugin", [Geometric(), Logit(), NamedBackend(), NamedOptimizer(), NamedObserver()])
def test_the_name_is_that_of_the_entry(plugin):
    law = "name_is_that_of_its_entry"
    checks = checks_of(plugin)

    def broken(name):
        (check,) = [check for check in checks(plugin, name=name) if check.name == law]
        return broken_laws([check])

    assert broken(plugin.name) == {}
    assert f"its entry is called 'lindley', {type(plugin).__name__}.name is '{plugin.name}' (" in broken("lindley")[law]
    assert law not in [check.name for check in checks(plugin)]


def test_what_has_no_name_need_not_agree():
    assert broken_laws(observer_checks(Observer(), name="mine")) == {}


# Observers ------------------------------------------------------------------------------------------------------------


class Picky(Observer):
    def notify(self, event):
        return abs(event.gradient)


class ClosesOnce(Observer):
    def __init__(self):
        self.file = []

    def close(self):
        self.file.pop()


class Overwrites(Observer):
    def notify(self, event):
        if hasattr(event, "parameters"):
            event.parameters[0] = 0.0


@pytest.mark.parametrize(
    ("observer", "law"),
    [
        (Picky, "every_event_is_taken"),
        (ClosesOnce, "close_can_come_at_any_time"),
        (Overwrites, "events_are_not_changed"),
    ],
)
def test_wrong_observers_are_caught_by_name(observer, law):
    assert law in broken_laws(observer_checks(observer()))


# Books and the command ------------------------------------------------------------------------------------------------


def test_laws_build_on_all_first_laws_before_them():
    book, looked_at = LawBook[float](), []

    @book.law(first=True)
    def is_finite(x):
        """Finite."""
        require(np.isfinite(x), "infinite")

    @book.law(first=True)
    def is_positive(x):
        """Positive."""
        require(x > 0, "not positive")

    @book.law()
    def is_looked_at(x):
        """Looked at."""
        looked_at.append(x)

    assert set(skipped_laws(book.checks(np.inf))) == {"is_positive", "is_looked_at"}
    assert set(skipped_laws(book.checks(-1.0))) == {"is_looked_at"}
    assert looked_at == []
    assert skipped_laws(book.checks(1.0)) == {}
    assert looked_at == [1.0]


def test_a_law_that_others_build_on_is_looked_at_once():
    book, calls = LawBook[float](), []

    @book.law(first=True)
    def counts(x):
        """Counts."""
        calls.append(x)

    for _ in range(3):
        book.law()(lambda x: None)
    *_, last = list(book.checks(1.0))
    last.run()
    last.run()
    assert calls == [1.0]


class Misnamed:
    @hookimpl
    def ranef_families(self):
        yield FamilyEntry("scratch-short", "", ShortVariance)
        yield FamilyEntry("scratch-misnamed", "", Geometric)


def test_the_command_tells_of_one_mistake_once_and_of_names():
    with registry.use(Misnamed()):
        short = CliRunner().invoke(main, ["check", "scratch-short"])
        misnamed = CliRunner().invoke(main, ["check", "scratch-misnamed"])
    assert (short.exit_code, misnamed.exit_code) == (1, 1)
    assert short.output.count("FAILED") == 1
    assert "0 of 26 laws passed; 25 were not looked at" in short.output
    assert "its entry is called 'scratch-misnamed', Geometric.name is 'geometric'" in " ".join(misnamed.output.split())


def test_the_command_checks_observers():
    done = CliRunner().invoke(main, ["check", "trace"])
    assert done.exit_code == 0, done.output
    assert "every_event_is_taken" in done.output
