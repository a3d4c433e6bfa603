"""The plugin registry: discovery, validation, look-up by name, provenance.

Every linear-algebra backend, optimizer, family, link and observer, built-in ones included, comes through the hooks of
`ranef.contracts.HookSpecs`. Modules that implement hooks are found by the entry-point group ``ranef``, at the first
look-up; what was found is kept, so that later look-ups are look-ups in a dict.

Names: ``"name"`` finds the one plugin of that name; ``"distribution:name"`` picks one of several. A name that one of
ranef's own plugins has stays its own, whatever else is installed.

``RANEF_PLUGINS=off`` in the environment runs with built-ins only: entry points of other distributions are then listed
as blocked and never imported. Modules given to `register` are wanted explicitly, and are not blocked.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import os
import re
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import pluggy

from .contracts import (
    API_VERSION,
    Family,
    FamilyEntry,
    HookSpecs,
    InputError,
    InputTypeError,
    LinalgBackend,
    LinalgEntry,
    Link,
    LinkEntry,
    MissingExtraError,
    NameConflictWarning,
    Observer,
    ObserverEntry,
    Optimizer,
    OptimizerEntry,
    PluginEntry,
    PluginError,
    PluginNotFoundError,
    PluginWarning,
    RanefError,
    set_link_finder,
)
from .contracts.origin import said

GROUP = "ranef"
BUILT_IN = "ranef"
SWITCH = "RANEF_PLUGINS"

Kind = Literal["linalg", "optimizer", "family", "link", "observer"]
State = Literal["ready", "missing dependency", "failed", "conflict", "refused", "blocked"]


@dataclass(frozen=True)
class Provenance:
    """Which plugin was used, and where it came from; every Solution records these.

    Parameters
    ----------
    kind : str
        "linalg", "optimizer", "family", "link" or "observer".
    name : str
        Name of the plugin.
    distribution, version : str
        The installed distribution that brought it, or the module that was registered at run time.
    """

    kind: Kind
    name: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.distribution} {self.version})".replace(" )", ")")


@dataclass(frozen=True)
class PluginInfo:
    """One line of `ranef plugins`.

    `kind` is "entry point" for a whole entry point that is blocked or failed to import. `reason` says why `state` is
    not "ready", and what to do.
    """

    name: str
    kind: Kind | Literal["entry point"]
    summary: str
    distribution: str
    version: str
    api_version: str
    state: State
    reason: str = ""
    abilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class _KindOf:
    """What belongs to a kind of plugin: its hook, the entries the hook yields, and what these make.

    `shared`: made once and kept, since it has neither options nor state.
    """

    text: str
    hook: str
    entry: type[PluginEntry]
    product: type[Any]
    shared: bool


KINDS: dict[Kind, _KindOf] = {
    "linalg": _KindOf("linear-algebra backend", "ranef_linalg_backends", LinalgEntry, LinalgBackend, True),
    "optimizer": _KindOf("optimizer", "ranef_optimizers", OptimizerEntry, Optimizer, True),
    "family": _KindOf("family", "ranef_families", FamilyEntry, Family, False),
    "link": _KindOf("link", "ranef_links", LinkEntry, Link, True),
    "observer": _KindOf("observer", "ranef_observers", ObserverEntry, Observer, False),
}


@dataclass(frozen=True)
class _Source:
    """Where hooks come from: an entry point of a distribution, or a module registered at run time."""

    name: str
    distribution: str
    version: str

    @property
    def text(self) -> str:
        return f"{self.distribution} {self.version}".rstrip()

    @property
    def is_built_in(self) -> bool:
        return _canonical(self.distribution) == BUILT_IN


@dataclass(eq=False)
class _Candidate:
    """A valid entry, or one that was refused for its API version."""

    kind: Kind
    entry: PluginEntry
    source: _Source
    state: State = "ready"
    reason: str = ""

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.kind, self.entry.name, self.source.distribution, self.source.version)

    @property
    def text(self) -> str:
        return f"{KINDS[self.kind].text} {self.entry.name!r} of {self.source.text}"

    @property
    def names(self) -> set[str]:
        return {self.entry.name, *getattr(self.entry, "aliases", ())}

    def answers_to(self, name: str) -> bool:
        return name in self.names

    def info(self) -> PluginInfo:
        e, s = self.entry, self.source
        return PluginInfo(
            e.name,
            self.kind,
            e.summary,
            s.distribution,
            s.version,
            e.api_version,
            self.state,
            self.reason,
            _abilities(e),
        )


@dataclass(frozen=True)
class _Failure:
    """An entry point, or one hook of it, that gave nothing; `kind` is None for the whole entry point."""

    source: _Source
    kind: Kind | None
    state: State
    reason: str

    def info(self) -> PluginInfo:
        s = self.source
        return PluginInfo(
            s.name, self.kind or "entry point", "", s.distribution, s.version, "", self.state, self.reason
        )


@dataclass(eq=False)
class _Found:
    """All that one scan found, with what was looked up since."""

    candidates: dict[Kind, list[_Candidate]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    failures: list[_Failure] = field(default_factory=list)
    by_name: dict[tuple[Kind, str], _Candidate] = field(default_factory=dict)
    made: dict[tuple[Kind, str], tuple[Any, Provenance]] = field(default_factory=dict)
    automatic: dict[Kind, list[Any]] = field(default_factory=dict)


class _PluginManager(pluggy.PluginManager):
    """Looks at names that hooks may have only, so that a plugin's lazy attributes stay unimported."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        return super().parse_hookimpl_opts(plugin, name) if name.startswith("ranef_") else None


