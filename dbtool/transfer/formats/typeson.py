"""Values of JavaScript that JSON has no form for, as Typeson writes them beside the JSON.

A record of theirs is JSON with a member `$types`, which names the type of what lies at a path:

    {"id": 1, "at": 0, "$types": {"at": "date"}}               an object
    {"$": [1, 0], "$types": {"$": {"1": "date"}}}              anything else, or it has a `$types`
    {"$": {"$types": 5}, "$types": true}                       an object with a `$types`, no types

`~1` in a path is a dot of a name, `~0` a tilde; the type `#` is a reference to another path.

    date                  text, ISO 8601 in UTC, as `toISOString` gives it
    undef, holes          UNDEFINED
    bigint                int
    nan, infinity         "NaN", inf; negativeInfinity -inf
    regexp                "/source/flags"
    map, set              list of pairs, list
    ArrayBuffer, views    bytes of the view, in the byte order of the machine (little-endian)
    Blob, File            `Blob`

Nothing is guessed: a type that is not known, bytes that are not there, and files that the export
has damaged are errors of the record.
Source: typeson-registry (presets/structured-cloning) and tson.ts of dexie-export-import.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

__all__ = ["UNDEFINED", "Blob", "Reviver", "escaped", "iso_date", "unwrapped"]


class _Undefined:
    """What a member or a hole of an array has that was never set."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined()
_REFERENCE: Final = "#"
_ITEM_BYTES: Final = {
    "dataview": 1,
    "int8array": 1,
    "uint8array": 1,
    "uint8clampedarray": 1,
    "int16array": 2,
    "uint16array": 2,
    "int32array": 4,
    "uint32array": 4,
    "float32array": 4,
    "float64array": 8,
    "bigint64array": 8,
    "biguint64array": 8,
}
_AS_IT_IS: Final = {
    "arrayNonindexKeys",
    "userObject",
    "StringObject",
    "BooleanObject",
    "NumberObject",
    "map",
    "set",
    "filelist",
    "imagedata",
    "imagebitmap",
    "cryptokey",
    "IntlCollator",
    "IntlDateTimeFormat",
    "IntlNumberFormat",
}
"""Types whose JSON says it all."""
_HIGH_BYTES: Final = {0xF700 + byte: byte for byte in range(0x80, 0x100)}
"""What browsers make of bytes with `charset=x-user-defined`."""
_CYCLE_DAYS: Final = 146_097
"""The calendar repeats after 400 years."""
_DAY_MS: Final = 86_400_000
_LAST_DATE_MS: Final = 8_640_000_000_000_000
_EPOCH_2000: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DAYS_TO_2000: Final = 10_957
_FOUR_DIGITS: Final = range(10_000)


class Blob(NamedTuple):
    """A Blob or a File."""

    data: bytes
    type: str
    """MIME type; may be empty."""
    name: str | None
    """None: it is no File."""
    modified: str | None
    """ISO 8601, in UTC."""


def unwrapped(row: Any) -> tuple[Any, dict[str, Any]]:
    """Return the value of a record, and its types by path.

    Raises:
        ValueError: the types are none.
    """
    if not isinstance(row, dict) or "$types" not in row:
        return row, {}
    types = row["$types"]
    if types is True:
        return row.get("$"), {}
    if not isinstance(types, dict):
        raise ValueError("$types does not say types")  # noqa: TRY004 - one reason among others
    if isinstance(types.get("$"), dict):
        return row.get("$"), types["$"]
    return {name: value for name, value in row.items() if name != "$types"}, types


