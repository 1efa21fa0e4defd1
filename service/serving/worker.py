"""A decoding process: receives batches of words, and sends their answers (see `wire`).

The pool starts it as ``python -m tanger.service.serving.worker COUNTS ROWS SLOT MAX_BATCH DEVICE
THREADS WORKERS CORES STORE MEMORY``. Its stdin is a socket, whose messages bring connections for
batches (see `inbox`). It ends when stdin is closed, so it cannot outlive the service. It exits with
the status `EXHAUSTED` if it cannot decode any more and must be replaced.
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
from functools import partial

from tanger.model import TangerError
from tanger.model.decoding import devices
from tanger.model.decoding.devices import DeviceLostError
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.text import candidates
from tanger.model.text.candidates import Failure
from tanger.service.serving import processes, rendering, wire
from tanger.service.serving.inbox import Inbox
from tanger.service.serving.networks import Networks, read_artifact
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.wire import EXHAUSTED, Answer, DecodeRequest, NotReady, Ready

# Letters and number of the words of each warm-up batch. The first batch of a shape initializes
# buffers; the times of a single word and of a batch calibrate the cost of a word.
_WARM_UP = ((1, 1), (12, 1), (8, 32))
# Threshold of the garbage collector's first generation; batches leave no reference cycles
_GC_THRESHOLD = 20_000
# Letters of the probe word, which distinguishes a faulty process from a faulty word
_PROBE = 8


class ExhaustedError(Exception):
    """This process ran out of memory, or fails even on valid words."""


def main(
    counts: str,
    rows: str,
    slot: str,
    max_batch: str,
    device: str,
    threads: str,
    workers: str,
    cores: str,
    store: str,
    memory: str,
) -> int:
    """Load the first artifact, report readiness, and process batches until stdin is closed.

    Args:
        counts: descriptor of the `SharedCounts`.
        rows: number of their rows.
        slot: this process's slot in them.
        max_batch: most words to decode together.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads to use; 0 for this process's share of the cores.
        workers: number of such processes; 0 for one per GPU, or one per core.
        cores: number of cores that they share.
        store: descriptor of the `ArtifactStore`.
        memory: most bytes of the networks of languages other than the first.
    """
    control = socket.socket(fileno=os.dup(0))
    processes.end_with_parent()
    _avoid_preempting()
    logging.getLogger("tanger.engine").setLevel(logging.ERROR)  # logged once by the pool
    try:
        artifact = read_artifact(int(store), 0)
        found = devices.resolve(device)
        gpus = 0 if found == "cpu" else devices.gpu_count()
        share = int(threads) or cpu_share(int(cores), workers=int(workers), gpus=gpus)
        load = partial(NetworkPhonemizer.from_artifact, device=found, threads=share)
        networks = Networks(
            load(artifact), read=partial(read_artifact, int(store)), load=load, limit=int(memory)
        )
        pace = _warm_up(networks.first)
    except (TangerError, OSError) as e:
        control.sendall(wire.frame(wire.encode(NotReady(str(e)))))
        return 1
    except Exception as e:  # such as out of memory; the service logs it in one line
        traceback.print_exc()
        reason = f"a worker cannot load the artifact: {type(e).__name__}: {e}"
        control.sendall(wire.frame(wire.encode(NotReady(reason))))
        return 1
    del artifact  # megabytes
    processes.release_memory()
    gc.freeze()  # loaded objects are permanent: exclude them from garbage collection
    gc.set_threshold(_GC_THRESHOLD)
    decoder = networks.first.decoder
    shared = SharedCounts(int(rows), int(counts))
    inbox = Inbox(control, shared, int(slot), max_batch=int(max_batch))
    try:
        ready = Ready(decoder.device, gpus, decoder.runs_on, pace)
        control.sendall(wire.frame(wire.encode(ready)))
        while (requests := inbox.take()) is not None:
            inbox.answer(answer_all(networks, requests))
    except ConnectionError:  # the service ended
        return 1
    except (ExhaustedError, MemoryError) as e:
        with suppress(MemoryError):
            print(f"worker {os.getpid()} can decode no more: {e}", file=sys.stderr, flush=True)
        os._exit(EXHAUSTED)  # a normal exit could need memory
    return 0


def cpu_share(cores: int, *, workers: int, gpus: int) -> int:
    """Return the number of CPU threads of one worker.

    Args:
        cores: number of cores that all workers share.
        workers: their configured number; 0 for one per GPU, or one per core.
        gpus: number of GPUs used; 0 if the CPU decodes.
    """
    return max(1, cores // (workers or gpus or cores))


def answer_all(networks: Networks, requests: Sequence[DecodeRequest]) -> list[Answer]:
    """Return an answer to each request, in order; no decoded batch mixes languages.

    Raises:
        DeviceLostError, ExhaustedError: see `decode`.
        MemoryError: if a language cannot be loaded for lack of it.
    """
    languages = dict.fromkeys(request.language for request in requests)
    if len(languages) == 1:
        return _answer_in(networks, requests)
    answers: dict[int, Answer] = {}
    for language in languages:
        indices = [at for at, request in enumerate(requests) if request.language == language]
        found = _answer_in(networks, [requests[index] for index in indices])
        answers.update(zip(indices, found, strict=True))
    return [answers[index] for index in range(len(requests))]


def _answer_in(networks: Networks, requests: Sequence[DecodeRequest]) -> list[Answer]:
    """Return an answer to each request; all must have the same language."""
    try:
        phonemizer = networks.get(requests[0].language)
    except TangerError as e:
        return [Failure(str(e)) for _ in requests]
    return answer(phonemizer, requests, probe=phonemizer.graphemes.own[0] * _PROBE)


def answer(
    phonemizer: NetworkPhonemizer, requests: Sequence[DecodeRequest], *, probe: str | None = None
) -> list[Answer]:
    """Return an answer to each request, in order; requests with equal options share a batch.

    Raises:
        DeviceLostError, ExhaustedError: see `decode`.
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
    phonemizer: NetworkPhonemizer, requests: Sequence[DecodeRequest], *, probe: str | None = None
) -> list[Answer]:
    """Return an answer to each request, in order; all must have equal options.

    If a batch fails, it is halved until the failing words are isolated, or until a part fits into
    the device's memory. Only the failing words get an error.

    Args:
        phonemizer: decodes the words.
        requests: one for each word.
        probe: a valid word. If it fails too, or if a single word runs out of memory, the process
            is at fault instead of the word. None attributes every failure to the word.

    Raises:
        DeviceLostError: if this process has lost its device and must be replaced.
        ExhaustedError: if this process is at fault and must be replaced.
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
    # After the handler, since the exception keeps the failed batch's device memory alive
    half = len(requests) // 2
    return [
        answer
        for some in (requests[:half], requests[half:])
        for answer in decode(phonemizer, some, probe=probe)
    ]


def render_answer(request: DecodeRequest, hypotheses: Sequence[Hypothesis]) -> str:
    """Render the network's hypotheses as requested."""
    write = candidates.from_hypotheses if request.given else candidates.distinct_from_hypotheses
    found = write(hypotheses, request.alphabet, marks=request.marks)
    return rendering.pronunciations(found, request.alphabet)


def _decodes(phonemizer: NetworkPhonemizer, word: str, like: DecodeRequest) -> bool:
    """Return whether a word can be decoded with the options of a request."""
    try:
        phonemizer.nbest([word], like.n, aligned=like.alignment)
    except DeviceLostError:
        raise
    except Exception:
        return False
    return True


def _warm_up(phonemizer: NetworkPhonemizer) -> list[tuple[int, float]]:
    """Warm up; return letters and seconds of a single word and of a batch once warm."""
    letter = phonemizer.graphemes.own[0]
    for letters, count in _WARM_UP:
        phonemizer.pronounce([letter * letters] * count)
    pace = []
    for letters, count in _WARM_UP[1:]:
        started = time.perf_counter()
        phonemizer.pronounce([letter * letters] * count)
        pace.append((letters * count, time.perf_counter() - started))
    return pace


def _avoid_preempting() -> None:
    """Set SCHED_BATCH (sched(7)), so that this process does not preempt others on wakeup.

    Otherwise, Linux would let a worker that receives a batch preempt the HTTP process that has more
    to send. The worker's share of CPU time stays the same.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
