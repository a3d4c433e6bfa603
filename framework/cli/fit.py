"""`ranef fit`: a model from a file of data."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..contracts import InputError, RanefWarning
from ..contracts.arrays import FloatArray
from .data import Columns, labels, numbers, read_csv, read_data

INTERCEPT = "(Intercept)"
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("formula", required=False)
@click.option("--y", metavar="COLUMN", help="Without a formula: the response.")
@click.option("--x", default="1", metavar="COLUMN,...", help="Fixed effects; the intercept is included.")
@click.option("--no-intercept", is_flag=True, help="No intercept among the fixed effects.")
@click.option("--groups", default="", metavar="COLUMN,...", help="Factors with a random intercept each; a:b nests.")
@click.option(
    "--random", multiple=True, metavar='"FACTOR: 1 + COLUMN"', help="A term, without intercept unless 1 is in it."
)
@click.option("--uncorrelated", default="", metavar="FACTOR,...", help="Factors whose effects are uncorrelated.")
@click.option("--covariance", multiple=True, metavar="FACTOR=STRUCTURE", help="Covariance structure of its effects.")
@click.option("--weights", metavar="COLUMN", help="Prior weights; numbers of trials for binomial proportions.")
@click.option("--offset", metavar="COLUMN", help="Offset of the linear predictor.")
@click.option("--subset", metavar="EXPRESSION", help="With a formula: rows to use, as in 'age > 20'.")
@click.option("--contrasts", multiple=True, metavar="FACTOR=WORD", help="With a formula: sum, helmert, poly ...")
@click.option("--names", type=click.Choice(["R"]), help="With a formula: columns under R's names.")
@click.option("--ml", is_flag=True, help="Maximum likelihood; the default is REML for linear models.")
@click.option("--family", metavar="NAME", help="Family of a generalized linear mixed model (see `ranef plugins`).")
@click.option("--link", metavar="NAME", help="Link of that family; default the family's own.")
@click.option("--backend", default="auto", show_default=True, help="Linear-algebra backend.")
@click.option("--optimizer", default="auto", show_default=True, help="Optimizer.")
@click.option("--anova", type=click.Choice(["1", "2", "3"]), help="Test every term, by sums of squares of this type.")
@click.option("--df", metavar="METHOD", help="Degrees of freedom of --anova: satterthwaite, kenward-roger ...")
@click.option("--check", is_flag=True, help="Look for what may be wrong with the model.")
@click.option("--plot", type=FILE, help="Draw residuals into this file (.png, .svg, .pdf).")
@click.option("--html", type=FILE, help="Write all of this into one HTML file, with plots.")
@click.option("--seed", default=1, show_default=True, help="Of the simulations of --check and --html.")
@click.option("--save", type=FILE, help="Keep the model in this file.")
def fit(
    data: Path,
    formula: str | None,
    y: str | None,
    x: str,
    no_intercept: bool,
    groups: str,
    random: tuple[str, ...],
    uncorrelated: str,
    covariance: tuple[str, ...],
    weights: str | None,
    offset: str | None,
    subset: str | None,
    contrasts: tuple[str, ...],
    names: str | None,
    ml: bool,
    family: str | None,
    link: str | None,
    backend: str,
    optimizer: str,
    anova: str | None,
    df: str | None,
    check: bool,
    plot: Path | None,
    html: Path | None,
    seed: int,
    save: Path | None,
) -> None:
    """Fit a mixed model to the columns of the file DATA, and print its summary.

    DATA is CSV, or TSV by its name, compressed or not, Parquet or Arrow. FORMULA is as in lme4; weights and offset may
    be expressions with it. Without a formula, which needs the extra "formula", columns are named one by one.

    \b
    ranef fit trial.csv "score ~ week * trt + (1 + week | school/class)"
    ranef fit trial.csv "score ~ week * trt + (1 | school)" --anova 3 --plot residuals.png --html report.html
    ranef fit cbpp.parquet "incidence / size ~ period + (1 | herd)" --weights size --family binomial
    ranef fit sleepstudy.csv --y Reaction --x Days --random "Subject: 1 + Days"
    ranef fit trial.csv --y healed --x dose,age --groups clinic,clinic:doctor --family binomial
    """  # noqa: D301 (click reads the character \b)
    import ranef

    if link is not None and family is None:
        raise click.UsageError("--link needs --family")
    if df is not None and anova is None and html is None:
        raise click.UsageError("--df is of --anova")
    if ml and family is not None:
        raise click.UsageError("--ml is for linear models: generalized linear mixed models are always fitted by it")
    if plot is not None or html is not None:
        from ..plots.style import require_matplotlib

        require_matplotlib("--plot" if html is None else "--html")
    chosen = {"backend": backend, "optimizer": optimizer, "covariance": dict(map(structure, covariance)) or None}
    if formula is not None:
        if other := [
            o for o, v in (("y", y), ("groups", groups), ("random", random), ("uncorrelated", uncorrelated)) if v
        ]:
            raise click.UsageError(f"--{other[0]}: the formula says this")
        if x != "1" or no_intercept:
            raise click.UsageError("--x: the formula says this")
        arguments: dict[str, Any] = {
            "formula": formula,
            "data": read_data(data),
            "weights": weights,
            "offset": offset,
            "subset": subset,
            "contrasts": dict(map(contrast, contrasts)) or None,
        }
    elif y is None:
        raise click.UsageError('give a formula, as in "y ~ x + (1 | g)", or the response by --y')
    elif subset or contrasts or names:
        raise click.UsageError("--subset, --contrasts and --names are for formulas")
    else:
        arguments = arrays(data, y, x, no_intercept, groups, random, uncorrelated, weights, offset)
    arguments |= chosen
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", RanefWarning)
        if family is None:
            solution: Any = ranef.lmm(**arguments, reml=not ml)
        else:
            solution = ranef.glmm(**arguments, family=family if link is None else f"{family}({link})")
    solution = solution._of_source(str(data))
    click.echo(solution.summary(names) if names else solution.summary())
    for warning in given:
        click.echo(f"Warning: {warning.message}", err=True)
    if save is not None:  # before what may fail
        solution.save(save)
    if anova is not None:
        click.echo(f"\n{solution.anova(int(anova), df)}")
    if check:
        click.echo(f"\n{solution.check(rng=seed)}")
    if plot is not None:
        draw(solution, plot)
    if html is not None:
        solution.report(html, rng=seed, anova=int(anova or 3), df=df)


def draw(solution: Any, file: Path) -> None:
    """Residuals against fitted values, in a file of any format that matplotlib knows."""
    try:
        solution.plot.residuals().figure.savefig(file)
    except ValueError as error:  # of matplotlib, which lists the formats there are
        raise InputError(f"--plot {file}: {error}") from error


def arrays(
    data: Path,
    y: str,
    x: str,
    no_intercept: bool,
    groups: str,
    random: tuple[str, ...],
    uncorrelated: str,
    weights: str | None,
    offset: str | None,
) -> dict[str, Any]:
    """The arguments of `ranef.lmm` that columns of a CSV file make."""
    columns = read_csv(data)
    X, x_names = fixed_effects(columns, names_of(x), intercept=not no_intercept)
    terms = random_effects(names_of(groups), random)
    return {
        "y": numbers(columns, y),
        "X": X,
        "groups": {factor: labels(columns, factor) for factor in terms},
        "random_effects": terms,
        "random_data": {v: numbers(columns, v) for v in variables(terms)},
        "x_names": x_names,
        "y_name": y,
        "weights": None if weights is None else numbers(columns, weights),
        "offset": None if offset is None else numbers(columns, offset),
        "correlated": dict.fromkeys(names_of(uncorrelated), False) or None,
    }


def names_of(text: str) -> list[str]:
    """Split at commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def fixed_effects(columns: Columns, names: list[str], intercept: bool) -> tuple[FloatArray, list[str]]:
    """X (n, p) and the names of its columns; 1 among the names is the intercept."""
    names = [name for name in names if name != "1"]
    if not names and not intercept:
        raise InputError("--x: a model without an intercept needs at least one column")
    n = len(next(iter(columns.values())))
    ones = [np.ones(n)] if intercept else []
    X = np.column_stack([*ones, *(numbers(columns, name) for name in names)])
    return X, [INTERCEPT] * intercept + names


