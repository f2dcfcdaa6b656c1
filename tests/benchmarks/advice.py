# ruff: noqa: E501 - SQL and tables read best on one line
"""Advice measured: Chinook, Northwind and a shop of 100 MB, beside what sqlite3_expert advises.

    python tests/benchmarks/advice.py [MEGABYTES]

For each database: weighted VM steps of the workload before and after, bytes of the new indexes,
the worst query, and how long the advice took. sqlite3_expert: all indexes that it recommends for the
same statements, built on a copy, one call for each statement.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.optimize.advisor import AdviceOptions, make_plan
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.expert import expert_program
from dbtool.optimize.indexes import index_bytes
from dbtool.optimize.measure import Meter
from dbtool.optimize.workload import Workload, from_sql
from tests.benchmarks.shop_workload import QUERIES, make_shop

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

CHINOOK = """
SELECT * FROM Track WHERE Composer = 'AC/DC' ORDER BY Milliseconds;
SELECT a.Title, count(*) FROM Album a JOIN Track t USING(AlbumId) WHERE t.UnitPrice > 1 GROUP BY a.AlbumId;
SELECT * FROM Invoice WHERE BillingCountry = 'Germany' ORDER BY InvoiceDate DESC;
SELECT CustomerId FROM Customer WHERE lower(Email) = 'luisg@embraer.com.br';
SELECT count(*) FROM Invoice WHERE InvoiceDate >= '2010-01-01' AND InvoiceDate < '2010-02-01';
SELECT t.Name FROM PlaylistTrack p JOIN Track t USING(TrackId) WHERE p.PlaylistId = 5;
SELECT Name FROM Track WHERE Milliseconds BETWEEN 200000 AND 201000;
SELECT max(Total) FROM Invoice WHERE CustomerId = 17;
"""
NORTHWIND = """
SELECT * FROM Orders WHERE ShipCountry = 'Brazil' ORDER BY OrderDate DESC;
SELECT count(*) FROM Orders WHERE OrderDate BETWEEN '1997-01-01' AND '1997-02-01';
SELECT ProductName FROM Products WHERE UnitPrice > 50 ORDER BY UnitPrice;
SELECT OrderID, sum(Quantity) FROM "Order Details" WHERE Discount > 0.2 GROUP BY OrderID;
SELECT CompanyName FROM Customers WHERE lower(City) = 'london';
"""


def by_expert(path: Path, workload: Workload) -> tuple[float, int]:
    """Return the steps with what sqlite3_expert recommends, and the bytes of its indexes."""
    program = expert_program()
    with ScratchCopy(path, None, Silent()) as copy:
        wanted: dict[str, None] = {}
        for each in workload.statements if program else ():
            words = [str(program), "-sql", each.sql, str(path)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            lines = done.stdout.splitlines()
            wanted |= dict.fromkeys(line for line in lines if line.startswith("CREATE INDEX"))
        before = {n for (n,) in copy.connection.execute("SELECT name FROM sqlite_schema")}
        for sql in wanted:
            try:
                copy.connection.execute(sql.partition("; --")[0])
            except apsw.SQLError:
                continue
        names = {n for (n,) in copy.connection.execute("SELECT name FROM sqlite_schema")} - before
        costs = Meter(copy.connection, Silent()).measure_all(workload.statements)
        steps = sum(costs[each.id].steps * each.weight for each in workload.statements)
        return steps, sum(index_bytes(copy.connection, str(name)) for name in names)


def show(name: str, path: Path, sql: str) -> None:
    workload = from_sql(sql)
    began_s, began_cpu = time.monotonic(), time.process_time()
    options = AdviceOptions(settings=False)
    plan = make_plan(path, workload, options, progress=Silent(), clock=SystemClock())
    took_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu
    new = sum(action.size_bytes for action in plan.actions if action.kind == "index")
    reads = [q for q in plan.queries if q.same_answer is not None and q.before_steps]
    worst = max(q.after_steps / q.before_steps for q in reads)
    expert_steps, expert_bytes = by_expert(path, workload)
    print(f"{name} ({path.stat().st_size / 1e6:.0f} MB, {len(plan.queries)} statements)")
    print(f"  now              {plan.before:>16,.0f} steps")
    print(
        f"  dbtool           {plan.after:>16,.0f} steps  {plan.before / plan.after:8.1f}x fewer  "
        f"{new / 1e6:7.2f} MB of indexes  {took_s:5.1f} s ({cpu_s:.1f} s CPU), "
        f"worst query {worst:.2f}x, answers {'same' if all(q.same_answer for q in reads) else 'DIFFER'}"
    )
    print(
        f"  sqlite3_expert   {expert_steps:>16,.0f} steps  {plan.before / expert_steps:8.1f}x fewer  "
        f"{expert_bytes / 1e6:7.2f} MB of indexes"
    )


def main() -> None:
    size_mb = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    if DATA.is_dir():
        show("Chinook", DATA / "chinook.sqlite", CHINOOK)
        show("Northwind", DATA / "northwind.db", NORTHWIND)
    with tempfile.TemporaryDirectory() as folder:
        # A little more text than `make_shop` counts with makes the megabytes whole.
        show("shop", make_shop(Path(folder) / "shop.db", size_mb * 135 // 100), QUERIES)


if __name__ == "__main__":
    main()
