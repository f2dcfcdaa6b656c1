"""Units that systemd takes, whatever the database is called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dbtool.errors import UsageError
from dbtool.schedule.timespec import TimeSpec
from dbtool.schedule.units import MARK, Plan, slug, unit_files, unit_line


def make_plan(database: str = "/srv/app.db", **changes: object) -> Plan:
    """Return a plan whose job is `true`, which systemd finds everywhere."""
    values = {
        "database": Path(database),
        "name": Path(database).name,
        "when": TimeSpec.parse("daily 02:30"),
        "command": ("/bin/true", "run", "--quiet", database),
        "on_failure": ("/bin/true", "run", "--report-failure", database),
        "folder": Path("/"),
    }
    return Plan(**values | changes)


def test_a_plan_becomes_a_service_its_failure_and_a_timer() -> None:
    files = unit_files(make_plan(random_delay_s=900, user="app"))
    name = f"dbtool-{slug(Path('/srv/app.db'))}"
    assert list(files) == [f"{name}.service", f"{name}-failed.service", f"{name}.timer"]
    service, failed, timer = files.values()
    assert all(text.startswith(MARK) for text in files.values())
    assert "ExecStart=/bin/true run --quiet /srv/app.db\n" in service
    assert f"OnFailure={name}-failed.service\n" in service
    assert "User=app\n" in service
    assert "OnFailure" not in failed
    assert "ExecStart=/bin/true run --report-failure /srv/app.db\n" in failed
    for line in ("OnCalendar=*-*-* 02:30:00", "Persistent=true", "RandomizedDelaySec=900"):
        assert f"{line}\n" in timer


def test_databases_of_one_name_in_two_folders_have_units_of_their_own() -> None:
    assert slug(Path("/a/app.db")) != slug(Path("/b/app.db"))
    assert slug(Path("/a/Ä ..db")).startswith("db-")
    assert "/" not in slug(Path("/a/.../x y"))


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/srv/app.db", "/srv/app.db"),
        ("two words", '"two words"'),
        ("50%", '"50%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        (";", '";"'),
        ("", '""'),
    ],
)
def test_words_are_quoted_for_systemd(word: str, written: str) -> None:
    assert unit_line([word]) == written


@pytest.mark.parametrize("database", ["/srv/a\nUser=root", "/srv/\x1b[2J.db", "/srv/a\tb"])
def test_control_characters_are_refused(database: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_plan(database)
    assert caught.value.code == "schedule-name-unsupported"


@pytest.mark.parametrize("database", ["/srv/app.db", "/srv/wild % $HOME \"q\" 'q' ;ünicode\\.db"])
def test_systemd_finds_nothing_wrong(database: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    files = unit_files(make_plan(database)) | unit_files(make_plan(database, continuous=True))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in files)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "dbtool" in line]
    assert complaints == []
