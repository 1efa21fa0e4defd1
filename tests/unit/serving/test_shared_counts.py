import os
import subprocess
import sys

import pytest

from tanger.service.serving.shared_counts import SLOTS, SharedCounts
from tests.support import ROOT


def test_each_sees_what_all_have():
    counts = SharedCounts(3)
    one, other, third = (counts.client(row) for row in range(3))
    one.waiting += 5
    other.waiting = 7
    assert (one.waiting, third.waiting) == (5, 0)
    assert third.waiting_in_all == 12
    slot = counts.take_slot()
    one.hold(slot, 2)
    other.hold(slot, 3)
    assert third.held(slot) == 5
    assert third.held(counts.take_slot()) == 0
    counts.clear_row(1)
    assert (third.waiting_in_all, third.held(slot)) == (5, 2)


def test_a_place_is_empty_for_the_next_worker():
    counts = SharedCounts(2)
    client = counts.client(1)
    first = counts.take_slot()
    counts.begin(1, first)
    client.hold(first, 4)
    assert (client.begun(first), client.held(first)) == (1, 4)
    counts.free_slot(first)
    others = [counts.take_slot() for _ in range(SLOTS - 1)]
    assert first not in others, "not at once, where somebody may still count on the old one"
    assert counts.take_slot() == first
    assert (client.begun(first), client.held(first)) == (0, 0)
    with pytest.raises(IndexError):
        counts.take_slot()


def test_other_processes_have_the_same():
    counts = SharedCounts(2)
    script = f"""
from tanger.service.serving.shared_counts import SharedCounts
counts = SharedCounts(2, {counts.descriptor})
assert counts.client(0).waiting_in_all == 11
counts.begin(0, 5)
counts.client(1).waiting = 20
"""
    counts.client(0).waiting = 11
    subprocess.run(
        [sys.executable, "-c", script],
        pass_fds=[counts.descriptor],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert counts.client(0).begun(5) == 1
    assert counts.client(0).waiting_in_all == 31
