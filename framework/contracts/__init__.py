"""Everything a plugin may import: interfaces, entries, hooks and errors of ranef."""

from __future__ import annotations

from .entries import (
    API_VERSION,
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
    InputError,
    InputTypeError,
    MissingExtraError,
    NoMaximumError,
    NotPositiveDefiniteError,
    PluginError,
    PluginNotFoundError,
    PluginWarning,
    RanefError,
    RanefWarning,
    RankDeficiencyWarning,
    SingularFitWarning,
)
from .family import Derivatives, DispersionParameter, ExponentialFamily, Family
from .hooks import HookSpecs, hookimpl
from .linalg import Factor, GroupingFactor, LinalgBackend, PatternBlocks, Structure, Symbolic
from .link import Link, LogMean, Mean, find_link, set_link_finder
from .observer import Evaluated, Event, FitFinished, FitStarted, Observer, PhaseStarted
from .optim import Objective, OptimizationResult, Optimizer, Status

__all__ = [
    "API_VERSION",
    "ComparisonError",
    "ConvergenceWarning",
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
    "GroupingFactor",
    "HookSpecs",
    "InputError",
    "InputTypeError",
    "LinalgBackend",
    "LinalgEntry",
    "Link",
    "LinkEntry",
    "LogMean",
    "Mean",
    "MissingExtraError",
    "NoMaximumError",
    "NotPositiveDefiniteError",
    "Objective",
    "Observer",
    "ObserverEntry",
    "OptimizationResult",
    "Optimizer",
    "OptimizerEntry",
    "PatternBlocks",
    "PhaseStarted",
    "PluginEntry",
    "PluginError",
    "PluginNotFoundError",
    "PluginWarning",
    "RanefError",
    "RanefWarning",
    "RankDeficiencyWarning",
    "SingularFitWarning",
    "Status",
    "Structure",
    "Symbolic",
    "find_link",
    "hookimpl",
    "set_link_finder",
]
