"""Which modules have hooks, and what the hooks yield."""

from __future__ import annotations

import importlib.metadata
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pluggy

from ..contracts import HookSpecs, PluginError
from ..contracts.origin import said
from .kinds import KINDS
from .names import did_you_mean
from .records import BUILT_IN, Failure, Found, Source
from .validation import candidate_of, mark_conflicts

GROUP = "ranef"
SWITCH = "RANEF_PLUGINS"


class Plugins:
    """Modules with hooks: of entry points, loaded at the first scan, and registered at run time.

    Parameters
    ----------
    third_party : bool or None
        Whether entry points of other distributions than ranef's own are loaded; None: what `SWITCH` says.
    entry_points : bool
        Whether any are.
    """

    def __init__(self, third_party: bool | None, entry_points: bool) -> None:
        self.lock = threading.RLock()
        self._third_party = third_party
        self._manager = _Manager(BUILT_IN)
        self._manager.add_hookspecs(HookSpecs)
        self._sources: dict[str, Source] = {}
        self._unloaded: list[Failure] = []
        self._loaded = not entry_points
        self._loading = False
        self._only_built_ins = False
        self._found: Found | None = None

    def found(self) -> Found:
        """All entries, from all hooks; found once, until something is added or removed."""
        if self._found is not None:
            return self._found
        with self.lock:
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

    def add(self, plugin: object, source: Source) -> None:
        """One more module."""
        with self.lock:
            self._add(plugin, source)
            self._found = None

    def remove(self, plugin: object) -> None:
        """Take back `add`."""
        with self.lock:
            name = self._manager.get_name(plugin)
            if name is None:
                raise PluginError(f"{plugin!r} is not registered, so it cannot be unregistered")
            del self._sources[name]
            self._manager.unregister(plugin)
            self._found = None

    @contextmanager
    def built_ins_only(self) -> Iterator[None]:
        """Leave out all but ranef's own for the time of a ``with`` block."""
        with self.lock:
            before, self._only_built_ins, self._found = self._only_built_ins, True, None
        try:
            yield
        finally:
            with self.lock:
                self._only_built_ins, self._found = before, None

    def _load_entry_points(self) -> None:
        if self._loaded:
            return
        third_party = _switched_on() if self._third_party is None else self._third_party
        for point in importlib.metadata.entry_points(group=GROUP):
            distribution, version = (point.dist.name, point.dist.version) if point.dist else (point.value, "")
            source = Source(point.name, distribution, version)
            if not third_party and not source.is_built_in:
                self._unloaded.append(Failure(source, None, "blocked", f"blocked by {SWITCH}=off: built-ins only"))
                continue
            try:
                self._add(point.load(), source)
            except Exception as error:  # whatever a module raises at import: it must not break the others
                reason = str(error) if isinstance(error, PluginError) else f"{point.value}: {said(error, point.module)}"
                self._unloaded.append(Failure(source, None, "failed", reason))
        self._loaded = True

    def _add(self, plugin: object, source: Source) -> None:
        """Register with pluggy, under a name that is unique, and look for misspelt hooks."""
        key = f"{source.distribution}:{source.name}"
        try:
            self._manager.register(plugin, name=key)
        except ValueError as error:  # it is there already, and stays
            raise PluginError(f"{source.text}: {source.name!r} cannot be registered: {error}") from error
        except pluggy.PluginValidationError as error:
            if self._manager.is_registered(plugin):  # some versions of pluggy keep a plugin that they found wrong
                self._manager.unregister(plugin)
            raise PluginError(f"{source.text}: {source.name!r} cannot be registered: {error}") from error
        hooks = self._manager.get_hookcallers(plugin) or []
        known = [kind.hook for kind in KINDS.values()]
        unknown = [hook.name for hook in hooks if not hook.has_spec()]
        if not hooks or unknown:
            self._manager.unregister(plugin)
        if not hooks:
            raise PluginError(
                f"{source.text}: {source.name!r} has no function marked with hookimpl and named one of "
                f"{', '.join(known)} (a module with its own __dir__ must list its hooks there)"
            )
        if unknown:
            raise PluginError(
                f"{source.text}: ranef has no hook {unknown[0]!r}{did_you_mean(unknown[0], known)}; "
                f"it has {', '.join(known)}"
            )
        self._sources[key] = source

    def _call_hooks(self) -> Found:
        """Call every hook of every plugin; one that fails is recorded and leaves the others alone."""
        found = Found(list(self._unloaded))
        for kind in KINDS.values():
            # pluggy calls the last one registered first; listings are easier to read in order of registration
            for implementation in getattr(self._manager.hook, kind.hook).get_hookimpls():
                source = self._sources[implementation.plugin_name]
                if self._only_built_ins and not source.is_built_in:
                    continue
                try:
                    for entry in implementation.function():
                        found.of(kind).append(candidate_of(kind, entry, source))
                except Exception as error:
                    module = getattr(implementation.function, "__module__", "")
                    reason = str(error) if isinstance(error, PluginError) else f"{kind.hook}: {said(error, module)}"
                    found.failures.append(Failure(source, kind, "failed", reason))
            mark_conflicts(found.of(kind))
        return found


class _Manager(pluggy.PluginManager):
    """Looks at names that hooks may have only, so that a plugin's lazy attributes stay unimported."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        return super().parse_hookimpl_opts(plugin, name) if name.startswith("ranef_") else None


def _switched_on() -> bool:
    value = os.environ.get(SWITCH, "on").strip().lower()
    if value not in ("", "on", "off"):
        raise PluginError(f"{SWITCH}={value}: expected 'on' (plugins of all distributions) or 'off' (built-ins only)")
    return value != "off"
