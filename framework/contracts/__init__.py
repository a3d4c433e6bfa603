"""Everything a plugin may import: interfaces, entries, hooks and errors of ranef."""

from __future__ import annotations

from .covariance import Component, CovarianceStructure
from .entries import (
    API_VERSION,
    CovarianceEntry,
    FamilyEntry,
    LinalgEntry,
    LinkEntry,
    ObserverEntry,
    OptimizerEntry,
    PluginEntry,
)
from .errors import (
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
    SeveralOptimaWarning,
    SingularFitWarning,
    StorageError,
)
from .family import Derivatives, DispersionParameter, ExponentialFamily, Family
from .hooks import HookSpecs, hookimpl
from .in_r import InR
from .linalg import Blocks, Factor, Grouping, LinalgBackend, Pattern, PatternBlocks, Symbolic
from .link import Link, LogMean, Mean
from .observer import Advanced, Evaluated, Event, FitFinished, FitStarted, Observer, PhaseStarted
from .optim import Objective, OptimizationResult, Optimizer, Status
from .ordered import OrderedFamily
from .precision import KnownPrecision

__all__ = [
    "API_VERSION",
    "Advanced",
    "Blocks",
    "ComparisonError",
    "Component",
    "ConvergenceWarning",
    "CovarianceEntry",
    "CovarianceStructure",
    "DataWarning",
    "Derivatives",
    "DispersionParameter",
    "Evaluated",
    "Event",
    "ExponentialFamily",
    "Factor",
    "Family",
    "FamilyEntry",
    "FitFinished",
    "FitStarted",
    "Grouping",
    "HookSpecs",
    "IdentificationWarning",
    "InR",
    "InputError",
    "InputTypeError",
    "KnownPrecision",
    "LinalgBackend",
    "LinalgEntry",
    "Link",
    "LinkEntry",
    "LogMean",
    "Mean",
    "MissingExtraError",
    "NameConflictWarning",
    "NoMaximumError",
    "NotPositiveDefiniteError",
    "Objective",
    "Observer",
    "ObserverEntry",
    "OptimizationResult",
    "Optimizer",
    "OptimizerEntry",
    "OrderedFamily",
    "Pattern",
    "PatternBlocks",
    "PhaseStarted",
    "PluginEntry",
    "PluginError",
    "PluginNotFoundError",
    "PluginWarning",
    "RanefError",
    "RanefWarning",
    "RankDeficiencyWarning",
    "SeveralOptimaWarning",
    "SingularFitWarning",
    "Status",
    "StorageError",
    "Symbolic",
    "hookimpl",
]
