"""`r_code`: the script that fits the same model in R, with our figures to be printed beside R's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.in_r import in_r
from ..contracts.ordered import OrderedFamily
from ..design.parameter import INFLATION
from ..design.terms import INTERCEPT, Term
from ..display.rscript import csv_text, data_frame, r_comment, r_number, r_strings, r_text, r_vector, reading_csv
from ..display.shown import Shown
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from .r_formula import UNSPACED, of_formula, unspaced
from .r_nlme import correlation_figures, nlme_call
from .r_packages import package_for
from .r_variables import Variables

if TYPE_CHECKING:
    from .base import FittedModel

#: Formulas that need R's package of splines.
SPLINES = re.compile(r"\b[bn]s\s*\(")
#: More rows are not written into a script.
MOST_ROWS = 1000
#: Our figures are written with so many significant digits.
DIGITS = 10

#: By default glmer finds modes of random effects to 1e-7 only, which shows in the third digit of standard errors.
CONTROL = "control = glmerControl(tolPwrss = 1e-13)"

#: Functions of the script: figures of both sides, and R's standard deviations and correlations by factor and columns.
#: (Package ordinal has no correlations of a single effect.)
FUNCTIONS = """\
beside <- function(what, name, ranef, R) {
  cat("\\n", what, "\\n", sep = "")
  print(data.frame(name, ranef, R, difference = R - ranef), row.names = FALSE, digits = 7)
}
components <- function(V) {
  out <- c()
  for (i in seq_along(V)) {
    g <- sub("[.][0-9]+$", "", names(V)[i])
    s <- attr(V[[i]], "stddev")
    out[paste(g, names(s))] <- s
    C <- attr(V[[i]], "correlation")
    if (!is.null(C)) out[outer(names(s), names(s), function(a, b) paste(g, a, b))] <- C
  }
  out
}"""


def r_code(solution: FittedModel[Any], data: str | PathLike[str] | None = None, frame: Any = None) -> Shown:
    """The script, see `MixedSolution.r_code`."""
    fit = solution._fit
    design = fit.model.design
    variables, why_not = Variables.of(design), ""
    if fit.labels.residual is not None:
        return Shown("\n".join(_by_nlme(solution, variables, data)) + "\n")
    package = package_for(fit, variables)
    if frame is not None and package == "ordinal":
        why_not = "clmm needs a factor for its response"
    elif frame is not None:
        own, why_not = of_formula(solution, frame, package)
        variables = own or variables
    lines = [*_head(solution, package)]
    if why_not:
        lines.append(r_comment(f"The formula is written in columns, since {why_not}."))
    lines += [f"library({package})", *["library(splines)"] * bool(SPLINES.search(variables.formula)), ""]
    lines += [*_data(variables, design.n, data), *variables.after, ""]
    call = _clmm(fit, variables) if package == "ordinal" else _call(fit, variables, package)
    lines += [f"m <- {call}", "print(summary(m))", "", FUNCTIONS]
    lines += [UNSPACED] * bool(variables.formula)
    lines += _figures_of_clmm(solution, variables) if package == "ordinal" else _figures(solution, variables, package)
    return Shown("\n".join(lines) + "\n")


def _by_nlme(solution: FittedModel[Any], variables: Variables, data: Any) -> Iterator[str]:
    """The script of a model with a residual structure, in columns."""
    fit = solution._fit
    call = nlme_call(fit, variables)
    yield from _head(solution, "nlme")
    yield from ("library(nlme)", "", *_data(variables, fit.labels.n, data), "", f"m <- {call}", "print(summary(m))", "")
    yield FUNCTIONS[: FUNCTIONS.index("components")]
    kept = solution._labels.fixed.kept
    names = [solution.names[j] for j in kept]
    yield _beside("Log-likelihood", ["logLik"], [solution.log_likelihood], "as.numeric(logLik(m))")
    coefficients = "fixef(m)" if fit.labels.terms else "coef(m)"
    yield _beside("Fixed effects", names, solution.coefficients[kept], f"unname({coefficients})")
    if fit.reml:
        yield _beside("Standard errors", names, solution.se[kept], "unname(sqrt(diag(vcov(m))))")
    if fit.labels.residual.kind:
        theirs = "unname(coef(m$modelStruct$corStruct, unconstrained = FALSE))"
        yield _beside("Correlations of residuals", *correlation_figures(fit), theirs)


def _head(solution: FittedModel[Any], package: str) -> Iterator[str]:
    yield r_comment(f"The model that ranef fitted as {solution.model}")
    if dropped := solution._labels.fixed.dropped_names:
        yield r_comment(f"without the columns {', '.join(dropped)}, which are combinations of others")
    yield f"# by {package}, with ranef's figures beside. R's packages search less closely by default: differences of a"
    yield "# thousandth of a standard error are those of the search."


# Data ---------------------------------------------------------------------------------------------------------------


def _data(variables: Variables, n: int, path: str | PathLike[str] | None) -> Iterator[str]:
    """The data frame d, written out or read from the file that is written."""
    yield from (r_comment(f"{name}: {meaning}") for name, meaning in variables.meaning.items())
    if path is None:
        if n > MOST_ROWS:
            raise InputError(
                f"the model has {n:,} rows, too many to be written into a script (more than {MOST_ROWS:,}): "
                "r_code(data='rows.csv') writes them into a file, which the script reads"
            )
        yield f"d <- {data_frame(variables.columns)}"
        return
    file = _file(path)
    _write(file, csv_text(variables.columns))
    yield f"d <- {reading_csv(variables.columns, file.as_posix())}"


def _file(path: Any) -> Path:
    if not isinstance(path, str | PathLike):
        raise InputTypeError(f"data must be the path of a file to be written; got {shown(path)}")
    return Path(fspath(path))


def _write(file: Path, text: str) -> None:
    """Write a file, over none but the same."""
    encoded = text.encode("utf-8")
    try:
        if not file.exists():
            file.write_bytes(encoded)
        elif file.is_dir() or file.read_bytes() != encoded:
            raise InputError(f"data={str(file)!r} is there already and is not written over: name another file")
    except OSError as error:
        raise InputError(f"data={str(file)!r} cannot be written: {error}") from error


# The call -----------------------------------------------------------------------------------------------------------


def _call(fit: Any, variables: Variables, package: str) -> str:
    linear, given = isinstance(fit, LinearFit), variables.columns
    right = ["0", *variables.x, *["offset(o)"] * ("o" in given)]
    right += [] if variables.formula else [b for term in fit.labels.terms for b in _bars(term, variables, package)]
    arguments = [variables.formula or f"y ~ {' + '.join(right)}", "data = d"]
    if not linear:
        known = in_r(fit.family, package)
        assert known is not None  # package_for has seen to it
        arguments.append(f'family = {known.name}(link = "{fit.family.link.name}")')
        if INFLATION in [p.name for p in fit.family.parameters] and INFLATION not in fit.labels.parameters:
            arguments.append("ziformula = ~ 1")
    if linear:
        arguments.append(f"REML = {str(fit.reml).upper()}")
    elif package == "lme4":
        arguments.append(f"nAGQ = {fit.nagq}")
    arguments += [*variables.arguments, *["weights = w"] * ("w" in given and not variables.formula)]
    if not linear and package == "lme4":
        arguments.append(CONTROL)
    function = package if package == "glmmTMB" else "lmer" if linear else "glmer"
    return f"{function}(\n  " + ",\n  ".join(arguments) + "\n)"


def _clmm(fit: GeneralizedFit, variables: Variables) -> str:
    """The call of clmm, whose thresholds are the intercept."""
    assert isinstance(fit.family, OrderedFamily)
    right = [x for x in variables.x if variables.meaning[x] != INTERCEPT]
    right += [bar for term in fit.labels.terms for bar in _bars(term, variables, "ordinal")]
    arguments = [f"factor(y) ~ {' + '.join(right)}", "data = d", f'link = "{fit.family.link.name}"']
    arguments += [f'threshold = "{thresholds}"' for thresholds in [getattr(fit.family, "thresholds", "")] if thresholds]
    arguments += [f"nAGQ = {fit.nagq}", *["weights = w"] * ("w" in variables.columns)]
    return "clmm(\n  " + ",\n  ".join([*arguments, "control = clmm.control(gradTol = 1e-9, maxIter = 500)"]) + "\n)"


def _bars(term: Term, variables: Variables, package: str) -> Iterator[str]:
    """A term as R's bar; uncorrelated columns as a bar of each, which `||` is."""
    group, effects = variables.g[term.group], variables.effects[term.group, term.columns]
    known = None if term.structure is None else in_r(term.structure, package)
    for part in [effects] if term.correlated else [(effect,) for effect in effects]:
        inside = " + ".join(part if "1" in part else ("0", *part))
        yield f"{'' if known is None else known.name}({inside} | {group})"


