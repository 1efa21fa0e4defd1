"""A decoding process: batches of words in, answers out (see `wire`).

The pool starts it as ``python -m tanger.service.serving.worker COUNTS ROWS SLOT MAX_BATCH DEVICE
THREADS WORKERS CORES``. The artifact comes as the first message on stdin, a socket: whatever stands
on the disk by now, all workers of a generation decode with the same. Then the connections come that
batches arrive by (see `inbox`). It ends when its stdin does, so it cannot outlive the service, and
with the status `EXHAUSTED` where it can decode no more: another one has to.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress

from tanger.model import TangerError
from tanger.model import artifact as artifacts
from tanger.model.decoding import devices
from tanger.model.decoding.devices import DeviceLostError
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonemizer import Phonemizer
from tanger.model.text import candidates
from tanger.model.text.candidates import Failure
from tanger.service.serving import processes, rendering, wire
from tanger.service.serving.inbox import Inbox
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.wire import EXHAUSTED, Answer, DecodeRequest, NotReady, Ready

# Words of so many letters, so many of them: the first decode of each kind sets up what later ones
# reuse, and a lone word and a batch tell what a word costs.
_WARM_UP = ((1, 1), (12, 1), (8, 32))
# New objects after which the collector looks for circles, of which batches leave none.
_GC_THRESHOLD = 20_000
# Letters of the word that tells a process at fault from a word at fault.
_PROBE = 8


class ExhaustedError(Exception):
    """This process ran out of memory, or fails on words that can be decoded."""


def main(
    counts: str,
    rows: str,
    slot: str,
    max_batch: str,
    device: str,
    threads: str,
    workers: str,
    cores: str,
) -> int:
    """Load, report, and answer until stdin ends.

    Args:
        counts: descriptor of the `SharedCounts`.
        rows: how many they have.
        slot: this process' place in them.
        max_batch: the most words to decode together.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads to use; 0 for this process's share of the cores.
        workers: how many such processes there are; 0 for one a GPU, or one a core.
        cores: how many cores they share.
    """
    control = socket.socket(fileno=os.dup(0))
    processes.end_with_parent()
    _interrupt_nobody()
    logging.getLogger("tanger.engine").setLevel(logging.ERROR)  # the pool says it, once for all
    try:
        packed = wire.read_message(control)
        if packed is None:  # the service ended before it sent any
            return 1
        artifact = artifacts.unpack(packed.decode())
        found = devices.resolve(device)
        gpus = 0 if found == "cpu" else devices.gpu_count()
        share = int(threads) or cpu_share(int(cores), workers=int(workers), gpus=gpus)
        phonemizer = Phonemizer.from_artifact(artifact, found, threads=share)
        pace = _warm_up(phonemizer)
    except (TangerError, OSError) as e:
        control.sendall(wire.frame(wire.encode(NotReady(str(e)))))
        return 1
    except Exception as e:  # out of memory, say: the service reports it in one line
        traceback.print_exc()
        reason = f"a worker cannot load the artifact: {type(e).__name__}: {e}"
        control.sendall(wire.frame(wire.encode(NotReady(reason))))
        return 1
    del packed, artifact  # megabytes
    probe = phonemizer.graphemes.own[0] * _PROBE
    gc.freeze()  # what is loaded stays: the collector need not walk over it time and again
    gc.set_threshold(_GC_THRESHOLD)
    decoder = phonemizer.decoder
    shared = SharedCounts(int(rows), int(counts))
    inbox = Inbox(control, shared, int(slot), max_batch=int(max_batch))
    try:
        ready = Ready(decoder.device, gpus, decoder.runs_on, pace)
        control.sendall(wire.frame(wire.encode(ready)))
        while (requests := inbox.take()) is not None:
            inbox.answer(answer(phonemizer, requests, probe=probe))
    except ConnectionError:  # the service ended
        return 1
    except (ExhaustedError, MemoryError) as e:
        with suppress(MemoryError):
            print(f"worker {os.getpid()} can decode no more: {e}", file=sys.stderr, flush=True)
        os._exit(EXHAUSTED)  # an orderly end takes memory, too
    return 0


def cpu_share(cores: int, *, workers: int, gpus: int) -> int:
    """CPU threads of one process, where as many are at work as the pool starts.

    Args:
        cores: that they share.
        workers: how many were asked for; 0 for one a GPU, or one a core.
        gpus: that are decoded on; 0 where the CPU decodes.
    """
    return max(1, cores // (workers or gpus or cores))


def answer(
    phonemizer: Phonemizer, requests: Sequence[DecodeRequest], *, probe: str | None = None
) -> list[Answer]:
    """An answer to each request, in their order; those alike but for their words share a batch.

    Raises:
        DeviceLostError, ExhaustedError: as `decode`.
    """
    alike: dict[tuple[int, bool, bool], list[int]] = {}
    for index, request in enumerate(requests):
        kind = (request.n, request.alignment, bool(request.given))
        alike.setdefault(kind, []).append(index)
    answers: dict[int, Answer] = {}
    for indices in alike.values():
        found = decode(phonemizer, [requests[index] for index in indices], probe=probe)
        answers.update(zip(indices, found, strict=True))
    return [answers[index] for index in range(len(requests))]


def decode(
    phonemizer: Phonemizer, requests: Sequence[DecodeRequest], *, probe: str | None = None
) -> list[Answer]:
    """An answer to each of the requests, which are alike but for their words, in their order.

    One that makes the decoder raise gets its error and harms no other. A batch that fails is
    halved until the words at fault are alone, or until what is left fits into the device's memory.

    Args:
        phonemizer: what decodes.
        requests: for each word one.
        probe: a word that can be decoded: where it fails as well as one that is alone, or where
            that one finds no memory, not the word is at fault. None takes every such word for it.

    Raises:
        DeviceLostError: the device serves this process no more: another one has to.
        ExhaustedError: this process is at fault: likewise.
    """
    words, like = [request.word for request in requests], requests[0]
    try:
        if like.given:
            lists = phonemizer.align(words, [request.given for request in requests])
        else:
            lists = phonemizer.nbest(words, like.n, aligned=like.alignment)
        return list(map(render_answer, requests, lists))
    except DeviceLostError:
        raise
    except Exception as e:
        problem = f"{type(e).__name__}: {e}"
        out_of_memory = isinstance(e, MemoryError) or type(e).__name__ == "OutOfMemoryError"
    if len(requests) == 1:
        if probe is not None and (out_of_memory or not _decodes(phonemizer, probe, like)):
            raise ExhaustedError(problem)
        return [Failure(problem)]
    # Only here, behind the exception: it holds all that the failed batch had on the device
    half = len(requests) // 2
    return [
        answer
        for some in (requests[:half], requests[half:])
        for answer in decode(phonemizer, some, probe=probe)
    ]


def render_answer(request: DecodeRequest, hypotheses: Sequence[Hypothesis]) -> str:
    """What the network found, as it is wanted."""
    write = candidates.given if request.given else candidates.of_network
    found = write(hypotheses, request.alphabet, marks=request.marks)
    return rendering.pronunciations(found, request.alphabet)


def _decodes(phonemizer: Phonemizer, word: str, like: DecodeRequest) -> bool:
    """Whether a word can be decoded as a request wants it."""
    try:
        phonemizer.nbest([word], like.n, aligned=like.alignment)
    except DeviceLostError:
        raise
    except Exception:
        return False
    return True


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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