class Reviver:
    """Makes the values of one record again."""

    def __init__(self, types: dict[str, Any]) -> None:
        self._types = types
        self._inner: set[str] = set()
        for path in types:
            while path:
                path = path.rpartition(".")[0]  # noqa: PLW2901 - every path above it
                self._inner.add(path)
        self._kept: dict[str, Any] = {}
        """What references may mean, by path."""
        self._encoded: list[bytes] = []
        """Buffers that older versions and DataViews refer to by number."""
        self._buffers: list[bytes] = []
        """The same with ArrayBuffers, which older versions count too."""
        self._old = any(
            each in _ITEM_BYTES and each != "dataview"
            for each in types.values()
            if isinstance(each, str)
        )
        self._refers = _REFERENCE in types.values()

    def has_types_below(self, path: str) -> bool:
        """Return whether something inside the value at a path has a type."""
        return path in self._inner

    def revive(self, path: str, value: Any) -> Any:
        """Return the value at a path; paths must be gone through in their order.

        Raises:
            ValueError: why there is no value.
        """
        if path in self._inner:
            if isinstance(value, list):
                value = [self.revive(_join(path, str(i)), each) for i, each in enumerate(value)]
            elif isinstance(value, dict):
                value = {n: self.revive(_join(path, escaped(n)), v) for n, v in value.items()}
        kind = self._types.get(path)
        if kind == _REFERENCE:
            return self._referred(value)
        for each in kind if isinstance(kind, list) else [kind]:
            if each is not None:
                value = self._typed(path, each, value)
        if self._refers:
            self._keep(path, value)
        return value

    def _keep(self, path: str, value: Any) -> None:
        self._kept[path] = value
        if isinstance(value, (dict, list)) and path not in self._inner:
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            for name, each in inner:
                self._keep(_join(path, escaped(str(name))), each)

    def _referred(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(_REFERENCE):
            raise ValueError(f"{value!r} is no reference")
        if value[1:] in self._kept:
            return self._kept[value[1:]]
        return {"$ref": value}  # to something that it is inside of

    def _typed(self, path: str, kind: Any, value: Any) -> Any:
        if isinstance(kind, str) and kind in _AS_IT_IS:
            return value
        make = self._maker(kind)
        if make is None:
            raise ValueError(f"{path or 'it'} is of the type {kind!r}, which is not known")
        try:
            return make(value)
        except _LostError as error:
            raise ValueError(f"{path}: {error}") from error
        except (TypeError, ValueError, LookupError, OverflowError, AttributeError) as error:
            raise ValueError(f"{path or 'it'} is said to be a {kind}, and is none") from error

    def _maker(self, kind: Any) -> Callable[[Any], Any] | None:
        if kind == "arraybuffer":
            return self._array_buffer
        item_bytes = _ITEM_BYTES.get(str(kind).removesuffix("2"))
        if item_bytes is not None:
            return partial(self._view, item_bytes)
        return _REVIVERS.get(kind) if isinstance(kind, str) else None

    def _array_buffer(self, value: Any) -> bytes:
        if isinstance(value, dict):
            self._old = True
            return self._buffers[_index(value["index"])]
        data = _base64(value)
        self._buffers.append(data)
        return data

    def _view(self, item_bytes: int, value: Any) -> bytes:
        if "buffer" in value:
            data = value["buffer"]
        elif "index" in value:
            index = _index(value["index"])
            old = self._old or index >= len(self._encoded)
            data = (self._buffers if old else self._encoded)[index]
        else:
            data = _base64(value["encoded"])
            self._encoded.append(data)
            self._buffers.append(data)
        start = _index(value["byteOffset"])
        length = value["byteLength"] if "byteLength" in value else value["length"] * item_bytes
        if type(data) is not bytes or start + _index(length) > len(data):
            raise ValueError("the view is larger than its buffer")
        return data[start : start + length]


def iso_date(value: Any) -> str:
    """Return a time as `toISOString` writes it; "Invalid Date" for one that is none.

    Args:
        value: milliseconds since 1970, or "NaN".
    """
    if value == "NaN":
        return "Invalid Date"
    if type(value) not in (int, float) or int(value) != value or abs(value) > _LAST_DATE_MS:
        raise ValueError("no time")
    cycles, days = divmod(int(value) // _DAY_MS - _DAYS_TO_2000, _CYCLE_DAYS)
    time = _EPOCH_2000 + timedelta(days=days, milliseconds=int(value) % _DAY_MS)
    year = time.year + 400 * cycles
    written = f"{year:04d}" if year in _FOUR_DIGITS else f"{year:+07d}"
    return f"{written}{time:-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


class _LostError(ValueError):
    """The export does not hold what it should."""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def escaped(name: str) -> str:
    """Return the name of a member as it is written in a path."""
    return name.replace("~", "~0").replace(".", "~1")


def _index(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no number of bytes")
    return value


def _base64(text: str) -> bytes:
    return binascii.a2b_base64(text.encode("ascii"), strict_mode=True) if text else b""


def _blob(value: Any) -> Blob:
    data = value["data"]
    if isinstance(data, dict):
        raise _LostError("the export says that a Blob is here, and does not hold it")
    return Blob(_base64(data), _text(value["type"]), None, None)


def _file(value: Any) -> Blob:
    """Return a File, or a Blob of older versions, whose bytes are written as characters."""
    text = _text(value["stringContents"])
    try:
        data = text.translate(_HIGH_BYTES).encode("latin-1")
    except UnicodeEncodeError as error:
        raise _LostError(
            "the file is damaged: the export was made with other characters in place of its bytes"
        ) from error
    name = value.get("name")
    modified = value.get("lastModified")
    return Blob(
        data,
        _text(value["type"]),
        None if name is None else _text(name),
        None if modified is None else iso_date(modified),
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("no text")
    return value


def _regexp(value: Any) -> str:
    return f"/{_text(value['source'])}/{_text(value['flags'])}"


def _number_of(value: Any) -> int:
    return int(_text(value))


_REVIVERS: Final[dict[str, Callable[[Any], Any]]] = {
    "date": iso_date,
    "undef": lambda _: UNDEFINED,
    "sparseUndefined": lambda _: UNDEFINED,
    "bigint": _number_of,
    "bigintObject": _number_of,
    "nan": lambda _: "NaN",
    "infinity": lambda _: math.inf,
    "negativeInfinity": lambda _: -math.inf,
    "regexp": _regexp,
    "blob2": _blob,
    "blob": _file,
    "file": _file,
}
