"""A command that runs until it is told to stop hears signals at once."""

from __future__ import annotations

import os
import signal
import threading
import time

from dbtool.cli.attention import Attention
from dbtool.cli.signals import Interrupts


def _send_soon(number: int) -> threading.Timer:
    timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
    timer.start()
    return timer


def test_waiting_ends_when_a_signal_comes_and_it_is_no_interruption_later() -> None:
    interrupts = Interrupts()
    attention = Attention(interrupts)
    began_s = time.monotonic()
    with attention.paid():
        timer = _send_soon(signal.SIGTERM)
        attention.wait(30)
        timer.join()  # in here: out there the signal would end the test run
        assert attention.stopped
        attention.wait(30)
    assert time.monotonic() - began_s < 20
    assert interrupts.received is None


def test_hang_up_asks_for_the_configuration_once() -> None:
    attention = Attention(Interrupts())
    before = signal.getsignal(signal.SIGHUP)
    with attention.paid():
        timer = _send_soon(signal.SIGHUP)
        attention.wait(30)
        assert not attention.stopped
        assert attention.take_reload()
        assert not attention.take_reload()
        timer.join()
    assert signal.getsignal(signal.SIGHUP) is before
