"""Print the benchmark table of README.md: `python tests/bench/table.py [--peers all] [--json FILE]`.

Run it on a quiet machine; it takes some minutes, with the peers an hour. `--from FILE` prints a saved
run without running anything.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

from ranef.bench import cases, record, report
from ranef.bench.methods import methods
from ranef.bench.model import Case
from ranef.cli.bench import model_from_csv

INSTEVAL = Path(__file__).parents[1] / "reference" / "data" / "insteval.csv.gz"
MODELS = {
    "sleepstudy": "Reaction ~ Days + (Days \\| Subject)",
    "penicillin": "diameter ~ 1 + (1 \\| plate) + (1 \\| sample)",
    "InstEval": "y ~ service + (1 \\| s) + (1 \\| d) + (1 \\| dept), ML",
    "chem97-like": "simulated, two nested factors",
    "slopes-1m": "simulated, (1 + x \\| g)",
    "crossed-1m": "simulated, two crossed factors",
    "slopes-5x5": "simulated, five correlated slopes",
    "cbpp": "binomial, (1 \\| herd)",
    "bernoulli-crossed": "simulated Bernoulli, two crossed factors",
    "bernoulli-slopes": "simulated Bernoulli, (1 + x \\| g)",
}
#: A fit that ends further than this above the best deviance did not reach the optimum.
REACHED = 1e-3


def insteval() -> Case:
    """The real data, which do not ship with ranef."""
    nothing = {"no_intercept": False, "random": (), "uncorrelated": "", "weights": None, "offset": None, "family": None}
    model = partial(model_from_csv, INSTEVAL, y="y", x="service", groups="s,d,dept", ml=True, **nothing)
    return Case("InstEval", model)


def table(done: dict[str, Any]) -> str:
    """One row for each case, one column for each method."""
    found = {(r["case"], r["peer"] or "ranef"): r for r in done["results"]}
    columns = list(dict.fromkeys(method for _, method in found))
    rows = []
    for case in dict.fromkeys(case for case, _ in found):
        own = found[case, "ranef"]
        size = own.get("size", {})
        row = [case, MODELS.get(case, ""), f"{size.get('n', 0):,}", f"{size.get('q', 0):,}"]
        rows.append([*row, *(cell(found[case, method]) for method in columns), own.get("evaluations", "")])
    headers = ["case", "model", "rows", "random effects", *columns, "evaluations of ranef"]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def cell(result: dict[str, Any]) -> str:
    """Median time, with how far above the best deviance the fit ended where that is too far."""
    if result["status"] != "ok":
        return "-" if "CannotFitError" in result.get("reason", "") else result["status"]
    time = report.seconds(result["seconds"]["median"])
    return time if result["excess"] < REACHED else f"{time} (+{result['excess']:.2g})"


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default="")
    parser.add_argument("--timeout", type=float, default=600.0)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--from", dest="saved", type=Path)
    options = parser.parse_args()
    if options.saved:
        done = record.read(options.saved)
    else:
        listed = [*cases.SETS["readme"], *cases.SETS["glmm"]]
        chosen = [insteval() if name == "insteval-like" else cases.named(name) for name in listed]
        import peers  # found beside this script where it runs as one

        compared = [*methods(["auto"], ["auto"]), *peers.chosen(options.peers)]
        # the processes that measure find the peers where this script did
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        done = record.benchmark(
            chosen,
            compared,
            repeats=options.repeats,
            timeout=options.timeout,
            tell=lambda message: print(message, file=sys.stderr),
        )
        if options.json:
            record.save(done, options.json)
    print(table(done), report.environment(done), sep="\n\n")


if __name__ == "__main__":
    main()
