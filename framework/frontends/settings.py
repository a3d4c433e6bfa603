"""Settings in: numbers and switches, checked; arguments that do not exist, answered in the words of other programs."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np

from ..contracts.arrays import real_number
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.reading import name_of

#: More iterations than any optimizer counts.
MOST = 10**9
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
    "glmm": {"reml": "generalized models are fitted by maximum likelihood; leave it out"},
}


def check_settings(tol: Any, max_iter: Any, conf_level: Any, **switches: Any) -> tuple[float, int, float]:
    """tol, max_iter and conf_level, where they are in their range; switches are True or False."""
    tol, conf_level = real_number(tol, "tol"), real_number(conf_level, "conf_level")
    if not 0 < tol < np.inf:
        raise InputError(f"tol must be positive and finite; got {tol}")
    if not _is_integer(max_iter) or not 1 <= max_iter <= MOST:
        raise InputError(f"max_iter must be an integer of at least 1 (and at most {MOST}); got {shown(max_iter)}")
    if not 0 < conf_level < 1:
        raise InputError(f"conf_level must lie between 0 and 1; got {conf_level}")
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise InputTypeError(f"{name} must be True or False; got {shown(value)}")
    return tol, int(max_iter), conf_level


def check_quadrature(nagq: Any, hessian: Any) -> int:
    """Nodes of quadrature, where `nagq` and `hessian` are among what there is."""
    if not _is_integer(nagq) or nagq < 0:
        raise InputError(f"nagq must be 0, 1 or a larger integer (nodes of quadrature); got {shown(nagq)}")
    if not isinstance(hessian, str) or hessian not in ("observed", "expected"):
        raise InputError(f"hessian must be 'observed' or 'expected'; got {shown(hessian)}")
    return int(nagq)


def response_name(y: Any, y_name: Any) -> str:
    """Name of the response: the given one, else y's own, else "y"."""
    if y_name is None:
        return name_of(y, "y")
    if not isinstance(y_name, str):
        raise InputTypeError(f"y_name must be a text, the name of the response; got {shown(y_name)}")
    return y_name


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


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
