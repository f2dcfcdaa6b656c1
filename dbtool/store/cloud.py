"""The three clouds as one client, through the library `obstore`, and what their failures mean.

    s3://BUCKET/PREFIX      Amazon S3 and what speaks like it      AWS_*
    gs://BUCKET/PREFIX      Google Cloud Storage                   GOOGLE_*
    az://CONTAINER/PREFIX   Azure Blob Storage                     AZURE_*

Credentials, region and endpoint come from the variables that each cloud's own tools know; obstore
reads them itself. `?endpoint=URL` and `?region=NAME` go before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from dbtool.errors import NotFound, StorageFailed, Unreachable, UsageError

__all__ = [
    "CLOUDS",
    "CloudPlace",
    "ObjectTaken",
    "RangeRefused",
    "cloud_client",
    "failures_understood",
]

CLOUDS: Final = {"s3": "AWS_*", "gs": "GOOGLE_*", "az": "AZURE_*"}
"""URL schemes, and where the credentials of each are looked for."""

_SILENCE = timedelta(seconds=60)
"""How long a store may say nothing while it is waited for."""
_UPLOAD = timedelta(minutes=5)
"""How long one request may take: the largest pack, 16 MiB, over half a megabit a second."""
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>|x-ms-error-code: (\w{1,100})")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})")
_NO_CREDENTIALS = re.compile(
    # Nobody gave any, so the machine's own role was asked for, and there is none.
    r"performing \w+ http://(?:169\.254\.1|metadata\.google)|[Mm]issing ?[A-Za-z ]*[Cc]redential"
)
_REQUEST = re.compile(r"^.* in [\d.]+\w+ - ")
_NO_PLACE = frozenset({"NoSuchBucket", "ContainerNotFound"})
_NOT_THAT_RANGE = re.compile(r"non-partial response|Wanted range starting at")
_RANGE_NOT_SATISFIABLE = 416
_BAD_REQUEST, _SERVER_FAILED = 400, 500
_TRIED_AGAIN = frozenset({408, 409, 425, 429})


class ObjectTaken(Exception):  # noqa: N818  never seen outside of the store
    """There is an object of this name already."""


class RangeRefused(Exception):  # noqa: N818  never seen outside of the store
    """The range that was asked for does not lie within the object."""


@dataclass(frozen=True, slots=True)
class CloudPlace:
    """A bucket or container, and a prefix in it."""

    scheme: str
    bucket: str
    prefix: str
    """Without slashes around it; may be empty."""
    endpoint: str | None = None
    region: str | None = None
    single_writer: bool = False
    """True: somebody vouches that the store needs no conditional writes."""

    @classmethod
    def parse(cls, location: str) -> CloudPlace:
        """Take a URL apart.

        Raises:
            UsageError: `store-location-invalid`.
        """
        parts = urlsplit(location)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = sorted(set(options) - {"endpoint", "region", "single-writer"})
        prefix = unquote(parts.path).strip("/")
        if not parts.netloc or "@" in parts.netloc or ":" in parts.netloc or parts.fragment:
            raise _invalid(location, "it names no bucket, or more than a bucket and a prefix")
        if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
            raise _invalid(location, "its prefix has empty parts")
        if unknown or options.get("single-writer", "true") != "true":
            raise _invalid(
                location, "what may follow `?` is endpoint=URL, region=NAME and single-writer=true"
            )
        return cls(
            parts.scheme.lower(),
            parts.netloc,
            prefix,
            options.get("endpoint"),
            options.get("region"),
            "single-writer" in options,
        )


def _invalid(location: str, why: str) -> UsageError:
    return UsageError(
        "store-location-invalid",
        f"{location!r} is not the URL of a place for objects",
        context=why,
        hint="write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX",
    )


def cloud_client(place: CloudPlace, *, sends_much: bool = False) -> Any:
    """Return the `obstore` store for a place; nothing is asked of the network yet.

    Args:
        place: where.
        sends_much: for requests whose body may take longer to send than a store may be silent.

    Raises:
        UsageError: `extra-missing`, the library is not installed; `store-location-invalid`.
    """
    try:
        from obstore import store as clouds
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise UsageError(
            "extra-missing",
            f"repositories at {place.scheme}:// need the library obstore",
            context="it is an optional part of dbtool, and not installed",
            hint="pip install 'dbtool[objectstore]'",
        ) from error
    settings: dict[str, Any] = {
        "client_options": {
            "timeout": _UPLOAD,
            "connect_timeout": timedelta(seconds=10),
            "allow_http": True,  # only an endpoint that somebody wrote like that is
        },
        # We try again ourselves: only so is it known whether a create may have come through.
        "retry_config": {"max_retries": 0, "retry_timeout": _UPLOAD, "backoff": {}},
    }
    if not sends_much:
        settings["client_options"]["read_timeout"] = _SILENCE
    if place.prefix:
        settings["prefix"] = place.prefix
    maker = {"s3": clouds.S3Store, "gs": clouds.GCSStore, "az": clouds.AzureStore}[place.scheme]
    try:
        return maker(place.bucket, **settings, **_specific(place))
    except (BaseError, ValueError) as error:
        if _NO_CREDENTIALS.search(str(error)) or "Missing" in str(error):
            raise _no_credentials(f"{place.scheme}://{place.bucket}", place.scheme) from error
        raise UsageError(
            "store-location-invalid",
            f"cannot reach {place.scheme}://{place.bucket} with these settings: {_brief(error)}",
            context=f"they come from the URL and from {CLOUDS[place.scheme]} in the environment",
        ) from error


def _specific(place: CloudPlace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if place.scheme == "s3":
        # One request for each object, so that a policy may allow exactly that; and a checksum that
        # the store compares with what arrived.
        found = {"checksum_algorithm": "sha256", "disable_bulk_delete": True}
        if place.region:
            found["region"] = place.region
    if place.endpoint:
        found["base_url" if place.scheme == "gs" else "endpoint"] = place.endpoint
    return found


@contextmanager
def failures_understood(action: str, place: str, scheme: str) -> Iterator[None]:
    """Turn what `obstore` raises into errors of ours.

    Args:
        action: what was tried, as "write packs/ab/1".
        place: the store, for messages.
        scheme: of its URL.

    Raises:
        ObjectTaken: an object that shall be new is there.
        RangeRefused: the object ends before the range does.
        NotFound: `object-missing`, or `store-not-found` for the bucket itself.
        StorageFailed: `permission-denied`, `io-error`.
        UsageError: `credentials-missing`.
        Unreachable: `store-unreachable`; trying again may help.
    """
    from obstore import exceptions

    try:
        yield
    except exceptions.AlreadyExistsError as error:
        raise ObjectTaken from error
    except (exceptions.BaseError, OSError) as error:
        raise _understood(error, action, place, scheme) from error


def _understood(error: Exception, action: str, place: str, scheme: str) -> Exception:
    text = str(error)
    if _NO_CREDENTIALS.search(text):
        return _no_credentials(place, scheme)
    status, code = _STATUS.search(text), _CODE.search(text)
    number = int(status[1]) if status else 0
    if code and (code[1] or code[2]) in _NO_PLACE:
        return NotFound(
            "store-not-found",
            f"there is no bucket or container for {place}",
            hint="make it with the tools of its provider; dbtool makes none",
        )
    if isinstance(error, FileNotFoundError):
        return NotFound("object-missing", f"cannot {action}: it is missing from {place}")
    if number == _RANGE_NOT_SATISFIABLE or _NOT_THAT_RANGE.search(text):
        return RangeRefused(action)
    if number in (401, 403) or _is_denial(error):
        return _denied(_brief(error), action, place, scheme)
    return _failed(number, error, action, place)


def _is_denial(error: Exception) -> bool:
    from obstore import exceptions

    return isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError)


def _failed(number: int, error: Exception, action: str, place: str) -> Exception:
    """Return the error for a status that is no denial, or for no answer at all (0)."""
    if _BAD_REQUEST <= number < _SERVER_FAILED and number not in _TRIED_AGAIN:
        return StorageFailed("io-error", f"cannot {action} in {place}: {_brief(error)}")
    return _unreachable(error, action, place)


def _unreachable(error: Exception, action: str, place: str) -> Unreachable:
    return Unreachable(
        "store-unreachable",
        f"cannot {action}: {place} does not answer as it should",
        context=_brief(error),
        hint="is the network up, is the endpoint right? Running the command again is safe",
    )


def _denied(why: str, action: str, place: str, scheme: str) -> StorageFailed:
    return StorageFailed(
        "permission-denied",
        f"the credentials may not {action} in {place}",
        context=why,
        hint=f"they come from {CLOUDS[scheme]} in the environment, or from the machine's own role\n"
        "man dbtool-repository      lists the permissions that are needed",
    )


def _no_credentials(place: str, scheme: str) -> UsageError:
    examples = {
        "s3": "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...\n"
        'eval "$(aws configure export-credentials --format env)"      from a profile',
        "gs": "export GOOGLE_APPLICATION_CREDENTIALS=service-account.json",
        "az": "export AZURE_STORAGE_ACCOUNT_NAME=... AZURE_STORAGE_ACCOUNT_KEY=...",
    }
    return UsageError(
        "credentials-missing",
        f"there are no credentials for {place}",
        context=f"{CLOUDS[scheme]} in the environment is looked at, then the machine's own role",
        hint=examples[scheme],
    )


def _brief(error: Exception) -> str:
    """Return the words of a server in one line, or else the end of the chain of causes."""
    text = str(error)
    code, message = _CODE.search(text), _MESSAGE.search(text)
    if code:
        words = f"{code[1] or code[2]}: {message[1].strip()}" if message else code[1] or code[2]
        return " ".join(words.split())
    first = text.partition("\n\nDebug source")[0]
    return _REQUEST.sub("", " ".join(first.split()))[-300:]
