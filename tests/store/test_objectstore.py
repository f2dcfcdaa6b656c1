from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret
from dbtool.errors import Locked, NotFound, StorageFailed, Unreachable, UsageError
from dbtool.store.appendonly import AppendOnlyStore
from dbtool.store.objectstore import ObjectStore
from dbtool.store.retry import Patience
from tests.store.conftest import LIVELY, QUICK
from tests.store.faultyproxy import FaultyProxy

HASTY = Patience(attempts=2, attempts_at_first=2, first_s=0.001)


def fill(path: Path, rows: int) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("create table if not exists t(id integer primary key, x blob)")
    connection.execute(
        "with n(i) as (values(1) union all select i + 1 from n where i < ?) "
        "insert into t(x) select randomblob(3000) from n",
        (rows,),
    )
    connection.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    fill(path, 50)
    return path


def proxied(proxy: FaultyProxy, name: str, patience: Patience = QUICK) -> ObjectStore:
    location = f"s3://bucket/{name}?endpoint={proxy.url}"
    return ObjectStore(location, patience=patience, rhythm=LIVELY)


def test_a_store_without_conditional_writes_is_refused_with_a_clear_word(rclone_url: str) -> None:
    with pytest.raises(UsageError) as raised:
        ObjectStore(rclone_url, patience=QUICK).require_conditions()
    assert raised.value.code == "store-unconditional"
    assert "If-None-Match" in raised.value.context
    assert "single-writer=true" in raised.value.hint
    ObjectStore(f"{rclone_url}&single-writer=true", patience=QUICK).require_conditions()


def test_the_probe_leaves_nothing_and_a_missing_bucket_is_named(
    s3_store: ObjectStore, s3_endpoint: str
) -> None:
    assert list(s3_store.list("")) == []
    assert list(s3_store._bucket.listed("")) == []
    absent = ObjectStore(f"s3://none/x?endpoint={s3_endpoint}", patience=QUICK)
    with pytest.raises(NotFound) as raised:
        absent.require_conditions()
    assert raised.value.code == "store-not-found"


