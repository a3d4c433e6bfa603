"""Errors and warnings of ranef: each says what happened, where, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np


def shown(value: object, length: int = 80) -> str:
    """The `repr` of what was given, on one line and of at most that length, for messages.

    Examples
    --------
    >>> shown("no"), shown("x" * 100, length=10)
    ("'no'", "'xxxxxx...")
    """
    try:
        text = " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())
    except Exception:  # a message must not fail on what it complains of
        text = f"<{type(value).__name__}>"
    return text if len(text) <= length else text[: length - 3] + "..."


class RanefError(Exception):
    """Base of every error that ranef raises on purpose."""


class InputError(RanefError, ValueError):
    """An argument has the right type and a wrong value (NaN, lengths that differ, an unknown name ...)."""


class InputTypeError(RanefError, TypeError):
    """An argument has a wrong type (strings where numbers belong, labels of mixed types ...)."""


class ComparisonError(RanefError, ValueError):
    """Two fits cannot be compared by a likelihood ratio test."""


class PluginError(RanefError):
    """A plugin is wrong: wrong type, wrong version, a conflict of names, or it failed to import."""


class PluginNotFoundError(PluginError, ValueError):
    """No registered plugin has the name that was asked for."""


class MissingExtraError(PluginError, ImportError):
    """A plugin needs a distribution that is not installed; the message names the extra that brings it."""


class NotPositiveDefiniteError(RanefError, ArithmeticError):
    """A Cholesky factorization broke down; optimizers treat it as an infinite objective value."""


class SampledError(RanefError, ValueError):
    """A backend that samples log|M| was asked for what only a factorization of M can tell."""


class NoMaximumError(RanefError, ValueError):
    """The likelihood has no maximum at finite parameters (complete or quasi-complete separation, for example)."""


class StorageError(RanefError, ValueError):
    """A file is no saved model, is damaged, or was written by a newer version of ranef."""


class RanefWarning(UserWarning):
    """Base of every warning that ranef gives.

    Attributes
    ----------
    result : object or None
        What is warned of, where it is there: a fit, a bootstrap, many fits. Where warnings are errors, ``except
        RanefWarning as warning`` has it in ``warning.result`` all the same.

    Examples
    --------
    >>> import warnings, ranef
    >>> d = ranef.datasets.load("dyestuff2")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ranef.SingularFitWarning)
    ...     try:
    ...         fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", d)
    ...     except ranef.SingularFitWarning as warning:
    ...         fit = warning.result
    >>> fit.is_singular, round(fit.sigma, 3)
    (True, 3.716)
    """

    result: Any = None


class ConvergenceWarning(RanefWarning):
    """The certificate of the fit failed: the estimates may not be the optimum."""


class SingularFitWarning(RanefWarning):
    """Some covariance matrix of random effects has no full rank: a diagnostic, not a failure."""


class IdentificationWarning(RanefWarning):
    """The data do not determine some parameters: the criterion stays the same while they change."""


class SeveralOptimaWarning(RanefWarning):
    """The criterion has several optima of nearly the same height: the data hardly choose between them."""


class RankDeficiencyWarning(RanefWarning):
    """Columns of X are linear combinations of others and were dropped."""


class DataWarning(RanefWarning):
    """The data are legal but unusual in a way that often is a mistake."""


class PluginWarning(RanefWarning):
    """A plugin (an observer, say) misbehaved and was left out; the fit is not affected."""


class NameConflictWarning(PluginWarning):
    """A plugin of another distribution has the name of one of ranef's own, which keeps the name.

    The built-in one was used, as on a machine without the other. Write ``"distribution:name"`` to choose the other one,
    or ask its authors for a name of its own.
    """
