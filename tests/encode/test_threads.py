"""The number of threads follows affinity, quota and the variable, whichever is smallest."""

import pytest

from core.encode import threads


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "_CGROUP_V2", tmp_path / "cpu.max")
    monkeypatch.setattr(threads, "_CGROUP_V1_QUOTA", tmp_path / "quota")
    monkeypatch.setattr(threads, "_CGROUP_V1_PERIOD", tmp_path / "period")
    monkeypatch.setattr(threads, "_affinity", lambda: 8)
    monkeypatch.delenv("LOUPE_THREADS", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("1000 100000", 1),
        ("1600000 100000", 8),
        ("not a limit", 8),
    ],
)
def test_quota_of_cgroup_2_caps_the_affinity(cgroup, limit, expected):
    (cgroup / "cpu.max").write_text(limit)
    assert threads.cpu_threads() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_quota_of_cgroup_1(cgroup, quota, expected):
    (cgroup / "quota").write_text(quota)
    (cgroup / "period").write_text("100000")
    assert threads.cpu_threads() == expected


@pytest.mark.parametrize(("asked", "expected"), [("3", 3), ("0", 8), ("99", 8), ("many", 8)])
def test_variable_can_only_lower_it(cgroup, monkeypatch, asked, expected):
    monkeypatch.setenv("LOUPE_THREADS", asked)
    assert threads.cpu_threads() == expected