def random_effects(factors: list[str], terms: tuple[str, ...]) -> dict[str, list[list[str]]]:
    """Terms of every factor: an intercept for those of ``--groups`` that have no ``--random`` of their own."""
    effects: dict[str, list[list[str]]] = {}
    for term in terms:
        factor, colon, text = (part.strip() for part in term.rpartition(":"))
        names = [name.strip() for name in text.split("+")]
        if not colon or not factor or not all(names):
            raise InputError(f'--random {term!r}: expected "FACTOR: 1 + COLUMN", for example "Subject: 1 + Days"')
        effects.setdefault(factor, []).append(names)
    for factor in factors:
        effects.setdefault(factor, [["1"]])
    if not effects:
        raise InputError("a mixed model needs --groups or --random")
    return effects


def structure(text: str) -> tuple[str, str]:
    """A factor and the name of its covariance structure."""
    factor, equals, name = (part.strip() for part in text.rpartition("="))
    if not equals or not factor or not name:
        raise InputError(f'--covariance {text!r}: expected "FACTOR=STRUCTURE", for example "Subject=cs"')
    return factor, name


def contrast(text: str) -> tuple[str, str]:
    """A factor and the word of its contrasts."""
    factor, equals, word = (part.strip() for part in text.rpartition("="))
    if not equals or not factor or not word:
        raise InputError(f'--contrasts {text!r}: expected "FACTOR=WORD", for example "dose=sum"')
    return factor, word


def variables(effects: dict[str, list[list[str]]]) -> set[str]:
    """The columns that random slopes are made from."""
    return {name for terms in effects.values() for names in terms for name in names} - {"0", "1"}
