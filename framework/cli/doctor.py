"""`ranef doctor`: versions, BLAS, plugins, and one fit against a stored reference."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.metadata
import os
import platform
from collections.abc import Iterator

import click
import numpy as np
from tabulate import tabulate

from .. import registry
from .metadata import requirements

#: REML criterion of lme4's `lmer(Reaction ~ Days + (Days | Subject), sleepstudy)`, as a log-likelihood.
SLEEPSTUDY_LOG_LIKELIHOOD = -871.814135979245


@click.command()
def doctor() -> None:
    """Look for what may be wrong with this installation; the exit code is 1 where something is."""
    click.echo(tabulate([*versions(), *blas()], tablefmt="plain", disable_numparse=True))
    problems = [*plugin_problems(), *self_check()]
    for problem in problems:
        click.secho(f"wrong: {problem}", fg="red")
    if problems:
        raise SystemExit(1)
    click.echo("all is well: every plugin can be made, and a reference fit gives the known log-likelihood")


def versions() -> Iterator[tuple[str, str]]:
    """Python, ranef, and all that it runs with, each once, with the first extra that brings it."""
    yield "platform", platform.platform()
    yield "python", platform.python_version()
    yield "ranef", importlib.metadata.version("ranef")
    wanted: dict[str, str] = {}
    for needed in requirements():
        if needed.name != "ranef" and needed.extra not in ("test", "docs", "dev", "all"):
            wanted.setdefault(needed.name, needed.extra)
    for name, extra in wanted.items():
        yield name, registry.version_of(name) or f'not installed (pip install "ranef[{extra}]")'
    yield "SuiteSparse CHOLMOD", cholmod_version()


def cholmod_version() -> str:
    """Version of the system's CHOLMOD library."""
    library = ctypes.util.find_library("cholmod")
    if library is None:
        return "not found among the system's libraries"
    numbers = (ctypes.c_int * 3)()
    ctypes.CDLL(library).cholmod_version(numbers)
    return ".".join(map(str, numbers))


def blas() -> Iterator[tuple[str, str]]:
    """Which BLAS numpy uses, and what says how many threads it may take."""
    about = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield "BLAS of numpy", f"{about.get('name', 'unknown')} {about.get('version', '')}".rstrip()
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    yield "BLAS threads", ", ".join(limits) or f"not limited ({os.cpu_count()} processors)"


def plugin_problems() -> Iterator[str]:
    """Plugins that failed, are refused, have the name of another one, or cannot be made."""
    for info in registry.entries():
        source = f"{info.distribution} {info.version}".rstrip()
        if info.state in ("failed", "refused", "conflict"):
            yield f"{info.kind} {info.name} of {source}: {info.state}: {info.reason}"
        elif info.state == "ready" and info.kind != "entry point":
            try:
                registry.find(info.kind, f"{info.distribution}:{info.name}")
            except Exception as error:  # whatever it is, the user would meet it at the first fit
                yield f"{info.kind} {info.name} of {source}: {error}"


def self_check() -> Iterator[str]:
    """Fit the sleepstudy data, and compare with lme4's log-likelihood."""
    from .demo import fit_sleepstudy

    try:
        found = fit_sleepstudy().log_likelihood
    except Exception as error:  # whatever it is, it is what the user wants to know
        yield f"the reference fit failed: {type(error).__name__}: {error}"
        return
    if not abs(found - SLEEPSTUDY_LOG_LIKELIHOOD) < 1e-6:
        yield f"the reference fit has log-likelihood {found!r}; it should be {SLEEPSTUDY_LOG_LIKELIHOOD!r}"
