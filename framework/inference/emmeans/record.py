"""`MarginalMeans`: means, slopes or contrasts of them, with tests, limits, and what can be asked of them further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import chain, count
from typing import Any

import numpy as np

from ...contracts.arrays import AnyArray, BoolArray, FloatArray, real_number
from ...contracts.errors import InputError, shown
from ...display.records import Table
from .. import caveats
from ..methods import DEPENDENT
from .adjust import WITHOUT_LIMITS, Together, check_adjust
from .families import Family, crossed, family_of
from .joint import joint_tests_by
from .letters import letters_of
from .linear import Linear, names_of
from .responses import ResponseMeans
from .scale import Scale

TYPES = ("link", "response")


@dataclass(frozen=True, eq=False, repr=False)
class MarginalMeans(Table):
    """Marginal means, slopes, or contrasts of these: a table, and what more can be asked of it.

    The columns are those of the factors (or ``contrast``) and ``estimate``, ``se``, ``df`` (of t distributions),
    ``lower``, ``upper``; for contrasts ``statistic`` and ``p_value`` too.

    Parameters
    ----------
    linear : Linear
        The rows L (c, p), offsets, and what they are rows of.
    covariance : (c, c) array
        Of the estimates on the scale of the coefficients.
    level : float
        Of the intervals.
    adjust : str
        Adjustment for several tests.
    type : {"link", "response"}
        Scale of estimates and limits; tests are always on that of the coefficients.
    """

    _: KW_ONLY
    linear: Linear = field(repr=False)
    covariance: FloatArray = field(repr=False)
    level: float
    adjust: str
    type: str

    @property
    def L(self) -> FloatArray:
        """Weights of the coefficients, (c, p)."""
        return self.linear.L

    def contrast(
        self,
        method: Any = "eff",
        *,
        interaction: str | Sequence[str] | None = None,
        adjust: str | None = None,
        by: Any = "same",
        ref: Any = None,
        level: float | None = None,
        type: str | None = None,  # noqa: A002 - R's name of it
    ) -> MarginalMeans:
        """Contrasts of the rows, within each group of `by`.

        Parameters
        ----------
        method : str, dict, or matrix
            "pairwise", "revpairwise", "trt.vs.ctrl", "poly", "consec", "eff", "del.eff", "mean_chg"; a dict of label
            and weights (in order, or by label of the mean); or a matrix with a row of weights for each contrast.
        interaction : str or list of str, optional
            Interaction contrasts in the place of `method`: products of contrasts of each variable, by the name of one
            family for all, or of one for each. They are not adjusted by default.
        adjust : str, optional
            "none", "tukey", "sidak", "dunnettx" (Dunnett's, approximated), "mvt" (multivariate t), "scheffe",
            "bonferroni", "holm", "hochberg", "fdr" or "BY". By default as in emmeans: Tukey's for "pairwise",
            "dunnettx" for "trt.vs.ctrl", "mvt" for "consec" and "mean_chg", "fdr" for effects, none for others.
        by : str or list of str, optional
            Variables that divide the rows; by default those that the means are divided by, None for none.
        ref : str or int, optional
            The control of "trt.vs.ctrl": its label, or its place from 0. The first by default.
        level : float, optional
        type : {"link", "response"}, optional
            By default those of the means. Differences of logarithms are ratios on the response scale, those of logits
            odds ratios; others stay what they are, and a note says so.

        Raises
        ------
        InputError, InputTypeError
            For contrasts that do not fit, or words that there are not.

        Examples
        --------
        >>> import ranef
        >>> cake = ranef.datasets.load("cake")
        >>> fit = ranef.lmm("angle ~ recipe + temperature + (1 | replicate:recipe)", cake)
        >>> pairs = fit.emmeans("recipe").contrast("pairwise")
        >>> pairs["contrast"].tolist(), pairs["estimate"].round(3).tolist(), pairs["p_value"].round(3).tolist()
        (['A - B', 'A - C', 'B - C'], [1.478, 1.522, 0.044], [0.82, 0.81, 1.0])
        """
        of = self.linear if by == "same" else replace(self.linear, by=_by(by, self.linear))
        labels: dict[str, list[str]] = {}
        blocks, keys = [], []
        sizes = {len(rows) for _, rows in of.families()}
        for key, rows in of.families():
            names, family = _family(of, rows, method, interaction, ref)
            weights = np.zeros((len(family.weights), len(of.L)))
            weights[:, rows] = family.weights
            blocks.append(weights)
            keys += [key] * len(family.weights)
            for name, texts in names.items():
                labels.setdefault(name, []).extend(texts)
        weights = np.concatenate(blocks)
        L, offset = of.combined(weights)
        on = type or self.type
        sums = np.abs(weights.sum(axis=1)) <= 1e-6 * np.abs(weights).max(axis=1)
        scale, notes = _scale_of_contrasts(of.scale, bool(sums.all()))
        if on == "response" and scale.name and not isinstance(method, Mapping):
            labels = {name: [text.replace(" - ", " / ") for text in texts] for name, texts in labels.items()}
        columns: dict[str, AnyArray] = {name: np.array(texts, dtype=object) for name, texts in labels.items()}
        columns |= {name: _column([key[name] for key in keys]) for name in of.by}
        made = replace(
            of,
            labels=columns,
            L=L,
            offset=offset,
            scale=scale,
            what="contrasts",
            adjust=family.adjust,
            means=max(sizes) if family.pairwise else 0,
            notes=tuple(dict.fromkeys((*of.notes, *notes))),
        )
        return summarized(made, adjust, self.level if level is None else level, on)

    def pairs(
        self,
        *,
        adjust: str | None = None,
        by: Any = "same",
        type: str | None = None,  # noqa: A002 - R's name of it
    ) -> MarginalMeans:
        """All pairwise differences, by Tukey's adjustment: ``contrast("pairwise")``."""
        return self.contrast("pairwise", adjust=adjust, by=by, type=type)

    def joint_tests(self) -> Table:
        """Together that all rows are zero together, one for each group of `by`.

        Of contrasts, that there is no difference at all. Rows that the data do not determine are left out.

        Raises
        ------
        InputError
            For means of the response that are no functions of linear predictors alone.
        """
        if isinstance(self.linear, ResponseMeans):
            raise InputError(
                "joint tests are of linear predictors, and these means depend on other parameters besides: take those "
                "of emmeans(..., type='link')"
            )
        tests = [(key, self.linear.L[rows]) for key, rows in self.linear.families()]
        return joint_tests_by(self.linear.fit, self.linear.method, tests, frame=self.frame)

    def cld(self, *, adjust: str | None = None, alpha: float | None = None) -> Table:
        """Compact letter display: the means in ascending order, those that share a letter do not differ.

        That means do not differ at a level says little of whether they are equal: differences with their intervals say
        more.

        Parameters
        ----------
        adjust : str, optional
            As of `pairs`.
        alpha : float, optional
            Level of the tests; by default what `level` leaves.

        Raises
        ------
        InputError
            Where there are means that the data do not determine.

        References
        ----------
        Piepho (2004), doi 10.1198/1061860043515.
        """
        alpha = 1.0 - self.level if alpha is None else real_number(alpha, "alpha")
        if not 0.0 < alpha < 1.0:
            raise InputError(f"alpha must lie between 0 and 1; got {alpha}")
        if np.isnan(self["estimate"]).any():
            raise InputError("a mean is NaN: letters would say that it differs from none. Leave its level out by at=")
        p = self.pairs(adjust=adjust)["p_value"]
        order, letters, first = [], [], 0
        for _, rows in self.linear.families():
            k = len(rows)
            differ: BoolArray = np.zeros((k, k), dtype=bool)
            upper = np.triu_indices(k, 1)
            differ[upper] = p[first : first + len(upper[0])] < alpha
            first += len(upper[0])
            ascending = np.argsort(self["estimate"][rows], kind="stable")
            order += rows[ascending].tolist()
            letters += letters_of((differ | differ.T)[np.ix_(ascending, ascending)])
        width = max(map(len, letters))
        columns = {name: column[order] for name, column in self.columns.items()}
        columns["group"] = np.array([text.ljust(width) for text in letters], dtype=object)
        said = (
            f"Means that share a letter do not differ at the level {alpha:g} ({check_adjust(adjust, 'tukey', True)[0]})"
        )
        return Table(columns, title=self.title, notes=(*self.notes, said), headers=self.headers, frame=self.frame)


def summarized(linear: Linear, adjust: Any, level: Any, on: Any) -> MarginalMeans:
    """The table of linear functions, on the scale of the "link" or of the "response".

    Raises
    ------
    InputError, InputTypeError
        For words that there are not, or a level that is none.
    """
    if not 0.0 < real_number(level, "level") < 1.0:
        raise InputError(f"level must lie between 0 and 1; got {level}")
    if on not in TYPES:
        raise InputError(f"type must be 'link' or 'response'; got {shown(on)}")
    used, said = check_adjust(adjust, linear.adjust, linear.means > 0)
    found, scale = linear.estimates, linear.scale
    value, se = found.values + linear.offset, found.se
    known = ~np.isnan(se)
    df = np.full(len(se), np.inf) if found.test.df is None else found.test.df
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = value / se
    p, quantiles = np.empty(len(se)), np.empty(len(se))
    for _, rows in linear.families():
        tests = _tests(linear, rows, statistic, df)
        quantiles[rows] = tests.quantiles(level, used)
        if linear.what == "contrasts":
            p[rows] = tests.p_values(used)
    there = value, se, value - quantiles * se, value + quantiles * se
    if back := on == "response" and scale.header != "":
        there = scale.shown(value, se, quantiles, found.rows)
    columns: dict[str, Any] = dict(linear.labels) | dict(zip(("estimate", "se"), there[:2], strict=True))
    if found.test.df is not None:
        columns["df"] = np.where(known, found.test.df, np.nan)
    columns |= dict(zip(("lower", "upper"), there[2:], strict=True))
    headers = {"estimate": scale.header if back else "Estimate"}
    if linear.what == "contrasts":
        columns |= {"statistic": statistic, "p_value": p}
        headers |= {"statistic": f"{found.test.letter} value", "p_value": f"Pr(>|{found.test.letter}|)"}
    return MarginalMeans(
        columns,
        title=f"{_TITLES[linear.what]} by {linear.method.title}, with {100.0 * level:g} % limits",
        notes=(*linear.notes, *_notes(linear, used, said, back), *caveats.of_method(linear.fit, linear.method)),
        headers=headers,
        frame=linear.frame,
        linear=linear,
        covariance=found.covariance,
        level=float(level),
        adjust=used,
        type=on,
    )


_TITLES = {"means": "Marginal means", "slopes": "Marginal slopes", "contrasts": "Contrasts"}


def _tests(linear: Linear, rows: AnyArray, statistic: FloatArray, df: FloatArray) -> Together:
    covariance = linear.estimates.covariance[np.ix_(rows, rows)]
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.diagonal(covariance))
        correlation = covariance / np.outer(sd, sd)
    inside = linear.estimates.rows[rows][~np.isnan(sd)]
    norms = np.linalg.norm(inside, axis=1, keepdims=True)
    rank = int(np.linalg.matrix_rank(inside / np.where(norms > 0.0, norms, 1.0), tol=DEPENDENT)) if len(inside) else 0
    return Together(statistic[rows], np.where(np.isnan(sd), np.nan, df[rows]), correlation, linear.means, rank)