class Registry:
    """A set of plugins, filled from entry points at the first look-up.

    Parameters
    ----------
    third_party : bool, optional
        False: entry points of other distributions than ranef's own are not loaded. Default: what the environment
        variable ``RANEF_PLUGINS`` says ("off" or "on"), else True.
    entry_points : bool
        False: an empty registry, which knows only what `register` adds.

    Examples
    --------
    >>> from ranef.contracts import LinkEntry, Link, Mean, hookimpl
    >>> class Plugin:
    ...     @hookimpl
    ...     def ranef_links(self):
    ...         yield LinkEntry("identity", "eta = mu", Identity)
    >>> class Identity(Link):
    ...     def link(self, mu): return mu
    ...     def mean(self, eta): return Mean(eta, 1 - eta, eta**0, 0 * eta, 0 * eta)
    >>> registry = Registry(entry_points=False)
    >>> registry.register(Plugin(), distribution="my-links", version="1.2")
    >>> link, provenance = registry.link("identity")
    >>> print(provenance)
    link identity (my-links 1.2)
    """

    def __init__(self, *, third_party: bool | None = None, entry_points: bool = True) -> None:
        self._third_party = third_party
        self._entry_points = entry_points
        self._plugins = _PluginManager(BUILT_IN)
        self._plugins.add_hookspecs(HookSpecs)
        self._sources: dict[str, _Source] = {}
        self._unloaded: list[_Failure] = []
        self._loaded = not entry_points
        self._loading = False
        self._only_built_ins = False
        self._found: _Found | None = None
        self._lock = threading.RLock()

    # Look-up ------------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, name: str, **options: Any) -> tuple[Any, Provenance]:
        """The plugin of that kind and name, with its provenance.

        Parameters
        ----------
        kind : str
            "linalg", "optimizer", "family", "link" or "observer".
        name : str
            ``"name"`` or ``"distribution:name"``.
        **options
            The plugin's own options; families and observers have some.

        Raises
        ------
        PluginNotFoundError
            If there is none.
        PluginError
            If there are several, or it cannot be made.
        """
        _require_kind(kind)
        return self._new(kind, name, options) if options or not KINDS[kind].shared else self._shared(kind, name)

    def linalg_backend(self, name: str) -> tuple[LinalgBackend, Provenance]:
        """The linear-algebra backend of that name (made once), and its provenance."""
        return cast("tuple[LinalgBackend, Provenance]", self._shared("linalg", name))

    def optimizer(self, name: str) -> tuple[Optimizer, Provenance]:
        """The optimizer of that name (made once), and its provenance."""
        return cast("tuple[Optimizer, Provenance]", self._shared("optimizer", name))

    def link(self, name: str) -> tuple[Link, Provenance]:
        """The link of that name (made once), and its provenance."""
        return cast("tuple[Link, Provenance]", self._shared("link", name))

    def family(self, name: str, **options: Any) -> tuple[Family, Provenance]:
        """A new family of that name, made with its own options (`link=` ...), and its provenance."""
        return cast("tuple[Family, Provenance]", self._new("family", name, options))

    def observer(self, name: str, **options: Any) -> tuple[Observer, Provenance]:
        """A new observer of that name, made with its own options, and its provenance."""
        return cast("tuple[Observer, Provenance]", self._new("observer", name, options))

    def available_backends(self) -> list[tuple[str, LinalgBackend]]:
        """Name and backend of all that automatic choice may take.

        One that cannot be made is left out, with a `PluginWarning` at the first call. The name finds the same backend
        in `linalg_backend`; it has the form "distribution:name" where the plain name is not unique.
        """
        return cast("list[tuple[str, LinalgBackend]]", self._automatic("linalg"))

    def available_optimizers(self) -> list[tuple[str, OptimizerEntry]]:
        """Name and entry of all optimizers that automatic choice may take, the highest priority first."""
        return cast("list[tuple[str, OptimizerEntry]]", self._automatic("optimizer"))

    def entries(self, kind: Kind | None = None) -> list[PluginInfo]:
        """What is known of every plugin of a kind; without a kind, of all, and of entry points that gave none."""
        if kind is not None:
            _require_kind(kind)
        found = self._scan()
        kinds = KINDS if kind is None else {kind: KINDS[kind]}
        infos = [c.info() for k in kinds for c in found.candidates[k]]
        return infos + [f.info() for f in found.failures if kind is None or f.kind == kind]

    # Registration -------------------------------------------------------------------------------------------------

    def register(self, plugin: object, *, distribution: str | None = None, version: str | None = None) -> None:
        """Add a module (or any object with hooks) at run time: in a test, in a notebook.

        Parameters
        ----------
        plugin : module or object
            Has functions marked with `ranef.contracts.hookimpl`.
        distribution, version : str, optional
            What provenance says; default the module's name and its ``__version__``.
        """
        name = str(getattr(plugin, "__name__", type(plugin).__name__))
        source = _Source(name, distribution or name, version or str(getattr(plugin, "__version__", "")))
        with self._lock:
            self._add(plugin, source)
            self._found = None

    def unregister(self, plugin: object) -> None:
        """Take back `register`."""
        with self._lock:
            if not self._plugins.is_registered(plugin):
                raise PluginError(f"{plugin!r} is not registered, so it cannot be unregistered")
            self._sources.pop(cast(str, self._plugins.get_name(plugin)))
            self._plugins.unregister(plugin)
            self._found = None

    @contextmanager
    def use(self, plugin: object, *, distribution: str | None = None, version: str | None = None) -> Iterator[None]:
        """`register` for the time of a ``with`` block."""
        self.register(plugin, distribution=distribution, version=version)
        try:
            yield
        finally:
            self.unregister(plugin)

    @contextmanager
    def built_ins_only(self) -> Iterator[None]:
        """Choose among ranef's own plugins for the time of a ``with`` block, as `RANEF_PLUGINS=off` does for a process.

        Examples
        --------
        >>> import ranef
        >>> with ranef.registry.built_ins_only():
        ...     {info.distribution for info in ranef.registry.entries("linalg")}
        {'ranef'}
        """
        with self._lock:
            before, self._only_built_ins, self._found = self._only_built_ins, True, None
        try:
            yield
        finally:
            with self._lock:
                self._only_built_ins, self._found = before, None

    # Discovery ----------------------------------------------------------------------------------------------------

    def _scan(self) -> _Found:
        """All entries, from all hooks; found once, until something is registered or unregistered."""
        if self._found is not None:
            return self._found
        with self._lock:
            if self._loading:
                raise PluginError("a plugin was looked up while plugins are being imported: look it up inside `make`")
            if self._found is None:
                self._loading = True
                try:
                    self._load_entry_points()
                    self._found = self._call_hooks()
                finally:
                    self._loading = False
            return self._found

    def _load_entry_points(self) -> None:
        if self._loaded:
            return
        third_party = _switched_on() if self._third_party is None else self._third_party
        for point in importlib.metadata.entry_points(group=GROUP):
            distribution, version = (point.dist.name, point.dist.version) if point.dist else (point.value, "")
            source = _Source(point.name, distribution, version)
            if not third_party and not source.is_built_in:
                self._unloaded.append(_Failure(source, None, "blocked", f"blocked by {SWITCH}=off: built-ins only"))
                continue
            try:
                self._add(point.load(), source)
            except Exception as error:  # whatever a module raises at import: it must not break the others
                reason = str(error) if isinstance(error, PluginError) else f"{point.value}: {said(error, point.module)}"
                self._unloaded.append(_Failure(source, None, "failed", reason))
        self._loaded = True

    def _add(self, plugin: object, source: _Source) -> None:
        """Register with pluggy, under a name that is unique, and look for misspelt hooks."""
        key = f"{source.distribution}:{source.name}"
        try:
            self._plugins.register(plugin, name=key)
        except ValueError as error:  # it is there already, and stays
            raise PluginError(f"{source.text}: {source.name!r} cannot be registered: {error}") from error
        except pluggy.PluginValidationError as error:
            if self._plugins.is_registered(plugin):  # some versions of pluggy keep a plugin that they found wrong
                self._plugins.unregister(plugin)
            raise PluginError(f"{source.text}: {source.name!r} cannot be registered: {error}") from error
        hooks = self._plugins.get_hookcallers(plugin) or []
        known = [about.hook for about in KINDS.values()]
        unknown = [hook.name for hook in hooks if not hook.has_spec()]
        if not hooks or unknown:
            self._plugins.unregister(plugin)
        if not hooks:
            raise PluginError(
                f"{source.text}: {source.name!r} has no function marked with hookimpl and named one of {_list(known)} "
                "(a module with its own __dir__ must list its hooks there)"
            )
        if unknown:
            raise PluginError(
                f"{source.text}: ranef has no hook {unknown[0]!r}{_did_you_mean(unknown[0], known)}; "
                f"it has {_list(known)}"
            )
        self._sources[key] = source

    def _call_hooks(self) -> _Found:
        """Call every hook of every plugin; one that fails is recorded and leaves the others alone."""
        found = _Found(failures=list(self._unloaded))
        for kind, about in KINDS.items():
            # pluggy calls the last one registered first; listings are easier to read in order of registration
            for implementation in getattr(self._plugins.hook, about.hook).get_hookimpls():
                source = self._sources[implementation.plugin_name]
                if self._only_built_ins and not source.is_built_in:
                    continue
                try:
                    for entry in implementation.function():
                        found.candidates[kind].append(_validated(kind, entry, source))
                except Exception as error:
                    module = getattr(implementation.function, "__module__", "")
                    reason = str(error) if isinstance(error, PluginError) else f"{about.hook}: {said(error, module)}"
                    found.failures.append(_Failure(source, kind, "failed", reason))
            _mark_conflicts(found.candidates[kind])
        return found

    # Choice ---------------------------------------------------------------------------------------------------------

    def _shared(self, kind: Kind, name: str) -> tuple[Any, Provenance]:
        """A plugin without state: made at the first look-up, and kept."""
        found = self._scan()
        try:
            return found.made[kind, name]
        except (KeyError, TypeError):
            candidate = self._candidate(kind, name)
            with self._lock:  # two threads get the same object
                first = f"{candidate.source.distribution}:{candidate.entry.name}"
                if (kind, first) not in found.made:
                    found.made[kind, first] = _make(candidate, {}), candidate.provenance
                found.made[kind, name] = found.made[kind, first]
                return found.made[kind, name]

    def _new(self, kind: Kind, name: str, options: dict[str, Any]) -> tuple[Any, Provenance]:
        """A plugin with options or state: made at every look-up."""
        candidate = self._candidate(kind, name)
        return _make(candidate, options), candidate.provenance

    def _candidate(self, kind: Kind, name: str) -> _Candidate:
        """The one candidate that a name means."""
        found = self._scan()
        if not isinstance(name, str):
            raise InputTypeError(f"{KINDS[kind].text}: expected a name, a str; got {type(name).__name__}")
        if (kind, name) not in found.by_name:
            found.by_name[kind, name] = _resolve(found, kind, name)
        return found.by_name[kind, name]

    def _automatic(self, kind: Kind) -> list[Any]:
        found = self._scan()
        if kind not in found.automatic:
            chosen = [c for c in found.candidates[kind] if c.entry.automatic and c.state in ("ready", "conflict")]
            if kind == "optimizer":
                chosen.sort(key=lambda c: -cast(OptimizerEntry, c.entry).priority)
                found.automatic[kind] = [(_unique_name(c), c.entry) for c in chosen]
            else:
                found.automatic[kind] = list(self._makeable(kind, chosen))
        return found.automatic[kind]

    def _makeable(self, kind: Kind, candidates: Iterable[_Candidate]) -> Iterator[tuple[str, Any]]:
        for candidate in candidates:
            name = _unique_name(candidate)
            try:
                yield name, self._shared(kind, name)[0]
            except RanefError as error:
                candidate.state, candidate.reason = "failed", str(error)
                warnings.warn(f"left out of automatic choice: {error}", PluginWarning, stacklevel=2)


