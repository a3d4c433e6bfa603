"""The example family.

The four methods are those of the geometric distribution, so that everything works from the start: replace them, and
`links`, `support_text` and `discrete`, by your own.
"""

from __future__ import annotations

import numpy as np
from ranef.contracts import Family
from ranef.contracts.arrays import BoolArray, FloatArray


class Example(Family):
    """The example family.

    All else (derivatives, deviance, starts) has defaults, which you may override where you know better: see
    `ranef.contracts.Family`. Dispersion parameters are declared by the property `parameters`, and arrive as `phi`: each
    is a number, or an array with one value for each row.

    Examples
    --------
    >>> import numpy as np
    >>> Example().variance(np.array([2.0]), np.array([])).item()
    6.0
    """

    name = "example"
    links = ("log", "identity", "sqrt")
    support_text = "counts 0, 1, 2, ..."
    discrete = True

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Log density with all constants."""
        return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of one observation."""
        return mu * (1 + mu)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        """Which responses are possible."""
        return np.isfinite(y) & (y >= 0) & (y == np.round(y))

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw a response for every mean."""
        return rng.geometric(1 / (1 + mu)) - 1.0
