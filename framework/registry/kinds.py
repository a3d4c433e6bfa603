"""The table of all kinds of plugins: look-up, listing, `ranef check`, `ranef new-plugin` and the test kit read it.

A new kind is one record here, and the files that it names: its entry and its product in `ranef.contracts`, its hook
in `ranef.contracts.HookSpecs`, its laws in `ranef.testkit`, its templates in `cli/templates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from ..contracts import (
    CovarianceEntry,
    CovarianceStructure,
    Family,
    FamilyEntry,
    InputError,
    LinalgBackend,
    LinalgEntry,
    Link,
    LinkEntry,
    Observer,
    ObserverEntry,
    Optimizer,
    OptimizerEntry,
    PluginEntry,
)

Entry = TypeVar("Entry", bound=PluginEntry)
Product = TypeVar("Product")


@dataclass(frozen=True)
class Kind(Generic[Entry, Product]):
    """A kind of plugin: its hook yields entries, and these make products.

    Parameters
    ----------
    name : str
        What look-ups and provenance call it.
    noun : str
        What one of them is called where a plugin is written: folder of the templates, and name of the module that they
        make. Taken for `name` wherever somebody names a kind.
    text : str
        What messages call one of them.
    hook : str
        The hook of `HookSpecs` that yields them.
    entry, product : type
        What the hook yields, and what that makes.
    shared : bool
        Made once and kept, since it has neither options nor state.
    checks : str
        What gives its laws: ``"module:function"`` in `ranef.testkit`.
    description : str
        What a new one is by default; ``{}`` is its name.
    """

    name: str
    noun: str
    text: str
    hook: str
    entry: type[Entry]
    product: type[Any]  # an abstract class, which mypy does not let stand for type[Product]
    shared: bool
    checks: str
    description: str


AnyKind: TypeAlias = Kind[Any, Any]

LINALG = Kind[LinalgEntry, LinalgBackend](
    "linalg",
    noun="backend",
    text="linear-algebra backend",
    hook="ranef_linalg_backends",
    entry=LinalgEntry,
    product=LinalgBackend,
    shared=True,
    checks="linalg:linalg_checks",
    description="Linear algebra by {}",
)
OPTIMIZER = Kind[OptimizerEntry, Optimizer](
    "optimizer",
    noun="optimizer",
    text="optimizer",
    hook="ranef_optimizers",
    entry=OptimizerEntry,
    product=Optimizer,
    shared=True,
    checks="optimizers:optimizer_checks",
    description="Minimization by {}",
)
FAMILY = Kind[FamilyEntry, Family](
    "family",
    noun="family",
    text="family",
    hook="ranef_families",
    entry=FamilyEntry,
    product=Family,
    shared=False,
    checks="families:family_checks",
    description="The {} family",
)
LINK = Kind[LinkEntry, Link](
    "link",
    noun="link",
    text="link",
    hook="ranef_links",
    entry=LinkEntry,
    product=Link,
    shared=True,
    checks="links:link_checks",
    description="The {} link",
)
COVARIANCE = Kind[CovarianceEntry, CovarianceStructure](
    "covariance",
    noun="covariance",
    text="covariance structure",
    hook="ranef_covariances",
    entry=CovarianceEntry,
    product=CovarianceStructure,
    shared=True,
    checks="covariances:covariance_checks",
    description="The {} covariance structure",
)
OBSERVER = Kind[ObserverEntry, Observer](
    "observer",
    noun="observer",
    text="observer",
    hook="ranef_observers",
    entry=ObserverEntry,
    product=Observer,
    shared=False,
    checks="observers:observer_checks",
    description="The {} observer",
)

#: All kinds of this module by name, in the order in which they are listed.
KINDS: dict[str, AnyKind] = {kind.name: kind for kind in vars().values() if isinstance(kind, Kind)}
#: All kinds by every word for them.
WORDS: dict[str, AnyKind] = KINDS | {kind.noun: kind for kind in KINDS.values()}


def kind_of(word: str | AnyKind) -> AnyKind:
    """The kind that a word means, or the kind itself.

    Examples
    --------
    >>> kind_of("backend").name
    'linalg'
    """
    if isinstance(word, Kind):
        return word
    if word not in WORDS:
        raise InputError(f"there is no kind of plugin {word!r}; there is: {', '.join(KINDS)}")
    return WORDS[word]
