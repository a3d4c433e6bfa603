"""Families, links, covariance structures, backends and optimizers: names by which the registry makes them again."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from .. import registry
from ..contracts.errors import (
    InputError,
    MissingExtraError,
    PluginNotFoundError,
    RanefError,
    StorageError,
    shown,
)
from ..registry import AnyKind, PluginInfo
from ..registry.kinds import COVARIANCE, FAMILY, LINK
from .node import Node
from .values import decoded, encoded, same

#: Kinds that may be options of others: pure mathematics. An observer, say, could write files.
INSIDE: dict[str, AnyKind] = {kind.name: kind for kind in (FAMILY, LINK, COVARIANCE)}


def plugin_state(kind: AnyKind, plugin: Any) -> dict[str, Any]:
    """Kind, name, distribution and options of a plugin: what the registry makes the same from.

    Options are the attributes that are called as arguments of the class, as the contracts have them.

    Raises
    ------
    InputError
        Where the registry does not make it.
    """
    options = _options(plugin)
    for info in _candidates(kind, plugin):
        try:
            made, _ = registry.find(kind, f"{info.distribution}:{info.name}", **options)
        except RanefError:
            continue
        if type(made) is type(plugin) and _same_options(_options(made), options):
            return {
                "kind": kind.name,
                "name": info.name,
                "distribution": info.distribution,
                "version": info.version,
                "options": [[name, encoded(value, _known)] for name, value in options.items()],
            }
    raise InputError(
        f"a file keeps the {kind.text} by the name that it is registered under, and {shown(plugin)} is none that the "
        "registry makes: register its module (ranef.registry.register) or install it, with all of its options as "
        "attributes of their names; or pickle the fit"
    )


def plugin_of(node: Node, kind: AnyKind) -> Any:
    """The plugin that a file names.

    Raises
    ------
    StorageError
        Where it is none.
    PluginNotFoundError
        Where its distribution is not installed.
    MissingExtraError
        Where something else that it needs is not.
    """
    node.text("kind", among=[kind.name])
    name, distribution, version = node.text("name"), node.text("distribution"), node.text("version")
    options = dict(_option(node, pair) for pair in node.listed("options"))
    try:
        made, _ = registry.find(kind, f"{distribution}:{name}", **options)
    except MissingExtraError:
        raise
    except PluginNotFoundError as error:
        raise PluginNotFoundError(
            f"the model was saved with the {kind.text} {name!r} of {distribution} {version}, which is not "
            "installed (or registered) here: install it first"
        ) from error
    except (RanefError, TypeError) as error:
        given = ", ".join(f"{k}={shown(v)}" for k, v in options.items()) or "nothing"
        raise StorageError(
            f"{node.place}: the {kind.text} {name!r} of {distribution} {version} cannot be made with {given}: {error}"
        ) from error
    if not _same_options(_options(made), options):
        raise StorageError(
            f"{node.place}: the installed {kind.text} {name!r} is not what {distribution} {version} made: {shown(made)}"
        )
    return made


def _option(node: Node, pair: Any) -> tuple[str, Any]:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or not pair[0].isidentifier():
        raise node.wrong("options", f"has {shown(pair)}")
    return pair[0], decoded(node.beside({pair[0]: pair[1]}), pair[0], _inner)


def _options(plugin: Any) -> dict[str, Any]:
    """Attributes that are called as arguments of the class."""
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [p.name for p in inspect.signature(type(plugin)).parameters.values() if p.kind in plain]
    attributes = vars(plugin) if hasattr(plugin, "__dict__") else {}
    return {name: attributes[name] for name in names if name in attributes}


def _same_options(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Links, families and structures compare as what a file would keep of them."""
    return same(_comparable(one), _comparable(other))


def _comparable(options: dict[str, Any]) -> Any:
    return [[name, encoded(value, _described)] for name, value in sorted(options.items())]


def _described(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, tuple(kind.product for kind in INSIDE.values())):
        return None
    return {"class": f"{type(value).__module__}.{type(value).__qualname__}", "options": _comparable(_options(value))}


def _candidates(kind: AnyKind, plugin: Any) -> Iterator[PluginInfo]:
    """Registered ones of the kind, those of the plugin's name first."""
    infos = [info for info in registry.entries(kind) if info.state in ("ready", "conflict")]
    name = getattr(plugin, "name", "")
    yield from sorted(infos, key=lambda info: info.name != name)


def _known(value: Any) -> dict[str, Any] | None:
    """What a file keeps of a plugin that is an option of another: a family's link, the family that one wraps."""
    for kind in INSIDE.values():
        if isinstance(value, kind.product):
            return plugin_state(kind, value)
    return None


def _inner(node: Node) -> Any:
    return plugin_of(node, INSIDE[node.text("kind", among=list(INSIDE))])


__all__ = ["plugin_of", "plugin_state"]
