"""`ranef new-plugin`: a complete distribution to start from."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from .. import registry
from ..contracts import API_VERSION, InputError
from .metadata import UNKNOWN, bounds_of, own_bounds, python_bounds, whereabouts

#: Characters of a description: with what stands around it, a line of code has at most 120.
LONGEST = 70


@click.command("new-plugin")
@click.argument("kind", type=click.Choice(list(registry.WORDS)))
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is, in one line; default by its kind and name.")
@click.option("--ranef", "where", metavar="SOURCE", help="What pip installs ranef from; default its repository.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it; default ranef-NAME in the current directory.",
)
def new_plugin(kind: str, name: str, description: str | None, where: str | None, directory: Path | None) -> None:
    """Write a distribution with one plugin that works: pyproject, code, tests, README and CI file.

    There is a template for every kind of plugin.

    \b
    ranef new-plugin family lindley --description "Lindley's distribution of waiting times"
    cd ranef-lindley && pip install -e ".[test]" && pytest
    """  # noqa: D301 (click reads the character \b)
    home, where = directory or Path(f"ranef-{name}"), where or whereabouts()
    for path in write_plugin(registry.kind_of(kind), name, home, description, where):
        click.echo(f"wrote {path}")
    click.echo(f'next: cd {home} && pip install -e ".[test]" && ranef check {name} && pytest')
    if where == UNKNOWN:
        click.echo(f"replace {UNKNOWN} in README.md and tests.yml by the place that others can install ranef from")


def write_plugin(kind: registry.AnyKind, name: str, home: Path, description: str | None, where: str) -> list[Path]:
    """Fill in the templates of a kind; the paths written."""
    _require_name(kind, name)
    if home.exists() and any(home.iterdir()):
        raise InputError(f"{home} is not empty: name another place by --directory")
    module, noun = f"ranef_{name.replace('-', '_')}", kind.noun
    places = {
        "common/pyproject.toml": "pyproject.toml",
        "common/README.md": "README.md",
        "common/ci.yml": ".github/workflows/tests.yml",
        f"{noun}/__init__.py": f"src/{module}/__init__.py",
        f"{noun}/{noun}.py": f"src/{module}/{noun}.py",
        f"{noun}/test.py": f"tests/test_{module}.py",
    }
    fields = {
        "name": name,
        "module": module,
        "kind": noun,
        # CamelCase of a name that begins with a digit would be no identifier; names begin with a letter
        "Class": name.title().replace("-", ""),
        "description": _described(kind, name, description),
        "where": where,
        "api_version": API_VERSION,
        "ranef": own_bounds(),
        "python": python_bounds(),
        **{needed: bounds_of(needed) for needed in ("numpy", "scipy", "pytest", "setuptools")},
    }
    fields["usage"] = _filled(f"{noun}/usage.md", fields).rstrip("\n")
    written = []
    for source, place in places.items():
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(source, fields), encoding="utf-8")
        written.append(path)
    return written


def _require_name(kind: registry.AnyKind, name: str) -> None:
    """A name that makes a module, and is free."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise InputError(f"the name {name!r}: use lower case letters and digits, with single hyphens between words")
    for info in registry.entries(kind):
        aliases = [ability.removeprefix("alias ") for ability in info.abilities if ability.startswith("alias ")]
        if info.distribution == registry.BUILT_IN and name in (n.replace("_", "-") for n in (info.name, *aliases)):
            raise InputError(
                f"the name {name!r} is that of a {kind.noun} of ranef ({info.name}: {info.summary}), which keeps it: "
                f"yours could be had as 'ranef-{name}:{name}' only; take another name, for example 'my-{name}'"
            )


def _described(kind: registry.AnyKind, name: str, description: str | None) -> str:
    """A line that stands in strings and docstrings of Python and TOML."""
    text = description or kind.description.format(name.replace("-", " "))
    text = text.strip().removesuffix(".")
    if not text or not text.isprintable() or len(text) > LONGEST or set(text) & set('"\\'):
        raise InputError(
            f"the description {description!r}: expected one line of at most {LONGEST} characters, without double "
            "quotes and backslashes"
        )
    return text


def _filled(template: str, fields: dict[str, str]) -> str:
    """The text of a template, with its fields filled in."""
    path = files(__package__) / "templates" / f"{template}.tmpl"
    return Template(path.read_text(encoding="utf-8")).substitute(fields)
