"""Timers are put in place whole or not at all, and only our own files are touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dbtool.errors import DbtoolError, Refused
from dbtool.schedule.systemd import Systemd
from dbtool.schedule.units import unit_files
from tests.schedule.stand_ins import StandIns, put_in_path
from tests.schedule.test_units import make_plan


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    return put_in_path(tmp_path / "bin", monkeypatch)


@pytest.fixture
def systemd(tmp_path: Path, stand_ins: StandIns) -> Systemd:
    return Systemd.of_user(tmp_path / "config")


def test_installing_writes_the_units_and_starts_the_timer(
    systemd: Systemd, stand_ins: StandIns, tmp_path: Path
) -> None:
    plan = make_plan()
    files = systemd.install(plan)
    assert {path.name: path.read_text() for path in files} == unit_files(plan)
    assert files[0].parent == tmp_path / "config" / "systemd" / "user"
    timer = files[2].name
    assert stand_ins.told == ["--user daemon-reload", f"--user enable --now {timer}"]
    (state,) = systemd.states(plan.database)
    assert state.when == "*-*-* 02:30:00"
    assert state.next_run == "Sun 2026-11-22 02:30:00 UTC"
    assert state.last_result == "success"


def test_removing_leaves_nothing(systemd: Systemd, stand_ins: StandIns) -> None:
    plan = make_plan()
    files = systemd.install(plan)
    assert systemd.remove(plan.database) == files
    assert not any(path.exists() for path in files)
    assert f"--user disable --now {files[2].name}" in stand_ins.told
    assert systemd.states(plan.database) == []
    assert systemd.remove(plan.database) == []


def test_a_service_that_follows_stands_beside_the_timer(
    systemd: Systemd, stand_ins: StandIns
) -> None:
    plan = make_plan()
    timer_files = systemd.install(plan)
    (service,) = systemd.install(replace(plan, continuous=True))
    assert stand_ins.told[-1] == f"--user enable --now {service.name}"
    assert "Type=notify\n" in service.read_text()
    assert [state.when for state in systemd.states(plan.database)] == [
        "*-*-* 02:30:00",
        "always",
    ]
    assert systemd.remove(plan.database) == [*timer_files, service]
    assert not service.exists()


def test_a_timer_that_systemd_refuses_leaves_no_files(
    systemd: Systemd, stand_ins: StandIns, tmp_path: Path
) -> None:
    stand_ins.refuse()
    with pytest.raises(DbtoolError) as caught:
        systemd.install(make_plan())
    assert caught.value.code == "schedule-failed"
    assert caught.value.context == "no bus"
    assert list((tmp_path / "config" / "systemd" / "user").iterdir()) == []


def test_a_change_that_systemd_refuses_leaves_the_timer_of_before(
    systemd: Systemd, stand_ins: StandIns
) -> None:
    before = {path: path.read_text() for path in systemd.install(make_plan())}
    stand_ins.refuse()
    with pytest.raises(DbtoolError):
        systemd.install(replace(make_plan(), random_delay_s=77))
    assert {path: path.read_text() for path in before} == before


def test_a_unit_of_somebody_else_is_left_alone(systemd: Systemd) -> None:
    plan = make_plan()
    path = systemd.install(plan)[0]
    path.write_text("[Unit]\nDescription=mine\n")
    for work in (
        lambda: systemd.install(plan),
        lambda: systemd.remove(plan.database),
    ):
        with pytest.raises(Refused) as caught:
            work()
        assert caught.value.code == "unit-not-ours"
    assert path.read_text() == "[Unit]\nDescription=mine\n"


def test_a_system_without_systemd_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DbtoolError) as caught:
        Systemd.of_user(tmp_path / "config").install(make_plan())
    assert caught.value.message == "there is no systemctl on this system"


def test_linger_is_asked_of_logind(systemd: Systemd, stand_ins: StandIns) -> None:
    assert systemd.lingers("anna")
    stand_ins.no_linger()
    assert not systemd.lingers("anna")
