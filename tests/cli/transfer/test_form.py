"""Format, compression and place of an export, from options and file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.transfer.form import Form, choose_form
from dbtool.errors import UsageError


@pytest.mark.parametrize(
    ("to", "given", "compress", "single", "expected"),
    [
        ("a.csv", None, None, True, ("csv", None, False)),
        ("a.CSV.GZ", None, None, True, ("csv", "gzip", False)),
        ("a.jsonl.zst", None, None, True, ("ndjson", "zstd", False)),
        ("a.csv.gz", None, "none", True, ("csv", None, False)),
        ("a.txt", "tsv", None, True, ("tsv", None, False)),
        ("a", None, None, True, ("ndjson", None, False)),
        ("a", None, None, False, ("ndjson", None, True)),
        ("a", "csv", "zstd", False, ("csv", "zstd", True)),
        ("a.d/", None, None, False, ("ndjson", None, True)),
        ("a.json", None, None, False, ("json", None, False)),
        ("a.json/", "json", None, False, ("json", None, True)),
        ("a.db", None, None, False, ("sqlite", None, False)),
        ("a.sql.zst", None, None, False, ("sql", "zstd", False)),
        ("a.md", None, None, False, ("markdown", None, False)),
    ],
)
def test_options_come_before_suffixes(
    to: str, given: str | None, compress: str | None, single: bool, expected: tuple[object, ...]
) -> None:
    form = choose_form(Session([]), to, given, compress, single=single)
    assert form == Form(*expected[:2], Path(to), expected[2])


@pytest.mark.parametrize(
    ("to", "given", "compress", "single"),
    [
        ("a.xls", "xls", None, True),
        ("a.csv", None, "lzma", True),
        ("a.db", None, "gzip", False),
        ("a.db.gz", None, None, False),
        (None, "sqlite", None, False),
        ("out/", "sql", None, False),
        ("out/", None, None, True),
    ],
)
def test_what_does_not_go_together_is_refused(
    to: str | None, given: str | None, compress: str | None, single: bool
) -> None:
    with pytest.raises(UsageError):
        choose_form(Session([]), to, given, compress, single=single)


def test_a_stream_takes_the_general_format_and_nothing_else_is_written_there() -> None:
    for words, single, expected in (
        (["--json"], True, "json"),
        (["-o", "csv"], True, "csv"),
        ([], True, "ndjson"),
        ([], False, "sql"),
    ):
        session = Session(words)
        if words:
            session.given["output_format"] = words[-1].strip("-")
        assert choose_form(session, None, None, None, single=single).format == expected
        assert session.format == "table"
