"""Very large crossed designs: solves by conjugate gradients, log|M| from random probes."""

from __future__ import annotations

import numpy as np

from ranef.contracts import Blocks, InputError, LinalgBackend, Pattern, PatternBlocks, SampledFactor, SampledSymbolic
from ranef.contracts.arrays import FloatArray

from .sampling import sampled_logdet
from .schur import Couplings, ScaledSystem

#: Probes that a fit begins with; it doubles their number as long as they are too few.
PROBES = 16
#: What exact answers are worth, in operations of a factorization: about ten seconds of dense work for a whole fit.
WORTH = 6e10
#: Operations for each pair of levels and probe: some ten steps, and once more for the derivatives.
EACH = 200.0


class KrylovFactor(SampledFactor):
    """M at one T; log|M| = sum of log|D| + log|K|."""

    def __init__(self, couplings: Couplings, T: Blocks, n_probes: int) -> None:
        self._system = system = ScaledSystem(couplings, T)
        values, by_T = np.zeros(n_probes), tuple(np.zeros((*t.shape, n_probes)) for t in T)
        if couplings.rest:
            values, by_T = sampled_logdet(system, n_probes)
        self._values = system.logdet_D + values
        self._by_T = tuple(of_D[:, :, None] + by for of_D, by in zip(system.logdet_D_by_T, by_T, strict=True))

    @property
    def probe_logdets(self) -> FloatArray:
        """log|M| by each probe."""
        return self._values

    @property
    def probe_gradients(self) -> Blocks:
        """d log|M| / dT by each probe."""
        return self._by_T

    def solve(self, B: FloatArray) -> FloatArray:
        """M^-1 B, by conjugate gradients on the Schur complement."""
        return self._system.solve(B)


class KrylovSymbolic(SampledSymbolic):
    """A number of probes, and the last Z'WZ as sparse matrices."""

    def __init__(self, pattern: Pattern, n_probes: int) -> None:
        self.pattern, self._n_probes = pattern, n_probes
        self._latest: Couplings | None = None

    @property
    def n_probes(self) -> int:
        """Number of probes."""
        return self._n_probes

    def with_probes(self, n_probes: int) -> KrylovSymbolic:
        """The same with another number of probes."""
        other = KrylovSymbolic(self.pattern, n_probes)
        other._latest = self._latest
        return other

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> KrylovFactor:
        """Scale M by its diagonal blocks, and sample log|M| with its derivatives."""
        couplings = self._latest  # read once, and swapped whole: threads share the analysis
        if couplings is None or couplings.ZtWZ is not ZtWZ:
            couplings = self._latest = Couplings(self.pattern, ZtWZ)
        return KrylovFactor(couplings, T, self._n_probes)


class Krylov(LinalgBackend):
    """Conjugate gradients and random probes on the Schur complement of M, scaled by its diagonal blocks.

    For two or more crossed factors whose dense trailing block would take minutes, or no memory would hold. Work and
    memory grow with the pairs of levels that meet. Solves are exact to rounding, log|M| and its derivatives are means
    over random probes, always the same ones: fits have a Monte Carlo error, which their certificate reports.

    Parameters
    ----------
    n_probes : int, default 16
        Probes that a fit begins with.

    Source: Ubaru, Chen & Saad (2017), doi 10.1137/16M1104974; Golub & Meurant (2010), *Matrices, Moments and
    Quadrature*.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts.linalg import Grouping, PatternBlocks, Pattern
    >>> g = Grouping("g", n_levels=2, n_columns=1)
    >>> ZtWZ = PatternBlocks((np.array([[[3.0, 1.0]]]),), {})
    >>> factor = Krylov().analyze(Pattern((g,), {})).factorize(ZtWZ, (np.array([[1.0]]),))
    >>> round(float(np.exp(factor.logdet)), 12), factor.solve(np.ones((2, 1))).round(12).ravel().tolist()
    (8.0, [0.25, 0.5])
    """

    samples = True

    def __init__(self, n_probes: int = PROBES) -> None:
        if n_probes < 2:
            raise InputError(f"n_probes must be at least 2, so that they say how far they are off; got {n_probes}")
        self.n_probes = n_probes

    def cost(self, pattern: Pattern) -> float:
        """What exact answers are worth, and the work beyond it; inf with a known precision."""
        if pattern.has_precision:
            return np.inf
        k = max(f.n_columns for f in pattern.groupings)
        met = sum(len(rows) for rows, _ in pattern.pairs.values())
        return WORTH + EACH * PROBES * k**2 * (met + pattern.q)

    def analyze(self, pattern: Pattern) -> KrylovSymbolic:
        """Nothing depends on the pattern alone."""
        return KrylovSymbolic(pattern, self.n_probes)
