"""Files that earlier versions wrote are loaded for ever, and say what they said then."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import ranef

from .models import FILES, KEPT, numbers, predictions

PATHS = sorted(FILES.glob("*.ranef"))


def test_there_are_files_of_every_kind_that_is_kept() -> None:
    assert {path.stem for path in PATHS} >= {f"schema1_{name}" for name in KEPT}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_kept_file_says_what_it_said(path: Any) -> None:
    wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    solution = ranef.load(path)
    found = json.loads(json.dumps(numbers(solution) | {"predictions": predictions(solution)}))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        agree(found[name], value, name)


def agree(found: Any, wanted: Any, name: str) -> None:
    """Text and structure are equal, numbers to rounding of other machines."""
    if isinstance(wanted, float):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9, err_msg=name)
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted), name
        for key, value in wanted.items():
            agree(found[key], value, f"{name}.{key}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), name
        for one, other in zip(found, wanted, strict=True):
            agree(one, other, name)
    else:
        assert found == wanted, name