# Validation -------------------------------------------------------------------------------------------------------


def _validated(kind: Kind, entry: object, source: _Source) -> _Candidate:
    """The candidate for what a hook yielded."""
    about = KINDS[kind]
    if not isinstance(entry, about.entry):
        raise PluginError(
            f"{source.text}: {about.hook} must yield {about.entry.__name__} objects; it yielded {_type_of(entry)}"
        )
    names: tuple[object, ...] = (entry.name, *getattr(entry, "aliases", ()))
    for name in names:
        if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)):
            raise PluginError(
                f"{source.text}: {about.hook} yielded the name {name!r}; "
                "names have lower case letters, digits, hyphens and underscores"
            )
    for attribute in ("requires", "aliases"):
        if isinstance(value := getattr(entry, attribute, ()), str):
            raise PluginError(
                f"{source.text}: {about.hook} yielded {entry.name!r} with {attribute}={value!r}; "
                f"expected a tuple: ({value!r},)"
            )
    if not callable(entry.make):
        raise PluginError(
            f"{source.text}: {about.hook} yielded {entry.name!r} with make={entry.make!r}; "
            f"make must be a callable that returns a {about.product.__name__}"
        )
    candidate = _Candidate(kind, entry, source)
    if str(entry.api_version).partition(".")[0] != API_VERSION.partition(".")[0]:
        candidate.state = "refused"
        candidate.reason = (
            f"written for version {entry.api_version} of ranef's contracts; this ranef has {API_VERSION}: "
            f"install a version of {source.distribution} for it"
        )
    elif missing := [module for module in entry.requires if not _installed(module)]:
        candidate.state = "missing dependency"
        candidate.reason = f"needs {_list(missing)}{_hint(entry)}"
    return candidate


