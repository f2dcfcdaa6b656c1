"""Actions as data."""

from __future__ import annotations

from dbtool.optimize.model import Action, Plan, action_id


def test_the_same_thing_to_do_has_the_same_id_and_another_one_another() -> None:
    assert action_id("index", "CREATE INDEX a") == action_id("index", "CREATE INDEX a")
    assert action_id("index", "CREATE INDEX a") != action_id("index", "CREATE INDEX b")
    assert action_id("drop", "x").startswith("drop-")


def test_a_gain_is_the_share_of_steps_that_go_and_unknown_where_it_is_not_about_steps() -> None:
    action = Action("a", "index", "t", (), (), {}, before=100, after=25)
    assert action.gain == 0.75
    assert Action("a", "space", "t", (), (), {}).gain is None


def test_a_plan_without_queries_has_no_steps() -> None:
    plan = Plan("/x.db", 0.0, 1, {}, ())
    assert (plan.before, plan.after) == (0, 0)
