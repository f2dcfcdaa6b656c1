"""Measurements as actions."""

from __future__ import annotations

from dbtool.optimize.actions import index_action, writes_data
from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.indexes import BuiltIndex, IndexAdvice
from dbtool.optimize.writecost import WriteCost


def test_an_index_carries_its_proof_its_cost_and_its_inverse() -> None:
    built = BuiltIndex(IndexDefinition("t", (Term("a"),), "b = 1"), "t_a_idx", 0.5, 8192)
    advice = IndexAdvice(built, 100.0, 20.0, ("q1",), WriteCost(9, 100, 5), WriteCost(9, 130, 8))
    action = index_action(advice, True, ("statistics-1",))
    assert action.sql[0] == 'CREATE INDEX "t_a_idx" ON "t"("a") WHERE b = 1'
    assert action.sql[-1] == 'ANALYZE "t_a_idx"'
    assert action.inverse == ('DROP INDEX "t_a_idx"',)
    assert (action.gain, action.lock_s, action.size_bytes) == (0.8, 0.5, 8192)
    assert action.evidence["writes"]["steps_after"] == 130
    assert action.requires == ("statistics-1",)


def test_unknown_costs_of_writers_are_none_not_zero() -> None:
    assert writes_data(None, WriteCost(1, 1, 1)) is None
