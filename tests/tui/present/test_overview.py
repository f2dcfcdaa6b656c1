"""The file, the disk, the rates."""

from __future__ import annotations

from dataclasses import replace

from dbtool.tui.line import Status
from dbtool.tui.model import Live
from dbtool.tui.present.overview import commit_rates, disk_line, file_line, wal_sizes
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, LIVE, NOW_S


def test_the_file_is_told_as_it_is() -> None:
    state = State(DATABASE)
    assert file_line(state).status is Status.PLAIN
    state.see(LIVE)
    assert (file_line(state).status, file_line(state).text) == (Status.OK, "512 MiB")
    state.see(Live(NOW_S, problem="it is encrypted"))
    assert (file_line(state).status, file_line(state).text) == (Status.CRIT, "it is encrypted")
    state.see(Live(NOW_S))
    assert file_line(state).status is Status.CRIT


def test_a_disk_without_room_for_a_copy_is_a_warning() -> None:
    assert disk_line(LIVE).status is Status.OK
    assert disk_line(replace(LIVE, disk_free_bytes=2**20)).status is Status.WARN
    assert disk_line(None).status is Status.UNKNOWN


def test_rates_are_commits_by_seconds() -> None:
    looks = [replace(LIVE, at_s=NOW_S + 2 * n, commits=10 * n) for n in range(3)]
    assert commit_rates(looks) == [5.0, 10.0]
    assert commit_rates([replace(look, commits=None) for look in looks]) == []
    assert commit_rates([LIVE, LIVE]) == []
    assert wal_sizes([LIVE, replace(LIVE, wal_bytes=None)]) == [48 * 2**20]
