from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import UsageError
from dbtool.store.local import LocalStore
from dbtool.store.objectstore import ObjectStore
from dbtool.store.urls import is_remote, local_root, open_store


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/srv/backups", "/srv/backups"),
        ("relative/place", "relative/place"),
        ("with:colon", "with:colon"),
        ("odd #name?", "odd #name?"),
        ("file:///srv/backups", "/srv/backups"),
        ("FILE:///srv", "/srv"),
        ("file://localhost/srv", "/srv"),
        ("file:///with%20space", "/with space"),
        ("file:///odd#name?x", "/odd#name?x"),
    ],
)
def test_a_path_and_its_url_mean_the_same_folder(location: str, path: str) -> None:
    assert local_root(location) == Path(path)


@pytest.mark.parametrize("location", ["http://bucket/prefix", "ftp://host/x", "B2://b"])
def test_an_unknown_scheme_is_named_with_those_that_are_known(location: str) -> None:
    with pytest.raises(UsageError) as raised:
        open_store(location)
    assert raised.value.code == "store-scheme-unknown"
    assert location.split(":", 1)[0].lower() in raised.value.message
    assert "file://" in raised.value.context


@pytest.mark.parametrize("location", ["", "file://", "file://host/x", "a\0b", "file:///a%00b"])
def test_a_location_that_means_no_folder_is_refused(location: str) -> None:
    with pytest.raises(UsageError) as raised:
        open_store(location)
    assert raised.value.code == "store-location-invalid"


def test_opening_touches_nothing_unless_asked_to_create(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "new"))
    assert isinstance(store, LocalStore)
    assert list(tmp_path.iterdir()) == []
    open_store(str(tmp_path / "new"), create=True)
    assert (tmp_path / "new").is_dir()


def test_a_file_is_no_place_for_a_repository(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UsageError) as raised:
        open_store(str(tmp_path / "file"), create=True)
    assert raised.value.code == "store-not-a-folder"


def test_a_url_of_a_cloud_is_remote_and_no_folder() -> None:
    assert is_remote("s3://bucket/prefix")
    assert is_remote("AZ://container")
    assert not is_remote("/srv/s3")
    assert not is_remote("file:///srv")
    with pytest.raises(UsageError) as raised:
        local_root("s3://bucket/prefix")
    assert raised.value.code == "store-location-invalid"


def test_a_bucket_is_opened_without_asking_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = open_store("s3://bucket/prefix?endpoint=http://127.0.0.1:1")
    assert isinstance(store, ObjectStore)
    assert store.location == "s3://bucket/prefix?endpoint=http://127.0.0.1:1"
