"""The server answers Prometheus and health checks, and nobody else."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dbtool.errors import NotFound, StorageFailed, UsageError
from dbtool.monitor.exporter import registry_of
from dbtool.monitor.httpserver import Address, health_of, parse_address, serving
from dbtool.monitor.sampler import Sampling
from tests.monitor.lookstands import CALM, NOW

WELL = Sampling(NOW, CALM, None, (), None, None, {"commits": 1})
GONE = Sampling(NOW, None, NotFound("database-not-found", "it is gone"), (), None, None)


@contextmanager
def served(**samplings: Sampling) -> Iterator[Address]:
    registry = registry_of(lambda: samplings, "1")
    with serving(
        Address("127.0.0.1", 0), registry, lambda: health_of(samplings, NOW, 10.0)
    ) as address:
        yield address


def ask(address: Address, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def test_metrics_and_health_are_served() -> None:
    with served(app=WELL) as address:
        status, text = ask(address, "/metrics")
        assert status == 200
        assert {family.name for family in text_string_to_metric_families(text)} >= {"dbtool_up"}
        status, text = ask(address, "/healthz")
        assert (status, json.loads(text)["ok"]) == (200, True)
        assert ask(address, "/")[0] == 200


def test_everything_else_is_refused() -> None:
    with served(app=WELL) as address:
        for path in ("/metrics/", "/etc/passwd", "/../x", "/healthz/x"):
            assert ask(address, path)[0] == 404
        for path in ("/metrics", "/healthz"):
            assert ask(address, path, "POST")[0] == 405


def test_a_database_that_is_gone_is_not_healthy() -> None:
    with served(app=WELL, other=GONE) as address:
        status, text = ask(address, "/healthz")
    assert status == 503
    assert json.loads(text)["databases"]["other"]["problem"] == "it is gone"


def test_late_looks_are_not_healthy() -> None:
    assert health_of({"app": WELL}, NOW + timedelta(seconds=29), 10.0)[0]
    well, body = health_of({"app": WELL}, NOW + timedelta(seconds=31), 10.0)
    assert not well
    assert body["databases"]["app"]["problem"] == "looks are late"
    assert not health_of({}, NOW, 10.0)[0]


def test_a_client_that_says_nothing_keeps_nobody_waiting() -> None:
    with served(app=WELL) as address:
        silent = socket.create_connection(address)
        silent.sendall(b"GET")
        assert ask(address, "/metrics")[0] == 200
        silent.close()


def test_many_slow_clients_take_no_more_threads_and_keep_nobody_out() -> None:
    with served(app=WELL) as address:
        silent = [socket.create_connection(address) for _ in range(100)]
        assert ask(address, "/metrics")[0] == 200
        assert threading.active_count() < 50
        for client in silent[:60]:
            client.settimeout(10)
            assert client.recv(1) == b""
        for client in silent:
            client.close()


def test_an_address_that_is_taken_is_said() -> None:
    with served(app=WELL) as address, pytest.raises(StorageFailed) as raised:
        registry = registry_of(dict, "1")
        with serving(address, registry, lambda: (True, {})):
            pass
    assert raised.value.code == "address-unusable"
    with pytest.raises(StorageFailed), serving(Address("192.0.2.1", 1), registry, lambda: None):
        pass


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("9187", "127.0.0.1", 9187, True),
        (":9187", "127.0.0.1", 9187, True),
        ("localhost:0", "localhost", 0, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::1]:9187", "::1", 9187, True),
        ("[::]:9187", "::", 9187, False),
        ("db.example:9187", "db.example", 9187, False),
    ],
)
def test_addresses_are_read(text: str, host: str, port: int, loopback: bool) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1:", "host:99999", "1.2.3.4:-1", "a:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)
