"""A decoding process: batches of words in on stdin, answers out on stdout, a line each.

The pool starts it as ``python -m service.worker DEVICE THREADS``. The first line that it gets holds
the artifact (see `model.checkpoint.pack`): whatever stands on the disk by now, all workers of a
generation decode with the same. Its own first line says that it is ready, or why it never will be.
It ends when its stdin does, so it cannot outlive the service.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

from model import checkpoint, devices
from model.devices import DeviceLostError
from model.errors import TangerError
from model.phonemizer import Phonemizer
from service import standard_streams
from service.answers import Answer, Failure, told, write
from service.ask import Ask, asked

# Words of so many letters, so many of them: the first decode of each kind sets up what later ones
# reuse, and a lone word and a batch tell what a word costs.
_WARM_UP = ((1, 1), (12, 1), (8, 32))
# New objects after which the collector looks for circles, of which batches leave none.
_GARBAGE = 20_000


def main(device: str, threads: str) -> int:
    """Load, say so, and answer until stdin ends."""
    answers = _own_stdout()
    _interrupt_nobody()
    try:
        line = sys.stdin.readline()
        if not line:  # the service ended before it sent any
            return 1
        artifact = checkpoint.unpack(line)
        phonemizer = Phonemizer.of(artifact, device, threads=int(threads))
    except (TangerError, OSError) as e:
        _send(answers, {"failed": str(e)})
        return 1
    del line, artifact  # megabytes
    pace = _warm_up(phonemizer)
    gc.freeze()  # what is loaded stays: the collector need not walk over it time and again
    gc.set_threshold(_GARBAGE)
    found = phonemizer.decoder.device
    gpus = 0 if found == "cpu" else devices.gpus()
    _send(answers, {"device": found, "gpus": gpus, "pace": pace})
    try:
        for line in sys.stdin:
            _say(answers, write(answer(phonemizer, asked(line))))
    except ConnectionError:  # the service ended without waiting for its answer
        return 1
    return 0


def answer(phonemizer: Phonemizer, asks: Sequence[Ask]) -> list[Answer]:
    """An answer to each ask, in their order: those that ask for the same of a word share a batch.

    Raises:
        DeviceLostError: as `decode`.
    """
    alike: dict[tuple[int, bool], list[int]] = {}
    for index, ask in enumerate(asks):
        alike.setdefault((ask.n, ask.alignment), []).append(index)
    answers: dict[int, Answer] = {}
    for indices in alike.values():
        found = decode(phonemizer, [asks[index] for index in indices])
        answers.update(zip(indices, found, strict=True))
    return [answers[index] for index in range(len(asks))]


def decode(phonemizer: Phonemizer, asks: Sequence[Ask]) -> list[Answer]:
    """An answer to each of the asks, which ask for the same of their words, in their order.

    One that makes the decoder raise gets its error and harms no other. A batch that fails is
    halved until the words at fault are alone, or until what is left fits into the device's memory.

    Raises:
        DeviceLostError: the device serves this process no more: another one has to.
    """
    words, like = [ask.word for ask in asks], asks[0]
    try:
        lists = phonemizer.alternatives(words, like.n, aligned=like.alignment)
        return list(map(told, asks, lists))
    except DeviceLostError:
        raise
    except Exception as e:
        if len(asks) == 1:
            return [Failure(f"{type(e).__name__}: {e}")]
    # Only here, behind the exception: it holds all that the failed batch had on the device
    half = len(asks) // 2
    return [answer for some in (asks[:half], asks[half:]) for answer in decode(phonemizer, some)]


def _warm_up(phonemizer: Phonemizer) -> list[tuple[int, float]]:
    """Letters and seconds of a lone word and of a batch, each decoded for the second time."""
    letter = phonemizer.graphemes.own[0]
    for letters, count in _WARM_UP:
        phonemizer.pronounce([letter * letters] * count)
    pace = []
    for letters, count in _WARM_UP[1:]:
        started = time.perf_counter()
        phonemizer.pronounce([letter * letters] * count)
        pace.append((letters * count, time.perf_counter() - started))
    return pace


def _interrupt_nobody() -> None:
    """Begin to decode when a processor is free, not in the middle of what another process does.

    Linux would let a process that has just got a batch interrupt the one that sent it and has more
    to send. Its share of the processors stays the same: sched(7), SCHED_BATCH.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _own_stdout() -> TextIO:
    """Stdout for the answers alone: whatever else would print there goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _send(answers: TextIO, message: dict[str, Any]) -> None:
    _say(answers, json.dumps(message))


def _say(answers: TextIO, line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


if __name__ == "__main__":
    standard_streams.ensure()
    sys.exit(main(*sys.argv[1:]))
