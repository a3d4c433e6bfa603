"""Look-up: a plugin by kind and name, or those that automatic choice may take."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, overload

from ..contracts import (
    CovarianceStructure,
    Family,
    InputTypeError,
    LinalgBackend,
    Link,
    Observer,
    Optimizer,
    OptimizerEntry,
    PluginNotFoundError,
    PluginWarning,
    RanefError,
)
from ..contracts.links import STANDARD
from .discovery import Plugins
from .kinds import COVARIANCE, FAMILY, KINDS, LINALG, LINK, OBSERVER, OPTIMIZER, AnyKind, Entry, Kind, Product, kind_of
from .making import make
from .names import resolve, unique_name, with_link
from .records import Candidate, PluginInfo, Provenance, Source


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
        self._plugins = Plugins(third_party, entry_points)

    # Look-up ------------------------------------------------------------------------------------------------------

    @overload
    def find(self, kind: Kind[Entry, Product], name: str, **options: Any) -> tuple[Product, Provenance]: ...
    @overload
    def find(self, kind: str, name: str, **options: Any) -> tuple[Any, Provenance]: ...
    def find(self, kind: str | AnyKind, name: str, **options: Any) -> tuple[Any, Provenance]:
        """The plugin of that kind and name, with its provenance.

        Parameters
        ----------
        kind : str or Kind
            A key of `KINDS` ("linalg", "optimizer", "family" ...), or one of its values: the type is then known.
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
        record = kind_of(kind)
        if record is FAMILY:
            return self.family(name, **options)
        return self._find(record, name, options)

    def linalg_backend(self, name: str) -> tuple[LinalgBackend, Provenance]:
        """The linear-algebra backend of that name (made once), and its provenance."""
        return self.find(LINALG, name)

    def optimizer(self, name: str) -> tuple[Optimizer, Provenance]:
        """The optimizer of that name (made once), and its provenance."""
        return self.find(OPTIMIZER, name)

    def link(self, name: str) -> tuple[Link, Provenance]:
        """The link of that name (made once), and its provenance."""
        return self.find(LINK, name)

    def family(self, name: str, **options: Any) -> tuple[Family, Provenance]:
        """A new family of that name, made with its own options (`link=` ...), and its provenance.

        A link's name is looked up here, among this registry's links, before the family is made.

        Examples
        --------
        >>> from ranef import registry
        >>> registry.family("binomial", link="probit")[0] == registry.family("binomial(probit)")[0]
        True
        """
        name, options = with_link(name, options)
        if not isinstance(options.get("link"), str):
            return self._find(FAMILY, name, options)
        link = self._link(options["link"])
        family, provenance = self._find(FAMILY, name, options | {"link": link})
        if link in STANDARD.values():  # its author knew of these, and of no others
            family.refuse_unfit(link.name)
        return family, provenance

    def covariance(self, name: str, **options: Any) -> tuple[CovarianceStructure, Provenance]:
        """The covariance structure of that name, and its provenance."""
        return self.find(COVARIANCE, name, **options)

    def observer(self, name: str, **options: Any) -> tuple[Observer, Provenance]:
        """A new observer of that name, made with its own options, and its provenance."""
        return self.find(OBSERVER, name, **options)

    def available_backends(self) -> list[tuple[str, LinalgBackend]]:
        """Name and backend of all that automatic choice may take.

        One that cannot be made is left out, with a `PluginWarning` at the first call. The name finds the same backend
        in `linalg_backend`; it has the form "distribution:name" where the plain name is not unique.
        """
        return list(self._makeable(self._automatic(LINALG)))

    def available_optimizers(self) -> list[tuple[str, OptimizerEntry]]:
        """Name and entry of all optimizers that automatic choice may take, the highest priority first."""
        by_priority = sorted(self._automatic(OPTIMIZER), key=lambda c: -c.entry.priority)
        return [(unique_name(c), c.entry) for c in by_priority]

    def entries(self, kind: str | AnyKind | None = None) -> list[PluginInfo]:
        """What is known of every plugin of a kind; without a kind, of all, and of entry points that gave none."""
        kinds = list(KINDS.values()) if kind is None else [kind_of(kind)]
        found = self._plugins.found()
        infos = [c.info() for k in kinds for c in found.of(k)]
        return infos + [f.info() for f in found.failures if kind is None or f.kind in kinds]

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
        version = version or str(getattr(plugin, "__version__", ""))
        self._plugins.add(plugin, Source(name, distribution or name, version))

    def unregister(self, plugin: object) -> None:
        """Take back `register`."""
        self._plugins.remove(plugin)

    @contextmanager
    def use(self, plugin: object, *, distribution: str | None = None, version: str | None = None) -> Iterator[None]:
        """`register` for the time of a ``with`` block."""
        self.register(plugin, distribution=distribution, version=version)
        try:
            yield
        finally:
            self.unregister(plugin)

    def built_ins_only(self) -> AbstractContextManager[None]:
        """Choose among ranef's own plugins for the time of a ``with`` block, as `RANEF_PLUGINS=off` does for a process.

        Examples
        --------
        >>> import ranef
        >>> with ranef.registry.built_ins_only():
        ...     {info.distribution for info in ranef.registry.entries("linalg")}
        {'ranef'}
        """
        return self._plugins.built_ins_only()

    # Choice -------------------------------------------------------------------------------------------------------

    def _find(self, kind: Kind[Entry, Product], name: str, options: dict[str, Any]) -> tuple[Product, Provenance]:
        candidate = self._candidate(kind, name)
        plugin = make(candidate, options) if options or not kind.shared else self._shared(candidate)
        return plugin, candidate.provenance

    def _link(self, name: str) -> Link:
        """The link of that name; the standard ones are known where no link is registered."""
        try:
            return self.link(name)[0]
        except PluginNotFoundError:
            if name in STANDARD:
                return STANDARD[name]
            raise

    def _candidate(self, kind: Kind[Entry, Product], name: str) -> Candidate[Entry, Product]:
        """The one candidate that a name means."""
        found = self._plugins.found()
        if not isinstance(name, str):
            raise InputTypeError(f"{kind.text}: expected a name, a str; got {type(name).__name__}")
        key = kind.name, name
        if key not in found.by_name:
            found.by_name[key] = resolve(found, kind, name)
        return found.by_name[key]

    def _shared(self, candidate: Candidate[Entry, Product]) -> Product:
        """A plugin without state: made at the first look-up, and kept."""
        if candidate.made is None:
            with self._plugins.lock:  # two threads get the same object
                if candidate.made is None:
                    candidate.made = make(candidate, {})
        return candidate.made

    def _automatic(self, kind: Kind[Entry, Product]) -> list[Candidate[Entry, Product]]:
        found = self._plugins.found()
        return [c for c in found.of(kind) if c.entry.automatic and c.state in ("ready", "conflict")]

    def _makeable(self, candidates: list[Candidate[Entry, Product]]) -> Iterator[tuple[str, Product]]:
        for candidate in candidates:
            name = unique_name(candidate)
            try:
                yield name, self._shared(candidate)
            except RanefError as error:
                candidate.state, candidate.reason = "failed", str(error)
                warnings.warn(f"left out of automatic choice: {error}", PluginWarning, stacklevel=2)
