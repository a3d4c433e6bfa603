"""Small deliberate faults, one at a time, and the tests that must see them: `python tests/bench/mutations.py [WORD]`.

Each is applied in a copy of the tree, from which `ranef` is imported there; the working tree is not touched. Words
choose the faults in whose file or text they occur. Prints what was caught, and exits with 1 below 95 %. A fault that
nothing catches is a test that is missing.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[2]
#: Part of the faults that must be caught.
REQUIRED = 0.95
#: Seconds after which the tests count as hanging, which is noticed too.
PATIENCE = 600
#: Folders of the import package, by the names that they have in it.
PACKAGES = {"": "framework", "backends": "backends", "families": "families"}

CAUGHT, NOT_CAUGHT, NOT_FOUND, BROKEN = "caught", "NOT CAUGHT", "old text not found", "tests do not run"


@dataclass(frozen=True)
class Mutation:
    """A fault: `new` instead of `old`, which occurs once in `file`; one at least of the `tests` fails then."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def __init__(self, file: str, old: str, new: str, *tests: str) -> None:
        for name, value in (("file", file), ("old", old), ("new", new), ("tests", tests)):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"{self.file}: {_one_line(self.old)} -> {_one_line(self.new)}"

    @property
    def found(self) -> bool:
        """Whether the old text is there, once."""
        return (ROOT / self.file).read_text(encoding="utf-8").count(self.old) == 1


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


SEARCH = "tests/estimation/test_search.py"
LMM_GRADIENT = "tests/lmm/test_gradient.py"
LMM_LAWS = "tests/lmm/test_laws.py"
LMM_REFERENCE = "tests/lmm/test_reference.py"
PARAMETER_MODELS = "tests/glmm/test_parameter_models.py"
GLMM_GRADIENT = "tests/glmm/test_gradient.py"
ROBUST = "tests/glmm/test_robust.py"
EDGES = "tests/glmm/test_edges.py"
GLMM_REFERENCE = "tests/glmm/test_reference.py"
LINALG = "tests/backends/test_linalg.py"
BUILT_INS = "tests/testkit/test_built_ins.py"
BLOCKED = "tests/backends/test_blocked.py"
OPTIM = "tests/backends/test_optim.py"
FAMILY_LAWS = "tests/families/test_laws.py"
DENSITIES = "tests/families/test_densities.py"
ZERO_ALTERED = "tests/families/test_zero_altered.py"
FURTHER_FAMILIES = "tests/families/test_further.py"
NORMALS = "tests/families/test_normals.py"
CENSORED = "tests/censored"
ORDINAL, CLMM = "tests/ordinal/test_ordinal.py", "tests/ordinal/test_clmm.py"
PARTIAL = "tests/ordinal/test_partial.py"
LINKS = "tests/families/test_links.py"
CONTRACT = "tests/families/test_contract.py"
RFORMAT = "tests/display/test_rformat.py"
MOMENTS = "tests/estimation/test_moments.py"
OBSERVERS = "tests/observers/test_observers.py"
LMM_INPUT = "tests/lmm/test_bad_input.py"
HARD = "tests/lmm/test_hard_models.py"
ENDING = "tests/estimation/test_ending.py"
GLMM_FAMILIES = "tests/glmm/test_families.py"
BASIS = "tests/design/test_basis.py"
REGISTRY = "tests/plugins/test_registry.py"
NAMED_LINKS = "tests/plugins/test_links_by_name.py"
COVARIANCES = "tests/covariances/test_covariances.py"
STRUCTURE_LAWS = f"{BUILT_INS}::test_covariance_structure"
PARAMETERS = "tests/estimation/test_parameters.py"
BOUNDS = "tests/covariances/test_bounds.py"
RELATIONSHIP = "tests/relationship"
INTERVALS = "tests/intervals"
EXPLAINED = "tests/explained/test_explained.py"
DAMAGE = "tests/storage/test_damage.py"
CONTRASTS = "tests/inference/test_contrasts.py"
EMMEANS = "tests/emmeans/test_against_emmeans.py"
EMMEANS_LAWS = "tests/emmeans/test_laws.py"
DIAGNOSTICS = "tests/diagnostics"
PLOTS = "tests/plots"
KENWARD_ROGER = "tests/inference/test_kenward_roger.py"
RESIDUAL_KR = "tests/residual/test_kenward_roger.py::test_as_from_dense_matrices"
MARGINAL = "tests/inference/test_marginal.py::test_the_sums_are_those_of_dense_matrices"

RESIDUAL_VALUE = "tests/residual/test_criterion.py::test_the_criterion_is_that_of_the_whole_covariance_matrix"
RESIDUAL_GRADIENT = "tests/residual/test_criterion.py::test_the_gradient_is_that_of_differences"
RESIDUAL_SOLUTIONS = "tests/residual/test_solutions.py"

