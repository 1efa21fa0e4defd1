"""What a process asks of the C library and the kernel."""

import platform
import subprocess
import sys

import pytest

from tanger.service.serving.processes import RestartPauses

# Frees a block of 8 MB, after which glibc would take the next ones from its heap, where a small
# block above it holds a freed one of 6 MB back
FREED = """
import ctypes, pathlib, re
from tanger.service.serving import processes

def megabytes():
    lines = pathlib.Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(r"Private_Dirty: +(\\d+)", lines)[1]) / 1000

c = ctypes.CDLL(None)
c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
c.free.argtypes = [ctypes.c_void_p]
CHANGE
c.free(c.malloc(8 << 20))
large = c.malloc(6 << 20)
ctypes.memset(large, 1, 6 << 20)
above = c.malloc(100_000)
before = megabytes()
c.free(large)
print(before - megabytes())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="without this limit")
@pytest.mark.parametrize(
    ("change", "returned"), [("", False), ("processes.map_large_blocks()", True)]
)
def test_freed_blocks_of_megabytes_are_returned_to_the_system(change, returned):
    ran = subprocess.run(
        [sys.executable, "-c", FREED.replace("CHANGE", change)],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert (float(ran.stdout) > 5) == returned


def test_pauses_before_restarts_double_up_to_a_limit_until_a_process_has_run_for_long():
    pauses = RestartPauses()
    taken = [pauses.next() for _ in range(8)]
    assert taken == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    pauses.ran(59.0)
    assert pauses.next() == 5.0
    pauses.ran(61.0)
    assert pauses.next() == 0.1
