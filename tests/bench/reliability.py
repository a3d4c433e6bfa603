"""How often a fit ends as it should: `python tests/bench/reliability.py N SEED [--jobs J] [--show]`.

Random linear and generalized models on every scale (the designs of tests/laws), data without random effects, and odd
values in every argument (those of tests/test_odd_arguments.py). A fit is right where it converged, can be shown without
any unnamed warning, and an independent search from several starts finds no better optimum. Prints counts by kind; the
exit status is 1 where more than one in a thousand ends otherwise than in a right fit or a named error, or where a fit
is certified that is not the optimum.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests import test_odd_arguments as odd
from tests.laws import designs
from tests.laws.judge import BARE_ERROR, NAMED, RIGHT, WRONG, Verdict, judge

#: Kinds of cases, and how often each is drawn.
KINDS = {"linear": 0.4, "generalized": 0.3, "pure_noise": 0.1, "odd_argument": 0.2}


def one(seed: int, i: int) -> tuple[str, int, Verdict]:
    """Kind, seed and end of case i."""
    rng = np.random.default_rng([seed, i])
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    own = int(rng.integers(2**31))
    return kind, own, odd_argument(rng) if kind == "odd_argument" else judge(getattr(designs, kind)(own), own)


def odd_argument(rng: np.random.Generator) -> Verdict:
    """A small fit with an odd value in, or within, one argument."""
    function, argument = odd.ARGUMENTS[rng.integers(len(odd.ARGUMENTS))]
    name = str(rng.choice(list(odd.ODD)))
    changes = list(odd.changes_of(argument, odd.ODD[name]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = odd.ending(function, argument, changes[rng.integers(len(changes))])
    return Verdict(BARE_ERROR, f"{function}, {argument}, {name}: {wrong}") if wrong else Verdict(NAMED)


def main() -> int:
    """Run, count, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--show", action="store_true", help="each case that did not end well, as it comes")
    given = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(given.jobs) as pool:
        try:
            for kind, own, verdict in pool.map(partial(one, given.seed), range(given.n), chunksize=8):
                counts[kind, verdict.kind] += 1
                if given.show and not verdict.is_good:
                    print(f"{kind}({own}): {verdict.kind}: {verdict.text}", flush=True)
                if given.show and sum(counts.values()) % 100 == 0:
                    print(f"... {sum(counts.values())}", flush=True)
        except KeyboardInterrupt:  # what there is by now is the answer
            pool.shutdown(cancel_futures=True, wait=False)
    ends = sorted({end for _, end in counts}, key=lambda end: (end not in (RIGHT, NAMED), end))
    rows = [[kind, *(counts[kind, end] for end in ends)] for kind in KINDS]
    total = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
    print(tabulate([*rows, ["all", *total]], headers=["", *ends], tablefmt="github"))
    good = sum(n for (_, end), n in counts.items() if end in (RIGHT, NAMED))
    wrong = sum(n for (_, end), n in counts.items() if end == WRONG)
    n = sum(counts.values())
    print(f"\n{good} of {n} ({100 * good / n:.2f} %) a right fit or a named error; {wrong} certified wrong")
    return int(good < 0.999 * n or wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
