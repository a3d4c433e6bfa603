"""`Gram`: sums over rows that can be added, saved, and fitted by `ranef.lmm`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..calls.covariances import structures_of
from ..contracts.errors import DataWarning, InputError, InputTypeError
from ..design.summed import SummedDesign, summed_design
from ..design.sums import Sums
from ..design.terms import refuse_unknown_factors
from ..formula.recipe import Recipe, make_recipe
from ..formula.terms import Terms
from ..notes import Note, tell
from ..registry import Provenance


@dataclass(frozen=True, eq=False, repr=False)
class Gram:
    """All that a linear mixed model needs of its rows: sums, which may be added.

    Sums of parts of the data are made wherever these are, and added in any order: what comes out is that of all rows,
    up to rounding. ``ranef.lmm(gram)`` fits it, in a time that does not depend on the number of rows.

    Parameters
    ----------
    recipe : Recipe
        How rows are encoded.
    sums : Sums
    seen : dict of str to int
        Files that were read, with their rows.

    Examples
    --------
    >>> import ranef
    >>> d = ranef.datasets.load("sleepstudy")
    >>> halves = [{name: column[rows] for name, column in d.items()} for rows in (slice(0, 90), slice(90, None))]
    >>> gram = sum(ranef.Gram.of(half, "Reaction ~ Days + (Days | Subject)") for half in halves)
    >>> gram
    Gram of Reaction ~ Days + (Days | Subject): 180 rows; Subject 18
    >>> round(ranef.lmm(gram).log_likelihood, 4)
    -871.8141
    """

    recipe: Recipe = field()
    sums: Sums
    seen: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        data: Any,
        formula: str | Gram | Recipe,
        *,
        weights: str | None = None,
        offset: str | None = None,
        contrasts: Mapping[str, str] | None = None,
        levels: Mapping[str, Sequence[Any]] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Gram:
        """The sums of the rows of a data frame.

        Parameters
        ----------
        data : data frame of pandas, polars or pyarrow, or dict of arrays
            Nothing missing: all rows count.
        formula : str, or Gram
            As `ranef.lmm` takes it; or a Gram of other rows, to encode these in the same way.
        weights, offset : str, optional
            Columns or expressions.
        contrasts, levels, context
            As `ranef.model_frame`. Levels of factors in X, unless their column's type says them.

        Raises
        ------
        InputError, InputTypeError
            For values that are missing or of the wrong kind, with their rows; for factors in X whose levels are not
            known, and functions such as ``poly`` and ``scale``, which learn from all rows.

        Examples
        --------
        >>> import ranef
        >>> ranef.Gram.of({"y": [1.0, 2.0, 4.0], "g": ["a", "b", "b"]}, "y ~ 1 + (1 | g)").n
        3
        """
        options: dict[str, Any] = {"weights": weights, "offset": offset, "contrasts": contrasts, "levels": levels}
        options["context"] = context
        if isinstance(formula, str):
            recipe = make_recipe(formula, data, **options)
        elif given := [name for name, value in options.items() if value is not None]:
            raise InputTypeError(f"{', '.join(given)}: the other Gram says this; leave it out")
        elif isinstance(formula, Gram | Recipe):
            recipe = formula if isinstance(formula, Recipe) else formula.recipe
        else:
            raise InputTypeError(f"formula must be a text, or a Gram of other rows; got {type(formula).__name__}")
        part = recipe.encode(data)
        return cls(recipe, Sums.of(part.columns, part.factors, part.weights))

    @staticmethod
    def merged(parts: Sequence[Gram]) -> Gram:
        """The sum of several, in one step: less work than adding them one by one.

        Raises
        ------
        InputError, InputTypeError
            For parts of other formulas, levels of factors in X, or types of labels.
        """
        if not parts or not all(isinstance(part, Gram) for part in parts):
            raise InputTypeError("Gram.merged takes a list of at least one Gram")
        for part in parts[1:]:
            parts[0].recipe.refuse_other(part.recipe)
        seen: dict[str, int] = {}
        for part in parts:
            for name, n in part.seen.items():
                seen[name] = seen.get(name, 0) + n
        return Gram(parts[0].recipe, Sums.merged([part.sums for part in parts]), seen)

    def __add__(self, other: Gram) -> Gram:
        total = Gram.merged([self, other])
        if twice := [name for name in self.seen if name in other.seen]:
            more = f" and {len(twice) - 1} more" if len(twice) > 1 else ""
            tell([Note(DataWarning, f"rows of {twice[0]}{more} are in both sums, and count twice in what comes out")])
        return total

    def __radd__(self, other: Any) -> Gram:
        return self if other == 0 else NotImplemented  # sum() begins with 0

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.sums.n

    @property
    def _source(self) -> str:
        """The file of all rows, or how many there are; empty where rows are from elsewhere, too."""
        if not self.seen or sum(self.seen.values()) != self.n:
            return ""
        return next(iter(self.seen)) if len(self.seen) == 1 else f"{len(self.seen)} files"

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of levels by factor."""
        return {name: len(part.levels) for name, part in self.sums.levels.items()}

    @property
    def nbytes(self) -> int:
        """Size of the sums in memory, in bytes; labels that are objects not counted."""
        levels = sum(p.sums.nbytes + p.levels.nbytes + p.hashes.nbytes for p in self.sums.levels.values())
        return levels + sum(p.sums.nbytes + p.rows.nbytes + p.columns.nbytes for p in self.sums.cells.values())

    def __repr__(self) -> str:
        groups = ", ".join(f"{name} {count:,}" for name, count in self.n_groups.items())
        files = f"; {len(self.seen)} file{'s' * (len(self.seen) > 1)}" if self.seen else ""
        return f"Gram of {' '.join(self.recipe.encoder.formula.split())}: {self.n:,} rows; {groups}{files}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sums to a file, from which `Gram.load` makes them again; nothing in it is ever executed.

        Raises
        ------
        InputError
            For labels that no file can hold.
        OSError
            Where the file cannot be written.
        """
        from ..storage.grams import save_gram

        save_gram(path, self.recipe, self.sums, self.seen)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Gram:
        """The sums that `save` wrote.

        Raises
        ------
        StorageError
            Where the file has none, is damaged, or was written by a newer version of ranef.
        OSError
            Where it cannot be read.
        """
        from ..storage.grams import load_gram

        return cls(*load_gram(path))

    def design(
        self, covariance: Any = None, relationship: Any = None, precision: Any = None
    ) -> tuple[SummedDesign, Terms, tuple[Provenance, ...]]:
        """What a linear model is fitted to, its terms, and where covariance structures come from."""
        effects, words = self.recipe.random()
        given = dict(covariance or {})
        refuse_unknown_factors("covariance", given, list(effects))
        if both := [str(name) for name in given if name in (words or {})]:
            raise InputError(
                f"covariance names {', '.join(both)}, whose structure stands in the formula: leave one out"
            )
        structures, provenance = structures_of({**given, **(words or {})} or None)
        design = summed_design(
            self.sums,
            self.recipe.x_names,
            effects,
            self.recipe.plan.response_name,
            covariance=structures,
            relationship=relationship,
            precision=precision,
            has_weights=bool(self.recipe.weights),
            has_offset=bool(self.recipe.offset or self.recipe.plan.offsets),
        )
        return design, self.recipe.terms(self.n, self._source), provenance


__all__ = ["Gram"]
