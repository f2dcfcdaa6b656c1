"""Whatever is done to a file, verify gives an answer: with a snapshot every change is named."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.errors import DbtoolError
from dbtool.integrity.findings import Verdict
from tests.integrity.damaged import Damaged, make_damaged

PIECES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def damaged() -> Iterator[Damaged]:
    folder = Path(tempfile.mkdtemp(prefix="dbtool-test-"))
    yield make_damaged(folder, rows=300)
    shutil.rmtree(folder)


@settings(max_examples=60, deadline=None)
@given(pieces=PIECES, kept=st.floats(0.05, 1), full=st.booleans(), in_header=st.booleans())
def test_any_damage_gets_an_answer(
    damaged: Damaged,
    pieces: list[tuple[float, bytes]],
    kept: float,
    full: bool,
    in_header: bool,
) -> None:
    size = len(damaged.good)

    def change(content: bytearray) -> None:
        for where, data in pieces:
            at = int(where * (200 if in_header else size))
            content[at : at + len(data)] = data[: size - at]
        if kept < 0.3:
            del content[int(kept * 3 * size) :]

    damaged.damage(change)
    content = damaged.path.read_bytes()
    changed = {
        number
        for number in range(1, size // 4096 + 1)
        if content[(number - 1) * 4096 : number * 4096]
        != damaged.good[(number - 1) * 4096 : number * 4096]
    }
    try:
        damaged.verify(repository=False, full=full)
    except DbtoolError as error:
        assert error.exit_code in (2, 12, 13)
    try:
        report = damaged.verify(full=full)
    except DbtoolError as error:
        assert error.exit_code in (2, 12)  # cut to a stump without a beginning: anything may be it
        return
    named = {n for f in report.findings for n in f.page_numbers() if n <= size // 4096}
    assert changed <= named
    assert bool(changed) == report.damaged or report.verdict == Verdict.HEALTHY
