"""The estimate of what VACUUM gives, against what VACUUM gives."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import apsw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.pages.space import estimate_space

TOLERANCE = 0.08
FEW_PAGES = 10
"""What a small file may be off by: a page or two for each of its trees."""

SIZES = {
    "constant": lambda draw, mean, _: mean,
    "uniform": lambda draw, mean, _: int(draw.uniform(0, 2 * mean)),
    "exponential": lambda draw, mean, _: int(draw.expovariate(1 / mean)),
    "two sizes": lambda draw, mean, _: draw.choice([mean // 10, mean * 2]),
    "growing": lambda draw, mean, share: int(2 * mean * share),
}
CHURN = {
    "none": (),
    "a third deleted": ("DELETE FROM t WHERE id % 3 = 0",),
    "the first half deleted": (
        "DELETE FROM t WHERE id < (SELECT max(id) / 2 FROM t)",
        "DELETE FROM w WHERE k < '8'",
    ),
    # Which half is scattered: the estimate cannot know that large and small rows alternate.
    "rewritten": (
        "UPDATE t SET b = randomblob(1 + id * 1103515245 % 300) WHERE id * 2654435761 >> 9 & 1",
    ),
    "a tenth left": ("DELETE FROM t WHERE id % 10", "DELETE FROM w WHERE k > '2'"),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    page_size=st.sampled_from([512, 1024, 4096, 16384, 65536]),
    auto_vacuum=st.sampled_from(["none", "full", "incremental"]),
    rows=st.integers(0, 4000),
    mean=st.sampled_from([5, 40, 200, 900, 2500, 6000]),
    kind=st.sampled_from(sorted(SIZES)),
    churn=st.sampled_from(sorted(CHURN)),
    seed=st.integers(0, 2**32),
)
def test_the_estimate_is_within_eight_percent_of_vacuum(
    tmp_path_factory: Any, **shape: Any
) -> None:
    connection = build(**shape)
    estimated = estimate_space(connection).packed_pages
    copy = tmp_path_factory.mktemp("vacuum") / "copy.db"
    real = vacuumed(connection, copy)
    assert abs(estimated - real) <= max(FEW_PAGES, TOLERANCE * real)


def build(
    page_size: int, auto_vacuum: str, rows: int, mean: int, kind: str, churn: str, seed: int
) -> apsw.Connection:
    draw, size = random.Random(seed), SIZES[kind]
    count = min(rows, 4_000_000 // mean)
    connection = apsw.Connection(":memory:")
    connection.pragma("page_size", page_size)
    connection.pragma("auto_vacuum", auto_vacuum)
    connection.execute(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE INDEX ta ON t(a);"
        "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID"
    )
    with connection:
        for at in range(count):
            value = draw.randbytes(size(draw, mean, at / count))
            name = draw.randbytes(draw.randint(4, 30)).hex()
            connection.execute("INSERT INTO t(a, b) VALUES (?, ?)", (name, value))
            connection.execute("INSERT INTO w VALUES (?, ?)", (name + str(at), value[::2]))
        for statement in CHURN[churn]:
            connection.execute(statement)
    return connection


def vacuumed(connection: apsw.Connection, copy: Path) -> int:
    connection.execute("VACUUM INTO ?", (str(copy),))
    result = apsw.Connection(str(copy))
    pages = result.pragma("page_count")
    result.close()
    copy.unlink()
    return int(pages)
