"""The process that measures: `python -m ranef.bench.worker DIRECTORY` runs the task it finds there.

A process of its own, because libraries read the number of threads when they are loaded.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..registry import SWITCH
from .environment import environment, pinned
from .measure import Comparison, Probe, Result, said

TASK, RESULT = "task.pickle", "result.json"


def run(
    task: Probe | Comparison, *, threads: int, timeout: float | None = None, built_ins_only: bool = False
) -> tuple[list[Result], dict[str, str]]:
    """Run a task in a new process: its results, and that process's environment.

    A process that crashes or takes longer than `timeout` seconds gives one result that says so.
    """
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, TASK).write_bytes(pickle.dumps(task))
        process = subprocess.Popen(
            [sys.executable, "-m", "ranef.bench.worker", directory],
            env=pinned(threads) | ({SWITCH: "off"} if built_ins_only else {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            _, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _stop(process)
            return [{"status": "timeout", "reason": f"took longer than {timeout:g} s"}], {}
        except KeyboardInterrupt:
            _stop(process)
            raise
        if process.returncode:
            last = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
            return [{"status": "failed", "reason": last}], {}
        found = json.loads(Path(directory, RESULT).read_text())
        return found["results"], found["environment"]


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process and what it started (R, say)."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def main(directory: str) -> None:
    """Read the task, run it, write its results."""
    task: Any = pickle.loads(Path(directory, TASK).read_bytes())
    about = environment()
    results: list[Result]
    try:
        results = task.run()
    except Exception as error:  # of whatever makes the data
        results = [{"status": "failed", "reason": said(error)}]
    Path(directory, RESULT).write_text(json.dumps({"results": results, "environment": about}))


if __name__ == "__main__":
    main(sys.argv[1])
