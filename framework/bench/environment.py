"""Where a benchmark ran: versions, processor, BLAS and its threads."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np

#: Variables that limit the threads of BLAS libraries and of other packages; they are read when a library is loaded.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def pinned(threads: int) -> dict[str, str]:
    """The environment of a process whose libraries use that many threads."""
    return os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))


def environment() -> dict[str, str]:
    """What a reader needs to know to judge the figures."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "ranef": _version("ranef"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": _version("scipy"),
        "scikit-sparse": _version("scikit-sparse"),
        "BLAS": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".rstrip(),
        "threads": os.environ.get(THREAD_VARIABLES[0], "not limited"),
        "processor": processor(),
        "processors": str(os.cpu_count()),
        "platform": platform.platform(),
        "load average": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
    }


def processor() -> str:
    """Model of the processor."""
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