def _notes(linear: Linear, adjust: str, said: str, back: bool) -> Iterator[str]:
    if back and linear.scale.name:
        extra = "tests and limits are" if linear.what == "contrasts" else "limits are"
        yield f"Back from the {linear.scale.name} scale, on which {extra}"
        if linear.scale.note:
            yield linear.scale.note
    elif linear.scale.name and linear.scale.header:
        yield f"On the {linear.scale.name} scale, not that of the response"
    sizes = {len(rows) for _, rows in linear.families()}
    if said:
        yield said
    if adjust != "none" and max(sizes) > 1:
        over = f"{linear.means} means" if adjust == "tukey" else f"{max(sizes)} {_COUNTED[linear.what]}"
        yield f"Adjusted for {over}{' within each group' if linear.by else ''}: {adjust}"
        if adjust in WITHOUT_LIMITS and linear.what == "contrasts":
            yield "Limits are adjusted by Bonferroni's method"
    if np.isnan(linear.estimates.values).any():
        yield "NA: the data do not determine these"


_COUNTED = {"means": "means", "slopes": "slopes", "contrasts": "tests"}


def _scale_of_contrasts(scale: Scale, differences: bool) -> tuple[Scale, tuple[str, ...]]:
    """Differences of logarithms are ratios; other contrasts stay on their scale."""
    if not scale.name:
        return scale.differences or scale, ()
    if differences and scale.differences is not None:
        return replace(scale.differences, differences=scale.differences), ()
    return Scale(), (f"Contrasts are on the {scale.name} scale, not that of the response",)