def _mark_conflicts(candidates: list[_Candidate]) -> None:
    """Two plugins of one kind with one name: neither can be had by the plain name, unless one is ranef's own."""
    named: dict[str, list[_Candidate]] = defaultdict(list)
    for c in candidates:
        if c.state != "refused":
            for name in c.names:
                named[name].append(c)
    for name, rivals in named.items():
        keeps = _keeper(rivals)
        for c in rivals if len(rivals) > 1 else ():
            if c is not keeps:
                others = "ranef itself" if keeps else _list(r.source.distribution for r in rivals if r is not c)
                why = f"{others} also gives {name!r}: choose with {c.source.distribution + ':' + name!r}"
                c.reason = f"{c.reason}; {why}" if c.reason else why
                if c.state == "ready":
                    c.state = "conflict"


def _keeper(rivals: list[_Candidate]) -> _Candidate | None:
    """The one of several plugins with one name that has it, since it is ranef's own."""
    own = [c for c in rivals if c.source.is_built_in]
    return own[0] if len(own) == 1 else None


def _make(candidate: _Candidate, options: dict[str, Any]) -> Any:
    """Call `entry.make`, and see that it made what its kind promises."""
    about, entry = KINDS[candidate.kind], candidate.entry
    module = getattr(entry.make, "__module__", "")
    try:
        plugin = entry.make(**options)
    except RanefError:
        raise
    except ImportError as error:
        raise MissingExtraError(f"{candidate.text} cannot be loaded: {error}{_hint(entry)}") from error
    except TypeError as error:
        if options:
            given = ", ".join(f"{k}={v!r}" for k, v in options.items())
            raise InputTypeError(f"{candidate.text} cannot be made with {given}: {error}") from error
        raise PluginError(f"{candidate.text} cannot be made: {said(error, module)}") from error
    except Exception as error:
        raise PluginError(f"{candidate.text} cannot be made: {said(error, module)}") from error
    if not isinstance(plugin, about.product):
        raise PluginError(
            f"{candidate.text}: make, yielded by {about.hook}, must return a {about.product.__name__}; "
            f"it returned {_type_of(plugin)}"
        )
    if isinstance(entry, OptimizerEntry) and entry.needs_gradient != plugin.needs_gradient:
        raise PluginError(
            f"{candidate.text}: its entry, yielded by {about.hook}, says needs_gradient={entry.needs_gradient}; "
            f"the optimizer itself says {plugin.needs_gradient}"
        )
    return plugin


