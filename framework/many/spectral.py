"""Linear models of several scalar factors whose projected kernels commute: sums of squares by stratum are enough.

With W^(1/2) in y, X and Z, and N a basis of what is orthogonal to X, the criterion of REML is that of N'y, whose
covariance matrix is sigma^2 (I + sum theta_j^2 N'Z_jZ_j'N). In balanced crossed and nested designs these matrices
commute: on stratum c, of d_c dimensions, Z_jZ_j' is lambda_cj (the strata of an analysis of variance), and with
a_c = 1 / (1 + sum_j theta_j^2 lambda_cj) and the sums of squares SS_c of y

    -sum d_c log a_c + (n - p) (1 + log(2 pi sum a_c SS_c / (n - p))) + log|X'WX|.

The coefficients need X's share: where Z_jZ_j' leads out of X's span, F_j = Q'Z_jZ_j'N is not zero. Where it does not,
maximum likelihood is the same with strata of X besides, in which y has no squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ..contracts.arrays import FloatArray, IntArray
from ..design.labels import GroupLabels
from ..design.mixed import MixedDesign
from .row_sums import Regressed

#: Largest number of random effects whose strata are looked for, and most strata that are worth it.
MOST_EFFECTS, MOST_STRATA = 600, 40
#: What of matrices and eigenvalues is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class StrataOfResponses(Regressed):
    """Sums of m responses, beside those of the regression on X.

    Parameters
    ----------
    SS : (C, m) array
        Sums of squares by stratum.
    FU : (J, r, C, m) array
        F_j times y's part in each stratum.
    """

    SS: FloatArray
    FU: FloatArray


@dataclass(frozen=True, eq=False)
class Strata:
    """What all responses share.

    Parameters
    ----------
    values : (J, C) array
        lambda_cj.
    sizes : (C, 1) array
        d_c, strata of X included where they count.
    root : (r, r) array
        Coefficients of X's kept columns are these times those of Q.
    logdet_X, sum_log_weights : float
    offset, scale : (n, 1) arrays
        scale is W^(1/2).
    Qt, Ut : (r, n), (K, n) sparse arrays
        Q', and the eigenvectors of strata with some lambda_cj > 0.
    into_strata : (C, K) sparse array
        From squares along eigenvectors to strata.
    into_FU : tuple of (r C, K) sparse arrays
    QZZQ : (J, r, r) array
        Q'Z_jZ_j'Q.
    FF : (J, J, r, r, C) array
        F_j on each stratum times F_k'.
    residual : int
        The stratum in which all lambda_cj are 0.
    """

    values: FloatArray
    sizes: FloatArray
    root: FloatArray
    logdet_X: float
    sum_log_weights: float
    offset: FloatArray
    scale: FloatArray
    Qt: csr_array
    Ut: csr_array
    into_strata: csr_array
    into_FU: tuple[csr_array, ...]
    QZZQ: FloatArray
    FF: FloatArray
    residual: int

    @classmethod
    def of(cls, design: MixedDesign, reml: bool) -> Strata | None:
        """The strata of a design; None where its kernels do not commute, or are too many."""
        pattern, n, r = design.random.pattern, design.n, design.fixed.rank
        if pattern.q > min(MOST_EFFECTS, 2 * n):
            return None
        w = np.ones(n) if design.weights is None else design.weights
        Q, upper = np.linalg.qr(np.sqrt(w)[:, None] * design.X[:, design.fixed.kept])
        Z = [np.sqrt(w)[:, None] * part for part in _dense(design)]
        projected = [part - Q @ (Q.T @ part) for part in Z]
        B, s, _ = np.linalg.svd(np.concatenate(projected, axis=1), full_matrices=False)
        B = B[:, s > ROUNDING * s[0]]
        found = _joint([B.T @ part for part in projected])
        if found is None:
            return None
        V, of_vector, values = found
        U = B @ V
        F = [(Q.T @ part) @ (part.T @ U) for part in Z]
        sizes = np.bincount(of_vector, minlength=len(values)).astype(float)
        residual = len(values)
        values, sizes = np.append(values, np.zeros((1, len(Z))), axis=0), np.append(sizes, n - r - len(V))
        if not reml:
            own = _joint([Q.T @ part for part in Z]) if max(map(_size, F)) <= ROUNDING * s[0] ** 2 and r else None
            if own is None:
                return None
            _, of_column, more = own
            values, sizes = np.append(values, more, axis=0), np.append(sizes, np.bincount(of_column))
        if len(values) > MOST_STRATA:
            return None
        C = len(values)
        into_strata = csr_array((np.ones(len(V)), (of_vector, np.arange(len(V)))), shape=(C, len(V)))
        by_stratum = [csr_array((f.ravel(), _places(r, of_vector, C)), shape=(r * C, len(V))) for f in F]
        member = into_strata.toarray()
        return cls(
            values=np.ascontiguousarray(values.T),
            sizes=sizes[:, None],
            root=np.ascontiguousarray(np.linalg.inv(upper)),
            logdet_X=2.0 * float(np.log(np.abs(np.diagonal(upper))).sum()),
            sum_log_weights=float(np.log(w).sum()),
            offset=design.known[:, None],
            scale=np.sqrt(w)[:, None],
            Qt=csr_array(Q.T),
            Ut=csr_array(U.T),
            into_strata=into_strata,
            into_FU=tuple(by_stratum),
            QZZQ=np.array([(Q.T @ part) @ (Q.T @ part).T for part in Z]),
            FF=np.einsum("jxv,kyv,cv->jkxyc", F, F, member),
            residual=residual,
        )

    def of_responses(self, Y: FloatArray) -> StrataOfResponses:
        """Sums of the columns of Y (n, m)."""
        y = np.ascontiguousarray(self.scale * (Y - self.offset))
        m, (J, C), r = Y.shape[1], self.values.shape, len(self.root)
        rest, gamma0, Q, U = y, np.zeros((r, m)), self.Qt.T.tocsr(), self.Ut.T.tocsr()
        for _ in range(2):  # twice, so that no digits are lost where the mean is large against the spread
            share = self.Qt @ rest
            gamma0, rest = gamma0 + share, rest - Q @ share
        along = np.asarray(self.Ut @ rest)
        SS = np.asarray(self.into_strata @ along**2)
        beyond = rest - U @ along
        SS[self.residual] = (beyond**2).sum(axis=0)
        FU = np.array([into @ along for into in self.into_FU]).reshape(J, r, C, m)
        return StrataOfResponses((rest**2).sum(axis=0), (y**2).sum(axis=0), gamma0, SS, FU)


def _dense(design: MixedDesign) -> list[FloatArray]:
    """Z_j of every factor."""
    out = []
    for f in design.random.groups:
        Z = np.zeros((design.n, f.grouping.n_levels))
        Z[np.arange(design.n), f.codes] = 1.0 if f.columns[0] is None else f.columns[0]
        out.append(Z)
    return out


def _size(A: FloatArray) -> float:
    return float(np.abs(A).max(initial=0.0))


def _places(r: int, of_vector: IntArray, C: int) -> tuple[IntArray, IntArray]:
    """Rows x C + c of entries (x, v), and their columns."""
    v = np.arange(len(of_vector))
    return (C * np.arange(r)[:, None] + of_vector).ravel(), np.tile(v, r)


def _joint(halves: Sequence[FloatArray]) -> tuple[FloatArray, IntArray, FloatArray] | None:
    """Joint eigenvectors V (K, K) of A_j A_j', the stratum of each, and the strata's eigenvalues (C, J).

    None where they do not commute. A combination of all with coefficients that no design knows has their eigenvectors.
    """
    matrices = [A @ A.T for A in halves]
    size = max(map(_size, matrices))
    weights = 1.0 + (0.5 * (np.sqrt(5.0) - 1.0) * np.arange(1, len(matrices) + 1)) % 1.0
    _, V = np.linalg.eigh(sum(w * A for w, A in zip(weights, matrices, strict=True)))
    turned = [V.T @ A @ V for A in matrices]
    if any(_size(A - np.diag(np.diagonal(A))) > ROUNDING * size for A in turned):
        return None
    values = np.array([np.diagonal(A) for A in turned]).T
    _, inverse = np.unique(np.round(values / (10.0 * ROUNDING * size)), axis=0, return_inverse=True)
    which = inverse.ravel()
    means = np.array([np.bincount(which, v) for v in values.T]).T / np.bincount(which)[:, None]
    return V, which, np.where(np.abs(means) < ROUNDING * size, 0.0, means)


@dataclass(frozen=True, eq=False)
class SpectralDeviance:
    """theta / unit -> the deviance, or the REML criterion, with beta and sigma profiled out.

    Parameters
    ----------
    sums : Strata
    n : int
    reml : bool
    unit : float
        What theta is measured in.
    """

    sums: Strata
    n: int
    reml: bool
    unit: float

    @property
    def df(self) -> int:
        """What sigma^2 is r^2 over."""
        return self.n - (len(self.sums.root) if self.reml else 0)

    @property
    def cost(self) -> int:
        """Numbers of one response in the largest array."""
        J, C = self.sums.values.shape
        return int(C * J * max(J, len(self.sums.root)))

    def start(self, responses: StrataOfResponses) -> FloatArray:
        """x from mean squares, which are linear in the variances: least squares by degrees of freedom."""
        J, sizes = len(self.sums.values), self.sums.sizes[:, 0]
        there = sizes > 0
        design = np.sqrt(sizes[there])[:, None] * np.column_stack([np.ones(there.sum()), self.sums.values.T[there]])
        solve = np.linalg.pinv(design) / np.sqrt(sizes[there])
        variances = sum(column[:, None] * SS for column, SS in zip(solve.T, responses.SS[there], strict=True))
        sigma2 = np.where(variances[0] > 0.0, variances[0], responses.yWy / self.n)
        return np.asarray(np.sqrt(np.clip(variances[1:] / sigma2 / self.unit**2, 0.01, 1e6))).reshape(J, -1)

    def at(self, x: FloatArray, responses: StrataOfResponses) -> EvaluatedStrata:
        """Everything at x (J, m)."""
        return EvaluatedStrata(self, responses, self.unit * x)


class EvaluatedStrata:
    """The criterion of m responses at one theta (J, m) each."""

    #: No sum of squares is a difference.
    cancelled: float = 1.0

    def __init__(self, criterion: SpectralDeviance, responses: StrataOfResponses, theta: FloatArray) -> None:
        self.criterion, self.responses, self.theta = criterion, responses, theta
        values = criterion.sums.values
        self.a = 1.0 / (1.0 + _over_factors(values, theta**2))
        self.pwrss = (self.a * responses.SS).sum(axis=0)
        self.sigma2 = self.pwrss / criterion.df

    @property
    def value(self) -> FloatArray:
        """The criterion, (m,)."""
        c, sums = self.criterion, self.criterion.sums
        value = -(sums.sizes * np.log(self.a)).sum(axis=0) - sums.sum_log_weights
        return np.asarray(value + c.df * (1.0 + np.log(2.0 * np.pi * self.sigma2)) + (sums.logdet_X if c.reml else 0.0))

    @cached_property
    def _by_square(self) -> tuple[FloatArray, FloatArray]:
        """Derivatives by theta_j^2 of the criterion, and of -r^2 over sigma^2: (J, m)."""
        values, sizes, SS = self.criterion.sums.values[:, :, None], self.criterion.sums.sizes, self.responses.SS
        by_pwrss = (values * (self.a**2 * SS)).sum(axis=1) / self.sigma2
        return (values * (sizes * self.a)).sum(axis=1) - by_pwrss, by_pwrss

    @property
    def gradient(self) -> FloatArray:
        """By x, (J, m)."""
        return np.asarray(2.0 * self.criterion.unit * self.theta * self._by_square[0])

    @property
    def hessian(self) -> FloatArray:
        """By x, (J, J, m)."""
        c, values, by = self.criterion, self.criterion.sums.values, self._by_square
        inner = 2.0 * self.a * self.a * self.a * self.responses.SS / self.sigma2 - c.sums.sizes * self.a**2
        pairs = values[:, None] * values
        H = (pairs[..., None] * inner).sum(axis=2) - by[1][:, None] * by[1] / c.df
        H *= 4.0 * self.theta[:, None] * self.theta
        J = np.arange(len(values))
        H[J, J] += 2.0 * by[0]
        return np.asarray(c.unit**2 * H)

    @cached_property
    def C(self) -> FloatArray:
        """(Q'V^-1 Q)^-1, (r, r, m)."""
        sums, squares = self.criterion.sums, self.theta**2
        r = len(sums.root)
        C: FloatArray = np.einsum("jxy,jm->xym", sums.QZZQ, squares)
        C[range(r), range(r)] += 1.0
        for j, row in enumerate(sums.FF):
            for k, FF in enumerate(row):
                C -= squares[j] * squares[k] * (FF[..., None] * self.a).sum(axis=2)
        return C

    @cached_property
    def gamma(self) -> FloatArray:
        """Coefficients of Q, less those of the regression on X alone, (r, m)."""
        shares = (self.responses.FU * self.a).sum(axis=2)
        return np.asarray(-(self.theta[:, None] ** 2 * shares).sum(axis=0))

    def users_theta(self, groups: Sequence[GroupLabels]) -> FloatArray:
        """theta of the user's columns, (m, J)."""
        units = np.array([g.R[0, 0] for g in groups])
        return np.ascontiguousarray(np.abs(self.theta).T / units)


def _over_factors(values: FloatArray, squares: FloatArray) -> FloatArray:
    """sum_j lambda_cj theta_j^2, (C, m)."""
    return np.asarray(sum(v[:, None] * s for v, s in zip(values, squares, strict=True)))


__all__ = ["SpectralDeviance", "Strata"]
