"""Files that are damaged, of something else, newer or hostile end in errors that say so, and in no others."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts.errors import PluginError, StorageError

from .models import model

#: All that a file may end in.
NAMED = (StorageError, PluginError)
#: Names of models, and whether their rows are in the file.
SAVED = [("slopes", True), ("related", False), ("occasions", False), ("poisson", False), ("quadrature", True)]
MANIFEST = "model.json"


@cache
def saved(name: str, rows: bool) -> bytes:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.ranef"
        model(name).save(path, rows=rows)
        return path.read_bytes()


def members(name: str = "related", rows: bool = False) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(saved(name, rows))) as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def packed(content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return stream.getvalue()


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def load(data: bytes, folder: Path) -> Any:
    path = folder / "model.ranef"
    path.write_bytes(data)
    return ranef.load(path)


def edited(change: Callable[[dict[str, Any]], Any], name: str = "related", rows: bool = False) -> bytes:
    """A file whose JSON was changed."""
    content = members(name, rows)
    tree = json.loads(content[MANIFEST])
    change(tree)
    return packed(content | {MANIFEST: json.dumps(tree).encode()})


def replaced(array: str, data: Any, name: str = "related", rows: bool = False) -> bytes:
    """A file with another array, or other bytes in its place."""
    content = members(name, rows)
    assert f"{array}.npy" in content
    return packed(content | {f"{array}.npy": data if isinstance(data, bytes) else npy(data)})


def array(name: str, of: str = "related", rows: bool = False) -> Any:
    return np.load(io.BytesIO(members(of, rows)[f"{name}.npy"]))


def test_a_file_that_is_put_together_again_loads(tmp_path: Path) -> None:
    """What the tests below change is what makes them fail."""
    assert load(packed(members()), tmp_path).summary() == model("related").summary()
    assert load(edited(lambda tree: None), tmp_path).summary() == model("related").summary()


# Of something else --------------------------------------------------------------------------------------------------

FOREIGN = {
    "empty": b"",
    "text": b"y,x\n1,2\n" * 20,
    "a pickle": pickle.dumps({"a": 1}),
    "a zip of something else": packed({"a.txt": b"a"}),
    "npz": packed({"a.npy": npy(np.ones(3))}),
    "another format": packed({MANIFEST: b'{"format": "glmm model", "schema": 1}'}),
    "a list": packed({MANIFEST: b"[1, 2]"}),
    "no JSON": packed({MANIFEST: b"{'format': 'ranef model'}"}),
    "a deep list": packed({MANIFEST: b"[" * 100_000}),
    "a number without end": packed({MANIFEST: b'{"format": ' + b"9" * 10_000 + b"}"}),
    "NaN": packed({MANIFEST: b'{"format": "ranef model", "schema": NaN}'}),
    "not UTF-8": packed({MANIFEST: b'{"format": "\xff"}'}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_saved_model(kind: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"model\.ranef: "):
        load(FOREIGN[kind], tmp_path)


def test_a_newer_schema_says_by_whom_and_what_to_do(tmp_path: Path) -> None:
    def newer(tree: dict[str, Any]) -> None:
        tree["schema"], tree["written_by"]["ranef"] = 2, "9.3"

    with pytest.raises(StorageError, match=r"by ranef 9\.3, in schema 2: this version reads up to 1\. Install"):
        load(edited(newer), tmp_path)


def test_terms_of_a_formula_are_whole(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="terms is no record of a formula"):
        load(edited(lambda tree: tree["options"].update(terms={"formula": "y ~ x"})), tmp_path)


# Hostile ------------------------------------------------------------------------------------------------------------


class Executed:
    """What a pickle would do."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("a file was executed",)


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


