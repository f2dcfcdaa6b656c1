"""One line in the crontab, and the others as they were."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dbtool.errors import DbtoolError
from dbtool.schedule import cron
from tests.schedule.stand_ins import StandIns, put_in_path
from tests.schedule.test_units import make_plan

OTHERS = "MAILTO=anna\n# a remark\n0 1 * * * /bin/true %x\n\n@reboot /bin/true"


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    return put_in_path(tmp_path / "bin", monkeypatch)


def test_the_line_is_added_replaced_and_removed(stand_ins: StandIns) -> None:
    stand_ins.table.write_text(OTHERS)
    plan = make_plan()
    cron.install(plan)
    cron.install(plan)
    added = cron.cron_lines(plan)
    assert stand_ins.table.read_text() == f"{OTHERS}\n{added}"
    state = cron.state(plan.database)
    assert state is not None
    assert (state.kind, state.when) == ("cron", "30 2 * * *")
    other = make_plan("/srv/other.db")
    cron.install(other)
    assert cron.remove(plan.database)
    assert stand_ins.table.read_text() == f"{OTHERS}\n{cron.cron_lines(other)}"
    assert not cron.remove(plan.database)
    assert cron.state(plan.database) is None


def test_the_first_line_makes_the_crontab(stand_ins: StandIns) -> None:
    cron.install(make_plan())
    assert stand_ins.table.read_text().endswith(
        "30 2 * * * cd / && /bin/true run --quiet /srv/app.db\n"
    )


def test_a_crontab_that_cannot_be_read_is_not_overwritten(stand_ins: StandIns) -> None:
    stand_ins.table.write_text(OTHERS)
    stand_ins.refuse()
    with pytest.raises(DbtoolError) as caught:
        cron.install(make_plan())
    assert caught.value.context == "not allowed to use this program"
    assert stand_ins.table.read_text() == OTHERS


def test_a_shell_gets_back_the_words_that_were_meant() -> None:
    plan = make_plan("/srv/100% 'wild' $HOME.db", command=("printf", "%s\\n", "100% $HOME 'x'"))
    line = cron.cron_lines(plan).splitlines()[1]
    assert "\\%" in line
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "100% $HOME 'x'\n"
