"""Plugins out of entries."""

from __future__ import annotations

from typing import Any

from ..contracts import InputTypeError, MissingExtraError, OptimizerEntry, PluginError, RanefError
from ..contracts.origin import said
from .kinds import Entry, Product
from .records import Candidate
from .validation import hint, type_of


def make(candidate: Candidate[Entry, Product], options: dict[str, Any]) -> Product:
    """Call `entry.make`, and see that it made what its kind promises."""
    kind, entry = candidate.kind, candidate.entry
    module = getattr(entry.make, "__module__", "")
    try:
        plugin = entry.make(**options)
    except RanefError:
        raise
    except ImportError as error:
        raise MissingExtraError(f"{candidate.text} cannot be loaded: {error}{hint(candidate)}") from error
    except TypeError as error:
        if options:
            given = ", ".join(f"{k}={v!r}" for k, v in options.items())
            raise InputTypeError(f"{candidate.text} cannot be made with {given}: {error}") from error
        raise PluginError(f"{candidate.text} cannot be made: {said(error, module)}") from error
    except Exception as error:
        raise PluginError(f"{candidate.text} cannot be made: {said(error, module)}") from error
    if not isinstance(plugin, kind.product):
        raise PluginError(
            f"{candidate.text}: make, yielded by {kind.hook}, must return a {kind.product.__name__}; "
            f"it returned {type_of(plugin)}"
        )
    if isinstance(entry, OptimizerEntry) and entry.needs_gradient != plugin.needs_gradient:
        raise PluginError(
            f"{candidate.text}: its entry, yielded by {kind.hook}, says needs_gradient={entry.needs_gradient}; "
            f"the optimizer itself says {plugin.needs_gradient}"
        )
    product: Product = plugin
    return product
