"""`dbtool schedule`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.schedule.systemd import Systemd
from tests.cli.conftest import Run
from tests.schedule.stand_ins import StandIns, put_in_path


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    # Whoever runs the tests, the timer is a user's: /etc is not theirs to write.
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return put_in_path(tmp_path / "bin", monkeypatch)


def test_a_systemd_timer_is_installed_shown_and_removed(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    outcome = run("schedule", "install", "--systemd", "--at", "sun 03:00", "app.db")
    assert outcome.code == 0, outcome.err
    assert "next run  Sun 2026-11-22 02:30:00 UTC" in outcome.out
    (data,) = run("schedule", "show", "--json", "app.db").data["timers"]
    assert (data["timer"], data["when"]) == ("systemd", "Sun *-*-* 03:00:00")
    service = Path(data["where"][0]).read_text()
    assert "dbtool run --quiet --config " in service
    assert f" {database.resolve()}\n" in service
    assert run("schedule", "remove", "app.db").code == 0
    assert not Path(data["where"][0]).exists()
    outcome = run("schedule", "show", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "schedule-not-found")


def test_a_service_that_follows_is_installed_and_shown(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    outcome = run("schedule", "install", "--follow", "app.db")
    assert outcome.code == 0, outcome.err
    assert "when      always" in outcome.out
    assert "follow --quiet" in run("schedule", "install", "--follow", "--print", "app.db").out
    assert run("schedule", "install", "--follow", "--cron", "app.db").code == 2
    assert run("schedule", "remove", "app.db").code == 0


def test_a_timer_and_a_service_are_shown_as_one_document(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    assert run("schedule", "install", "--systemd", "app.db").code == 0
    installed = run("schedule", "install", "--follow", "--json", "app.db").data
    shown = run("schedule", "show", "--json", "app.db")
    assert shown.data == installed
    assert '"dbtool.schedule/2"' in shown.out
    assert [timer["when"] for timer in shown.data["timers"]] == ["*-*-* 02:30:00", "always"]


def test_a_cron_line_is_installed_shown_and_removed(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    stand_ins.table.write_text("0 0 * * * /bin/true\n")
    assert run("schedule", "install", "--cron", "--at", "every 15m", "app.db").code == 0
    assert f"*/15 * * * * cd {Path.cwd()} && " in stand_ins.table.read_text()
    (timer,) = run("schedule", "show", "--json", "app.db").data["timers"]
    assert timer["when"] == "*/15 * * * *"
    assert run("schedule", "remove", "app.db").out.startswith("removed  the line in the crontab")
    assert stand_ins.table.read_text() == "0 0 * * * /bin/true\n"


def test_a_name_that_comes_later_means_the_timer_of_before(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    assert run("schedule", "install", "--cron", "app.db").code == 0
    Path("dbtool.toml").write_text("[databases.shop]\npath = 'app.db'\n")
    assert run("schedule", "show", "shop").code == 0
    assert run("schedule", "install", "--cron", "shop").code == 0
    assert stand_ins.table.read_text().count("dbtool run") == 1
    assert run("schedule", "remove", "shop").code == 0


def test_that_nothing_is_thinned_out_is_said_when_the_job_is_installed(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    Path("dbtool.toml").write_text("[repository]\nappend_only = true\n")
    assert "thins nothing out" not in run("schedule", "install", "--cron", "app.db").err
    Path("dbtool.toml").write_text("[repository]\nappend_only = true\n[retention]\ndaily = 7\n")
    assert "thins nothing out" in run("schedule", "install", "--cron", "app.db").err


def test_printing_installs_nothing(run: Run, database: Path, stand_ins: StandIns) -> None:
    outcome = run("schedule", "install", "--systemd", "--print", "app.db")
    assert "OnCalendar=*-*-* 02:30:00" in outcome.out
    assert "RandomizedDelaySec=900" in outcome.out
    outcome = run("schedule", "install", "--cron", "--print", "--json", "app.db")
    assert list(outcome.data["files"]) == ["crontab"]
    assert stand_ins.told == []
    assert not stand_ins.table.exists()


def test_the_job_gets_what_this_call_has(
    run: Run, database: Path, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("dbtool.toml").write_text('[databases.app]\npath = "app.db"\n')
    Path("key").write_text("secret")
    monkeypatch.setenv("DBTOOL_REPO", "repo")
    outcome = run("schedule", "install", "--cron", "--print", "--password-file", "key", "app")
    here = Path.cwd()
    assert (
        f"run --quiet --config {here}/dbtool.toml --repo {here}/repo "
        f"--password-file {here}/key app\n"
    ) in outcome.out
    monkeypatch.setenv("DBTOOL_PASSWORD", "secret")
    outcome = run("schedule", "install", "--cron", "--print", "app")
    assert outcome.code == 3
    assert "the timer does not have DBTOOL_PASSWORD" in outcome.err


def test_a_user_timer_that_ends_with_the_session_is_warned_of(
    run: Run, database: Path, stand_ins: StandIns
) -> None:
    stand_ins.no_linger()
    outcome = run("schedule", "install", "--systemd", "app.db")
    assert outcome.code == 3
    assert "loginctl enable-linger" in outcome.err


def test_without_systemd_cron_is_the_way(
    run: Run, database: Path, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Systemd, "is_running", staticmethod(lambda: False))
    assert run("schedule", "install", "app.db").code == 0
    assert "run --quiet" in stand_ins.table.read_text()


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("--at", "never", "app.db"), 2, "schedule-time-invalid"),
        (("--cron", "--systemd", "app.db"), 2, "usage"),
        (("--cron", "none.db"), 10, "database-not-found"),
    ],
)
def test_what_makes_no_sense_installs_nothing(
    run: Run, database: Path, stand_ins: StandIns, words: tuple[str, ...], code: int, name: str
) -> None:
    outcome = run("schedule", "install", "--json", *words)
    assert (outcome.code, outcome.error["code"]) == (code, name)
    assert not stand_ins.table.exists()


def test_removing_nothing_says_so(run: Run, database: Path, stand_ins: StandIns) -> None:
    outcome = run("schedule", "remove", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (10, "schedule-not-found")
