"""What a solution says of itself by the bootstrap; each a line on a function."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import numpy as np

from ..notes import tell
from .base import F, FittedModel

if TYPE_CHECKING:
    from ..bootstrap.record import Bootstrap


class Bootstrapped(FittedModel[F]):
    """The bootstrap of a fitted model."""

    def bootstrap(
        self,
        nsim: int = 1000,
        statistic: Callable[[Any], Any] | None = None,
        *,
        type: str = "parametric",  # noqa: A002 - R's name of it
        rng: np.random.Generator | int | None = None,
        random: str = "new",
        by: str | None = None,
        se: Callable[[Any], Any] | None = None,
        executor: Executor | None = None,
        workers: int | None = None,
        progress: Any = None,
    ) -> Bootstrap:
        """Draw data again, fit the model to each set, and keep its parameters or any statistic.

        Parameters
        ----------
        nsim : int, default 1000
            Number of replicates.
        statistic : callable, optional
            From a solution to a number, a list of numbers, or a dict of them by name; the parameters of the model by
            default, named as by `confint`. These come from fits to many responses at once, where the model has such.
        type : {"parametric", "residual", "cases"}
            Responses from the model at its estimates; from resampled conditional modes and residuals, made as large as
            the model says (linear models); or levels with all their rows, with replacement.
        rng : numpy.random.Generator or int
            The generator, or a seed.
        random : {"new", "conditional"}
            In a parametric bootstrap: draw random effects too, or take the conditional modes.
        by : str, optional
            In a bootstrap of cases: the factor whose levels are drawn, or "rows"; by default the factor that all others
            are nested in.
        se : callable, optional
            Standard errors of the statistic, in the same form, for studentized intervals.
        executor : concurrent.futures.Executor, optional
            Runs blocks of replicates in its workers.
        workers : int, optional
            The same with so many processes of one's own. The results have the same bits for any number of workers.
        progress : bool or observer, optional
            A bar with the time left, in terminals and notebooks, once it takes longer than a second; by default where
            rich is installed.

        Returns
        -------
        Bootstrap
            A table with bias and standard error of each statistic; `replicates` has them all, `confint` intervals.
            Refits that fail are counted and named, and left out. An interruption from the keyboard keeps what is done.

        Raises
        ------
        InputError, InputTypeError
            For arguments that cannot be used, or a fit without rows.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> record = fit.bootstrap(200, lambda m: m.fixef["Days"] / m.sigma, rng=1)
        >>> record["estimate"].round(3).tolist(), bool(0.04 < record["se"][0] < 0.09)
        ([0.409], True)

        References
        ----------
        Davison & Hinkley (1997), doi 10.1017/CBO9780511802843; Carpenter, Goldstein & Rasbash (2003), doi
        10.1111/1467-9876.00415; Morris (2002), doi 10.1002/sim.1207.
        """
        from ..bootstrap.run import bootstrap

        record = bootstrap(
            self._fit, self._of, nsim, statistic=statistic, se=se, kind=type, random=random, by=by, rng=rng,
            executor=executor, workers=workers, progress=progress, frame=self._frame,
        )  # fmt: skip
        tell(record.messages, record)
        return record

    def jackknife(self, record: Bootstrap, statistic: Callable[[Any], Any] | None = None) -> dict[str, float]:
        """Acceleration of the statistics of a bootstrap, for its BCa intervals: the fit without each unit.

        Units are the levels of the factor that all others are nested in; where factors are crossed or there are none
        the groups of correlated residuals, or rows.

        Parameters
        ----------
        record : Bootstrap
        statistic : callable, optional
            The function of the bootstrap, of a record from a file.

        Raises
        ------
        InputError, InputTypeError
            For a record of another fit, and where some unit cannot be left out.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
        >>> record = fit.bootstrap(400, rng=1)
        >>> record.confint("sigma", kind="bca", acceleration=fit.jackknife(record))["parameter"].tolist()
        ['sigma']

        References
        ----------
        Efron (1987), doi 10.1080/01621459.1987.10478410.
        """
        from ..bootstrap.run import jackknife

        return jackknife(self._fit, self._of, record, statistic)[0]

    def _extended(
        self, record: Bootstrap, more: Any, statistic: Any, se: Any, executor: Any, workers: Any, progress: Any
    ) -> Bootstrap:
        from ..bootstrap.run import extended

        found = extended(self._fit, self._of, record, more, statistic=statistic, se=se, executor=executor,
                         workers=workers, progress=progress)  # fmt: skip
        tell(found.messages, found)
        return found
