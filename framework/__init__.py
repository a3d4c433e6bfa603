"""ranef: linear and generalized linear mixed models, with swappable backends, optimizers and families.

>>> import ranef
>>> callable(ranef.lmm)
True
"""

from __future__ import annotations

if __name__ != "ranef":
    raise ImportError("this folder is the package `ranef`: install the project (pip install .) and `import ranef`")

import logging as _logging
from importlib import import_module as _import_module
from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import contracts, datasets, registry
from .contracts import hookimpl
from .contracts.errors import (
    ComparisonError,
    ConvergenceWarning,
    DataWarning,
    IdentificationWarning,
    InputError,
    InputTypeError,
    MissingExtraError,
    NameConflictWarning,
    NoMaximumError,
    NotPositiveDefiniteError,
    PluginError,
    PluginNotFoundError,
    PluginWarning,
    RanefError,
    RanefWarning,
    RankDeficiencyWarning,
    SampledError,
    SeveralOptimaWarning,
    SingularFitWarning,
    StorageError,
)
from .design.censored import Surv
from .design.pedigree import Pedigree, pedigree
from .display.records import Table
from .display.tables import VarCompSummary
from .formula.model_frame import ModelFrame, model_frame
from .frontends.glmm import glmm
from .frontends.lmm import lmm
from .solution.glmm import GLMMParams, GLMMSolution
from .solution.lmm import LMMParams, LMMSolution

if _TYPE_CHECKING:
    from .bootstrap.lrt import BootstrapTest
    from .bootstrap.record import Bootstrap
    from .display.side_by_side import ModelTable
    from .frontends.many import glmm_many, lmm_many
    from .frontends.power import Plan, planned, power, power_curve
    from .frontends.simulate import simulate
    from .inference.anova import Anova
    from .inference.comparison import Comparison
    from .inference.contrasts import Contrasts
    from .inference.exact_lrt import ExactTest
    from .inference.explained import R2
    from .inference.intervals import Intervals
    from .inference.methods import JointTest
    from .inference.profile import Profile
    from .large.gram import Gram
    from .large.predictions import PredictionStream
    from .large.stream import StreamError
    from .large.stream import gram_of as gram
    from .many.record import ManyFits
    from .planning.run import Power
    from .prediction.predict import Prediction
    from .solution.by_simulation import bootstrap_test
    from .solution.comparing import anova
    from .solution.loading import load
    from .solution.side_by_side import table

#: What a fit does not need, by its name here: module and name there, imported on first use.
_LATER = {
    "Anova": (".inference.anova", "Anova"),
    "Bootstrap": (".bootstrap.record", "Bootstrap"),
    "BootstrapTest": (".bootstrap.lrt", "BootstrapTest"),
    "Comparison": (".inference.comparison", "Comparison"),
    "Contrasts": (".inference.contrasts", "Contrasts"),
    "ExactTest": (".inference.exact_lrt", "ExactTest"),
    "Gram": (".large.gram", "Gram"),
    "Intervals": (".inference.intervals", "Intervals"),
    "JointTest": (".inference.methods", "JointTest"),
    "ManyFits": (".many.record", "ManyFits"),
    "ModelTable": (".display.side_by_side", "ModelTable"),
    "Plan": (".frontends.power", "Plan"),
    "Power": (".planning.run", "Power"),
    "Prediction": (".prediction.predict", "Prediction"),
    "PredictionStream": (".large.predictions", "PredictionStream"),
    "Profile": (".inference.profile", "Profile"),
    "R2": (".inference.explained", "R2"),
    "StreamError": (".large.stream", "StreamError"),
    "anova": (".solution.comparing", "anova"),
    "bootstrap_test": (".solution.by_simulation", "bootstrap_test"),
    "glmm_many": (".frontends.many", "glmm_many"),
    "gram": (".large.stream", "gram_of"),
    "lmm_many": (".frontends.many", "lmm_many"),
    "load": (".solution.loading", "load"),
    "planned": (".frontends.power", "planned"),
    "power": (".frontends.power", "power"),
    "power_curve": (".frontends.power", "power_curve"),
    "simulate": (".frontends.simulate", "simulate"),
    "table": (".solution.side_by_side", "table"),
}

#: What fits and long work have to say of their way; silent unless an application listens (docs/guide.md).
_logging.getLogger("ranef").addHandler(_logging.NullHandler())

try:
    __version__ = _version("ranef")
except _PackageNotFoundError:  # used from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = [
    "R2",
    "Anova",
    "Bootstrap",
    "BootstrapTest",
    "Comparison",
    "ComparisonError",
    "Contrasts",
    "ConvergenceWarning",
    "DataWarning",
    "ExactTest",
    "GLMMParams",
    "GLMMSolution",
    "Gram",
    "IdentificationWarning",
    "InputError",
    "InputTypeError",
    "Intervals",
    "JointTest",
    "LMMParams",
    "LMMSolution",
    "ManyFits",
    "MissingExtraError",
    "ModelFrame",
    "ModelTable",
    "NameConflictWarning",
    "NoMaximumError",
    "NotPositiveDefiniteError",
    "Pedigree",
    "Plan",
    "PluginError",
    "PluginNotFoundError",
    "PluginWarning",
    "Power",
    "Prediction",
    "PredictionStream",
    "Profile",
    "RanefError",
    "RanefWarning",
    "RankDeficiencyWarning",
    "SampledError",
    "SeveralOptimaWarning",
    "SingularFitWarning",
    "StorageError",
    "StreamError",
    "Surv",
    "Table",
    "VarCompSummary",
    "__version__",
    "anova",
    "bootstrap_test",
    "contracts",
    "datasets",
    "glmm",
    "glmm_many",
    "gram",
    "hookimpl",
    "lmm",
    "lmm_many",
    "load",
    "model_frame",
    "pedigree",
    "planned",
    "power",
    "power_curve",
    "registry",
    "simulate",
    "table",
]


def __getattr__(name: str) -> _Any:
    """Names and subpackages on first use: `ranef.power`, `ranef.families`, `ranef.testkit` ..."""
    if name in _LATER:
        module, attribute = _LATER[name]
        globals()[name] = found = getattr(_import_module(module, __name__), attribute)
        return found
    try:
        return _import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name == f"{__name__}.{name}":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        raise


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
