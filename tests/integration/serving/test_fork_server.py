"""Processes that are forked instead of started anew."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.live_service import eventually, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork servers need Linux")

# In a process of its own, for that of the tests has threads
PRELUDE = """
import asyncio, json, os, signal, threading, time
from tanger.service.serving.fork_server import ForkServer

MODULE = "tests.support.forked"

async def start(server, *arguments, **environment):
    reader, writer = os.pipe()
    process = await server.start(
        MODULE, writer, *arguments, descriptors=[writer], environment=environment
    )
    os.close(writer)
    with open(reader) as file:
        found = json.load(file)
    return process, found | {"writer": writer}
"""
FORKED = """
async def main():
    _, first = await start(server, "one", 2, NAME="value", OTHER="x" * 300_000)
    process, found = await start(server, NAME="value")
    assert process.status is None
    process.control.send(b"7")
    status = await process.exited
    killed, _ = await start(server)
    await killed.kill()
    print(json.dumps([os.getpid(), first, found, status, killed.status]))

server = ForkServer.launch([MODULE])
asyncio.run(main())
"""
ENDED = """
async def main():
    one, _ = await start(server)
    (pid,) = [int(each) for each in open(f"/proc/self/task/{os.getpid()}/children").read().split()
              if open(f"/proc/{each}/comm").read() == "tanger-fork\\n"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert one.status is None, "it is no child of the server"
    one.control.send(b"5")
    assert await one.exited == 5
    try:
        await start(server, PATH=os.environ["PATH"], PYTHONPATH=os.environ["PYTHONPATH"])
    except ValueError:  # nobody wrote: the module ran, but has nothing to run as a program
        print("started by its command line")

server = ForkServer.launch([MODULE])
asyncio.run(main())
"""
WITH_A_THREAD = """
threading.Thread(target=time.sleep, args=[60], daemon=True).start()
print(ForkServer.launch([MODULE]))
"""


def run(script):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script],
        check=False, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_what_is_forked_is_as_if_started():
    pid, first, found, status, killed = json.loads(run(FORKED).stdout)
    assert first["arguments"] == ["one", "2"]
    assert found["arguments"] == []
    assert first["environment"] == {"NAME": "value", "OTHER": "x" * 300_000}
    assert found["environment"] == {"NAME": "value"}
    for each in (first, found):
        assert each["parent"] == pid
        assert each["session"]
        assert each["stdin_is_socket"]
        assert each["ends_by_sigterm"]
        # And one for the listing; neither the server's own nor those of an earlier one
        assert {0, 1, 2, each["writer"]} < set(each["descriptors"])
        assert len(each["descriptors"]) == 5
    assert (status, killed) == (7, -signal.SIGKILL)


def test_what_it_has_started_outlives_it_and_others_start_without_it():
    done = run(ENDED)
    assert done.stdout == "started by its command line\n"
    assert "the fork server has ended" in done.stderr


def test_no_process_with_threads_is_forked():
    assert run(WITH_A_THREAD).stdout == "None\n"


# The service


def private_megabytes(pid):
    """Memory that a process shares with no other, and all that it has."""
    rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB", rolled, re.M)}
    return (found["Private_Clean"] + found["Private_Dirty"]) / 1000, found["Rss"] / 1000


def test_http_processes_share_memory_also_those_that_replace_others(shipped_artifact, tmp_path):
    with running(
        tmp_path / "log", artifact=shipped_artifact, http_processes=2, keep_alive=100
    ) as service:

        def both():
            found = service.http_processes()
            return len(found) == 2 and service.started_servers().issuperset(found) and found

        first = eventually(both, "two HTTP processes")
        os.kill(first[0], signal.SIGKILL)
        service.wait_for_log("ended with -9; starting another")
        eventually(lambda: first[0] not in service.http_processes(), "the end of it")
        again = eventually(both, "two again")
        for pid in again:
            private, all_ = private_megabytes(pid)
            assert private < all_ / 2, f"{private} of {all_} MB are its own"
        (server,) = service.fork_servers()
        os.kill(server, signal.SIGKILL)
        os.kill(again[1], signal.SIGKILL)
        service.wait_for_log("the fork server has ended")
        eventually(lambda: again[1] not in service.http_processes(), "the end of it")
        assert eventually(both, "one that was started by its command line")[0] == again[0]
        service.wait_until_ready()
        assert service.stop() == 0
        assert not service.remaining()
        assert "Traceback" not in service.log
