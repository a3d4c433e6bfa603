"""The upper tail of the standard normal distribution: hazard and cumulants, without cancellation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ranef.contracts.arrays import FloatArray

#: From here on a continued fraction takes the place of differences.
_FAR = 3.0
#: Its terms: at 3 they leave less than 1e-16.
_TERMS = 60


@dataclass(frozen=True, eq=False)
class NormalTail:
    """Mean, variance and third cumulant of a standard normal variable, given that it is larger than x.

    They are derivatives: log(1 - Phi(x)) has the slopes -hazard, variance - 1 and -third.

    Examples
    --------
    >>> import numpy as np
    >>> NormalTail.beyond(np.array([0.0, 1e6])).variance  # 1 - 2/pi; 1/x^2
    array([3.63380228e-01, 1.00000000e-12])
    """

    #: phi(x) / (1 - Phi(x)), which is the mean.
    hazard: FloatArray
    #: hazard - x, how far the mean is above x.
    excess: FloatArray
    variance: FloatArray
    third: FloatArray

    @classmethod
    def beyond(cls, x: FloatArray) -> NormalTail:
        """At every x.

        From 3 on Laplace's continued fraction, hazard = x + 1/(x + 2/(x + 3/(x + ...))) (DLMF 7.9.3), has what
        differences would lose: with d = 1/(x + 2c), c = 1/(x + 3e) and e = 1/(x + 4/(x + ...)) the excess is d, the
        variance 1 - hazard d = d (2c - d), and the third cumulant hazard (d^2 - variance) = 2 hazard d^2 c (3e - 2c).
        """
        x = np.asarray(x, np.float64)
        with np.errstate(over="ignore"):
            hazard: FloatArray = np.sqrt(2 / np.pi) / special.erfcx(np.sqrt(0.5) * x)
        excess = hazard - x
        variance = 1 - hazard * excess
        third = hazard * (excess**2 - variance)
        far = x > _FAR
        if np.any(far):
            z = x[far]
            rest = np.zeros_like(z)
            for k in range(_TERMS, 3, -1):
                rest = k / (z + rest)
            e = 1 / (z + rest)
            c = 1 / (z + 3 * e)
            d = 1 / (z + 2 * c)
            hazard[far], excess[far], variance[far] = z + d, d, d * (2 * c - d)
            third[far] = 2 * (z + d) * d**2 * c * (3 * e - 2 * c)
        return cls(hazard, excess, variance, third)
