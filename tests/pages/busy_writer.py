"""A child process that commits as fast as it can, through the standard library's SQLite.

Usage: busy_writer.py DATABASE KIND. It prints "ready", writes until its standard input closes, and
prints how many transactions it committed. Every transaction keeps the invariant that
`tests.pages.databases.invariant` checks.
"""

import random
import sqlite3
import sys
import threading

path, kind = sys.argv[1], sys.argv[2]
connection = sqlite3.connect(path, isolation_level=None, timeout=30)
connection.execute(f"PRAGMA journal_mode={'delete' if kind == 'delete' else 'wal'}")
connection.execute("PRAGMA synchronous=off")
if kind == "no-checkpoint":
    connection.execute("PRAGMA wal_autocheckpoint=0")
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
chance = random.Random(7)
print("ready", flush=True)
count = 0
while not stop.is_set():
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(chance.randrange(1, 12)):
        number = chance.randrange(1, 400)
        old = connection.execute("SELECT amount FROM account WHERE id=?", (number,)).fetchone()
        amount, size = chance.randrange(1000), chance.randrange(10, 6000)
        connection.execute(
            "UPDATE total SET amount = amount + ?", (amount - (old[0] if old else 0),)
        )
        connection.execute(
            "INSERT OR REPLACE INTO account VALUES (?, ?, randomblob(?))", (number, amount, size)
        )
    connection.execute("UPDATE total SET counter = counter + 1")
    connection.execute("COMMIT")
    count += 1
    if kind == "checkpoint" and count % 7 == 0:
        connection.execute(
            "PRAGMA busy_timeout=0"
        )  # restart and truncate would wait for our readers
        connection.execute(
            f"PRAGMA wal_checkpoint({chance.choice(['passive', 'restart', 'truncate'])})"
        )
        connection.execute("PRAGMA busy_timeout=30000")
    if kind == "vacuum" and count % 20 == 0:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM account WHERE id > 200")
        connection.execute("UPDATE total SET amount = (SELECT sum(amount) FROM account)")
        connection.execute("COMMIT")
        connection.execute("VACUUM")
print(count, flush=True)
