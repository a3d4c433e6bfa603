"""`ranef new-plugin`: a complete distribution to start from."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from ..contracts import InputError

KINDS = ("family", "backend", "optimizer")


@click.command("new-plugin")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it; default ranef-NAME in the current directory.",
)
def new_plugin(kind: str, name: str, directory: Path | None) -> None:
    """Write a distribution with one plugin that works: pyproject, code, tests, README and CI file.

    \b
    ranef new-plugin family zero-inflated-poisson
    cd ranef-zero-inflated-poisson && pip install -e ".[test]" && pytest
    """  # noqa: D301 (click reads the character \b)
    home = directory or Path(f"ranef-{name}")
    for path in write_plugin(kind, name, home):
        click.echo(f"wrote {path}")
    click.echo(f'next: cd {home} && pip install -e ".[test]" && ranef check {name} && pytest')


def write_plugin(kind: str, name: str, home: Path) -> list[Path]:
    """Fill in the templates of a kind; the paths written."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise InputError(f"the name {name!r}: use lower case letters and digits, with single hyphens between words")
    if home.exists() and any(home.iterdir()):
        raise InputError(f"{home} is not empty: name another place by --directory")
    module = f"ranef_{name.replace('-', '_')}"
    places = {
        "common/pyproject.toml": "pyproject.toml",
        "common/README.md": "README.md",
        "common/ci.yml": ".github/workflows/tests.yml",
        f"{kind}/__init__.py": f"src/{module}/__init__.py",
        f"{kind}/{kind}.py": f"src/{module}/{kind}.py",
        f"{kind}/test.py": f"tests/test_{module}.py",
    }
    # CamelCase of a name that begins with a digit would be no identifier; names begin with a letter
    fields = {"name": name, "module": module, "kind": kind, "Class": name.title().replace("-", "")}
    fields["usage"] = _filled(f"{kind}/usage.md", fields).rstrip("\n")
    written = []
    for source, place in places.items():
        path = home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(source, fields), encoding="utf-8")
        written.append(path)
    return written


def _filled(template: str, fields: dict[str, str]) -> str:
    """The text of a template, with its fields filled in."""
    path = files(__package__) / "templates" / f"{template}.tmpl"
    return Template(path.read_text(encoding="utf-8")).substitute(fields)