MUTATIONS: tuple[Mutation, ...] = (
    # the bootstrap and power
    Mutation(
        "framework/diagnostics/left_out.py",
        "scale = 1.0 / np.sqrt(_precisions(R, group, place))",
        "scale = np.ones(design.n)",
        "tests/residual/test_influence.py::test_the_rest_is_fitted_by_generalized_least_squares",
    ),
    Mutation(
        "framework/diagnostics/left_out.py",
        "R.white(mine[None].astype(float))[0] ** 2",
        "mine.astype(float) * R.precision_root**2",
        "tests/residual/test_influence.py::test_the_rest_is_fitted_by_generalized_least_squares",
    ),
    Mutation(
        "framework/diagnostics/left_out.py",
        "self.group[rows][:, :, None] == self.group[rows][:, None, :]",
        "np.eye(rows.shape[1], dtype=bool)",
        "tests/residual/test_influence.py::test_the_rest_is_fitted_by_generalized_least_squares",
    ),
    Mutation(
        "framework/diagnostics/leverage.py",
        "+ 0.25 * (more - less)",
        "+ 0.25 * (more + less)",
        "tests/residual/test_influence.py::test_leverages_are_what_fitted_values_follow",
    ),
    Mutation(
        "framework/diagnostics/residuals.py",
        "return Leverage.of(fit).shares",
        "return Leverage.of(fit).hat_values",
        "tests/residual/test_influence.py::test_leverages_are_what_fitted_values_follow",
    ),
    Mutation(
        "framework/diagnostics/effects.py",
        "lev.D.T @ lev.W_times(y)",
        "lev.D.T @ (lev.weights[:, None] * y)",
        "tests/residual/test_influence.py::test_normality_is_of_standardized_modes",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        "np.mean(variances if weights is None else weights * variances)",
        "np.mean(variances)",
        "tests/residual/test_explained.py::test_the_residual_variance_is_the_mean_of_the_rows",
    ),
    Mutation(
        "framework/inference/residual_tests.py",
        'labels.kind == "car1"',
        'labels.kind in ("ar1", "car1")',
        "tests/residual/test_ranova.py",
    ),
    Mutation(
        "framework/inference/residual_tests.py",
        "labels.closest >= COMMON",
        "labels.closest > 0.0",
        "tests/residual/test_ranova.py::test_times_that_differ_from_group_to_group_have_no_mixture",
    ),
    Mutation(
        "framework/design/residual_new.py",
        "(D @ labels.to_users[:, 1:]).T",
        "D[:, 1:].T",
        "tests/residual/test_new_rows.py",
    ),
    Mutation(
        "framework/bootstrap/limits.py",
        "place = (R + 1) * alpha",
        "place = R * alpha",
        "tests/bootstrap/test_limits.py::test_limits_are_those_of_boot_ci",
    ),
    Mutation(
        "framework/bootstrap/limits.py",
        "return np.asarray(2.0 * t0 - t.mean() +",
        "return np.asarray(t.mean() +",
        "tests/bootstrap/test_limits.py::test_limits_are_those_of_boot_ci",
    ),
    Mutation(
        "framework/bootstrap/limits.py",
        "shifted / (1.0 - acceleration * shifted)",
        "shifted / (1.0 + acceleration * shifted)",
        "tests/bootstrap/test_limits.py::test_bca_is_that_of_boot_ci_where_the_replicates_reach",
    ),
    Mutation(
        "framework/bootstrap/limits.py",
        "(6.0 * (influence**2).sum(axis=0) ** 1.5)",
        "((influence**2).sum(axis=0) ** 1.5)",
        "tests/bootstrap/test_limits.py::test_acceleration_is_the_skewness_of_influences",
    ),
    Mutation(
        "framework/bootstrap/limits.py",
        "influence = left_out.mean(axis=0) - left_out",
        "influence = left_out - left_out.mean(axis=0)",
        "tests/bootstrap/test_limits.py::test_acceleration_is_the_skewness_of_influences",
    ),
    Mutation(
        "framework/bootstrap/proportion.py",
        "betaincinv(k + 1, n - k, 1.0 - tail)",
        "betaincinv(k, n - k + 1, 1.0 - tail)",
        "tests/bootstrap/test_limits.py::test_limits_of_proportions",
    ),
    Mutation(
        "framework/bootstrap/schemes.py",
        "residuals * (fit.scale / size)",
        "residuals",
        "tests/bootstrap/test_bootstrap.py::test_resampled_effects_and_residuals_have_the_models_covariance",
    ),
    Mutation(
        "framework/bootstrap/schemes.py",
        "out[used] = V / np.sqrt(eigenvalues) @ V.T @ centred",
        "out[used] = centred",
        "tests/bootstrap/test_bootstrap.py::test_resampled_effects_and_residuals_have_the_models_covariance",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "return E if root is None else E / root",
        "return E",
        "tests/bootstrap/test_bootstrap.py::test_weighted_residuals_are_of_rows_with_weight_one",
    ),
    Mutation(
        "framework/bootstrap/blocks.py",
        "spawn_key=(k,)",
        "spawn_key=(0,)",
        "tests/bootstrap/test_bootstrap.py::test_blocks_are_drawn_apart",
    ),
    Mutation(
        "framework/bootstrap/blocks.py",
        "skip = max(0, first - begin)",
        "skip = 0",
        "tests/bootstrap/test_bootstrap.py::test_workers_and_extensions_change_no_bit",
    ),
    Mutation(
        "framework/bootstrap/parameters.py",
        "self.of_fit.basis(theta) * self.of_fit.unit(scale)",
        "theta * self.of_fit.unit(scale)",
        "tests/bootstrap/test_bootstrap.py::test_originals_are_the_estimates_of_confint",
    ),
    Mutation(
        "framework/bootstrap/record.py",
        "used = found.values[~failed]",
        "used = found.values",
        "tests/bootstrap/test_bootstrap.py::test_what_is_no_optimum_is_in_no_figure",
    ),
    Mutation(
        "framework/design/selection.py",
        "copies * f.grouping.n_levels + f.codes[rows]",
        "f.codes[rows]",
        "tests/bootstrap/test_bootstrap.py::test_copies_of_levels_are_levels_of_their_own",
    ),
    Mutation(
        "framework/bootstrap/lrt.py",
        "p_value, (lower, upper) = (1 + reached) / (1 + of_all)",
        "p_value, (lower, upper) = reached / of_all",
        "tests/bootstrap/test_lrt.py::test_statistics_are_those_of_two_refits",
    ),
    Mutation(
        "framework/bootstrap/lrt.py",
        "small.log_likelihood) + constant",
        "small.log_likelihood)",
        "tests/bootstrap/test_lrt.py::test_restricted_likelihoods_do_not_depend_on_the_units_of_x",
    ),
    Mutation(
        "framework/bootstrap/lrt.py",
        "simulated >= statistic - LEFT_TO_GAIN",
        "simulated > statistic + LEFT_TO_GAIN",
        "tests/bootstrap/test_lrt.py::test_failures_are_counted_and_left_out",
    ),
    Mutation(
        "framework/planning/planned.py",
        "g.basis_root(root)",
        "root",
        "tests/planning/test_power.py::test_truth_is_the_same_in_every_size",
    ),
    Mutation(
        "framework/planning/planned.py",
        "np.arange(int(size)) * there // int(size)",
        "np.arange(int(size)) % there",
        "tests/planning/test_power.py::test_more_levels_are_taken_evenly",
    ),
    Mutation(
        "framework/planning/significance.py",
        "found.contrasts[:, 0] - self.H.rhs[0]",
        "found.contrasts[:, 0]",
        "tests/planning/test_power.py::test_tests_of_one_hypothesis_agree_where_they_must",
    ),
    Mutation(
        "framework/planning/significance.py",
        "again = np.flatnonzero(t > -ndtri(0.5 * self.alpha))",
        "again = np.flatnonzero(t > 1.5 * -ndtri(0.5 * self.alpha))",
        "tests/planning/test_power.py::test_satterthwaite_agrees_with_single_fits",
    ),
    Mutation(
        "framework/planning/significance.py",
        "Gaussian(reml=False)",
        "Gaussian(reml=True)",
        "tests/planning/test_power.py::test_likelihood_ratios_are_those_of_refits",
    ),
    Mutation(
        "framework/planning/run.py",
        "upper - lower <= 2.0 * self.precision",
        "upper - lower <= 4.0 * self.precision",
        "tests/planning/test_power.py::test_limits_and_early_stopping",
    ),
    # tails and quantiles, estimators of scikit-learn
    Mutation(
        "framework/inference/distributions.py",
        "    return np.asarray(scipy.special.stdtr(df, -np.asarray(t)))",
        "    return np.asarray(scipy.special.stdtr(df, np.asarray(t)))",
        "tests/inference/test_distributions.py::test_they_are_those_of_scipy_stats",
    ),
    Mutation(
        "framework/inference/distributions.py",
        "    return np.asarray(scipy.special.chdtrc(df, np.maximum(x, 0.0)))",
        "    return np.asarray(scipy.special.chdtrc(df, x))",
        "tests/inference/test_distributions.py::test_all_is_above_a_negative_number_and_nothing_is_known_of_nan",
    ),
    Mutation(
        "framework/inference/distributions.py",
        "special.fdtrc(df, df_denominator, ",
        "special.fdtrc(df_denominator, df, ",
        "tests/inference/test_distributions.py::test_they_are_those_of_scipy_stats",
    ),
    Mutation(
        "framework/sklearn/data.py",
        'solution.predict(new, random="none", scale=scale)',
        "solution.predict(new, scale=scale)",
        "tests/sklearn/test_estimators.py::test_a_regressor_is_the_linear_mixed_model",
    ),
    Mutation(
        "framework/design/sums.py",
        '    elif {levels.dtype.kind for levels in parts} == {"i", "u"}:',
        '    elif {levels.dtype.kind for levels in parts} == {"i", "I"}:',
        "tests/large/test_gram.py::test_wide_integers_with_and_without_a_sign_stay_apart",
    ),
    Mutation(
        "framework/design/residual.py",
        "    step = float(np.median(between))",
        "    step = 1.0",
        "tests/residual/test_edges.py::test_the_unit_of_time_does_not_matter",
    ),
    Mutation(
        "framework/estimation/correlations.py",
        "LARGEST)) / labels.step",
        "LARGEST)) * labels.step",
        "tests/residual/test_edges.py::test_the_unit_of_time_does_not_matter",
    ),
    Mutation(
        "framework/storage/residual.py",
        'node.number("step", positive=True)',
        "1.0",
        "tests/residual/test_edges.py::test_the_unit_of_time_does_not_matter",
    ),
    Mutation(
        "framework/formula/columns.py",
        "    if all(isinstance(value, int | np.integer) for value in known):",
        "    if not known:",
        "tests/formula/test_model_frame.py::test_wide_integers_among_objects_stay_apart",
    ),
    Mutation(
        "framework/formula/columns.py",
        "    if len(set(known)) > len(np.unique(numbers[~missing])):",
        "    if not known:",
        "tests/formula/test_model_frame.py::test_integers_wider_than_any_type_are_refused",
    ),
    Mutation(
        "framework/bootstrap/parameters.py",
        "np.log([scale])",
        "np.array([scale])",
        "tests/residual/test_edges.py::test_bootstrapped_deviations_are_those_of_the_refits",
    ),
    Mutation(
        "framework/prediction/levels.py",
        "    if not labels.groups:",
        "    if labels.groups is None:",
        "tests/residual/test_edges.py::test_what_needs_random_effects_says_so_and_what_does_not_works",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "reshape(len(by_entries), r, r)",
        "reshape(-1, r, r)",
        "tests/residual/test_edges.py::test_what_needs_random_effects_says_so_and_what_does_not_works",
    ),
    Mutation(
        "framework/estimation/residual_criterion.py",
        "        if labels.closest < CLOSE:",
        "        if labels.closest < 0.0:",
        "tests/residual/test_edges.py::test_residuals_that_differ_at_close_times_are_no_trap",
    ),
    Mutation(
        "framework/estimation/whiteners.py",
        "-np.expm1(-2.0 * t), 1.0))",
        "-np.expm1(-t), 1.0))",
        RESIDUAL_VALUE,
    ),
    Mutation(
        "framework/inference/nested_residuals.py",
        "    return _proportional(large.position, small.position, small.group)",
        "    return _same(large.position, small.position)",
        "tests/residual/test_edges.py::test_times_of_other_distances_are_no_special_case",
    ),
    Mutation(
        "framework/inference/caveats.py",
        '    if not groups:\n        return ""',
        '    if groups is None:\n        return ""',
        "tests/residual/test_edges.py::test_fixed_effects_are_compared_where_nothing_is_random",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        "for sign in (1.0, -1.0) if idle.any() else ():",
        "for sign in (1.0,) if idle.any() else ():",
        "tests/covariances/test_covariances.py::test_a_standard_deviation_of_zero_has_no_sign",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "if reproduced and _grows_at_its_mean(family, i, design.y[rows], weights[rows]):",
        "if reproduced:",
        "tests/glmm/test_parameter_models.py::test_rows_whose_density_cannot_grow_have_a_dispersion_of_their_own",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "for start in (x, with_effects, without, plain):",
        "for start in (x, with_effects):",
        "tests/residual/test_edges.py::test_a_stratum_is_one_however_it_is_written",
    ),
    Mutation(
        "framework/inference/trace.py",
        "if not np.isfinite(turned.curvature(x)).all():",
        "if np.isnan(x).any():",
        "tests/residual/test_profile.py::test_profiles_of_six_rows_are_missing_with_a_word",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "for direction in [*-far, *np.eye(len(basis)), *-np.eye(len(basis))]",
        "for direction in [*far[:1]]",
        "tests/residual/test_edges.py::test_likelihoods_that_grow_without_end_beyond_the_search_have_no_maximum",
    ),
    Mutation(
        "framework/estimation/correlations.py",
        "for end in (np.log(left), -np.log(left))",
        "for end in (-np.log(left),)",
        "tests/residual/test_edges.py::test_likelihoods_that_grow_without_end_beyond_the_search_have_no_maximum",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "    if of_residual:  # and",
        "    if of_residual is not None:  # and",
        "tests/residual/test_kenward_roger.py::test_a_correlation_that_ends_at_nothing_takes_no_part",
    ),
    Mutation(
        "families/special.py",
        "np.maximum(y, -1.0), np.ones_like(y))",
        "np.maximum(y, 0.0), np.ones_like(y))",
        "tests/families/test_laws.py::test_cdf_sums_the_density",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "m > a - (not constant)",
        "m > a - 1",
        "tests/residual/test_edges.py::test_two_levels_with_both_of_two_visits_have_no_maximum",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "known = _exact_coefficients(y[rows], Q[rows], constant) if reml else 0",
        "known = 0",
        "tests/residual/test_edges.py::test_one_level_with_both_visits_has_a_restricted_maximum_only",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "if residual.labels.strata and not reml:",
        "if residual.labels.strata:",
        "tests/residual/test_edges.py::test_a_stratum_that_x_reproduces_has_no_maximum",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "if count <= design.fixed.rank and np.linalg.matrix_rank(design.fixed.Q[rows]) == count:",
        "if count < design.fixed.rank and np.linalg.matrix_rank(design.fixed.Q[rows]) == count:",
        "tests/residual/test_edges.py::test_a_stratum_that_x_reproduces_has_no_maximum",
    ),
    Mutation(
        "framework/estimation/residual_criterion.py",
        "            H[lost], H[:, lost] = 0.0, 0.0\n",
        "            H[lost] = 0.0\n",
        "tests/residual/test_edges.py::test_where_correlations_are_one_to_rounding_there_is_no_curvature",
    ),
    Mutation(
        "framework/estimation/residual_criterion.py",
        "except np.linalg.LinAlgError as error:",
        "except ZeroDivisionError as error:",
        "tests/residual/test_edges.py::test_rows_without_weight_are_no_bare_error",
    ),
    Mutation(
        "framework/design/sums.py",
        "        by = self.shift - shift\n",
        "        by = shift - self.shift\n",
        "tests/large/test_gram.py::test_sums_are_associative_and_commutative",
    ),
    Mutation(
        "framework/design/sums.py",
        "sums[:, :, there] += e.sums",
        "sums[:, :, there] = e.sums",
        "tests/large/test_gram.py::test_sums_are_associative_and_commutative",
    ),
    Mutation(
        "framework/design/summed.py",
        "within[0] += means[dropped]",
        "within[0] -= means[dropped]",
        "tests/large/test_gram.py::test_columns_that_are_combinations_are_dropped_as_those_of_rows",
    ),
    Mutation(
        "framework/design/summed.py",
        "gamma0=gamma + mean * of_ones if constant else gamma,",
        "gamma0=gamma,",
        "tests/large/test_gram.py::test_columns_that_are_combinations_are_dropped_as_those_of_rows",
    ),
    Mutation(
        "framework/design/dictionaries.py",
        "codes = np.where(absent[codes], -1, codes)",
        "codes = np.where(absent[codes], codes, codes)",
        "tests/design/test_dictionaries.py::test_missing_entries_of_a_dictionary_are_missing_rows",
    ),
    # residual structures
    Mutation(
        "framework/estimation/whiteners.py",
        "        return np.asarray((V - self.psi * V[:, self.rows.before]) * self.s)",
        "        return np.asarray((V + self.psi * V[:, self.rows.before]) * self.s)",
        RESIDUAL_VALUE,
    ),
    Mutation(
        "framework/estimation/whiteners.py",
        "        return -2.0 * float(np.log(self.s).sum())",
        "        return -1.0 * float(np.log(self.s).sum())",
        RESIDUAL_VALUE,
    ),
    Mutation(
        "framework/estimation/whiteners.py",
        "        mean = -0.5 * (self.sizes - 1.0) * self.between**-1.5 * self.slope",
        "        mean = -0.5 * self.sizes * self.between**-1.5 * self.slope",
        RESIDUAL_GRADIENT,
    ),
    Mutation(
        "framework/estimation/whiteners.py",
        "    out[..., index, index] *= 0.5\n",
        "    out[..., index, index] *= 1.0\n",
        RESIDUAL_GRADIENT,
    ),
    Mutation(
        "framework/estimation/correlations.py",
        "    moved = (L[:, left].T - L[low, left][:, None] * C[low]) / size[low][:, None]",
        "    moved = L[:, left].T / size[low][:, None]",
        RESIDUAL_GRADIENT,
    ),
    Mutation(
        "framework/estimation/whitening.py",
        "        of_scales = -self.basis @ (self.root",
        "        of_scales = self.basis @ (self.root",
        RESIDUAL_GRADIENT,
    ),
    Mutation(
        "framework/estimation/residual_criterion.py",
        "        by[r + 1 :] = 2.0 * self.S_times_rows(QyZ[r + 1 :])",
        "        by[r + 1 :] = self.S_times_rows(QyZ[r + 1 :])",
        RESIDUAL_GRADIENT,
    ),
    Mutation(
        "framework/estimation/residual_criterion.py",
        "            by_gram[:r, :r] += at.C\n",
        "            by_gram[:r, :r] -= at.C\n",
        RESIDUAL_GRADIENT,
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "+= -s2 * here.C @ residual.gram_moves() @ here.C",
        "+= s2 * here.C @ residual.gram_moves() @ here.C",
        f"{RESIDUAL_SOLUTIONS}::test_satterthwaite_by_differences",
    ),
    Mutation(
        "framework/design/residual.py",
        "        if step % 2 == 0:",
        "        if step % 2 == 1:",
        f"{RESIDUAL_SOLUTIONS}::test_refusals",
    ),
    Mutation(
        "framework/inference/nested_residuals.py",
        "    return bool(np.linalg.norm(rest, axis=0).max() <= ROUNDING * np.sqrt(n))",
        "    return bool(np.linalg.norm(rest, axis=0).max() > ROUNDING * np.sqrt(n))",
        f"{RESIDUAL_SOLUTIONS}::test_comparisons",
    ),
    Mutation(
        "framework/diagnostics/residuals.py",
        "        out = fit.whitening.precision_root**-2\n",
        "        out = fit.whitening.precision_root**2\n",
        f"{RESIDUAL_SOLUTIONS}::test_normalized_residuals_are_whitened",
    ),
    Mutation(
        "framework/prediction/noise.py",
        "np.exp(2.0 * fit.theta",
        "np.exp(-2.0 * fit.theta",
        f"{RESIDUAL_SOLUTIONS}::test_prediction_intervals_of_the_rows_have_their_variances",
    ),
    Mutation(
        "framework/prediction/noise.py",
        "2.0 * variances * rows.scales",
        "variances * rows.scales",
        "tests/residual/test_intervals.py::test_limits_are_those_of_dense_matrices",
    ),
    Mutation(
        "framework/design/residual.py",
        "group = copies * len(residual.group) + group",
        "group = residual.group[rows]",
        "tests/residual/test_resampling.py::test_copies_of_a_level_have_groups_of_their_own",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "scales_in(there, own, other.scale, other.theta[len(other.theta) - there.n_scales :])[0]",
        "other.scale",
        "tests/residual/test_influence.py::test_refits_are_fits_without_the_rows",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "np.asarray(self.whitening.coloured(E))",
        "E / self.whitening.precision_root",
        "tests/residual/test_resampling.py::test_resampled_residuals_have_the_covariance_of_the_structure",
    ),
    Mutation(
        "framework/bootstrap/jackknife.py",
        "return design.residual.group,",
        "return np.arange(design.n),",
        "tests/residual/test_resampling.py::test_the_jackknife_leaves_out_groups",
    ),
    Mutation(
        "framework/formula/residual.py",
        "time=self.time if by_visit else None",
        "time=None",
        "tests/residual/test_intervals.py::test_visits_of_complete_groups_are_samples",
    ),
    # many responses
    Mutation(
        "framework/many/one_factor.py",
        "        H -= v[:, None] * v / (c.df * self.sigma2**2)",
        "        H -= v[:, None] * v / self.sigma2**2",
        "tests/many/test_laws.py::test_linear_models",
    ),
    Mutation(
        "framework/many/inside.py",
        "    near = (smallest < SMALLEST_SWAPPED).any(axis=0)",
        "    near = (smallest < 0.0).any(axis=0)",
        "tests/many/test_laws.py::test_linear_models",
    ),
    Mutation(
        "framework/many/small.py",
        "    return len(which) == m and bool((which == np.arange(m)).all())",
        "    return len(which) == m",
        "tests/many/test_laws.py::test_one_of_two_responses_may_be_done_before_the_other",
    ),
    Mutation(
        "framework/many/generalized_rows.py",
        "        moved = c + d.d2 * t",
        "        moved = c",
        "tests/many/test_generalized.py::test_the_criterion_of_single_fits_has_no_slope_at_the_estimates",
    ),
    Mutation(
        "framework/many/dense.py",
        "- v[:, None] * v / (c.df * self.sigma2**2)",
        "- v[:, None] * v / self.sigma2**2",
        "tests/many/test_dense.py::test_gradient_and_hessian_are_differences",
    ),
    Mutation(
        "framework/many/dense.py",
        "            shares = Ze @ R",
        "            shares = 0.0 * Ze @ R",
        "tests/many/test_dense.py::test_gradient_and_hessian_are_differences",
    ),
    Mutation(
        "framework/many/matrices.py",
        "                source, target = (b, a) if transpose else (a, b)",
        "                source, target = a, b",
        "tests/many/test_generalized.py::test_a_response_has_the_estimates_of_its_own_fit",
    ),
    Mutation(
        "framework/many/nodes.py",
        "        by_M = self.scale**2 - 0.5 * by_scale * self.scale**3",
        "        by_M = self.scale**2 - by_scale * self.scale**3",
        "tests/many/test_generalized.py::test_a_response_has_the_estimates_of_its_own_fit",
    ),
    Mutation(
        "framework/many/generalized_rows.py",
        "[a + b + e + 2.0 * f for a, b, e, f in by_T]",
        "[a + b + e + f for a, b, e, f in by_T]",
        "tests/many/test_generalized.py::test_a_response_has_the_estimates_of_its_own_fit",
    ),
    Mutation(
        "framework/many/spectral.py",
        "SS[self.residual] = (beyond**2).sum(axis=0)",
        "SS[self.residual] = 0.0",
        "tests/many/test_laws.py::test_linear_models",
    ),
    Mutation(
        "framework/design/selection.py",
        "        levels = levels[used]\n",
        "        levels = levels[: len(used)]\n        codes = codes[::-1]\n",
        "tests/many/test_laws.py::test_missing_values_leave_rows_out",
    ),
    Mutation(
        "framework/estimation/linear_criterion.py",
        "self._other: LinearCriterion | None = None",
        "self._other: LinearCriterion | None = self",
        "tests/estimation/test_leftovers.py",
    ),
    Mutation(
        "framework/estimation/generalized_criterion.py",
        "self._other: GeneralizedCriterion | None = None",
        "self._other: GeneralizedCriterion | None = self",
        "tests/estimation/test_leftovers.py",
    ),
    Mutation(
        "framework/estimation/term_parameters.py",
        "except np.linalg.LinAlgError as error:",
        "except ZeroDivisionError as error:",
        "tests/inference/test_kenward_roger.py::test_curved_structures_do_not_depend_on_their_parameters",
    ),
    Mutation(
        "framework/estimation/residual_classes.py",
        "return 2.0 * (self.counts - by * self.precisions(x)) @ self.beta",
        "return 2.0 * (self.counts - 1.001 * by * self.precisions(x)) @ self.beta",
        "tests/residual/test_classes.py::test_sums_by_class_are_those_of_the_rows",
    ),
    Mutation(
        "framework/estimation/residual_classes.py",
        "return inside + 2.0 * sum(",
        "return inside + 1.0 * sum(",
        "tests/residual/test_classes.py::test_sums_by_class_are_those_of_the_rows",
    ),
    Mutation(
        "framework/estimation/residual_classes.py",
        "FAR_APART = 1e6",
        "FAR_APART = 1e300",
        "tests/residual/test_classes.py::test_variances_that_are_far_apart_are_found_by_the_rows",
    ),
    Mutation(
        "framework/estimation/residual_classes.py",
        "SAME = 1e-12",
        "SAME = 0.0",
        "tests/residual/test_classes.py::test_classes_are_rows_alike",
    ),
    Mutation(
        "framework/estimation/residual_classes.py",
        "MOST, ROWS, LEAST = 16, 4, 20",
        "MOST, ROWS, LEAST = 16, 0.01, 1",
        "tests/residual/test_classes.py::test_a_few_rows_have_no_classes",
    ),
    Mutation(
        "families/response_term.py",
        "self._found[2][rows]",
        "self._found[2][: len(rows)]",
        "tests/testkit/test_built_ins.py::test_family_with_each_of_its_links",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "FEW, HIGHER = 10, 1.0",
        "FEW, HIGHER = 10, -1e-6",
        "tests/laws/test_generalized.py::test_a_variance_that_another_factor_takes_up_is_looked_at_at_zero",
    ),
    # certificate and search
    Mutation(
        "framework/estimation/certificate.py",
        "    if spectrum.equilibrated[0",
        "    if False and spectrum.equilibrated[0",
        f"{SEARCH}::test_a_saddle_inside_is_left",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "\nEXPECTED_DROP = 1e-6",
        "\nEXPECTED_DROP = 1e-3",
        f"{SEARCH}::test_the_expected_drop_is_right",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "NEGATIVE, NEGATIVE_EXACT = 1e-5, 1e-9",
        "NEGATIVE, NEGATIVE_EXACT = 1e-2, 1e-9",
        f"{SEARCH}::test_a_saddle_counts_where_the_fall_beside_it_counts",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "NEGATIVE, NEGATIVE_EXACT = 1e-5, 1e-9",
        "NEGATIVE, NEGATIVE_EXACT = 1e-5, 1e-3",
        f"{SEARCH}::test_a_saddle_counts_where_the_fall_beside_it_counts",
    ),
    Mutation(
        "framework/estimation/eigenbasis.py",
        "\nSINGULAR = 1e-4",
        "\nSINGULAR = 1e-7",
        f"{ENDING}::test_a_matrix_is_singular_below_1e_4",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "\nBELIEVED = 1e-8",
        "\nBELIEVED = 1e-5",
        f"{SEARCH}::test_approximate_curvature_is_believed_where_it_expects_nothing",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        "\nFLAT = 1e-6",
        "\nFLAT = 1e-3",
        f"{SEARCH}::test_a_weak_direction_is_not_called_flat",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        "\nSUSPICIOUS = 1e-2",
        "\nSUSPICIOUS = 1e-12",
        f"{SEARCH}::test_flat_directions_are_found_by_the_criterion",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        "steps - 0.5 * curvatures * steps",
        "steps - curvatures * steps",
        f"{SEARCH}::test_the_expected_drop_is_right",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        "(-direction if direction @ self.g > 0 else ",
        "(direction if direction @ self.g > 0 else -",
        f"{SEARCH}::test_negative_curvature_is_followed_downhill",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "    G = 0.5 * spectrum.H[np.ix_",
        "    G = spectrum.H[np.ix_",
        f"{SEARCH}::test_the_slope_at_the_boundary_is_the_eigenvalue_of_the_derivative_by_sigma",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        "np.where(T.any(axis=0), 0.0, dT)",
        "np.zeros_like(dT)",
        f"{SEARCH}::test_the_certificate_names_the_matrix_that_failed_and_the_drop",
    ),
    Mutation(
        "framework/estimation/eigenbasis.py",
        "[root.group][mine, mine] = U\n",
        "[root.group][mine, mine] = U.T\n",
        f"{SEARCH}::test_the_basis_of_eigenvectors_is_the_same_point",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "c for c in conditions if not c.holds",
        "",
        f"{SEARCH}::test_the_certificate_names_the_matrix_that_failed_and_the_drop",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        ".abs(self.g).max(initial=0.0))",
        ".abs(self.g).min(initial=0.0))",
        f"{SEARCH}::test_the_gradient_norm_is_the_largest_slope",
    ),
    Mutation(
        "framework/estimation/curvature.py",
        "room = min(room, -0.9 / lowest)",
        "room = min(room, -9.0 / lowest)",
        f"{SEARCH}::test_a_flat_direction_that_ends_nearby_on_both_sides_is_found",
    ),
    Mutation(
        "framework/estimation/search.py",
        ".value < found.value - FLAT or",
        ".value > found.value or",
        f"{SEARCH}::test_another_basin_is_looked_for_from_zero",
    ),
    Mutation(
        "framework/estimation/search.py",
        "None or here.value <= best.value:",
        "None or here.value >= best.value:",
        f"{SEARCH}::test_a_false_boundary_is_left_along_the_negative_eigenvector",
    ),
    Mutation(
        "framework/estimation/search.py",
        "    for there in looks(first):",
        "    for there in ():",
        f"{SEARCH}::test_another_basin_is_looked_for_from_zero",
    ),
    Mutation(
        "framework/estimation/search.py",
        " = here.criterion, here.x, True",
        " = here.criterion, here.x, False",
        f"{SEARCH}::test_an_end_that_approximate_curvature_misjudged_is_left_with_the_hessian",
    ),
    Mutation(
        "framework/estimation/search.py",
        "by_differences = approximate and stages > 1",
        "by_differences = False",
        f"{SEARCH}::test_approximate_curvature_that_misleads_gives_way_to_the_hessian",
    ),
    Mutation(
        "framework/estimation/search.py",
        "tol=tol / scale,",
        "tol=tol * scale,",
        f"{SEARCH}::test_the_tolerance_is_one_in_absolute_deviance",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        "                (a, _, g_a), (b, ",
        "                (b, _, g_a), (a, ",
        f"{SEARCH}::test_the_smallest_eigenvalue_is_that_of_the_hessian",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        "return np.asarray(0.5 * (H + H.T))",
        "return np.asarray(H + H.T)",
        f"{SEARCH}::test_the_smallest_eigenvalue_is_that_of_the_hessian",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        " len(sides) <= central + 1 and",
        " len(sides) <= 1 and",
        f"{GLMM_GRADIENT}::test_hessian_behind_the_standard_errors",
    ),
    Mutation(
        "framework/estimation/ending.py",
        ".items() if value < SINGULAR and",
        ".items() if value <= 0.0 and",
        f"{ENDING}::test_a_matrix_is_singular_below_1e_4",
    ),
    # linear models
    Mutation(
        "framework/estimation/profiled.py",
        "inner / self.sigma2 - self._profiled_out(",
        "inner / self.sigma2 + self._profiled_out(",
        f"{LMM_GRADIENT}::test_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "        inner -= QtW.T @ self.C @ QtW\n",
        "",
        f"{LMM_GRADIENT}::test_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        " + bending(self.cross.template, self.Lambda.T, self.by_T))",
        ")",
        f"{LMM_GRADIENT}::test_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "len(cross.gamma0) if reml else ",
        "len(cross.gamma0) + 1 if reml else ",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "self.pwrss / self.criterion.df if",
        "self.pwrss / self.cross.n if",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        " float(d + (self.logdet_RX2 if",
        " float(d + (0.5 * self.logdet_RX2 if",
        f"{LMM_GRADIENT}::test_gradient_is_exact",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        " - self.cross.sum_log_weights + ",
        " + ",
        f"{OBSERVERS}::test_trace_ends_at_the_deviance_of_the_fit",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "g - 2.0 * np.tensordot(p, lp",
        "g + 2.0 * np.tensordot(p, lp",
        f"{LMM_GRADIENT}::test_gradient_is_exact",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "tuple(-2.0 * e[0] @ u[0].T for",
        "tuple(-2.0 * u[0] @ e[0].T for",
        f"{LMM_GRADIENT}::test_gradient_is_exact",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "return tuple(2.0 * g.T for g in out)",
        "return tuple(2.0 * g for g in out)",
        f"{LMM_GRADIENT}::test_gradient_is_exact",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        'np.einsum("ban,cb,cdn->ad", inverse, T[i], block, optimize=True)',
        "0.0",
        "tests/estimation/test_logdet_gradient.py::test_both_formulas_agree_for_crossed_factors",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "crossed - crossed.T + low_rank",
        "crossed - crossed.T - low_rank",
        f"{LMM_GRADIENT}::test_curvature_of_one_factor_is_the_hessian",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "            bent = bent - sums[2]\n",
        "",
        f"{LMM_GRADIENT}::test_curvature_of_one_factor_is_the_hessian",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "self.sigma2 + second - profiled",
        "self.sigma2 + second",
        f"{LMM_GRADIENT}::test_curvature_of_one_factor_is_the_hessian",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "] - self.solved[:, :-1] @ self.gamma",
        "]",
        f"{LMM_REFERENCE}::test_random_effects[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "EXHAUSTED = 1e-13",
        "EXHAUSTED = 1e-6",
        "tests/lmm/test_laws.py::test_balanced_groups_are_an_analysis_of_variance",
    ),
    Mutation(
        "framework/estimation/linear.py",
        " = self.logdet_L2 - self.cross.",
        " = self.logdet_L2 + self.cross.",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear.py",
        " - (len(self.gamma) if reml else 0)",
        "",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "self.logdet_RX2 if reml else 0.",
        "self.logdet_RX2 if self.reml else 0.",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "len(self.gamma) + len(self.theta) + 1\n",
        "len(self.gamma) + len(self.theta)\n",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_ml-blocked]",
    ),
    Mutation(
        "framework/estimation/model.py",
        "return [self.scale**2 * T @ T.",
        "return [self.scale * T @ T.",
        f"{LMM_REFERENCE}::test_variance_components[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "logdet_RX2=here.logdet_RX2 + 2.0 * float",
        "logdet_RX2=here.logdet_RX2 - 2.0 * float",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "here.cross.gamma0 + here.gamma,",
        "here.cross.gamma0,",
        f"{LMM_REFERENCE}::test_fixed_effects[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear_factors.py",
        "central=True) / np.outer(unit, unit)",
        "central=True) / unit",
        f"{LMM_LAWS}::test_a_multiple_of_all_weights_is_a_unit_of_sigma",
    ),
    Mutation(
        "framework/estimation/linear_criterion.py",
        "return np.outer(self.unit, self.unit) * H",
        "return self.unit * H",
        f"{LMM_GRADIENT}::test_the_search_measures_in_units_of_an_average_observation",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "CANCELLED_START = 1e6, 1e8\n",
        "CANCELLED_START = 1e8, 1e8\n",
        "tests/laws/test_linear.py::test_a_variance_is_looked_at_beyond_measure",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "CANCELLED_START = 1e6, 1e8\n",
        "CANCELLED_START = 1e15, 1e15\n",
        f"{LMM_LAWS}::test_balanced_groups_are_an_analysis_of_variance",
    ),
    Mutation(
        "framework/estimation/moments.py",
        "H[-1, -1] = cross.n - p",
        "H[-1, -1] = cross.n",
        f"{MOMENTS}::test_balanced_crossed_design_starts_at_the_reml_estimate",
    ),
    Mutation(
        "framework/estimation/moments.py",
        "inner = a @ (a - b).T - b @ a.T",
        "inner = a @ (a - b).T",
        f"{MOMENTS}::test_balanced_crossed_design_starts_at_the_reml_estimate",
    ),
    Mutation(
        "framework/estimation/moments.py",
        "/ (sigma2 * eta**2) for j",
        "/ sigma2 for j",
        f"{MOMENTS}::test_generalized_models_start_near_their_estimates",
    ),
    Mutation(
        "framework/estimation/relative.py",
        "                w += T[:, c, None] * part[r]\n",
        "                w += T[:, c, None] * part[c]\n",
        f"{LMM_GRADIENT}::test_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/relative.py",
        "G = (V * np.maximum(eigenvalues, 0.0)) @ V.T\n        ",
        "",
        f"{LMM_GRADIENT}::test_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/moments.py",
        "] @ np.linalg.inv(np.linalg.cholesky(cross.QtWQ)).T",
        "]",
        f"{MOMENTS}::test_the_start_does_not_depend_on_the_basis_of_x",
    ),
    # covariance structures
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "    least = -1.0 / (k - 1)",
        "    least = -1.0 / k",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "np.sqrt(2.0 * b) * np.sin(half), -np",
        "np.sqrt(2.0 * b) * np.cos(half), -np",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "-np.sqrt(0.5 * b) * np.cos(half)",
        "np.sqrt(0.5 * b) * np.cos(half)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "np.sqrt(0.5 * b * (k - 1)) * np.sin(half)",
        "np.sqrt(0.5 * b * (k - 1)) * np.cos(half)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "    D = 1.0 + np.arange(-1, k) * rho",
        "    D = 1.0 + np.arange(k + 1) * rho",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "0.5 * np.arange(k - 1) * by_rho",
        "np.arange(k - 1) * by_rho",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "near_one * (ds / r - s * dr / r**2)",
        "near_one * (ds / r + s * dr / r**2)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "(dr / r + ds / s)) / (r * s)",
        "(dr / r - ds / s)) / (r * s)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "\nINSIDE = 0.9\n",
        "\nINSIDE = 1.0\n",
        f"{COVARIANCES}::test_starts_keep_away_from_singular_matrices",
    ),
    Mutation(
        "framework/covariances/compound_symmetry.py",
        "        return (a + b * float(np.sin(angles[0])),)",
        "        return (float(np.sin(angles[0])),)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/scaled.py",
        "np.where(self.scales(k) & (not self.homogeneous), 0.0, lower), upper",
        "lower, upper",
        f"{COVARIANCES}::test_standard_deviations_have_a_bound_where_there_are_several",
    ),
    Mutation(
        "framework/covariances/scaled.py",
        "by_scale = L[None] if self.homogeneous",
        "by_scale = L[None] if not self.homogeneous",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/scaled.py",
        "scale = np.sqrt([np.mean(sd**2)]) if",
        "scale = np.array([np.mean(sd**2)]) if",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/scaled.py",
        "self.angles(covariance / np.outer(sd, sd))",
        "self.angles(covariance)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/scaled.py",
        "Component(name, abs(float(s)), ",
        "Component(name, float(s), ",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/scaled.py",
        "() if i else shown",
        "shown if i else ()",
        f"{COVARIANCES}::test_the_summary_shows_what_the_structure_has",
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "                f[i] += c * b[0] - s * last[0]",
        "                f[i] += c * b[0] + s * last[0]",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "                backward[i, i] -= s * b[0] + c * f[0]",
        "                backward[i, i] -= s * b[0] - c * f[0]",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "                backward[i] = c * b - s * f",
        "                backward[i] = c * b + s * f",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "phi = np.append(phi - partial * phi[::-1], partial)",
        "phi = np.append(phi + partial * phi[::-1], partial)",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "rest = 1.0 - float(phi @ r[:i])",
        "rest = 1.0",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "        L, by = power * cos, slope * cos - power * rho",
        "        L, by = power * cos, slope * cos",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "        L[:, 0], by[:, 0] = power[:, 0], slope[:, 0]",
        "        L[:, 0] = power[:, 0]",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/time_series.py",
        "\nINSIDE = 0.9\n",
        "\nINSIDE = 1.0\n",
        f"{COVARIANCES}::test_starts_keep_away_from_singular_matrices",
    ),
    Mutation(
        "framework/covariances/unstructured.py",
        "        T.T[np.triu_indices(k)] = parameters",
        "        T[np.tril_indices(k)] = parameters",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/covariances/unstructured.py",
        "        return np.sqrt(np.diagonal(covariance))",
        "        return np.diagonal(covariance).copy()",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/contracts/covariance.py",
        "(sides[0] - sides[1]) / (2.0 * step)",
        "(sides[0] - sides[1]) / step",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/contracts/covariance.py",
        "tuple(correlation[i, :i].tolist())",
        "tuple(covariance[i, :i].tolist())",
        STRUCTURE_LAWS,
    ),
    Mutation(
        "framework/estimation/linear_criterion.py",
        "        self.curvature_is_exact = deviance.has_exact_curvature and not parameters.structured",
        "        self.curvature_is_exact = deviance.has_exact_curvature",
        f"{COVARIANCES}::test_homogeneous_structures_are_nested_intercepts",
    ),
    Mutation(
        "framework/estimation/linear_criterion.py",
        "            H = self.jacobian.T @ H @ self.jacobian",
        "            H = self.jacobian.T @ self.jacobian",
        f"{COVARIANCES}::test_the_approximate_curvature_is_exact_where_T_is_linear",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            out[s.triangle] = s.entries(s.T(theta))",
        "            out[s.triangle] = s.entries(s.T(theta).T)",
        f"{PARAMETERS}::test_T_has_a_block_for_each_term",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            out[entries] = theta[mine]\n        for s in self.structured:\n            out[s.tri",
        "            out[entries] = 1.0\n        for s in self.structured:\n            out[s.tri",
        f"{PARAMETERS}::test_T_has_a_block_for_each_term",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "                entry += n_entries",
        "                entry += k",
        f"{PARAMETERS}::test_T_has_a_block_for_each_term",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "                first += k\n",
        "",
        f"{PARAMETERS}::test_starts_are_those_of_the_covariance_matrices",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            J[entries, mine] = 1.0",
        "            J[mine, mine] = 1.0",
        f"{PARAMETERS}::test_the_jacobian_is_that_of_differences",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "s.entries(d) for d in by",
        "s.entries(d.T) for d in by",
        f"{PARAMETERS}::test_the_jacobian_is_that_of_differences",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            out[s.mine] = s.structure.start(t @ t.T)",
        "            out[s.mine] = s.structure.start(t)",
        f"{PARAMETERS}::test_starts_are_those_of_the_covariance_matrices",
    ),
    Mutation(
        "framework/estimation/term_parameters.py",
        "        return np.where(self.scales, unit * parameters, parameters)",
        "        return unit * parameters",
        f"{PARAMETERS}::test_scales_change_with_the_unit_of_the_columns_and_angles_do_not",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "s.unit if to_basis else 1.0 / s.unit",
        "1.0 / s.unit if to_basis else s.unit",
        f"{PARAMETERS}::test_scales_change_with_the_unit_of_the_columns_and_angles_do_not",
        f"{COVARIANCES}::test_units_of_the_columns_are_units_of_the_standard_deviations",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "s.in_units(np.ones(len(s.scales)), eta)",
        "eta",
        f"{PARAMETERS}::test_scales_change_with_the_unit_of_the_columns_and_angles_do_not",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "s.in_units(least, s.unit), s.in_units(largest, s.unit)",
        "least, largest",
        f"{PARAMETERS}::test_bounds_are_those_of_the_structures_in_the_unit_of_the_basis",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "lower[s.mine], upper[s.mine] =",
        "upper[s.mine], lower[s.mine] =",
        f"{PARAMETERS}::test_bounds_are_those_of_the_structures_in_the_unit_of_the_basis",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "r.places + start) for r",
        "r.places) for r",
        f"{PARAMETERS}::test_standing_in_a_longer_vector",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            diagonal[s.mine] = s.scales",
        "            diagonal[s.mine] = True",
        f"{PARAMETERS}::test_what_is_at_a_bound_or_in_a_column_of_zeros_is_not_free",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            diagonal[np.diagonal(root.places)] = True",
        "            diagonal[root.entries] = True",
        f"{PARAMETERS}::test_scales_and_diagonals_of_T_are_told_from_the_rest",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "free = (theta > lower) & (theta < upper)",
        "free = np.ones(self.n, dtype=bool)",
        f"{PARAMETERS}::test_what_is_at_a_bound_or_in_a_column_of_zeros_is_not_free",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            free[root.zero_columns(theta)] = False",
        "            pass",
        f"{PARAMETERS}::test_what_is_at_a_bound_or_in_a_column_of_zeros_is_not_free",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "[(s.group, s.smallest_singular_value(theta)) for s in self.structured]",
        "[]",
        f"{PARAMETERS}::test_smallest_singular_values_are_those_of_all_matrices_of_a_factor",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "out[name] = min(out[name], value)",
        "out[name] = value",
        f"{PARAMETERS}::test_smallest_singular_values_are_those_of_all_matrices_of_a_factor",
    ),
    Mutation(
        "framework/estimation/term_parameters.py",
        "+ size**2 * np.eye(len(self))",
        "+ size * np.eye(len(self))",
        f"{PARAMETERS}::test_searches_start_again_from_independent_effects",
    ),
    Mutation(
        "framework/estimation/term_parameters.py",
        "kept * T @ T.T",
        "T @ T.T",
        f"{PARAMETERS}::test_searches_start_again_from_independent_effects",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "\nLEVEL = 1e-8",
        "\nLEVEL = 1e-6",
        f"{BOUNDS}::test_what_has_no_slope_at_its_bound_is_free",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "\nLEVEL = 1e-8",
        "\nLEVEL = 1e-10",
        f"{BOUNDS}::test_what_has_no_slope_at_its_bound_is_free",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "(x <= exact.lower) & (g * sizes > LEVEL)",
        "(x <= exact.lower) & (g * sizes < LEVEL)",
        f"{BOUNDS}::test_a_bound_is_held_where_the_criterion_rises_from_it",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "(g * sizes < -LEVEL)",
        "(g * sizes < np.inf)",
        f"{BOUNDS}::test_a_bound_is_held_where_the_criterion_rises_from_it",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "exact.idle(x), not exact.bends",
        "exact.idle(x), True",
        f"{BOUNDS}::test_approximate_curvature_of_what_bends_is_not_believed",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "        yield -spectrum.most_negative\n",
        "",
        f"{BOUNDS}::test_a_bound_without_a_slope_is_left_where_the_criterion_bends_down",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "spectrum.whole(inward * np",
        "spectrum.whole(-inward * np",
        f"{BOUNDS}::test_a_bound_without_a_slope_is_left_where_the_criterion_bends_down",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "    if (at_bound & spectrum.free).any():\n",
        "    if False:\n",
        f"{BOUNDS}::test_a_bound_without_a_slope_is_left_where_the_criterion_bends_down",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        "        self.bends = bool(parameters.structured)",
        "        self.bends = False",
        f"{COVARIANCES}::test_structures_are_certified_by_the_hessian",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        "self.parameters.moderate(x[self.of_theta], size):",
        "():",
        f"{COVARIANCES}::test_a_start_at_the_wrong_end_is_left",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "alike = type(one) is type(other) and mine",
        "alike = mine",
        "tests/covariances/test_covariances.py::test_nested_structures_are_compared",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "return alike and all(np.array_equal(mine[name], others[name]) for name in mine)",
        "return alike and repr(one) == repr(other)",
        "tests/covariances/test_covariances.py::test_structures_that_differ_in_an_attribute_are_not_nested",
    ),
    Mutation(
        "framework/design/terms.py",
        "structure=None if free else structure",
        "structure=structure",
        f"{COVARIANCES}::test_structures_without_structure_are_the_same_bits",
    ),
    Mutation(
        "framework/estimation/parameters.py",
        "            out[s.mine] = s.upright(out[s.mine])",
        "            pass",
        f"{PARAMETERS}::test_a_single_standard_deviation_is_shown_with_its_sign_taken_off",
    ),
    Mutation(
        "framework/estimation/term_parameters.py",
        "np.abs(parameters), parameters)",
        "np.abs(parameters), np.abs(parameters))",
        f"{PARAMETERS}::test_a_single_standard_deviation_is_shown_with_its_sign_taken_off",
    ),
    Mutation(
        "framework/estimation/term_parameters.py",
        "np.where(self.scales & (parameters[self.scales] <= 0.0).all(), ",
        "np.where((parameters[self.scales] <= 0.0).all(), ",
        f"{PARAMETERS}::test_a_single_standard_deviation_is_shown_with_its_sign_taken_off",
    ),
    # generalized models
    Mutation(
        "framework/estimation/start.py",
        "moments.sigma * T for T in",
        "T for T in",
        f"{MOMENTS}::test_generalized_models_start_near_their_estimates",
    ),
    Mutation(
        "framework/estimation/start.py",
        "float(1.0 / np.sqrt(weights.mean())))",
        "1.0)",
        f"{MOMENTS}::test_the_smallest_start_is_a_part_of_an_observation",
    ),
    Mutation(
        "framework/estimation/generalized.py",
        "len(self.theta) + len(self.xi)",
        "len(self.theta) + len(self.family.parameters)",
        f"{ROBUST}::test_the_smallest_family_fits_as_the_negative_binomial_with_theta_one",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "\nSUSPICIOUS = 1e-5",
        "\nSUSPICIOUS = 1e-8",
        f"{ROBUST}::test_separation_is_suspected_below_1e_5_of_the_average_mean",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "if s > MOVES * size.max()]",
        "if s >= 0.0]",
        f"{ROBUST}::test_only_columns_that_separate_are_blamed",
    ),
    Mutation(
        "framework/estimation/separation.py",
        " = [name for name, x in zip(fixed.kept_names, X.T, strict=True) if _separates(x, toward)]",
        " = list(fixed.kept_names)",
        f"{ROBUST}::test_complete_separation",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "toward[there] = np.sign(end)",
        "toward[there] = 1.0",
        f"{ROBUST}::test_complete_separation",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "\nGROWING = 1e-3",
        "\nGROWING = 1e3",
        f"{ROBUST}::test_responses_that_do_not_vary_within_levels",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "\nAT_EDGE = 1e-3",
        "\nAT_EDGE = 1e-12",
        f"{EDGES}::test_the_rows_at_the_edge_are_named",
        f"{EDGES}::test_a_maximum_on_the_edge",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "\nEXACT = 1e-10",
        "\nEXACT = 1e-20",
        f"{ROBUST}::test_a_constant_response_of_a_continuous_family",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "\nPRECISION = 1e-22",
        "\nPRECISION = 1e-8",
        f"{ROBUST}::test_modes_are_found_to_rounding_from_starts_nearby",
    ),
    Mutation(
        "framework/design/mixed.py",
        "eta += self.offset",
        "eta -= self.offset",
        f"{GLMM_REFERENCE}::test_log_likelihood_and_criteria[glmm_poisson_offset]",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "log_density.sum()) + float(u @ ",
        "log_density.sum()) + 0.5 * float(u @ ",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "point.penalized + (self.system.",
        "point.penalized + (0.5 * self.system.",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "moved = d.d1 + d.d2 * (self.eta",
        "moved = d.d1 - d.d2 * (self.eta",
        f"{GLMM_GRADIENT}::test_modes_follow_the_parameters_to_first_order",
    ),
    Mutation(
        "framework/estimation/dispersion.py",
        "(s * by_phi[i]) @ rows[name]",
        "by_phi[i] @ rows[name]",
        f"{PARAMETER_MODELS}::test_gradients_are_differences",
    ),
    Mutation(
        "framework/estimation/generalized_criterion.py",
        "LEAST, LEAST_OF_MODELS = 1e-3, 1e-6",
        "LEAST, LEAST_OF_MODELS = 1e-3, 1e-3",
        f"{PARAMETER_MODELS}::test_a_group_without_extra_zeros_is_said_to_be_at_a_limit",
    ),
    Mutation(
        "framework/estimation/generalized.py",
        "others = np.append(np.ones(n, dtype=bool), of_models)",
        "others = np.append(np.ones(n, dtype=bool), ~of_models)",
        f"{PARAMETER_MODELS}::test_a_group_without_extra_zeros_is_said_to_be_at_a_limit",
    ),
    Mutation(
        "framework/prediction/joint.py",
        "D[:, D.shape[1] - by_xi.shape[1] :] += by_xi",
        "pass",
        f"{PARAMETER_MODELS}::test_errors_of_overall_means_take_in_those_of_the_extra_zeros",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "own[same].Q if same in own else ones",
        "own[same].Q if same in own else ones[:, :0]",
        f"{PARAMETER_MODELS}::test_comparisons_know_which_models_are_nested",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "moved += ((phi - mode.phi).reshape(len(phi), -1) * d.phi1_eta).sum(axis=0)",
        "pass",
        f"{GLMM_GRADIENT}::test_modes_follow_the_parameters_to_first_order",
    ),
    Mutation(
        "framework/estimation/modes.py",
        'model.weights_in_logdet == "observed" else',
        'model.weights_in_logdet != "" else',
        "tests/diagnostics/test_influence.py::test_hat_values_have_the_weights_that_enter_the_determinant",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "return System(model, Lambda, model.weighted(point, observed=False)), False",
        "raise",
        f"{EDGES}::test_gradient_of_quadrature_with_nodes_beyond_the_edge",
    ),
    Mutation(
        "framework/estimation/laplace.py",
        "    moved = c + d.d2 * t\n",
        "    moved = c - d.d2 * t\n",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/weighted.py",
        "        return -d.d3, -d.phi1_eta2",
        "        return -d.d3, d.phi1_eta2",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/laplace.py",
        "by_phi = by_phi + w_phi * leverages + d.phi1_eta * t",
        "by_phi = by_phi + w_phi * leverages",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/relative.py",
        "tuple(both_sides(t, block, t) for",
        "tuple(both_sides(t.T, block, t.T) for",
        f"{GLMM_GRADIENT}::test_laplace_of_vector_terms",
    ),
    Mutation(
        "framework/estimation/laplace.py",
        " = (np.sqrt(2.0) if indefinite else 2.0)",
        " = 2.0",
        f"{GLMM_GRADIENT}::test_curvature_is_positive_semidefinite",
    ),
    Mutation(
        "framework/estimation/laplace.py",
        "    S = positive_part(S, total)\n",
        "",
        f"{GLMM_GRADIENT}::test_bending_is_the_hessian_at_zero_variance",
    ),
    Mutation(
        "framework/estimation/laplace.py",
        "        return by_entries - explained\n",
        "        return by_entries + explained\n",
        f"{GLMM_GRADIENT}::test_what_fixed_effects_take_up_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/quadrature.py",
        "    w = w / w.sum()\n",
        "",
        f"{GLMM_GRADIENT}::test_one_node_is_the_laplace_approximation",
    ),
    Mutation(
        "framework/estimation/quadrature.py",
        "+ 0.5 * (grid.z**2).sum(axis=1)[:, None]",
        "",
        f"{EDGES}::test_quadrature_is_the_integral_over_the_domain",
    ),
    Mutation(
        "framework/estimation/quadrature.py",
        "        logdet = 2.0 * np.log(np.diagonal(self.C, axis1=1, axis2=2)).sum()\n",
        "        logdet = np.log(np.diagonal(self.C, axis1=1, axis2=2)).sum()\n",
        f"{GLMM_GRADIENT}::test_quadrature_of_a_scalar_term",
    ),
    Mutation(
        "framework/estimation/quadrature.py",
        'np.einsum("lca,c->al", self.Cinv',
        'np.einsum("lac,c->al", self.Cinv',
        f"{GLMM_GRADIENT}::test_quadrature_of_vector_terms",
    ),
    Mutation(
        "framework/estimation/quadrature.py",
        "np.arange(self.k)] *= 0.5\n",
        "np.arange(self.k)] *= 1.0\n",
        f"{GLMM_GRADIENT}::test_quadrature_of_a_scalar_term",
    ),
    Mutation(
        "framework/estimation/quadrature.py",
        "\nCUT = 1e-3",
        "\nCUT = 1e3",
        f"{EDGES}::test_quadrature_of_an_integrand_that_breaks_off",
    ),
    Mutation(
        "framework/estimation/dispersion.py",
        "lower) * share * (1.0 - share)",
        "lower) * share",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/dispersion.py",
        "p.lower + np.exp(xi), np.exp(xi)",
        "p.lower + np.exp(xi), np.ones_like(xi)",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/generalized_criterion.py",
        "self.dispersion.by_xi(by.phi, self.phi_slope, self.rows)",
        "self.dispersion.by_xi(by.phi, 1.0 + 0.0 * self.phi_slope, self.rows)",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/estimation/generalized_criterion.py",
        "WIDEST = 20.0",
        "WIDEST = 2.0",
        f"{ROBUST}::test_counts_up_to_a_million",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "if not converged or np.ptp(model",
        "if np.ptp(model",
        f"{ROBUST}::test_quasi_complete_separation",
    ),
    # backends that sample
    Mutation(
        "backends/linalg/schur.py",
        '- 2.0 * np.einsum("acl,cblr->ablr", AU, S)',
        '- np.einsum("acl,cblr->ablr", AU, S)',
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/schur.py",
        "S[a, a] = 0.5 * UG[a, a]",
        "S[a, a] = UG[a, a]",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/schur.py",
        "into[c.lead] -= 2.0 * sign",
        "into[c.lead] += 2.0 * sign",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/schur.py",
        "+ self.couplings.among @ UV",
        "- self.couplings.among @ UV",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/sampling.py",
        "system.quadratic_by_U(Z, -1.0, by_U)",
        "system.quadratic_by_U(Z, 1.0, by_U)",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/sampling.py",
        "- (process.diagonal[:, 0] - 1.0))",
        "- process.diagonal[:, 0])",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/sampling.py",
        "1.0 - 0.5 * apart) / b",
        "0.0 * apart) / b",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/sampling.py",
        "NEGLIGIBLE = 1e-10",
        "NEGLIGIBLE = 1e-2",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/iterations.py",
        "goal = tol**2 * rho",
        "goal = tol * rho",
        "tests/testkit/test_built_ins.py::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/iterations.py",
        "residual * beta / pivot, 0.0)",
        "residual * beta, 0.0)",
        "tests/backends/test_krylov.py::test_lanczos_gives_functions_of_the_matrix",
    ),
    Mutation(
        "backends/linalg/iterations.py",
        "    if not (values[where] > 0.0).all():",
        "    if False:",
        "tests/backends/test_krylov.py::test_iterations_see_an_indefinite_matrix",
    ),
    Mutation(
        "backends/linalg/fill.py",
        "(np.diff(up.indptr).astype(np.float64) ** 2).sum())",
        "np.diff(up.indptr).astype(np.float64).sum())",
        "tests/backends/test_krylov.py::test_a_path_has_an_envelope_of_one_entry_each",
    ),
    Mutation(
        "backends/linalg/fill.py",
        "links[~leading][:, ~leading] + up.T @ up",
        "up.T @ up",
        "tests/backends/test_krylov.py::test_levels_that_meet_at_random_have_an_envelope_as_large_as_a_dense_block",
    ),
    Mutation(
        "backends/linalg/krylov.py",
        "WORTH = 6e10",
        "WORTH = 6e8",
        "tests/backends/test_krylov.py::test_iterations_are_for_what_would_be_ten_seconds_of_dense_work",
    ),
    Mutation(
        "backends/linalg/krylov.py",
        "WORTH = 6e10",
        "WORTH = 6e12",
        "tests/backends/test_krylov.py::test_iterations_are_for_what_would_be_ten_seconds_of_dense_work",
    ),
    Mutation(
        "framework/estimation/pipeline.py",
        " and (sampled or not candidate.samples)",
        "",
        "tests/backends/test_krylov.py::test_exact_models_never_get_iterations",
    ),
    Mutation(
        "framework/estimation/sampling.py",
        "np.cov(gradients.T)) / len(logdets)",
        "np.cov(gradients.T))",
        "tests/lmm/test_sampled.py::test_the_monte_carlo_error_is_that_of_estimates_by_other_probes",
    ),
    Mutation(
        "framework/estimation/sampling.py",
        "eigh(0.5 * S,",
        "eigh(5e-6 * S,",
        "tests/lmm/test_sampled.py::test_fits_are_the_exact_ones_within_their_monte_carlo_error",
    ),
    Mutation(
        "framework/estimation/monte_carlo.py",
        "n *= 2",
        "n *= 3",
        "tests/lmm/test_sampled.py::test_the_number_of_probes_that_is_enough",
    ),
    Mutation(
        "framework/estimation/certificate.py",
        "if not self.converged or error.is_small:",
        "if True:",
        "tests/lmm/test_sampled.py::test_too_few_probes_are_no_convergence",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "        if n == error.n_probes or not found.certificate.converged:",
        "        if True:",
        "tests/lmm/test_sampled.py::test_probes_are_doubled_until_they_are_enough",
    ),
    Mutation(
        "framework/inference/shared_probes.py",
        "(mine.logdets - theirs.logdets).std",
        "(mine.logdets + theirs.logdets).std",
        "tests/lmm/test_sampled.py::test_likelihood_ratios_share_probes",
    ),
    Mutation(
        "framework/inference/shared_probes.py",
        "if mine.n_probes != theirs.n_probes:",
        "if False:",
        "tests/lmm/test_sampled.py::test_deviances_by_other_probes_are_not_compared",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "    refuse_other_probes(large, small)\n",
        "",
        "tests/lmm/test_sampled.py::test_deviances_by_other_probes_are_not_compared",
    ),
    # backends
    Mutation(
        "backends/linalg/blocked.py",
        "        if plan.dense_size > MAX_DENSE:\n            return np.inf\n",
        "",
        f"{BLOCKED}::test_a_dense_block_of_more_than_some_gigabytes_is_refused",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "MAX_DENSE = 20_000",
        "MAX_DENSE = 2_000_000",
        f"{BLOCKED}::test_a_dense_block_of_more_than_some_gigabytes_is_refused",
    ),
    Mutation(
        "backends/linalg/dense.py",
        "LARGEST_Q = 20_000",
        "LARGEST_Q = 2_000_000",
        f"{LINALG}::test_dense_refuses_what_does_not_fit_in_memory",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        ".eliminated) + self._log_dense",
        ".eliminated)",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "Y[:, s.end :] -= self._lambda_t",
        "Y[:, s.end :] += self._lambda_t",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "                by_pair *= 2.0  # an entry below the diagonal stands for two\n",
        "",
        f"{BLOCKED}::test_logdet_gradient_is_the_derivative_of_logdet",
    ),
    Mutation(
        "backends/linalg/neighbours.py",
        ", r, chunk.first : chunk.last] = 0.5 * value",
        ", r, chunk.first : chunk.last] = value",
        f"{BLOCKED}::test_logdet_gradient_is_the_derivative_of_logdet",
    ),
    Mutation(
        "backends/linalg/neighbours.py",
        "np.where(same, 0.0, weight)",
        "weight",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "inverse = inverse - blocks.multiply",
        "inverse = inverse + blocks.multiply",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/neighbours.py",
        "G_rest -= add.times",
        "G_rest += add.times",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/neighbours.py",
        "                    if r != s:\n                        coefficient += self.X[s, left] * self.X[r, right]\n",
        "",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "        if filled is None or filled.source is not ZtWZ:",
        "        if filled is None:",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocks.py",
        "    return 2.0 * sum(float(np.",
        "    return sum(float(np.",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocks.py",
        "    half = (T.T @ A.reshape(",
        "    half = (T @ A.reshape(",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocks.py",
        "        A[j, j] += 1.0\n",
        "        A[j, j] += 0.0\n",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocks.py",
        "    return C if np.all(left <= LEFT * size * size[:, None]) else None",
        "    return C",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/blocks.py",
        "LEFT = 1e-12",
        "LEFT = 1e-20",
        f"{BLOCKED}::test_levels_with_little_to_say_leave_all_digits",
    ),
    Mutation(
        "backends/linalg/block_diagonal.py",
        ' (2.0 * np.einsum("abl,bcl->ac"',
        ' (2.0 * np.einsum("abl,bcl->ca"',
        f"{BLOCKED}::test_logdet_gradient_is_the_derivative_of_logdet",
    ),
    Mutation(
        "backends/linalg/elimination.py",
        "(cb * fe.n_columns + ce) * fe.",
        "(ce * fe.n_columns + cb) * fe.",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/pattern.py",
        ".tensordot(left.T, block, axes",
        ".tensordot(left, block, axes",
        f"{BUILT_INS}::test_linalg_backend",
    ),
    Mutation(
        "backends/linalg/dense.py",
        "(lower) + np.tril(lower, -1).T",
        "(lower)",
        f"{BUILT_INS}::test_linalg_backend",
    ),
    # optimizers
    Mutation(
        "backends/optim/trust_region.py",
        "radius = 0.3 * length if np.isfinite(f_new) else 0.1 * length",
        "pass",
        f"{OPTIM}::test_a_trust_region_shrinks_after_a_step_uphill",
    ),
    Mutation(
        "backends/optim/trust_region.py",
        "                elif ratio < 0.25:\n                    radius = 0.4 * length\n",
        "",
        f"{OPTIM}::test_a_trust_region_shrinks_after_a_poor_step",
    ),
    Mutation(
        "backends/optim/trust_region.py",
        " > 0.75 and length > 0.8 * radius:\n                    radius = 2.5 * radius\n                elif ratio < ",
        " < ",
        f"{OPTIM}::test_finds_the_known_minimum",
    ),
    Mutation(
        "backends/optim/trust_region.py",
        "lowest < -1e-10 * self.scale and _length(s) < 0.99 * radius",
        "False",
        f"{OPTIM}::test_a_trust_region_leaves_a_maximum_without_a_slope",
    ),
    Mutation(
        "backends/optim/trust_region.py",
        "            B = B + np.outer(missing",
        "            B = B - np.outer(missing",
        f"{OPTIM}::test_finds_the_known_minimum",
    ),
    Mutation(
        "backends/optim/derivative_free.py",
        "before - evaluations.best <= evaluations.tolerance(tol):\n",
        "True:\n",
        f"{OPTIM}::test_derivative_free_searches_are_repeated_by_smaller_radii",
    ),
    Mutation(
        "backends/optim/derivative_free.py",
        "    shrink = 0.1\n",
        "    shrink = 1.0\n",
        f"{OPTIM}::test_derivative_free_searches_are_repeated_by_smaller_radii",
    ),
    Mutation(
        "backends/optim/evaluations.py",
        "tol * max(abs(self.best), 1.0)",
        "tol",
        f"{OPTIM}::test_tolerances_are_relative_to_large_values",
    ),
    Mutation(
        "backends/optim/evaluations.py",
        "        if self.count >= self._limit:",
        "        if self.count > self._limit:",
        f"{OPTIM}::test_honours_max_evaluations",
    ),
    Mutation(
        "backends/optim/lbfgsb.py",
        "return float(0.5 * g @ run.hess_inv",
        "return float(0.0 * g @ run.hess_inv",
        f"{OPTIM}::test_quasi_newton_does_not_claim_convergence_where_its_curvature_expects_more",
    ),
    # inference
    Mutation(
        "framework/inference/lrt.py",
        "max(0.0, 2.0 * (comparable(large, reml) - comparable(small, reml)))",
        "2.0 * (comparable(large, reml) - comparable(small, reml))",
        f"{LMM_LAWS}::test_a_larger_model_that_is_unfinished_gains_nothing",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "n_parameters - small.n_parameters\n",
        "n_parameters - small.n_parameters + 1\n",
        f"{LMM_LAWS}::test_compare_is_text_with_figures",
    ),
    Mutation(
        "framework/display/stars.py",
        "BOUNDS = (0.001, 0.01, 0.05, 0.1)",
        "BOUNDS = (0.001, 0.01, 0.1, 0.5)",
        f"{RFORMAT}::test_stars_change_after_the_bounds",
    ),
    Mutation(
        "framework/inference/lrt.py",
        ".sum()) if reml else 0.0)",
        ".sum()) if not reml else 0.0)",
        f"{LMM_LAWS}::test_equal_spans_compare_under_reml",
    ),
    Mutation(
        "framework/inference/lrt.py",
        'for name in ("y", "weights", "offset"):',
        'for name in ("y", "offset"):',
        f"{ROBUST}::test_compare_refuses_what_is_not_nested",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "if not any(rows == others and _contains",
        "if not any(_contains",
        "tests/storage/test_round_trip.py::test_fits_of_other_rows_are_not_compared",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "return set(small.fingerprint.columns) <= set(large.fingerprint.columns)",
        "return True",
        "tests/storage/test_round_trip.py::test_columns_that_are_written_otherwise_need_rows",
    ),
    # saved models
    Mutation(
        "framework/storage/archive.py",
        "if sum(info.file_size for info in members.values()) > size:",
        "if False:",
        f"{DAMAGE}::test_members_that_share_bytes_are_no_more_than_the_file",
    ),
    Mutation(
        "framework/storage/archive.py",
        "if dtype.kind not in KINDS or dtype.hasobject or dtype.itemsize == 0:",
        "if dtype.kind not in KINDS:",
        f"{DAMAGE}::test_hostile_files",
    ),
    Mutation(
        "framework/storage/archive.py",
        "if info.compress_type != zipfile.ZIP_STORED or info",
        "if info",
        f"{DAMAGE}::test_hostile_files",
    ),
    Mutation(
        "framework/storage/archive.py",
        "        beside.unlink(missing_ok=True)",
        "        pass",
        "tests/storage/test_round_trip.py::test_a_file_is_replaced_in_whole_or_not_at_all",
    ),
    Mutation(
        "framework/storage/archive.py",
        '.copy(order="K")',
        ".copy()",
        "tests/storage/test_round_trip.py::test_arrays_keep_their_order_in_memory",
    ),
    Mutation(
        "framework/storage/agreement.py",
        "\nROUNDING = 1e-8",
        "\nROUNDING = 1e8",
        f"{DAMAGE}::test_the_criterion_must_agree",
    ),
    Mutation(
        "framework/storage/agreement.py",
        "<= ROUNDING * size:",
        "<= np.inf:",
        f"{DAMAGE}::test_parameters_alone_are_not_changed_even_where_no_criterion_can_be_evaluated",
    ),
    Mutation(
        "framework/storage/agreement.py",
        "- 2.0 * fit.digest.log_density + logdet - K.logdet",
        "- 2.0 * fit.digest.log_density + logdet",
        "tests/storage/test_round_trip.py::test_a_generalized_fit_with_a_known_precision",
    ),
    Mutation(
        "framework/storage/plugins.py",
        "    if not _same_options(_options(made), options):",
        "    if False:",
        "tests/storage/test_round_trip.py::test_a_plugin_that_makes_something_else_is_refused",
    ),
    Mutation(
        "framework/storage/plugins.py",
        "for kind in (FAMILY, LINK, COVARIANCE)}",
        "for kind in registry.KINDS.values()}",
        f"{DAMAGE}::test_hostile_files",
    ),
    Mutation(
        "framework/storage/node.py",
        "if array.size and (array.min() < 0 or array.max() >= below):",
        "if array.size and array.max() >= below:",
        f"{DAMAGE}::test_arrays_that_are_not_what_they_must_be",
    ),
    Mutation(
        "framework/storage/fits.py",
        'groups.append(replace(g, R=invertible(part.floats("R", k, k), part, "R")))',
        "groups.append(g)",
        "tests/storage/test_round_trip.py::test_all_numbers_are_those_of_the_fit",
    ),
    Mutation(
        "framework/estimation/generalized_factors.py",
        "hessian, b_moved = self.hessian, fit.factorized().moved()[1]",
        "hessian, b_moved = self.hessian, 1.1 * fit.factorized().moved()[1]",
        "tests/storage/test_round_trip.py::test_predictions_are_those_of_the_fit",
    ),
    Mutation(
        "framework/estimation/generalized_factors.py",
        "ZtWQ = self.mode.system.ZtWQ if digest is None else digest.ZtWQ",
        "ZtWQ = self.mode.system.ZtWQ if digest is None else 0.0 * digest.ZtWQ",
        "tests/storage/test_round_trip.py::test_predictions_are_those_of_the_fit",
    ),
    Mutation(
        "framework/design/fingerprint.py",
        "first[level]",
        "codes",
        "tests/storage/test_round_trip.py::test_groups_are_the_same_whatever_their_levels_are_called",
    ),
    Mutation(
        "framework/notes.py",
        "frame.f_back, level + 1",
        "frame.f_back, level + 2",
        "tests/test_notes.py::test_a_warning_points_at_the_users_line",
    ),
    Mutation(
        "framework/estimation/covariance.py",
        "+ np.outer(v, v) / (df * s2**2",
        "- np.outer(v, v) / (df * s2**2",
        f"{LMM_GRADIENT}::test_covariance_of_the_variance_parameters",
    ),
    Mutation(
        "framework/estimation/covariance.py",
        "H[m, m] = 4.0 * df / s2",
        "H[m, m] = 2.0 * df / s2",
        f"{LMM_GRADIENT}::test_covariance_of_the_variance_parameters",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "here.C @ (one + one.T) @ here.C",
        "here.C @ one @ here.C",
        f"{LMM_GRADIENT}::test_derivatives_of_the_covariance_of_the_coefficients",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "np.array([*derivatives, 2.0 * fit.sigma * ",
        "np.array([*derivatives, fit.sigma * ",
        f"{LMM_GRADIENT}::test_derivatives_of_the_covariance_of_the_coefficients",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "np.asarray(2.0 * self.variances(rows) ** 2 /",
        "np.asarray(self.variances(rows) ** 2 /",
        f"{LMM_REFERENCE}::test_satterthwaite[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "    derivatives = [d for d, is_free in zip(by_theta, fit.free_theta, strict=True) if is_free]\n",
        "    derivatives = list(by_theta)\n",
        f"{HARD}::test_log_likelihood_is_the_maximum",
    ),
    Mutation(
        "framework/estimation/covariance.py",
        "    covariance = 2.0 * root @ root",
        "    covariance = root @ root",
        f"{EDGES}::test_covariance_of_a_regular_hessian_is_twice_its_inverse",
    ),
    Mutation(
        "framework/estimation/covariance.py",
        "\nFLAT = 8e-6",
        "\nFLAT = 8e-3",
        f"{EDGES}::test_a_small_curvature_is_none_that_is_flat",
    ),
    Mutation(
        "framework/estimation/covariance.py",
        "\nMOVED = 1e-2",
        "\nMOVED = 1e2",
        f"{EDGES}::test_covariance_along_a_flat_direction",
    ),
    Mutation(
        "framework/inference/laplace_check.py",
        " = -0.5 * (fine.by_level - laplace.by_level)",
        " = fine.by_level - laplace.by_level",
        f"{ROBUST}::test_laplace_check_is_the_difference_of_the_criteria",
    ),
    Mutation(
        "framework/display/comparison.py",
        "stars(test.p_value))",
        "stars(10.0 * test.p_value))",
        f"{LMM_LAWS}::test_a_comparison_has_the_stars_of_its_p_value",
    ),
    Mutation(
        "framework/display/stars.py",
        "from bisect import bisect_left\n",
        "from bisect import bisect_right as bisect_left\n",
        f"{RFORMAT}::test_stars_change_after_the_bounds",
    ),
    # solutions and observers
    Mutation(
        "framework/inference/criteria.py",
        "log_likelihood + 2.0 * k,",
        "log_likelihood + k,",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/inference/criteria.py",
        "float(np.log(n))",
        "float(np.log(n - k))",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/inference/criteria.py",
        "df_residual=n - k",
        "df_residual=n - fit.design.fixed.rank",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_ml-blocked]",
        f"{LMM_REFERENCE}::test_summary_is_that_of_lmertest[lmm_sleepstudy_weights_ml-blocked]",
    ),
    Mutation(
        "framework/solution/base.py",
        "optimize=True) * self._scale**2",
        "optimize=True) * self._scale",
        f"{LMM_REFERENCE}::test_random_effects[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/solution/base.py",
        "a, b] / (sd[a] * sd[b])) for b",
        "a, b] / sd[a] ** 2) for b",
        f"{LMM_REFERENCE}::test_variance_components[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/solution/base.py",
        ".sqrt(np.diagonal(self.vcov)))",
        ".diagonal(self.vcov))",
        f"{LMM_REFERENCE}::test_fixed_effects[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/solution/lmm.py",
        "name: v / (v + self.sigma**2) for",
        "name: v / (v + self.sigma) for",
        f"{LMM_REFERENCE}::test_icc[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/inference/wald.py",
        "t_quantile(0.5 + level / 2.0, ",
        "t_quantile(level, ",
        f"{LMM_LAWS}::test_intervals",
    ),
    Mutation(
        "framework/inference/wald.py",
        "t_quantile(0.5 + level / 2.0, self.df)",
        "np.asarray(ndtri(0.5 + level / 2.0))",
        f"{LMM_LAWS}::test_intervals",
    ),
    Mutation(
        "framework/inference/wald.py",
        "2.0 * t_sf(",
        "t_sf(",
        f"{LMM_REFERENCE}::test_satterthwaite[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "return None if weights is None else np.sqrt(weights)",
        "return weights",
        f"{LMM_REFERENCE}::test_rows[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/solution/lmm.py",
        "n_obs - self._labels.fixed.rank)",
        "n_obs)",
        f"{LMM_LAWS}::test_without_satterthwaite",
    ),
    Mutation(
        "framework/solution/lmm.py",
        "return self._fit.ml_deviance",
        "return self._fit.criterion",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_slope_reml-blocked]",
    ),
    Mutation(
        "framework/solution/glmm.py",
        "if unknown and self.converged and not",
        "if not unknown and self.converged and not",
        "tests/glmm/test_edges.py::test_a_standard_error_that_is_nan_has_a_word",
    ),
    Mutation(
        "framework/solution/glmm.py",
        "{name: v / (v + level) for",
        "{name: v / level for",
        f"{GLMM_REFERENCE}::test_icc_of_binary_responses",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        "design.random.variances(fit.roots_of_model)",
        "2.0 * design.random.variances(fit.roots_of_model)",
        f"{GLMM_REFERENCE}::test_icc_of_counts_is_at_the_average_marginal_mean",
    ),
    Mutation(
        "framework/inference/wald.py",
        "ndtri(0.5 + level / 2.0)",
        "ndtri(level)",
        f"{ROBUST}::test_wald_intervals_have_the_level_that_was_asked_for",
    ),
    Mutation(
        "framework/inference/wald.py",
        "2.0 * normal_sf",
        "normal_sf",
        f"{GLMM_REFERENCE}::test_fixed_effects[glmm_cbpp_laplace]",
        f"{GLMM_REFERENCE}::test_summary_of_lme4[glmm_cbpp_laplace]",
    ),
    Mutation(
        "framework/solution/family_parameters.py",
        "float(slope[0] * to_natural(parameter, float(xi[0]))[1])",
        "float(slope[0])",
        f"{GLMM_FAMILIES}::test_dispersion_and_its_standard_errors",
    ),
    Mutation(
        "framework/solution/glmm.py",
        "        if self.nagq == 0:\n            return self.vcov_conditional\n",
        "",
        f"{GLMM_REFERENCE}::test_nagq_0_gives_conditional_standard_errors",
    ),
    Mutation(
        "framework/prediction/residuals.py",
        "variance = variance / self.phi[0]\n",
        "pass\n",
        f"{GLMM_REFERENCE}::test_residuals_are_those_of_r_at_the_same_linear_predictor",
    ),
    Mutation(
        "framework/prediction/residuals.py",
        "observed(self.y) - self.mu) / family.link.mean",
        "observed(self.y) - self.mu) * family.link.mean",
        f"{GLMM_REFERENCE}::test_residuals_are_those_of_r_at_the_same_linear_predictor",
    ),
    Mutation(
        "framework/inference/criteria.py",
        "-0.5 * fit.criterion",
        "-fit.criterion",
        f"{GLMM_REFERENCE}::test_log_likelihood_and_criteria[glmm_cbpp_laplace]",
    ),
    Mutation(
        "framework/observers/trace.py",
        "event.gradient).max(initial=0.0))",
        "event.gradient).sum())",
        f"{OBSERVERS}::test_trace_has_the_largest_component_of_each_gradient",
    ),
    # design
    Mutation(
        "framework/design/fixed.py",
        "RANK_TOLERANCE = 1e-7",
        "RANK_TOLERANCE = 1e-10",
        f"{LMM_INPUT}::test_the_rank_of_x_is_decided_at_1e_7",
    ),
    Mutation(
        "framework/design/fixed.py",
        "RANK_TOLERANCE = 1e-7",
        "RANK_TOLERANCE = 1e-4",
        f"{LMM_INPUT}::test_the_rank_of_x_is_decided_at_1e_7",
    ),
    Mutation(
        "framework/design/fixed.py",
        "else np.sqrt(weights)[:, None]",
        "else weights[:, None]",
        f"{LMM_INPUT}::test_the_rank_of_x_is_decided_at_1e_7",
    ),
    Mutation(
        "framework/design/basis.py",
        ", ones], R[ones, others] = 1.0, ",
        ", ones], R[others, ones] = 1.0, ",
        f"{LMM_LAWS}::test_scaling_and_shifting_a_random_slope",
    ),
    Mutation(
        "framework/design/basis.py",
        "np.asarray((Z * metric) @ Z.T",
        "np.asarray(Z @ Z.T",
        f"{LMM_LAWS}::test_the_unit_of_the_weights_changes_no_verdict",
    ),
    Mutation(
        "framework/design/basis.py",
        "        for _ in range(2):\n",
        "        for _ in range(1):\n",
        f"{BASIS}::test_the_lower_root_has_the_gram_matrix_to_rounding",
    ),
    Mutation(
        "framework/design/crossproducts.py",
        " if w is None else y @ (w * y))",
        ")",
        f"{LMM_LAWS}::test_the_unit_of_the_weights_changes_no_verdict",
    ),
    Mutation(
        "framework/design/mixed.py",
        "self.y if self.offset is None else self.y - self.offset",
        "self.y",
        f"{LMM_LAWS}::test_an_offset_is_a_shift_of_y",
    ),
    Mutation(
        "framework/design/crossproducts.py",
        "0.5 * (self.EtWE + U.T @ KU - (B",
        "0.5 * (self.EtWE - U.T @ KU - (B",
        f"{LMM_REFERENCE}::test_log_likelihood_and_criteria[lmm_sleepstudy_weights_reml-blocked]",
    ),
    Mutation(
        "framework/design/random.py",
        "spread((1.0 if a == b else 2.0) * block",
        "spread(block",
        f"{GLMM_GRADIENT}::test_laplace",
        f"{GLMM_GRADIENT}::test_laplace_of_vector_terms",
    ),
    Mutation(
        "framework/design/random.py",
        "by_pair.spread(2.0 * block[a, b",
        "by_pair.spread(block[a, b",
        f"{GLMM_GRADIENT}::test_laplace",
    ),
    Mutation(
        "framework/design/random.py",
        "np.matmul(right, np.tensordot(",
        "np.matmul(right.T, np.tensordot(",
        f"{GLMM_GRADIENT}::test_laplace_of_vector_terms",
    ),
    Mutation(
        "framework/design/random.py",
        "out[:, other] += M.transposed_times",
        "out[:, other] -= M.transposed_times",
        f"{LMM_GRADIENT}::test_average_information_is_that_of_dense_matrices",
    ),
    # small fits
    Mutation(
        "backends/linalg/neighbours.py",
        "self._square(G_rest)[...] -= self.flat",
        "self._square(G_rest)[...] += self.flat",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "backends/linalg/neighbours.py",
        "taken *= self.values",
        "pass",
        f"{BUILT_INS}::test_elimination_of_few_random_effects",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "        K = P if self.criterion.reml else E",
        "        K = E",
        f"{LMM_GRADIENT}::test_curvature_of_few_effects_of_several_factors_is_the_hessian",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "                trace[theirs, mine] = trace[mine, theirs].T\n",
        "",
        f"{LMM_GRADIENT}::test_curvature_of_few_effects_of_several_factors_is_the_hessian",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "inverse.shape[2] * np.eye(len(t)) - inverse.sum(axis=2)",
        "inverse.shape[2] * np.eye(len(t)) + inverse.sum(axis=2)",
        f"{GLMM_GRADIENT}::test_laplace_of_vector_terms",
    ),
    # the registry
    Mutation(
        "framework/registry/validation.py",
        """    if major == "0" and minor != our_minor:""",
        """    if major == "1" and minor != our_minor:""",
        f"{REGISTRY}::test_wrong_plugins_say_what_is_wrong",
    ),
    Mutation(
        "framework/registry/lookup.py",
        "        if link in STANDARD.values():",
        "        if False:",
        f"{NAMED_LINKS}::test_a_standard_link_that_does_not_fit_is_refused_by_name_and_taken_as_an_object",
    ),
    Mutation(
        "framework/registry/lookup.py",
        "            return self.link(name)[0]",
        "            return STANDARD.get(name) or self.link(name)[0]",
        f"{NAMED_LINKS}::test_a_registry_of_ones_own_has_its_own_links",
    ),
    # censored responses
    Mutation(
        "families/location_scale.py",
        "q1 = -a * m1 + a1 * p.n1",
        "q1 = -a * m1 - a1 * p.n1",
        f"{CENSORED}/test_densities.py::test_derivatives_are_those_with_60_digits",
    ),
    Mutation(
        "families/location_scale.py",
        "x1 = a1 / a * x + a * c1\n        phi1_eta2",
        "x1 = a1 / a * x\n        phi1_eta2",
        f"{CENSORED}/test_densities.py::test_derivatives_are_those_with_60_digits",
    ),
    Mutation(
        "families/location_scale.py",
        "phi1=d.phi1 + (weights * (a1 / a))",
        "phi1=d.phi1 + (0 * weights * (a1 / a))",
        f"{CENSORED}/test_densities.py::test_maxima_without_random_effects_are_those_of_survreg",
    ),
    Mutation(
        "families/weibull.py",
        "-special.digamma(1 + 1 / k) / np.square(k)",
        "special.digamma(1 + 1 / k) / np.square(k)",
        f"{CENSORED}/test_densities.py::test_derivatives_are_those_with_60_digits",
    ),
    Mutation(
        "families/weibull.py",
        "np.log(width / np.expm1(width))",
        "-0.5 * width",
        f"{CENSORED}/test_densities.py::test_deviance_is_least_at_the_saturated_mean",
    ),
    Mutation(
        "families/tobit.py",
        "_normal(low) - _normal(high)\n",
        "_normal(low) + _normal(high)\n",
        f"{CENSORED}/test_densities.py::test_limits_of_the_tobit_family",
    ),
    Mutation(
        "framework/design/censored.py",
        "lower = np.where(censored, -np.inf, first)",
        "lower = np.where(censored, 0.0, first)",
        f"{CENSORED}/test_input.py::test_the_record",
    ),
    Mutation(
        "framework/bootstrap/censored.py",
        "(lower > c) | ((lower == c) & ~known)",
        "(lower >= c)",
        f"{CENSORED}/test_after.py::test_times_of_censoring_are_those_of_survfit",
    ),
    Mutation(
        "framework/bootstrap/censored.py",
        "u = before * rng.random",
        "u = rng.random",
        f"{CENSORED}/test_after.py::test_drawn_times_of_censoring_follow_the_estimate",
    ),
    Mutation(
        "framework/formula/variables.py",
        "level == LOGICAL[1]",
        "level == LOGICAL[0]",
        f"{CENSORED}/test_input.py::test_a_column_of_true_is_ones",
    ),
    Mutation(
        "framework/prediction/residuals.py",
        "* (upper - lower)\n",
        "* upper\n",
        f"{CENSORED}/test_after.py::test_quantile_residuals_are_normal_where_the_model_is_right",
    ),
    # ordered categories
    Mutation(
        "families/between.py",
        "left = upper.log_below < lower.log_above",
        "left = upper.log_below > lower.log_above",
        f"{ORDINAL}::test_laws_cloglog",
    ),
    Mutation(
        "families/ordinal.py",
        "3 * n1_here * n2_here + 2 * n1_here**3",
        "3 * n1_here * n2_here + n1_here**3",
        f"{ORDINAL}::test_derivatives_have_the_digits_of_mpmath",
    ),
    Mutation(
        "families/ordinal.py",
        "m2 - n2_here * m0 - 2 * n1_here * (m1",
        "m2 - n2_here * m0 - n1_here * (m1",
        f"{ORDINAL}::test_derivatives_have_the_digits_of_mpmath",
    ),
    Mutation(
        "families/ordinal.py",
        "np.minimum(place, place[::-1])",
        "place",
        f"{ORDINAL}::test_spacings_of_each_kind",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "- eta[:, None])",
        "+ eta[:, None])",
        f"{ORDINAL}::test_a_reversed_order_turns_everything",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "S[:, i] * np.reshape(s, (-1, 1))",
        "S[:, i] * np.ones((len(s) if np.ndim(s) else 1, 1))",
        f"{ORDINAL}::test_a_reversed_order_turns_everything",
    ),
    Mutation(
        "framework/estimation/thresholds.py",
        "S[place[over] - 1]",
        "S[place[over] - 1] * 0",
        f"{ORDINAL}::test_conditions_of_separation_are_those_of_both_thresholds",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "if name in scale.models else 1.0",
        "if name in scale.models and i else 1.0",
        f"{PARTIAL}::test_fits_are_those_of_clmm2",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "-rows.Q[:, None]",
        "rows.Q[:, None]",
        f"{PARTIAL}::test_fits_are_those_of_clmm2",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "self.estimate - other.estimate, self.J - other.J",
        "self.estimate - other.estimate, self.J + other.J",
        f"{PARTIAL}::test_fits_are_those_of_clmm2",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "np.isnan(estimate) | J[:, unknown].any(axis=1)",
        "np.isnan(estimate) | unknown.any()",
        f"{PARTIAL}::test_a_level_without_a_category_has_a_limit",
    ),
    Mutation(
        "framework/inference/thresholds.py",
        "undetermined |= differs(",
        "undetermined &= differs(",
        f"{PARTIAL}::test_a_level_without_a_category_has_a_limit",
    ),
    Mutation(
        "framework/design/parameter.py",
        "return alike | {name: value",
        "return {name: value",
        f"{PARTIAL}::test_a_name_goes_before_the_word_for_all",
    ),
    Mutation(
        "framework/estimation/thresholds.py",
        "len(different) <= different.shape[1]",
        "len(different) <= 2 * different.shape[1]",
        f"{PARTIAL}::test_groups_of_spacings_are_the_rows_that_share_one",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "for objective in np.vstack([one, -one]):",
        "for objective in -one:",
        f"{PARTIAL}::test_a_level_without_the_lowest_category_has_no_maximum",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "if constant and any(",
        "if not constant and any(",
        f"{PARTIAL}::test_numbers_that_order_the_ratings_have_no_maximum",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "[(0.0, None)] * (signed.shape[1] - rank)\n",
        "[(0.0, 0.0)] * (signed.shape[1] - rank)\n",
        f"{PARTIAL}::test_a_level_without_the_lowest_category_has_no_maximum",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "objective @ (d := np.asarray(program.x)) > MOVES",
        "objective @ (d := np.asarray(program.x)) > -MOVES",
        f"{PARTIAL}::test_a_level_without_a_category_has_a_limit",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "_in_span(one.spacings, other.spacings)",
        "_in_span(other.spacings, one.spacings)",
        f"{PARTIAL}::test_comparisons_know_whose_thresholds_are_freer",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "        if s and t\n",
        "        if s and p.name == q.name\n",
        f"{PARTIAL}::test_comparisons_know_whose_thresholds_are_freer",
    ),
    Mutation(
        "framework/solution/updating.py",
        "kept = {} if SPACINGS in changed else",
        "kept =",
        f"{PARTIAL}::test_files_refits_and_updates_keep_the_models",
    ),
    Mutation(
        "framework/solution/family_parameters.py",
        "phi_of(self._fit, newdata, self._terms)",
        "phi_of(self._fit, None, self._terms)",
        f"{PARTIAL}::test_probabilities_are_those_of_the_thresholds",
    ),
    Mutation(
        "framework/bootstrap/parameters.py",
        "self.shown.index(q.name)",
        "q.k if isinstance(q, Dispersion) else 0",
        "tests/bootstrap/test_bootstrap.py::test_coefficients_of_models_of_parameters_are_among_them",
    ),
    Mutation(
        "framework/planning/planned.py",
        "phi=self._phi_in(design))",
        "phi=self.phi)",
        "tests/planning/test_power.py::test_rows_of_other_designs_have_the_dispersion_of_their_model",
    ),
    Mutation(
        "framework/prediction/rows.py",
        "for name in fit.labels.parameters}\n",
        'for name in rows["parameters"]}\n',
        f"{PARAMETER_MODELS}::test_a_formula_of_ones_needs_nothing_of_new_rows",
    ),
    # families and links
    Mutation(
        "families/zero_inflated.py",
        "d2 = r * at.d2 + bend * at.d1",
        "d2 = r * at.d2",
        f"{ZERO_ALTERED}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/zero_inflated.py",
        "r_zi = -r * rest / (zi * (1 - zi))",
        "r_zi = -r * rest / zi",
        f"{ZERO_ALTERED}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/zero_inflated.py",
        "spread = t**2 + zi * information",
        "spread = t**2 + information",
        f"{BUILT_INS}::test_family_with_each_of_its_links[zero_inflated_poisson-log]",
    ),
    Mutation(
        "families/zero_inflated.py",
        "near = share > -0.5",
        "near = share > 2.0",
        f"{ZERO_ALTERED}::test_a_density_near_one_keeps_its_digits",
    ),
    Mutation(
        "families/hurdle.py",
        "f2 = at.phi1_eta2 / L - f * at.d2 / L - 2 * e1 * f1",
        "f2 = at.phi1_eta2 / L - f * at.d2 / L - e1 * f1",
        f"{ZERO_ALTERED}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/hurdle.py",
        "u, d = t - seen.N1, S * t**2",
        "u, d = t, S * t**2",
        f"{BUILT_INS}::test_family_with_each_of_its_links[hurdle_poisson-log]",
    ),
    Mutation(
        "framework/prediction/residuals.py",
        "if family.discrete or family.atoms:",
        "if family.discrete:",
        f"{ZERO_ALTERED}::test_quantile_residuals_are_normal",
    ),
    Mutation(
        "families/generalized_poisson.py",
        "- y * np.log(s) - m / s",
        "- y * np.log(s) - m",
        f"{ZERO_ALTERED}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "framework/estimation/separation.py",
        "abs(values[0]) < UNINFORMED * values[-1]",
        "abs(values[0]) < 0.0",
        f"{ZERO_ALTERED}::test_a_hurdle_that_runs_to_its_logarithmic_limit_is_refused",
    ),
    Mutation(
        "families/conway_maxwell_poisson.py",
        "by_nu = at.m3 * slope - at.c2g",
        "by_nu = at.m3 * slope",
        f"{FURTHER_FAMILIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/conway_maxwell_poisson.py",
        "if np.all(lowest == lowest[0]):",
        "if len(lowest):",
        f"{FURTHER_FAMILIES}::test_rows_do_not_change_with_their_number",
    ),
    Mutation(
        "families/normal_tail.py",
        "_TERMS = 60",
        "_TERMS = 6",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/normal_tail.py",
        "d * (2 * c - d)",
        "d * (2 * c + d)",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/skew_normal.py",
        "0.995271746431156, 2.9952924930273875e-17",
        "0.995271746431156, 0.0",
        f"{NORMALS}::test_shape_and_skewness_are_inverse",
    ),
    Mutation(
        "families/skew_normal.py",
        "- R / s2 * by_z,",
        "+ R / s2 * by_z,",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/skew_normal.py",
        "2 * r2 * w * w_z * u_zR",
        "r2 * w * w_z * u_zR",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/skew_normal.py",
        "thin = (alpha > 0) & (below < 1e-3)",
        "thin = (alpha > 0) & (below < 0)",
        f"{NORMALS}::test_the_thin_tail_of_the_cdf_has_its_digits",
    ),
    Mutation(
        "families/skew_normal.py",
        "if self.alpha is not None or np.max",
        "if np.isfinite(mu).all() or np.max",
        f"{NORMALS}::test_half_a_normal_distribution_is_named_where_a_search_runs_to_it",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "with_square = s.third + 2 * s.mean * s.variance",
        "with_square = s.third + s.mean * s.variance",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "return cls(peak, at, log_mass, -ahead, variance, -third, fourth)",
        "return cls(peak, at, log_mass, -ahead, variance, third, fourth)",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "_FALL = 40.0",
        "_FALL = 4.0",
        f"{NORMALS}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "(y > lower) & (y < upper)",
        "(y > lower) & (y <= upper)",
        f"{NORMALS}::test_responses_beyond_the_limits_are_refused_by_row",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "_RUNAWAY = 20.0",
        "_RUNAWAY = 1e9",
        f"{NORMALS}::test_responses_that_fall_off_more_steeply_have_no_maximum",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "0.5 * apart * (self.at + whole.at)",
        "apart * (self.at + whole.at)",
        f"{NORMALS}::test_a_truncated_density_and_its_moments_are_those_of_scipy",
    ),
    Mutation(
        "families/truncated_gaussian.py",
        "low = lower - np.square(sigma) / (y - lower)",
        "low = lower - sigma / (y - lower)",
        f"{NORMALS}::test_the_saturated_mean_is_where_the_mean_of_what_is_seen_is_the_response",
    ),
    Mutation(
        "families/special.py",
        "new = np.where((new > low) & (new < high), new, 0.5 * (low + high))",
        "new = np.where(new > low, new, 0.5 * (low + high))",
        f"{NORMALS}::test_roots_are_looked_for_inside_of_their_bracket",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "if why := family.runaway(family.link",
        "if why := 0 * family.runaway(family.link",
        f"{NORMALS}::test_half_a_normal_distribution_is_named_where_a_search_runs_to_it",
    ),
    Mutation(
        "families/bell.py",
        "y * log_W - np.expm1(W)",
        "y * log_W - np.exp(W)",
        f"{FURTHER_FAMILIES}::test_bell_numbers_are_exact_to_rounding",
    ),
    Mutation(
        "families/ordered_beta.py",
        "weight_zero = c_eta + share * p.d1 * b.expected_weight",
        "weight_zero = c_eta + share * b.expected_weight",
        f"{BUILT_INS}::test_family_with_each_of_its_links[ordered_beta-logit]",
    ),
    Mutation(
        "families/ordered_beta.py",
        "if not zeros or not ones:",
        "if not zeros and not ones:",
        f"{FURTHER_FAMILIES}::test_responses_that_do_not_tell_are_refused",
    ),
    Mutation(
        "families/lognormal.py",
        "1 / sigma, 0.5 * np.square(sigma)",
        "1 / sigma, 0.0 * np.square(sigma)",
        f"{ZERO_ALTERED}::test_lognormal_density_is_that_of_scipy",
    ),
    Mutation(
        "families/count.py",
        "special.gammaln(y + 1), np",
        "special.gammaln(y), np",
        f"{DENSITIES}::test_log_density_is_that_of_scipy",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "inflation(f.R.T @ f.R)",
        "inflation(np.eye(len(f.R)))",
        "tests/estimation/test_basins.py::test_a_search_that_fails_far_from_the_origin_is_told_to_centre",
    ),
    Mutation(
        "framework/solution/base.py",
        "with few_threads(*self._labels.dense_sizes):",
        "if True:",
        "tests/solution/test_threads.py::test_threads_of_blas_change_no_bit_of_small_models",
    ),
    Mutation(
        "families/binomial.py",
        "expected * (sign * (np.where(positive, smaller, larger) - p))",
        "expected * (np.where(positive, smaller, larger) - p)",
        "tests/families/test_single_trials.py::test_derivatives_are_those_of_any_number_of_trials_to_the_last_bit",
    ),
    Mutation(
        "families/binomial.py",
        "np.all(weights == 1.0) and np.all(",
        "np.all(",
        "tests/families/test_single_trials.py::test_other_responses_have_the_general_formula",
    ),
    Mutation(
        "families/binomial.py",
        "is not None and self.knows(y, weights)",
        "is not None",
        "tests/families/test_single_trials.py::test_other_arrays_than_those_that_are_known",
    ),
    Mutation(
        "framework/design/row_sums.py",
        "first, codes = self._runs",
        "first, codes = self._runs[0], self.codes[self._runs[0] - 1]",
        "tests/design/test_row_sums.py::test_sums_are_those_of_a_loop",
    ),
    Mutation(
        "framework/design/row_sums.py",
        "np.append(first, len(self.codes))",
        "np.append(first, first[-1] + 1)",
        "tests/design/test_row_sums.py::test_sums_are_those_of_a_loop",
    ),
    Mutation(
        "framework/cli/bench.py",
        'data, model["formula"], names = Path(names[0]), names[1], ()',
        'data, model["formula"], names = Path(names[0]), names[1].replace("Days", "1"), ()',
        "tests/formula/test_command_line.py::test_bench_by_a_file_and_a_formula",
    ),
    Mutation(
        "framework/bench/streamed.py",
        "correlated.get(factor, True)",
        "correlated.get(factor, False)",
        "tests/bench/test_command.py::test_formulas_of_arrays_make_the_same_model",
    ),
    Mutation(
        "framework/bench/streamed.py",
        'for name in ("weights", "offset") if name in columns',
        'for name in ("weights",) if name in columns',
        "tests/bench/test_command.py::test_formulas_of_arrays_make_the_same_model",
    ),
    Mutation(
        "families/response_term.py",
        "return y is known_y and",
        "return len(y) == len(known_y) and",
        f"{BUILT_INS}::test_family_with_each_of_its_links",
    ),
    Mutation(
        "families/response_term.py",
        "(weights is known_weights or not self.weights_are_trials)",
        "True",
        f"{BUILT_INS}::test_family_with_each_of_its_links",
    ),
    Mutation(
        "families/poisson.py",
        "-expected, expected, -expected, expected)",
        "-expected, expected, expected, expected)",
        f"{FAMILY_LAWS}::test_exact_derivatives_are_those_of_differences",
    ),
    Mutation(
        "families/poisson.py",
        "large_counts(y * eta - mu - self.response_term(y, weights), y, mu)",
        "(y * eta - mu - self.response_term(y, weights))",
        DENSITIES,
    ),
    Mutation(
        "families/poisson.py",
        "return 2 * weights * np.asarray",
        "return weights * np.asarray",
        f"{FAMILY_LAWS}::test_unit_deviances_fall_to_zero_at_the_saturated_mean_and_slope_as_the_score",
    ),
    Mutation(
        "families/binomial.py",
        "y * complement - (1 - y) * mu)",
        "y * complement - y * mu)",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/binomial.py",
        "expected = -weights * _product(",
        "expected = -_product(",
        f"{FAMILY_LAWS}::test_scores_have_mean_zero_and_the_stated_information",
        f"{FAMILY_LAWS}::test_integer_weights_are_repeated_rows",
        f"{FAMILY_LAWS}::test_exact_derivatives_are_those_of_differences",
    ),
    Mutation(
        "families/binomial.py",
        " = expected * (complement - mu)",
        " = expected * (mu - complement)",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/gamma.py",
        "weights * by_shape * np.square(shape))[None]",
        "weights * by_shape * shape)[None]",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/gamma.py",
        ".full_like(mu, 2 * dispersion)",
        ".full_like(mu, dispersion)",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/gaussian.py",
        " / dispersion - 1) / dispersion)",
        " / dispersion - 1))",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/gaussian.py",
        "normal(mu, np.sqrt(dispersion))",
        "normal(mu, dispersion)",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/inverse_gaussian.py",
        "return rng.wald(mu, 1 / dispersion)",
        "return rng.wald(mu, dispersion)",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/inverse_gaussian.py",
        "+ 3 * np.log(y)\n",
        "+ np.log(y)\n",
        f"{DENSITIES}::test_log_density_is_that_of_scipy",
    ),
    Mutation(
        "families/negative_binomial.py",
        "return mu + mu**2 / theta",
        "return mu + mu**2 * theta",
        f"{FAMILY_LAWS}::test_the_density_has_mass_one_and_the_stated_moments",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/negative_binomial.py",
        "expected_weight_eta=expected * C,",
        "expected_weight_eta=expected,",
        f"{FAMILY_LAWS}::test_exact_derivatives_are_those_of_differences",
        f"{FAMILY_LAWS}::test_each_derivative_is_the_slope_of_the_one_before",
    ),
    Mutation(
        "families/negative_binomial.py",
        "d3=d2 * (C - P),",
        "d3=d2 * (P - C),",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/negative_binomial1.py",
        "fall - excess[1] - y * share",
        "fall - excess[1] + y * share",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/negative_binomial1.py",
        "return mu * (1 + dispersion)",
        "return mu * dispersion",
        f"{FAMILY_LAWS}::test_the_density_has_mass_one_and_the_stated_moments",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/beta.py",
        "+ v1**2 * (a1 + b1))\n        if",
        "- v1**2 * (a1 + b1))\n        if",
        f"{FAMILY_LAWS}::test_scores_have_mean_zero_and_the_stated_information",
        f"{FAMILY_LAWS}::test_exact_derivatives_are_those_of_differences",
    ),
    Mutation(
        "families/beta.py",
        "mu * (1 - mu) / (1 + precision)",
        "mu * (1 - mu) / precision",
        f"{FAMILY_LAWS}::test_the_density_has_mass_one_and_the_stated_moments",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/beta_binomial.py",
        "share = n * (1 + v) / (n + v)",
        "share = n * v / (n + v)",
        f"{FAMILY_LAWS}::test_scores_have_mean_zero_and_the_stated_information",
        f"{FAMILY_LAWS}::test_exact_derivatives_are_those_of_differences",
    ),
    Mutation(
        "families/beta_binomial.py",
        "(1 + (weights - 1) / (1 + precision",
        "(1 + weights / (1 + precision",
        f"{FAMILY_LAWS}::test_the_density_has_mass_one_and_the_stated_moments",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/student_t.py",
        "weights * (df + 1) * (e2 - c) / q**2",
        "weights * (df + 1) * (e2 + c) / q**2",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/student_t.py",
        "(df + 1) / ((df + 3) * s2)",
        "df / ((df + 3) * s2)",
        f"{FAMILY_LAWS}::test_scores_have_mean_zero_and_the_stated_information",
        f"{FAMILY_LAWS}::test_exact_derivatives_are_those_of_differences",
    ),
    Mutation(
        "families/tweedie.py",
        "([-d2 / v, -d1 - d2 * log_mu]),",
        "([-d2 / v, -d2 * log_mu]),",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "families/tweedie.py",
        "return v * mu**p\n",
        "return v * mu**2\n",
        f"{FAMILY_LAWS}::test_the_density_has_mass_one_and_the_stated_moments",
        f"{FAMILY_LAWS}::test_samples_have_the_stated_mean_and_variance",
    ),
    Mutation(
        "families/truncated_poisson.py",
        "d1 = weights * (y - mu - seen1)",
        "d1 = weights * (y - mu)",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
    ),
    Mutation(
        "framework/contracts/links.py",
        "mu**2), 2 * mu**3, -6 * mu**4)",
        "mu**2), 2 * mu**3, 6 * mu**4)",
        f"{LINKS}::test_derivatives_of_the_mean_are_those_of_differences",
    ),
    Mutation(
        "framework/contracts/links.py",
        "        slope = -0.5 * mu / eta",
        "        slope = -mu / eta",
        f"{LINKS}::test_derivatives_of_the_mean_are_those_of_differences",
    ),
    Mutation(
        "framework/contracts/links.py",
        "product * (complement - mu), product",
        "product * (mu - complement), product",
        f"{LINKS}::test_derivatives_of_the_mean_are_those_of_differences",
    ),
    Mutation(
        "framework/contracts/links.py",
        "latent_variance = np.pi**2 / 3\n",
        "latent_variance = np.pi / 3\n",
        f"{CONTRACT}::test_latent_variances_of_nakagawa",
    ),
    Mutation(
        "framework/contracts/links.py",
        "tail] = k1**2 * k2 * (k3 - k2)",
        "tail] = k1**2 * k2 * (k3 + k2)",
        f"{LINKS}::test_probit_continued_fraction_meets_the_closed_form",
        f"{LINKS}::test_probit_tail_has_mills_ratio",
        f"{LINKS}::test_derivatives_of_log_means_are_those_of_differences",
    ),
    Mutation(
        "families/special.py",
        " - 0.5 * x * ratio**2 + s1 + s2,",
        " - 0.5 * x * ratio**2 + s1,",
        f"{DENSITIES}::test_derivatives_are_those_of_mpmath",
        f"{DENSITIES}::test_large_numbers_leave_digits",
    ),
    Mutation(
        "framework/contracts/link.py",
        "_REACH = 9.0",
        "_REACH = 4.0",
        f"{LINKS}::test_marginal_means_of_probabilities_are_those_of_integration",
    ),
    Mutation(
        "framework/contracts/link.py",
        "_STEP, _STEP_OF_ETA = 0.5, 0.25",
        "_STEP, _STEP_OF_ETA = 0.5, 2.5",
        f"{LINKS}::test_marginal_means_of_probabilities_are_those_of_integration",
    ),
    Mutation(
        "framework/contracts/link.py",
        "np.where(one_way, total / weights.sum(), np.nan)",
        "np.where(True, total / weights.sum(), np.nan)",
        f"{LINKS}::test_marginal_means_beyond_an_edge_are_nan",
    ),
    Mutation(
        "framework/contracts/links.py",
        "eta / np.sqrt(1 + variance)",
        "eta / (1 + variance)",
        f"{LINKS}::test_marginal_means_in_closed_form",
    ),
    Mutation(
        "framework/contracts/family.py",
        "phi[:, rows] if phi.ndim == 2 else phi",
        "phi",
        f"{CONTRACT}::test_each_row_has_its_dispersion_on_both_sides_of_thresholds",
    ),
    Mutation(
        "families/tweedie.py",
        "_shape_by_power(of_term) *",
        "np.mean(_shape_by_power(phi)) *",
        f"{CONTRACT}::test_each_row_has_its_dispersion_on_both_sides_of_thresholds",
    ),
    Mutation(
        "families/gamma.py",
        "either(shape > LARGE, ",
        "either(np.all(shape > LARGE), ",
        f"{CONTRACT}::test_each_row_has_its_dispersion_on_both_sides_of_thresholds",
    ),
    Mutation(
        "families/special.py",
        "np.where(exponent == 0.5, np.sqrt(x), power) if np.ndim(exponent) else power",
        "power",
        f"{CONTRACT}::test_tweedie_has_the_same_bits_where_numpy_takes_square_roots",
    ),
    Mutation(
        "framework/testkit/family_dispersion.py",
        "draws[k::m]",
        "draws",
        "tests/testkit/test_wrong_families.py::test_right_families_obey",
    ),
    Mutation(
        "framework/contracts/links.py",
        " * (rest - first) - first * t, 0.0",
        " * (rest - first), 0.0",
        f"{LINKS}::test_derivatives_of_log_means_are_those_of_differences",
    ),
    Mutation(
        "framework/contracts/family.py",
        "log1p(variance / means**2).mean())",
        "log1p(variance / means).mean())",
        f"{CONTRACT}::test_latent_variances_of_nakagawa",
    ),
    Mutation(
        "framework/cli/fit.py",
        "if save is not None:",
        "if save is not None and plot is None:",
        "tests/solution/test_report.py::test_a_model_is_kept_though_its_plot_cannot_be_drawn",
    ),
    Mutation(
        "framework/cli/doctor.py",
        "wanted.setdefault(needed.name, needed.extra)",
        'wanted.setdefault(needed.name + " " * len(wanted), needed.extra)',
        "tests/plugins/test_command_line.py::test_doctor_names_what_each_extra_brings_once",
    ),
    Mutation(
        "framework/cli/metadata.py",
        r"(?:\[[^]]*\])?",
        "",
        "tests/plugins/test_command_line.py::test_doctor_names_what_each_extra_brings_once",
    ),
    Mutation(
        "framework/cli/fit.py",
        "None if offset is None else numbers(columns, offset)",
        "None if offset is None else numbers(columns, y)",
        "tests/plugins/test_command_is_call.py::test_the_command_is_the_call",
    ),
    Mutation(
        "framework/cli/fit.py",
        "intercept=not no_intercept",
        "intercept=True",
        "tests/plugins/test_command_is_call.py::test_the_command_is_the_call",
    ),
    Mutation(
        "framework/cli/fit.py",
        "dict.fromkeys(names_of(uncorrelated), False) or None",
        "None",
        "tests/plugins/test_command_is_call.py::test_the_command_is_the_call",
    ),
    Mutation(
        "framework/cli/bench.py",
        "weights=None if weights is None else numbers(columns, weights)",
        "weights=None",
        "tests/bench/test_command.py::test_options_of_own_data_are_arguments_of_the_library",
    ),
    Mutation(
        "framework/bench/many.py",
        "at_once in (True, False)",
        "at_once in (True, True)",
        "tests/bench/test_command.py::test_many_responses_at_once_and_one_by_one",
    ),
    Mutation(
        "framework/bench/report.py",
        'result["responses"] - result["fitted"] or ""',
        'result["fitted"] or ""',
        "tests/bench/test_command.py::test_a_response_without_a_fit_is_counted",
    ),
    Mutation(
        "framework/bench/measure.py",
        "np.quantile(seconds, [0.25, 0.5, 0.75])",
        "np.quantile(seconds, [0.25, 0.5, 0.5])",
        "tests/bench/test_record.py::test_quartiles_are_those_of_the_times",
    ),
    Mutation(
        "framework/display/markup.py",
        "<td>{escape(cell.strip())}</td>",
        "<td>{cell.strip()}</td>",
        "tests/display/test_summary.py::test_html_escapes_every_text_of_the_user",
    ),
    # broom's columns, models side by side
    Mutation(
        "framework/solution/broom.py",
        "half = scipy.special.ndtri(0.5 + level / 2.0)",
        "half = scipy.special.ndtri(level)",
        "tests/solution/test_broom.py::test_conditional_modes",
    ),
    Mutation(
        "framework/solution/broom.py",
        "fit._tested.limits(level).T",
        "fit._tested.limits(0.95).T",
        "tests/solution/test_broom.py::test_limits_are_confints",
    ),
    Mutation(
        "framework/solution/broom.py",
        'random="none"',
        'random="all"',
        "tests/solution/test_broom.py::test_rows_of_a_linear_model",
    ),
    Mutation(
        "framework/solution/broom.py",
        "if y is not None and y.dtype.kind",
        "if False and y.dtype.kind",
        "tests/solution/test_broom.py::test_what_augment_refuses",
    ),
    Mutation(
        "framework/solution/broom.py",
        "values[missing] = None",
        "pass",
        "tests/solution/test_broom.py::test_categories_and_missing_numbers_stay",
    ),
    Mutation(
        "framework/solution/broom.py",
        "while name in columns:",
        "if False:",
        "tests/solution/test_broom.py::test_names_that_are_taken",
    ),
    Mutation(
        "framework/solution/side_by_side.py",
        "labels.index(after)",
        "len(labels)",
        "tests/solution/test_side_by_side.py::test_rows_stand_in_the_order_of_their_models",
    ),
    Mutation(
        "framework/solution/side_by_side.py",
        "number(se, decimals, digits)",
        "number(estimate, decimals, digits)",
        "tests/solution/test_side_by_side.py::test_figures_are_the_fits",
    ),
    Mutation(
        "framework/bootstrap/run.py",
        ", generalized=isinstance(fit, GeneralizedFit)",
        "",
        "tests/bootstrap/test_bootstrap.py::test_generalized_models_are_heard_of_and_kept_more_often",
    ),
    Mutation(
        "framework/bootstrap/blocks.py",
        "NUMBERS_OF_GENERALIZED if generalized and at_once else NUMBERS",
        "NUMBERS",
        "tests/bootstrap/test_bootstrap.py::test_generalized_models_are_heard_of_and_kept_more_often",
    ),
    Mutation(
        "framework/large/gram.py",
        "or sum(self.seen.values()) != self.n",
        "",
        "tests/large/test_streams.py::test_summaries_say_from_which_files_rows_are",
    ),
    Mutation(
        "framework/solution/side_by_side.py",
        'return _values(heading, found, digits, lambda v, digits: f"{v:.{digits}f}")',
        "return _values(heading, found, digits)",
        "tests/solution/test_side_by_side.py::test_r2_is_that_of_the_fits",
    ),
    Mutation(
        "framework/solution/glmm.py",
        "return residuals / np.sqrt(self._fit.phi[0]) if self.family.multiplicative_dispersion else residuals",
        "return residuals",
        "tests/solution/test_tables.py::test_scaled_residuals_of_a_summary_have_the_dispersion_in_them",
    ),
    Mutation(
        "framework/display/side_by_side.py",
        "cell.mark.ljust(room)",
        "cell.mark",
        "tests/solution/test_side_by_side.py::test_text_fits_into_80_columns",
    ),
    Mutation(
        "framework/display/side_by_side.py",
        "decimals > MOST_DECIMALS or",
        "False or",
        "tests/solution/test_side_by_side.py::test_small_numbers_have_digits",
    ),
    Mutation(
        "framework/display/side_by_side.py",
        '.replace("|", BAR)',
        "",
        "tests/solution/test_side_by_side.py::test_latex",
    ),
    Mutation(
        "framework/solution/base.py",
        '"Offset": labels.has_offset',
        '"Offset": labels.has_weights',
        "tests/solution/test_side_by_side.py::test_summaries_name_weights_offset_and_dispersion",
    ),
    Mutation(
        "framework/display/records.py",
        "column = np.array(values)",
        "column = np.asarray(values)",
        "tests/display/test_records.py::test_columns_are_copies_and_read_only",
    ),
    Mutation(
        "framework/display/records.py",
        "known = () if self.plain else columns",
        "known = columns",
        "tests/solution/test_tables.py::test_covariances_of_coefficients_with_the_names_of_columns",
    ),
    Mutation(
        "framework/display/records.py",
        "column[:rows]",
        "column[1:rows]",
        "tests/display/test_records.py::test_coefficients_are_printed_as_r_prints_them",
    ),
    Mutation(
        "framework/display/records.py",
        "escape(note)",
        "note",
        "tests/display/test_records.py::test_html_escapes_all_text_of_the_user",
    ),
    Mutation(
        "framework/display/frames.py",
        "kind = kind if like is None",
        'kind = "" if like is None',
        "tests/display/test_records.py::test_frames_by_name_by_example_and_by_default",
    ),
    Mutation(
        "framework/solution/tables.py",
        "50.0 * (1.0 - level)",
        "100.0 * (1.0 - level)",
        "tests/solution/test_tables.py::test_generalized_models_have_z_tests_and_no_df",
    ),
    Mutation(
        "framework/solution/tables.py",
        "np.repeat(labels, len(own)) for",
        "np.tile(labels, len(own)) for",
        "tests/solution/test_tables.py::test_random_effects_have_their_conditional_deviations",
    ),
    Mutation(
        "framework/solution/tables.py",
        "if len({column.dtype.kind for column in levels}) > 1:",
        "if True:",
        "tests/solution/test_tables.py::test_levels_keep_their_type_where_all_factors_have_one",
    ),
    Mutation(
        "framework/solution/tables.py",
        "while name in fit.names:",
        "if False:",
        "tests/solution/test_tables.py::test_covariances_of_coefficients_with_the_names_of_columns",
    ),
    Mutation(
        "framework/formula/formulaic.py",
        "X[start + made.indices[first:last], j]",
        "X[made.indices[first:last], j]",
        "tests/formula/test_model_frame.py::test_pieces_of_the_rows_make_the_same_columns",
    ),
    Mutation(
        "framework/formula/formulaic.py",
        'size = PIECE if called <= {*NUMERIC, "C"} else len(frame)',
        "size = PIECE",
        "tests/formula/test_model_frame.py::test_what_learns_from_all_rows_is_not_cut_into_pieces",
    ),
    Mutation(
        "framework/formula/size.py",
        "if made >= len(table):",
        "if made > len(table):",
        "tests/formula/test_model_frame.py::test_columns_that_no_data_tell_apart_are_refused_before_they_are_made",
    ),
    Mutation(
        "framework/formula/size.py",
        "and made >= (count :=",
        "and made > (count :=",
        "tests/formula/test_model_frame.py::test_columns_that_no_data_tell_apart_are_refused_before_they_are_made",
    ),
    Mutation(
        "framework/formula/columns.py",
        "order = sorted(range(len(labels)), key=labels.__getitem__)",
        "order = list(range(len(labels)))",
        "tests/formula/test_model_frame.py::test_text_has_the_same_codes_in_every_frame",
    ),
    Mutation(
        "framework/formula/size.py",
        "everything |= {",
        "everything = {",
        "tests/formula/test_model_frame.py::test_columns_that_no_memory_holds_are_refused",
    ),
    Mutation(
        "framework/design/mixed.py",
        "k * (k + 1) // 2 if t.correlated else k for",
        "k * (k + 1) // 2 for",
        "tests/formula/test_model_frame.py::test_more_covariances_than_observations_are_refused",
    ),
    Mutation(
        "framework/solution/r_variables.py",
        'return "ziformula" if parameter == INFLATION else "dispformula"',
        'return "dispformula"',
        "tests/solution/test_r_formula.py::test_formulas_of_zeros_and_of_the_dispersion_stand_as_they_were_written",
    ),
    Mutation(
        "framework/solution/r_code.py",
        "and INFLATION not in fit.labels.parameters",
        "",
        "tests/solution/test_r_code.py::test_calls",
    ),
    Mutation(
        "families/hurdle.py",
        "self.with_zi(replace(known, name=_IN_R[known.name]))",
        "self.with_zi(known)",
        "tests/solution/test_r_code.py::test_calls",
    ),
    Mutation(
        "framework/contracts/in_r.py",
        'own = vars(type(thing)).get("in_r", ())',
        'own = getattr(type(thing), "in_r", ())',
        "tests/solution/test_r_code.py::test_refused_with_the_reason_of_each_package",
    ),
    Mutation(
        "framework/solution/r_formula.py",
        "    if len(y) != design.n or not np.array_equal(y, design.y) or not _same_X(solution, values):",
        "    if len(y) != design.n or not np.array_equal(y, design.y):",
        "tests/solution/test_r_formula.py::test_no_other_frame",
    ),
    Mutation(
        "framework/solution/r_formula.py",
        "name not in grouping or name in terms.encoder.plan.encoded",
        "name in terms.encoder.plan.encoded",
        "tests/solution/test_r_formula.py::test_the_formula_stands_as_it_was_written",
    ),
    Mutation(
        "framework/solution/r_formula.py",
        " or set(plan.grouping()) & set(plan.names.derived)",
        "",
        "tests/solution/test_r_formula.py::test_what_r_would_read_otherwise_is_written_in_columns",
    ),
    Mutation(
        "framework/contracts/in_r.py",
        'vars(type(thing)).get("in_r", ())',
        'getattr(thing, "in_r", ())',
        "tests/solution/test_r_code.py::test_refused_with_the_reason_of_each_package",
    ),
    Mutation(
        "framework/display/rscript.py",
        "if letter in '\"\\\\':",
        "if letter in '\"':",
        "tests/solution/test_r_code.py::test_no_text_of_the_user_is_code",
    ),
    Mutation(
        "framework/display/rscript.py",
        "letter if letter.isprintable() else",
        'letter if letter != "\\n" else',
        "tests/solution/test_r_code.py::test_no_text_of_the_user_is_code",
    ),
    Mutation(
        "framework/solution/r_packages.py",
        'and not _canonical(fit):\n        yield "its Laplace approximation has expected',
        'and False:\n        yield "its Laplace approximation has expected',
        "tests/solution/test_r_code.py::test_expected_weights_are_lme4_s_and_observed_ones_glmmtmb_s",
    ),
    Mutation(
        "framework/solution/r_packages.py",
        "or type(link) is not type(STANDARD[link.name])",
        "",
        "tests/solution/test_r_code.py::test_a_link_of_a_stranger_with_a_known_name_is_another",
    ),
    Mutation(
        "framework/solution/r_variables.py",
        "and _same(known, values)",
        "",
        "tests/solution/test_r_code.py::test_a_column_of_random_effects_with_other_values_than_that_of_x_is_another_variable",
    ),
    Mutation(
        "framework/solution/r_code.py",
        "a if term.correlated else start",
        "a",
        "tests/solution/test_r_code.py::test_uncorrelated_columns_have_no_correlation",
    ),
    Mutation(
        "framework/solution/r_code.py",
        "or file.read_bytes() != encoded",
        "",
        "tests/solution/test_r_code.py::test_a_file_is_not_written_over",
    ),
    Mutation(
        "framework/threads.py",
        "            if self._inside == 0:\n                _set(self._before)",
        "            _set(self._before)",
        "tests/test_threads.py::test_the_last_one_out_lifts_the_limit",
    ),
    Mutation(
        "framework/threads.py",
        "SMALL_BLOCK = 500",
        "SMALL_BLOCK = 50_000",
        "tests/test_threads.py::test_large_dense_blocks_keep_theirs",
    ),
    Mutation(
        "framework/estimation/search.py",
        "chain(turns(first), ",
        "chain((), ",
        "tests/laws/test_linear.py::test_a_correlation_of_the_wrong_sign_is_left",
    ),
    Mutation(
        "framework/estimation/search.py",
        "if settled and not is_far(found):",
        "if settled:",
        "tests/estimation/test_basins.py::test_an_optimum_far_out_takes_all_rounds",
    ),
    Mutation(
        "framework/estimation/search.py",
        "is_new = value < found.value - FLAT or all(",
        "is_new = all(",
        "tests/laws/test_generalized.py::test_of_two_optima_that_are_close_it_is_the_lower",
    ),
    Mutation(
        "framework/estimation/search.py",
        "for attempt in range(rounds):",
        "for attempt in ():",
        "tests/laws/test_linear.py::test_few_levels_are_searched_from_many_starts",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "        yield from _zeros(found, random)\n",
        "        pass\n",
        "tests/laws/test_linear.py::test_a_variance_is_looked_at_once_more_at_zero",
    ),
    Mutation(
        "framework/estimation/parted.py",
        "moved = d.d1 + d.d2 * (one.Z(db) + one.Q @ dgamma)",
        "moved = d.d1 - d.d2 * (one.Z(db) + one.Q @ dgamma)",
        "tests/large/test_parts.py::test_reductions_are_those_of_rows_together",
    ),
    Mutation(
        "framework/estimation/parted.py",
        "by_phi = (-2.0 * d.phi1 + w_phi * leverages + d.phi1_eta * t)",
        "by_phi = (-2.0 * d.phi1 + w_phi * leverages)",
        "tests/large/test_parts.py::test_reductions_are_those_of_rows_together",
    ),
    Mutation(
        "framework/estimation/parted.py",
        "return one.Zt(moved), one.Q.T @ (moved - 2.0 * d.d1), by_phi",
        "return one.Zt(moved), one.Q.T @ moved, by_phi",
        "tests/large/test_parts.py::test_reductions_are_those_of_rows_together",
    ),
    Mutation(
        "framework/estimation/parted.py",
        "np.outer(total, total) / self.parted.n",
        "0.0 * np.outer(total, total)",
        "tests/large/test_parts.py::test_reductions_are_those_of_rows_together",
    ),
    Mutation(
        "framework/estimation/parted.py",
        "max(one.value for one in results)",
        "min(one.value for one in results)",
        "tests/large/test_parts.py::test_reductions_are_those_of_rows_together",
    ),
    Mutation(
        "framework/estimation/parted.py",
        "turned = tuple(before @ turn for",
        "turned = tuple(turn @ before for",
        "tests/large/test_parts.py::test_bases_are_turned_one_after_the_other",
    ),
    Mutation(
        "framework/estimation/parted_end.py",
        'float("nan") if mean is None else mean / n',
        'float("nan")',
        "tests/large/test_parts.py::test_the_mean_of_intraclass_correlations",
    ),
    Mutation(
        "framework/large/parts.py",
        "rows * wide + met, factors[i].codes * wide + factors[j].codes",
        "rows * wide + met, factors[j].codes * wide + factors[i].codes",
        "tests/large/test_parts.py::test_any_partition_gives_the_same_to_rounding",
    ),
    Mutation(
        "framework/large/parts.py",
        "place[label] for label in levels.tolist()",
        "i for i, label in enumerate(levels.tolist())",
        "tests/large/test_parts.py::test_any_partition_gives_the_same_to_rounding",
    ),
    Mutation(
        "framework/large/predictions.py",
        "needed = terms.columns_read(**needs, of_scales=of_scales, given=texts.values())",
        "needed = terms.columns_read(**needs, of_scales=of_scales)",
        "tests/large/test_predictions.py::test_weights_that_were_an_array",
    ),
    Mutation(
        "framework/large/predictions.py",
        "                part.unlink(missing_ok=True)\n",
        "                pass\n",
        "tests/large/test_predictions.py::test_what_is_wrong_is_named_with_its_place_and_leaves_no_file",
    ),
    Mutation(
        "framework/formula/terms.py",
        "[*(plan.encoded if effects else plan.in_fixed), ",
        "[*plan.encoded, ",
        "tests/large/test_predictions.py::test_only_columns_that_are_needed_are_read",
    ),
    Mutation(
        "framework/prediction/predict.py",
        "self.covariance if with_theta else fit.gamma_covariance",
        "fit.gamma_covariance",
        "tests/prediction/test_predict.py::test_standard_errors_of_population_means_are_the_delta_method",
    ),
    Mutation(
        "framework/large/gram.py",
        "if name in other.seen]",
        "if name not in other.seen]",
        "tests/large/test_streams.py::test_a_file_that_is_added_twice_is_told",
    ),
    Mutation(
        "framework/diagnostics/check.py",
        "if certificate.other_optima and certificate.other_optima[0] < NEAR:",
        "if certificate.other_optima:",
        "tests/diagnostics/test_check.py::test_another_optimum_is_told_where_the_data_hardly_choose",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "            yield from _alone(found)\n",
        "            pass\n",
        "tests/laws/test_linear.py::test_a_variance_is_looked_at_beyond_measure",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "lower=1, trans=1)[0].ravel()",
        "lower=1, trans=0)[0].ravel()",
        "tests/estimation/test_basins.py::test_the_gradient_by_full_matrices_is_that_of_differences",
    ),
    Mutation(
        "framework/estimation/search.py",
        "ROUNDS, LOST = 3, 0.2",
        "ROUNDS, LOST = 3, 2.0",
        "tests/estimation/test_basins.py::test_a_fit_is_certified_where_descents_say_that_no_other_optimum_is_likely",
    ),
    Mutation(
        "framework/estimation/search.py",
        "met > (2 if unseen(ends) > LOST else 1)",
        "met > (2 if unseen(ends) > LOST else 0)",
        "tests/estimation/test_basins.py::test_the_lowest_optimum_is_met_twice_or_looked_for_again",
    ),
    Mutation(
        "framework/estimation/search.py",
        "if value < first.value - APART]",
        "if value < first.value - APART][:1]",
        "tests/estimation/test_basins.py::test_looks_that_led_elsewhere_count_as_meetings",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "(found[1:] > found[:-1] + BEGUN)",
        "(np.diff(found) > BEGUN)",
        "tests/estimation/test_basins.py::test_descents_that_broke_down_are_counted_without_a_warning",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "narrow = i % 4 > 1 and bool(full.matrices)",
        "narrow = False",
        "tests/laws/test_linear.py::test_optima_of_one_direction_are_found",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "(1.0, 0.3, 3.0, 0.05, 30.0, 10.0, 30.0, 3.0)",
        "(1.0, 0.3, 3.0, 0.05, 3.0, 1.0, 3.0, 3.0)",
        "tests/estimation/test_basins.py::test_an_optimum_far_out_is_met_from_large_starts",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "WIDENED = 0.1",
        "WIDENED = 0.0",
        "tests/estimation/test_basins.py::test_descents_of_one_direction_go_on_with_the_others",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "PREDICTED = 1e-2",
        "PREDICTED = 1e-5",
        "tests/estimation/test_basins.py::test_effects_that_predict_all_answers_have_no_size",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "PREDICTED = 1e-2",
        "PREDICTED = 1e2",
        "tests/estimation/test_basins.py::test_effects_that_predict_all_answers_have_no_size",
    ),
    Mutation(
        "framework/estimation/generalized.py",
        "    if not found.certificate.is_stationary:\n",
        "    if not converged:\n",
        "tests/estimation/test_basins.py::test_an_optimum_that_was_met_once_is_looked_beyond_and_not_certified",
    ),
    Mutation(
        "framework/estimation/criterion.py",
        "        except NotPositiveDefiniteError:  # far out",
        "        except KeyError:  # far out",
        "tests/estimation/test_basins.py::test_curvature_that_breaks_down_ends_a_look_and_not_the_fit",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "w * (w + 1) / (n * (n - 1))",
        "w * (w - 1) / (n * (n - 1))",
        "tests/estimation/test_basins.py::test_what_descents_leave_unseen_is_the_posterior_expectation",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "large if i % 2 else None, rng)",
        "None, rng)",
        "tests/laws/test_linear.py::test_what_columns_far_from_their_origin_share_is_met_again",
    ),
    Mutation(
        "framework/formula/bases.py",
        "U[:, free:] / np.sqrt(eigenvalues[free:])",
        "U[:, free:] / eigenvalues[free:]",
        "tests/smooths",
    ),
    Mutation(
        "framework/formula/bases.py",
        "inside) + spline(inside, 1) * (x - inside)[:, None])",
        "inside))",
        "tests/smooths",
    ),
    Mutation(
        "framework/formula/smooths.py",
        "block - mean for block, mean in",
        "block for block, mean in",
        "tests/smooths",
    ),
    Mutation(
        "framework/inference/smooths.py",
        "inverse + self.SG @ self.S[places].T",
        "inverse",
        "tests/smooths",
    ),
    Mutation(
        "framework/inference/smooths.py",
        "(1.0 - (N**2).sum(axis=0)).sum()",
        "(1.0 - N[places, np.arange(len(places))] ** 2).sum()",
        "tests/smooths",
    ),
    Mutation(
        "framework/prediction/rows.py",
        "wanted = [g.is_penalty or g.name in names",
        "wanted = [g.name in names",
        "tests/smooths",
    ),
    Mutation(
        "framework/prediction/simulate.py",
        "[b if kept else new for kept, b, new in",
        "[new if kept else new for kept, b, new in",
        "tests/smooths",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "sizes = np.diagonal(np.diagonal(dG_other, axis1=1, axis2=2))",
        "sizes = 0.5 * np.diagonal(np.diagonal(dG_other, axis1=1, axis2=2))",
        "tests/smooths",
    ),
    Mutation(
        "framework/bootstrap/schemes.py",
        "enumerate(fit.model.design.random.groups) if not f.is_penalty]",
        "enumerate(fit.model.design.random.groups)]",
        "tests/smooths",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "            S.T[lower] = S[lower]\n",
        "",
        "tests/estimation/test_basins.py::test_the_gradient_by_full_matrices_is_that_of_differences",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "2.0 * G[mine].reshape(k, -1) @ half",
        "G[mine].reshape(k, -1) @ half",
        f"{BLOCKED}::test_logdet_gradient_is_the_derivative_of_logdet",
    ),
    Mutation(
        "framework/estimation/independent.py",
        "phi[:, range(k), range(k)] *= 0.5",
        "phi[:, range(k), range(k)] *= 1.0",
        "tests/estimation/test_independent.py::test_derivatives_are_those_of_differences",
    ),
    Mutation(
        "framework/design/mixed.py",
        "return disentangled(",
        "return scaled(",
        "tests/estimation/test_independent.py::test_effects_that_cancel_are_found",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "self.R_t = None if i else filled.first_root",
        "self.R_t = None",
        "tests/backends/test_blocked.py::test_levels_with_little_to_say_leave_all_digits",
    ),
    Mutation(
        "framework/estimation/search.py",
        "other_optima=_others(optima, found.value)",
        "other_optima=()",
        "tests/laws/test_linear.py::test_other_optima_are_told",
    ),
    Mutation(
        "framework/prediction/conditional.py",
        "rows.Q - rows.Z(self.pattern.split(self.Lambda @ self.solved))",
        "rows.Q",
        "tests/prediction/test_predict.py::test_covariances_of_a_linear_model_are_hendersons",
    ),
    Mutation(
        "framework/prediction/conditional.py",
        "out[c.met] += 2.0 * np.einsum(",
        "out[c.met] += np.einsum(",
        "tests/prediction/test_predict.py::test_covariances_of_a_linear_model_are_hendersons",
    ),
    Mutation(
        "framework/prediction/conditional.py",
        "out[here] += 2.0 * rows.columns[c.few][b, here] * of_rows",
        "out[here] += 0.0 * of_rows",
        "tests/prediction/test_predict.py::test_covariances_of_a_linear_model_are_hendersons",
    ),
    Mutation(
        "framework/prediction/crossings.py",
        "met = pairs[place] == asked",
        "met = pairs[place] >= asked",
        "tests/prediction/test_predict.py::test_covariances_of_a_linear_model_are_hendersons",
    ),
    Mutation(
        "framework/prediction/crossings.py",
        'apart[np.argsort(rows.codes[few][apart], kind="stable")]',
        "apart",
        "tests/prediction/test_predict.py::test_pairs_of_levels_that_never_met_are_solved_for_in_any_order",
    ),
    Mutation(
        "framework/prediction/joint.py",
        "np.where(same, t.T @ t, 0.0)",
        "np.where(same, t.T @ t, t.T @ t)",
        "tests/prediction/test_predict.py::test_a_new_level_has_the_whole_variance_of_its_effects",
    ),
    Mutation(
        "framework/prediction/conditional.py",
        "out[~known] += ((t.T @ z[:, ~known]) ** 2).sum(axis=0)",
        "out[~known] += 0.0",
        "tests/prediction/test_predict.py::test_a_new_level_has_the_whole_variance_of_its_effects",
    ),
    Mutation(
        "framework/estimation/linear_factors.py",
        "b[:, j] = (up.b - down.b) /",
        "b[:, j] = 0.5 * (up.b - down.b) /",
        "tests/prediction/test_predict.py::test_uncertainty_of_theta_is_the_delta_method",
    ),
    Mutation(
        "framework/prediction/predict.py",
        "undetermined = ~rows.estimable",
        "undetermined = np.zeros_like(rows.estimable)",
        "tests/prediction/test_predict.py::test_a_dropped_column_leaves_some_rows_undetermined",
    ),
    Mutation(
        "framework/prediction/noise.py",
        "fit.sigma**2 / weights_of(fit.labels, rows)",
        "fit.sigma**2 / weights_of(fit.labels, rows) ** 0",
        "tests/prediction/test_predict.py::test_intervals_of_a_linear_model",
    ),
    Mutation(
        "framework/prediction/intervals.py",
        "self.cdf(step * k) >= p",
        "self.cdf(step * k) > 1.5 * p",
        "tests/prediction/test_predict.py::test_prediction_limits_are_quantiles",
    ),
    Mutation(
        "framework/prediction/intervals.py",
        "step = 1.0 / self.weights if self",
        "step = 1.0 if self",
        "tests/prediction/test_predict.py::test_prediction_limits_of_proportions_need_trials",
    ),
    Mutation(
        "framework/prediction/marginal.py",
        "D = np.column_stack([D, self._by_theta(eta), self._by_xi(eta, v)])",
        "D = np.column_stack([D, 0.0 * self._by_theta(eta), self._by_xi(eta, v)])",
        "tests/prediction/test_predict.py::test_standard_errors_of_population_means_are_the_delta_method",
    ),
    Mutation(
        "framework/prediction/rows.py",
        "known.get(label, -1 - i)",
        "known.get(label, -1)",
        "tests/prediction/test_predict.py::test_a_new_level_has_the_whole_variance_of_its_effects",
    ),
    Mutation(
        "framework/prediction/simulate.py",
        "self.scale / np.sqrt(weights)",
        "self.scale * np.sqrt(weights)",
        "tests/prediction/test_simulate.py::test_prior_weights_are_precisions",
    ),
    Mutation(
        "framework/prediction/simulate.py",
        "z if g.precision is None else g.precision.colour(z.T).T",
        "z",
        "tests/prediction/test_simulate.py::test_levels_of_a_known_relationship_are_related",
    ),
    Mutation(
        "framework/prediction/simulate.py",
        "gamma=fit.gamma + change[:r]",
        "gamma=fit.gamma",
        "tests/prediction/test_simulate.py::test_parameters_are_drawn_too",
    ),
    Mutation(
        "framework/frontends/simulate.py",
        "values[fixed.kept] + fixed.relations @ values[fixed.dropped]",
        "values[fixed.kept]",
        "tests/prediction/test_simulate.py::test_coefficients_of_dropped_columns_count",
    ),
    Mutation(
        "framework/estimation/model.py",
        "design = replace(self.design, y=values)",
        "design = self.design",
        "tests/prediction/test_simulate.py::test_a_refit_is_the_fit_of_that_response",
    ),
    Mutation(
        "framework/formula/terms.py",
        "if weights and self.weights not in",
        "if not weights and self.weights not in",
        "tests/prediction/test_by_formula.py::test_weights_of_new_rows_are_those_of_the_formula",
    ),
    Mutation(
        "framework/prediction/degrees.py",
        "+ noise.variances",
        "+ 0.0 * noise.variances",
        "tests/prediction/test_predict.py::test_intervals_of_a_linear_model",
    ),
    Mutation(
        "framework/prediction/degrees.py",
        "2.0 * v / fit.sigma]",
        "v / fit.sigma]",
        "tests/prediction/test_predict.py::test_intervals_of_a_linear_model",
    ),
    Mutation(
        "framework/prediction/degrees.py",
        "(2.0 * step * unit[j]) +",
        "(2.0 * step) +",
        "tests/prediction/test_predict.py::test_intervals_of_a_linear_model",
    ),
    Mutation(
        "framework/prediction/degrees.py",
        "np.maximum(matched, LEAST)",
        "matched",
        "tests/prediction/test_predict.py::test_no_degrees_of_freedom_are_less_than_one",
    ),
    Mutation(
        "framework/prediction/predict.py",
        "if request.satterthwaite:",
        "if True:",
        "tests/prediction/test_predict.py::test_without_satterthwaite_limits_have_the_residual_degrees_of_freedom",
    ),
    Mutation(
        "framework/contracts/precision.py",
        "self.solve(LD[self._lu.perm_c])",
        "self.solve(LD)",
        "tests/prediction/test_simulate.py::test_many_related_levels_are_drawn_by_a_sparse_factor",
    ),
    Mutation(
        "framework/prediction/levels.py",
        "np.linalg.solve(g.R.T, Z.T)",
        "np.linalg.solve(g.R, Z.T)",
        "tests/prediction/test_levels.py::test_coefficients_are_lme4s",
    ),
    Mutation(
        "framework/prediction/levels.py",
        "labels.fixed.dropped_names if fixed else ()",
        "()",
        "tests/prediction/test_levels.py::test_dropped_coefficients_have_no_value",
    ),
    Mutation(
        "framework/frontends/effects.py",
        "lower_root(_root(Sigma)) / scale",
        "lower_root(_root(Sigma))",
        "tests/prediction/test_simulate_formula.py::test_a_formula_draws_what_arrays_draw",
    ),
    Mutation(
        "framework/frontends/effects.py",
        "np.diag(sds**2)",
        "np.diag(sds)",
        "tests/prediction/test_simulate_formula.py::test_standard_deviations_are_independent_effects",
    ),
    Mutation(
        "framework/solution/updating.py",
        "for name, own in design.parameters.items() if name not in names}",
        "for name, own in design.parameters.items()}",
        "tests/prediction/test_update.py::test_models_are_taken_away_without_data",
    ),
    Mutation(
        "framework/solution/updating.py",
        "return (design, terms) if by_visit else None",
        "return design, terms",
        "tests/prediction/test_update.py::test_unstructured_residuals_have_the_variances_of_their_visits",
    ),
    Mutation(
        "framework/estimation/existence.py",
        "DEGENERATE = 10.0",
        "DEGENERATE = 1e2",
        "tests/glmm/test_edges.py::test_where_laplaces_approximation_grows_slowly_quadrature_has_a_maximum",
    ),
    Mutation(
        "framework/solution/updating.py",
        "if g.name not in spoken and any(_structures(g))",
        "if any(_structures(g))",
        "tests/prediction/test_update.py::test_words_of_the_formula_stay_words",
    ),
    Mutation(
        "framework/solution/updating.py",
        "{k: v for k, v in of.items() if k in names}",
        "dict(of)",
        "tests/prediction/test_update.py::test_a_change_of_the_formula",
    ),
    Mutation(
        "framework/formula/change.py",
        "if _plain(term[1]) != _plain(text)",
        "if term[1] != text",
        "tests/prediction/test_update.py::test_dots_are_the_sides_before",
    ),
    Mutation(
        "framework/estimation/basins.py",
        "    yield from _apart(found, random)",
        "    pass",
        "tests/laws/test_linear.py::test_large_effects_that_cancel_are_found",
    ),
    Mutation(
        "framework/estimation/linear.py",
        "enough or not value",
        "not value",
        "tests/laws/test_linear.py::test_where_effects_reproduce_y_there_is_no_maximum",
    ),
    Mutation(
        "framework/estimation/level_sums.py",
        "LevelSums(*map(np.add, total, here))",
        "here",
        "tests/lmm/test_gradient.py::test_levels_are_summed_in_blocks",
    ),
    Mutation(
        "framework/prediction/response.py",
        "np.zeros((len(Q), len(fit.theta))), by_xi]",
        "np.zeros((len(Q), len(fit.theta))), 0.0 * by_xi]",
        "tests/emmeans/test_response.py",
    ),
    Mutation(
        "framework/inference/emmeans/responses.py",
        "made[~estimable] = np.nan",
        "made[~estimable] = 0.0",
        "tests/emmeans/test_response.py",
    ),
    Mutation(
        "framework/inference/emmeans/record.py",
        "return scale.differences or scale, ()",
        "return scale, ()",
        "tests/emmeans/test_response.py",
    ),
    Mutation(
        "framework/estimation/correlations.py",
        "return np.asarray(x - np.log(there.step / own.step))",
        "return x",
        "tests/planning/test_residuals.py",
    ),
    Mutation(
        "framework/planning/planned.py",
        "tuple(root * (self.scale / scale) for root in self.roots)",
        "self.roots",
        "tests/planning/test_residuals.py",
    ),
    Mutation(
        "framework/estimation/correlations.py",
        "np.linalg.solve(there.to_users, own.to_users @",
        "np.linalg.solve(own.to_users, own.to_users @",
        "tests/planning/test_residuals.py",
    ),
    # known relationships
    Mutation(
        "backends/linalg/elimination.py",
        "block_diagonal = {j for j in remaining if factors[j].precision is None}",
        "block_diagonal = set(remaining)",
        f"{RELATIONSHIP}/test_linear.py::test_many_levels_beside_a_few_related_ones_are_eliminated",
    ),
    Mutation(
        "backends/linalg/blocked.py",
        "and self.eliminated and f.precision is None:",
        "and self.eliminated:",
        f"{RELATIONSHIP}/test_linear.py::test_many_levels_beside_a_few_related_ones_are_eliminated",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "return self.factor.logdet - self.criterion.K.logdet",
        "return self.factor.logdet",
        f"{RELATIONSHIP}/test_linear.py::test_the_likelihood_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "directions(self.criterion.K.solve(self.Zte))",
        "directions(self.Zte)",
        f"{RELATIONSHIP}/test_linear.py::test_the_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "B, KU = self.Lambda @ self.solved, criterion.K @ self.solved",
        "B, KU = self.Lambda @ self.solved, self.solved",
        f"{RELATIONSHIP}/test_linear.py::test_the_likelihood_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/contracts/linalg.py",
        "== 1 and not self.has_precision",
        "== 1",
        f"{RELATIONSHIP}/test_linear.py::test_the_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/prior.py",
        "product = Q.solve(levels) if solve else Q.matrix @ levels",
        "product = Q.matrix @ levels",
        f"{RELATIONSHIP}/test_linear.py::test_the_average_information_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/prior.py",
        "f.n_columns * Q.logdet",
        "Q.logdet",
        f"{RELATIONSHIP}/test_linear.py::test_the_likelihood_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "fit.pattern.split(here.criterion.K.solve(here.marginal[:, :-1]))",
        "marginal",
        f"{RELATIONSHIP}/test_linear.py::test_degrees_of_freedom_are_those_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "float(u @ (self.K @ u))",
        "float(u @ u)",
        f"{RELATIONSHIP}/test_generalized.py::test_the_criterion_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "(self.system.factor.logdet - self.model.K.logdet)",
        "self.system.factor.logdet",
        f"{RELATIONSHIP}/test_generalized.py::test_the_criterion_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "system.solve(Lambda.t @ score - model.K @ point.u",
        "system.solve(Lambda.t @ score - point.u",
        f"{RELATIONSHIP}/test_generalized.py::test_the_criterion_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/estimation/modes.py",
        "self.newton.solve(Lambda.t @ score - model.K @ self.point.u",
        "self.newton.solve(Lambda.t @ score - self.point.u",
        f"{RELATIONSHIP}/test_generalized.py::test_modes_follow_the_parameters_to_first_order",
    ),
    Mutation(
        "framework/design/pedigree.py",
        "D[generation] = 0.5 - 0.25 * (F[sire] + F[dam])",
        "D[generation] = 0.5 - 0.25 * np.minimum(F[sire] + F[dam], 0.0)",
        f"{RELATIONSHIP}/test_pedigree.py::test_it_is_the_inverse_of_the_tabular_method",
    ),
    Mutation(
        "framework/design/pedigree.py",
        "F[both] = 0.5 * _relationship(P, D, parents[:, both])",
        "F[both] = 0.0",
        f"{RELATIONSHIP}/test_pedigree.py::test_known_figures_of_a_small_pedigree",
    ),
    Mutation(
        "framework/design/precision.py",
        "if self.is_precision and len(rest):",
        "if False and len(rest):",
        f"{RELATIONSHIP}/test_linear.py::test_levels_without_rows_are_marginalized",
    ),
    Mutation(
        "framework/design/precision.py",
        "if not smallest > SINGULAR:",
        "if not smallest > -1.0:",
        f"{RELATIONSHIP}/test_input.py::test_what_is_refused",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "if not _same_precision(large, small):",
        "if False:",
        f"{RELATIONSHIP}/test_linear.py::test_what_is_not_related_and_what_is_are_not_nested",
    ),
    Mutation(
        "backends/linalg/pattern.py",
        "kron(eye_array(f.n_columns), eye_array(f.n_levels) if f.precision is None else f.precision.matrix)",
        "kron(eye_array(f.n_columns), eye_array(f.n_levels))",
        f"{RELATIONSHIP}/test_linear.py::test_the_likelihood_is_that_of_dense_matrices",
    ),
    Mutation(
        "framework/formula/bars.py",
        'return [GroupPart(f"{inside}:{around}", inner[0].parts + outer[0].parts), *outer]',
        'return [GroupPart(f"{around}:{inside}", outer[0].parts + inner[0].parts), *outer]',
        "tests/formula/test_against_r.py::test_bars",
    ),
    Mutation(
        "framework/formula/bars.py",
        'refuse(text, *span(piece), "a random term is added, not subtracted: leave it out")',
        "pass",
        "tests/formula/test_against_r.py::test_refused_with_the_place",
    ),
    Mutation(
        "framework/formula/plan.py",
        'effects = tuple("1" if term == "1" else f"0 + {term}" for term in terms) if bar.independent else (source,)',
        "effects = (source,)",
        "tests/formula/test_against_r.py::test_bars",
    ),
    Mutation(
        "framework/formula/plan.py",
        "source = writer.sum(tuple(signed(text, bar.effects)), contrasts=False)",
        "source = writer.sum(tuple(signed(text, bar.effects)))",
        "tests/formula/test_model_frame.py::test_contrasts_are_for_fixed_terms",
    ),
    Mutation(
        "framework/formula/expressions.py",
        'out.append({"^": "**"}.get(node.text, node.text))',
        "out.append(node.text)",
        "tests/formula/test_against_r.py::test_fixed",
    ),
    Mutation(
        "framework/formula/variables.py",
        "kept = tuple(level for level, n in zip(self.levels, count, strict=True) if n)",
        "kept = self.levels",
        "tests/formula/test_model_frame.py::test_levels_that_no_row_has_are_left_out",
    ),
    Mutation(
        "framework/formula/variables.py",
        "if (unseen := (codes < 0) & ~self.missing).any():",
        "if (unseen := (codes < -1) & ~self.missing).any():",
        "tests/formula/test_model_frame.py::test_new_rows_that_do_not_fit_are_refused",
    ),
    Mutation(
        "framework/formula/source.py",
        'return fitted == new or {fitted, new} <= {"text", "category"}',
        "return True",
        "tests/formula/test_model_frame.py::test_new_rows_that_do_not_fit_are_refused",
    ),
    Mutation(
        "framework/formula/source.py",
        "made = made.with_levels((*kept, *(level for level in made.levels if level not in kept)), name)",
        "pass",
        "tests/formula/test_model_frame.py::test_a_level_alone_in_new_rows_keeps_its_meaning",
    ),
    Mutation(
        "framework/formula/selection.py",
        'missing |= {name: np.isnan(a) & inside for name, a in read.items() if name != "subset"}',
        "missing |= {}",
        "tests/formula/test_model_frame.py::test_one_mask_over_all_variables",
    ),
    Mutation(
        "framework/formula/columns.py",
        "native = native.array.__arrow_array__()",
        "native = column.to_native()",
        "tests/formula/test_model_frame.py::test_dictionaries_of_arrow_with_nulls_keep_their_labels",
    ),
    Mutation(
        "framework/formula/formulaic.py",
        "return [_shown(c, names) for c in columns], [by_name.get(c, _shown(c, names)) for c in columns]",
        "return [_shown(c, names) for c in columns], [_shown(c, names) for c in columns]",
        "tests/formula/test_against_r.py::test_fixed",
    ),
    Mutation(
        "framework/formula/formulaic.py",
        'formula=_formula(source), output="sparse", na_action="ignore", transform_state=_copied(state)',
        'formula=_formula(source), output="sparse", na_action="ignore"',
        "tests/formula/test_model_frame.py::test_new_rows_are_encoded_as_those_of_the_fit",
    ),
    Mutation(
        "framework/formula/functions.py",
        'codes = np.searchsorted(edges, values, side="left" if right else "right") - 1',
        'codes = np.searchsorted(edges, values, side="right" if right else "left") - 1',
        "tests/formula/test_model_frame.py::test_cut_closes_its_intervals_as_r_does",
    ),
    Mutation(
        "framework/formula/splines.py",
        "return np.asarray(basis @ Q[:, 2:])",
        "return np.asarray(basis @ Q[:, 1:-1])",
        "tests/formula/test_against_r.py::test_fixed",
    ),
    Mutation(
        "framework/formula/grouping.py",
        "cells, codes = np.unique(codes * len(more.levels) + more.codes, return_inverse=True)",
        "cells, codes = np.unique(codes * len(more.levels) + more.codes[::-1], return_inverse=True)",
        "tests/formula/test_model_frame.py::test_every_kind_of_frame_gives_the_same_model",
    ),
    Mutation(
        "framework/formula/plan.py",
        "self.names.coded.add(self.names.variable(call.args[0].id))",
        "pass",
        "tests/formula/test_model_frame.py::test_what_would_be_silently_wrong",
    ),
    Mutation(
        "framework/formula/functions.py",
        "return lambda x: function(x)",
        "return function",
        "tests/formula/test_model_frame.py::test_what_would_be_silently_wrong",
    ),
    Mutation(
        "framework/formula/expressions.py",
        "if plain and not taken:",
        "if name.isidentifier() or plain and not taken:",
        "tests/formula/test_model_frame.py::test_names_that_functions_have",
    ),
    Mutation(
        "framework/formula/model_frame.py",
        'known = numbers_of(tree, source, len(rows), "offset") + (0.0 if known is None else known)',
        'known = numbers_of(tree, source, len(rows), "offset")',
        "tests/formula/test_model_frame.py::test_offsets_add_up_and_come_back_with_new_rows",
    ),
    # contrasts
    Mutation(
        "framework/inference/marginal.py",
        "self.diagonal[one] += (E - P).sum(axis=2)",
        "self.diagonal[one] += E.sum(axis=2)",
        MARGINAL,
    ),
    Mutation(
        "framework/inference/marginal.py",
        "self.squares[j, one][:, :, c, d] += added",
        "self.squares[j, one][:, :, c, d] += 0.0 * added",
        MARGINAL,
    ),
    Mutation(
        "framework/inference/marginal.py",
        "crossed = f @ H @ y.T",
        "crossed = f @ H.T @ y.T",
        MARGINAL,
    ),
    Mutation(
        "framework/inference/marginal.py",
        "gram = part.between_roots((F[c].T @ F[d]).toarray())",
        "gram = (F[c].T @ F[d]).toarray()",
        MARGINAL,
    ),
    Mutation(
        "framework/inference/marginal.py",
        "self._add_gram(self.mine, self.mine, -f @ R @ f.T)",
        "self._add_gram(self.mine, self.mine, f @ R @ f.T)",
        MARGINAL,
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "U -= 0.25 * (1.0 if i == j else 2.0) * W[i, j] * _curved",
        "U -= 0.25 * W[i, j] * _curved",
        f"{KENWARD_ROGER}::test_curved_structures_are_those_of_dense_matrices",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "P_bent - np.tensordot(0.5 * W @ information, P, axes=1)",
        "P_bent",
        f"{KENWARD_ROGER}::test_structures_that_are_linear_spaces_have_their_tests",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "        U -= 0.25 * _curved(bending.P[-1]",
        "        U -= 0.5 * _curved(bending.P[-1]",
        RESIDUAL_KR,
    ),
    Mutation(
        "framework/estimation/residual_full.py",
        "of_residual] += self.here.by_residual",
        "of_residual] += 0.5 * self.here.by_residual",
        "tests/residual/test_profile.py::test_the_gradient_in_all_parameters_is_that_of_differences",
    ),
    Mutation(
        "framework/inference/residual_quantities.py",
        "a = np.array([*of_delta, of_sigma])",
        "a = np.array([of_sigma, *of_delta])",
        "tests/residual/test_profile.py::test_coefficients_of_a_dispersion_have_profiles",
    ),
    Mutation(
        "framework/inference/residual_blocks.py",
        "by, bent = decay * C, (decay - 1.0) * decay * C",
        "by, bent = decay * C, decay * C",
        RESIDUAL_KR,
    ),
    Mutation(
        "framework/inference/residual_blocks.py",
        "SS * (second + 2.0 * of_both)",
        "SS * (second + of_both)",
        RESIDUAL_KR,
    ),
    Mutation(
        "framework/inference/residual_directions.py",
        "self.products -= 2.0 * (KGZ",
        "self.products -= (KGZ",
        RESIDUAL_KR,
    ),
    Mutation(
        "framework/inference/residual_directions.py",
        "own.gram -= mine.T @ G @ mine",
        "own.gram += mine.T @ G @ mine",
        RESIDUAL_KR,
    ),
    Mutation(
        "framework/inference/residual_directions.py",
        "LhL = part.between_roots(L @ one @ L.T)",
        "LhL = part.between_roots(one @ L.T)",
        RESIDUAL_KR,
    ),
    Mutation(
        "framework/estimation/residual_criterion.py",
        'in unstructured_starts(self.design) if labels.kind == "us" else ():',
        'in unstructured_starts(self.design) if labels.kind == "toep" else ():',
        "tests/residual/test_few_groups.py::test_the_highest_of_several_maxima_is_found",
    ),
    Mutation(
        "framework/estimation/unbounded.py",
        "if without and len(rows) > known and (free or cancels(u)):",
        "if without and len(rows) > known and free:",
        "tests/residual/test_few_groups.py::test_a_combination_without_residual_has_no_maximum",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "adjusted = C + 2.0 * C @",
        "adjusted = C + C @",
        f"{KENWARD_ROGER}::test_random_designs_are_those_of_dense_matrices",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "P / s2, W, ",
        "P, W, ",
        f"{KENWARD_ROGER}::test_the_reference_fits_are_those_of_pbkrtest",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "float(df * left / (df - 2.0))",
        "float(left)",
        f"{KENWARD_ROGER}::test_joint_tests_are_those_of_pbkrtest_and_lmertest",
    ),
    Mutation(
        "framework/inference/kenward_roger.py",
        "if not fit.reml:",
        "if False:",
        f"{KENWARD_ROGER}::test_fits_by_maximum_likelihood_are_refused",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "if (nu <= 2.0).any():",
        "if (nu <= 2.0).all():",
        f"{CONTRASTS}::test_degrees_of_freedom_of_fai_and_cornelius",
    ),
    Mutation(
        "framework/inference/satterthwaite.py",
        "D, P = D[-rank:], P[:, -rank:]",
        "D, P = D[:rank], P[:, :rank]",
        f"{CONTRASTS}::test_what_x_determines_does_not_depend_on_what_is_dropped",
    ),
    Mutation(
        "framework/inference/sums_of_squares.py",
        "W = _orthogonal(S, _without(S, own))",
        "W = _orthogonal(S, S[:0])",
        "tests/inference/test_anova.py::test_type_three_compares_means_with_equal_weights",
    ),
    Mutation(
        "framework/inference/sums_of_squares.py",
        "np.full((len(a.coding), len(b.coding)), a.numeric == b.numeric)",
        "np.full((len(a.coding), len(b.coding)), True)",
        "tests/inference/test_anova.py::test_tables_are_those_of_lmertest",
    ),
    Mutation(
        "framework/inference/sums_of_squares.py",
        "out.append(_after(term, order, fixed, F) if above else last)",
        "out.append(_after(term, order, fixed, F))",
        "tests/inference/test_anova.py::test_tables_are_those_of_lmertest",
    ),
    Mutation(
        "framework/inference/sums_of_squares.py",
        "rows[:, kept] = R / np.diagonal(R)[:, None]",
        "rows[:, kept] = R",
        "tests/inference/test_anova.py::test_tables_are_those_of_lmertest",
    ),
    Mutation(
        "framework/inference/sums_of_squares.py",
        "yield L @ B",
        "yield L @ np.abs(B)",
        "tests/inference/test_anova.py::test_empty_cells_leave_fewer_degrees_of_freedom_and_a_word",
    ),
    Mutation(
        "framework/inference/fixed_terms.py",
        "return self.variables < other.variables and",
        "return self.variables <= other.variables and",
        "tests/inference/test_anova.py::test_tables_are_those_of_lmertest",
    ),
    Mutation(
        "framework/inference/anova.py",
        "numbers_too = isinstance(fit, LinearFit) and not by_names",
        "numbers_too = not by_names",
        "tests/inference/test_anova.py::test_wald_tables_are_those_of_car",
    ),
    Mutation(
        "framework/inference/anova.py",
        "        if not fit.labels.has_weights:\n            return fixed.R",
        "        if True:\n            return fixed.R",
        "tests/inference/test_anova.py::test_tables_are_those_of_lmertest",
    ),
    Mutation(
        "framework/inference/anova.py",
        "/ np.array([t.scaling for t in tests]) * fit.scale**2",
        "* fit.scale**2",
        "tests/inference/test_anova.py::test_tables_are_those_of_lmertest",
    ),
    Mutation(
        "framework/inference/anova.py",
        "large, small = full, under(full, L)",
        "large, small = full, by_columns(full, set(term.columns.tolist()))",
        "tests/inference/test_anova.py::test_likelihood_ratios_of_type_three_fix_the_contrasts",
    ),
    Mutation(
        "framework/inference/comparison.py",
        "return any(by_reml) and not (all(by_reml) and",
        "return any(by_reml) and not (True and",
        "tests/inference/test_comparison.py::test_refits_can_be_prevented",
    ),
    Mutation(
        "framework/inference/comparison.py",
        "np.exp(-0.5 * (aic - aic.min()))",
        "np.exp(-(aic - aic.min()))",
        "tests/inference/test_comparison.py::test_models_that_are_not_nested_have_weights_and_no_test",
    ),
    Mutation(
        "framework/inference/comparison.py",
        "if kinds[0] != kinds[1]:",
        "if False:",
        "tests/inference/test_comparison.py::test_families_are_side_by_side",
    ),
    Mutation(
        "framework/inference/caveats.py",
        "if (rows, c) not in known)",
        "if True)",
        "tests/inference/test_comparison.py::test_the_boundary_has_a_caveat_and_fixed_effects_have_theirs",
    ),
    Mutation(
        "framework/inference/caveats.py",
        ".n_levels >= FEW:",
        ".n_levels > FEW:",
        "tests/inference/test_anova.py::test_caveats_are_where_they_belong",
    ),
    Mutation(
        "framework/inference/variance_tests.py",
        "np.where(df == 1, np.asarray(statistic) <= 0.0,",
        "np.where(df == 1, True,",
        "tests/inference/test_variance_tests.py::test_mixtures_have_the_published_quantiles",
    ),
    Mutation(
        "framework/inference/variance_tests.py",
        "- float(np.log(w).sum())",
        "+ float(np.log(w).sum())",
        "tests/inference/test_variance_tests.py::test_the_distribution_is_that_of_refits",
    ),
    Mutation(
        "framework/inference/variance_tests.py",
        'yield Reduction(f"{name} in {term}", f.name, i, columns, len(columns) == 1)',
        'yield Reduction(f"{name} in {term}", f.name, i, columns, True)',
        "tests/inference/test_variance_tests.py::test_several_variances_at_once_have_no_mixture",
    ),
    Mutation(
        "framework/inference/exact_lrt.py",
        "return cls(mu, mu if fit.reml else np.maximum(xi, 0.0), n, design.n - r - len(mu))",
        "return cls(mu, mu, n, design.n - r - len(mu))",
        "tests/inference/test_variance_tests.py::test_the_distribution_is_that_of_refits",
    ),
    Mutation(
        "framework/inference/exact_lrt.py",
        "n = design.n - (r if fit.reml else 0)",
        "n = design.n",
        "tests/inference/test_variance_tests.py::test_the_distribution_is_that_of_refits",
    ),
    Mutation(
        "framework/inference/exact_lrt.py",
        "design.n - r - len(mu))",
        "design.n - len(mu))",
        "tests/inference/test_variance_tests.py::test_a_balanced_design_has_a_known_chance_of_zero",
    ),
    Mutation(
        "framework/inference/exact_lrt.py",
        "            ZtQ = solve_triangular(L, ZtQ, lower=True)\n",
        "",
        "tests/inference/test_variance_tests.py::test_known_precisions_are_in_the_exact_test",
    ),
    Mutation(
        "framework/inference/deletions.py",
        "any(t.is_in(o, numbers_too=False) for o in partition)",
        "any(t.is_in(o, numbers_too=True) for o in partition)",
        "tests/inference/test_variance_tests.py::test_deletions_of_generalized_models_are_refits",
    ),
    Mutation(
        "framework/design/fixed.py",
        "for _ in range(2 * bool(len(kept))):",
        "for _ in range(1 * bool(len(kept))):",
        "tests/inference/test_anova.py::test_units_and_origins_of_covariates_change_what_is_tested_at_zero_only",
    ),
    Mutation(
        "framework/inference/anova.py",
        "or (number == 2 and not isinstance(fit, LinearFit))",
        "or number == 2",
        "tests/inference/test_anova.py::test_tests_at_one_value_of_a_covariate_say_so",
    ),
    Mutation(
        "framework/inference/refits.py",
        "if isinstance(fit, LinearFit) and fit.reml:",
        "if False:",
        "tests/inference/test_anova.py::test_likelihood_ratios_of_linear_models_are_of_refits_by_maximum_likelihood",
    ),
    Mutation(
        "framework/inference/contrasts.py",
        "unknown = ~estimable | _undetermined(fit, rows) | ~known",
        "unknown = ~estimable | ~known",
        f"{CONTRASTS}::test_what_the_likelihood_does_not_determine_is_nan",
    ),
    Mutation(
        "framework/inference/contrasts.py",
        "unknown = ~estimable | _undetermined(fit, rows) | ~known",
        "unknown = _undetermined(fit, rows) | ~known",
        f"{CONTRASTS}::test_what_x_does_not_determine_is_nan_with_a_warning",
    ),
    Mutation(
        "framework/inference/contrasts.py",
        "statistic = (estimate - H.rhs) / se",
        "statistic = estimate / se",
        f"{CONTRASTS}::test_generalized_models_have_wald_s_tests",
    ),
    Mutation(
        "framework/inference/contrasts.py",
        "float(fit.labels.n - fit.labels.fixed.rank)",
        "float(fit.labels.n)",
        f"{CONTRASTS}::test_residual_degrees_of_freedom_are_rows_less_the_rank",
    ),
    Mutation(
        "framework/inference/methods.py",
        "if (contradiction > AGREE * np.abs(scaled).max()).any():",
        "if False:",
        f"{CONTRASTS}::test_hypotheses_that_contradict_each_other_are_refused_together_only",
    ),
    Mutation(
        "framework/inference/term_rows.py",
        "if term.is_tested)",
        "if term.is_tested and False)",
        "tests/inference/test_contrasts.py::test_terms_among_others",
    ),
    Mutation(
        "framework/inference/contrasts.py",
        "if joint or (of_term and len(H.L) > 1):",
        "if joint:",
        "tests/inference/test_contrasts.py::test_a_term_is_what_anova_tests_of_it",
    ),
    Mutation(
        "framework/planning/significance.py",
        "H = hypotheses(given, fixed.names, terms=named)",
        "H = hypotheses(given, fixed.names)",
        "tests/planning/test_power.py::test_a_term_is_tested_as_by_anova",
    ),
    Mutation(
        "framework/inference/hypotheses.py",
        'sign = -1.0 if found[1] == "-" else 1.0',
        "sign = 1.0",
        f"{CONTRASTS}::test_a_row_may_be_written_as",
    ),
    Mutation(
        "framework/design/fixed.py",
        "    relations[shares <= SAME_COLUMN * np.delete(norms, kept)] = 0.0  # by rounding only\n",
        "",
        f"{CONTRASTS}::test_what_x_determines_does_not_depend_on_what_is_dropped",
    ),
    Mutation(
        "framework/inference/contrasts.py",
        "_undetermined(fit, rows) | ~known",
        "_undetermined(fit, rows)",
        f"{KENWARD_ROGER}::test_what_rounding_hid_is_found",
    ),
    # marginal means
    Mutation(
        "framework/inference/emmeans/average.py",
        'w = (counts if how == "cells" else counts.sum(axis=0)) * there',
        "w = counts * there",
        f"{EMMEANS_LAWS}::test_means_are_averages_of_predictions",
    ),
    Mutation(
        "framework/inference/emmeans/average.py",
        'how = weights if counts.shape[1] > 1 else "equal"',
        "how = weights",
        f"{EMMEANS}::test_cells_with_nothing_to_average_over",
    ),
    Mutation(
        "framework/inference/emmeans/families.py",
        "np.kron(of_factor, product)",
        "np.kron(product, of_factor)",
        f"{EMMEANS}::test_interaction_contrasts",
    ),
    Mutation(
        "framework/inference/emmeans/record.py",
        "if made not in taken",
        "if made",
        f"{EMMEANS_LAWS}::test_interaction_contrasts_are_contrasts_of_contrasts",
    ),
    Mutation(
        "framework/inference/emmeans/families.py",
        "if _OPERATORS & set(label)",
        "if False",
        f"{EMMEANS_LAWS}::test_labels_with_operators_stand_in_brackets",
    ),
    Mutation(
        "framework/inference/emmeans/scale.py",
        "(Power(math.e),), note=note)",
        "(Power(math.e),))",
        "tests/emmeans/test_response.py::test_ratios_say_which_means_they_are_of",
    ),
    Mutation(
        "framework/inference/emmeans/joint.py",
        "test.df < _rank(L)",
        "test.df > _rank(L)",
        f"{EMMEANS_LAWS}::test_joint_tests_say_what_the_data_do_not_determine",
    ),
    Mutation(
        "framework/inference/emmeans/average.py",
        "for name in reversed(kept)]",
        "for name in kept]",
        f"{EMMEANS}::test_means_of_an_unbalanced_model",
    ),
    Mutation(
        "framework/inference/emmeans/grid.py",
        "        inside &= codes >= 0\n",
        "",
        f"{EMMEANS_LAWS}::test_cells_of_some_levels_only",
    ),
    Mutation(
        "framework/formula/observed.py",
        "weights=weights, minlength",
        "weights=None, minlength",
        f"{EMMEANS_LAWS}::test_prior_weights_count_in_cells",
    ),
    Mutation(
        "framework/formula/observed.py",
        "        elif len(ends) == 2 and bool(",
        "        elif False and bool(",
        f"{EMMEANS}::test_weights",
    ),
    Mutation(
        "framework/prediction/response.py",
        "slope_of(fit, eta, rows)[:, None] * Q",
        "0.0 * slope_of(fit, eta, rows)[:, None] * Q",
        "tests/emmeans/test_response.py",
    ),
    Mutation(
        "framework/inference/emmeans/responses.py",
        "bool(fit.dispersion.models) and depends_on_phi(fit.family) and not",
        "False and not",
        "tests/emmeans/test_response.py",
    ),
    Mutation(
        "framework/inference/emmeans/linear.py",
        "        made[np.abs(made) <= ROUNDING * (np.abs(weights) @ np.abs(L))] = 0.0\n",
        "        made += 1e-15\n",
        f"{EMMEANS}::test_empty_cells",
    ),
    Mutation(
        "framework/inference/emmeans/linear.py",
        "return made, weights @ self.offset",
        "return made, self.offset[:1].repeat(len(made))",
        f"{EMMEANS}::test_offsets",
    ),
    Mutation(
        "framework/inference/emmeans/scale.py",
        "total, v = total * step.slope(v), step.back(v)",
        "total, v = step.slope(v), step.back(v)",
        f"{EMMEANS_LAWS}::test_transformations_of_the_response_are_undone",
    ),
    Mutation(
        "framework/inference/emmeans/scale.py",
        "        return np.where(apart, np.nan, lower), np.where(apart, np.nan, upper)",
        "        return lower, upper",
        f"{EMMEANS_LAWS}::test_an_interval_through_a_pole_has_no_limits",
    ),
    Mutation(
        "framework/inference/emmeans/trends.py",
        "right, other = sides[0], sides[1] if len(sides) > 1 else before",
        "right, other = sides[-1], before",
        f"{EMMEANS_LAWS}::test_a_slope_that_there_is_not",
    ),
    Mutation(
        "framework/inference/emmeans/mvt.py",
        "bound = limit * self._scale",
        "bound = limit + 0.0 * self._scale",
        f"{EMMEANS_LAWS}::test_multivariate_t_of_equal_correlations",
    ),
    Mutation(
        "framework/inference/emmeans/mvt.py",
        "        for j in range(rank):\n            rows = root[last == j]",
        "        for j in range(rank):\n            rows = root[last == j][:1]",
        f"{EMMEANS_LAWS}::test_multivariate_t_of_all_pairs_is_tukeys",
    ),
    Mutation(
        "framework/inference/emmeans/adjust.py",
        "if df[i] <= out[before] * (1.0 + SAME_DF):",
        "if df[i] <= df[before] * (1.0 + SAME_DF):",
        f"{EMMEANS_LAWS}::test_degrees_of_freedom_that_differ_by_rounding_are_integrated_once",
    ),
    Mutation(
        "framework/planning/variances.py",
        "Mixture(npar - left)",
        "Mixture(npar)",
        "tests/planning/test_power.py::test_variances_have_the_p_values_of_ranova",
    ),
    Mutation(
        "framework/planning/variances.py",
        "criteria_of_regressions(self.design, Y, self.reml)",
        "criteria_of_regressions(self.design, Y, False)",
        "tests/planning/test_power.py::test_variances_have_the_p_values_of_ranova",
    ),
    Mutation(
        "framework/bootstrap/lrt.py",
        "corrected = df * statistic / mean",
        "corrected = statistic / mean",
        "tests/bootstrap/test_lrt.py::test_rows_with_fitted_moments_are_for_fixed_effects",
    ),
    Mutation(
        "framework/bootstrap/lrt.py",
        "simulated[simulated > 0.0]",
        "simulated",
        "tests/bootstrap/test_lrt.py::test_bartlett_and_gamma_are_those_of_pbkrtest",
    ),
    Mutation(
        "framework/inference/emmeans/studentized_range.py",
        "np.exp((k - 1.0) * above - 0.5 * z**2)",
        "np.exp((k - 1.0) * above - 0.49 * z**2)",
        "tests/emmeans/test_studentized_range.py::test_it_is_scipys",
    ),
    Mutation(
        "framework/inference/emmeans/studentized_range.py",
        "np.log1p(2.0 * np.sqrt(RIGHT / df) + 2.0 * RIGHT / df)",
        "np.log1p(2.0 * RIGHT / df)",
        "tests/emmeans/test_studentized_range.py::test_of_two_means_it_is_a_t_test",
    ),
    Mutation(
        "framework/estimation/sameness.py",
        "        and one.fingerprint == other.fingerprint\n",
        "",
        "tests/solution/test_sameness.py::test_rows_count_where_estimates_are_the_same",
    ),
    Mutation(
        "framework/estimation/sameness.py",
        "    return all(map(np.array_equal, (A.indptr, A.indices, A.data), (B.indptr, B.indices, B.data)))",
        "    return True",
        "tests/solution/test_sameness.py::test_relationships_count_where_the_variance_is_zero",
    ),
    Mutation(
        "framework/estimation/sameness.py",
        "return likelihood.family, likelihood.nagq, likelihood.weights_in_logdet",
        "return likelihood.family, likelihood.nagq",
        "tests/solution/test_sameness.py::test_likelihoods_of_other_families_and_approximations_are_not",
    ),
    Mutation(
        "framework/many/fitting.py",
        'done, failed = done + len(where), failed + int((estimates.reason != "").sum())',
        'done, failed = done + 1, failed + int((estimates.reason != "").sum())',
        "tests/test_logging.py::test_refits_tell_of_responses",
    ),
    Mutation(
        "framework/plots/replicates.py",
        "ax.stairs(share * heights",
        "ax.stairs(heights",
        "tests/plots/test_plots.py::test_replicates_at_zero_are_no_density",
    ),
    Mutation(
        "framework/inference/emmeans/adjust.py",
        "np.maximum.accumulate((m + 1 - rank) * sorted_p)",
        "(m + 1 - rank) * sorted_p",
        f"{EMMEANS}::test_adjustments",
    ),
    Mutation(
        "framework/inference/emmeans/nesting.py",
        "return np.asarray(seen if i < j else seen.T)",
        "return np.asarray(seen.T if i < j else seen)",
        "tests/emmeans/test_nesting.py",
    ),
    Mutation(
        "framework/inference/emmeans/nesting.py",
        "*(inner for inner, outer in pairs if outer == name and inner in names)",
        "",
        "tests/emmeans/test_nesting.py::test_a_chain_is_averaged_from_inside",
    ),
    Mutation(
        "framework/inference/emmeans/nesting.py",
        "key=lambda name: -depth[name]",
        "key=lambda name: depth[name]",
        "tests/emmeans/test_nesting.py::test_a_chain_is_averaged_from_inside",
    ),
    Mutation(
        "framework/inference/emmeans/average.py",
        "w = w * (1.0 if inner else weights)",
        "w = w * weights",
        "tests/emmeans/test_nesting.py::test_weights_are_those_of_emmeans",
    ),
    Mutation(
        "framework/inference/emmeans/average.py",
        "np.where((w > 0.0)[:, :, None], cells, 0.0)",
        "cells",
        "tests/emmeans/test_nesting.py::test_means_of_responses_with_parameters_of_their_own",
    ),
    Mutation(
        "framework/inference/emmeans/means.py",
        "if not alone and _in_a_term(inside, known):",
        "if _in_a_term(inside, known):",
        "tests/emmeans/test_nesting.py::test_joint_tests_are_those_of_emmeans",
    ),
    Mutation(
        "framework/inference/caveats.py",
        "said = few_levels(fit.labels, words)",
        "said = few_levels(fit.labels)",
        "tests/inference/test_caveats.py::test_z_of_few_levels",
    ),
    Mutation(
        "framework/inference/lrt.py",
        "notes=tuple(filter(None, said)),",
        "notes=(),",
        "tests/inference/test_caveats.py::test_variances_at_zero_in_comparisons_of_two",
    ),
    Mutation(
        "framework/inference/emmeans/letters.py",
        "groups = _needed(sorted(groups, key=sorted), k)",
        "groups = sorted(groups, key=sorted)",
        "tests/emmeans/test_letters.py::test_tables_of_more_means",
    ),
    Mutation(
        "framework/inference/emmeans/letters.py",
        "groups = _needed(sorted(groups, key=sorted), k)",
        "groups = sorted(groups, key=sorted)[1:]",
        f"{EMMEANS_LAWS}::test_letters_do_what_they_say",
    ),
    Mutation(
        "framework/inference/emmeans/joint.py",
        "L = U[:, rank:].T @ L",
        "L = U[:, :rank].T @ L",
        f"{EMMEANS}::test_empty_cells",
    ),
    Mutation(
        "framework/inference/emmeans/record.py",
        "means=max(sizes) if family.pairwise else 0,",
        "means=len(of.L) if family.pairwise else 0,",
        f"{EMMEANS}::test_other_contrasts",
    ),
    # intervals
    Mutation(
        "framework/estimation/profiled.py",
        "            d += self.pwrss / self.sigma2 - df\n",
        "            d += self.pwrss / self.sigma2\n",
        f"{INTERVALS}/test_full_criterion.py::test_it_is_the_normal_density",
    ),
    Mutation(
        "framework/estimation/profiled.py",
        "            self.pwrss += float(self.short @ self.short)\n",
        "",
        f"{INTERVALS}/test_full_criterion.py::test_derivatives",
    ),
    Mutation(
        "framework/estimation/full_criterion.py",
        "        out[-1, -1] += bent @ self.theta\n",
        "",
        f"{INTERVALS}/test_full_criterion.py::test_derivatives",
    ),
    Mutation(
        "framework/estimation/full_criterion.py",
        "2.0 * mixed / at.sigma2",
        "-2.0 * mixed / at.sigma2",
        f"{INTERVALS}/test_full_criterion.py::test_derivatives",
    ),
    Mutation(
        "framework/estimation/linear_factors.py",
        "            if fit.reml:\n",
        "            if False:\n",
        f"{INTERVALS}/test_profile.py::test_fits_by_reml_are_profiled_by_ml",
    ),
    Mutation(
        "framework/estimation/covariance.py",
        "np.maximum(np.abs(np.diagonal(scaled)), 1.0)",
        "np.maximum(np.abs(np.diagonal(scaled)), 1e-300)",
        f"{INTERVALS}/test_wald.py::test_what_the_data_do_not_determine",
    ),
    Mutation(
        "framework/inference/quantities.py",
        "np.where(np.diagonal(R)[: len(first)] < 0.0, -1.0, 1.0)",
        "1.0",
        f"{INTERVALS}/test_profile.py::test_reference",
    ),
    Mutation(
        "framework/inference/quantities.py",
        "A[below, first] = -alpha / beta",
        "A[below, first] = alpha / beta",
        f"{INTERVALS}/test_profile.py::test_reference",
    ),
    Mutation(
        "framework/inference/walk.py",
        "            if abs(visits[-1].zeta) < self.reach:\n                break\n",
        "            break\n",
        f"{INTERVALS}/test_profile.py::test_reference",
    ),
    Mutation(
        "framework/inference/walk.py",
        "0.5 * float(found.gradient @ speed) / zeta if excess",
        "float(found.gradient @ speed) / zeta if excess",
        f"{INTERVALS}/test_profile.py::test_reference",
    ),
    Mutation(
        "framework/inference/trace.py",
        "            at = bound if self.coordinates[end] == bound else np.nan\n",
        "",
        f"{INTERVALS}/test_profile.py::test_zeta_at_zero_is_the_likelihood_ratio_of_the_smaller_model",
    ),
    Mutation(
        "framework/inference/walk.py",
        "        if excess < -LOWER:\n",
        "        if False:\n",
        f"{INTERVALS}/test_profile.py::test_a_start_that_is_no_optimum_is_seen",
    ),
    Mutation(
        "framework/inference/walk.py",
        "> ROUGH else None",
        "> 1e9 else None",
        f"{INTERVALS}/test_profile.py::test_curves_are_right_between_points",
    ),
    Mutation(
        "framework/inference/walk.py",
        "return _Minimum(f - gain, z, ",
        "return _Minimum(f, z, ",
        f"{INTERVALS}/test_profile.py::test_reference",
    ),
    Mutation(
        "framework/inference/walk.py",
        "bends = dA.T @ self.gradient + ",
        "bends = ",
        f"{INTERVALS}/test_profile.py::test_tangents_are_how_fast_the_others_go_along",
    ),
    Mutation(
        "framework/inference/walk.py",
        "nodes, values = [*nodes, *[visit.c] * len(known)], [*values, *known]",
        "nodes, values = [*nodes, visit.c], [*values, visit.z]",
        f"{INTERVALS}/test_profile.py::test_a_point_of_a_profile_needs_two_evaluations",
    ),
    Mutation(
        "framework/inference/intervals.py",
        "ndtri(0.5 + level / 2.0) * se[i]",
        "ndtri(level) * se[i]",
        f"{INTERVALS}/test_wald.py::test_glmmtmb",
    ),
    Mutation(
        "framework/inference/intervals.py",
        "        elif q.at_boundary(values[i], units[i]):\n",
        "        elif False:\n",
        f"{INTERVALS}/test_wald.py::test_at_the_boundary",
    ),
    Mutation(
        "framework/inference/structured.py",
        "        return behind, False, len(moving) != 1, 0.0, np.inf\n",
        "        return behind, False, len(moving) != 1, -np.inf, np.inf\n",
        f"{INTERVALS}/test_profile.py::test_one_standard_deviation_of_one_column",
    ),
    # diagnostics and plots
    Mutation(
        "framework/diagnostics/influence.py",
        "fit.gamma - shift",
        "fit.gamma + shift",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "np.eye(rows.shape[1]) - w[:, :, None] * block",
        "np.eye(rows.shape[1]) - block",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "(fit.pwrss - drop) / df",
        "fit.pwrss / df",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "cases.sizes - (r if fit.reml else 0)",
        "cases.sizes - r",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "+ ratio + 2.0 * r * np.log(scale / fit.scale)",
        "+ ratio",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "np.linalg.slogdet(Nu)[1] - np.linalg.slogdet(N)[1]",
        "-np.linalg.slogdet(N)[1]",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "[:, -1] > UNDETERMINED",
        "[:, -1] > -1.0",
        f"{DIAGNOSTICS}/test_influence.py::test_cases_that_carry_a_coefficient_alone_are_nan_with_a_word",
    ),
    Mutation(
        "framework/diagnostics/influence.py",
        "yield chosen, np.where(place < sizes[chosen, None], rows, -1)",
        "yield chosen, rows",
        f"{DIAGNOSTICS}/test_influence.py::test_influence_given_theta_is_least_squares_without_the_rows",
    ),
    Mutation(
        "framework/diagnostics/leverage.py",
        "self.D) + self.of_effects)",
        "self.D))",
        f"{DIAGNOSTICS}/test_influence.py::test_hat_values_are_the_diagonal_of_the_hat_matrix",
    ),
    Mutation(
        "framework/diagnostics/leverage.py",
        "at.mode.working_weights, at.mode.derivatives.d1",
        "np.ones(design.n), at.mode.derivatives.d1",
        f"{DIAGNOSTICS}/test_influence.py::test_one_step_is_newtons_on_the_penalized_likelihood",
    ),
    Mutation(
        "framework/diagnostics/residuals.py",
        "pearson / (fit.sigma * _left",
        "pearson / (_left",
        f"{DIAGNOSTICS}/test_residuals.py::test_standardized_residuals_have_variance_one_under_the_model",
    ),
    Mutation(
        "framework/diagnostics/residuals.py",
        "* prior_variances(g)[codes]",
        "",
        f"{DIAGNOSTICS}/test_residuals.py::test_marginal_residuals_of_linear_models",
    ),
    Mutation(
        "framework/diagnostics/residuals.py",
        "variance = variance - np.einsum",
        "variance = variance + 0.0 * np.einsum",
        f"{DIAGNOSTICS}/test_residuals.py::test_standardized_residuals_have_variance_one_under_the_model",
    ),
    Mutation(
        "framework/diagnostics/simulated.py",
        "rng.random((n, m)), Y)",
        "np.zeros((n, m)), Y)",
        f"{DIAGNOSTICS}/test_simulated.py::test_ties_are_broken_row_by_row",
    ),
    Mutation(
        "framework/diagnostics/simulated.py",
        "ranks + rng.random((n, m))",
        "ranks + 0.5",
        f"{DIAGNOSTICS}/test_simulated.py::test_residuals_are_uniform_whatever_the_distribution",
    ),
    Mutation(
        "framework/diagnostics/simulated.py",
        "(values >= values[0])",
        "(values > values[0])",
        f"{DIAGNOSTICS}/test_simulated.py::test_p_values_of_exchangeable_values",
    ),
    Mutation(
        "framework/diagnostics/simulated.py",
        "_per_row(fit)[:, None] * Y",
        "Y",
        f"{DIAGNOSTICS}/test_simulated.py::test_sums_of_proportions_are_of_successes",
    ),
    Mutation(
        "framework/diagnostics/effects.py",
        "error = M + np.einsum",
        "error = M + 0.0 * np.einsum",
        f"{DIAGNOSTICS}/test_residuals.py::test_standardized_modes_have_variance_one_under_the_model",
    ),
    Mutation(
        "framework/diagnostics/collinearity.py",
        "np.exp(one + two - both)",
        "np.exp(two - both)",
        f"{DIAGNOSTICS}/test_residuals.py::test_variance_inflation_is_cars",
    ),
    Mutation(
        "framework/diagnostics/collinearity.py",
        "set(fixed.kept.tolist()) - _constant(fit)",
        "set(fixed.kept.tolist())",
        f"{DIAGNOSTICS}/test_residuals.py::test_variance_inflation_of_arrays_is_by_column_and_one_term_has_none",
    ),
    Mutation(
        "framework/diagnostics/check.py",
        "> COOKS or abs",
        "> COOKS and abs",
        f"{DIAGNOSTICS}/test_check.py::test_a_level_that_moves_one_coefficient_far_is_named",
    ),
    Mutation(
        "framework/plots/pairs.py",
        "r * np.cos(a - half)",
        "r * np.cos(a + half)",
        f"{PLOTS}/test_plots.py::test_contours_of_a_quadratic_deviance_are_ellipses",
    ),
    Mutation(
        "framework/plots/pairs.py",
        "np.where(x > y, x + y, -x - y)",
        "(x + y)",
        f"{PLOTS}/test_plots.py::test_contours_of_a_quadratic_deviance_are_ellipses",
    ),
    Mutation(
        "framework/plots/smooth.py",
        "my + slope * (at - mx)",
        "my",
        f"{PLOTS}/test_plots.py::test_the_smooth_line_is_exact_for_lines_and_bends_with_curves",
    ),
    Mutation(
        "framework/plots/caterpillar.py",
        "np.sqrt(fit.ranef_variances[name][:, j, j])",
        "fit.ranef_variances[name][:, j, j]",
        f"{PLOTS}/test_plots.py::test_caterpillar",
    ),
    Mutation(
        "framework/plots/effect.py",
        "line + offset) for line in (eta, eta - half, eta + half)",
        "line + offset) for line in (eta, eta, eta)",
        f"{PLOTS}/test_plots.py::test_effect_of_a_column",
    ),
    Mutation(
        "framework/many/generalized_road.py",
        "usable &= [_is_identified(",
        "[_is_identified(",
        "tests/many/test_generalized.py::test_what_a_family_refuses_is_refused_here_too",
    ),
    Mutation(
        "framework/design/random.py",
        "np.asarray(self.R.T @ self.values)",
        "np.asarray(self.R @ self.values)",
        f"{DIAGNOSTICS}/test_influence.py::test_a_subset_forgets_levels_and_keeps_columns",
    ),
    Mutation(
        "framework/design/selection.py",
        "metric = design.fixed.weights",
        "metric = None",
        f"{DIAGNOSTICS}/test_influence.py::test_a_subset_forgets_levels_and_keeps_columns",
    ),
    Mutation(
        "framework/inference/explained.py",
        "return float(self.by_factor[~self.each_row].sum())",
        "return float(self.by_factor.sum())",
        f"{EXPLAINED}::test_a_level_a_row_is_overdispersion",
    ),
    Mutation(
        "framework/inference/explained.py",
        "fixed = np.var(_fixed(fit), ddof=1)",
        "fixed = np.var(_fixed(fit))",
        f"{EXPLAINED}::test_decomposition_of_rights_and_sterba",
    ),
    Mutation(
        "framework/inference/explained.py",
        '"adjusted": variance / (parts.total - parts.fixed)',
        '"adjusted": variance / parts.total',
        f"{EXPLAINED}::test_log_links",
    ),
    Mutation(
        "framework/inference/explained.py",
        "deviations = T.T @ (columns - mean[:, None])",
        "deviations = T @ (columns - mean[:, None])",
        f"{EXPLAINED}::test_decomposition_of_rights_and_sterba",
    ),
    Mutation(
        "framework/inference/explained.py",
        "if fit.elsewhere and np.isnan(",
        "if not fit.elsewhere and np.isnan(",
        f"{EXPLAINED}::test_what_the_data_do_not_determine_is_nan_with_a_word",
    ),
    Mutation(
        "framework/inference/explained.py",
        "return float(np.var((sums / np.maximum(count, 1))[f.codes], ddof=1))",
        "return float(np.var(sums / np.maximum(count, 1), ddof=1))",
        f"{EXPLAINED}::test_decomposition_of_rights_and_sterba",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        "return np.asarray(np.log1p(variance / mu**2))",
        "return np.asarray(np.log1p(variance / mu))",
        f"{EXPLAINED}::test_log_links",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        "polygamma(1, mu**2 / variance)",
        "polygamma(1, variance / mu**2)",
        f"{EXPLAINED}::test_log_links",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        'np.ones((design.n, 1), order="F"), [INTERCEPT]',
        "design.X, fit.labels.fixed.names",
        f"{EXPLAINED}::test_log_links",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        "if not lower < mean < upper:",
        "if not lower < mean:",
        f"{EXPLAINED}::test_bad_input",
    ),
    Mutation(
        "framework/inference/observation_level.py",
        'return value if np.isfinite(value) else float("nan")',
        "return value",
        f"{EXPLAINED}::test_a_family_without_variance_has_no_r2",
    ),
    Mutation(
        "framework/inference/partition.py",
        "if spans_ones(design.fixed) and not spans_ones(smaller.fixed):",
        "if False:",
        f"{EXPLAINED}::test_the_constant_stays_when_a_factor_without_intercept_is_left_out",
    ),
    Mutation(
        "framework/inference/partition.py",
        "inside = [o for o in listed if term.variables <= o.variables]",
        "inside = [term]",
        f"{EXPLAINED}::test_a_term_is_left_out_with_its_interactions",
    ),
    Mutation(
        "framework/inference/partition.py",
        "varies = np.ptp(fit.model.design.X, axis=0) > 0",
        "varies = np.ptp(fit.model.design.X, axis=0) >= 0",
        f"{EXPLAINED}::test_a_constant_column_is_no_part_whatever_it_is_called",
    ),
)


