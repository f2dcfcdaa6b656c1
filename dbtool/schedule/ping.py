"""Telling a dead man's switch (healthchecks.io and its like) that a job began, ended or failed.

The address is called as it is after a success, with `/start` before the job and `/fail` after a
failure; the summary is the body of the request. A switch that does not answer is never the reason
why a backup fails.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

__all__ = ["Event", "ping"]

Event = Literal["start", "success", "failure"]

_PATHS: Final[dict[Event, str]] = {"start": "/start", "success": "", "failure": "/fail"}
_ATTEMPTS: Final = 3
_LIMIT_S: Final = 10.0
_LONGEST_BODY: Final = 10_000


def ping(
    url: str,
    event: Event,
    summary: str,
    *,
    wait: Callable[[float], None],
    limit_s: float = _LIMIT_S,
) -> str:
    """Call the address of an event; return what went wrong as a sentence, or nothing.

    Args:
        url: http or https.
        event: of the job.
        summary: the body.
        wait: sleeps between attempts, in seconds.
        limit_s: for one attempt.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return f"ping_url {url!r} is no http or https address"
    address = urlunsplit(parts._replace(path=parts.path.rstrip("/") + _PATHS[event]))
    problem = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            wait(float(2**attempt))
        problem = _call(address, summary, limit_s)
        if not problem:
            return ""
    # Its path is often the secret that lets anyone report a success, so it is not repeated.
    return f"{parts.scheme}://{parts.netloc} did not take the {event} ping: {problem}"


def _call(address: str, summary: str, limit_s: float) -> str:
    body = summary.encode("utf-8", "replace")[:_LONGEST_BODY]
    request = urllib.request.Request(  # noqa: S310  the scheme was checked
        address, data=body, headers={"User-Agent": "dbtool", "Content-Type": "text/plain"}
    )
    try:
        with urllib.request.urlopen(request, timeout=limit_s):  # noqa: S310  as above
            return ""
    except urllib.error.HTTPError as error:
        return f"it answered {error.code} {error.reason}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
