"""Several processes write to one log."""

import json
import os
import subprocess
import sys
import threading

from tanger.service.serving.shared_counts import SharedCounts
from tests.support import ROOT

# A line is longer than what a pipe takes at once, or than PIPE_BUF
WRITER = """
import logging, sys
from tanger.service import logs
number, lock = map(int, sys.argv[1:])
logs.configure("info", "json")
logs.share(number, lock)
for count in range(40):
    logging.getLogger("test").info("%s", str(number) * (100_000 if count % 4 == 0 else 6_000))
"""


def test_lines_of_several_processes_stay_whole_and_say_whose_they_are():
    counts = SharedCounts(1)
    reader, writer = os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), str(counts.descriptor)],
            stderr=writer,
            pass_fds=[counts.descriptor],
            env=environment,
        )
        for number in (1, 2, 3)
    ]
    os.close(writer)
    received = []
    with os.fdopen(reader) as log:
        reading = threading.Thread(target=lambda: received.extend(log))
        reading.start()
        assert [process.wait() for process in processes] == [0, 0, 0]
        reading.join()
    lines = [json.loads(line) for line in received]
    assert len(lines) == 120
    assert all(set(line["event"]) == {str(line["process"])} for line in lines)
