"""Sums of parts: the fits are those of all rows, whatever the parts."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranef
from ranef.contracts.errors import InputError, InputTypeError, StorageError

from .make import frame

DATA = frame()
MIXED = "y ~ x * f + z + (1 + x | g) + (1 | h)"
LEVELS = {"f": ["low", "mid", "top"]}


def cut(data, *at):
    return [data.iloc[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


def difference(one, other):
    """Largest relative differences of theta, and of all that is reported of the coefficients."""
    theta = np.abs(one.theta - other.theta).max() / np.abs(other.theta).max()
    return max(theta, *(np.nanmax(np.abs(getattr(one, n) / getattr(other, n) - 1)) for n in ("coefficients", "se")))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("options", [{}, {"weights": "w", "offset": "o"}, {"weights": "w * 1000"}])
@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (1 | g)",
        MIXED,
        "y ~ f + (x || g) + (0 + z | h)",
        "y ~ x + (1 | g / f)",
        "y ~ 0 + f + cs(1 + z | g)",
        "y ~ z + f:z + (f | g)",
        "log(y) ~ log(x) + offset(z / 1000) + (1 | g)",
        "y ~ factor(h) + (1 | g)",
        "y ~ 0 + x + (0 + x | g)",
    ],
)
def test_the_fit_is_that_of_the_rows(formula, options, reml):
    """Relative 1e-8 in what is reported, theta 1e-9: the search ends within its tolerance of the same optimum."""
    if "offset" in options and "offset" in formula:
        options = {"weights": "w"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = ranef.lmm(formula, DATA, reml=reml, **options)
        sums = ranef.lmm(formula, cut(DATA, 7, 1000), reml=reml, **options)
    assert sums.converged == rows.converged
    assert np.abs(sums.theta - rows.theta).max() <= 1e-9 * max(1.0, np.abs(rows.theta).max())
    assert difference(sums, rows) < 1e-8
    assert abs(sums.log_likelihood - rows.log_likelihood) < 1e-12 * abs(rows.log_likelihood) + 1e-7
    assert all(np.allclose(sums.ranef[name], rows.ranef[name], atol=1e-7) for name in rows.ranef if "/" not in name)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 299), min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_sums_are_associative_and_commutative(at, random):
    """Any parts, added in any order and with any brackets: the same levels, and sums that agree to rounding."""
    some = DATA.iloc[:300]
    parts = [ranef.Gram.of(part, MIXED, levels=LEVELS, weights="w") for part in cut(some, *sorted(at))]
    whole = ranef.Gram.of(some, MIXED, levels=LEVELS, weights="w")
    random.shuffle(parts)
    while len(parts) > 1:
        first = parts.pop(random.randrange(len(parts)))
        parts.append(first + parts.pop(random.randrange(len(parts))))
    sums, expected = parts[0].sums.shifted(whole.sums.shift), whole.sums
    assert sums.n == expected.n
    assert np.allclose(sums.moments, expected.moments, rtol=1e-11, atol=1e-9 * len(some))
    assert np.array_equal(sums.hashes, expected.hashes)
    for name, part in expected.levels.items():
        assert np.array_equal(sums.levels[name].levels, part.levels)
        assert np.array_equal(sums.levels[name].hashes, part.hashes)
        assert np.allclose(sums.levels[name].sums, part.sums, rtol=1e-11, atol=1e-9 * len(some))
    for ij, cells in expected.cells.items():
        assert np.array_equal(sums.cells[ij].rows, cells.rows)
        assert np.array_equal(sums.cells[ij].columns, cells.columns)
        assert np.allclose(sums.cells[ij].sums, cells.sums, rtol=1e-11, atol=1e-9 * len(some))


def test_means_that_are_large_beside_the_spread_lose_nothing():
    """A mean of 1e9: sums about zero would have no digit left of a variance of one."""
    far = DATA.assign(y=DATA["y"] + 1e9, x=DATA["x"] + 1e7)
    near = ranef.lmm("y ~ x + (1 | g)", DATA)
    sums = ranef.lmm("y ~ x + (1 | g)", cut(far, 500, 2000))
    assert abs(sums.theta[0] / near.theta[0] - 1) < 1e-6  # y + 1e9 is itself rounded to 1e-7
    assert abs(sums.coefficients[1] / near.coefficients[1] - 1) < 1e-6


def test_saved_and_loaded_sums_are_the_same_and_more_can_be_added(tmp_path):
    first, second = (ranef.Gram.of(part, MIXED, levels=LEVELS) for part in cut(DATA, 1800))
    first.save(tmp_path / "sums")
    loaded = ranef.Gram.load(tmp_path / "sums")
    for copy in (loaded, pickle.loads(pickle.dumps(first))):
        a, b = ranef.lmm(copy + second), ranef.lmm(first + second)
        assert np.array_equal(a.theta, b.theta)
        assert np.array_equal(a.coefficients, b.coefficients)
    assert repr(loaded) == repr(first)
    new = ranef.Gram.of(DATA.iloc[1800:], loaded)
    assert np.array_equal(ranef.lmm(loaded + new).theta, ranef.lmm(first + second).theta)


def test_damaged_and_other_files_are_refused(tmp_path):
    fit, path = ranef.lmm("y ~ x + (1 | g)", DATA), tmp_path / "sums"
    fit.save(path)
    with pytest.raises(StorageError, match="'ranef model', not of 'ranef gram'"):
        ranef.Gram.load(path)
    gram = ranef.Gram.of(DATA, "y ~ x + (1 | g)")
    gram.save(path)
    with pytest.raises(StorageError, match="'ranef gram', not of 'ranef model'"):
        ranef.load(path)
    content, refused = path.read_bytes(), 0
    for start in range(40, len(content), len(content) // 40):
        path.write_bytes(content[:start] + bytes([content[start] ^ 0xFF]) + content[start + 1 :])
        try:
            found = ranef.lmm(ranef.Gram.load(path))
        except StorageError:
            refused += 1
        else:  # a byte of the archive that says nothing, as the date of an entry
            assert np.array_equal(found.theta, ranef.lmm(gram).theta)
    assert refused >= 30
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StorageError):
        ranef.Gram.load(path)


def test_a_fit_of_sums_predicts_tests_and_saves_and_says_what_needs_rows(tmp_path):
    rows = ranef.lmm(MIXED, DATA)
    fit = ranef.lmm(sum(ranef.Gram.of(part, MIXED, levels=LEVELS) for part in cut(DATA, 100)))
    new = DATA.iloc[:20]
    assert np.allclose(fit.predict(new), rows.predict(new), rtol=1e-9)
    assert np.allclose(fit.df_satterthwaite, rows.df_satterthwaite, rtol=1e-5)
    assert np.allclose(fit.anova()["statistic"], rows.anova()["statistic"], rtol=1e-6)
    fit.save(tmp_path / "fit")
    loaded = ranef.load(tmp_path / "fit")
    assert np.array_equal(loaded.predict(new), fit.predict(new))
    assert "Scaled residuals" not in fit.summary()
    assert "nan" not in str(fit.summary()).lower()
    assert not fit.has_rows
    for needs_rows in ("fitted_values", "residuals"):
        with pytest.raises(InputError, match="no rows"):
            getattr(fit, needs_rows)


def test_likelihood_ratio_tests_of_sums_of_the_same_rows():
    """The same rows in other parts are known to be the same; other rows are not."""
    small, large = "y ~ x + (1 | g)", "y ~ x + z + (1 | g)"
    fits = [ranef.lmm(f, parts) for f, parts in ((small, cut(DATA, 100)), (large, cut(DATA, 2000, 2500)))]
    expected = ranef.anova(ranef.lmm(small, DATA), ranef.lmm(large, DATA))
    assert np.allclose(ranef.anova(*fits)["p_value"], expected["p_value"], rtol=1e-6, equal_nan=True)
    other = ranef.lmm(large, [DATA.assign(y=DATA["y"].where(DATA.index != 7, 1.0))])
    with pytest.raises(ranef.ComparisonError):
        ranef.anova(fits[0], other)


def test_columns_that_are_combinations_are_dropped_as_those_of_rows():
    data = DATA.assign(twice=2 * DATA["x"] - 7, zero=0.0)
    with pytest.warns(ranef.RankDeficiencyWarning) as of_rows:
        rows = ranef.lmm("y ~ x + twice + z + zero + (1 | g)", data)
    with pytest.warns(ranef.RankDeficiencyWarning) as of_sums:
        sums = ranef.lmm("y ~ x + twice + z + zero + (1 | g)", cut(data, 10))
    assert str(of_rows[0].message) == str(of_sums[0].message)
    assert np.allclose(sums.coefficients, rows.coefficients, rtol=1e-9, equal_nan=True)
    assert np.allclose(sums.predict(data.iloc[:5]), rows.predict(data.iloc[:5]), rtol=1e-10)


def test_what_sums_cannot_decide_is_refused():
    almost = DATA.assign(almost=DATA["z"] + 1e-5 * DATA["w"])
    with pytest.raises(InputError, match="cannot tell whether almost is a linear combination"):
        ranef.lmm("y ~ z + almost + (1 | g)", [almost])
    with pytest.raises(InputError, match="give y to five digits"):
        ranef.lmm("y ~ x + (1 | g)", [DATA.assign(y=3.0 + DATA["x"])])


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("y ~ poly(x, 2) + (1 | g)", {}, "poly learns from all rows"),
        ("y ~ scale(x) + (1 | g)", {}, "scale learns from all rows"),
        ("y ~ f + (1 | g)", {}, r"f is a factor in X, whose levels must be known .* levels=\{'f'"),
        ("y ~ factor(h) + (1 | g)", {}, "factor"),
        ("y ~ f + (1 | g)", {"levels": {"f": ["low", "mid"]}}, "levels that are not among low, mid: top"),
        ("y ~ x + (1 | g)", {"levels": {"q": ["low"]}}, "levels names q"),
        ("y ~ mine(x) + (1 | g)", {"context": {"mine": np.sort}}, "may depend on other rows"),
        ("cbind(x, z) ~ 1 + (1 | g)", {}, "cbind"),
        ("y ~ x + (1 | g)", {"weights": np.ones(3000)}, "weights must be the name of a column"),
        ("y ~ x + (1 | g)", {"weights": "z"}, "weights must be positive"),
        ("y ~ nothing + (1 | g)", {}, "no column 'nothing'"),
    ],
)
def test_what_cannot_be_encoded_row_by_row_is_refused(formula, options, message):
    with pytest.raises(ranef.RanefError, match=message):
        ranef.Gram.of(DATA, formula, **options)


def test_parts_that_do_not_go_together_are_refused():
    one = ranef.Gram.of(DATA, "y ~ x + (1 | h)")
    with pytest.raises(InputError, match="another formula"):
        one + ranef.Gram.of(DATA, "y ~ z + (1 | h)")
    with pytest.raises(InputError, match="another weights or offset"):
        one + ranef.Gram.of(DATA, "y ~ x + (1 | h)", weights="w")
    orders = LEVELS["f"], LEVELS["f"][::-1]
    up, down = (ranef.Gram.of(DATA, "y ~ f + (1 | h)", levels={"f": order}) for order in orders)
    with pytest.raises(InputError, match="another levels"):
        up + down
    with pytest.raises(InputTypeError, match="labels of h are integers in one part and text in another"):
        one + ranef.Gram.of(DATA.assign(h=DATA["h"].astype(str)), "y ~ x + (1 | h)")
    with pytest.raises(TypeError):
        one + 1


def test_wide_integers_with_and_without_a_sign_stay_apart():
    """2^53 and 2^53 + 1 are one float: the fit is that of small labels."""
    formula, half = "y ~ x + (1 | h)", len(DATA) // 2
    h = np.unique(DATA["h"], return_inverse=True)[1]
    signed, unsigned = (DATA.assign(h=(2**53 + h).astype(kind)) for kind in ("int64", "uint64"))
    gram = ranef.Gram.of(signed[:half], formula) + ranef.Gram.of(unsigned[half:], formula)
    small = ranef.lmm(ranef.Gram.of(DATA.assign(h=h), formula))
    assert gram.n_groups == {"h": h.max() + 1}
    assert ranef.lmm(gram).log_likelihood == pytest.approx(small.log_likelihood, abs=1e-9)
    widest = ranef.Gram.of(DATA.assign(h=(2**63 + h.astype(object)).astype("uint64")), formula)
    with pytest.raises(InputTypeError, match="integers from -1 to 9223372036854775"):
        widest + ranef.Gram.of(DATA.assign(h=h - 1), formula)


def test_categories_that_say_their_levels_need_no_others():
    """A part in which a level does not occur has its column all the same."""
    data = DATA.assign(f=pd.Categorical(DATA["f"], categories=LEVELS["f"]))
    parts = [data[data["f"] == "low"], data[data["f"] != "low"]]
    fit = ranef.lmm(sum(ranef.Gram.of(part, "y ~ f + (1 | g)") for part in parts))
    assert difference(fit, ranef.lmm("y ~ f + (1 | g)", data)) < 1e-9


def test_known_precisions_and_structures_by_argument():
    rng = np.random.default_rng(5)
    names = sorted(set(DATA["g"]))
    root = rng.normal(size=(60, 70))
    known = pd.DataFrame(np.linalg.inv(root @ root.T / 70), names, names)
    for options in ({"precision": {"g": known}}, {"covariance": {"g": "homdiag"}}):
        rows = ranef.lmm("y ~ x + (1 + z | g)", DATA, **options)
        sums = ranef.lmm("y ~ x + (1 + z | g)", cut(DATA, 100), **options)
        assert difference(sums, rows) < 1e-7


def test_arguments_that_are_for_rows():
    gram = ranef.Gram.of(DATA, "y ~ x + (1 | g)")
    for options in ({"weights": "w"}, {"data": DATA}):
        with pytest.raises(InputTypeError, match="a Gram says this itself"):
            ranef.lmm(gram, **options)
    with pytest.raises(InputTypeError, match="subset: for rows that are in memory"):
        ranef.lmm("y ~ x + (1 | g)", [DATA], subset="x > 3")
    with pytest.raises(InputTypeError, match="na_action"):
        ranef.lmm("y ~ x + (1 | g)", [DATA], na_action="omit")


@pytest.mark.parametrize("column", ["y", "x", "w"])
@pytest.mark.parametrize("unit", [1e150, 1e-160])
def test_values_whose_squares_are_no_numbers_are_refused(column, unit):
    """As those of rows are: their sums would overflow, or be zero."""
    with pytest.raises(ranef.InputError, match=r"has values of magnitude .*, which cannot be computed with"):
        ranef.Gram.of(DATA.assign(**{column: DATA[column] * unit}), "y ~ x + (1 | g)", weights="w")


def test_missing_values_are_refused_with_their_rows():
    gone = DATA.copy()
    gone.loc[[3, 5], "y"] = np.nan
    gone.loc[[4], "g"] = None
    with pytest.raises(InputError, match=r"y in 2 rows \(counted from 0\): 3, 5; g in 1 row"):
        ranef.Gram.of(gone, "y ~ x + (1 | g)")
    with pytest.raises(InputError, match="missing or infinite"):
        ranef.Gram.of(DATA.assign(y=np.where(np.arange(3000) == 7, np.inf, DATA["y"])), "y ~ x + (1 | g)")
