"""Every hook is documented by a complete example: it runs, and the registry takes what it defines."""

from __future__ import annotations

import doctest
from types import SimpleNamespace

import numpy as np
import pytest

from ranef.contracts import HookSpecs
from ranef.registry import KINDS, Registry


def example_of(hook: str) -> dict:
    """The names that the example in the hook's docstring defines."""
    function = getattr(HookSpecs, hook)
    test = doctest.DocTestParser().get_doctest(function.__doc__, {"__name__": hook}, hook, None, None)
    assert test.examples, f"{hook} has no example"
    result = doctest.DocTestRunner().run(test, clear_globs=False)
    assert result.failed == 0
    return test.globs


def test_every_hook_belongs_to_a_kind():
    hooks = {name for name in vars(HookSpecs) if name.startswith("ranef_")}
    assert hooks == {about.hook for about in KINDS.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_is_a_plugin(kind):
    about = KINDS[kind]
    names = example_of(about.hook)
    registry = Registry(entry_points=False)
    # links of an example family are looked up among the built-ins
    registry.register(SimpleNamespace(__name__="example", **{about.hook: names[about.hook]}))
    (info,) = registry.entries(kind)
    assert info.state == "ready"
    assert info.summary
    assert isinstance(registry.find(kind, info.name)[0], about.product)


def test_the_example_link_has_right_derivatives():
    link = example_of("ranef_links")["LogLog"]()
    eta, h = np.array([-1.0, 0.3, 2.0]), 1e-5
    m, up, down = link.mean(eta), link.mean(eta + h), link.mean(eta - h)
    np.testing.assert_allclose(link.link(m.mu), eta, rtol=1e-12)
    np.testing.assert_allclose(m.mu + m.complement, 1, rtol=1e-15)
    np.testing.assert_allclose(m.mu_eta, (up.mu - down.mu) / (2 * h), rtol=1e-8)
    np.testing.assert_allclose(m.mu_eta2, (up.mu_eta - down.mu_eta) / (2 * h), rtol=1e-8)
    np.testing.assert_allclose(m.mu_eta3, (up.mu_eta2 - down.mu_eta2) / (2 * h), rtol=1e-8)