def _family(
    linear: Linear, rows: AnyArray, method: Any, interaction: Any, ref: Any
) -> tuple[dict[str, Sequence[str]], Family]:
    """Contrasts of the rows of a family, with the columns that name them."""
    if interaction is None:
        family = family_of(method, linear.names_of(rows), ref, linear.names_of(rows, full=False))
        return {_free("contrast", linear.by): family.names}, family
    if method != "eff" or ref is not None:
        raise InputError("interaction= takes the place of the method and of ref=")
    factors = linear.factors_of(rows)
    methods = [interaction] * len(factors) if isinstance(interaction, str) else list(interaction)
    if len(methods) != len(factors) or not all(isinstance(name, str) for name in methods):
        raise InputError(
            f"interaction must be the name of a family of contrasts, or one for each of {', '.join(factors)}; got "
            f"{shown(interaction)}"
        )
    families = [family_of(name, labels) for name, labels in zip(methods, factors.values(), strict=True)]
    places = np.indices([len(family.names) for family in families]).reshape(len(families), -1, order="F")
    columns: dict[str, Sequence[str]] = {
        _free(f"{factor}_{name}", linear.by): [family.names[i] for i in place]
        for factor, name, family, place in zip(factors, methods, families, places, strict=True)
    }
    return columns, Family((), crossed([family.weights for family in families]), "none")


def _free(name: str, taken: Sequence[str]) -> str:
    """A name of a column, with a number behind it where the rows are divided by another one of that name."""
    numbered = (f"{name}{i}" for i in count(1))
    return next(made for made in chain([name], numbered) if made not in taken)


def _by(by: Any, linear: Linear) -> tuple[str, ...]:
    names = names_of(by, "by")
    if unknown := [name for name in names if name not in linear.labels]:
        raise InputError(f"by names {', '.join(unknown)}; the rows have {', '.join(linear.labels)}")
    return names


def _column(values: list[Any]) -> AnyArray:
    return np.array(values, dtype=np.float64 if all(isinstance(v, float) for v in values) else object)
