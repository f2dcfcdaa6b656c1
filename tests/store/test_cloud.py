from __future__ import annotations

import sys

import pytest

from dbtool.errors import NotFound, StorageFailed, Unreachable, UsageError
from dbtool.store.cloud import (
    CloudPlace,
    ObjectTaken,
    RangeRefused,
    cloud_client,
    failures_understood,
)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("s3://bucket/app", CloudPlace("s3", "bucket", "app")),
        ("S3://bucket", CloudPlace("s3", "bucket", "")),
        ("gs://bucket/a/b/", CloudPlace("gs", "bucket", "a/b")),
        ("az://container/with%20space", CloudPlace("az", "container", "with space")),
        (
            "s3://b/p?endpoint=http://127.0.0.1:9000&region=eu-west-1",
            CloudPlace("s3", "b", "p", "http://127.0.0.1:9000", "eu-west-1"),
        ),
        ("s3://b/p?single-writer=true", CloudPlace("s3", "b", "p", single_writer=True)),
    ],
)
def test_a_url_names_a_bucket_and_a_prefix(location: str, place: CloudPlace) -> None:
    assert CloudPlace.parse(location) == place


@pytest.mark.parametrize(
    "location",
    [
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket/prefix",
        "s3://host:9000/bucket",
        "s3://bucket/a//b",
        "s3://bucket/../other",
        "s3://bucket/p#x",
        "s3://bucket/p?secret=1",
        "s3://bucket/p?single-writer=maybe",
    ],
)
def test_a_url_that_names_anything_else_is_refused(location: str) -> None:
    with pytest.raises(UsageError) as raised:
        CloudPlace.parse(location)
    assert raised.value.code == "store-location-invalid"


def test_the_missing_extra_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError) as raised:
        cloud_client(CloudPlace("s3", "bucket", ""))
    assert raised.value.code == "extra-missing"
    assert raised.value.hint == "pip install 'dbtool[objectstore]'"


@pytest.mark.usefixtures("cloud_credentials")
def test_credentials_that_are_not_whole_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError) as raised:
        cloud_client(CloudPlace("s3", "bucket", ""))
    assert raised.value.code == "credentials-missing"
    assert "AWS_ACCESS_KEY_ID" in raised.value.hint


@pytest.mark.usefixtures("cloud_credentials")
@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_each_cloud_makes_a_client_without_asking_the_network(scheme: str) -> None:
    assert cloud_client(CloudPlace(scheme, "bucket", "a/b", "http://127.0.0.1:1"))


def s3_error(status: str, body: str = "") -> Exception:
    from obstore.exceptions import GenericError

    return GenericError(
        f"Generic S3 error: Error performing PUT http://h/b/k in 1ms - Server returned non-2xx "
        f"status code: {status}: {body}"
    )


def missing(code: str) -> Exception:
    return FileNotFoundError(f"Object at location x not found: <Error><Code>{code}</Code></Error>")


def unanswered(words: str) -> Exception:
    from obstore.exceptions import GenericError

    return GenericError(f"Generic S3 error: {words}\n\nDebug source:\nmuch more")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (missing("NoSuchBucket"), NotFound, "store-not-found"),
        (missing("NoSuchKey"), NotFound, "object-missing"),
        (
            s3_error("403 Forbidden", "<Code>AccessDenied</Code>"),
            StorageFailed,
            "permission-denied",
        ),
        (s3_error("401 Unauthorized"), StorageFailed, "permission-denied"),
        (
            s3_error("400 Bad Request", "<Code>InvalidDigest</Code><Message>no</Message>"),
            StorageFailed,
            "io-error",
        ),
        (s3_error("500 Internal Server Error"), Unreachable, "store-unreachable"),
        (s3_error("503 Slow Down"), Unreachable, "store-unreachable"),
        (s3_error("429 Too Many Requests"), Unreachable, "store-unreachable"),
        (s3_error("409 Conflict"), Unreachable, "store-unreachable"),
        (unanswered("HTTP error: error sending request"), Unreachable, "store-unreachable"),
        (
            unanswered("Error performing PUT http://169.254.169.254/latest/api/token in 1s"),
            UsageError,
            "credentials-missing",
        ),
        (
            unanswered(
                "Error performing PUT http://169.254.169.254/latest/api/token in 1ms - "
                "Server returned non-2xx status code: 403 Forbidden: no"
            ),
            UsageError,
            "credentials-missing",
        ),
    ],
)
def test_each_failure_has_its_kind_and_code(error: Exception, kind: type, code: str) -> None:
    with pytest.raises(kind) as raised, failures_understood("write k", "s3://b", "s3"):
        raise error
    assert raised.value.code == code
    assert "Debug source" not in raised.value.context


def test_a_denial_says_which_credentials_and_what_the_server_said() -> None:
    denied = s3_error("403 Forbidden", "<Code>AccessDenied</Code><Message>not you</Message>")
    with pytest.raises(StorageFailed) as raised, failures_understood("write k", "az://b", "az"):
        raise denied
    assert "may not write k" in raised.value.message
    assert raised.value.context == "AccessDenied: not you"
    assert "AZURE_*" in raised.value.hint


def test_a_failure_is_told_in_the_words_that_matter() -> None:
    with pytest.raises(Unreachable) as raised, failures_understood("read k", "s3://b", "s3"):
        raise unanswered("Error performing GET http://h/b/k in 263.2µs - HTTP error: no route")
    assert raised.value.context == "HTTP error: no route"


def test_a_range_or_an_object_in_the_way_is_told_apart() -> None:
    from obstore.exceptions import AlreadyExistsError

    with pytest.raises(RangeRefused), failures_understood("read k", "s3://b", "s3"):
        raise s3_error("416 Range Not Satisfiable")
    with pytest.raises(ObjectTaken), failures_understood("write k", "s3://b", "s3"):
        raise AlreadyExistsError("there")
