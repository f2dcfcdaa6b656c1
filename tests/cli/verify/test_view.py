"""How a report looks."""

from __future__ import annotations

import json

import pytest

from dbtool.cli.context import Session
from dbtool.cli.verify.view import show
from dbtool.integrity.findings import Kind, ObjectVerdict, Verdict
from tests.cli.reports import report


def shown(capsys: pytest.CaptureFixture[str], *, words: str = "", **changes: object) -> str:
    session = Session(words.split())
    session.given["quiet"] = "-q" in words
    session.given["verbose"] = words.count("-v")
    show(session, report(**changes), db="app.db")
    return capsys.readouterr().out


def test_damage_names_objects_pages_rows_rungs_and_the_next_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(capsys)
    assert "✗ data damage" in out
    assert "3-4" in out
    assert "4 salvage" in out
    assert "1 rebuild" in out
    assert "about 7 rows at risk in 1 object" in out
    assert "dbtool repair app.db" in out
    assert "not checked  table late" in out
    assert "\x1b" not in out


def test_a_sound_database_says_so_in_its_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    sound = {"objects": report().objects[2:3], "findings": (), "unchecked": ()}
    out = shown(capsys, **sound)
    assert "result  ✓ healthy" in out
    assert "dbtool backup app.db" in out
    assert shown(capsys, words="-q", **sound) == ""


def test_of_many_healthy_objects_only_the_number(capsys: pytest.CaptureFixture[str]) -> None:
    many = tuple(ObjectVerdict(Kind.TABLE, f"t{n}", f"t{n}", Verdict.HEALTHY) for n in range(50))
    out = shown(capsys, objects=(*many, report().objects[1]))
    assert "t49" not in out
    assert "ix" in out
    assert "✓ 50 other objects healthy" in out
    assert "t49" in shown(capsys, words="-v", objects=many)


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, words="--json"))
    assert document["schema"] == "dbtool.verify-database/1"
    data = document["data"]
    assert (data["ok"], data["verdict"], data["complete"]) == (False, "data damage", False)
    assert data["findings"][0]["pages"] == [[3, 4]]
    assert [item["rung"] for item in data["objects"]] == [4, 1, None, None]
    assert data["not_checked"] == ["table late"]
