"""The plugin registry: discovery, validation, look-up by name, provenance.

Every linear-algebra backend, optimizer, family, link, covariance structure and observer, built-in ones included, comes
through the hooks of `ranef.contracts.HookSpecs`; `kinds` has the table of all kinds. Modules that implement hooks are
found by the entry-point group ``ranef``, at the first look-up; what was found is kept: later look-ups are look-ups in a
dict.

Names: ``"name"`` finds the one plugin of that name; ``"distribution:name"`` picks one of several. A name that one of
ranef's own plugins has stays its own, whatever else is installed.

``RANEF_PLUGINS=off`` in the environment runs with built-ins only: entry points of other distributions are then listed
as blocked and never imported. Modules given to `register` are wanted explicitly, and are not blocked.

The functions of this module are the methods of one `Registry`, the default one.
"""

from __future__ import annotations

from .discovery import SWITCH
from .kinds import KINDS, WORDS, Kind, kind_of
from .kinds import AnyKind as AnyKind
from .lookup import Registry
from .records import BUILT_IN, PluginInfo, Provenance, version_of

__all__ = [
    "BUILT_IN",
    "KINDS",
    "SWITCH",
    "WORDS",
    "Kind",
    "PluginInfo",
    "Provenance",
    "Registry",
    "available_backends",
    "available_optimizers",
    "built_ins_only",
    "covariance",
    "default",
    "entries",
    "family",
    "find",
    "kind_of",
    "linalg_backend",
    "link",
    "observer",
    "optimizer",
    "register",
    "unregister",
    "use",
    "version_of",
]

default = Registry()

find = default.find
linalg_backend = default.linalg_backend
optimizer = default.optimizer
family = default.family
link = default.link
covariance = default.covariance
observer = default.observer
entries = default.entries
available_backends = default.available_backends
available_optimizers = default.available_optimizers
register = default.register
unregister = default.unregister
use = default.use
built_ins_only = default.built_ins_only