# Figures ------------------------------------------------------------------------------------------------------------


def _figures(solution: FittedModel[Any], variables: Variables, package: str) -> Iterator[str]:
    """Our figures, and where R has its own."""
    fit = solution._fit
    part = "" if package == "lme4" else "$cond"
    if isinstance(fit, GeneralizedFit) and fit.nagq > 1:
        ours = r_number(solution.log_likelihood, DIGITS)
        yield f"# ranef's log-likelihood is {ours}; lme4's lacks constants where nAGQ > 1."
    else:
        yield _beside("Log-likelihood", ["logLik"], [solution.log_likelihood], "as.numeric(logLik(m))")
    if variables.x:
        kept = solution._labels.fixed.kept
        names = [solution.names[j] for j in kept]
        theirs = _picked(f"fixef(m){part}", variables.x, variables)
        yield _beside("Fixed effects", names, solution.coefficients[kept], theirs)
        if isinstance(fit, LinearFit) and package == "glmmTMB":
            yield "# glmmTMB's standard errors take in that variances are estimated; lme4's and ranef's do not."
        theirs = _picked(f"sqrt(diag(as.matrix(vcov(m){part})))", variables.x, variables)
        yield _beside("Standard errors", names, solution.se[kept], theirs)
    of, values, keys = zip(*_components(solution, variables), strict=True)
    theirs = _picked(f"components(VarCorr(m){part})", keys, variables)
    yield _beside("Standard deviations and correlations of random effects", of, values, theirs)
    if isinstance(fit, LinearFit):
        yield _beside("Residual standard deviation", ["sigma"], [solution.var_components[-1].std_dev], "sigma(m)")
        return
    known = in_r(fit.family, package)
    assert known is not None  # package_for has seen to it
    yield from _dispersion(solution, known.parameters)


