"""The registry on plugins that are registered at run time."""

from __future__ import annotations

import threading
from types import ModuleType

import pytest

from ranef.contracts import (
    FamilyEntry,
    InputError,
    InputTypeError,
    LinalgEntry,
    LinkEntry,
    MissingExtraError,
    NameConflictWarning,
    Observer,
    ObserverEntry,
    OptimizerEntry,
    PluginError,
    PluginNotFoundError,
    PluginWarning,
    hookimpl,
)
from ranef.registry import KINDS, Provenance, Registry, available_backends, entries, find

from .stubs import Backend, Other, Own, Stay, Times, plugin


@pytest.fixture
def registry() -> Registry:
    return Registry(entry_points=False)


def fail(error: Exception):
    def make(**options):
        raise error

    return make


def test_plugins_are_made_on_first_use_and_shared(registry):
    made = []

    def make():
        made.append(1)
        return Backend()

    registry.register(plugin(linalg_backends=lambda: [LinalgEntry("b", "", make)]), distribution="d", version="1")
    assert registry.entries("linalg")[0].state == "ready"
    assert made == []
    backend, provenance = registry.linalg_backend("b")
    assert provenance == Provenance("linalg", "b", "d", "1")
    assert registry.linalg_backend("d:b")[0] is backend
    assert registry.available_backends() == [("b", backend)]
    assert made == [1]


