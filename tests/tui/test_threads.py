"""What blocks keeps nobody waiting."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from dbtool.tui.threads import in_thread


def test_what_a_thread_returns_or_raises_is_given() -> None:
    async def story() -> None:
        assert await in_thread(len, "four") == 4
        with pytest.raises(TypeError):
            await in_thread(len, 4)  # type: ignore[arg-type]

    asyncio.run(story())


def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    async def story() -> None:
        future = in_thread(len, "four")
        future.cancel()
        await asyncio.sleep(0.05)
        assert future.cancelled()

    asyncio.run(story())


def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    program = (
        "import asyncio, threading\n"
        "from dbtool.tui.threads import in_thread\n"
        "async def story():\n"
        "    in_thread(lambda _: threading.Event().wait(), None)\n"
        "    await asyncio.sleep(0.05)\n"
        "asyncio.run(story())\n"
        "print('ended')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )
    assert done.stdout == b"ended\n"
