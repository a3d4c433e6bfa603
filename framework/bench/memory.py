"""Peak memory of a process."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Forget the peak so far, where the system can: making the data needs memory of its own."""
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")


def peak() -> float:
    """Largest resident memory since `reset_peak`, or of the process's life, in MB."""
    if STATUS.exists():  # on Linux getrusage's figure starts with that of the parent process
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return float("nan")
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 2**10


def limit_to_physical() -> None:
    """Let this process fail with MemoryError before it takes the machine's last memory."""
    if sys.platform == "linux":
        import os
        import resource

        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (int(0.9 * physical), hard))
