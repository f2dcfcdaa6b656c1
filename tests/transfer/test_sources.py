"""Files, folders, patterns and standard input."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest
import zstandard

from dbtool.core.progress import Silent
from dbtool.errors import Damaged, DbtoolError
from dbtool.transfer.sources import find_inputs, opened, spooled


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.jsonl", b"", "ndjson"),
        ("a.tab", b"", "tsv"),
        ("a.CSV", b"", "csv"),
        ("a.json", b"", "json"),
        ("a.dat", b' [{"a":1}]', "json"),
        ("a.dat", b'{"a":1}\n{"a":2}\n', "ndjson"),
        ("a.dat", b'{"a":1}\n', "ndjson"),
        ("a.dat", b'{\n"a":1}\n', "json"),
        ("a.dat", b"a\tb\n", "tsv"),
        ("a.dat", b"\xef\xbb\xbfa,b\n", "csv"),
    ],
)
def test_the_format_is_found_by_name_or_content(
    tmp_path: Path, name: str, content: bytes, form: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (found,) = find_inputs(str(tmp_path / name), None)
    assert found.format == form


def test_what_has_no_known_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dat").write_bytes(b"\0\1\2")
    with pytest.raises(DbtoolError) as caught:
        find_inputs(str(tmp_path / "a.dat"), None)
    assert caught.value.code == "source-format-unknown"


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DbtoolError) as caught:
        find_inputs(str(tmp_path / "pipe"), "csv")
    assert caught.value.code == "source-is-pipe"
    assert "import -" in caught.value.hint


def test_a_folder_is_its_files_and_a_pattern_those_that_match(tmp_path: Path) -> None:
    for name in ("b.csv", "a.json.gz", "notes.txt", "c.ndjson"):
        (tmp_path / name).write_bytes(b"")
    assert [each.table for each in find_inputs(str(tmp_path), None)] == ["a", "b", "c"]
    assert [each.table for each in find_inputs(f"{tmp_path}/[bc].*", None)] == ["b", "c"]


@pytest.mark.parametrize(
    ("source", "code"),
    [("https://example.com/a.csv", "source-is-url"), ("gone.csv", "source-not-found"),
     ("gone/*.csv", "source-not-found")],
)  # fmt: skip
def test_what_is_not_there_is_said(tmp_path: Path, source: str, code: str) -> None:
    named = source if "://" in source else str(tmp_path / source)
    with pytest.raises(DbtoolError) as caught:
        find_inputs(named, None)
    assert caught.value.code == code


def pack(kind: str, data: bytes) -> bytes:
    if kind == "gzip":
        return gzip.compress(data)
    frame = zstandard.ZstdCompressor().compress
    return frame(data[:5]) + frame(data[5:])


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_what_is_compressed_is_read_whole_and_again(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(pack(kind, b"0123456789" * 1000))
    with opened(path, "a") as stream:
        assert stream.read(10) == b"0123456789"
        stream.seek(0)
        read = b"".join(iter(lambda: stream.read(997), b""))
    assert read == b"0123456789" * 1000


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_what_is_compressed_and_broken_is_damaged(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    whole = pack(kind, bytes(range(256)) * 400)
    path.write_bytes(whole[: len(whole) // 2] + b"\0" * 20)
    with pytest.raises(Damaged) as caught, opened(path, "a") as stream:
        while stream.read(1 << 16):
            pass
    assert caught.value.code == "source-damaged"


@pytest.mark.parametrize(
    "data", [b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n")], ids=["plain", "gzip"]
)
def test_standard_input_is_kept_to_be_read_twice(data: bytes) -> None:
    with spooled(io.BytesIO(data), Silent()) as path:
        (each,) = find_inputs("-", None, path)
        assert (each.shown, each.format) == ("standard input", "csv")
        with opened(path, each.shown) as stream:
            assert stream.read() == b"a,b\n1,2\n"
    assert not path.exists()
