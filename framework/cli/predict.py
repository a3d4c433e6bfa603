"""`ranef predict` and `ranef simulate`: what a saved model says of new rows."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..contracts import InputError
from ..contracts.arrays import AnyArray
from ..contracts.errors import MissingExtraError
from .data import read_data

OUT = click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV or Parquet file to write.")
MODEL = click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
DATA = click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command()
@MODEL
@DATA
@click.option("--random", default="all", show_default=True, help="Effects in it: all, none, or factors or terms (a,b).")
@click.option("--new-levels", type=click.Choice(["error", "population"]), default="error", show_default=True)
@click.option("--scale", type=click.Choice(["response", "link"]), default="response", show_default=True)
@click.option("--se", is_flag=True, help="Standard errors.")
@click.option("--interval", type=click.Choice(["confidence", "prediction"]), help="Limits of that kind.")
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the interval.")
@click.option("--marginal", is_flag=True, help="Means over all levels.")
@OUT
def predict(model: Path, data: Path, random: str, out: Path | None, **options: Any) -> None:
    """Predict for the rows of the file DATA by the saved model MODEL, which was fitted by a formula.

    DATA is CSV or TSV, compressed or not, Parquet or Arrow.

    \b
    ranef fit trial.csv "score ~ week + (1 | school)" --save trial.ranef
    ranef predict trial.ranef new.csv --interval prediction -o predicted.csv
    """  # noqa: D301 (click reads the character \b)
    solution = by_formula(model)
    chosen = random if random in ("all", "none") else [name.strip() for name in random.split(",")]
    found = solution.predict(read_data(data), random=chosen, **options)
    write({"fit": found} if isinstance(found, np.ndarray) else found.to_dict(), out)


@click.command()
@MODEL
@DATA
@click.option("--nsim", type=int, default=1, show_default=True, help="Number of responses.")
@click.option("--seed", type=int, required=True, help="Seed of the generator.")
@click.option("--random", type=click.Choice(["new", "conditional"]), default="new", show_default=True)
@OUT
def simulate(model: Path, data: Path, nsim: int, seed: int, random: str, out: Path | None) -> None:
    """Draw responses for the rows of the file DATA from the saved model MODEL, which was fitted by a formula.

    \b
    ranef simulate trial.ranef design.csv --nsim 100 --seed 1 -o drawn.csv
    """  # noqa: D301 (click reads the character \b)
    drawn = by_formula(model).simulate(nsim, seed, random=random, newdata=read_data(data))
    write({f"sim_{i + 1}": column for i, column in enumerate(drawn.T)}, out)


def by_formula(model: Path) -> Any:
    """A saved model that can read a file of data."""
    import ranef

    solution = ranef.load(model)
    if solution.formula is None:
        raise InputError(f"{model} was fitted to arrays, not by a formula: predict in Python, with ranef.load(...)")
    return solution


def write(columns: Mapping[str, AnyArray], out: Path | None) -> None:
    """Columns as CSV, to the terminal or a file, or as Parquet where the file is called so.

    Raises
    ------
    MissingExtraError
        For Parquet without pyarrow.
    """
    if out is not None and out.suffix == ".parquet":
        try:
            from pyarrow import parquet, table
        except ImportError as error:
            raise MissingExtraError('Parquet needs pyarrow: pip install "ranef[pyarrow]"') from error
        parquet.write_table(table(dict(columns)), out)
        return
    with open(out, "w", newline="", encoding="utf-8") if out is not None else nullcontext(sys.stdout) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


__all__ = ["predict", "simulate"]
