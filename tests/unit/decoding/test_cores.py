import os

import pytest

from tanger.model.decoding import devices


@pytest.fixture(autouse=True)
def _sixteen_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)


@pytest.fixture
def root(tmp_path):
    """A root folder that contains only the files that the test writes."""

    def write(files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
        return tmp_path

    return write


def test_without_control_groups_the_affinity_counts(tmp_path):
    assert devices.available_cores(tmp_path) == 16


def test_where_there_is_no_affinity_every_core_counts(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert devices.available_cores(tmp_path) == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert devices.available_cores(tmp_path) == 1


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),  # rounded up to whole cores
        ("50000 100000", 1),
        ("1000 100000", 1),
        ("3200000 100000", 16),  # more than the machine has
        ("max 100000", 16),
        ("nonsense", 16),
        ("", 16),
    ],
)
def test_version_2(root, cpu_max, expected):
    files = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": cpu_max}
    assert devices.available_cores(root(files)) == expected


def test_version_2_counts_the_groups_above(root):
    files = {
        "proc/self/cgroup": "0::/pods/pod7/box",
        "sys/fs/cgroup/pods/cpu.max": "900000 100000",
        "sys/fs/cgroup/pods/pod7/cpu.max": "300000 100000",
        "sys/fs/cgroup/pods/pod7/box/cpu.max": "max 100000",
    }
    assert devices.available_cores(root(files)) == 3


def test_version_2_in_a_container_whose_group_is_not_visible(root):
    files = {
        "proc/self/cgroup": "0::/system.slice/container-1234",
        "sys/fs/cgroup/cpu.max": "400000 100000",
    }
    assert devices.available_cores(root(files)) == 4


@pytest.mark.parametrize(
    ("quota", "expected"), [("250000", 3), ("-1", 16), ("0", 16), ("nonsense", 16)]
)
def test_version_1(root, quota, expected):
    files = {
        "proc/self/cgroup": "12:cpuset:/box\n4:cpu,cpuacct:/box\n1:name=systemd:/box",
        "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": quota,
        "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000",
    }
    assert devices.available_cores(root(files)) == expected


def test_version_1_in_a_container_whose_group_is_not_visible(root):
    files = {
        "proc/self/cgroup": "4:cpu,cpuacct:/docker/1234",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    assert devices.available_cores(root(files)) == 2


def test_other_controllers_say_nothing_about_cores(root):
    files = {
        "proc/self/cgroup": "4:cpuset:/box\n3:memory:/box",
        "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "100000",
        "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000",
    }
    assert devices.available_cores(root(files)) == 16


def test_both_versions_at_once(root):
    files = {
        "proc/self/cgroup": "4:cpu,cpuacct:/box\n0::/box",
        "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "500000",
        "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000",
    }
    assert devices.available_cores(root(files)) == 5


def test_this_machine_has_a_core(monkeypatch):
    monkeypatch.undo()
    assert 1 <= devices.available_cores() <= (os.cpu_count() or 1)
