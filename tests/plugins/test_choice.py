"""Automatic choice, and where given objects come from, on plugins that are registered at run time."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pytest

import ranef
from ranef import registry
from ranef.contracts import LinalgEntry, PluginError
from ranef.families import Poisson
from ranef.registry import Provenance, Registry

from .stubs import Backend, Stay, plugin

DATA = np.array([3.0, 1, 7, 5, 0, 2, 9, 4]), np.ones((8, 1)), {"g": np.repeat(np.arange(4), 2)}


class Unable(Backend):
    """A backend for nothing."""

    def cost(self, pattern):
        return np.inf


@pytest.fixture
def registered(monkeypatch):
    """Registers entries in the place of all backends."""

    def register(*entries):
        mine = Registry(entry_points=False)
        mine.register(plugin(linalg_backends=lambda: entries))
        for name in ("linalg_backend", "available_backends", "entries"):
            monkeypatch.setattr(registry, name, getattr(mine, name))

    return register


def test_no_backend_is_able_and_some_are_not_installed(registered):
    gone = {"requires": ("no_such_module",), "install_hint": "pip install it"}
    registered(LinalgEntry("unable", "", Unable), LinalgEntry("far", "", Backend, **gone))
    with pytest.raises(PluginError) as caught:
        ranef.lmm(*DATA)
    assert str(caught.value) == (
        "no installed backend can factorize this model (levels g: 4); "
        "after an install there is: far (needs no_such_module: pip install it)"
    )


def test_no_backend_is_able_and_all_are_installed(registered):
    registered(LinalgEntry("unable", "", Unable))
    with pytest.raises(PluginError, match=r"no installed backend can factorize this model \(levels g: 4\)$"):
        ranef.lmm(*DATA)


class Named(Stay):
    name = "still"


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("family", Poisson(), Provenance("family", "poisson", "ranef", version("ranef"))),
        ("optimizer", Stay(), Provenance("optimizer", "Stay", Stay.__module__.partition(".")[0], "")),
        ("optimizer", Named(), Provenance("optimizer", "still", Stay.__module__.partition(".")[0], "")),
    ],
)
def test_where_a_given_object_comes_from(kind, given, expected):
    assert Provenance.of_object(kind, given) == expected


def test_a_fit_records_given_objects_as_named_ones():
    backend, optimizer = registry.linalg_backend("dense")[0], registry.optimizer("lbfgsb")[0]
    fit = ranef.glmm(*DATA, family=Poisson(), backend=backend, optimizer=optimizer)
    assert [p.kind for p in fit.provenance] == ["linalg", "optimizer", "family"]
    assert {(p.distribution, p.version) for p in fit.provenance} == {("ranef", version("ranef"))}
    assert fit.provenance[2] == ranef.glmm(*DATA, family="poisson").provenance[2]