def _figures_of_clmm(solution: Any, variables: Variables) -> Iterator[str]:
    """Our figures and clmm's."""
    family, kept = solution._fit.family, solution._labels.fixed.kept
    yield _beside("Log-likelihood", ["logLik"], [solution.log_likelihood], "as.numeric(logLik(m))")
    own = [(x, j) for x, j in zip(variables.x, kept.tolist(), strict=True) if variables.meaning[x] != INTERCEPT]
    if own:
        x, at = zip(*own, strict=True)
        names = [solution.names[j] for j in at]
        yield _beside("Coefficients", names, solution.coefficients[list(at)], _picked("coef(m)", x, variables))
        errors = _picked("sqrt(diag(vcov(m)))", x, variables)
        yield _beside("Standard errors", names, solution.se[list(at)], errors)
    yield _beside("Thresholds", family.threshold_names, solution.thresholds["estimate"], "as.vector(m$Theta)")
    of, values, keys = zip(*_components(solution, variables), strict=True)
    theirs = _picked("components(VarCorr(m))", keys, variables)
    yield _beside("Standard deviations and correlations of random effects", of, values, theirs)


def _dispersion(solution: Any, theirs: Sequence[str]) -> Iterator[str]:
    """Dispersion parameters that are the same for all rows, and coefficients of others where R's are on that scale."""
    models, names = solution._labels.parameters, [p.name for p in solution._fit.family.parameters]
    phi = solution._determined(lambda fit: fit.phi)
    if theirs and not models:
        yield _beside("Dispersion parameters", names, phi, f"unname(c({', '.join(theirs)}))")
        return
    for name, value, figure in zip(names, phi, theirs if len(theirs) == len(names) else [""] * len(names), strict=True):
        if name not in models:
            if figure:
                yield _beside(f"Dispersion parameter {name}", [name], np.ravel(value)[:1], f"unname({figure})")
        elif name == INFLATION or figure == "sigma(m)":
            table, part = solution.coef_table(name), "zi" if name == INFLATION else "disp"
            yield _beside(f"Model of {name}", table["name"].tolist(), table["estimate"], f"unname(fixef(m)${part})")
        else:
            yield f"# The model of {name} is of another scale in glmmTMB (the shape of a gamma, the variance ...)."


def _picked(vector: str, names: Sequence[str], variables: Variables) -> str:
    """Elements of a vector of R by name."""
    if variables.formula:
        return f"of({vector}, {r_strings(map(unspaced, names))})"
    return f"unname({vector}[{r_strings(names)}])"


def _beside(what: str, names: Sequence[str], values: Any, theirs: str) -> str:
    numbers = r_vector(r_number(float(v), DIGITS) for v in values)
    return f"beside({r_text(what)},\n  {r_strings(names)},\n  {numbers},\n  {theirs})"


def _components(solution: FittedModel[Any], variables: Variables) -> Iterator[tuple[str, float, str]]:
    """Name, value and R's key of every standard deviation and correlation, of the user's columns."""
    for f, covariance in solution._covariances:
        sd = np.sqrt(np.diagonal(covariance))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlation = covariance / np.outer(sd, sd)
        names, group = f.column_names, variables.g[f.name]
        keys = [variables.names[f.name, name] for name in names]
        start = 0
        for term in f.terms:
            for a in range(start, start + len(term.columns)):
                yield f"{f.name} {names[a]}", float(sd[a]), f"{group} {keys[a]}"
                for b in range(start, a if term.correlated else start):
                    yield f"{f.name} {names[a]}, {names[b]}", float(correlation[a, b]), f"{group} {keys[a]} {keys[b]}"
            start += len(term.columns)
