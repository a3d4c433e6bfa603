"""Coefficients of several fits, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..contracts.errors import InputError, InputTypeError, shown
from ..design.terms import INTERCEPT
from .fitted import Fitted
from .style import COLOURS, LABEL, QUIET, axes, height_of, styled

#: Shapes beside colours, for prints without.
MARKERS = ("o", "s", "^", "D", "v", "P")


@styled
def forest(fits: Fitted | Sequence[Fitted] | Mapping[str, Fitted], ax: Any = None, *, intercept: bool = False) -> Any:
    """Coefficients of fits with their intervals, one below the other, those of a name side by side.

    Parameters
    ----------
    fits : solution, sequence or dict of them
        Up to six; a dict names them, else they are numbered.
    ax : matplotlib Axes, optional
    intercept : bool
        Whether it is shown; it mostly lies far from the others.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError, InputTypeError
        For anything but fits, more than six of them, or no coefficient to show.
    """
    named = _named(fits)
    tables = {label: fit.coef_table() for label, fit in named.items()}
    names = list(dict.fromkeys(str(name) for table in tables.values() for name in table["name"]))
    names = [name for name in names if intercept or name != INTERCEPT]
    if not names:
        raise InputError("there is no coefficient beside the intercept; intercept=True shows that")
    ax = axes(ax, height_of(0) if len(names) * len(named) < 14 else LABEL * len(names) * len(named) + 0.7)
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    step = 0.6 / max(len(named) - 1, 1)
    for i, (label, table) in enumerate(tables.items()):
        there = [j for j, name in enumerate(table["name"]) if name in names]
        places = np.array([names.index(str(table["name"][j])) for j in there], dtype=float)
        places += 0.0 if len(named) == 1 else i * step - 0.3
        colour = COLOURS[i]
        ax.hlines(places, table["lower"][there], table["upper"][there], color=colour, linewidth=1.2, zorder=2)
        marker = MARKERS[i]
        ax.plot(table["estimate"][there], places, marker, color=colour, markersize=3.5, label=label, zorder=3)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="estimate, with intervals", ylim=(len(names) - 0.4, -0.6))
    if len(named) > 1:
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(named), 3))
    return ax


def _named(fits: Any) -> dict[str, Fitted]:
    if hasattr(fits, "coef_table"):
        fits = [fits]
    if isinstance(fits, Mapping):
        named = {str(label): fit for label, fit in fits.items()}
    elif isinstance(fits, Sequence) and not isinstance(fits, str):
        named = {f"fit {i + 1}": fit for i, fit in enumerate(fits)}
    else:
        raise InputTypeError(f"fits must be a fit, a list or a dict of fits; got {shown(fits)}")
    wrong = [label for label, fit in named.items() if not hasattr(fit, "coef_table")]
    if wrong or not 1 <= len(named) <= len(MARKERS):
        what = f"{', '.join(wrong)} is no fit" if wrong else f"got {len(named)}"
        raise InputError(f"forest needs from one to {len(MARKERS)} fits; {what}")
    return named
