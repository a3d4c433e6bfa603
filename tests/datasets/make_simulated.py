"""Draws the data sets that were simulated for ranef: `python tests/datasets/make_simulated.py FOLDER`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

#: Standard deviations of the logarithm of reaction times, and what relatedness takes off.
BY_SUBJECT, BY_ITEM, SLOPE_SUBJECT, SLOPE_ITEM, RESIDUAL, PRIMING = 0.15, 0.08, 0.04, 0.02, 0.22, -0.06
#: Weights in kg: additive genetic and residual standard deviations, what males are heavier by, and a year.
GENETIC, ENVIRONMENT, MALE, YEARS = 1.8, 2.4, 2.5, (0.0, 1.2, -0.7)


def priming() -> list[dict[str, object]]:
    """24 subjects decide whether 32 strings are words, each after a related or an unrelated prime; a few are lost."""
    rng = np.random.default_rng(20261126)
    subject, item = rng.normal(0, BY_SUBJECT, 24), rng.normal(0, BY_ITEM, 32)
    slopes = rng.normal(0, SLOPE_SUBJECT, 24), rng.normal(0, SLOPE_ITEM, 32)
    rows: list[dict[str, object]] = []
    for s in range(24):
        for place, i in enumerate(rng.permutation(32)):
            related = (s + i) % 2 == 0  # each prime for half of the subjects and half of the items
            effect = related * (PRIMING + slopes[0][s] + slopes[1][i])
            log_time = np.log(640) + subject[s] + item[i] + effect - 0.0015 * place + rng.normal(0, RESIDUAL)
            if rng.random() > 0.03:
                prime, time = "related" if related else "unrelated", round(np.exp(log_time))
                rows.append(
                    {
                        "subject": f"s{s + 1:02d}",
                        "item": f"w{i + 1:02d}",
                        "prime": prime,
                        "trial": place + 1,
                        "rt": time,
                    }
                )
    return rows


def lambs() -> list[dict[str, object]]:
    """Three years of lambs of 12 rams and 40 ewes, some of them lambs of the year before; founders have no weight."""
    rng = np.random.default_rng(20261127)
    value = {f"ram{k + 1}": rng.normal(0, GENETIC) for k in range(12)}
    value |= {f"ewe{k + 1}": rng.normal(0, GENETIC) for k in range(40)}
    rams, ewes = [n for n in value if n.startswith("ram")], [n for n in value if n.startswith("ewe")]
    rows: list[dict[str, object]] = []
    for year, shift in enumerate(YEARS):
        born: list[tuple[str, str]] = []
        for number in range(70):
            sire, dam = str(rng.choice(rams)), str(rng.choice(ewes))
            animal, sex = f"y{year + 1}-{number + 1:02d}", "male" if rng.random() < 0.5 else "female"
            value[animal] = (value[sire] + value[dam]) / 2 + rng.normal(0, GENETIC * np.sqrt(0.5))
            weight = 32 + shift + MALE * (sex == "male") + value[animal] + rng.normal(0, ENVIRONMENT)
            row = {
                "animal": animal,
                "sire": sire,
                "dam": dam,
                "sex": sex,
                "year": str(year + 1),
                "weight": round(weight, 1),
            }
            rows.append(row)
            born.append((animal, sex))
        rams = rams[4:] + [a for a, sex in born if sex == "male"][:4]
        ewes = ewes[10:] + [a for a, sex in born if sex == "female"][:10]
    return rows


if __name__ == "__main__":
    for made in (priming, lambs):
        rows = made()
        with (Path(sys.argv[1]) / f"{made.__name__}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
