"""The exporter, its rules and Prometheus itself, where that is installed (Debian: prometheus)."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import environment
from tests.monitor.programs import Program, wal_database

RULES = files("dbtool.monitor") / "assets" / "alert-rules.yml"
PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say_about_the_metrics(tmp_path: Path) -> None:
    path = wal_database(tmp_path / "app.db")
    text = tmp_path / "a.prom"
    subprocess.run(
        [sys.executable, "-m", "dbtool", "monitor", "-q", "--textfile", str(text), str(path)],
        env=environment(XDG_STATE_HOME=str(tmp_path / "state")),
        check=True,
    )
    # A family without samples is no metric to promtool.
    told = text.read_text()
    sampled = set(re.findall(r"^(dbtool_\w+)[{ ]", told, re.MULTILINE))
    lines = [
        line for line in told.splitlines() if not line.startswith("#") or line.split()[2] in sampled
    ]
    done = subprocess.run(
        [str(PROMTOOL), "check", "metrics"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _query(port: int, expression: str) -> list[dict[str, Any]]:
    words = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{words}", timeout=5) as got:
        found: list[dict[str, Any]] = json.load(got)["data"]["result"]
        return found


@pytest.mark.slow
@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")
def test_a_real_prometheus_scrapes_and_alerts(tmp_path: Path) -> None:
    path = wal_database(tmp_path / "app.db")
    (tmp_path / "dbtool.toml").write_text('[alerts]\nwriter_for = "100ms"\n')
    ports = _free_port(), _free_port()
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{json.dumps(str(RULES))}]\n"
        "scrape_configs:\n- job_name: dbtool\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{ports[0]}']}}]\n"
    )
    words = ["monitor", "--serve", str(ports[0]), "--interval", "500ms", str(path)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "dbtool", *words],
            cwd=tmp_path,
            env=environment(XDG_STATE_HOME=str(tmp_path / "state")),
            stderr=subprocess.DEVNULL,
        ),
        subprocess.Popen(
            [
                str(PROMETHEUS),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{ports[1]}",
            ],
            stderr=subprocess.DEVNULL,
        ),
    ]
    try:
        with Program(path) as program:
            program.run("SELECT * FROM t")
            _until(lambda: _query(ports[1], "dbtool_up == 1"))
            for key in range(1, 8):
                program.run(f"INSERT INTO t VALUES({key}, 'x')")
            program.run("BEGIN IMMEDIATE")
            (found,) = _until(lambda: _query(ports[1], "dbtool_commits_total == 7"))
            assert found["metric"]["database"] == "app.db"
            firing = 'ALERTS{alertname="SQLiteWriterHeld",alertstate="firing"}'
            (alert,) = _until(lambda: _query(ports[1], firing))
            assert alert["metric"]["severity"] == "critical"
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def _until(ask: Any) -> Any:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            found = ask()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError("Prometheus did not see it")
