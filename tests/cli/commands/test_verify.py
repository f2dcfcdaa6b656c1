"""`dbtool verify`."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import apsw
import pytest

from tests.cli.conftest import Run, environment


@pytest.fixture
def backed_up(run: Run, database: Path) -> None:
    run("backup", "app.db")


def flip_in_largest_object() -> None:
    """Change one byte in the middle of the largest object of the repository."""
    path = max(
        (p for p in Path("app.db.backups").rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o600)
    path.write_bytes(content)


def test_a_sound_database_with_a_backup_is_healthy(run: Run, backed_up: None) -> None:
    outcome = run("verify", "app.db")
    assert outcome.code == 0, outcome.err
    assert "result    ✓ healthy" in outcome.out or "✓ healthy" in outcome.out.splitlines()[-1]
    assert run("verify", "-q", "app.db").out == ""
    data = run("verify", "--json", "app.db").data
    assert data["ok"]
    assert data["snapshot"]
    assert [level["level"] for level in data["levels"]] == ["header", "pages", "structure"]


def test_without_a_repository_it_says_what_a_backup_would_add(run: Run, database: Path) -> None:
    outcome = run("verify", "app.db")
    assert outcome.code == 0
    assert "dbtool backup app.db" in outcome.out
    assert run("verify", "--repo", "nowhere", "app.db").code == 10


def damage_page(number: int) -> None:
    """Zero a page of app.db and leave its mtime, as rot does."""
    status = Path("app.db").stat()
    with Path("app.db").open("r+b") as stream:
        stream.seek((number - 1) * 4096)
        stream.write(bytes(4096))
    os.utime("app.db", ns=(status.st_atime_ns, status.st_mtime_ns))


def test_rot_is_proven_named_and_reported(run: Run, database: Path) -> None:
    time.sleep(0.06)
    run("backup", "app.db")
    damage_page(9)
    outcome = run("verify", "--junit", "r.xml", "--sarif", "r.sarif", "--since", "app.db")
    assert outcome.code == 13
    assert "1 page rotted" in outcome.out
    assert "2 transplant" in outcome.out
    assert "dbtool repair app.db" in outcome.out
    assert "no snapshot has the damage" in outcome.out
    assert ElementTree.parse("r.xml").getroot()[0].attrib["failures"] == "1"
    assert json.loads(Path("r.sarif").read_text())["runs"][0]["results"]
    rows = run("verify", "-o", "csv", "app.db")
    assert rows.out.splitlines()[0] == "object,kind,table,verdict,pages,rows_at_risk,rung"
    records = [
        json.loads(line) for line in run("verify", "-o", "ndjson", "app.db").out.splitlines()
    ]
    assert [records[0]["type"], records[-1]["type"]] == ["start", "summary"]


def test_broken_rules_exit_with_4(run: Run) -> None:
    connection = apsw.Connection("rules.db")
    connection.execute("CREATE TABLE p(id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE c(p REFERENCES p); INSERT INTO c VALUES (9)").fetchall()
    connection.close()
    outcome = run("verify", "--full", "rules.db")
    assert outcome.code == 4
    assert "a rule of the schema is broken" in outcome.out
    assert run("verify", "rules.db").code == 0


def test_a_drill_shows_how_long_a_restore_takes(run: Run, backed_up: None) -> None:
    outcome = run("verify", "--drill", "--full", "app.db")
    assert outcome.code == 0, outcome.out
    assert "your restore takes" in outcome.out
    assert "every table is as in the live database" in outcome.out
    assert run("snapshots", "--json", "app.db").data[0]["verified"]


def test_a_budget_that_ends_exits_with_3_and_can_be_resumed(run: Run, backed_up: None) -> None:
    outcome = run("verify", "--budget", "0s", "app.db")
    assert outcome.code == 3
    assert "not checked" in outcome.out
    assert "dbtool verify --resume app.db" in outcome.out
    resumed = run("verify", "--resume", "app.db")
    assert resumed.code == 0
    assert "resumed" in resumed.out


@pytest.mark.parametrize(
    "words",
    [
        ["--budget", "soon"],
        ["--temp", "nowhere"],
        ["--snapshots", "--full"],
        ["--read-data"],
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, database: Path, words: list[str]) -> None:
    assert run("verify", *words, "app.db").code == 2


def test_a_stale_backup_is_a_no(run: Run, backed_up: None) -> None:
    Path("dbtool.toml").write_text('[databases.app]\npath = "app.db"\nmax_backup_age = "1ms"\n')
    outcome = run("verify", "app")
    assert outcome.code == 4
    assert "old; the configuration allows" in outcome.err


def test_a_database_without_the_backup_that_it_should_have_is_a_no(
    run: Run, database: Path
) -> None:
    Path("dbtool.toml").write_text('[databases.app]\npath = "app.db"\nmax_backup_age = "1h"\n')
    assert run("verify", "app").code == 4


def test_a_file_that_is_encrypted_or_none_has_its_own_code(run: Run) -> None:
    Path("noise.db").write_bytes(random.Random(1).randbytes(65536))
    Path("text.db").write_text("hello " * 1000)
    assert run("verify", "noise.db").code == 12
    assert run("verify", "text.db").code == 2
    assert run("verify", "none.db").code == 10


def test_a_sound_repository_is_0(run: Run, backed_up: None) -> None:
    outcome = run("verify", "--snapshots", "app.db")
    assert outcome.code == 0
    assert "no damage found" in outcome.out
    data = run("verify", "--snapshots", "--json", "app.db").data
    assert data["ok"] is True
    assert data["read_data"] == 0
    assert data["findings"] == []


@pytest.mark.parametrize(
    ("option", "share"), [("--read-data", 1.0), ("--read-data=100%", 1.0), ("--read-data=10%", 0.1)]
)
def test_read_data_may_stand_alone_or_name_a_share(
    run: Run, backed_up: None, option: str, share: float
) -> None:
    outcome = run("verify", "--snapshots", option, "--json", "app.db")
    # One pack cannot be read in part, so a share of it is all of it.
    assert share <= outcome.data["read_data"] <= 1


def test_a_full_proof_is_remembered(run: Run, backed_up: None) -> None:
    run("verify", "--snapshots", "--read-data", "app.db")
    assert run("snapshots", "--json", "app.db").data[0]["verified"] is not None


@pytest.mark.parametrize("share", ["0%", "110%", "x", "-1"])
def test_a_share_that_is_none_is_a_usage_error(run: Run, backed_up: None, share: str) -> None:
    outcome = run("verify", "--snapshots", f"--read-data={share}", "--json", "app.db")
    assert (outcome.code, outcome.error["code"]) == (2, "invalid-value")


def test_damage_is_13_and_names_object_snapshots_and_pages(run: Run, backed_up: None) -> None:
    snapshot = run("snapshots", "--json", "app.db").data[0]["id"]
    flip_in_largest_object()
    outcome = run("verify", "--snapshots", "--read-data", "app.db")
    assert outcome.code == 13
    assert "damage found: 1 of 1 snapshot cannot be restored whole" in outcome.out
    assert snapshot[:8] in outcome.out
    assert "pages" in outcome.out
    quiet = run("verify", "-q", "--snapshots", "--read-data", "app.db")
    assert quiet.out.splitlines()[-1] == outcome.out.splitlines()[-1]
    data = run("verify", "--snapshots", "--read-data", "--json", "app.db").data
    assert data["damaged_snapshots"] == [snapshot]


def test_quiet_is_silent_on_success(run: Run, backed_up: None) -> None:
    outcome = run("verify", "-q", "--snapshots", "app.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


RULES = """
[databases.shop]
path = "shop.db"
[validate.users]
not_null = ["email"]
unique = [["tenant", "login"]]
check = ["age < 200"]
[validate.users.columns.email]
type = "text"
pattern = '[^@ ]+@[^@ ]+'
[validate.users.columns.profile]
json_schema = "profile.json"
[validate.users.columns.org]
references = "orgs.id"
"""


@pytest.fixture
def shop() -> apsw.Connection:
    """Return a connection to a database whose users keep all rules."""
    Path("dbtool.toml").write_text(RULES)
    Path("profile.json").write_text('{"type": "object", "required": ["name"]}')
    connection = apsw.Connection("shop.db")
    connection.execute(
        "CREATE TABLE orgs(id INTEGER PRIMARY KEY); INSERT INTO orgs VALUES (1);"
        "CREATE TABLE users(id INTEGER PRIMARY KEY, email, tenant, login, age, profile, org);"
        """INSERT INTO users VALUES (1, 'a@b', 't', 'a', 5, '{"name": "A"}', 1)"""
    )
    yield connection
    connection.close()


def test_rules_that_hold_are_0(run: Run, shop: apsw.Connection) -> None:
    outcome = run("verify", "--rules", "-v", "shop")
    assert outcome.code == 0
    assert "every rule holds" in outcome.out
    assert "users, tenant, login: unique" in outcome.out
    data = run("verify", "--rules", "--json").data
    assert (data["ok"], data["rules_checked"], data["rules_broken"]) == (True, 7, 0)
    assert data["rows_read"] == 1
    assert run("verify", "--rules", "-q", "shop.db").out == ""


def test_broken_rules_are_4_with_keys_and_values(run: Run, shop: apsw.Connection) -> None:
    shop.execute(
        "INSERT INTO users VALUES (2, NULL, 't', 'a', 500, '[]', 7),"
        " (3, 'x\x1b[2J', 't', 'b', 1, x'00', 1)"
    )
    outcome = run("verify", "--rules", "--quiet")
    assert outcome.code == 4
    assert "6 of 7 rules broken" in outcome.out
    assert "id = 2  age = 500" in outcome.out
    assert "id = 1  tenant = 't', login = 'a'  (2 rows)" in outcome.out
    assert "email = 'x\\x1b[2J'" in outcome.out
    assert "\x1b" not in outcome.out
    outcome = run("verify", "--rules", "--limit", "1", "--json")
    assert outcome.code == 4
    by_kind = {rule["kind"]: rule for rule in outcome.data["rules"]}
    assert by_kind["json_schema"]["total"] == 2
    (first,) = by_kind["json_schema"]["offenders"]
    assert (first["key"], first["values"]) == ({"id": 2}, {"profile": "[]"})
    assert "object" in first["note"]


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_rules_as_rows(run: Run, shop: apsw.Connection, form: str) -> None:
    outcome = run("verify", "--rules", "-o", form)
    assert len(outcome.out.splitlines()) == 8
    assert outcome.out.startswith("table")


def test_rules_as_records(run: Run, shop: apsw.Connection) -> None:
    records = [
        json.loads(line) for line in run("verify", "--rules", "-o", "ndjson").out.splitlines()
    ]
    assert [record["type"] for record in records] == ["start", *["rule"] * 7, "summary"]
    assert records[-1]["ok"] is True


def test_an_expression_that_fails_is_4_and_says_why(run: Run, shop: apsw.Connection) -> None:
    Path("dbtool.toml").write_text("[validate.users]\ncheck = [\"login ->> 'x' = 1\"]\n")
    outcome = run("verify", "--rules", "shop.db")
    assert outcome.code == 4
    assert "malformed JSON" in outcome.out


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("[validate.usres]\nnot_null = ['id']\n", "rule-unknown-table", 2),
        ("[validate.users]\nnot_null = ['id', 'emial']\n", "rule-unknown-column", 2),
        ("[validate.users]\n\ncheck = ['1); DROP TABLE users; --']\n", "rule-check-invalid", 3),
        ("[validate.users.columns.id]\nmin = []\n", "config-value", 2),
        ("[validate]\npython_rules = ['none']\n", "rule-not-installed", None),
        ("", "rules-missing", None),
    ],
)
def test_rules_that_make_no_sense_are_2(
    run: Run, shop: apsw.Connection, text: str, code: str, line: int | None
) -> None:
    Path("dbtool.toml").write_text(text)
    outcome = run("verify", "--rules", "--json", "shop.db")
    assert (outcome.code, outcome.error["code"]) == (2, code)
    assert line is None or f"dbtool.toml:{line}: " in outcome.error["message"]


def test_rules_and_snapshots_are_two_questions(run: Run, shop: apsw.Connection) -> None:
    assert run("verify", "--rules", "--snapshots", "--json", "shop").code == 2


def test_rules_of_a_database_that_is_not_there_are_10(run: Run, shop: apsw.Connection) -> None:
    assert run("verify", "--rules", "none.db").code == 10


def test_ctrl_c_stops_the_work_and_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    connection = apsw.Connection("large.db")
    connection.execute(
        "CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 400000) SELECT i, hex(randomblob(60)) AS x FROM n"
    )
    connection.execute("CREATE INDEX ix ON t(x)")
    connection.close()
    temp = tmp_path / "temp"
    temp.mkdir()
    words = ["verify", "--full", "--progress", "plain", "--temp", str(temp), "large.db"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "checking everything" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "healthy" not in out
    assert list(temp.iterdir()) == []
