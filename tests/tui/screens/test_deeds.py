"""What the keys do: the command is shown first, forbidden ones say why."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dbtool.tui.actions import KEYS
from dbtool.tui.app import DashboardApp
from dbtool.tui.jobs import Job, JobRunner, JobState
from dbtool.tui.screens.dialog import Choose, Confirm, Details
from tests.tui.piloted import play, screen_text, told, until
from tests.tui.seeded import READINGS, SNAPSHOTS, Scripted, failing, options, reading

WRITING = [key.key for key in KEYS if key.writes]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Commands that were started; none really is."""
    words: list[tuple[str, ...]] = []

    def start(runner: JobRunner, title: str, command: tuple[str, ...]) -> Job:
        words.append(tuple(command))
        job = Job(title, tuple(command), 0.0, Path("x"), JobState(exit_code=0))
        runner.jobs.insert(0, job)
        return job

    monkeypatch.setattr(JobRunner, "start", start)
    return words


def test_a_backup_is_confirmed_and_started(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "$ dbtool backup --config x.toml /srv/app.db" in screen_text(app)
        assert not started
        await pilot.press("enter")
        assert started == [("backup", "--config", "x.toml", "/srv/app.db")]

    play(tmp_path, story, settings=options(words=("--config", "x.toml")))


def test_a_proof_is_chosen(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        assert started == [("verify", "--drill", "/srv/app.db")]

    play(tmp_path, story)


@pytest.mark.parametrize("key", WRITING)
def test_what_writes_is_refused_without_write(
    key: str, tmp_path: Path, started: list[tuple[str, ...]]
) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        tab = next(each.tabs for each in KEYS if each.key == key)
        if tab:
            await app.screen.action_tab(tab[0])
        before = app.screen
        await pilot.press(key)
        await pilot.pause()
        assert app.screen is before
        assert "--write" in told(app)
        assert not started

    play(tmp_path, story)


def test_pruning_shows_what_goes_and_needs_the_typed_name(
    tmp_path: Path, started: list[tuple[str, ...]]
) -> None:
    plan = {
        "snapshots": [
            {**SNAPSHOTS[0], "plan": "remove", "reasons": []},
            {**SNAPSHOTS[2], "plan": "keep", "reasons": ["last"]},
        ],
        "freed": 4096,
    }
    source = Scripted({**READINGS, "prune": reading("prune", plan)})

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.pause()
        shown = screen_text(app)
        assert "Removes 1 snapshots and frees 4.0 KiB" in shown
        assert "00000001" in shown
        assert "--yes" not in shown
        await pilot.press("enter")
        assert not started
        await pilot.press(*"app.db", "enter")
        assert started == [("prune", "--yes", "/srv/app.db")]

    play(tmp_path, story, source=source, settings=options(write=True))


def test_a_plan_that_fails_says_why(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    source = Scripted({**READINGS, "prune": failing("prune", "locked", "somebody prunes")})

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("p")
        await until(pilot, lambda: "somebody prunes" in told(app))
        assert not started

    play(tmp_path, story, source=source, settings=options(write=True))


def test_a_timer_is_installed(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("enter")
        assert started == [("schedule", "install", "/srv/app.db")]

    play(tmp_path, story, settings=options(write=True))


def test_the_help_names_every_key(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Details))
        fields = dict(app.screen._fields)
        assert {key.shown for key in KEYS} <= set(fields)
        assert "Needs --write" in fields["p"]

    play(tmp_path, story)
