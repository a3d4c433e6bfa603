"""What a solution says of its smooth terms."""

from __future__ import annotations

from typing import Any

from ..display.records import Table
from ..inference.smooths import SmoothCurve, curve, smooth_table
from .base import F, FittedModel


class Smoothed(FittedModel[F]):
    """Smooth terms of a fit by formula."""

    def smooth_table(self) -> Table:
        """Smooth terms with their effective degrees of freedom and Wood's approximate tests, a row for each curve.

        ``edf`` is 1 for a straight line; ``ref_df`` are the degrees of freedom of the test that the curve is zero
        everywhere: F of linear models, chi-squared of generalized ones. p-values take the variances for known, and are
        for curves, not for choosing among many of them.

        Raises
        ------
        InputError
            For a fit without smooth terms, or one that was saved without rows.

        Examples
        --------
        >>> import ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> fit = ranef.lmm("Reaction ~ s(Days, k=6) + (1 | Subject)", d)
        >>> table = fit.smooth_table()
        >>> table["term"].tolist(), table["edf"].round(2).tolist()
        (['s(Days)'], [1.0])

        References
        ----------
        Wood (2013), Biometrika 100, 221-228, doi 10.1093/biomet/ass048.
        """
        return smooth_table(self._fit, self._terms)

    def smooth(
        self, term: str, *, n: int | None = None, level: float = 0.95, theta_uncertainty: bool = True
    ) -> SmoothCurve:
        """A smooth term along its variables, with a band: centred over the data, on the scale of the link.

        Parameters
        ----------
        term : str
            As `smooth_table` calls it: ``"s(x)"``, ``"s(x):f[a]"`` of a level.
        n : int, optional
            Places along each variable: by default 100 of a curve, 30 each of a surface.
        level : float, default 0.95
            Of the limits at each place.
        theta_uncertainty : bool, default True
            Whether standard errors account for the estimation of variances.

        Returns
        -------
        SmoothCurve
            A table with the variables, ``fit``, ``se``, ``lower`` and ``upper``; of a term by numbers the coefficient
            that these are multiplied by.

        Raises
        ------
        InputError
            For a term that there is not.

        Examples
        --------
        >>> import ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> fit = ranef.lmm("Reaction ~ s(Days, k=6) + (1 | Subject)", d)
        >>> fit.smooth("s(Days)", n=2)["fit"].round(1).tolist()
        [-47.1, 47.1]
        """
        from ..prediction.predict import Request

        options: dict[str, Any] = {"theta_uncertainty": theta_uncertainty, "satterthwaite": self._satterthwaite}
        request = Request(scale="link", se=True, interval="confidence", level=level, **options)
        return curve(self._fit, self._terms, term, n, request)
