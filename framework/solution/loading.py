"""`load`: a solution from the file that `save` wrote."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import storage
from ..contracts.linalg import LinalgBackend
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..formula.terms import Terms
from .glmm import GLMMSolution
from .lmm import LMMSolution

if TYPE_CHECKING:
    from ..storage.node import Node


def load(
    path: str | os.PathLike[str],
    *,
    backend: str | LinalgBackend | None = None,
    context: Mapping[str, Any] | None = None,
) -> LMMSolution | GLMMSolution:
    """Load a fit that was saved by its `save`.

    Files are not trusted: nothing in them is executed, sizes are checked before memory is taken, and the criterion is
    evaluated again and must agree with the stored one. A file can only name plugins that are installed.

    Parameters
    ----------
    path : str or path
    backend : str or LinalgBackend, optional
        Linear-algebra backend to factorize by, where that of the fit is not installed; by default that of the fit.
    context : dict, optional
        The functions of one's own that the formula of the fit calls; a file keeps their names only.

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
        terms = _terms(options, context)
        conf_level = options.number("conf_level", positive=True)
        if not conf_level < 1.0:
            raise options.wrong("conf_level", "is not below 1")
        if isinstance(fit, LinearFit):
            return LMMSolution(fit, satterthwaite=options.boolean("satterthwaite"), conf_level=conf_level, terms=terms)
        assert isinstance(fit, GeneralizedFit)
        return GLMMSolution(fit, conf_level=conf_level, terms=terms)


def _terms(options: Node, context: Mapping[str, Any] | None) -> Terms | None:
    """What a fit by formula knows of its data; None of fits to arrays."""
    if not options.has("terms"):
        return None
    try:
        return Terms.from_state(options.value("terms"), context)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise options.wrong("terms", f"is no record of a formula's terms ({error})") from error