HOSTILE = {
    "pickled objects": (lambda: replaced("fit/theta", np.array([Executed()])), "holds object, which no saved model"),
    "a pickle as an array": (lambda: replaced("fit/theta", pickle.dumps(Executed())), "no header of an array"),
    "a structured type": (lambda: replaced("fit/theta", np.zeros(1, "f8,i4")), "holds .*, which no saved model"),
    "a huge shape": (lambda: replaced("fit/theta", header("(10**12,)".replace("10**12", "1" + "0" * 12))), "has 0 b"),
    "a shape beyond": (lambda: replaced("fit/theta", header("(0, 1" + "0" * 30 + ")")), "is of shape"),
    "a negative shape": (lambda: replaced("fit/theta", header("(-1,)")), "is of shape"),
    "no width": (lambda: replaced("fit/theta", header("(1000000000000,)", "'<U0'")), "which no saved model does"),
    "code as a header": (lambda: replaced("fit/theta", header("__import__('os').getpid()")), "no header of an array"),
    "a compressed member": (lambda: packed(members(), zipfile.ZIP_DEFLATED), "is compressed or encrypted"),
    "a path upwards": (lambda: packed(members() | {"../../a.npy": npy(1.0)}), "which no saved model has"),
    "an absolute path": (lambda: packed(members() | {"/etc/a.npy": npy(1.0)}), "which no saved model has"),
    "a script": (lambda: packed(members() | {"setup.py": b"raise SystemExit"}), "which no saved model has"),
    "an array that is the JSON": (lambda: edited(lambda t: t["fit"].update(theta=MANIFEST)), "it has no member"),
    "an array elsewhere": (lambda: edited(lambda t: t["fit"].update(theta="/etc/passwd")), "it has no member"),
    "text beyond Unicode": (
        lambda: replaced("model/labels/groups/0/levels/array", header("(7,)", "'<U1'") + b"\xff" * 28),
        "has text that is none",
    ),
    "an observer": (
        lambda: edited(lambda t: t["model"]["likelihood"]["family"].update(kind="observer", name="trace"), "poisson"),
        "expected 'family'",
    ),
    "an observer as an option": (
        lambda: edited(
            lambda t: t["model"]["likelihood"]["family"].update(
                options=[["link", {"plugin": {"kind": "observer", "name": "trace"}}]]
            ),
            "poisson",
        ),
        "expected 'family' or 'link' or 'covariance'",
    ),
    "an option that is no name": (
        lambda: edited(lambda t: t["model"]["likelihood"]["family"].update(options=[["a b", 1]]), "poisson"),
        r"options has \['a b', 1\]",
    ),
    "nodes without number": (
        lambda: edited(lambda t: t["model"]["likelihood"].update(nagq=10**9), "quadrature", True),
        "nagq",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files(kind: str, tmp_path: Path) -> None:
    make, message = HOSTILE[kind]
    with pytest.raises(StorageError, match=message):
        load(make(), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in [*members().items(), ("fit/theta.npy", npy(np.ones(1)))]:
            archive.writestr(name, data)
    with pytest.raises(StorageError, match="two members of one name"):
        load(stream.getvalue(), tmp_path)


def test_members_that_share_bytes_are_no_more_than_the_file(tmp_path: Path) -> None:
    """Many entries of the directory for one member: a bomb without compression."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(MANIFEST, b'{"format": "ranef model", "schema": 1}')
        archive.writestr("a.npy", npy(np.zeros(10_000)))
        info = archive.getinfo("a.npy")
        for i in range(50):
            copy = zipfile.ZipInfo(f"a{i}.npy")
            for part in ("header_offset", "CRC", "file_size", "compress_size"):
                setattr(copy, part, getattr(info, part))
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
    with pytest.raises(StorageError, match="larger than the file"):
        load(stream.getvalue(), tmp_path)


# Parts that are not what they must be -------------------------------------------------------------------------------

PARTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing": (lambda t: t["fit"].pop("theta"), "fit.theta is missing"),
    "n is NaN": (lambda t: t["model"]["labels"].update(n="nan"), "labels.n is 'nan'; expected an integer"),
    "n is half": (lambda t: t["model"]["labels"].update(n=60.5), "labels.n is 60.5; expected an integer"),
    "n is true": (lambda t: t["model"]["labels"].update(n=True), "labels.n is True; expected an integer"),
    "n is without end": (lambda t: t["model"]["labels"].update(n=10**30), "expected an integer from 1"),
    "another n": (lambda t: t["model"]["labels"].update(n=61), "sigma is .*, and found again"),
    "sigma is infinite": (lambda t: t["fit"].update(sigma="inf"), "fit.sigma is 'inf'; expected a positive number"),
    "sigma is negative": (lambda t: t["fit"].update(sigma=-1), "fit.sigma is -1; expected a positive number"),
    "pwrss is another": (lambda t: t["fit"].update(pwrss=2 * t["fit"]["pwrss"]), "its criterion is .* again"),
    "a determinant is another": (lambda t: t["fit"].update(logdet_L2=0.0), "its criterion is"),
    "a name too few": (lambda t: t["model"]["labels"]["fixed"]["names"].pop(), "fixed.kept has positions outside"),
    "a name that is a number": (
        lambda t: t["model"]["labels"]["fixed"].update(names=[1, 2]),
        "expected a list of text",
    ),
    "no groups": (lambda t: t["model"]["labels"].update(groups=[]), "has no factor"),
    "no columns": (lambda t: t["model"]["labels"]["groups"][0].update(terms=[]), "has no column"),
    "no certificate": (lambda t: t["fit"].update(certificate=None), "fit.certificate is None; expected a dict"),
    "a verdict that is none": (lambda t: t["fit"]["certificate"].update(converged=1), "expected true or false"),
    "another likelihood": (lambda t: t["model"]["likelihood"].update(kind="cauchy"), "'gaussian' or 'laplace'"),
    "no criterion": (lambda t: t["model"]["likelihood"].pop("reml"), "likelihood.reml is missing"),
    "no confidence": (lambda t: t["options"].update(conf_level=1.0), "options.conf_level is not below 1"),
    "a name of no backend": (lambda t: t["model"]["controls"].update(backend=7), "controls.backend is 7; expected"),
}


@pytest.mark.parametrize("what", PARTS)
def test_parts_that_are_not_what_they_must_be(what: str, tmp_path: Path) -> None:
    change, message = PARTS[what]
    with pytest.raises(StorageError, match=message):
        load(edited(change), tmp_path)


ONE = np.ones(1)
ARRAYS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "another theta": ("fit/theta", lambda a: 2 * a, "random effects are not those of its parameters"),
    "other effects": ("fit/b", lambda a: 2 * a, "random effects are not those of its parameters"),
    "theta is NaN": ("fit/theta", lambda a: a * np.nan, "fit.theta has missing or infinite values"),
    "theta is single": ("fit/theta", lambda a: a.astype("f4"), "is an array of float32"),
    "theta is complex": ("fit/theta", lambda a: a.astype("c16"), "holds complex128"),
    "theta is text": ("fit/theta", lambda a: a.astype("U5"), "is an array of <U5"),
    "theta too long": ("fit/theta", lambda a: np.ones(2), r"fit.theta is of shape \(2,\); expected \(1\)"),
    "RX is singular": ("fit/RX", lambda a: a * 0, "no upper triangular matrix with an inverse"),
    "RX is full": ("fit/RX", lambda a: a + 1.0, "no upper triangular matrix with an inverse"),
    "R is singular": ("model/labels/groups/0/R", lambda a: a * 0, "a matrix without an inverse"),
    "a column twice": ("model/labels/fixed/kept", lambda a: a * 0, "kept is not ascending"),
    "a level twice": ("model/labels/groups/0/levels/array", lambda a: a * 0, "has levels that stand twice"),
    "one level": ("model/labels/groups/0/levels/array", lambda a: a[:1], "has less than two levels"),
    "a row beyond": ("model/labels/groups/0/precision/indices", lambda a: a + 1, "positions outside of 0 to 6"),
    "a row before": ("model/labels/groups/0/precision/indices", lambda a: a - 1, "positions outside of 0 to 6"),
    "columns that go back": ("model/labels/groups/0/precision/starts", lambda a: a[::-1], "not that of the columns"),
    "a precision of -1": ("model/labels/groups/0/precision/data", lambda a: -a, "no positive diagonal"),
    "a precision that is not symmetric": (
        "model/labels/groups/0/precision/data",
        lambda a: a + np.arange(len(a)),
        "it is not symmetric",
    ),
    "a precision that is not definite": (
        "model/labels/groups/0/precision/data",
        lambda a: np.where(a < 0, 10 * a, a),
        "it is not positive definite",
    ),
    "other sums": ("fit/cross/ZtWZ/diagonal/0", lambda a: 3 * a, "sigma is|criterion is"),
    "sums that no rows have": ("fit/cross/ZtWZ/diagonal/0", lambda a: -1e3 * a, "cannot be evaluated|criterion|sigma"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_that_are_not_what_they_must_be(what: str, tmp_path: Path) -> None:
    name, change, message = ARRAYS[what]
    with pytest.raises(StorageError, match=message):
        load(replaced(name, change(array(name))), tmp_path)


ROWS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "a code beyond": ("model/rows/factors/0/codes", lambda a: a + 1, "positions outside of 0 to 5"),
    "y too short": ("model/rows/y", lambda a: a[:-1], "rows.y is of shape"),
    "weights of zero": ("model/rows/weights", lambda a: a * 0, "weights that are not positive"),
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_that_are_not_what_they_must_be(what: str, tmp_path: Path) -> None:
    name, change, message = ROWS[what]
    with pytest.raises(StorageError, match=message):
        load(replaced(name, change(array(name, "slopes", True)), "slopes", True), tmp_path)


@pytest.mark.parametrize(
    ("name", "rows", "part"),
    [
        ("poisson", False, "fit/digest/ZtWZ/diagonal/0"),
        ("quadrature", True, "model/rows/y"),
        ("slopes", False, "fit/cross/ZtWQy"),
    ],
)
def test_the_criterion_must_agree(name: str, rows: bool, part: str, tmp_path: Path) -> None:
    """Of linear fits from sums, of generalized ones from rows or what is kept of them."""
    changed = 1.0 - array(part, name, rows) if part.endswith("/y") else 1.5 * array(part, name, rows)
    with pytest.raises(StorageError, match=r"again|cannot be evaluated"):
        load(replaced(part, changed, name, rows), tmp_path)


def test_parameters_alone_are_not_changed_even_where_no_criterion_can_be_evaluated(tmp_path: Path) -> None:
    """By quadrature, without rows: here of a size that would take all memory."""
    data = replaced("fit/theta", array("fit/theta", "quadrature") * 1e200, "quadrature")
    with pytest.raises(StorageError, match="random effects are not those"):
        load(data, tmp_path)


def test_dispersion_that_no_search_leads_to(tmp_path: Path) -> None:
    data = replaced("fit/xi", array("fit/xi", "negative_binomial") + 50.0, "negative_binomial")
    with pytest.raises(StorageError, match="dispersion parameters that no search leads to"):
        load(data, tmp_path)


# At random ----------------------------------------------------------------------------------------------------------


def judge(data: bytes, folder: Path, wanted: str | None = None) -> None:
    """It ends in a named error, or loads; without a change of its content it says what it said."""
    try:
        solution = load(data, folder)
    except NAMED:
        return
    if wanted is not None:
        assert solution.summary() == wanted


@pytest.mark.parametrize(("name", "rows"), SAVED)
def test_bits_that_are_flipped(name: str, rows: bool, tmp_path: Path) -> None:
    """Checksums see them, or they change nothing."""
    draw = random.Random(1)
    for _ in range(150):
        data = bytearray(saved(name, rows))
        for _ in range(draw.choice([1, 1, 3])):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        judge(bytes(data), tmp_path, model(name).summary())


@pytest.mark.parametrize(("name", "rows"), SAVED)
def test_files_that_are_cut(name: str, rows: bool, tmp_path: Path) -> None:
    draw, data = random.Random(2), saved(name, rows)
    for _ in range(60):
        i = draw.randrange(len(data))
        for cut in (data[:i], data[i:], data[:i] + data[i + draw.randrange(1, 50) :]):
            judge(cut, tmp_path, model(name).summary())


WILD: list[Any] = [None, True, 0, -1, 2**70, 0.5, -1e300, "", "nan", "fit/u.npy", [], [1], {}, {"array": "fit/u.npy"}]


def places(tree: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*at, key))


def with_other_json(tree: Any, draw: random.Random) -> None:
    *path, last = draw.choice(list(places(tree)))
    for key in path:
        tree = tree[key]
    if draw.random() < 0.3:
        del tree[last]
    else:
        tree[last] = draw.choice(WILD)


def with_other_array(content: dict[str, bytes], draw: random.Random) -> None:
    name = draw.choice([member for member in content if member != MANIFEST])
    values = np.load(io.BytesIO(content[name]))
    middle = np.arange(values.size).reshape(values.shape) == values.size // 2
    other = draw.choice(
        [
            lambda: values.astype(draw.choice(["f4", "U3", ">f8"] if values.dtype.kind != "U" else ["U1", "S4"])),
            lambda: values.T.copy(),
            lambda: values.ravel()[1:],
            lambda: np.concatenate([values, values]),
            lambda: np.zeros_like(values),
            lambda: np.where(middle, 1e300, 1.0),
        ]
    )
    content[name] = npy(other())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "rows"), SAVED)
def test_members_that_are_edited(name: str, rows: bool, tmp_path: Path) -> None:
    """With checksums that hold."""
    draw = random.Random(3)
    for _ in range(150):
        content = members(name, rows)
        if draw.random() < 0.5:
            tree = json.loads(content[MANIFEST])
            with_other_json(tree, draw)
            content[MANIFEST] = json.dumps(tree).encode()
        else:
            with_other_array(content, draw)
        judge(packed(content), tmp_path)
