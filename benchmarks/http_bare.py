"""Measure decoding without HTTP, by as many independent processes as the service has."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from itertools import cycle, islice
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple

_BATCH = 256
_PATIENCE = 120.0


class Bare(NamedTuple):
    """Words per second and CPU seconds per word of all processes together."""

    words_per_second: float
    cpu_seconds_per_word: float


def measure(artifact: Path, words: Sequence[str], workers: int, seconds: float) -> Bare:
    """Decode `words` (in the artifact's graphemes) in batches of 256, one thread per process."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(workers)
    receivers = []
    for first in range(workers):
        receiver, sender = context.Pipe(duplex=False)
        share = list(words[first::workers])
        process = context.Process(
            target=_decode, args=(artifact, share, seconds, start, sender), daemon=True
        )
        process.start()
        sender.close()  # so that the end of the process shows as end of file
        receivers.append(receiver)
    found = [receiver.recv() for receiver in receivers]
    return Bare(
        sum(done / elapsed for done, elapsed, _ in found),
        sum(cpu for _, _, cpu in found) / sum(done for done, _, _ in found),
    )


def _decode(
    artifact: Path, words: list[str], seconds: float, start: Barrier, sender: Connection
) -> None:
    """Decode, then send the number of words, seconds and CPU seconds."""
    from tanger.model.phonemizer import NetworkPhonemizer

    phonemizer, endless = NetworkPhonemizer.load(artifact, "cpu"), cycle(words)
    phonemizer.pronounce(list(islice(endless, _BATCH)))
    start.wait(_PATIENCE)
    started, used, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - started < seconds:
        done += len(phonemizer.pronounce(list(islice(endless, _BATCH))))
    sender.send((done, time.perf_counter() - started, time.process_time() - used))
