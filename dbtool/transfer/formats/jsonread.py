"""JSON documents: one array of records, an object of such arrays, or one object that is a record.

Read as a stream, one element at a time, so that the document may be larger than memory. A document
that is broken somewhere is not read on: where it is broken, nothing after can be trusted.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import BLOCK_BYTES, START, Position, Step
from dbtool.transfer.formats.exact import SLOW, encode
from dbtool.transfer.formats.lines import LONGEST_RECORD_BYTES, skip_bom
from dbtool.transfer.formats.nested import Tabler

__all__ = ["JsonReader", "JsonText"]

_ROWS: Final = 5_000
_SPACE: Final = " \t\r\n"
_MARGIN: Final = 64
"""Characters that must follow a value before it surely ends there, such as `12` of `123`."""


class JsonReader:
    """Reads one document into a table, or as many as it has arrays at its top."""

    textual = False

    def __init__(self, table: str, tabler: Tabler) -> None:
        self._table = table
        self._tabler = tabler

    def steps(self, stream: BinaryIO, start: Position) -> Iterator[Step]:
        """Yield a step for some thousand elements; see `Reader`.

        Raises:
            UsageError: `json-invalid`.
        """
        text = JsonText(stream)
        done = START
        for table, records in _grouped(self._table, text):
            end = Position(text.offset, text.line, done.records + len(records))
            if done.records >= start.records:
                batches = self._tabler.batches(table, records)
                yield Step(batches, (), _origin(records), end, end.offset - done.offset)
            done = end


def _origin(records: list[Any]) -> Any:
    return lambda index: (0, encode(records[index]).encode())


def _grouped(table: str, text: JsonText) -> Iterator[tuple[str, list[Any]]]:
    group: list[Any] = []
    name = table
    for place, record in _elements(table, text):
        if group and (place != name or len(group) >= _ROWS):
            yield name, group
            group = []
        name = place
        group.append(record)
    if group:
        yield name, group


def _elements(table: str, text: JsonText) -> Iterator[tuple[str, Any]]:
    first = text.peek()
    if first == "[":
        for record in text.array():
            yield table, record
    elif first == "{":
        yield from _of_object(table, text)
    else:
        raise text.invalid("it begins with neither [ nor {")
    if text.peek():
        raise text.invalid("something follows the end of the document")


def _of_object(table: str, text: JsonText) -> Iterator[tuple[str, Any]]:
    """Yield the records of arrays; what else there is becomes one record."""
    rest: dict[str, Any] = {}
    arrays = False
    for key in text.fields():
        if text.peek() == "[":
            arrays = True
            for record in text.array():
                yield key, record
        elif key in rest:
            raise text.invalid(f"the key {key!r} occurs twice in one object")
        else:
            rest[key] = text.value()
    if not arrays:
        yield table, rest
        return
    for key in [k for k, v in rest.items() if isinstance(v, dict)]:
        yield key, rest.pop(key)
    if rest:
        yield table, rest


class JsonText:
    """The document, as far as it is in memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        first, self.offset = skip_bom(stream)
        self._text = ""
        self._at = 0
        self.line = 0
        """Line feeds before what is in memory."""
        self._ended = False
        self._feed(first)

    def peek(self) -> str:
        """Go to what is no white space, and return that character; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, character: str) -> None:
        """Go past a character that must be there."""
        found = self.peek()
        if found != character:
            raise self.invalid(f"{character} is missing" if found else "it is cut short")
        self._at += 1

    def array(self) -> Iterator[Any]:
        """Yield the elements of the array that begins here."""
        for _ in self.elements():
            yield self.value()

    def elements(self) -> Iterator[None]:
        """Stop at each element of the array that begins here; the caller takes it."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield
            if self.peek() == "]":
                self.take("]")
                return
            self.take(",")

    def fields(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; the caller takes each value."""
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            if self.peek() != '"':
                raise self.invalid("a key is missing" if self.peek() else "it is cut short")
            key = self.value()
            self.take(":")
            yield key
            if self.peek() == "}":
                self.take("}")
                return
            self.take(",")

    def value(self) -> Any:
        """Return the value that begins here."""
        self.peek()
        while True:
            try:
                found, end = SLOW.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                ahead = error.pos - self._at
                if len(self._text) - self._at > LONGEST_RECORD_BYTES or not self._more():
                    raise self.invalid(error.msg, self._at + ahead) from error
                continue
            except RecursionError:
                raise self.invalid("it is nested too deeply") from None
            except ValueError as error:
                raise self.invalid(str(error)) from error
            length = end - self._at
            if len(self._text) - end < _MARGIN and self._more():
                continue
            self._at += length
            return found

    def invalid(self, why: str, at: int | None = None) -> UsageError:
        """Return the error for a document that is none."""
        line = self.line + self._text.count("\n", 0, self._at if at is None else at) + 1
        return UsageError(
            "json-invalid",
            f"the source is no JSON document, at line {line}: {why}",
            context="a JSON document that is broken is not read on",
            hint="if it has one object on each line, say so: --from ndjson",
        )

    def _more(self) -> bool:
        """Read on; False at the end of the stream."""
        if self._ended:
            return False
        chunk = self._stream.read(max(BLOCK_BYTES, len(self._text) - self._at))
        self._ended = not chunk
        self._feed(chunk)
        return not self._ended

    def _feed(self, chunk: bytes) -> None:
        try:
            new = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            raise self.invalid(f"it is not UTF-8, at byte {self.offset + error.start}") from error
        self.line += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + new
        self._at = 0
        self.offset += len(chunk)