# Names --------------------------------------------------------------------------------------------------------------


def _resolve(found: _Found, kind: Kind, asked: str) -> _Candidate:
    """The candidate meant by ``"name"`` or ``"distribution:name"``, or an error that says what to do."""
    distribution, _, name = asked.rpartition(":")
    matches = [
        c
        for c in found.candidates[kind]
        if c.answers_to(name) and (not distribution or _canonical(distribution) == _canonical(c.source.distribution))
    ]
    usable = [c for c in matches if c.state != "refused"]
    if len(usable) == 1:
        return usable[0]
    if keeps := _keeper(usable):
        _warn_of_rivals(keeps, [c for c in usable if c is not keeps], name)
        return keeps
    if len({c.source.distribution for c in usable}) > 1:
        ways = [repr(f"{c.source.distribution}:{name}") for c in usable]
        raise PluginError(
            f"{KINDS[kind].text} {name!r} comes from {_list(c.source.text for c in usable)}: "
            f"choose one by writing {' or '.join(ways)}"
        )
    if usable:
        raise PluginError(f"{usable[0].source.text} gives {len(usable)} plugins of kind {kind} the name {name!r}")
    if matches:
        raise PluginError(f"{matches[0].text} is refused: {matches[0].reason}")
    for f in found.failures:
        if f.kind in (kind, None) and name == f.source.name and distribution in ("", f.source.distribution):
            raise PluginError(f"entry point {name!r} of {f.source.text}: {f.state}: {f.reason}")
    raise PluginNotFoundError(_not_found(found, kind, asked))