def test_threads_share_one_plugin(registry):
    barrier = threading.Barrier(4)
    found = []

    def look_up():
        barrier.wait()
        found.append(registry.link("a")[0])

    registry.register(plugin(links=lambda: [LinkEntry("a", "", Times)]))
    threads = [threading.Thread(target=look_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1


def test_hooks_are_called_once_until_something_is_registered(registry):
    calls = []

    def links():
        calls.append(1)
        yield LinkEntry("a", "", Times)

    registry.register(plugin(links=links))
    for _ in range(3):
        registry.link("a")
        registry.entries()
    assert calls == [1]
    with registry.use(plugin("other", links=lambda: [LinkEntry("b", "", Times)])):
        registry.link("b")
    assert calls == [1, 1]
    with pytest.raises(PluginNotFoundError):
        registry.link("b")


def test_observers_are_new_for_every_fit_and_take_options(registry):
    class Counting(Observer):
        def __init__(self, every=1):
            self.every = every

    registry.register(plugin(observers=lambda: [ObserverEntry("count", "", Counting)]))
    first, second = registry.observer("count", every=3)[0], registry.observer("count")[0]
    assert (first.every, second.every) == (3, 1)
    with pytest.raises(InputTypeError, match="observer 'count' of stub cannot be made with evry=3"):
        registry.observer("count", evry=3)


def test_unknown_name_lists_what_there_is(registry):
    registry.register(
        plugin(
            links=lambda: [LinkEntry("logit", "", Times), LinkEntry("probit", "", Times)],
            linalg_backends=lambda: [
                LinalgEntry(
                    "sparse", "", Backend, requires=("no_such_module",), install_hint="pip install sparse-thing"
                )
            ],
        )
    )
    with pytest.raises(PluginNotFoundError) as caught:
        registry.link("Logitt")
    assert "did you mean 'logit'?" in str(caught.value)
    assert "there is: logit, probit" in str(caught.value)
    with pytest.raises(PluginNotFoundError) as caught:
        registry.linalg_backend("logit")
    assert "'logit' is a link" in str(caught.value)
    assert "after an install: sparse (needs no_such_module: pip install sparse-thing)" in str(caught.value)


def test_a_name_that_is_no_string(registry):
    for name in (3, None, ["logit"]):
        with pytest.raises(InputTypeError, match="expected a name"):
            registry.link(name)


def test_a_built_in_keeps_its_name_and_says_so_once(registry, recwarn):
    """Also a name that the other plugin has as an alias; its own name stays its own."""
    registry.register(plugin("own", families=lambda: [FamilyEntry("a", "", Own, aliases=("b",))]), distribution="ranef")
    registry.register(plugin("x", families=lambda: [FamilyEntry("c", "", Other, aliases=("a",))]), distribution="x")
    registry.register(plugin("y", families=lambda: [FamilyEntry("b", "", Other)]), distribution="y")
    for name, other in (("a", "x:a"), ("b", "y:b")):
        with pytest.warns(NameConflictWarning, match=f"write '{other}' for the other"):
            assert type(registry.family(name)[0]) is Own
        assert type(registry.family(other)[0]) is Other
    recwarn.clear()
    assert [type(registry.family(name)[0]) for name in ("a", "b", "c", "ranef:a")] == [Own, Own, Other, Own]
    assert not recwarn.list
    assert [info.state for info in registry.entries("family")] == ["ready", "conflict", "conflict"]


def test_names_of_built_ins_stay_where_others_are_left_to_automatic_choice(registry, recwarn):
    registry.register(plugin("own", linalg_backends=lambda: [LinalgEntry("a", "", Backend)]), distribution="ranef")
    registry.register(plugin("x", linalg_backends=lambda: [LinalgEntry("a", "", Backend)]))
    assert [name for name, _ in registry.available_backends()] == ["a", "x:a"]


@pytest.mark.parametrize(("kind", "name"), [("linalg", "dense"), ("family", "poisson"), ("link", "log")])
def test_find_is_the_look_up_of_a_kind(kind, name):
    found, provenance = find(kind, name)
    assert isinstance(found, KINDS[kind].product)
    assert (provenance.kind, provenance.name) == (kind, name)
    assert (find(kind, name)[0] is found) == KINDS[kind].shared


def test_find_knows_options_and_kinds():
    assert find("family", "poisson", link="sqrt")[0].link.name == "sqrt"
    with pytest.raises(InputError, match="no kind of plugin 'families'"):
        find("families", "poisson")


def test_a_kind_has_a_name_and_a_noun(registry):
    registry.register(plugin(linalg_backends=lambda: [LinalgEntry("b", "", Backend)]))
    (info,) = registry.entries("backend")
    assert info.kind == "linalg"
    assert registry.find("backend", "b") == registry.find(KINDS["linalg"], "b") == registry.find("linalg", "b")


def test_an_unknown_kind(registry):
    with pytest.raises(
        InputError, match="no kind of plugin 'links'; there is: linalg, optimizer, family, link, covariance, observer"
    ):
        registry.entries("links")


def test_two_distributions_with_one_name(registry):
    registry.register(
        plugin("x", links=lambda: [LinkEntry("a", "", lambda: Times(2.0))]), distribution="X", version="1"
    )
    registry.register(plugin("y", links=lambda: [LinkEntry("a", "", lambda: Times(3.0))]), distribution="y_y")
    assert [info.state for info in registry.entries("link")] == ["conflict", "conflict"]
    with pytest.raises(PluginError, match=r"comes from X 1, y_y: choose one by writing 'X:a' or 'y_y:a'"):
        registry.link("a")
    assert registry.link("X:a")[0].factor == 2.0
    assert registry.link("y-Y:a")[0].factor == 3.0  # distribution names compare as installers compare them


def test_automatic_choice_gets_names_that_are_unique(registry):
    registry.register(plugin("x", linalg_backends=lambda: [LinalgEntry("a", "", Backend)]))
    registry.register(
        plugin(
            "y", linalg_backends=lambda: [LinalgEntry("a", "", Backend), LinalgEntry("b", "", Backend, automatic=False)]
        )
    )
    available = registry.available_backends()
    assert [name for name, _ in available] == ["x:a", "y:a"]
    for name, backend in available:
        assert registry.linalg_backend(name)[0] is backend


def test_an_alias_is_a_name(registry):
    gone = fail(ImportError("gone"))
    registry.register(plugin("x", families=lambda: [FamilyEntry("bernoulli", "", gone, aliases=("b",))]))
    with pytest.raises(MissingExtraError, match="family 'bernoulli' of x"):
        registry.family("b")
    registry.register(plugin("y", families=lambda: [FamilyEntry("binomial", "", gone, aliases=("bernoulli",))]))
    with pytest.raises(PluginError, match="'bernoulli' comes from x, y"):
        registry.family("bernoulli")
    with pytest.raises(MissingExtraError, match="family 'binomial' of y"):
        registry.family("binomial")


def test_one_distribution_gives_a_name_twice(registry):
    registry.register(plugin(links=lambda: [LinkEntry("a", "", Times)] * 2))
    with pytest.raises(PluginError, match="stub gives 2 plugins of kind link the name 'a'"):
        registry.link("a")


def test_optimizers_come_by_priority(registry):
    registry.register(
        plugin(
            optimizers=lambda: [
                OptimizerEntry("low", "", Stay, priority=-1),
                OptimizerEntry("high", "", lambda: Stay(True), priority=2, needs_gradient=True),
                OptimizerEntry("hidden", "", Stay, priority=9, automatic=False),
                OptimizerEntry("absent", "", Stay, priority=9, requires=("no_such_module",)),
            ]
        )
    )
    assert [(name, e.priority) for name, e in registry.available_optimizers()] == [("high", 2), ("low", -1)]
    assert registry.optimizer("high")[0].needs_gradient


@pytest.mark.parametrize(
    ("entry", "error", "message"),
    [
        (LinkEntry("a", "", lambda: "text"), PluginError, "ranef_links, must return a Link; it returned an object of"),
        (LinkEntry("a", "", lambda: Times), PluginError, "it returned the class Times itself"),
        (
            LinkEntry("a", "", fail(ImportError("no q")), install_hint="pip install q"),
            MissingExtraError,
            "pip install q",
        ),
        (
            LinkEntry("a", "", fail(ZeroDivisionError("oops"))),
            PluginError,
            r"cannot be made: ZeroDivisionError: oops \(.*",
        ),
        (
            LinkEntry("a", "", Times, api_version="1.0"),
            PluginError,
            r"link 'a' of some-dist 4\.5 is refused: written for",
        ),
        (LinkEntry("a", "", Times, api_version="1.0"), PluginError, "version 1.0 .* this ranef has 0.9, and no major"),
        (LinkEntry("a", "", Times, api_version="0.8"), PluginError, "version 0.8 .* before 1.0 no minor version takes"),
        (
            LinkEntry("a", "", Times, api_version="0.10"),
            PluginError,
            "version 0.10 .* before 1.0 no minor version takes",
        ),
        (LinkEntry("a", "", Times, api_version="0"), PluginError, "written for version 0 of"),
        (LinkEntry("a", "", Times, api_version=""), PluginError, "written for version  of"),
    ],
)
def test_wrong_plugins_say_what_is_wrong(registry, entry, error, message):
    registry.register(plugin(links=lambda: [entry]), distribution="some-dist", version="4.5")
    with pytest.raises(error, match=message) as caught:
        registry.link("a")
    assert "some-dist 4.5" in str(caught.value)


@pytest.mark.parametrize("version", ["0.9", "0.9.1"])
def test_versions_that_are_taken(registry, version):
    registry.register(plugin(links=lambda: [LinkEntry("a", "", Times, api_version=version)]))
    assert [info.state for info in registry.entries("link")] == ["ready"]


@pytest.mark.parametrize(
    ("yielded", "message"),
    [
        (lambda: ["text"], "ranef_links must yield LinkEntry objects; it yielded an object of type str"),
        (lambda: [LinkEntry], "it yielded the class LinkEntry itself"),
        (lambda: [LinalgEntry("a", "", Backend)], "it yielded an object of type LinalgEntry"),
        (lambda: [LinkEntry("A name", "", Times)], "names have lower case letters"),
        (lambda: [LinkEntry("a", "", "Times")], "make must be a callable that returns a Link"),
        (lambda: [LinkEntry("a", "", Times, requires="scipy")], "expected a tuple: ('scipy',)"),
        (lambda: None, "TypeError"),
        (lambda: 1 / 0, "ranef_links: ZeroDivisionError"),
    ],
)
def test_wrong_hooks_are_listed_and_leave_others_alone(registry, yielded, message):
    registry.register(plugin("good", links=lambda: [LinkEntry("fine", "", Times)]))
    registry.register(plugin("bad", links=yielded))
    assert registry.link("fine")[1].distribution == "good"
    (failed,) = [info for info in registry.entries("link") if info.state == "failed"]
    assert failed.distribution == "bad"
    assert message in failed.reason
    with pytest.raises(PluginNotFoundError) as caught:
        registry.link("other")
    assert message in str(caught.value)


def test_an_optimizer_that_contradicts_its_entry(registry):
    registry.register(plugin(optimizers=lambda: [OptimizerEntry("o", "", Stay, needs_gradient=True)]))
    with pytest.raises(PluginError, match="says needs_gradient=True; the optimizer itself says False"):
        registry.optimizer("o")


def test_automatic_choice_leaves_out_what_cannot_be_made_and_says_so_once(registry, recwarn):
    registry.register(
        plugin(
            linalg_backends=lambda: [
                LinalgEntry("good", "", Backend),
                LinalgEntry("gone", "", fail(ImportError("libfoo.so is missing"))),
            ]
        )
    )
    with pytest.warns(PluginWarning, match=r"libfoo\.so is missing"):
        assert [name for name, _ in registry.available_backends()] == ["good"]
    recwarn.clear()
    assert [name for name, _ in registry.available_backends()] == ["good"]
    assert not recwarn.list
    assert {info.name: info.state for info in registry.entries("linalg")} == {"good": "ready", "gone": "failed"}


def test_a_misspelt_hook_and_a_hook_with_arguments(registry):
    with pytest.raises(PluginError, match="no hook 'ranef_familys'; did you mean 'ranef_families'"):
        registry.register(plugin(familys=list))

    class TooMany:
        @hookimpl
        def ranef_links(self, n):
            return []

    with pytest.raises(PluginError, match="cannot be registered"):
        registry.register(TooMany())
    assert registry.entries() == []


def test_a_plugin_without_hooks(registry):
    with pytest.raises(
        PluginError, match="has no function marked with hookimpl and named one of ranef_linalg_backends"
    ):
        registry.register(plugin())
    assert registry.entries() == []


def test_lazy_attributes_of_a_plugin_stay_unimported(registry):
    class Lazy(ModuleType):
        def __dir__(self):
            return ["ranef_links", "Heavy"]

        def __getattr__(self, name):
            raise AssertionError(f"{name} was imported")

    module = Lazy("lazy")
    module.ranef_links = plugin(links=lambda: [LinkEntry("a", "", Times)]).ranef_links
    module.__version__ = "7"
    registry.register(module)
    assert registry.link("a")[1] == Provenance("link", "a", "lazy", "7")


def test_registering_twice_and_unregistering_what_is_not_there(registry):
    one = plugin(links=lambda: [LinkEntry("a", "", Times)])
    registry.register(one)
    with pytest.raises(PluginError, match="cannot be registered"):
        registry.register(one)
    assert registry.link("a")
    registry.unregister(one)
    assert registry.entries() == []
    with pytest.raises(PluginError, match="not registered"):
        registry.unregister(one)


def test_look_up_while_plugins_are_loaded(registry):
    def links():
        registry.link("a")
        yield LinkEntry("a", "", Times)

    registry.register(plugin(links=links))
    (failed,) = registry.entries("link")
    assert "look it up inside `make`" in failed.reason


def test_built_ins_come_through_entry_points():
    infos = Registry(third_party=False).entries()
    assert {info.distribution for info in infos if info.state != "blocked"} == {"ranef"}
    assert [info for info in infos if info.state in ("failed", "refused", "conflict")] == []
    assert {"link", "family", "linalg", "optimizer"} <= {info.kind for info in infos}


def test_built_ins_only_leaves_others_out_for_a_block() -> None:
    """Plugins registered at run time or found elsewhere are not chosen, and come back afterwards."""

    class Plugin:
        @hookimpl
        def ranef_links(self) -> list[LinkEntry]:
            return [LinkEntry("mine", "A link", lambda: None)]

    registry = Registry(entry_points=False)
    registry.register(Plugin(), distribution="mine")
    with registry.built_ins_only(), pytest.raises(PluginNotFoundError):
        registry.link("mine")
    assert [info.name for info in registry.entries("link")] == ["mine"]


def test_built_in_backends_list_the_abilities_they_have() -> None:
    for name, backend in available_backends():
        listed = {info.name: info.abilities for info in entries("linalg")}[name]
        assert ("selected inverse" in listed) == backend.has_selected_inverse
