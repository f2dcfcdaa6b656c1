"""`dbtool monitor`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from dbtool.config import state_folder
from dbtool.monitor.history import history_file, series_names
from tests.cli.conftest import Run, environment, run_child
from tests.monitor.programs import Program, wal_database

linux = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="locks are named on Linux")


@contextmanager
def _running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "monitor", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _states(data: dict[str, object]) -> dict[str, str]:
    return {alert["code"]: alert["state"] for alert in data["alerts"]}


def test_one_look_says_how_things_stand(run: Run, database: Path) -> None:
    done = run("monitor", "app.db")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "database   app.db"
    assert any(line.startswith("size ") for line in lines)
    assert any("✓ none" in line for line in lines)
    assert history_file(state_folder(), database).is_file()


@linux
def test_json_holds_the_whole_look(run: Run) -> None:
    path = wal_database(Path("wal.db"))
    with Program(path) as program:
        program.run("INSERT INTO t VALUES(1, 'x')")
        run("monitor", "wal.db")
        program.run("INSERT INTO t VALUES(2, 'x')", "BEGIN", "SELECT * FROM t")
        done = run("monitor", "--once", "--json", "wal.db")
        (found,) = done.data["databases"]
        assert json.loads(done.out)["schema"] == "dbtool.monitor/1"
        assert done.data["firing"] is False
        assert (found["commits"], found["frames"], found["frames_complete"]) == (1, 1, True)
        assert found["users"] == [{"pid": program.pid, "command": found["users"][0]["command"]}]
        assert found["readers"][0]["pid"] == program.pid
        assert found["unknown"] == {}
        assert found["database"] == str(path.resolve())


@linux
def test_an_alert_gives_exit_code_4_with_evidence_and_the_next_command(run: Run) -> None:
    path = wal_database(Path("wal.db"))
    Path("dbtool.toml").write_text('[alerts]\nwriter_for = "300ms"\n')
    with Program(path) as program:
        program.run("BEGIN IMMEDIATE")
        done = run("monitor", "-q", "wal.db")
        assert done.code == 4
        assert f"✗ writer-held firing: process {program.pid} (" in done.out
        assert f"    ps -fp {program.pid}" in done.out
        program.run("ROLLBACK")
    done = run("monitor", "-q", "wal.db")
    assert (done.code, done.out) == (0, "")


def test_disk_space_is_judged_by_the_configuration(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text('[alerts]\ndisk_free = "99.99%"\n')
    done = run("monitor", "--json", "app.db")
    assert done.code == 4
    assert _states(done.data["databases"][0])["disk-free-low"] == "firing"
    Path("dbtool.toml").write_text('[alerts]\ndisk_free = "99.99%"\nignore = ["disk-free-low"]\n')
    assert run("monitor", "app.db").code == 0


def test_all_configured_databases_are_looked_at(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text(
        '[databases.one]\npath = "app.db"\n[databases.two]\npath = "gone.db"\n'
    )
    done = run("monitor", "--json")
    assert done.code == 4
    one, two = done.data["databases"]
    assert (one["name"], one["ok"]) == ("one", True)
    assert (two["name"], two["ok"]) == ("two", False)
    assert _states(two)["database-unreadable"] == "firing"
    table = run("monitor", "-o", "csv")
    assert [line.split(",")[0] for line in table.out.splitlines()] == ["name", "one", "two"]


def test_samples_may_lie_beside_the_database(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text("[monitor]\nhistory_beside = true\n")
    assert run("monitor", "app.db").code == 0
    assert "database_bytes" in {name.metric for name in series_names(Path("app.db.history.db"))}


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["missing.db"], "database-not-found", 10),
        (["."], "database-is-folder", 2),
        (["--once", "--watch", "app.db"], "usage", 2),
        (["--interval", "5s", "app.db"], "usage", 2),
        (["--watch", "app.db"], "usage", 2),
        (["--watch", "--interval", "0s", "app.db"], "invalid-value", 2),
        (["--watch", "--interval", "soon", "app.db"], "invalid-value", 2),
        (["--serve", "nowhere", "app.db"], "invalid-value", 2),
        (["--serve", "192.0.2.1:80", "app.db"], "address-unusable", 15),
        (["--textfile", "metrics.txt", "app.db"], "invalid-value", 2),
    ],
)
def test_what_makes_no_sense_is_said(
    run: Run, database: Path, words: list[str], code: str, exit_code: int
) -> None:
    done = run("monitor", "--json", *words)
    assert (done.error["code"], done.code) == (code, exit_code)


@pytest.mark.parametrize(
    "setting", ['ignore = ["wal-larg"]', 'reclaimable = "5GiB"', 'wal_share = "0%"']
)
def test_settings_that_make_no_sense_are_said(run: Run, database: Path, setting: str) -> None:
    Path("dbtool.toml").write_text(f"[alerts]\n{setting}\n")
    done = run("monitor", "--json", "app.db")
    assert (done.error["code"], done.code) == ("config-value", 2)
    assert "dbtool.toml:2" in done.error["message"]


def test_a_text_file_is_written_for_node_exporter(run: Run, database: Path) -> None:
    done = run("monitor", "--textfile", "dbtool.prom", "app.db")
    assert (done.code, done.out) == (0, "")
    assert 'dbtool_up{database="app.db"} 1.0' in Path("dbtool.prom").read_text()


def test_rules_and_dashboard_are_printed(run: Run) -> None:
    assert "SQLiteWalLarge" in run("monitor", "--print-rules").out
    assert json.loads(run("monitor", "--print-dashboard").out)["panels"]


def test_a_second_monitor_looks_and_stores_nothing(run: Run, database: Path) -> None:
    with _running("--watch", "--interval", "1s", "app.db") as process:
        assert process.stdout is not None
        assert "ok" in process.stdout.readline()
        done = run("monitor", "-v", "app.db")
        assert done.code == 0
        assert "another process stores the samples" in done.err


@linux
def test_watching_shows_each_look_and_each_alert_and_ends_in_order(tmp_path: Path) -> None:
    path = wal_database(Path("wal.db"))
    Path("dbtool.toml").write_text('[alerts]\nwriter_for = "200ms"\n')
    with (
        _running("--watch", "--interval", "100ms", "-o", "ndjson", "wal.db") as process,
        Program(path) as program,
    ):
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["type"], first["commits"]) == ("sample", None)
        program.run("INSERT INTO t VALUES(1, 'x')", "BEGIN IMMEDIATE")
        seen = [first]
        while _states(seen[-1])["writer-held"] != "firing":
            seen.append(json.loads(process.stdout.readline()))
        assert sum(one["commits"] or 0 for one in seen) == 1
        program.run("ROLLBACK")
        while _states(seen[-1])["writer-held"] != "ok":
            seen.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_hooks_and_the_ping_address_hear_of_alerts(run: Run, database: Path) -> None:
    hook = Path("hook.py")
    hook.write_text(
        "import os\n"
        "with open('heard', 'a') as f: print(os.environ['DBTOOL_EVENT'],"
        " os.environ['DBTOOL_SUMMARY'], file=f)\n"
    )
    settings = (
        f'on_firing = ["{sys.executable} hook.py"]\non_resolved = ["{sys.executable} hook.py"]\n'
    )
    Path("dbtool.toml").write_text(f'[alerts]\ndisk_free = "99.99%"\n{settings}')
    assert "on_firing was left out" in run("monitor", "app.db").err
    history_file(state_folder(), database).unlink()
    run("config", "trust")
    for _ in range(2):
        assert run("monitor", "app.db").code == 4
    (line,) = Path("heard").read_text().splitlines()
    assert line.startswith("failure app.db: disk-free-low: ")
    Path("dbtool.toml").write_text(f"[alerts]\n{settings}")
    run("config", "trust")
    state = history_file(state_folder(), database)
    # An hour passed since: an alert that fires ends when it is clear for a minute.
    _forget_when(state)
    assert run("monitor", "app.db").code == 0
    assert Path("heard").read_text().splitlines()[1:] == ["success app.db: resolved: disk-free-low"]


def test_a_configured_database_that_is_gone_is_an_alert_that_is_told(
    run: Run, database: Path
) -> None:
    Path("hook.sh").write_text("cat > heard\n")
    settings = '[alerts]\non_firing = ["sh hook.sh"]\n'
    Path("dbtool.toml").write_text(f'[databases.app]\npath = "app.db"\n{settings}')
    run("config", "trust")
    assert run("monitor").code == 0
    Path("app.db").unlink()
    assert run("monitor").code == 4
    assert "database-unreadable" in Path("heard").read_text()
    assert run("monitor", "other.db").code == 10


def test_an_alert_is_told_though_the_text_file_cannot_be_written(run: Run, database: Path) -> None:
    Path("hook.sh").write_text("cat > heard\n")
    Path("dbtool.toml").write_text('[alerts]\ndisk_free = "99.99%"\non_firing = ["sh hook.sh"]\n')
    run("config", "trust")
    assert run("monitor", "--textfile", "missing/dbtool.prom", "app.db").code == 15
    assert "disk-free-low" in Path("heard").read_text()


def test_of_two_monitors_one_tells_and_the_other_goes_on_when_it_has_ended(
    run: Run, database: Path
) -> None:
    hook = Path("hook.sh")
    hook.write_text("echo $DBTOOL_EVENT >> heard\n")
    Path("dbtool.toml").write_text('[alerts]\ndisk_free = "99.99%"\non_firing = ["sh hook.sh"]\n')
    run("config", "trust")
    with _running("--watch", "--interval", "100ms", "app.db") as process:
        assert process.stdout is not None
        assert "disk-free-low" in process.stdout.readline()
        for _ in range(2):
            assert run("monitor", "app.db").code == 4
        process.kill()
        process.wait(20)
    assert run("monitor", "app.db").code == 4
    assert Path("heard").read_text() == "failure\n"


def _forget_when(history: Path) -> None:
    """Let the last look be long ago."""
    with apsw.Connection(str(history)) as connection:
        (text,) = connection.execute("SELECT value FROM state WHERE key = 'sampler'").fetchone()
        state = json.loads(text)
        state["looked_at"] = "2020-01-01T00:00:00+00:00"
        connection.execute("UPDATE state SET value = ?", (json.dumps(state),))
    connection.close()


def test_it_serves_prometheus_until_it_is_told_to_stop(database: Path) -> None:
    with _running("--serve", "0", "--interval", "200ms", "app.db") as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        address = line.split()[1].removesuffix("/metrics")
        with urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer:
            assert 'dbtool_up{database="app.db"} 1.0' in answer.read().decode()
        with urllib.request.urlopen(f"{address}/healthz", timeout=20) as answer:
            assert json.load(answer)["ok"] is True
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_killed_monitor_leaves_no_helper_behind(database: Path) -> None:
    with _running("--watch", "--interval", "200ms", "app.db") as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        helpers = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        deadline_s = time.monotonic() + 20
        while any(Path(f"/proc/{pid}/cmdline").exists() for pid in helpers):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)


def test_an_encrypted_file_is_named(run: Run) -> None:
    Path("secret.db").write_bytes(os.urandom(8192))
    done = run("monitor", "--json", "secret.db")
    assert (done.error["code"], done.code) == ("database-encrypted", 12)


def test_a_database_that_was_cut_short_is_an_alert_until_it_is_whole(
    run: Run, database: Path
) -> None:
    whole = database.read_bytes()
    database.write_bytes(whole[:-5000])
    done = run("monitor", "app.db")
    assert done.code == 4
    assert "✗ database-unreadable firing: " in done.out
    database.write_bytes(whole)
    _forget_when(history_file(state_folder(), database))
    assert run("monitor", "app.db").code == 0


def test_a_pipe_that_is_closed_ends_it(database: Path) -> None:
    with _running("--watch", "--interval", "100ms", "app.db") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 141


def test_names_that_would_act_on_a_terminal_are_escaped() -> None:
    name = "a\x1b[31m b.db"
    wal_database(Path(name))
    done = run_child("monitor", name)
    assert done.code == 0
    assert "\x1b" not in done.out
