"""The kernel's list of locks says who reads and who writes."""

from __future__ import annotations

import os

from dbtool.monitor.locks import Lock, database_locks, parse_locks

LIST = b"""\
1: POSIX  ADVISORY  READ 31448 fe:00:2204511 124 124
2: POSIX  ADVISORY  WRITE 31449 fe:00:2204511 120 121
3: -> POSIX  ADVISORY  WRITE 31450 fe:00:2204511 120 120
4: POSIX  ADVISORY  READ 31449 fe:00:2204511 128 128
5: FLOCK  ADVISORY  WRITE 1 fe:00:2204511 0 EOF
6: OFDLCK ADVISORY  READ -1 fe:00:2204511 0 0
7: POSIX  ADVISORY  READ 99 fe:00:22045110 0 EOF
8: POSIX  ADVISORY  READ 98 00:2e:77 0 EOF
"""


def test_the_locks_of_one_file_are_told_from_all_others() -> None:
    found = parse_locks(LIST, os.makedev(0xFE, 0), 2204511)
    assert [(lock.pid, lock.exclusive, lock.start) for lock in found] == [
        (31448, False, 124),
        (31449, True, 120),
        (31449, False, 128),
    ]
    assert parse_locks(LIST, os.makedev(0xFE, 0), 1) == []


def test_another_device_than_stat_names_counts_where_no_line_has_that() -> None:
    (lock,) = parse_locks(LIST, os.makedev(0, 0x99), 77)
    assert (lock.pid, lock.covers(10**15)) == (98, True)


def test_locks_of_a_log_mean_writers_checkpointers_and_readers() -> None:
    index = [
        Lock(1, exclusive=True, start=120, end=121),
        Lock(2, exclusive=False, start=123, end=124),
        Lock(3, exclusive=True, start=122, end=122),
        Lock(2, exclusive=False, start=128, end=128),
    ]
    found = database_locks([], index)
    assert found.writers == found.checkpointers == (1,)
    assert found.recovering == (3,)
    assert found.readers == ((0, 2), (1, 2))
    assert found.users == (2,)


def test_a_checkpointer_that_waits_for_readers_is_no_reader() -> None:
    assert database_locks([], [Lock(1, exclusive=True, start=124, end=127)]).readers == ()


def test_locks_of_a_database_mean_a_writer_and_users() -> None:
    pending = 0x40000000
    main = [
        Lock(1, exclusive=True, start=pending + 1, end=pending + 1),
        Lock(1, exclusive=False, start=pending + 2, end=pending + 511),
        Lock(2, exclusive=False, start=pending + 2, end=pending + 511),
    ]
    found = database_locks(main, [])
    assert (found.writers, found.users) == ((1,), (1, 2))
