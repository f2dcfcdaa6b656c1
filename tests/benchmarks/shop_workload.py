# ruff: noqa: E501 - statements read best on one line
"""A shop of any size without indexes beyond its keys, and the 20 statements its application runs."""

from __future__ import annotations

import json
import random
from pathlib import Path

import apsw

SCHEMA = """
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL COLLATE NOCASE,
  country TEXT NOT NULL, created TEXT NOT NULL);
CREATE TABLE products(id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  category TEXT NOT NULL, price REAL NOT NULL, stock INTEGER NOT NULL);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id),
  status TEXT NOT NULL, created TEXT NOT NULL, total REAL NOT NULL, paid_at TEXT, note TEXT);
CREATE TABLE order_items(id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id),
  product_id INTEGER NOT NULL REFERENCES products(id), quantity INTEGER NOT NULL, price REAL NOT NULL);
CREATE TABLE events(id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,
  customer_id INTEGER REFERENCES customers(id), data TEXT NOT NULL);
CREATE TABLE reviews(product_id INTEGER NOT NULL, customer_id INTEGER NOT NULL, stars INTEGER NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY(product_id, customer_id)) WITHOUT ROWID;
"""
QUERIES = """
-- runs: 500
SELECT * FROM orders WHERE customer_id = 4711 ORDER BY created DESC LIMIT 20;
-- runs: 500
SELECT i.*, p.name FROM order_items i JOIN products p ON p.id = i.product_id WHERE i.order_id = 1234;
-- runs: 300
SELECT id, name FROM customers WHERE email = 'Customer900@example.com';
-- runs: 50
SELECT id, created, total FROM orders WHERE status = 'pending' ORDER BY created, id;
-- runs: 20
SELECT count(*), sum(total) FROM orders WHERE created >= '2026-03-01' AND created < '2026-03-08';
-- runs: 20
SELECT c.country, count(*), sum(o.total) FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.created >= '2026-06-01' AND o.created < '2026-06-03' GROUP BY c.country;
-- runs: 30
SELECT p.id, p.name, sum(i.quantity) FROM order_items i JOIN products p ON p.id = i.product_id WHERE p.category = 'garden' AND p.price > 95 GROUP BY p.id;
-- runs: 100
SELECT * FROM events WHERE customer_id = 815 AND kind = 'login' ORDER BY at DESC LIMIT 5;
-- runs: 10
SELECT kind, count(*) FROM events WHERE at >= '2026-07-01' AND at < '2026-07-02' GROUP BY kind;
-- runs: 40
SELECT id, name FROM customers WHERE lower(name) = 'customer number 77';
-- runs: 10
SELECT id FROM orders WHERE paid_at IS NULL AND created < '2026-01-03' AND status = 'pending' ORDER BY id;
-- runs: 80
SELECT id, sku, price FROM products WHERE category = 'toys' ORDER BY price, id LIMIT 10;
-- runs: 20
SELECT avg(stars), count(*) FROM reviews WHERE product_id = 99;
-- runs: 20
SELECT product_id, stars FROM reviews WHERE customer_id = 1500 ORDER BY product_id;
-- runs: 5
SELECT id FROM events WHERE json_extract(data, '$.ip') = '10.1.2.3' ORDER BY id;
-- runs: 60
SELECT o.id FROM orders o WHERE o.customer_id = 99 AND EXISTS (SELECT 1 FROM order_items i WHERE i.order_id = o.id AND i.product_id = 5) ORDER BY o.id;
-- runs: 10
SELECT max(created) FROM orders WHERE customer_id = 2500;
-- runs: 15
SELECT id, total FROM orders WHERE total > 1990 ORDER BY total DESC, id LIMIT 25;
-- runs: 200
INSERT INTO orders(customer_id, status, created, total) VALUES (17, 'pending', '2026-11-01T10:00:00', 10);
-- runs: 200
UPDATE orders SET status = 'paid', paid_at = '2026-11-01T11:00:00' WHERE id = 4242;
"""


def make_shop(path: Path, size_mb: int = 100, seed: int = 1) -> Path:
    """Create a shop of about that many megabytes."""
    draw = random.Random(seed)
    scale = size_mb / 100
    customers, products = int(20_000 * scale) + 3_000, int(2_000 * scale) + 200
    orders, events = int(250_000 * scale) + 1000, int(240_000 * scale) + 1000
    connection = apsw.Connection(str(path))
    connection.pragma("synchronous", "off")
    connection.execute(SCHEMA)
    with connection:
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, ?, ?, ?)",
            (
                (
                    n,
                    f"Customer Number {n}",
                    f"customer{n}@example.com",
                    draw.choice(("DE", "FR", "IT", "US")),
                    _day(draw),
                )
                for n in range(1, customers + 1)
            ),
        )
        categories = ("garden", "toys", "books", "music", "kitchen", "sports", "tools", "pets")
        connection.executemany(
            "INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    n,
                    f"SKU-{n:06}",
                    f"Product {n}",
                    draw.choice(categories),
                    draw.randint(100, 10_000) / 100,
                    draw.randint(0, 100),
                )
                for n in range(1, products + 1)
            ),
        )
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)",
            (_order(draw, n, orders, customers) for n in range(1, orders + 1)),
        )
        connection.executemany(
            "INSERT INTO order_items(order_id, product_id, quantity, price) VALUES (?, ?, ?, ?)",
            (
                (n, draw.randint(1, products), draw.randint(1, 5), draw.randint(100, 9999) / 100)
                for n in range(1, orders + 1)
                for _ in range(draw.randint(1, 4))
            ),
        )
        connection.executemany(
            "INSERT INTO events(at, kind, customer_id, data) VALUES (?, ?, ?, ?)",
            (
                (
                    _day(draw),
                    draw.choice(("login", "view", "cart", "search", "logout")),
                    draw.randint(1, customers),
                    _data(draw),
                )
                for _ in range(events)
            ),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO reviews VALUES (?, ?, ?, ?)",
            (
                (
                    draw.randint(1, products),
                    draw.randint(1, customers),
                    draw.randint(1, 5),
                    "good value, came quickly " * draw.randint(1, 3),
                )
                for _ in range(int(40_000 * scale) + 500)
            ),
        )
    connection.close()
    return path


def _order(draw: random.Random, number: int, orders: int, customers: int) -> tuple:
    pending = draw.random() < 0.01
    created = f"2026-{1 + (number - 1) * 10 // orders:02}-{draw.randint(1, 28):02}T{draw.randint(0, 23):02}:00:00"
    return (
        number,
        draw.randint(1, customers),
        "pending" if pending else draw.choice(("paid", "sent")),
        created,
        draw.randint(100, 200_000) / 100,
        None if pending else created,
        "please leave it at the door" if draw.random() < 0.1 else None,
    )


def _day(draw: random.Random) -> str:
    return f"2026-{draw.randint(1, 10):02}-{draw.randint(1, 28):02}T{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:00"


def _data(draw: random.Random) -> str:
    return json.dumps(
        {
            "ip": f"10.{draw.randint(0, 30)}.{draw.randint(0, 255)}.{draw.randint(0, 255)}",
            "agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "path": f"/products/{draw.randint(1, 2000)}",
            "ms": draw.randint(1, 900),
        }
    )
