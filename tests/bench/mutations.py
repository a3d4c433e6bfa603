"""Small deliberate faults, one at a time, and the tests that must see them: `python tests/bench/mutations.py [WORD]`.

Each is applied in a copy of the tree, from which `ranef` is imported there; the working tree is not touched. Words
choose the faults in whose file or text they occur. Prints what was caught, and exits with 1 below 95 %. A fault that
nothing catches is a test that is missing.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
#: Part of the faults that must be caught.
REQUIRED = 0.95
#: Seconds after which the tests count as hanging, which is noticed too.
PATIENCE = 600
#: Folders of the import package, by the names that they have in it.
PACKAGES = {"": "framework", "backends": "backends", "families": "families"}

CAUGHT, NOT_CAUGHT, NOT_FOUND, BROKEN = "caught", "NOT CAUGHT", "old text not found", "tests do not run"


@dataclass(frozen=True)
class Mutation:
    """A fault: `new` instead of `old`, which occurs once in `file`; one at least of the `tests` fails then."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def __init__(self, file: str, old: str, new: str, *tests: str) -> None:
        for name, value in (("file", file), ("old", old), ("new", new), ("tests", tests)):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"{self.file}: {_one_line(self.old)} -> {_one_line(self.new)}"

    @property
    def found(self) -> bool:
        """Whether the old text is there, once."""
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.old) == 1


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


MUTATIONS: tuple[Mutation, ...] = ()


# Running them ---------------------------------------------------------------------------------------------------------


class Tree:
    """A copy of the working tree whose tests import `ranef` from it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.path = folder / "tree", folder / "path"
        hidden = shutil.ignore_patterns(".*", "build", "dist", "__pycache__")
        shutil.copytree(ROOT, self.root, ignore=hidden)
        for name, source in PACKAGES.items():
            package = self.path / "ranef" / name
            package.mkdir(parents=True)
            for item in (self.root / source).iterdir():
                (package / item.name).symlink_to(item)
        compileall.compile_dir(self.path, quiet=1)

    @contextmanager
    def mutated(self, m: Mutation) -> Iterator[None]:
        """The tree with the fault, and then without."""
        file, times = self.root / m.file, (self.root / m.file).stat()
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(m.old, m.new), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def run(self, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The tests, up to the first that fails."""
        # no bytecode is written: that of a fault could be taken for that of the right text
        environment = os.environ | {"PYTHONPATH": str(self.path), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-m", "not slow", *tests]
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )


def verdict(tree: Tree, m: Mutation) -> str:
    """Whether the tests see the fault."""
    if not m.found:
        return NOT_FOUND
    with tree.mutated(m):
        try:
            code = tree.run(m.tests).returncode
        except subprocess.TimeoutExpired:
            return CAUGHT
    return {0: NOT_CAUGHT, 1: CAUGHT}.get(code, BROKEN)


def run_all(mutations: Sequence[Mutation], jobs: int) -> Iterator[tuple[Mutation, str, float]]:
    """Verdicts and seconds, in order, by so many copies of the tree."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        trees: SimpleQueue[Tree] = SimpleQueue()
        for job in range(jobs):
            trees.put(Tree(Path(folder) / str(job)))

        def judged(m: Mutation) -> tuple[Mutation, str, float]:
            tree, start = trees.get(), time.perf_counter()
            try:
                return m, verdict(tree, m), time.perf_counter() - start
            finally:
                trees.put(tree)

        yield from pool.map(judged, mutations)


def main() -> int:
    """Print a line for each fault, and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD", help="faults in whose file or text one of these occurs")
    parser.add_argument("--jobs", type=int, default=2, help="copies of the tree at work (default 2)")
    arguments = parser.parse_args()
    words = arguments.words or [""]
    chosen = [m for m in MUTATIONS if any(word in str(m) for word in words)]
    caught = 0
    for m, seen, seconds in run_all(chosen, arguments.jobs):
        caught += seen == CAUGHT
        print(f"{seen:18} {seconds:5.1f} s  {m}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return int(caught < REQUIRED * len(chosen))


if __name__ == "__main__":
    sys.exit(main())
