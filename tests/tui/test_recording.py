"""A recording gives back what was seen, when it was seen."""

from __future__ import annotations

import asyncio
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from dbtool.errors import DbtoolError
from dbtool.tui.recording import FORMAT, Recorder, open_recording
from tests.tui.seeded import DATABASE, LIVE, NOW_S, READINGS, Scripted, failing, reading


def record(path: Path) -> None:
    source = Scripted(
        {**READINGS, "prune": failing("prune", "locked", hint="wait")},
        [LIVE, replace(LIVE, at_s=NOW_S + 2, wal_bytes=7)],
    )

    async def story() -> None:
        recorder = Recorder(source, path, (DATABASE,))
        for feed in ("snapshots", "prune", "schedule"):
            await recorder.read(feed, DATABASE)
        await recorder.look(DATABASE)
        await recorder.look(DATABASE)
        recorder.close()
        await recorder.look(DATABASE)  # after its end nothing is written, and nothing fails

    asyncio.run(story())


def test_what_was_recorded_comes_back_as_it_was(tmp_path: Path) -> None:
    record(tmp_path / "a.rec")
    replay = open_recording(tmp_path / "a.rec")
    assert replay.databases == (DATABASE,)
    assert replay.replayed
    assert replay.now() == NOW_S
    assert not replay.ended
    assert asyncio.run(replay.read("snapshots", DATABASE)) == READINGS["snapshots"]
    failed = asyncio.run(replay.read("prune", DATABASE))
    assert failed is not None
    assert failed.problem is not None
    assert failed.problem.hint == "wait"
    assert asyncio.run(replay.look(DATABASE)) == LIVE


def test_nothing_is_shown_before_it_happened(tmp_path: Path) -> None:
    record(tmp_path / "a.rec")
    replay = open_recording(tmp_path / "a.rec")
    replay.advance(-5)
    first = asyncio.run(replay.look(DATABASE))
    assert first == LIVE
    assert len(replay.looks(DATABASE)) == 1
    replay.advance(7)
    assert replay.ended
    assert replay.now() == NOW_S + 2
    later = asyncio.run(replay.look(DATABASE))
    assert later is not None
    assert later.wal_bytes == 7
    assert len(replay.looks(DATABASE)) == 2
    assert asyncio.run(replay.read("advice", DATABASE)) is None


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    record(tmp_path / "a.rec")
    assert stat.S_IMODE((tmp_path / "a.rec").stat().st_mode) == 0o600


def test_a_recording_never_overwrites_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_text("mine")
    with pytest.raises(DbtoolError) as caught:
        record(tmp_path / "a.rec")
    assert caught.value.code == "recording-failed"
    assert (tmp_path / "a.rec").read_text() == "mine"


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    record(tmp_path / "a.rec")
    text = (tmp_path / "a.rec").read_text()
    (tmp_path / "b.rec").write_text(text[:-40])
    assert len(open_recording(tmp_path / "b.rec").looks(DATABASE)) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "recording-invalid"),
        (b"nonsense", "recording-invalid"),
        (b"[]\n", "recording-invalid"),
        (
            json.dumps({"format": "dbtool.recording/99", "databases": []}).encode(),
            "recording-invalid",
        ),
        (json.dumps({"format": FORMAT, "databases": [{"x": 1}]}).encode(), "recording-invalid"),
        (
            json.dumps({"format": FORMAT, "databases": []}).encode() + b'\n{"live": {}}\n',
            "recording-invalid",
        ),
        (b"\xff\xfe\x00", "recording-invalid"),
        (None, "recording-not-found"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "a.rec"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DbtoolError) as caught:
        open_recording(path)
    assert caught.value.code == code


def test_hostile_names_are_recorded_and_come_back(tmp_path: Path) -> None:
    database = replace(DATABASE, name="line\u2028end \x85 \udcff.db")
    source = Scripted({"snapshots": reading("snapshots", [{"note": "\udcff\u2029"}])})

    async def story() -> None:
        recorder = Recorder(source, tmp_path / "a.rec", (database,))
        await recorder.read("snapshots", database)
        recorder.close()

    asyncio.run(story())
    replay = open_recording(tmp_path / "a.rec")
    assert replay.databases == (database,)
    assert asyncio.run(replay.read("snapshots", database)) == source.readings["snapshots"]


def test_the_past_is_no_part_of_what_is_played(tmp_path: Path) -> None:
    source = Scripted()
    source.before = [replace(LIVE, at_s=NOW_S - 60 * n) for n in (2, 1)]

    async def story() -> None:
        recorder = Recorder(source, tmp_path / "a.rec", (DATABASE,))
        await recorder.past(DATABASE)
        await recorder.look(DATABASE)
        await recorder.past(DATABASE)  # as when it is opened again out of a fleet
        recorder.close()

    asyncio.run(story())
    replay = open_recording(tmp_path / "a.rec")
    assert replay.now() == NOW_S
    assert asyncio.run(replay.past(DATABASE)) == source.before


def test_only_the_same_question_is_answered(tmp_path: Path) -> None:
    async def story() -> None:
        recorder = Recorder(Scripted(), tmp_path / "a.rec", (DATABASE,))
        await recorder.read("search", DATABASE, ("--", "rock"))
        recorder.close()
        replay = open_recording(tmp_path / "a.rec")
        assert await replay.read("search", DATABASE, ("--", "roll")) is None
        assert await replay.read("search", DATABASE, ("--", "rock")) is not None

    asyncio.run(story())