# Running them ---------------------------------------------------------------------------------------------------------

#: Added to the tests' settings: a fault that was seen once is seen, and no smaller example is looked for.
WITHOUT_SHRINKING = """
from hypothesis import Phase

settings.register_profile("once", settings.get_profile("ranef"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("once")
"""


class Tree:
    """A copy of the working tree whose tests import `ranef` from it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.path = folder / "tree", folder / "path"
        hidden = shutil.ignore_patterns(".*", "build", "dist", "__pycache__")
        shutil.copytree(ROOT, self.root, ignore=hidden)
        with (self.root / "tests" / "conftest.py").open("a", encoding="utf-8") as conftest:
            conftest.write(WITHOUT_SHRINKING)
        for name, source in PACKAGES.items():
            package = self.path / "ranef" / name
            package.mkdir(parents=True)
            for item in (self.root / source).iterdir():
                (package / item.name).symlink_to(item)
        compileall.compile_dir(self.path, quiet=1)

    @contextmanager
    def mutated(self, m: Mutation) -> Iterator[None]:
        """The tree with the fault, and then without."""
        file, times = self.root / m.file, (self.root / m.file).stat()
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(m.old, m.new), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def run(self, tests: Sequence[str]) -> int:
        """Exit code of the tests, up to the first that fails; negative where they hang.

        In a fork of this process, in which NumPy and the like are imported already.
        """
        if (child := os.fork()) == 0:
            signal.alarm(PATIENCE)
            os.chdir(self.root)
            sys.path.insert(0, str(self.path))
            sys.dont_write_bytecode = True  # that of a fault could be taken for that of the right text
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            os._exit(pytest.main(["-qx", "-p", "no:cacheprovider", "-m", "not slow", *tests]))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def judged(m: Mutation) -> tuple[str, float]:
    """Whether the tests see the fault, and seconds."""
    start = time.perf_counter()
    if not m.found:
        return NOT_FOUND, 0.0
    with TREE.mutated(m):
        code = TREE.run(m.tests)
    return {0: NOT_CAUGHT, 1: CAUGHT}.get(code, CAUGHT if code < 0 else BROKEN), time.perf_counter() - start


def _make_tree(folder: str) -> None:
    global TREE
    for module in ("scipy.optimize", "scipy.sparse.linalg", "scipy.stats", "hypothesis.strategies", "pandas", "polars"):
        import_module(module)
    TREE = Tree(Path(folder) / str(os.getpid()))


def main() -> int:
    """Print a line for each fault, and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD", help="faults in whose file or text one of these occurs")
    parser.add_argument("--jobs", type=int, default=2, help="copies of the tree at work (default 2)")
    arguments = parser.parse_args()
    words = arguments.words or [""]
    chosen = [m for m in MUTATIONS if any(word in str(m) for word in words)]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    caught = 0
    with TemporaryDirectory() as folder, get_context("spawn").Pool(arguments.jobs, _make_tree, [folder]) as pool:
        for m, (seen, seconds) in zip(chosen, pool.imap(judged, chosen), strict=True):
            caught += seen == CAUGHT
            print(f"{seen:18} {seconds:5.1f} s  {m}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return int(caught < REQUIRED * len(chosen))


if __name__ == "__main__":
    sys.exit(main())
