"""The dashboard in a browser: textual-serve on loopback, for one user, read-only.

A page that drives a program is a door. So it listens on loopback alone; a request needs the secret
of this run, which the address that is printed holds and a cookie keeps; it has to name this server
as its host (a name that somebody else's DNS turns to 127.0.0.1 does not) and must not come from
another page; and the dashboard behind it was started without `--write`.
"""

from __future__ import annotations

import secrets
import shlex
import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from dbtool.errors import StorageFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dbtool.cli.context import Session

__all__ = ["guard", "parse_address", "serve"]

_COOKIE: Final = "dbtool-dashboard"
_PORTS: Final = range(1, 65536)


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT` or `PORT`.

    Raises:
        UsageError: `invalid-value`, it is none, or not on loopback.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or int(port) not in _PORTS:
        raise UsageError("invalid-value", f"--web {text}: a port is wanted", hint="--web=8000")
    if host != "localhost" and not _is_loopback(host):
        raise UsageError(
            "invalid-value",
            f"--web {text}: {host} is not on loopback",
            context="whoever reaches the page sees the database",
            hint="listen on 127.0.0.1 and reach it with ssh -L 8000:127.0.0.1:8000 HOST",
        )
    return "127.0.0.1" if host == "localhost" else host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def serve(session: Session, address: str, words: Sequence[str], title: str) -> None:
    """Serve the dashboard until a signal comes.

    Args:
        session: prints the address.
        address: `HOST:PORT`, on loopback.
        words: the command line of the dashboard, without the program's name.
        title: of the page.

    Raises:
        UsageError: the address is not usable, or `textual-serve` is not installed.
        StorageFailed: `web-failed`, the port is taken.
    """
    host, port = parse_address(address)
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError as error:
        raise UsageError(
            "extra-missing",
            "the browser view needs textual-serve, which is not installed",
            hint="pip install 'dbtool[web]'",
        ) from error
    secret = secrets.token_urlsafe(24)

    class Guarded(Server):
        async def _make_app(self) -> Any:
            app = await super()._make_app()
            app.middlewares.append(guard(host, port, secret))
            return app

        async def on_startup(self, app: Any) -> None:
            """Say nothing yet: nobody listens before this."""

    def announce(*_: object) -> None:
        session.output.line(f"{server.public_url}/?secret={secret}")
        sys.stdout.flush()
        session.note("open it in a browser on this machine; Ctrl-C ends the server")

    command = shlex.join([sys.executable, "-m", "dbtool", *words])
    shown = f"[{host}]" if ":" in host else host
    server = Guarded(command, host, port, title, public_url=f"http://{shown}:{port}")
    try:
        # The server's own `serve` would log every request with its secret.
        web.run_app(server._make_app(), host=host, port=port, print=announce, access_log=None)
    except OSError as error:
        raise StorageFailed(
            "web-failed", f"cannot serve on {shown}:{port}: {error.strerror or error}"
        ) from error


def guard(host: str, port: int, secret: str) -> Any:
    """Return the middleware that lets only the owner of the secret in, and only from here."""
    from aiohttp import web

    hosts = {f"{name}:{port}" for name in (host, f"[{host}]", "localhost")}

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.host not in hosts or (
            origin is not None and origin.partition("://")[2] not in hosts
        ):
            raise web.HTTPForbidden(text="this page belongs to another host")
        given = request.query.get("secret", "")
        if given and secrets.compare_digest(given, secret):
            answer = web.HTTPFound("/")
            answer.set_cookie(_COOKIE, secret, httponly=True, samesite="Strict")
            raise answer
        if not secrets.compare_digest(request.cookies.get(_COOKIE, ""), secret):
            raise web.HTTPForbidden(text="open the address that dbtool printed")
        return await handler(request)

    return check
