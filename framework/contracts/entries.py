"""What a hook yields: frozen, typed records, so that a heavy dependency is imported on first use only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Version of the contracts in this package. An entry written for another one is refused by name: for another minor
#: version as long as the major one is 0, for another major version from then on. It becomes 1.0 when two covariance
#: structures of third parties, one known precision and one dispersion formula have gone through the contracts.
API_VERSION = "0.9"


@dataclass(frozen=True)
class PluginEntry:
    """A named plugin and how to make it.

    Parameters
    ----------
    name : str
        What users write: lower case letters, digits, hyphens and underscores.
    summary : str
        One line for `ranef plugins`.
    make : callable
        Returns the plugin; keyword arguments are the plugin's own options. Imports happen here, not before.
    api_version : str
        The `API_VERSION` of the contracts that the plugin was written for. Write it out: the default is the installed
        one, which always fits, whatever the plugin was written for.
    install_hint : str
        What to install when `make` raises ImportError, for example ``pip install "ranef[cholmod]"``.
    requires : tuple of str
        Top-level modules that `make` imports beyond the core's; `ranef plugins` and automatic choice look whether they
        are there, without importing them.
    automatic : bool
        Whether automatic choice may take this plugin.
    abilities : tuple of str
        What it can do beyond the least, for `ranef plugins`: "selected inverse", for example.
    aliases : tuple of str
        Further names.
    """

    name: str
    summary: str
    make: Callable[..., Any]
    api_version: str = API_VERSION
    install_hint: str = ""
    requires: tuple[str, ...] = ()
    automatic: bool = True
    abilities: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class LinalgEntry(PluginEntry):
    """A linear-algebra backend; `make()` returns a `LinalgBackend`."""


@dataclass(frozen=True)
class OptimizerEntry(PluginEntry):
    """An optimizer; `make()` returns an `Optimizer`.

    `priority` orders automatic choice among those that fit the objective: the highest wins.
    """

    priority: int = 0
    needs_gradient: bool = False


@dataclass(frozen=True)
class FamilyEntry(PluginEntry):
    """A response family; `make(link=None, ...)` returns a `Family`."""


@dataclass(frozen=True)
class LinkEntry(PluginEntry):
    """A link function; `make()` returns a `Link`."""


@dataclass(frozen=True)
class CovarianceEntry(PluginEntry):
    """A covariance structure; `make(...)` returns a `CovarianceStructure`."""


@dataclass(frozen=True)
class ObserverEntry(PluginEntry):
    """An observer of fits; `make(...)` returns a new `Observer` for every fit."""
