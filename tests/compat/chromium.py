"""Drives Debian's Chromium over its debugging protocol: open a page, wait, take a picture."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1400,900",
)


def picture(
    url: str, folder: Path, *, wait_for: str, fewest_bytes: int, seconds: float = 120
) -> bytes:
    """Return a PNG of a page once an expression in it is true and it is no empty page any more."""
    assert PROGRAM is not None
    profile = folder / "profile"
    with subprocess.Popen(
        [PROGRAM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            return asyncio.run(_picture(profile, url, wait_for, fewest_bytes, seconds))
        finally:
            process.kill()


async def _picture(
    profile: Path, url: str, wait_for: str, fewest_bytes: int, seconds: float
) -> bytes:
    async with asyncio.timeout(seconds):
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [page for page in await answer.json() if page["type"] == "page"]
            async with session.ws_connect(
                pages[0]["webSocketDebuggerUrl"], max_msg_size=2**26
            ) as socket:
                await _call(socket, 1, "Page.navigate", url=url)
                number = 2
                while not await _true(socket, number, wait_for):
                    number += 1
                    await asyncio.sleep(0.2)
                png = b""
                while len(png) < fewest_bytes:
                    number += 1
                    taken = await _call(socket, number, "Page.captureScreenshot")
                    png = base64.b64decode(taken["data"])
                return png


async def _port(path: Path) -> str:
    while not path.exists() or not path.read_text().strip():
        await asyncio.sleep(0.05)
    return path.read_text().split("\n")[0]


async def _true(socket: Any, number: int, expression: str) -> bool:
    answer = await _call(socket, number, "Runtime.evaluate", expression=expression)
    return answer["result"].get("value") is True


async def _call(socket: Any, number: int, method: str, **params: Any) -> dict[str, Any]:
    await socket.send_str(json.dumps({"id": number, "method": method, "params": params}))
    while True:
        message = json.loads((await socket.receive()).data)
        if message.get("id") == number:
            return message["result"]
