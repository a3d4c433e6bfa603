"""A fit as one HTML file that needs no other: summary, tests, intervals, findings, plots."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..contracts.errors import InputError

if TYPE_CHECKING:
    from .mixed import MixedSolution

#: Light and dark as the reader's system is; plots are white cards in both.
CSS = """\
:root { color-scheme: light dark; --ink: #1a1a1a; --quiet: #595959; --paper: #ffffff; --line: #d0d0d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --quiet: #a8a8a8; --paper: #16181c; --line: #40444c; } }
body { margin: 2rem auto; max-width: 54rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2.2rem;
  border-bottom: 1px solid var(--line); }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
section { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.8rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.2rem; white-space: nowrap; }
th, td { padding: 0.15rem 0.7rem; text-align: right; white-space: nowrap; font-weight: 400; }
thead th { border-bottom: 1px solid var(--line); font-weight: 600; } th[scope=row] { text-align: left; }
small, .quiet { color: var(--quiet); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; align-items: start; }
figure { margin: 0; background: #ffffff; color: #1a1a1a; border: 1px solid var(--line); padding: 0.5rem; }
figure img { display: block; width: 100%; height: auto; } figcaption { font-size: 0.85rem; }
"""
#: Salt of the ids in SVG: the same fit gives the same file.
SALT = "ranef"


def report(fit: MixedSolution[Any], rng: Any, *, anova: int = 3, df: str | None = None, nsim: int = 250) -> str:
    """The report as HTML; see `MixedSolution.report`.

    Raises
    ------
    MissingExtraError
        Without matplotlib.
    InputError, InputTypeError
        For types of tests or degrees of freedom that there are not.
    """
    from ..inference.anova import type_of
    from ..plots.style import pyplot

    pyplot()
    type_of(anova)
    fit._method(df)
    sections = (
        ("Summary", fit._repr_html_),
        ("Tests of terms", lambda: fit.anova(anova, df)._repr_html_()),
        ("Confidence intervals", lambda: fit.confint()._repr_html_()),
        ("Checks", lambda: fit.check(nsim, rng)._repr_html_()),
        ("Plots", lambda: f'<div class="plots">{"".join(_figures(fit, rng, nsim))}</div>'),
        ("How it was fitted", lambda: _made(fit)),
    )
    body = "\n".join(
        f'<section id="{title.lower().replace(" ", "-")}"><h2>{title}</h2>\n{_or_reason(content)}\n</section>'
        for title, content in sections
    )
    name = escape(fit.model)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{CSS}</style>\n</head>\n<body>\n<h1><code>{name}</code></h1>\n{body}\n</body>\n</html>\n"
    )


def _or_reason(content: Callable[[], str]) -> str:
    """The content, or why this model has none: the error says it."""
    try:
        return content()
    except InputError as error:
        return f'<p class="quiet">Not available: {escape(str(error))}</p>'


def _made(fit: MixedSolution[Any]) -> str:
    lines = [f"Certificate: {fit.certificate}", f"Made by: {', '.join(map(str, fit.provenance))}"]
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


# Plots --------------------------------------------------------------------------------------------------------------


def _figures(fit: MixedSolution[Any], rng: Any, nsim: int) -> Iterator[str]:
    plot = fit.plot
    yield _figure(plot.residuals, "Residuals against fitted values: the smooth line should be on zero.")
    yield _figure(plot.scale_location, "Size of residuals against fitted values: the smooth line should be level.")
    yield _figure(
        lambda: plot.qq(nsim=nsim, rng=rng),
        "Quantiles of simulated residuals: points should be within the envelope of 95 % of simulations.",
    )
    for factor, columns in fit.ranef_names.items():
        for column in columns:
            yield _figure(
                partial(plot.caterpillar, factor, column),
                f"Conditional modes of {column} by {factor}, with intervals.",
            )


def _figure(draw: Callable[[], Any], caption: str) -> str:
    """An image within the page, which has its own white ground in dark pages too."""
    from ..plots.style import style

    def drawn() -> str:
        with style() as plt, plt.rc_context({"svg.hashsalt": SALT}):
            figure = draw().figure
            file = BytesIO()
            figure.savefig(file, format="svg", metadata={"Date": None})
            plt.close(figure)
        image = b64encode(file.getvalue()).decode("ascii")
        return f'<img alt="{escape(caption)}" src="data:image/svg+xml;base64,{image}">'

    return f"<figure>{_or_reason(drawn)}<figcaption>{escape(caption)}</figcaption></figure>"
