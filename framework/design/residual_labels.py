"""What the residual structure of a linear model is called: no rows in it."""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts.arrays import FloatArray

#: Correlations by name, with what they are in words.
KINDS = {
    "ar1": "AR(1)",
    "car1": "continuous-time AR(1)",
    "cs": "compound symmetry",
    "toep": "Toeplitz",
    "us": "unstructured",
}


@dataclass(frozen=True, eq=False)
class ResidualLabels:
    """A residual structure.

    Parameters
    ----------
    kind : str
        A name of `KINDS`; "" where residuals are independent.
    time, group : str
        Names of the times, and of the grouping factor.
    visits : tuple of str
        Of toep and us.
    largest : int
        Rows of the largest group.
    dispersion : tuple of str
        Names of the columns of log S = D delta; empty where all rows have one variance.
    to_users : (d, d) array
        What makes the coefficients of D from (log sigma, those of the basis).
    strata : bool
        Whether every row has one column of D that is 1, and 0 in the others: its stratum.
    step, closest : float
        Time in which the parameter of car1 has a decay, a typical one between neighbours, whatever the unit; and the
        least time between any, in steps.
    """

    kind: str
    time: str
    group: str
    visits: tuple[str, ...]
    largest: int
    dispersion: tuple[str, ...]
    to_users: FloatArray
    strata: bool = False
    step: float = 1.0
    closest: float = 1.0

    @property
    def n_correlations(self) -> int:
        """Parameters of C."""
        k = len(self.visits)
        return {"": 0, "toep": k - 1, "us": k * (k - 1) // 2}.get(self.kind, 1)

    @property
    def n_scales(self) -> int:
        """Parameters of S beside sigma."""
        return max(len(self.dispersion) - 1, 0)

    @property
    def scales_are_visits(self) -> bool:
        """Whether the columns of D are the visits, as of us without a dispersion."""
        return bool(self.visits) and self.dispersion == self.visits

    def __len__(self) -> int:
        return self.n_correlations + self.n_scales

    @property
    def correlation_names(self) -> tuple[str, ...]:
        """Of the correlations, as tables show them."""
        if self.kind == "toep":
            return tuple(f"lag {d}" for d in range(1, len(self.visits)))
        if self.kind == "us":
            return tuple(f"{b}.{a}" for i, b in enumerate(self.visits) for a in self.visits[:i])
        return {"": (), "cs": ("Rho",)}.get(self.kind, ("Phi",))

    @property
    def text(self) -> str:
        """As users write it."""
        return f"{self.kind}({self.time if self.kind != 'cs' else '1'} | {self.group})" if self.kind else ""
