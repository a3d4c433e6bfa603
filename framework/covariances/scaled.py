"""Shared by structures that are correlations times standard deviations: one for all columns, or one of each."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ranef.contracts import Component, CovarianceStructure
from ranef.contracts.arrays import BoolArray, FloatArray


class Scaled(CovarianceStructure):
    """T = diag(sd) L(angles), with L L' a correlation matrix.

    Parameters are one standard deviation where `homogeneous`, else one of each column, and then the angles. A single
    standard deviation has no bound, since its sign changes no covariance; several are not negative, since the sign of
    one would turn its correlations.
    """

    homogeneous: bool = False

    @abstractmethod
    def n_angles(self, k: int) -> int:
        """Number of parameters of the correlations."""

    @abstractmethod
    def correlation_root(self, angles: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """L (k, k), and its derivatives (angles, k, k)."""

    @abstractmethod
    def angles(self, correlation: FloatArray) -> FloatArray:
        """Angles whose L L' is near to a correlation matrix, none at the boundary."""

    def correlations(self, angles: FloatArray, k: int) -> tuple[float, ...]:
        """What the table shows of the correlations, beside the first column."""
        return ()

    def _n_scales(self, k: int) -> int:
        return 1 if self.homogeneous else k

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Of the standard deviations, and of the angles."""
        n_angles = self.n_angles(len(columns))
        scales = ("sd",) if self.homogeneous else columns
        return scales + tuple(f"angle{i + 1}" if n_angles > 1 else "angle" for i in range(n_angles))

    def scales(self, k: int) -> BoolArray:
        """The standard deviations."""
        return np.arange(self._n_scales(k) + self.n_angles(k)) < self._n_scales(k)

    def bounds(self, k: int) -> tuple[FloatArray, FloatArray]:
        """Several standard deviations are not negative."""
        lower, upper = super().bounds(k)
        return np.where(self.scales(k) & (not self.homogeneous), 0.0, lower), upper

    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        """diag(sd) L."""
        sd, angles = np.split(parameters, [self._n_scales(k)])
        L, _ = self.correlation_root(angles, k)
        return np.broadcast_to(sd, k)[:, None] * L

    def derivatives(self, parameters: FloatArray, k: int) -> FloatArray:
        """Those of the product."""
        sd, angles = np.split(parameters, [self._n_scales(k)])
        L, by_angle = self.correlation_root(angles, k)
        by_scale = L[None] if self.homogeneous else np.eye(k)[:, :, None] * L
        return np.concatenate([by_scale, np.broadcast_to(sd, k)[:, None] * by_angle])

    def start(self, covariance: FloatArray) -> FloatArray:
        """The standard deviations (or their root mean square), and angles of the correlations."""
        sd = np.sqrt(np.diagonal(covariance))
        scale = np.sqrt([np.mean(sd**2)]) if self.homogeneous else sd
        return np.concatenate([scale, self.angles(covariance / np.outer(sd, sd))])

    def components(self, parameters: FloatArray, columns: tuple[str, ...]) -> tuple[Component, ...]:
        """One line of each standard deviation; correlations on the first."""
        k = len(columns)
        sd, angles = np.split(parameters, [self._n_scales(k)])
        shown = self.correlations(angles, k)
        names = (f"{columns[0]} ...",) if self.homogeneous and k > 1 else columns
        return tuple(
            Component(name, abs(float(s)), () if i else shown)
            for i, (name, s) in enumerate(zip(names, sd, strict=True))
        )
