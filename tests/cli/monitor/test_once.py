"""One look waits for a writer only as long as it takes to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.monitor.once import run
from dbtool.errors import UsageError
from tests.monitor.programs import Program, wal_database


def test_a_name_that_node_exporter_does_not_read_is_refused_before_any_look() -> None:
    with pytest.raises(UsageError) as raised:
        run(Session([]), "missing.db", Path("metrics"))
    assert raised.value.hint == "--textfile metrics.prom"


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="locks are named on Linux")
def test_an_alert_is_shown_even_where_a_file_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dbtool.toml").write_text('[alerts]\nwriter_for = "10ms"\n')
    with Program(wal_database(Path("app.db"))) as program:
        program.run("BEGIN IMMEDIATE")
        assert run(Session([]), "app.db", Path("a.prom")) == 4
    assert "writer-held" in capsys.readouterr().out
    assert 'alert="writer-held",database="app.db"} 1.0' in Path("a.prom").read_text()
