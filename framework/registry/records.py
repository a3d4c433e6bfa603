"""What the registry remembers of plugins, and what it says of them."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass, field
from typing import Any, Generic, Literal

from ..contracts import OptimizerEntry, PluginEntry
from .kinds import KINDS, AnyKind, Entry, Kind, Product

BUILT_IN = "ranef"

State = Literal["ready", "missing dependency", "failed", "conflict", "refused", "blocked"]


@dataclass(frozen=True)
class Provenance:
    """Which plugin was used, and where it came from; every Solution records these.

    Parameters
    ----------
    kind : str
        Name of its kind: "linalg", "optimizer", "family" ...
    name : str
        Name of the plugin.
    distribution, version : str
        The installed distribution that brought it, or the module that was registered at run time.
    """

    kind: str
    name: str
    distribution: str
    version: str

    @classmethod
    def of_object(cls, kind: str, plugin: object) -> Provenance:
        """Where an object comes from that a user made: its name, else that of its class; and its module's distribution.

        Examples
        --------
        >>> from ranef.families import Poisson
        >>> from ranef.registry import Provenance
        >>> print(Provenance.of_object("family", Poisson()))
        family poisson (ranef ...)
        """
        name = getattr(plugin, "name", "")
        module = type(plugin).__module__.partition(".")[0]
        return cls(kind, name if isinstance(name, str) and name else type(plugin).__name__, module, version_of(module))

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.distribution} {self.version})".replace(" )", ")")


@dataclass(frozen=True)
class PluginInfo:
    """One line of `ranef plugins`.

    `kind` is the name of a kind, or "entry point" for a whole entry point that is blocked or failed to import.
    `reason` says why `state` is not "ready", and what to do.
    """

    name: str
    kind: str
    summary: str
    distribution: str
    version: str
    api_version: str
    state: State
    reason: str = ""
    abilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Where hooks come from: an entry point of a distribution, or a module registered at run time."""

    name: str
    distribution: str
    version: str

    @property
    def text(self) -> str:
        """Distribution and version."""
        return f"{self.distribution} {self.version}".rstrip()

    @property
    def is_built_in(self) -> bool:
        """Whether it is ranef itself."""
        return canonical(self.distribution) == BUILT_IN


@dataclass(eq=False)
class Candidate(Generic[Entry, Product]):
    """A valid entry, or one that was refused for its API version; with what it made, where that is kept."""

    kind: Kind[Entry, Product]
    entry: Entry
    source: Source
    state: State = "ready"
    reason: str = ""
    made: Product | None = None

    @property
    def provenance(self) -> Provenance:
        """What solutions record."""
        return Provenance(self.kind.name, self.entry.name, self.source.distribution, self.source.version)

    @property
    def text(self) -> str:
        """What messages call it."""
        return f"{self.kind.text} {self.entry.name!r} of {self.source.text}"

    @property
    def names(self) -> set[str]:
        """All names that find it."""
        return {self.entry.name, *self.entry.aliases}

    @property
    def qualified_name(self) -> str:
        """A name that finds no other one."""
        return f"{self.source.distribution}:{self.entry.name}"

    def info(self) -> PluginInfo:
        """What is listed."""
        e, s = self.entry, self.source
        return PluginInfo(
            e.name,
            self.kind.name,
            e.summary,
            s.distribution,
            s.version,
            e.api_version,
            self.state,
            self.reason,
            _abilities(e),
        )


@dataclass(frozen=True)
class Failure:
    """An entry point, or one hook of it, that gave nothing; `kind` is None for the whole entry point."""

    source: Source
    kind: AnyKind | None
    state: State
    reason: str

    def concerns(self, kind: AnyKind) -> bool:
        """Whether plugins of a kind may be missing because of it."""
        return self.kind is None or self.kind is kind

    def info(self) -> PluginInfo:
        """What is listed."""
        s, kind = self.source, self.kind.name if self.kind else "entry point"
        return PluginInfo(s.name, kind, "", s.distribution, s.version, "", self.state, self.reason)


@dataclass(eq=False)
class Found:
    """All that one scan found, with the names that were looked up since."""

    failures: list[Failure]
    candidates: dict[str, list[Candidate[Any, Any]]] = field(default_factory=lambda: {name: [] for name in KINDS})
    by_name: dict[tuple[str, str], Candidate[Any, Any]] = field(default_factory=dict)

    def of(self, kind: Kind[Entry, Product]) -> list[Candidate[Entry, Product]]:
        """The candidates of a kind, in order of registration."""
        return self.candidates[kind.name]


def canonical(distribution: str) -> str:
    """A distribution's name as installers compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def version_of(distribution: str) -> str:
    """Version of an installed distribution, "" where there is none of that name (a script, a notebook)."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _abilities(entry: PluginEntry) -> tuple[str, ...]:
    abilities = [*entry.abilities, *(f"alias {alias}" for alias in entry.aliases)]
    if isinstance(entry, OptimizerEntry):
        abilities += ["needs gradient" if entry.needs_gradient else "derivative-free", f"priority {entry.priority}"]
    if not entry.automatic:
        abilities.append("by name only")
    return tuple(abilities)
