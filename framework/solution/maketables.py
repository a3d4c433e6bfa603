"""What the package maketables asks of a model: its plug-in format, by attributes, without importing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..inference.intervals import variance_parameters

if TYPE_CHECKING:
    from .mixed import MixedSolution


def coefficients(fit: MixedSolution[Any]) -> Any:
    """A frame of pandas with a row for each coefficient: b, se, t, p and limits of 95 %.

    Raises
    ------
    MissingExtraError
        Without pandas.
    """
    table = fit.tidy("fixed", conf_int=True)
    names = {"term": "Coefficient", "estimate": "b", "std.error": "se", "statistic": "t", "p.value": "p"}
    names |= {"conf.low": "ci95l", "conf.high": "ci95u"}
    return table.to_frame("pandas").rename(columns=names)[list(names.values())].set_index("Coefficient")


def statistics(fit: MixedSolution[Any]) -> dict[str, Any]:
    """Variance parameters, sizes and criteria by key, those under maketables' keys that it knows."""
    parameters, values = variance_parameters(fit._fit)
    variances = dict(zip((q.name for q in parameters), values.tolist(), strict=True))
    groups = {f"levels_{name}": n for name, n in fit.n_groups.items()}
    return {**variances, "N": fit.n_obs, **groups, "aic": fit.aic, "bic": fit.bic, "ll": fit.log_likelihood}


def labels(fit: MixedSolution[Any]) -> dict[str, str]:
    """Labels of the keys that are ranef's own."""
    parameters, _ = variance_parameters(fit._fit)
    own = {q.name: q.name for q in parameters}
    return own | {f"levels_{name}": f"Levels of {name}" for name in fit.n_groups}
