"""Law: what is saved and loaded says what was said before; with rows a refit has the same bits."""

from __future__ import annotations

import pickle
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts.errors import ComparisonError, InputError, InputTypeError, MissingExtraError, PluginNotFoundError

from .models import COUNTS, MEAN, MODELS, E, G, H, N, Q, X, model, new_rows, numbers, predictions

pytestmark = pytest.mark.filterwarnings("ignore::ranef.RanefWarning")
BOTH = pytest.mark.parametrize("rows", [False, True], ids=["without rows", "with rows"])


def loaded(solution: Any, folder: Path, **how: Any) -> Any:
    solution.save(folder / "model.ranef", **how)
    return ranef.load(folder / "model.ranef")


def test_the_models_are_of_the_kinds_that_they_are_for() -> None:
    """A basis that is turned, a parameter that is not determined, a dropped column, levels of objects."""
    assert not np.array_equal(np.abs(model("singular")._fit.turned[0]), np.eye(2))
    assert model("undetermined")._fit.elsewhere
    assert model("crossed")._fit.labels.fixed.dropped_names == ("x2",)
    assert model("crossed").levels["h"].dtype == object


@BOTH
@pytest.mark.parametrize("name", MODELS)
def test_all_numbers_are_those_of_the_fit(name: str, rows: bool, tmp_path: Path) -> None:
    copy = loaded(model(name), tmp_path, rows=rows)
    assert repr(numbers(copy)) == repr(numbers(model(name)))
    assert str(copy.certificate) == str(model(name).certificate)
    assert copy.timings == model(name).timings
    assert copy.n_evaluations == model(name).n_evaluations
    assert copy.has_rows == rows


