"""What all plots look like: sizes for 80 mm, colours that colour-blind readers tell apart, white behind them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ..contracts.errors import MissingExtraError

P = ParamSpec("P")
R = TypeVar("R")

#: Blue, vermilion, green, purple, orange, sky (Okabe & Ito 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
POINTS, LINE = COLOURS[0], COLOURS[1]
#: Of what is beside the point: bands, lines of zero, single groups.
QUIET = "#8A8A8A"
#: 80 mm, and a height that leaves room for the axes.
WIDTH, HEIGHT = 3.15, 2.5
#: Of one line of labels, in inches.
LABEL = 0.14

RC: dict[str, Any] = {
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "text.color": "#1A1A1A",
    "axes.labelcolor": "#1A1A1A",
    "axes.edgecolor": "#4D4D4D",
    "axes.linewidth": 0.6,
    "xtick.color": "#4D4D4D",
    "ytick.color": "#4D4D4D",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "white",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 150.0,
    "savefig.dpi": 300.0,
    "lines.linewidth": 1.2,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.autolayout": False,
}


def pyplot() -> Any:
    """matplotlib.pyplot.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError('plots need matplotlib: pip install "ranef[plots]"') from error
    return plt


def require_matplotlib(option: str) -> None:
    """Better before a long work than after it.

    Raises
    ------
    MissingExtraError
        Without matplotlib, with the option of the command line that needs it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError(f'{option} needs matplotlib: pip install "ranef[plots]"')


@contextmanager
def style() -> Iterator[Any]:
    """matplotlib.pyplot with these settings, which are gone afterwards."""
    plt = pyplot()
    with plt.rc_context(RC):
        yield plt


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, with these settings."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return draw(*args, **kwargs)

    return drawn


def axes(ax: Any, height: float = HEIGHT) -> Any:
    """The axes that were given, or those of a new figure."""
    if ax is not None:
        return ax
    return pyplot().subplots(figsize=(WIDTH, height))[1]


def height_of(labels: int) -> float:
    """Height of a figure with so many lines of labels."""
    return max(HEIGHT, LABEL * labels + 0.7)


def point_style(n: int) -> dict[str, Any]:
    """Of n points: smaller and fainter where there are many."""
    many = n > 500
    return {
        "s": 4.0 if many else 9.0,
        "alpha": 0.3 if n > 5_000 else 0.5 if many else 0.75,
        "linewidths": 0.0,
        "color": POINTS,
        "rasterized": n > 5_000,
    }
