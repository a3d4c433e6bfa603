"""How good is the Laplace approximation here? Compare it with quadrature, level by level, at the same estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, shown
from ..estimation.generalized import GeneralizedFit
from ..estimation.quadrature import CUT, Quadrature, gauss_hermite_grid, refuse_quadrature

#: An error of the log-likelihood beyond this moves estimates visibly.
NOTEWORTHY = 0.1


@dataclass(frozen=True, eq=False)
class LaplaceCheck:
    """Error of the Laplace approximation.

    Parameters
    ----------
    levels : (L,) array
        Labels of the levels.
    error : (L,) array
        Log-likelihood of each level by quadrature, less that by the Laplace approximation.
    nagq : int
        Nodes of the quadrature.
    advice : str
        What to do.
    """

    levels: AnyArray
    error: FloatArray
    nagq: int
    advice: str

    @property
    def total(self) -> float:
        """Error of the log-likelihood as a whole."""
        return float(self.error.sum())

    def __str__(self) -> str:
        """Total and worst level, with the advice."""
        worst = int(np.abs(self.error).argmax())
        return (
            f"Laplace approximation: log-likelihood off by {self.total:.4g} in all, at most {self.error[worst]:.3g} in "
            f"a level ({self.levels[worst]}), by {self.nagq} nodes. {self.advice}"
        )


def laplace_check(fit: GeneralizedFit, nagq: Any) -> LaplaceCheck:
    """Errors by level, at the estimates of the fit.

    Raises
    ------
    InputError
        Where quadrature is not possible.
    """
    if isinstance(nagq, bool) or not isinstance(nagq, int | np.integer) or nagq < 2:
        raise InputError(f"nagq must be an integer of at least 2 (nodes of quadrature); got {shown(nagq)}")
    refuse_quadrature(int(nagq), fit.labels)
    factor, mode = fit.groups[0], fit.factorized().mode
    fine, laplace = (Quadrature(mode, gauss_hermite_grid(n, factor.grouping.n_columns)) for n in (int(nagq), 1))
    error = -0.5 * (fine.by_level - laplace.by_level)
    if (fine.cut > CUT).any():
        advice = "That is rough, as quadrature itself is here: the integrand breaks off at the edge of the domain."
    elif abs(error.sum()) < NOTEWORTHY:
        advice = "That is too little to matter: nagq=1 is good here."
    else:
        advice = f"That can move the estimates: refit with nagq={nagq}."
    return LaplaceCheck(factor.levels, error, int(nagq), advice)
