"""`ranef show`: a saved model."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--backend", help="Linear-algebra backend, where that of the fit is not installed; 'auto' chooses one.")
def show(model: Path, backend: str | None) -> None:
    """Print the summary of the saved model MODEL, and where it is from.

    \b
    ranef show sleepstudy.ranef
    """  # noqa: D301 (click reads the character \b)
    import ranef

    solution = ranef.load(model, backend=backend)
    click.echo(solution.summary())
    click.echo(f"\nCertificate: {solution.certificate}")
    click.echo(f"Made by: {', '.join(map(str, solution.provenance))}")
    click.echo(f"Rows: {'in the file' if solution.has_rows else 'not in the file'}")


__all__ = ["show"]
