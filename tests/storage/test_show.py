"""`ranef show`: what a saved model is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ranef.cli import main

from .models import model


@pytest.mark.parametrize(("rows", "said"), [(False, "Rows: not in the file"), (True, "Rows: in the file")])
def test_show(rows: bool, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.ranef"
    model("slopes").save(path, rows=rows)
    result = CliRunner().invoke(main, ["show", str(path)])
    assert result.exit_code == 0
    assert result.output.startswith(model("slopes").summary())
    assert "Certificate: converged" in result.output
    assert "linalg blocked (ranef" in result.output
    assert said in result.output


def test_show_takes_another_backend(tmp_path: Path) -> None:
    path = tmp_path / "model.ranef"
    model("poisson").save(path)
    assert CliRunner().invoke(main, ["show", str(path), "--backend", "dense"]).exit_code == 0
    assert CliRunner().invoke(main, ["show", str(path), "--backend", "none"]).exit_code == 1


def test_what_is_no_model_is_a_message(tmp_path: Path) -> None:
    path = tmp_path / "model.ranef"
    path.write_text("no model", encoding="utf-8")
    result = CliRunner().invoke(main, ["show", str(path)])
    assert result.exit_code == 1
    assert "no saved model of ranef" in result.output
