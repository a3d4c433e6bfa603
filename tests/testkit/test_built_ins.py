"""Every registered plugin of ours obeys every law."""

from __future__ import annotations

import pytest

from ranef import registry
from ranef.backends.linalg.blocked import Blocked
from ranef.contracts import RanefError
from ranef.testkit import (
    covariance_checks,
    family_checks,
    linalg_checks,
    link_checks,
    observer_checks,
    optimizer_checks,
)

from .broken import broken_laws


def ours(kind: str) -> list[str]:
    return [info.name for info in registry.entries(kind) if info.distribution == "ranef"]


def obeys_all(checks) -> None:
    """One test for each plugin: a law that is broken is named by its message, and others may be too."""
    broken = broken_laws(checks)
    assert not broken, "\n".join(broken.values())


def made(look_up, name: str):
    try:
        return look_up(name)[0]
    except RanefError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", ours("link"))
def test_link(name):
    obeys_all(link_checks(registry.link(name)[0], name=name))


FAMILIES = [(name, link) for name in ours("family") for link in registry.family(name)[0].links]


@pytest.mark.parametrize(("name", "link"), FAMILIES)
def test_family_with_each_of_its_links(name, link):
    obeys_all(family_checks(registry.family(name, link=link)[0], name=name))


def test_family_with_given_dispersion():
    obeys_all(family_checks(registry.family("negative_binomial", theta=3.0)[0]))
    obeys_all(family_checks(registry.family("tweedie", power=1.6)[0], means=[0.5, 4.0]))


@pytest.mark.parametrize("name", ours("linalg"))
def test_linalg_backend(name):
    obeys_all(linalg_checks(made(registry.linalg_backend, name), name=name))


def test_elimination_of_few_random_effects():
    """The laws' designs are small, of which the blocked backend eliminates nothing by itself."""
    obeys_all(linalg_checks(Blocked(small=0), name="blocked"))


@pytest.mark.parametrize("name", ours("optimizer"))
def test_optimizer(name):
    obeys_all(optimizer_checks(made(registry.optimizer, name), name=name))


@pytest.mark.parametrize("name", ours("covariance"))
def test_covariance_structure(name):
    obeys_all(covariance_checks(registry.covariance(name)[0], name=name))


@pytest.mark.parametrize("name", ours("observer"))
def test_observer(name):
    obeys_all(observer_checks(made(registry.observer, name), name=name))


@pytest.mark.parametrize("kind", registry.KINDS)
def test_there_is_something_to_check(kind):
    assert ours(kind)
