"""Plans in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbtool.errors import NotFound, UsageError
from dbtool.optimize.model import Action, Plan, QueryChange
from dbtool.optimize.planfile import find_plan, folder_of, load_plan, plan_path, save_plan

PLAN = Plan(
    "/tmp/\udcff.db",
    12.5,
    3,
    {"table t": "ab"},
    (Action("index-1", "index", "t", ("a",), ("b",), {"index": "i"}, 2.0, 1.0, requires=("x",)),),
    (QueryChange("q1", "SELECT 1", 1.0, 2, 1, 2, 1, 0.1, 0.1, True, ("SCAN",), ("SEARCH",)),),
    ("note",),
    ("PRAGMA x",),
    ({"what": "w", "reason": "r"},),
    ({"id": "index-1", "time": 1.0, "inverse": ["b"]},),
)


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "plan.json"
    save_plan(PLAN, path)
    assert load_plan(path) == PLAN


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": "dbtool.optimize-plan/9", "plan": {}}', "\x00"],
)
def test_another_file_is_no_plan(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_plan(path)
    assert caught.value.code == "plan-invalid"


def test_a_plan_with_an_action_of_no_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    save_plan(PLAN, path)
    document = json.loads(path.read_text())
    document["plan"]["actions"][0]["kind"] = "format disk"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError):
        load_plan(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("database",), 5),
        (("made_at",), float("inf")),
        (("cookie",), "7"),
        (("applied",), [{"id": "gone", "time": 1.0, "inverse": []}]),
        (("applied",), [{"id": "index-1", "time": 1.0, "inverse": [3]}]),
        (("notes",), [None]),
        (("actions", 0, "id"), 7),
        (("actions", 0, "evidence"), [1]),
        (("actions", 0, "sql"), "DROP TABLE t"),
        (("actions", 0, "sql"), [["a"]]),
        (("actions", 0, "lock_s"), "short"),
        (("actions", 0, "disk_bytes"), None),
        (("actions", 0, "kind"), "archive"),
        (("queries", 0, "before_steps"), "2"),
    ],
    ids=str,
)
def test_a_field_of_another_type_makes_it_no_plan(
    tmp_path: Path, place: tuple, value: object
) -> None:
    path = tmp_path / "x.json"
    save_plan(PLAN, path)
    document = json.loads(path.read_text())
    *outer, last = place
    inner = document["plan"]
    for step in outer:
        inner = inner[step]
    inner[last] = value
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError) as caught:
        load_plan(path)
    assert caught.value.code == "plan-invalid"


def test_plans_are_found_by_path_name_and_as_the_last_one(tmp_path: Path) -> None:
    database = tmp_path / "app.db"
    with pytest.raises(NotFound):
        find_plan(database, "last")
    for name in ("20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"):
        save_plan(PLAN, folder_of(database) / f"{name}.json")
    assert find_plan(database, "last").stem.endswith("bbbbbb")
    assert find_plan(database, "20260101").stem.endswith("aaaaaa")
    assert find_plan(database, str(find_plan(database, "last"))).stem.endswith("bbbbbb")
    with pytest.raises(UsageError) as caught:
        find_plan(database, "2026")
    assert caught.value.code == "plan-ambiguous"
    assert plan_path(PLAN).parent.name.endswith(".db.optimize")
