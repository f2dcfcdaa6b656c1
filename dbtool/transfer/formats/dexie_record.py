"""One record of a Dexie export as the row of its table, and the entries of its child tables.

A member of the record is a column. Objects and lists stay nested and become JSON there; what JSON
has no form for is written inside them as an export writes it: bytes as
`{"$base64": true, "encoded": "..."}`, infinity as 9e999. A Blob is a column of bytes, with its MIME
type in `NAME$type`, and a File has `NAME$name` and `NAME$modified` too.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from dbtool.transfer.formats.batch import Verbatim
from dbtool.transfer.formats.dexie_schema import KEY_COLUMN, Store, within
from dbtool.transfer.formats.exact import encode
from dbtool.transfer.formats.typeson import UNDEFINED, Blob, Reviver, escaped, unwrapped

__all__ = ["VALUE_COLUMN", "Row", "row_of"]

VALUE_COLUMN: Final = "_value"
"""Holds what is stored under an out-of-line key and is no object."""
_EXACT: Final = 1 << 53
_MOST_VALUES: Final = 1_000_000
"""Values that references inside of one record may repeat."""

BlobSeen = Callable[[bytes], None]


class Row(NamedTuple):
    """What a record becomes."""

    columns: dict[str, Any]
    entries: tuple[list[list[Any]], ...]
    """Rows of each child table."""


def row_of(store: Store, inbound: bool, raw: Any, blob_seen: BlobSeen) -> Row:  # noqa: FBT001 - a word of the format
    """Return the row of a record.

    Args:
        store: that it is of.
        inbound: whether its key is part of it; else `raw` is a pair.
        raw: as the export has it.
        blob_seen: told the bytes of every Blob.

    Raises:
        ValueError: why there is none.
    """
    value, types = unwrapped(raw)
    maker = _Maker(Reviver(types), types, blob_seen)
    if inbound:
        if not isinstance(value, dict):
            raise ValueError("it is no object, and its key is said to lie inside")
        maker.members("", value)
    else:
        if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a pair
            raise ValueError("it is no pair of a key and a value")
        maker.member("0", KEY_COLUMN, value[0])
        if isinstance(value[1], dict) and "1" not in types:
            maker.members("1.", value[1])
        else:
            maker.member("1", VALUE_COLUMN, value[1])
    return _with_keys(store, maker.columns)


def _with_keys(store: Store, columns: dict[str, Any]) -> Row:
    key = []
    for name in store.key:
        found = within(columns, name) if "." in name and name not in columns else columns.get(name)
        if found is None:
            raise ValueError(f"it has no value for its key {name!r}")
        columns[name] = encode(found) if isinstance(found, (dict, list)) else found
        key.append(columns[name])
    entries = tuple(_entries(within(columns, multi.path), key) for multi in store.multis)
    return Row(columns, entries)


def _entries(value: object, key: Sequence[Any]) -> list[list[Any]]:
    """Return the rows of a multi-entry index: each key that IndexedDB would index, once."""
    items = value if isinstance(value, list) else [value]
    distinct: dict[Any, int] = {}
    for place, item in enumerate(items):
        if isinstance(item, list) or (isinstance(item, dict) and item.get("$base64") is True):
            distinct.setdefault(encode(item), place)
        elif isinstance(item, (str, bytes, int, float)) and not isinstance(item, bool):
            distinct.setdefault(item, place)
    return [[*key, place, item] for item, place in distinct.items()]


class _Maker:
    """Collects the columns of one row."""

    def __init__(self, reviver: Reviver, types: dict[str, Any], blob_seen: BlobSeen) -> None:
        self._reviver = reviver
        self._types = types
        self._blob_seen = blob_seen
        self._left = _MOST_VALUES
        self.columns: dict[str, Any] = {}

    def members(self, prefix: str, value: dict[str, Any]) -> None:
        """Add a column for each member of an object."""
        for name, each in value.items():
            self.member(prefix + escaped(name), name, each)

    def member(self, path: str, name: str, value: Any) -> None:
        """Add the column of a value."""
        if type(value) is int and not -_EXACT <= value <= _EXACT:
            value = float(value)  # numbers of JavaScript are; the digits are the shortest that tell
        if self._types:
            value = self._reviver.revive(path, value)
            if isinstance(value, Blob):
                self._add_blob(name, value)
                return
            if value is UNDEFINED:
                value = None
            elif path in self._types or self._reviver.has_types_below(path):
                value = self._nested(value) if isinstance(value, (dict, list)) else value
        self._put(name, value)

    def _put(self, name: str, value: Any) -> None:
        if name in self.columns:
            raise ValueError(f"two of its values would both be the column {name!r}")
        self.columns[name] = value

    def _add_blob(self, name: str, blob: Blob) -> None:
        self._blob_seen(blob.data)
        self._put(name, blob.data)
        if blob.type:
            self._put(f"{name}$type", blob.type)
        if blob.name is not None:
            self._put(f"{name}$name", blob.name)
            self._put(f"{name}$modified", blob.modified)

    def _nested(self, value: Any) -> Any:
        """Return a value inside of JSON."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("its references repeat too much")
        if isinstance(value, (Blob, bytes)):
            return self._nested_bytes(value)
        if isinstance(value, dict):
            return {n: self._nested(v) for n, v in value.items() if v is not UNDEFINED}
        if isinstance(value, list):
            return [self._nested(each) for each in value]
        if isinstance(value, float) and math.isinf(value):
            return Verbatim("9e999" if value > 0 else "-9e999")
        return None if value is UNDEFINED else value

    def _nested_bytes(self, value: Blob | bytes) -> dict[str, Any]:
        data = value.data if isinstance(value, Blob) else value
        self._left -= len(data) >> 6
        made: dict[str, Any] = {"$base64": True, "encoded": base64.b64encode(data).decode()}
        if isinstance(value, Blob):
            self._blob_seen(data)
            made["type"] = value.type
            if value.name is not None:
                made |= {"name": value.name, "modified": value.modified}
        return made
