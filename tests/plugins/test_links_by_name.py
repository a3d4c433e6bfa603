"""Names of links: what a family knows by itself, and what a registry looks up before the family is made."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ranef
from ranef.contracts import (
    FamilyEntry,
    InputError,
    InputTypeError,
    LinkEntry,
    NameConflictWarning,
    PluginError,
    PluginNotFoundError,
)
from ranef.contracts.links import STANDARD, Log, Logit, Probit
from ranef.families import Binomial, Poisson
from ranef.registry import Registry

from .stubs import Own, Times, plugin


class Half(Times):
    """Called as one of the standard links is."""

    name = "log"

    def __init__(self) -> None:
        super().__init__(2.0)


class Wide(Own):
    """A family that takes any mean."""

    mean_bounds = (-np.inf, np.inf)
    links = ("identity", "log")


class Recorded:
    """What `make` was called with."""

    def __init__(self) -> None:
        self.options: dict[str, object] = {}

    def __call__(self, **options):
        self.options = options
        return Wide(**options)


@pytest.fixture
def stranger():
    """A third party's link named "log", registered beside the built-ins for the time of a test."""
    with ranef.registry.use(plugin("stranger", links=lambda: [LinkEntry("log", "", Half)])):
        yield


@pytest.fixture
def made():
    return Recorded()


@pytest.fixture
def registry(made) -> Registry:
    """One of one's own, with a family and a link."""
    registry = Registry(entry_points=False)
    registry.register(
        plugin(families=lambda: [FamilyEntry("own", "", made)], links=lambda: [LinkEntry("twice", "", Times)])
    )
    return registry


@pytest.mark.parametrize("name", STANDARD)
def test_standard_names_need_no_registry(name):
    class Any(Wide):
        links = (name,)

    assert Any().link is Any(name).link is STANDARD[name]


def test_a_strangers_link_with_a_standard_name_disturbs_nobody(stranger):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NameConflictWarning)
        assert Poisson().link == Poisson("log").link == ranef.registry.family("poisson")[0].link == Log()
    assert isinstance(ranef.registry.family("poisson", link="stranger:log")[0].link, Half)


def test_a_strangers_link_with_a_standard_name_disturbs_no_fit(stranger):
    y, groups = np.array([1.0, 0.0, 9.0, 8.0, 4.0, 3.0, 0.0, 0.0]), np.repeat(np.arange(4), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", NameConflictWarning)
        fit = ranef.glmm(y, np.ones((8, 1)), {"g": groups}, family="poisson")
    assert fit.family == Poisson()


def test_the_name_that_both_have_is_ranefs_own_and_says_so(stranger):
    with pytest.warns(NameConflictWarning, match="write 'stranger:log' for the other"):
        assert ranef.registry.family("poisson", link="log")[0] == Poisson()


def test_the_registry_gives_make_an_object(registry, made):
    for asked, expected in (("twice", Times()), ("log", Log())):
        family, _ = registry.family("own", link=asked)
        assert made.options == {"link": expected}
        assert family.link == expected
    registry.family("own")
    assert made.options == {}


def test_a_registry_of_ones_own_has_its_own_links(registry):
    assert registry.family("own", link="twice")[0].link is registry.link("twice")[0]
    with pytest.raises(PluginNotFoundError, match="there is no link 'twice'"):
        ranef.registry.family("poisson", link="twice")
    with ranef.registry.use(plugin("default", links=lambda: [LinkEntry("thrice", "", Times)])):
        assert ranef.registry.family("poisson", link="thrice")[0].link == Times()
        with pytest.raises(PluginNotFoundError, match="there is no link 'thrice'; did you mean 'twice'"):
            registry.family("own", link="thrice")
    registry.register(plugin("stranger", links=lambda: [LinkEntry("log", "", Half)]))
    assert registry.family("own", link="log")[0].link == Half()


@pytest.mark.parametrize(
    ("text", "options", "family"),
    [
        ("poisson(log)", {}, Poisson()),
        ("binomial(link='probit')", {}, Binomial("probit")),
        (' binomial ( link = "probit" ) ', {}, Binomial("probit")),
        ("ranef:binomial(ranef:probit)", {}, Binomial("probit")),
        ("binomial", {"link": "probit"}, Binomial("probit")),
        ("binomial", {"link": Probit()}, Binomial("probit")),
        ("bernoulli(logit)", {}, Binomial()),
        ("negative_binomial(sqrt)", {"theta": 2.0}, ranef.families.NegativeBinomial(2.0, "sqrt")),
    ],
)
def test_a_link_in_the_familys_name_or_beside_it(text, options, family):
    assert ranef.registry.family(text, **options)[0] == family
    assert ranef.registry.find("family", text, **options)[0] == family


def test_two_links_are_one_too_many():
    with pytest.raises(InputError, match=r"family 'poisson\(log\)' has its link, and link='sqrt' is another"):
        ranef.registry.family("poisson(log)", link="sqrt")


def test_a_standard_link_that_does_not_fit_is_refused_by_name_and_taken_as_an_object():
    for look_up in (lambda: Poisson("logit"), lambda: ranef.registry.family("poisson", link="logit")):
        with pytest.raises(InputError, match="link 'logit' does not fit the poisson family: use one of log, identity"):
            look_up()
    assert ranef.registry.family("poisson", link=Logit())[0] == Poisson(Logit())


def test_a_name_that_only_a_registry_can_know():
    with pytest.raises(InputError, match=r"registry\.family\(\.\.\., link='twice'\) finds links of others"):
        Poisson("twice")
    with pytest.raises(InputTypeError, match=r"link must be a name or a Link object; got <class .*\.Log'>"):
        Poisson(Log)


def test_links_of_a_family_are_standard_names_or_objects():
    class Mixed(Wide):
        links = (Times(3.0), "log")

    assert Mixed().link == Times(3.0)
    assert list(Mixed().fitting_links().values()) == [Times(3.0), Log()]

    class Wrong(Wide):
        links = ("log", "twice")

    with pytest.raises(
        PluginError, match=r"Wrong\.links has 'twice': expected names of standard links \(identity, log"
    ):
        Wrong()