def _warn_of_rivals(keeps: _Candidate, rivals: list[_Candidate], name: str) -> None:
    """A plugin that is installed by the way must not change what ranef's own names mean, nor break them."""
    ways = [repr(f"{c.source.distribution}:{name}") for c in rivals]
    warnings.warn(
        f"{KINDS[keeps.kind].text} {name!r} is ranef's own and of {_list(c.source.text for c in rivals)}; ranef's own "
        f"was taken, as where nothing else is installed: write {' or '.join(ways)} for the other",
        NameConflictWarning,
        stacklevel=2,
    )


def _not_found(found: _Found, kind: Kind, asked: str) -> str:
    """What there is, what comes close, what would be there after an install, and what failed."""
    candidates = found.candidates[kind]
    names = sorted({c.entry.name for c in candidates if c.state in ("ready", "conflict")})
    aliases = [alias for c in candidates for alias in getattr(c.entry, "aliases", ())]
    lines = [
        f"there is no {KINDS[kind].text} {asked!r}{_did_you_mean(asked, names + aliases)}",
        f"there is: {_list(names) or 'none'}",
    ]
    elsewhere = [KINDS[k].text for k in KINDS if k != kind and any(c.answers_to(asked) for c in found.candidates[k])]
    if elsewhere:
        lines.append(f"{asked!r} is a {_list(elsewhere)}")
    lines += [f"after an install: {c.entry.name} ({c.reason})" for c in candidates if c.state == "missing dependency"]
    lines += [f"refused: {c.entry.name} of {c.source.text} ({c.reason})" for c in candidates if c.state == "refused"]
    lines += [
        f"{f.state}: {f.source.name} of {f.source.text} ({f.reason})" for f in found.failures if f.kind in (kind, None)
    ]
    return "\n  ".join(lines)


