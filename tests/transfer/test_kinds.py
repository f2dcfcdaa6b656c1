"""Types that give every value back."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.transfer.formats.batch import Verbatim
from dbtool.transfer.kinds import TextSeen, ValueSeen

NUMBERISH = st.from_regex(r"[-+]?[0-9]{0,20}(\.[0-9]{0,20})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)


@given(st.lists(st.integers().map(str) | st.floats().map(repr) | NUMBERISH, min_size=1))
def test_text_becomes_a_number_only_where_sqlite_gives_the_text_back(texts: list[str]) -> None:
    seen = TextSeen()
    seen.add(texts)
    kind = seen.kind()
    convert: dict[str, Any] = {
        "integer": int,
        "real": float,
        "numeric": lambda text: int(text) if text.lstrip("-").isdecimal() else float(text),
    }
    if kind not in convert:
        return
    db = apsw.Connection(":memory:")
    db.execute(f"CREATE TABLE t(v {kind})")
    db.executemany("INSERT INTO t VALUES (?)", [(convert[kind](text),) for text in texts])
    assert [str(v) for (v,) in db.execute("SELECT v FROM t ORDER BY rowid")] == texts


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-5", "0"], "integer"),
        ([str(2**63 - 1), str(-(2**63))], "integer"),
        ([str(2**63)], "text"),
        (["007"], "text"),
        (["+1"], "text"),
        (["1.0"], "text"),
        (["-0"], "text"),
        (["1.5", "0.25"], "real"),
        (["1", "2.5"], "numeric"),
        (["1.10"], "text"),
        (["0.12345678901234567890"], "text"),
        (["nan"], "text"),
        (["inf"], "text"),
        (["1", ""], "text"),
        (["1", None], "integer"),
        (["1_000"], "text"),
        (["٣"], "text"),
        ([None], "none"),
        ([" 1"], "text"),
    ],
)
def test_what_does_not_come_back_stays_text(texts: list[str | None], kind: str) -> None:
    seen = TextSeen()
    seen.add(texts)
    assert seen.kind() == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], "integer"),
        ([1, 2.5], "real"),
        ([2**60, 2.5], "mixed"),
        ([2**64, 1], "text"),
        ([True, None], "boolean"),
        ([True, 1], "json"),
        ([{"a": 1}, "x"], "json"),
        (["a", 1], "mixed"),
        ([Verbatim("1.00000000000000000001")], "text"),
        (["007"], "text"),
        ([None], "none"),
        ([b"x"], "blob"),
    ],
)
def test_values_of_json_keep_their_type(values: list[Any], kind: str) -> None:
    seen = ValueSeen()
    seen.add(values)
    assert seen.kind() == kind


def test_a_later_block_can_take_a_type_back() -> None:
    seen = TextSeen()
    seen.add(["1", "2"])
    seen.add(["x"])
    assert seen.kind() == "text"


def test_dates_are_recognised() -> None:
    for texts, expected in ((["2026-01-02", "2026-01-02T10:00:00Z"], True), (["2026-1-2"], False)):
        seen = TextSeen()
        seen.add(texts)
        assert seen.looks_like_dates() is expected
