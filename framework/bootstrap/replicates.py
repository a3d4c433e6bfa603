"""What is kept of every replicate, and the two ways to it: all responses of a block at once, or one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray
from ..contracts.errors import InputError, InputTypeError, RanefError, shown
from ..estimation.model import Fit, Model
from ..many.fitting import Task
from ..many.one_by_one import Of
from ..threads import few_threads
from .parameters import UsersParameters, estimates_of_solution
from .schemes import OfResponses, Scheme

#: From a solution to the values of a statistic.
Statistic = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Replicates:
    """A block of replicates.

    Parameters
    ----------
    values, se : (m, q) arrays
        Statistics and their standard errors, NaN where there are none.
    singular : (m,) bool array
    reason : (m,) array of str
        Why there is no fit, or none that is to be used; "" elsewhere.
    """

    values: FloatArray
    se: FloatArray
    singular: BoolArray
    reason: AnyArray

    @classmethod
    def empty(cls, m: int, q: int) -> Replicates:
        """Of m replicates, still to be found."""
        nothing = np.full((2, m, q), np.nan)
        return cls(nothing[0], nothing[1], np.zeros(m, bool), np.full(m, "", dtype=object))

    @classmethod
    def joined(cls, parts: Sequence[Replicates]) -> Replicates:
        """One after the other, frozen."""
        names = "values", "se", "singular", "reason"
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        for column in columns.values():
            column.flags.writeable = False
        return cls(**columns)


class Measured(Protocol):
    """What is found of a solution: names, values and standard errors."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the q statistics."""

    def of(self, solution: Any, fit: Fit) -> tuple[FloatArray, FloatArray]:
        """Values and standard errors, (q,)."""


@dataclass(frozen=True, eq=False)
class AllParameters:
    """The parameters of the model."""

    parameters: UsersParameters

    @property
    def names(self) -> tuple[str, ...]:
        """As `confint` has them."""
        return self.parameters.names

    def of(self, solution: Any, fit: Fit) -> tuple[FloatArray, FloatArray]:
        """Of a solution."""
        found = estimates_of_solution(solution, fit)
        return self.parameters.values(found)[0], self.parameters.standard_errors(found)[0]


@dataclass(frozen=True, eq=False)
class OwnStatistic:
    """A function of the user.

    Parameters
    ----------
    statistic : callable
        From a solution to a number, numbers, or numbers by name.
    se : callable, optional
        The same for their standard errors.
    names : tuple of str
    """

    statistic: Statistic
    se: Statistic | None
    names: tuple[str, ...]

    @classmethod
    def first(cls, statistic: Any, se: Any, solution: Any) -> OwnStatistic:
        """Of the solution that all begins with, which has the names.

        Raises
        ------
        InputError, InputTypeError
            For functions that give no numbers; what they raise themselves is left as it is.
        """
        for name, function in (("statistic", statistic), ("se", se)):
            if function is not None and not callable(function):
                raise InputTypeError(f"{name} must be a function of a solution; got {shown(function)}")
        found = statistic(solution)
        if isinstance(found, Mapping):
            names = tuple(map(str, found))
        else:
            count = np.size(_numbers(found, "statistic"))
            called = getattr(statistic, "__name__", "statistic")
            called = "statistic" if called == "<lambda>" else called
            names = (called,) if np.ndim(found) == 0 else tuple(f"{called}[{i}]" for i in range(count))
        if not names:
            raise InputError("statistic gives no numbers")
        if len(set(names)) < len(names):
            raise InputError(f"statistic gives two values of one name: {', '.join(names)}")
        return cls(statistic, se, names)

    def of(self, solution: Any, fit: Fit) -> tuple[FloatArray, FloatArray]:
        """Of a solution."""
        values = self._aligned(self.statistic(solution), "statistic")
        return values, np.full(len(values), np.nan) if self.se is None else self._aligned(self.se(solution), "se")

    def _aligned(self, found: Any, what: str) -> FloatArray:
        """Numbers in the order of the names."""
        if isinstance(found, Mapping):
            by_name = {str(name): value for name, value in found.items()}
            if set(by_name) != set(self.names):
                raise InputError(f"{what} gives {', '.join(by_name)} here, where the first fit has {self.names}")
            found = [by_name[name] for name in self.names]
        values = _numbers(found, what)
        if len(values) != len(self.names):
            raise InputError(f"{what} gives {len(values)} numbers here, where the first fit has {len(self.names)}")
        return values


def _numbers(found: Any, what: str) -> FloatArray:
    try:
        values = np.array(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{what} must give numbers; it gives {shown(found)}") from error
    if values.ndim > 1:
        raise InputError(f"{what} must give a number or a list of numbers; it gives an array of shape {values.shape}")
    return np.atleast_1d(values)


# Ways ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class AtOnce:
    """All responses of a block together, by the road of many responses where there is one.

    Parameters
    ----------
    scheme : OfResponses
    task : Task
    parameters : UsersParameters
    """

    scheme: OfResponses
    task: Task
    parameters: UsersParameters

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> Replicates:
        """Draw, fit, and keep the parameters."""
        found = self.task(self.scheme.responses(rng, skip, count))
        reason = np.where(found.converged, "", np.where(found.reason == "", "not converged", found.reason))
        values, se = self.parameters.values(found), self.parameters.standard_errors(found)
        return Replicates(values, se, found.singular, reason.astype(object))


@dataclass(frozen=True, eq=False)
class OneByOne:
    """One fit after the other, and of each whatever is asked for.

    Parameters
    ----------
    scheme : Scheme
    of : callable
        From a fit to its solution.
    measured : Measured
    dropped : tuple of str
        Columns of X that the first fit has dropped.
    """

    scheme: Scheme
    of: Of
    measured: Measured
    dropped: tuple[str, ...]

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> Replicates:
        """Draw, fit, and measure."""
        out = Replicates.empty(count, len(self.measured.names))
        for j, model in enumerate(self.scheme.models(rng, skip, count)):
            out.reason[j] = model if isinstance(model, str) else self._measure(model, out, j)
        return out

    def _measure(self, model: Model[Any], out: Replicates, j: int) -> str:
        """Fit and measure replicate j; "" where that can be used, else why not."""
        lost = [name for name in model.labels.fixed.dropped_names if name not in self.dropped]
        if lost:
            return f"X does not determine {', '.join(lost)} in these cases"
        try:
            with few_threads(*model.labels.dense_sizes):
                fit = model.fit()
                solution = self.of(fit)
                out.values[j], out.se[j] = self.measured.of(solution, fit)
        except (RanefError, np.linalg.LinAlgError, ArithmeticError) as error:
            return str(error) or type(error).__name__
        except Exception as error:  # a function of the user's that cannot be had of this fit
            return f"{type(error).__name__}: {error}"
        out.singular[j] = bool(fit.singular_factors)
        return "" if fit.certificate.converged else fit.certificate.message or "not converged"


def way_of(fit: Fit, scheme: Scheme, of: Of, measured: Measured) -> tuple[AtOnce | OneByOne, bool]:
    """How replicates are found, and whether many at once."""
    if isinstance(scheme, OfResponses) and isinstance(measured, AllParameters):
        task = Task.make(fit.model, of, None)
        return AtOnce(scheme, task, measured.parameters), task.road is not None
    return OneByOne(scheme, of, measured, fit.labels.fixed.dropped_names), False


__all__ = ["AllParameters", "AtOnce", "Measured", "OneByOne", "OwnStatistic", "Replicates", "way_of"]
