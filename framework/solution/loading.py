"""`load`: a solution from the file that `save` wrote."""

from __future__ import annotations

import os

from .. import storage
from ..contracts.linalg import LinalgBackend
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from .glmm import GLMMSolution
from .lmm import LMMSolution


def load(path: str | os.PathLike[str], *, backend: str | LinalgBackend | None = None) -> LMMSolution | GLMMSolution:
    """Load a fit that was saved by its `save`.

    Files are not trusted: nothing in them is executed, sizes are checked before memory is taken, and the criterion is
    evaluated again and must agree with the stored one. A file can only name plugins that are installed.

    Parameters
    ----------
    path : str or path
    backend : str or LinalgBackend, optional
        Linear-algebra backend to factorize by, where that of the fit is not installed; by default that of the fit.

    Returns
    -------
    LMMSolution or GLMMSolution
        Without its rows, unless they were asked for. What needs rows (fitted values, residuals, refits) says so.

    Raises
    ------
    StorageError
        Where the file is no saved model, is damaged, or was written by a newer version of ranef.
    PluginNotFoundError, MissingExtraError
        Where a plugin of the model, or what that needs, is not installed.
    OSError
        Where the file cannot be read.

    Examples
    --------
    >>> import numpy as np, ranef, tempfile, pathlib
    >>> d = ranef.datasets.load("dyestuff")
    >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fit.save(pathlib.Path(folder) / "dyestuff.ranef")
    ...     copy = ranef.load(pathlib.Path(folder) / "dyestuff.ranef")
    >>> copy.predict({"X": [[1.0]], "groups": {"Batch": ["C"]}}).round(2).tolist()
    [1556.06]
    """
    with storage.loaded(path, backend) as (fit, options):
        if options.has("terms"):
            raise options.wrong("terms", "is of a fit by formula, which needs a newer version of ranef")
        conf_level = options.number("conf_level", positive=True)
        if not conf_level < 1.0:
            raise options.wrong("conf_level", "is not below 1")
        if isinstance(fit, LinearFit):
            return LMMSolution(fit, satterthwaite=options.boolean("satterthwaite"), conf_level=conf_level)
        assert isinstance(fit, GeneralizedFit)
        return GLMMSolution(fit, conf_level=conf_level)
