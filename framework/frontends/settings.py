"""Settings in: numbers and switches, checked; arguments that do not exist, answered in the words of other programs."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..contracts.arrays import real_number
from ..contracts.errors import InputError, InputTypeError, shown

#: What to write for arguments that other programs have.
ANSWERS = {
    "REML": "write reml=True or reml=False",
    "nAGQ": "write nagq=",
    "method": "write reml=True (REML) or reml=False (maximum likelihood)",
    "link": "the link belongs to the family: write family='binomial(probit)', or family=Binomial('probit') with "
    "`from ranef.families import Binomial`",
    "random": "write random_effects={'g': '1 + x'}",
    "group": "write groups={'g': labels}",
    "names": "write x_names=",
    "exposure": "with a log link write offset=np.log(exposure)",
    "trials": "write weights=trials, with y the proportions of successes",
    "size": "write weights=trials, with y the proportions of successes",
    "control": "write tol=, max_iter=, optimizer=",
    "maxiter": "write max_iter=",
    "level": "write conf_level=",
    "na.action": "write na_action=",
}
#: ... by the function that was asked.
ANSWERS_OF = {
    "lmm": {
        "family": "linear models have none; generalized ones are ranef.glmm(y, X, groups, family=...)",
        "nagq": "linear models need no quadrature",
    },
    "glmm": {
        "reml": "generalized models are fitted by maximum likelihood; leave it out",
        "residual": "responses of generalized models have no residuals beside the family's; correlated ones are lmm's",
    },
}


def check_settings(conf_level: Any, **switches: Any) -> float:
    """conf_level, where it is in its range; switches are True or False."""
    level: float = real_number(conf_level, "conf_level")
    if not 0 < level < 1:
        raise InputError(f"conf_level must lie between 0 and 1; got {level}")
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise InputTypeError(f"{name} must be True or False; got {shown(value)}")
    return level


def refuse_unknown(function: Callable[..., Any], unknown: Mapping[str, Any]) -> None:
    """Refuse arguments that do not exist, and say which one was meant.

    Examples
    --------
    >>> def lmm(y, reml=True): ...
    >>> refuse_unknown(lmm, {"REML": False})
    Traceback (most recent call last):
        ...
    ranef.contracts.errors.InputTypeError: lmm has no argument REML: write reml=True or reml=False
    """
    for name in unknown:
        known = [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        answers = {key.lower(): answer for key, answer in (ANSWERS | ANSWERS_OF.get(function.__name__, {})).items()}
        close = difflib.get_close_matches(name.lower(), known, n=1)
        said = answers.get(name.lower()) or (f"write {close[0]}=" if close else f"it has {', '.join(known)}")
        raise InputTypeError(f"{function.__name__} has no argument {name}: {said}")
