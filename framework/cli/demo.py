"""`ranef demo`: two models on data that ship with ranef."""

from __future__ import annotations

from typing import Any

import click
import numpy as np

SLEEPSTUDY = """\
# Reaction times after days of little sleep: Reaction ~ Days + (Days | Subject)
data = ranef.datasets.load("sleepstudy")
fit = ranef.lmm(
    data["Reaction"],
    np.column_stack([np.ones(180), data["Days"]]),
    {"Subject": data["Subject"]},
    random_effects={"Subject": ["1", "Days"]},
    random_data={"Days": data["Days"]},
    x_names=["(Intercept)", "Days"],
)
"""

PENICILLIN = """\
# Zones of inhibition, plates crossed with samples: diameter ~ 1 + (1 | plate) + (1 | sample)
data = ranef.datasets.load("penicillin")
fit = ranef.lmm(
    data["diameter"],
    np.ones((144, 1)),
    {"plate": data["plate"], "sample": data["sample"]},
    x_names=["(Intercept)"],
)
"""


@click.command()
def demo() -> None:
    """Fit random slopes (sleepstudy) and crossed factors (Penicillin), and print code and summaries."""
    for code in (SLEEPSTUDY, PENICILLIN):
        click.secho(code, fg="cyan")
        click.echo(run(code).summary())
        click.echo()


def fit_sleepstudy() -> Any:
    """The fit of the first model."""
    return run(SLEEPSTUDY)


def run(code: str) -> Any:
    """The fit that the code shown makes: what is printed is what ran."""
    import ranef
    import ranef.datasets

    names: dict[str, Any] = {"ranef": ranef, "np": np}
    exec(code, names)
    return names["fit"]
