"""``python -m benchmarks.text_slices``: how long a long text holds the event loop at a time.

The service runs in this process on asyncio's own event loop, whose callbacks are timed while
another thread sends texts of 100,000 characters, asked for in every form. What is counted is CPU
time of the loop's thread, garbage collection included, so that other work on the machine counts
little. The longest callback is what a probe has to wait for. The exit status is 1 if the median of
the rounds misses the goal for any form.

Then a service in a process of its own reads such texts while another connection asks for
``/livez``. Those times are of the clock, so that they are comparable only with those of the same
probe while the service is idle, which are measured in turns.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import signal
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Self

import typer

from benchmarks.http_servers import running
from benchmarks.text import SENTENCES
from tanger.model.cli.common import ARTIFACT
from tanger.service.app import create_app
from tanger.service.http_server import Server, make_server
from tanger.service.settings import Settings

GOAL = 0.010
# The longest text that JSON takes, and that of the other forms
LENGTHS = {
    "application/json": 80_000,
    "application/jsonl": 100_000,
    "text/tab-separated-values": 100_000,
    "text/plain": 100_000,
}


class Slices:
    """CPU seconds of the event loop's callbacks and of the garbage collector in its thread."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.collected: list[float] = []
        self._thread = threading.get_ident()
        self._started = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time every callback of asyncio's event loops until the end of the context."""
        run = asyncio.Handle._run

        def timed_run(handle: asyncio.Handle) -> None:
            started = time.thread_time()
            run(handle)
            self.seconds.append(time.thread_time() - started)

        setattr(asyncio.Handle, "_run", timed_run)  # noqa: B010  # mypy takes no other way
        gc.callbacks.append(self._collector)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collector)
            setattr(asyncio.Handle, "_run", run)  # noqa: B010

    def clear(self) -> None:
        self.seconds.clear()
        self.collected.clear()

    def _collector(self, phase: str, _: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._started = time.thread_time()
        else:
            self.collected.append(time.thread_time() - self._started)


def measure(port: int, slices: Slices, rounds: int, found: dict[str, list[float]]) -> None:
    """Send the text in every form, and append the longest callback of each answer to `found`."""
    whole = " ".join(line for line in SENTENCES.read_text("utf-8").splitlines() if line)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for number in range(rounds):
        for form, length in LENGTHS.items():
            slices.clear()
            size = _ask(connection, whole[number * 1000 :][:length], form)
            if not number:  # decodes, and fills the cache
                continue
            found.setdefault(form, []).append(max(slices.seconds))
            print(
                f"{form:26} {size:10,} bytes; callbacks: longest {1000 * max(slices.seconds):5.1f} "
                f"ms of CPU, {len(slices.seconds):5}, together {sum(slices.seconds):5.2f} s, "
                f"of which garbage collection {sum(slices.collected):5.2f} s, longest "
                f"{1000 * max(slices.collected, default=0.0):4.1f} ms"
            )
    connection.close()


def _ask(connection: http.client.HTTPConnection, text: str, form: str) -> int:
    """Have a text read; return the size of the answer in bytes."""
    body = json.dumps({"text": text, "alphabet": "ipa"})
    headers = {"Accept": form, "Content-Type": "application/json", "X-Request-Timeout": "60"}
    connection.request("POST", "/text", body, headers)
    answer = connection.getresponse()
    size = len(answer.read())
    if answer.status != 200:
        raise SystemExit(f"{form}: status {answer.status}")
    return size


class Probe:
    """Requests of ``/livez`` on a connection of its own until the end of a context.

    Attributes:
        seconds: the time of each.
    """

    def __init__(self, port: int) -> None:
        self.seconds: list[float] = []
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._stop.wait(0.002):
            started = time.perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            self.seconds.append(time.perf_counter() - started)
        connection.close()


def probe(artifact: Path, rounds: int) -> None:
    """Print how long ``/livez`` takes while texts are read, and for as long while none is."""
    whole = " ".join(line for line in SENTENCES.read_text("utf-8").splitlines() if line)
    reading: list[float] = []
    idle: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(
            "tanger",
            lambda port: (
                "-m", "tanger", "serve", "--port", str(port), "--artifact", str(artifact.resolve()),
                "--workers", "1",
            ),
            probe="/readyz",
            ready=bool,
            log=Path(folder) / "log",
        ) as server,
    ):  # fmt: skip
        for number in range(rounds):
            for form, length in LENGTHS.items():
                # One for each text: the service closes those that are idle for long
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
                started = time.perf_counter()
                with Probe(server.port) as busy:
                    _ask(connection, whole[number * 1000 :][:length], form)
                connection.close()
                took = time.perf_counter() - started
                with Probe(server.port) as quiet:
                    time.sleep(took)
                if number:  # the first decodes, and fills the cache
                    reading += busy.seconds
                    idle += quiet.seconds
    for name, seconds in (("while a text is read", reading), ("idle", idle)):
        cuts = statistics.quantiles(seconds, n=100)
        print(
            f"/livez {name:20} {len(seconds):6,} probes: median {1000 * cuts[49]:.1f} ms, "
            f"99th percentile {1000 * cuts[98]:.1f}, longest {1000 * max(seconds):.1f}"
        )


def _drive(server: Server, port: int, ask: Callable[[], None]) -> None:
    while not (server.started and server.service.answers):
        time.sleep(0.05)
    try:
        ask()
    finally:
        server.should_exit = True


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    rounds: Annotated[int, typer.Option(help="Rounds after the first, which decodes.")] = 3,
) -> None:
    """Measure the longest callback of each form of answer."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = Settings(
        artifact=artifact, device="cpu", workers=1, host="127.0.0.1", port=port, log_level="error"
    )
    server = make_server(create_app(settings), settings)
    slices, found = Slices(), dict[str, list[float]]()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ask = lambda: measure(port, slices, rounds + 1, found)  # noqa: E731
    driver = threading.Thread(target=_drive, args=(server, port, ask))
    driver.start()
    with slices.timed():
        asyncio.run(server.serve())
    driver.join()
    probe(artifact, rounds + 1)
    longest = max(statistics.median(each) for each in found.values())
    print(f"longest callback: {1000 * longest:.1f} ms; goal: {1000 * GOAL:.0f} ms")
    raise typer.Exit(int(longest > GOAL))


if __name__ == "__main__":
    typer.run(main)