def test_the_endpoint_may_come_from_the_environment(
    s3_store: ObjectStore, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_store.put("packs/a", b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    plain = ObjectStore(s3_store.location.partition("?")[0], patience=QUICK)
    assert plain.get("packs/a") == b"x"


def test_leases_are_no_objects_of_the_repository(s3_store: ObjectStore) -> None:
    with s3_store.lock(exclusive=True):
        assert list(s3_store.list("")) == []
        assert len(list(s3_store._bucket.listed("locks"))) == 1
    assert list(s3_store._bucket.listed("")) == []


def test_an_object_that_nobody_commits_is_never_sent(s3_store: ObjectStore) -> None:
    writer = s3_store.create("packs/a")
    writer.write(b"x" * 1_000_000)
    del writer
    assert list(s3_store._bucket.listed("")) == []


def test_a_backup_whose_lock_was_taken_away_is_not_committed(
    s3_store: ObjectStore, database: Path
) -> None:
    repository = Repository.create(s3_store)
    with s3_store.lock(exclusive=False):
        for key, _ in list(s3_store._bucket.listed("locks")):
            s3_store._bucket.remove(key)
        with pytest.raises(Locked) as raised:
            repository.backup(database)
    assert raised.value.code == "lock-lost"
    assert repository.snapshots() == []
    repository.backup(database)
    assert len(repository.snapshots()) == 1


def test_who_may_only_read_can_list_and_restore_but_not_back_up(
    proxy: FaultyProxy, database: Path, tmp_path: Path, cloud_credentials: None
) -> None:
    store = proxied(proxy, secrets.token_hex(4))
    Repository.create(store).backup(database)
    proxy.forbidden = lambda method, _path, _headers: method in ("PUT", "DELETE", "POST")
    repository = Repository.open(store)
    repository.restore(repository.snapshots()[-1], tmp_path / "back.db")
    assert (tmp_path / "back.db").stat().st_size == database.stat().st_size
    fill(database, 1)
    with pytest.raises(StorageFailed) as raised:
        repository.backup(database)
    assert raised.value.code == "permission-denied"


def test_the_policy_of_the_manual_lets_a_machine_add_and_nothing_else(
    proxy: FaultyProxy, database: Path, tmp_path: Path, cloud_credentials: None
) -> None:
    def denied(method: str, path: str, headers: Mapping[str, str]) -> bool:
        """What dbtool-repository(5) shows as a policy for S3, as a function."""
        folder = path.split("/")[3] if path.count("/") > 2 else ""
        if method in ("GET", "HEAD"):
            return False
        if method == "DELETE":
            return folder != "locks"
        conditional = {name.lower(): value for name, value in headers.items()}
        return conditional.get("if-none-match") != "*" and folder not in ("heads", "locks")

    name = secrets.token_hex(4)
    store = proxied(proxy, name)
    full = Repository.create(store)
    proxy.forbidden = denied
    added = Repository.open(AppendOnlyStore(proxied(proxy, name)))
    added.backup(database)
    fill(database, 2)
    added.backup(database)
    assert added.backup(database).unchanged
    assert added.verify(read_data=1.0).findings == ()
    added.restore(added.snapshots()[0], tmp_path / "back.db")
    key, _ = next(iter(store.list("packs/")))
    for harm in (lambda: store.delete(key), lambda: store.replace(key, b"gone")):
        with pytest.raises(StorageFailed) as raised:
            harm()
        assert raised.value.code == "permission-denied"
    proxy.reset()
    assert len(full.snapshots()) == 2
    assert full.verify(read_data=1.0).findings == ()
    assert list(store._bucket.listed("locks")) == []


def test_a_backup_comes_through_a_bad_line(
    proxy: FaultyProxy, database: Path, tmp_path: Path, cloud_credentials: None
) -> None:
    repository = Repository.create(proxied(proxy, secrets.token_hex(4)))
    faults = ("503", "cut", "lost", "500", "short")
    proxy.reset()
    proxy.faults = {number: faults[number // 2 % 5] for number in range(0, 200, 2)}
    repository.backup(database)
    repository.restore(repository.snapshots()[-1], tmp_path / "back.db")
    assert repository.verify(read_data=1.0).findings == ()
    proxy.reset()
    assert len(repository.snapshots()) == 1


def test_whenever_the_line_dies_earlier_snapshots_stay_and_running_again_succeeds(
    proxy: FaultyProxy, tmp_path: Path, cloud_credentials: None
) -> None:
    secret = Secret("key-file", bytes(range(32)))
    name = secrets.token_hex(4)
    database = tmp_path / "app.db"
    fill(database, 30)
    created = Repository.create(proxied(proxy, name), secret=secret)
    first = created.backup(database).snapshot
    assert first
    original = database.read_bytes()
    taken, requests, dies_at = 1, 100, 0
    while dies_at < requests:
        fill(database, 1)
        proxy.reset()
        proxy.all_from = dies_at
        try:
            repository = Repository.open(proxied(proxy, name, HASTY), secret=lambda: secret)
            repository.backup(database)
            requests = len(proxy.requests)  # all of it came through: nothing more to cut
        except Unreachable as error:
            assert error.exit_code == 14
        proxy.reset()
        repository = Repository.open(proxied(proxy, name), secret=lambda: secret)
        listed = repository.snapshots()
        assert taken <= len(listed) <= taken + 1
        repository.backup(database)
        taken = len(repository.snapshots())
        dies_at += 1
    assert repository.verify(read_data=1.0).findings == ()
    repository.restore(first.id, tmp_path / "first.db")
    assert (tmp_path / "first.db").read_bytes() == original
    repository.restore(repository.snapshots()[-1], tmp_path / "last.db")
    assert (tmp_path / "last.db").read_bytes() == database.read_bytes()
    assert dies_at > 5