def _unique_name(candidate: _Candidate) -> str:
    if candidate.state == "conflict":
        return f"{candidate.source.distribution}:{candidate.entry.name}"
    return candidate.entry.name


def _did_you_mean(asked: str, names: list[str]) -> str:
    close = difflib.get_close_matches(asked.lower(), names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


# Small things -------------------------------------------------------------------------------------------------------


def version_of(distribution: str) -> str:
    """Version of an installed distribution, "" where there is none of that name (a script, a notebook)."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _switched_on() -> bool:
    value = os.environ.get(SWITCH, "on").strip().lower()
    if value not in ("", "on", "off"):
        raise PluginError(f"{SWITCH}={value}: expected 'on' (plugins of all distributions) or 'off' (built-ins only)")
    return value != "off"


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except ValueError:  # a module in sys.modules without a spec, or None there to block it
        return False


def _abilities(entry: PluginEntry) -> tuple[str, ...]:
    abilities = [*entry.abilities, *(f"alias {alias}" for alias in getattr(entry, "aliases", ()))]
    if isinstance(entry, OptimizerEntry):
        abilities += ["needs gradient" if entry.needs_gradient else "derivative-free", f"priority {entry.priority}"]
    if not entry.automatic:
        abilities.append("by name only")
    return tuple(abilities)


def _hint(entry: PluginEntry) -> str:
    return f": {entry.install_hint}" if entry.install_hint else ""


def _type_of(thing: object) -> str:
    return (
        f"the class {thing.__name__} itself" if isinstance(thing, type) else f"an object of type {type(thing).__name__}"
    )


def _require_kind(kind: object) -> None:
    if kind not in KINDS:
        raise InputError(f"there is no kind of plugin {kind!r}; there is: {_list(KINDS)}")


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)


# The default registry -------------------------------------------------------------------------------------------------

default = Registry()

find = default.find
linalg_backend = default.linalg_backend
optimizer = default.optimizer
family = default.family
link = default.link
observer = default.observer
entries = default.entries
available_backends = default.available_backends
available_optimizers = default.available_optimizers
register = default.register
unregister = default.unregister
use = default.use
built_ins_only = default.built_ins_only

set_link_finder(lambda name: link(name)[0])
