"""Files that appear whole or not at all, compressed on the way."""

from __future__ import annotations

import errno
import gzip
import hashlib
import stat
from pathlib import Path

import pytest
import zstandard

from dbtool.errors import Refused, StorageFailed
from dbtool.transfer.export.sink import file_sink, stream_sink
from tests.crash.faultyfiles import FaultyFiles, Killed

DATA = bytes(range(256)) * 4000


def test_a_file_holds_what_was_written_and_the_sink_knows_its_digest(tmp_path: Path) -> None:
    for compression in (None, "gzip", "zstd"):
        path = tmp_path / f"{compression}"
        with file_sink(path, compression=compression) as sink:
            sink.write(DATA[:1000])
            sink.write(DATA[1000:])
            assert not path.exists()
        raw = path.read_bytes()
        assert (sink.size_bytes, sink.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
        if compression == "gzip":
            raw = gzip.decompress(raw)
        elif compression == "zstd":
            raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
        assert raw == DATA
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_is_replaced_only_when_asked_and_only_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(Refused) as caught, file_sink(path):
        pass
    assert caught.value.code == "file-exists"
    with pytest.raises(RuntimeError), file_sink(path, overwrite=True) as sink:
        sink.write(b"new")
        raise RuntimeError
    assert path.read_text() == "old"
    with file_sink(path, overwrite=True) as sink:
        sink.write(b"new")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with file_sink(tmp_path / "link", overwrite=True) as sink:
        sink.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(Refused), file_sink(path) as sink:
        sink.write(b"new")
        path.write_text("theirs")
    assert path.read_text() == "theirs"


def test_folders_and_devices_are_never_replaced(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(Refused), file_sink(path, overwrite=True):
            pass


@pytest.mark.parametrize("killed", [False, True])
def test_a_fault_at_any_step_leaves_the_old_file_or_the_whole_new_one(
    tmp_path: Path, killed: bool
) -> None:
    path = tmp_path / "out.bin"
    for n in range(1, 30):
        path.write_text("old")
        faulty = FaultyFiles(n, errno.ENOSPC, killed=killed, forever=True)
        try:
            with file_sink(path, overwrite=True, files=faulty) as sink:
                sink.write(DATA)
        except (StorageFailed, Killed):
            assert path.read_bytes() in (b"old", DATA)
        else:
            assert path.read_bytes() == DATA
            return
    pytest.fail("it never came through")


def test_a_stream_gets_compressed_bytes() -> None:
    parts: list[bytes] = []
    with stream_sink(parts.append, compression="gzip") as sink:
        sink.write(DATA)
    assert gzip.decompress(b"".join(parts)) == DATA