@BOTH
@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_the_fit(name: str, rows: bool, tmp_path: Path) -> None:
    copy, wanted = loaded(model(name), tmp_path, rows=rows), predictions(model(name))
    for column, values in predictions(copy).items():
        np.testing.assert_allclose(values, wanted[column], rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_a_refit_of_a_model_with_rows_has_the_same_bits(name: str, tmp_path: Path) -> None:
    copy = loaded(model(name), tmp_path, rows=True)
    one, other = model(name)._fit.model.fit(), copy._fit.model.fit()
    for part in ("theta", "gamma", "u", "b", "RX"):
        assert np.array_equal(getattr(one, part), getattr(other, part))
    assert one.criterion == other.criterion
    assert copy._fit.model.design.notes == model(name)._fit.model.design.notes


@BOTH
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_fit_is_saved_as_the_same_bytes(name: str, rows: bool, tmp_path: Path) -> None:
    copy = loaded(model(name), tmp_path, rows=rows)
    copy.save(tmp_path / "again.ranef", rows=rows)
    assert (tmp_path / "again.ranef").read_bytes() == (tmp_path / "model.ranef").read_bytes()


@pytest.mark.parametrize("name", ["slopes", "poisson"])
def test_what_needs_rows_says_so(name: str, tmp_path: Path) -> None:
    copy = loaded(model(name), tmp_path)
    for needs in (
        lambda: copy.fitted_values,
        lambda: copy.residuals,
        lambda: copy.predict(),
        lambda: copy._fit.model.fit(),
        lambda: copy.save(tmp_path / "x.ranef", rows=True),
    ):
        with pytest.raises(InputError, match="this model has no rows"):
            needs()
    assert not (tmp_path / "x.ranef").exists()


@pytest.mark.parametrize("name", ["related", "poisson"])
def test_a_loaded_fit_is_pickled(name: str, tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(loaded(model(name), tmp_path)))
    assert repr(numbers(copy)) == repr(numbers(model(name)))


@pytest.mark.parametrize("kind", ["lmm", "glmm"])
def test_the_size_without_rows_does_not_depend_on_their_number(kind: str, tmp_path: Path) -> None:
    rng, sizes = np.random.default_rng(2), []
    for n in (400, 4000):
        g, h, x = np.arange(n) % 20, np.arange(n) // 20 % 10, rng.normal(size=n)
        eta = rng.normal(size=20)[g] + 0.5 * x
        if kind == "lmm":
            fit: Any = ranef.lmm(eta + rng.normal(size=n), np.column_stack([np.ones(n), x]), {"g": g, "h": h})
        else:
            fit = ranef.glmm(rng.poisson(np.exp(eta)), np.column_stack([np.ones(n), x]), {"g": g}, family="poisson")
        fit.save(tmp_path / "model.ranef")
        with zipfile.ZipFile(tmp_path / "model.ranef") as archive:
            sizes.append(sum(i.file_size for i in archive.infolist() if i.filename != "model.json"))
    assert sizes[0] == sizes[1]


def test_arrays_keep_their_order_in_memory(tmp_path: Path) -> None:
    """BLAS sums in another order for another one, so that a refit would have other bits."""
    wanted, copy = model("slopes")._fit, loaded(model("slopes"), tmp_path, rows=True)._fit
    for one, other in (
        (wanted.model.design.fixed.Q, copy.model.design.fixed.Q),
        (wanted.cross.ZtWQy, copy.cross.ZtWQy),
    ):
        assert one.flags.f_contiguous
        assert not one.flags.c_contiguous
        assert other.strides == one.strides


def test_a_generalized_fit_with_a_known_precision(tmp_path: Path) -> None:
    fit = ranef.glmm(COUNTS, X, {"g": G}, family="poisson", precision={"g": (Q, range(7))})
    copy = loaded(fit, tmp_path)
    assert repr(numbers(copy)) == repr(numbers(fit))


# Labels -------------------------------------------------------------------------------------------------------------

LABELS: dict[str, list[Any]] = {
    "int32": list(np.array([3, -1, 7], dtype=np.int32)),
    "large integers": [2**60, 2**61, 5],
    "booleans": [True, False, True],
    "real": [0.1, 1e300, -2.5],
    "text": ["ä", "b c", "łódź"],
    "trailing NULs": ["a", "a\0", "a\0\0"],
    "bytes": [b"a", b"\xff", b"b"],
    "days": list(np.array(["2024-02-29", "2023-01-01", "2025-12-31"], dtype="M8[D]")),
    "nanoseconds": list(np.array(["2024-02-29T01:02:03.123456789", "2023-01-01", "2025-12-31"], dtype="M8[ns]")),
    "dates": [date(2024, 2, 29), date(2023, 1, 1), date(2025, 12, 31)],
    "times": [datetime(2024, 2, 29, 1, 2, 3, 4), datetime(2023, 1, 1), datetime(2025, 12, 31)],
}


@BOTH
@pytest.mark.parametrize("kind", LABELS)
def test_levels_keep_their_type(kind: str, rows: bool, tmp_path: Path) -> None:
    labels = [LABELS[kind][i % 3] for i in range(N)]
    given = np.array(labels) if kind in ("int32", "days", "nanoseconds") else labels
    fit = ranef.lmm(MEAN + E, X, {"g": given})
    copy = loaded(fit, tmp_path, rows=rows)
    assert copy.levels["g"].dtype == fit.levels["g"].dtype
    assert copy.levels["g"].tolist() == fit.levels["g"].tolist()
    assert list(map(type, copy.levels["g"].tolist())) == list(map(type, fit.levels["g"].tolist()))
    new = {"X": X[:3], "groups": {"g": given[:3]}}
    assert copy.predict(new).tolist() == fit.predict(new).tolist()


def test_labels_that_no_file_can_hold_are_refused(tmp_path: Path) -> None:
    class Label:
        """Labels that are not text: it would be the same for all."""

        def __init__(self, i: int) -> None:
            self.i = i

        def __str__(self) -> str:
            return "label"

        def __lt__(self, other: Any) -> bool:
            return bool(self.i < other.i)

    three = [Label(i) for i in range(3)]
    fit = ranef.lmm(MEAN + E, X, {"g": [three[i % 3] for i in range(N)]})
    with pytest.raises(InputError, match=r"levels of 'g': a file cannot hold .* convert the labels to text"):
        fit.save(tmp_path / "model.ranef")
    assert list(tmp_path.iterdir()) == []


# Plugins ------------------------------------------------------------------------------------------------------------


class Shifted(ranef.contracts.CovarianceStructure):
    """Effects whose correlations are given, as an array."""

    name = "shifted"

    def __init__(self, correlation: Any = ((1.0, 0.0), (0.0, 1.0)), label: str = "") -> None:
        self.correlation, self.label = np.array(correlation, dtype=float), label
        self.least_columns = self.most_columns = len(self.correlation)
        self.root = np.linalg.cholesky(self.correlation)

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return ("sd",)

    def scales(self, k: int) -> Any:
        return np.array([True])

    def relative_factor(self, parameters: Any, k: int) -> Any:
        return parameters[0] * self.root

    def start(self, covariance: Any) -> Any:
        return np.sqrt(np.diagonal(covariance).mean(keepdims=True))


class Twice(ranef.contracts.Link):
    """eta = c log(mu)."""

    name, range = "twice", (0.0, np.inf)

    def __init__(self, c: float = 2.0) -> None:
        self.c = c

    def link(self, mu: Any) -> Any:
        return self.c * np.log(mu)

    def mean(self, eta: Any) -> Any:
        mu = np.exp(eta / self.c)
        return ranef.contracts.Mean(mu, 1 - mu, mu / self.c, mu / self.c**2, mu / self.c**3)


class Plugin:
    """What a third party registers."""

    @ranef.hookimpl
    def ranef_covariances(self) -> Any:
        yield ranef.contracts.CovarianceEntry("shifted", "given correlations", Shifted)

    @ranef.hookimpl
    def ranef_links(self) -> Any:
        yield ranef.contracts.LinkEntry("twice", "c log(mu)", Twice)


def third_party(c: float = 3.0) -> tuple[Any, Any]:
    linear = ranef.lmm(
        MEAN + E,
        X,
        {"g": G},
        random_effects={"g": ["1", "x1"]},
        covariance={"g": Shifted([[1.0, 0.3], [0.3, 1.0]], label="ä")},
    )
    return linear, ranef.glmm(COUNTS, X, {"g": G}, family=ranef.families.Poisson(Twice(c)))


@BOTH
def test_plugins_are_made_again_with_their_options(rows: bool, tmp_path: Path) -> None:
    with ranef.registry.use(Plugin(), distribution="far-away", version="7.1"):
        linear, generalized = third_party()
        copy = loaded(linear, tmp_path, rows=rows)
        structure = copy._fit.labels.groups[0].terms[0].structure
        assert isinstance(structure, Shifted)
        assert structure.correlation.tolist() == [[1.0, 0.3], [0.3, 1.0]]
        assert structure.label == "ä"
        assert repr(numbers(copy)) == repr(numbers(linear))
        copy = loaded(generalized, tmp_path, rows=rows)
        assert copy.family == generalized.family
        assert copy.family.link.c == 3.0
        assert repr(numbers(copy)) == repr(numbers(generalized))


def test_a_plugin_that_is_not_registered_is_refused_before_a_file_is_written(tmp_path: Path) -> None:
    for fit in third_party():
        with pytest.raises(InputError, match="none that the registry makes: register its module"):
            fit.save(tmp_path / "model.ranef")
    assert list(tmp_path.iterdir()) == []


def test_a_plugin_that_is_not_there_is_named_with_its_distribution(tmp_path: Path) -> None:
    with ranef.registry.use(Plugin(), distribution="far-away", version="7.1"):
        for i, fit in enumerate(third_party()):
            fit.save(tmp_path / f"{i}.ranef")
    for i, what in enumerate(["covariance structure 'shifted'", "link 'twice'"]):
        with pytest.raises(PluginNotFoundError, match=f"{what} of far-away 7.1, which is not installed"):
            ranef.load(tmp_path / f"{i}.ranef")


def test_a_plugin_that_makes_something_else_is_refused(tmp_path: Path) -> None:
    """The installed version does not keep the option."""

    class Other(Twice):
        def __init__(self, c: float = 2.0) -> None:
            self.c = 2.0

    class Newer:
        @ranef.hookimpl
        def ranef_links(self) -> Any:
            yield ranef.contracts.LinkEntry("twice", "2 log(mu)", Other)

    with ranef.registry.use(Plugin(), distribution="far-away", version="7.1"):
        third_party()[1].save(tmp_path / "model.ranef")
    with (
        ranef.registry.use(Newer(), distribution="far-away", version="8"),
        pytest.raises(ranef.StorageError, match=r"installed link 'twice' is not what far-away 7\.1 made"),
    ):
        ranef.load(tmp_path / "model.ranef")


def test_backends_and_optimizers_that_are_objects(tmp_path: Path) -> None:
    backend, _ = ranef.registry.linalg_backend("dense")
    optimizer, _ = ranef.registry.optimizer("lbfgsb")
    copy = loaded(ranef.lmm(MEAN + E, X, {"g": G}, backend=backend, optimizer=optimizer), tmp_path)
    controls = copy._fit.model.controls
    assert type(controls.backend) is type(backend)
    assert type(controls.optimizer) is type(optimizer)


def test_another_backend_where_that_of_the_fit_is_missing(tmp_path: Path) -> None:
    class Away(type(ranef.registry.linalg_backend("dense")[0])):  # type: ignore[misc]
        """A backend of a third party."""

    class Backend:
        @ranef.hookimpl
        def ranef_linalg_backends(self) -> Any:
            yield ranef.contracts.LinalgEntry("away", "dense, away", Away)

    path = tmp_path / "model.ranef"
    with ranef.registry.use(Backend(), distribution="far-away", version="7.1"):
        fit = ranef.lmm(MEAN + E, X, {"g": G}, backend="away")
        fit.save(path)
        assert ranef.load(path)._fit.backend == "away"
        df = fit.df_satterthwaite
    with pytest.raises(PluginNotFoundError, match=r"made with linalg away \(far-away 7.1\), which is not there"):
        ranef.load(path)
    copy = ranef.load(path, backend="blocked")
    assert copy._fit.backend == "blocked"
    np.testing.assert_allclose(copy.df_satterthwaite, df, rtol=1e-6)
    assert copy.provenance[0].name == "away"


def test_a_backend_that_lacks_something_is_named(tmp_path: Path) -> None:
    class Backend:
        @ranef.hookimpl
        def ranef_linalg_backends(self) -> Any:
            yield ranef.contracts.LinalgEntry("away", "", self.make, install_hint="pip install far")

        def make(self) -> Any:
            import far  # noqa: F401

    path = tmp_path / "model.ranef"
    ranef.lmm(MEAN + E, X, {"g": G}, backend="dense").save(path)
    with ranef.registry.use(Backend()), pytest.raises(MissingExtraError, match="pip install far"):
        ranef.load(path, backend="away")


# Comparisons --------------------------------------------------------------------------------------------------------


def pair(kind: str, **larger: Any) -> tuple[Any, Any]:
    columns = X[:, :1]
    if kind == "lmm":
        return ranef.lmm(MEAN + E, columns, {"h": H}, reml=False), ranef.lmm(
            MEAN + E, X, {"g": G, "h": H}, reml=False, **larger
        )
    return ranef.glmm(COUNTS, columns, {"h": H}, family="poisson"), ranef.glmm(
        COUNTS, X, {"g": G, "h": H}, family="poisson", **larger
    )


@pytest.mark.parametrize("kind", ["lmm", "glmm"])
def test_loaded_fits_are_compared(kind: str, tmp_path: Path) -> None:
    """With each other and with fits that have rows, as these are."""
    small, large = pair(kind)
    wanted = str(small.compare(large))
    few, many = loaded(small, tmp_path), loaded(large, tmp_path)
    for one, other in ((few, many), (many, few), (few, large), (small, many)):
        assert str(one.compare(other)) == wanted


def test_fits_of_other_rows_are_not_compared(tmp_path: Path) -> None:
    small, large = pair("lmm", weights=np.linspace(1, 2, N))
    with pytest.raises(ComparisonError, match="different data: their weights differ"):
        loaded(small, tmp_path).compare(large)
    small = loaded(ranef.lmm(MEAN + E, X[:, :1], {"h": (G + H) % 4}, reml=False), tmp_path)
    with pytest.raises(ComparisonError, match="does not contain the random effects"):
        small.compare(pair("lmm")[1])


def test_groups_are_the_same_whatever_their_levels_are_called(tmp_path: Path) -> None:
    """In another order, too."""
    small, large = pair("lmm")
    renamed = ranef.lmm(MEAN + E, X[:, :1], {"h": 9 - H}, reml=False)
    assert loaded(renamed, tmp_path).compare(large).statistic == pytest.approx(small.compare(large).statistic)


def test_columns_that_are_written_otherwise_need_rows(tmp_path: Path) -> None:
    """2 + 3 x is in the span of 1 and x; without rows nobody knows."""
    small = ranef.lmm(MEAN + E, 2.0 + 3.0 * X[:, 1:], {"h": H}, reml=False)
    large = pair("lmm")[1]
    assert small.compare(large).df == 2
    assert loaded(small, tmp_path, rows=True).compare(large).df == 2
    with pytest.raises(ComparisonError, match="save the models with rows=True"):
        loaded(small, tmp_path).compare(large)


# Arguments ----------------------------------------------------------------------------------------------------------


def test_what_is_no_path_or_no_answer_is_refused(tmp_path: Path) -> None:
    for wrong in (None, 3, b"x"):
        with pytest.raises(InputTypeError, match="path must be text or a path"):
            model("slopes").save(wrong)
        with pytest.raises(InputTypeError, match="path must be text or a path"):
            ranef.load(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="rows must be True or False"):
        model("slopes").save(tmp_path / "model.ranef", rows="yes")
    with pytest.raises(FileNotFoundError):
        ranef.load(tmp_path / "none.ranef")


def test_a_file_is_replaced_in_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.ranef"
    model("slopes").save(path)
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(OSError, match="no space"):
            model("poisson").save(path)
    assert path.read_bytes() == before
    model("poisson").save(str(path))
    assert ranef.load(str(path)).summary() == model("poisson").summary()
    assert list(tmp_path.iterdir()) == [path]


def test_a_loaded_fit_is_refitted_and_updated(tmp_path: Path) -> None:
    """By the solution's own methods, where it has rows."""
    copy = loaded(model("slopes"), tmp_path, rows=True)
    assert copy.refit(MEAN + E).summary() == model("slopes").summary()
    assert copy.update(reml=False).log_likelihood == model("slopes").update(reml=False).log_likelihood
    copy = loaded(model("poisson"), tmp_path)
    with pytest.raises(InputError, match="this model has no rows"):
        copy.refit(COUNTS)
    new = new_rows(copy)
    drawn = copy.simulate(3, rng=1, newdata=new)
    assert drawn.tolist() == model("poisson").simulate(3, rng=1, newdata=new).tolist()
