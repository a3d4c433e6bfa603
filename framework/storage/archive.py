"""The container: a zip without compression, of one JSON file and of arrays as NumPy writes them, without pickles.

Nothing in a file is trusted. Members are stored as they are, so that none is larger than the file; they are read by
name into memory, and never extracted. An array is taken where its header and its size in bytes agree.
"""

from __future__ import annotations

import io
import json
import math
import os
import platform
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputTypeError, StorageError, shown
from ..registry import BUILT_IN, version_of
from .node import Node

#: What a file is of, and the version of how it is written: one more whenever older readers could misread it.
FORMAT, SCHEMA = "ranef model", 1
#: The JSON file, and the names that arrays may have.
MANIFEST = "model.json"
ARRAY = re.compile(r"[a-z0-9_]+(/[a-zA-Z0-9_]+)*\.npy")
#: Kinds of arrays: truth values, integers, real numbers, text, bytes and dates. None holds objects.
KINDS = "biufUSmM"
#: Longest JSON, in bytes, and most dimensions of an array.
LONGEST, DIMENSIONS = 2**28, 4
#: The same fit gives the same bytes, whenever it is saved.
DATE = (1980, 1, 1, 0, 0, 0)

#: Plain data: dicts, lists, numbers, text and arrays.
Tree = dict[str, Any]


def write(path: str | os.PathLike[str], tree: Tree, what: str = FORMAT) -> None:
    """Write plain data to a file, in whole or not at all: an older file of that name stays until the new one is there.

    Raises
    ------
    InputTypeError
        For what is no path.
    OSError
        Where the file cannot be written.
    """
    target = path_of(path)
    versions = {"ranef": version_of(BUILT_IN), "python": platform.python_version()}
    versions |= {"numpy": np.__version__, "scipy": scipy.__version__}
    arrays: dict[str, AnyArray] = {}
    manifest = {"format": what, "schema": SCHEMA, "written_by": versions} | _plain(tree, "", arrays, {})
    text = json.dumps(manifest, allow_nan=False, indent=1)
    with _replaced(target) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST, DATE), text)
        for name, array in arrays.items():
            large = array.nbytes > zipfile.ZIP64_LIMIT // 2
            with archive.open(zipfile.ZipInfo(name, DATE), "w", force_zip64=large) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


@contextmanager
def read(path: str | os.PathLike[str], what: str = FORMAT) -> Iterator[Node]:
    """What a file has; its arrays are read when they are asked for.

    Raises
    ------
    InputTypeError
        For what is no path.
    StorageError
        Where the file is no saved model, is damaged, or was written by a newer version.
    OSError
        Where it cannot be read.
    """
    source = path_of(path)
    with source.open("rb") as stream:
        try:
            with _opened(stream) as archive:
                members = _members(archive, os.fstat(stream.fileno()).st_size)
                yield _manifest(archive, members, what)
        except StorageError as error:
            raise StorageError(f"{source}: {error}") from error.__cause__


def path_of(path: Any) -> Path:
    """A path.

    Raises
    ------
    InputTypeError
        For what is none.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputTypeError(f"path must be text or a path; got {shown(path)}")
    return Path(path)


# Writing ------------------------------------------------------------------------------------------------------------


def _plain(value: Any, place: str, arrays: dict[str, AnyArray], names: dict[int, str]) -> Any:
    """The same for JSON: with the names of arrays, which are collected. An array that stands twice is kept once."""
    if isinstance(value, np.ndarray):
        if id(value) not in names:
            names[id(value)] = f"{place}.npy"
            arrays[f"{place}.npy"] = value
        return names[id(value)]
    if isinstance(value, Mapping):
        return {k: _plain(v, f"{place}/{k}".lstrip("/"), arrays, names) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, f"{place}/{i}", arrays, names) for i, v in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


@contextmanager
def _replaced(target: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `target` at the end."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


# Reading ------------------------------------------------------------------------------------------------------------


def _opened(stream: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(stream)
    except Exception as error:  # whatever zipfile says to what is none, or is damaged
        raise StorageError(f"this is no saved model of ranef, or it is damaged: {error}") from error


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Members by name, where they are what ranef writes."""
    members = {info.filename: info for info in archive.infolist()}
    if MANIFEST not in members:
        raise StorageError("this is no saved model of ranef: it is a zip file of something else")
    for name, info in members.items():
        if name != MANIFEST and not ARRAY.fullmatch(name):
            raise StorageError(f"it has a member {shown(name)}, which no saved model has")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise StorageError(f"its member {name!r} is compressed or encrypted, which ranef's own never are")
    if len(members) < len(archive.infolist()):
        raise StorageError("it has two members of one name")
    if sum(info.file_size for info in members.values()) > size:
        raise StorageError("its members are larger than the file: it is damaged, or made to fill memory")
    return members


