"""Effects in order, such as those of equidistant times: correlations that depend on how far two are apart."""

from __future__ import annotations

import numpy as np

from ranef.contracts import InR
from ranef.contracts.arrays import FloatArray

from .scaled import Scaled

#: Starts have partial autocorrelations of at most this size.
INSIDE = 0.9


class Toeplitz(Scaled):
    """A standard deviation of each effect, and one correlation for each distance in their order.

    The angles' sines are the partial autocorrelations, which may be any: the correlation matrix is positive
    semidefinite for all angles (Barndorff-Nielsen & Schou 1973, doi 10.1016/0047-259X(73)90030-4). L comes from the
    lattice form of Durbin's and Levinson's recursions, which has sines and cosines only and no division. From the
    innovations f_t^t = e_t lead forward errors f and backward errors b to the effects y,

        f_t^(i-1) = cos_i f_t^i + sin_i b_(t-1)^(i-1),   b_t^i = cos_i b_(t-1)^(i-1) - sin_i f_t^i,

    and y_t = f_t^0 = b_t^0.

    Source: Brockwell & Davis (1991), section 5.2; doi 10.1007/978-1-4419-0320-4.

    Examples
    --------
    >>> L, _ = Toeplitz().correlation_root(np.arcsin([0.5, 0.2]), 3)
    >>> (L @ L.T).round(12).tolist()
    [[1.0, 0.5, 0.4], [0.5, 1.0, 0.5], [0.4, 0.5, 1.0]]
    """

    name, least_columns = "toep", 2
    in_r = (InR("glmmTMB", "toep"),)

    def n_angles(self, k: int) -> int:
        """One for each distance."""
        return k - 1

    def correlation_root(self, angles: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """L by the lattice, row by row, with its derivatives; the first slice is the value, the others go along."""
        m = len(angles)
        sin, cos = np.sin(angles), np.cos(angles)
        L = np.zeros((m + 1, k, k))
        before = np.zeros((0, m + 1, k))  # b_(t-1)^i, i = 0 ... t - 1
        for t in range(k):
            f = np.zeros((m + 1, k))
            f[0, t] = 1.0
            backward = np.zeros((t + 1, m + 1, k))
            for i in range(t, 0, -1):
                b = before[i - 1]
                s, c = sin[i - 1], cos[i - 1]
                backward[i] = c * b - s * f
                backward[i, i] -= s * b[0] + c * f[0]
                f, last = c * f + s * b, f
                f[i] += c * b[0] - s * last[0]
            backward[0] = f
            L[:, t] = f
            before = backward
        return L[0], L[1:]

    def angles(self, correlation: FloatArray) -> FloatArray:
        """From the mean correlations of each distance, by Durbin's and Levinson's recursion."""
        k = len(correlation)
        r = np.array([np.diagonal(correlation, -d).mean() for d in range(1, k)])
        out, phi = np.zeros(k - 1), np.zeros(0)
        for i in range(k - 1):
            rest = 1.0 - float(phi @ r[:i])
            partial = float(np.clip((r[i] - phi @ r[:i][::-1]) / rest, -INSIDE, INSIDE))
            phi = np.append(phi - partial * phi[::-1], partial)
            out[i] = np.arcsin(partial)
        return out

    def correlations(self, angles: FloatArray, k: int) -> tuple[float, ...]:
        """Of each distance."""
        L, _ = self.correlation_root(angles, k)
        return tuple((L @ L[0])[1:].tolist())


class FirstOrderAutoregressive(Scaled):
    """One standard deviation, and correlations rho^d of effects that are d apart.

    rho is the sine of the angle: L_i0 = rho^i and L_ij = rho^(i-j) cos(angle).

    Source: Pinheiro & Bates (2000), section 5.3.1, `corAR1`; doi 10.1007/b98882.

    Examples
    --------
    >>> T = FirstOrderAutoregressive().relative_factor(np.array([1.0, np.pi / 6]), 3)
    >>> (T @ T.T).round(12).tolist()
    [[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]]
    """

    name, least_columns, homogeneous = "ar1", 2, True
    in_r = (InR("glmmTMB", "ar1"),)

    def n_angles(self, k: int) -> int:
        """One."""
        return 1

    def correlation_root(self, angles: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """L and its derivative."""
        rho, cos = float(np.sin(angles[0])), float(np.cos(angles[0]))
        distance = np.maximum(np.subtract.outer(np.arange(k), np.arange(k)), 0)
        power = np.tril(rho**distance)
        slope = np.tril(distance * rho ** np.maximum(distance - 1, 0)) * cos
        L, by = power * cos, slope * cos - power * rho
        L[:, 0], by[:, 0] = power[:, 0], slope[:, 0]
        return L, by[None]

    def angles(self, correlation: FloatArray) -> FloatArray:
        """The mean correlation of neighbours."""
        return np.asarray(np.arcsin(np.clip([np.diagonal(correlation, -1).mean()], -INSIDE, INSIDE)))

    def correlations(self, angles: FloatArray, k: int) -> tuple[float, ...]:
        """rho."""
        return (float(np.sin(angles[0])),)
