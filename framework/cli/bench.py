"""`ranef bench`: backends and optimizers on the same models."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..bench import cases as catalogue
from ..bench import plot, record, report, simulate
from ..bench.many import many
from ..bench.methods import methods
from ..bench.model import Case, Workload
from ..bench.streamed import streamed
from ..formula.model_frame import model_frame
from ..plots.style import require_matplotlib
from .data import labels, numbers, read_csv, read_data
from .fit import fixed_effects, names_of, random_effects, variables

FILE = click.Path(dir_okay=False, path_type=Path)
SAVED = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("names", nargs=-1, metavar="[CASE]... | FILE FORMULA")
@click.option("--preset", type=click.Choice(list(catalogue.SETS)), help="A set of cases.")
@click.option(
    "--simulate", "simulated", multiple=True, metavar="SPEC", help="GENERATOR:rows=...,levels=...; repeatable."
)
@click.option("--grow", metavar="PARAMETER=V,V,...", help="A parameter of the simulated model that grows.")
@click.option("--csv", "data", type=SAVED, metavar="FILE", help="Your own data, with the options of `ranef fit`:")
@click.option("--formula", metavar="TEXT", help="The model, as in lme4; or column by column:")
@click.option("--y", metavar="COLUMN", help="The response.")
@click.option("--x", default="1", metavar="COLUMN,...", help="Fixed effects; the intercept is included.")
@click.option("--no-intercept", is_flag=True, help="No intercept among the fixed effects.")
@click.option("--groups", default="", metavar="COLUMN,...", help="Factors with a random intercept each; a:b nests.")
@click.option("--random", multiple=True, metavar='"FACTOR: 1 + COLUMN"', help="A random-effects term; repeatable.")
@click.option("--uncorrelated", default="", metavar="FACTOR,...", help="Factors whose effects are uncorrelated.")
@click.option("--weights", metavar="COLUMN", help="Prior weights, or numbers of trials.")
@click.option("--offset", metavar="COLUMN", help="Offset of the linear predictor.")
@click.option("--ml", is_flag=True, help="Maximum likelihood instead of REML.")
@click.option("--family", metavar="NAME", help="Family of a generalized linear mixed model.")
@click.option("--backend", "backends", multiple=True, metavar="NAME", help='Repeatable; "all"; default "auto".')
@click.option("--optimizer", "optimizers", multiple=True, metavar="NAME", help='Repeatable; "all"; default "auto".')
@click.option(
    "--many",
    "responses",
    type=click.IntRange(min=1),
    metavar="M",
    help="Fit M responses drawn from each model, at once and one by one.",
)
@click.option("--stream", is_flag=True, help="Fit each model from a Parquet file as well, in one pass.")
@click.option("--repeats", type=click.IntRange(min=1), help="Timed fits; default 3 to 51, in about 5 seconds.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of BLAS.")
@click.option("--memory/--no-memory", default=True, help="Measure peak memory, in a process for each method.")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="Seconds for that process.")
@click.option("--json", "json_file", type=FILE, metavar="FILE", help='Save all figures; "-" prints them.')
@click.option("--csv-out", type=FILE, metavar="FILE", help="Save a line for each case and method.")
@click.option("--plot", "plot_file", type=FILE, metavar="FILE", help="Draw times, or with --grow how they grow.")
@click.option("--markdown", is_flag=True, help="Tables in Markdown.")
@click.option("--compare", type=SAVED, nargs=2, metavar="OLD NEW", help="Compare two files of --json; runs nothing.")
@click.option("--list", "listing", is_flag=True, help="List cases and generators.")
def bench(
    names: tuple[str, ...],
    preset: str | None,
    simulated: tuple[str, ...],
    grow: str | None,
    data: Path | None,
    backends: tuple[str, ...],
    optimizers: tuple[str, ...],
    responses: int | None,
    stream: bool,
    repeats: int | None,
    threads: int,
    memory: bool,
    timeout: float,
    json_file: Path | None,
    csv_out: Path | None,
    plot_file: Path | None,
    markdown: bool,
    compare: tuple[Path, Path] | None,
    listing: bool,
    **model: Any,
) -> None:
    """Measure backends and optimizers on shipped, simulated or your own models.

    Every method fits every case in one process, in turns, with BLAS threads pinned; figures are medians. The exit code
    is 1 where every method failed.

    \b
    ranef bench sleepstudy penicillin --backend all
    ranef bench --simulate crossed:rows=100000,levels=2000x200 --backend blocked --backend cholmod --json new.json
    ranef bench --simulate slopes:rows=50000 --grow levels=500,1000,2000,4000 --plot growth.png
    ranef bench sleepstudy cbpp --many 1000
    ranef bench --simulate slopes:levels=1000 --grow rows=100000,1000000 --stream
    ranef bench trial.csv "score ~ dose + (1 + dose | clinic)" --backend all
    ranef bench --csv trial.csv --y score --x dose --groups clinic,patient --optimizer all
    ranef bench --compare old.json new.json
    """  # noqa: D301 (click reads the character \b)
    style = "markdown" if markdown else "table"
    if listing:
        click.echo(overview())
        return
    if compare:
        click.echo(report.compare(record.read(compare[0]), record.read(compare[1]), style))
        return
    if plot_file:
        require_matplotlib("--plot")
    if responses and stream:
        raise click.UsageError("--many and --stream: one of them")
    if len(names) == 2 and Path(names[0]).is_file():
        if data is not None or model["formula"] is not None:
            raise click.UsageError(f"{names[0]}: --csv and --formula say this")
        data, model["formula"], names = Path(names[0]), names[1], ()
    chosen = methods(backends or ("auto",), optimizers or ("auto",))
    done = record.benchmark(
        chosen_cases([*names, *catalogue.SETS.get(preset or "", ())], simulated, grow, data, model),
        many(chosen, responses) if responses else streamed(chosen) if stream else chosen,
        repeats=repeats,
        threads=threads,
        memory=memory,
        timeout=timeout,
        built_ins_only=click.get_current_context().find_root().params.get("built_ins_only", False),
        tell=lambda message: click.echo(message, err=True),
    )
    if json_file == Path("-"):
        click.echo(json.dumps(done, indent=1))
    else:
        click.echo(report.report(done, style))
        if json_file:
            record.save(done, json_file)
    if csv_out:
        record.save_csv(done, csv_out)
    if not any(result["status"] == "ok" for result in done["results"]):
        raise SystemExit(1)
    if plot_file:
        plot.plot(done, plot_file)


def chosen_cases(
    names: list[str], simulated: tuple[str, ...], grow: str | None, data: Path | None, model: dict[str, Any]
) -> list[Case]:
    """All cases asked for; the small shipped ones where none is."""
    if grow is not None:
        parameter, _, values = grow.partition("=")
        if data is not None or len(names) + len(simulated) != 1 or not names_of(values):
            raise click.UsageError(
                "--grow PARAMETER=V,V,... needs one simulated model, by --simulate or a preset's name"
            )
        return catalogue.grown([*names, *simulated][0], parameter, names_of(values))
    formula = model.pop("formula")
    for option, given in (("--y", model["y"]), ("--formula", formula)):
        if data is None and given is not None:
            raise click.UsageError(f"{option} needs --csv")
    if data is not None and (model["y"] is None) == (formula is None):
        raise click.UsageError("--csv needs --formula, or --y, and --groups or --random")
    shared = {name: model[name] for name in ("weights", "offset", "family", "ml")}
    own = []
    if data is not None:
        build = partial(by_formula, data, formula, **shared) if formula else partial(model_from_csv, data, **model)
        build()  # mistakes are told before any process begins
        own = [Case(data.name, build)]
    chosen = [*map(catalogue.named, names), *map(simulate.parse, simulated), *own]
    return chosen or [catalogue.named(name) for name in catalogue.SETS["small"]]


def by_formula(
    data: Path, formula: str, *, weights: str | None, offset: str | None, family: str | None, ml: bool
) -> Workload:
    """The model that a formula makes of a file."""
    frame = model_frame(formula, read_data(data), weights=weights, offset=offset)
    groups = {name: np.asarray(labels) for name, labels in frame.groups.items()}
    return Workload(**(frame.arguments() | {"groups": groups}), family=family, reml=not ml)


def model_from_csv(
    data: Path,
    *,
    y: str,
    x: str,
    no_intercept: bool,
    groups: str,
    random: tuple[str, ...],
    uncorrelated: str,
    weights: str | None,
    offset: str | None,
    ml: bool,
    family: str | None,
) -> Workload:
    """The model that the options of `ranef fit` describe."""
    columns = read_csv(data)
    X, x_names = fixed_effects(columns, names_of(x), intercept=not no_intercept)
    terms = random_effects(names_of(groups), random)
    return Workload(
        y=numbers(columns, y),
        X=X,
        x_names=tuple(x_names),
        groups={factor: labels(columns, factor) for factor in terms},
        random_effects=terms,
        random_data={variable: numbers(columns, variable) for variable in variables(terms)},
        weights=None if weights is None else numbers(columns, weights),
        offset=None if offset is None else numbers(columns, offset),
        correlated=dict.fromkeys(names_of(uncorrelated), False) or None,
        family=family,
        reml=not ml,
    )


def overview() -> str:
    """Cases, and generators with their parameters."""
    lines = ["cases"]
    lines += [f"  {name:18} {build.__doc__}" for name, build in catalogue.SHIPPED.items()]
    lines += [f"  {name:18} {spec}" for name, spec in catalogue.PRESETS.items()]
    lines += ["generators"]
    for name, generator in simulate.GENERATORS.items():
        lines += [f"  {name:18} {(generator.__doc__ or '').splitlines()[0]}", f"  {'':18} {simulate.defaults(name)}"]
    return "\n".join(lines)
