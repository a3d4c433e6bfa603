"""ranef: linear and generalized linear mixed models, with swappable backends, optimizers and families.

>>> import ranef
>>> callable(ranef.lmm)
True
"""

from __future__ import annotations

if __name__ != "ranef":
    raise ImportError("this folder is the package `ranef`: install the project (pip install .) and `import ranef`")

from importlib.metadata import PackageNotFoundError, version

from . import contracts, datasets, registry
from .contracts import hookimpl
from .frontends.glmm import glmm
from .frontends.lmm import lmm
from .solution.glmm import GLMMParams, GLMMSolution
from .solution.lmm import LMMParams, LMMSolution
from .solution.tables import VarCompSummary

try:
    __version__ = version("ranef")
except PackageNotFoundError:  # used from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = [
    "GLMMParams",
    "GLMMSolution",
    "LMMParams",
    "LMMSolution",
    "VarCompSummary",
    "__version__",
    "contracts",
    "datasets",
    "glmm",
    "hookimpl",
    "lmm",
    "registry",
]
