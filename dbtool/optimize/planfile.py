"""Plans in files: JSON, whole or not at all, read back with every field judged.

A plan that was applied lies beside its database in DB.optimize/, with what undoes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeVar

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, replace_file
from dbtool.errors import NotFound, UsageError
from dbtool.optimize.model import KINDS, Action, Plan, QueryChange
from dbtool.optimize.retention.advice import rule_of

__all__ = ["FORMAT", "folder_of", "load_plan", "plan_data", "plan_path", "save_plan"]

FORMAT: Final = "dbtool.optimize-plan/1"
_LARGEST: Final = 64 << 20
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "float | None": (int, float, NoneType),
    "bool | None": (bool, NoneType),
    "Mapping[str, Any]": (dict,),
    "Mapping[str, str]": (dict,),
    "tuple[str, ...]": (tuple,),
    "tuple[Action, ...]": (tuple,),
    "tuple[QueryChange, ...]": (tuple,),
    "tuple[Mapping[str, Any], ...]": (tuple,),
}
_Made = TypeVar("_Made", Action, Plan, QueryChange)


def folder_of(database: Path) -> Path:
    """Return where applied plans and baselines of a database lie."""
    return database.with_name(f"{database.name}.optimize")


def plan_path(plan: Plan) -> Path:
    """Return where a plan that is applied is kept."""
    from datetime import UTC, datetime
    from hashlib import sha256

    made = datetime.fromtimestamp(plan.made_at, UTC).strftime("%Y%m%dT%H%M%SZ")
    what = "\0".join(action.id for action in plan.actions)
    short = sha256(f"{plan.made_at}{what}".encode()).hexdigest()[:6]
    return folder_of(Path(plan.database)) / f"{made}-{short}.json"


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON holds it."""
    return asdict(plan)


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan; an old file at that place is whole until then.

    Raises:
        StorageFailed: no space, no permission, or an I/O error.
    """
    with failures_named("make", path.parent):
        if not path.parent.is_dir():
            SYSTEM_FILES.mkdir(path.parent)
    document = {"schema": FORMAT, "plan": plan_data(plan)}
    replace_file(path, json.dumps(document, indent=1, ensure_ascii=True).encode("ascii"))


def load_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        NotFound: `plan-not-found`.
        UsageError: `plan-invalid`.
        StorageFailed: it cannot be read.
    """
    if not path.is_file():
        raise NotFound("plan-not-found", f"there is no plan {path}")
    with failures_named("read", path), path.open("rb") as stream:
        data = stream.read(_LARGEST)
    try:
        document = json.loads(data)
        if document["schema"] != FORMAT:
            raise _invalid(path, f"it is {document['schema']!r}")
        return _plan(document["plan"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(path, str(error)) from error


def find_plan(database: Path, word: str) -> Path:
    """Return the file of an applied plan: a path, the beginning of its name, or `last`.

    Raises:
        NotFound: `plan-not-found`.
        UsageError: `plan-ambiguous`.
    """
    path = Path(word)
    if path.is_file():
        return path
    folder = folder_of(database)
    names = sorted(folder.glob("2*.json")) if folder.is_dir() else []
    names = names[-1:] if word == "last" else [name for name in names if name.name.startswith(word)]
    if not names:
        hint = (
            f"ls {folder}" if folder.is_dir() else "dbtool optimize --apply keeps its plans there"
        )
        raise NotFound("plan-not-found", f"there is no plan {word} of {database}", hint=hint)
    if len(names) > 1:
        shown = ", ".join(name.stem for name in names[:5])
        raise UsageError("plan-ambiguous", f"several plans begin with {word}", hint=shown)
    return names[0]


def _checked(made: _Made) -> _Made:
    """Return what was read if each field holds what its declaration says."""
    for each in fields(made):
        declared, value = str(each.type), getattr(made, each.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{each.name} is {value}")
        if not any(isinstance(value, kind) for kind in _TYPES[declared]):
            raise TypeError(f"{each.name} is {value!r:.80}")
        if declared == "tuple[str, ...]" and not all(isinstance(word, str) for word in value):
            raise TypeError(f"{each.name} is {value!r:.80}")
    return made


def _plan(data: Mapping[str, Any]) -> Plan:
    known = {each.name for each in fields(Plan)}
    values = {name: value for name, value in data.items() if name in known}
    values["actions"] = tuple(_action(each) for each in data["actions"])
    values["queries"] = tuple(_change(each) for each in data.get("queries", ()))
    for name in ("notes", "snippet", "rejected", "applied"):
        values[name] = tuple(data.get(name, ()))
    plan = _checked(Plan(**values))
    ids = {action.id for action in plan.actions}
    for entry in plan.applied:
        words = entry["inverse"]
        if entry["id"] not in ids or not all(isinstance(word, str) for word in words):
            raise ValueError("what it says to have been applied is none of its actions")
    return plan


def _action(data: Mapping[str, Any]) -> Action:
    if not isinstance(data["sql"], list) or not isinstance(data["inverse"], list):
        raise TypeError("the statements of an action are no list")
    action = _checked(
        Action(
            **{
                **data,
                "sql": tuple(data["sql"]),
                "inverse": tuple(data["inverse"]),
                "requires": tuple(data.get("requires", ())),
            }
        )
    )
    if action.kind not in KINDS:
        raise ValueError(f"{action.kind!r} is no kind of action")
    if action.kind == "archive":
        rule_of(action)
    return action


def _change(data: Mapping[str, Any]) -> QueryChange:
    plans = {name: tuple(data[name]) for name in ("plan_before", "plan_after")}
    return _checked(QueryChange(**{**data, **plans}))


def _invalid(path: Path, why: str) -> UsageError:
    return UsageError(
        "plan-invalid",
        f"{path} is no plan of dbtool optimize",
        context=why,
        hint="dbtool optimize --out FILE writes one",
    )
