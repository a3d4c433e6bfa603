"""All figures of the reference models, to the last bit: `python tests/bench/figures.py FILE`.

Writes FILE where it does not exist; else compares with it, prints for every model the largest difference (in parts of
the larger value) and where it is, and ends with status 1 where any is above 1e-12. A change of design changes none.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.glmm import models as glmm
from tests.lmm import models as lmm
from tests.reference.load import names

#: What is written down of every fit; degrees of freedom of linear ones only.
FIGURES = ("theta", "coefficients", "se", "log_likelihood", "df_satterthwaite", "n_iter")
#: Parts of a value by which it may differ where operations changed their order.
SAME = 1e-12


def figures() -> dict[str, dict[str, list[str]]]:
    """Figures by model, as hexadecimal numbers."""
    out: dict[str, dict[str, list[str]]] = {}
    for name in names():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit: Any = (glmm if name.startswith("glmm") else lmm).fit(name)
            values = {f: np.atleast_1d(getattr(fit, f)) for f in FIGURES if hasattr(fit, f)}
        out[name] = {f: [float(v).hex() for v in value] for f, value in values.items()}
    return out


def difference(one: list[str], other: list[str]) -> float:
    """The largest difference, in parts of the larger value."""
    a, b = (np.array([float.fromhex(v) for v in values]) for values in (one, other))
    if a.shape != b.shape:
        return np.inf
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-300)
    return float(np.where(np.isnan(a) & np.isnan(b) | (a == b), 0.0, np.abs(a - b) / size).max(initial=0.0))


def main() -> int:
    """Write, or compare."""
    path, now = Path(sys.argv[1]), figures()
    if not path.exists():
        path.write_text(json.dumps(now, indent=1))
        return 0
    before, worst = json.loads(path.read_text()), 0.0
    for name in sorted(before.keys() | now.keys()):
        there, here = before.get(name, {}), now.get(name, {})
        differences = {f: difference(there.get(f, []), here.get(f, [])) for f in there.keys() | here.keys()}
        largest = max(differences, key=lambda f: differences[f])
        worst = max(worst, differences[largest])
        print(f"{name:34} {differences[largest]:.1e} {largest if differences[largest] else ''}")
    print(f"largest difference: {worst:.1e}")
    return int(not worst <= SAME)


if __name__ == "__main__":
    raise SystemExit(main())
