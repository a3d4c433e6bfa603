"""The registry and the command line on real distributions, installed by pip into a scratch folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ranef.contracts import MissingExtraError, NameConflictWarning, PluginError, PluginNotFoundError
from ranef.registry import Provenance, Registry

from . import distributions


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder that all distributions of `distributions.py` are installed in."""
    target = tmp_path_factory.mktemp("site")
    sources = distributions.write(tmp_path_factory.mktemp("sources"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--target", str(target), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def registry(site, monkeypatch) -> Registry:
    """A registry that finds them, beside the built-ins."""
    monkeypatch.syspath_prepend(str(site))
    return Registry(third_party=True)


@pytest.fixture
def ranef(site):
    """The command `ranef`, in a process of its own that finds them."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        return subprocess.run(
            [sys.executable, "-m", "ranef", *arguments],
            env=os.environ | {"PYTHONPATH": path} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def info_of(registry: Registry, distribution: str):
    (info,) = [info for info in registry.entries() if info.distribution == distribution]
    return info


def test_a_good_plugin_is_found_and_used(registry):
    family, provenance = registry.family("scratch-geometric")
    assert provenance == Provenance("family", "scratch-geometric", "scratch-good", "1.2.3")
    assert family.link == registry.link("scratch-times-five")[0]
    assert registry.family("poisson(scratch-times-five)")[0].link is registry.link("scratch-times-five")[0]
    assert type(registry.family("scratch-geo")[0]) is type(family)
    y, mu, one, phi = np.array([0.0, 3.0]), np.array([0.4, 2.5]), np.ones(2), np.array([])
    np.testing.assert_allclose(family.log_density(y, mu, one, phi), stats.geom.logpmf(y + 1, 1 / (1 + mu)), rtol=1e-12)


def test_two_distributions_with_one_name(registry):
    with pytest.raises(PluginError) as caught:
        registry.link("scratch-twin")
    for text in ("scratch-rival-one 1.2.3", "scratch-rival-two 1.2.3", "'scratch-rival-one:scratch-twin'"):
        assert text in str(caught.value)
    for distribution, factor in (("scratch-rival-one", 1.0), ("scratch-rival-two", 2.0)):
        link, provenance = registry.link(f"{distribution}:scratch-twin")
        assert link.factor == factor
        assert provenance.distribution == distribution
        assert info_of(registry, distribution).state == "conflict"


def test_a_built_in_keeps_its_name(registry):
    with pytest.warns(NameConflictWarning, match=r"of scratch-namesake 1\.2\.3; .* write 'scratch-namesake:logit'"):
        link, provenance = registry.link("logit")
    assert provenance.distribution == "ranef"
    np.testing.assert_allclose(link.mean(np.zeros(1)).mu, 0.5)
    assert registry.link("scratch-namesake:logit")[0].factor == 5.0
    info = info_of(registry, "scratch-namesake")
    assert (info.state, info.reason) == (
        "conflict",
        "ranef itself also gives 'logit': choose with 'scratch-namesake:logit'",
    )
    (own,) = [info for info in registry.entries("link") if (info.distribution, info.name) == ("ranef", "logit")]
    assert (own.state, own.reason) == ("ready", "")


def test_a_failed_import_is_listed_and_raises_when_asked_for(registry):
    info = info_of(registry, "scratch-broken")
    assert (info.kind, info.state) == ("entry point", "failed")
    assert "No module named 'a_module_that_nobody_has'" in info.reason
    assert info.reason.endswith("scratch_broken.py, line 1)")
    for name in ("scratch-broken-point", "scratch-broken:scratch-broken-point", "scratch-broken:some-link"):
        with pytest.raises(PluginError, match="a_module_that_nobody_has"):
            registry.link(name)
    with pytest.raises(PluginNotFoundError, match=r"failed: scratch-broken-point of scratch-broken 1\.2\.3"):
        registry.link("no-such-link")


@pytest.mark.parametrize(
    ("distribution", "state", "words"),
    [
        ("scratch-old", "refused", "written for version 0.3"),
        ("scratch-misspelt", "failed", "no hook 'ranef_linkz'; did you mean 'ranef_links'?"),
        ("scratch-wrong-hook", "failed", "ranef_links must yield LinkEntry objects; it yielded an object of type str"),
    ],
)
def test_wrong_distributions_are_listed_with_the_reason(registry, distribution, state, words):
    info = info_of(registry, distribution)
    assert info.state == state
    assert words in info.reason
    with pytest.raises(PluginError) as caught:
        registry.link(distribution)
    assert words in str(caught.value)


def test_make_returns_a_wrong_type(registry):
    with pytest.raises(
        PluginError, match=r"scratch-wrong-make 1\.2\.3: make, yielded by ranef_links, must return a Link"
    ):
        registry.link("scratch-wrong-make")


def test_a_missing_dependency_names_what_to_install(registry):
    info = info_of(registry, "scratch-needy")
    assert info.state == "missing dependency"
    assert info.reason == "needs a_module_that_nobody_has: pip install a-distribution-that-has-it"
    with pytest.raises(MissingExtraError, match="pip install a-distribution-that-has-it"):
        registry.link("scratch-needy")


@pytest.mark.parametrize("how", ["environment", "argument"])
def test_built_ins_only(site, monkeypatch, how):
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("RANEF_PLUGINS", "off" if how == "environment" else "on")
    monkeypatch.delitem(sys.modules, "scratch_good", raising=False)
    registry = Registry(third_party=None if how == "environment" else False)
    assert info_of(registry, "scratch-good").state == "blocked"
    assert "scratch_good" not in sys.modules
    with pytest.raises(PluginNotFoundError, match=r"blocked: scratch-good-point of scratch-good 1\.2\.3"):
        registry.family("scratch-geometric")


def test_the_switch_takes_on_and_off_only(monkeypatch):
    monkeypatch.setenv("RANEF_PLUGINS", "maybe")
    with pytest.raises(PluginError, match="RANEF_PLUGINS=maybe: expected 'on'"):
        Registry().entries()


def test_the_command_lists_them(ranef):
    done = ranef("plugins", "--json")
    assert done.returncode == 0, done.stderr
    states = {info["distribution"]: info["state"] for info in json.loads(done.stdout)}
    assert states["scratch-good"] == "ready"
    assert states["scratch-broken"] == "failed"
    assert states["scratch-old"] == "refused"
    table = ranef("plugins", "--kind", "link").stdout
    assert "scratch-times-five" in table
    assert "scratch-geometric" not in table


def test_the_command_with_built_ins_only(ranef):
    done = ranef("plugins", "--json", RANEF_PLUGINS="off")
    states = {info["state"] for info in json.loads(done.stdout) if info["distribution"].startswith("scratch")}
    assert states == {"blocked"}


def test_the_doctor_finds_them(ranef):
    done = ranef("doctor")
    assert done.returncode == 1
    for text in ("scratch-broken", "scratch-old", "scratch-rival-one", "scratch-misspelt"):
        assert f"of {text} 1.2.3" in done.stdout
    assert "family scratch-unmakeable of scratch-unmakeable 1.2.3: " in done.stdout
    assert "cannot be made: AttributeError" in done.stdout
    assert "scratch_unmakeable.py, line 5)" in done.stdout
    assert "scratch-needy" not in done.stdout  # a dependency that is not installed is nobody's mistake


def test_the_command_shows_warnings_as_messages(ranef):
    done = ranef("check", "logit")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Warning: link 'logit' is ranef's own and of scratch-namesake 1.2.3; ranef's own was")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["scratch-broken", "scratch-broken-point", "a-name-of-nobody"])
def test_the_check_says_why_a_plugin_was_not_imported(ranef, name):
    done = ranef("check", name)
    assert done.returncode == 1
    assert f"there is no plugin '{name}' that has laws" in done.stderr
    assert "failed: scratch-broken-point of scratch-broken 1.2.3: scratch_broken: ModuleNotFoundError" in done.stderr
    assert "scratch_broken.py, line 1)" in done.stderr
    # where the plugin is known to have failed, what others did is of no interest
    assert ("scratch-misspelt" in done.stderr) == (name == "a-name-of-nobody")
