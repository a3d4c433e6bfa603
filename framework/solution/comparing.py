"""`anova`: several fits side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..contracts.errors import InputError, InputTypeError, shown
from ..estimation.generalized import GeneralizedFit
from .base import FittedModel

if TYPE_CHECKING:
    from ..inference.comparison import Comparison


def anova(*fits: Any, names: Sequence[str] | None = None, refit: bool = True) -> Comparison:
    """Compare models of the same data: likelihood ratio tests of nested ones, AIC, BIC and Akaike's weights of all.

    Parameters
    ----------
    *fits : LMMSolution, GLMMSolution
        Two or more, in any order.
    names : sequence of str, optional
        What to call them; ``"m1"``, ``"m2"`` ... in the order given by default.
    refit : bool, default True
        Refit by maximum likelihood what was fitted by REML, where fixed effects differ or some fits are not by REML;
        the table says so. False refuses such fits.

    Returns
    -------
    Comparison
        A table ordered by number of parameters. Each model is tested against the one before it; where that is not
        nested in it there is no chi-squared, and a note says why.

    Raises
    ------
    ComparisonError
        For fits to different data (the message says in what they differ), and likelihoods that are not comparable.
    InputError, InputTypeError
        For fewer than two fits, what is no fit, or names that do not fit.

    Examples
    --------
    >>> import ranef
    >>> data = ranef.datasets.load("sleepstudy")
    >>> small = ranef.lmm("Reaction ~ 1 + (Days | Subject)", data)
    >>> large = ranef.lmm("Reaction ~ Days + (Days | Subject)", data)
    >>> table = ranef.anova(small, large, names=["without", "with"])
    >>> table["statistic"].round(2).tolist(), table["df"].tolist(), table["npar"].tolist()
    ([nan, 23.54], [nan, 1.0], [5, 6])
    """
    from ..inference.comparison import Compared, compare

    for fit in fits:
        if not isinstance(fit, FittedModel):
            raise InputTypeError(f"anova takes fits of ranef.lmm and ranef.glmm; got {shown(fit)}")
    given: Sequence[Any] = [f"m{i}" for i in range(1, len(fits) + 1)] if names is None else names
    if isinstance(given, str) or not all(isinstance(name, str) and name for name in given):
        raise InputTypeError(f"names must be texts, one for each fit; got {shown(names)}")
    if len(given) != len(fits):
        raise InputError(f"names has {len(given)} for {len(fits)} fits")
    models = [Compared(name, _described(fit), fit._fit) for name, fit in zip(given, fits, strict=True)]
    return compare(models, refit, next((fit._frame for fit in fits if fit._frame), ""))


def _described(fit: FittedModel[Any]) -> str:
    """The model, with the family of a generalized one."""
    family = fit._fit.family if isinstance(fit._fit, GeneralizedFit) else None
    return fit.model if family is None else f"{fit.model}, {family.name} ({family.link.name})"