def _manifest(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], what: str) -> Node:
    if members[MANIFEST].file_size > LONGEST:
        raise StorageError(f"{MANIFEST} has {members[MANIFEST].file_size} bytes; at most {LONGEST} are read")
    text = _bytes(archive, members[MANIFEST])
    try:
        tree = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{MANIFEST} is damaged: {error}") from error

    arrays: dict[str, AnyArray] = {}

    def array(name: str) -> AnyArray:
        if name not in arrays:
            if name not in members or name == MANIFEST:
                raise StorageError(f"it has no member {shown(name)}: it is damaged")
            arrays[name] = _array(_bytes(archive, members[name]), name)
        return arrays[name]

    node = Node(tree, array)
    if node.text("format") != what:
        raise StorageError(f"it is of {shown(node.text('format'))}, not of {what!r}")
    schema = node.integer("schema", least=1)
    if schema > SCHEMA:
        by = node["written_by"].text("ranef")
        raise StorageError(
            f"it was written by ranef {by}, in schema {schema}: this version reads up to {SCHEMA}. Install a newer one"
        )
    return node


def _bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The content of a member, of which the checksum holds."""
    try:
        content = archive.read(info)
    except Exception as error:  # whatever zipfile says to headers that are not what they should be
        raise StorageError(f"its member {info.filename!r} is damaged: {error}") from error
    if len(content) != info.file_size:
        raise StorageError(f"its member {info.filename!r} is cut off")
    return content


def _array(content: bytes, name: str) -> AnyArray:
    """An array from what NumPy wrote, in the order of memory that it had."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = header(stream)
    except Exception as error:  # whatever NumPy says to headers that are none
        raise StorageError(f"its array {name!r} has no header of an array: {error}") from error
    if dtype.kind not in KINDS or dtype.hasobject or dtype.itemsize == 0:
        raise StorageError(f"its array {name!r} holds {dtype}, which no saved model does")
    rest = memoryview(content)[stream.tell() :]
    if len(shape) > DIMENSIONS or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(rest):
        raise StorageError(f"its array {name!r} is of shape {shown(shape)} and has {len(rest)} bytes")
    try:
        array = np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C").copy(order="K")
    except (ValueError, OverflowError) as error:  # a shape with a zero and a size that no array can have
        raise StorageError(f"its array {name!r} is of shape {shown(shape)}: {error}") from error
    if dtype.kind == "b" and (array.view(np.uint8) > 1).any():
        raise StorageError(f"its array {name!r} has truth values that are none")
    if dtype.kind == "U" and array.size and (_code_points(array) > 0x10FFFF).any():
        raise StorageError(f"its array {name!r} has text that is none")
    return array


def _code_points(array: AnyArray) -> AnyArray:
    return np.frombuffer(array.tobytes(), np.uint32 if array.dtype.isnative else np.dtype(np.uint32).newbyteorder())


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


__all__ = ["FORMAT", "SCHEMA", "Tree", "path_of", "read", "write"]
