"""``python -m benchmarks``: measure greedy decoding beside goals and other systems, in one run."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks import footprint, neighbours, plain, speed_picture
from benchmarks.goals import goal, show_table
from benchmarks.measure import processor, rates_in_turns, rates_of, ratio_in_turns, show
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding.engine import Engine
from tanger.model.decoding.hypothesis import Decoder
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.evaluation import error_rates
from tanger.model.phonemizer import Phonemizer

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data/cmudict"
BATCHES = (1, 8, 32, 256, 1024, 4096)


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    fast: Annotated[Path, typer.Option(help="That of the small one.")] = ROOT
    / "artifacts/en-us-fast",
    data: Annotated[Path, typer.Option(help="The folder of the CMUdict split.")] = DATA,
    seconds: Annotated[float, typer.Option(help="Time for each measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind.")] = 5,
    results: Annotated[Path, typer.Option(help="Folder for the figures and the picture.")] = ROOT
    / "benchmarks/results",
) -> None:
    """Measure words/s of greedy decoding, the core's peak, and other systems on the same core."""
    test = data / "cmudict-0.7b.test"
    if not test.exists():
        raise typer.BadParameter(f"{test} is not here: make data")
    torch.set_num_threads(1)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])  # inherited by child processes, which run the other systems
    references = lexicon.pronunciations(lexicon.read(test))
    words = list(references)
    found = artifacts.read(artifact)
    print(f"{artifact.name} {found.version}, one core, {rounds} rounds: median (lowest to highest)")

    gemm = _rates("float32 product of 1024 x 1024, GFLOP/s", _gemm, seconds, rounds, 1e-9)
    loop = plain.load(found)
    rows = [found.graphemes.encode(word) for word in words]
    ends = {"start": found.phonemes.start, "end": found.phonemes.end}
    slow = _rates(
        "plain torch.nn.LSTM loop, batch 1, words/s",
        _turns(rows, 1, lambda some: loop.decode(some, **ends)),
        seconds,
        rounds,
    )
    engines: dict[str, Decoder] = {
        "int8": Engine(found),
        "float32": TorchDecoder.of([found], "cpu"),
    }
    by_batch = {
        name: _by_batch(name, engine, rows, seconds, rounds) for name, engine in engines.items()
    }
    rates = {
        name: {batch: statistics.median(several) for batch, several in each.items()}
        for name, each in by_batch.items()
    }
    by_length = _by_length(Engine(found), found.graphemes.encode("A")[0], seconds / 8, rounds)
    loaded = Phonemizer.load(artifact, "cpu")
    mflop = found.metrics()[test.name]["mflop_per_word"]

    systems = [_ours(artifact.name, loaded, references, rates["int8"][256])]
    small = artifacts.read(fast)
    small_rate = _rates(
        f"{fast.name}, int8, batch 256, words/s",
        _turns([small.graphemes.encode(word) for word in words], 256, Engine(small).decode),
        seconds,
        rounds,
    )
    systems.append(_ours(fast.name, Phonemizer.load(fast, "cpu"), references, small_rate))
    for neighbour in neighbours.all_of_them(
        data / "cmudict-0.7b.train-dev-20-21", ROOT / "runs/benchmarks"
    ):
        systems.append(_beside(neighbour, references))
    os.sched_setaffinity(0, cores)
    by_threads = {
        threads: _turns(rows, 4096, Engine(found, threads=threads).decode) for threads in (1, 2)
    }
    threaded = rates_in_turns(by_threads, seconds, 3 * rounds)
    for threads, several in threaded.items():
        show(f"engine, int8, batch 4096, {threads} threads, words/s", several)
    bare, beside = footprint.of_import("torch"), footprint.of_import("torch", "fastapi")
    service = footprint.of_service(artifact, 2)

    rate = rates["int8"]
    best = max(BATCHES[:-1], key=rate.__getitem__)
    other = {system["name"]: system["words_per_second"] for system in systems[2:]}
    share = mflop * rate[256] * 1e6 / (gemm * 1e9)
    exact = mflop * rates["float32"][256] * 1e6 / (gemm * 1e9)
    rival = other["Phonetisaurus"]
    fastest = None if None in other.values() else max(other, key=lambda name: other[name])
    table = [
        goal("batch 1, time per word: plain loop / engine", 12, rate[1] / slow, "x",
              f"{rate[1]:,.0f} words/s; float32 {rates['float32'][1] / slow:.1f} x"),
        goal("batch 256, share of the float32 roofline", 75, 100 * share, "%",
              f"{rate[256]:,.0f} words/s x {mflop} MFLOP; float32 {100 * exact:.0f} %"),
        goal("words/s against Phonetisaurus", 1, rival and rate[256] / rival, "x",
              "batch 256, one core" if rival else "Phonetisaurus is missing"),
        goal(f"{fast.name} words/s against the fastest neighbour", 5,
              fastest and small_rate / other[fastest], "x",
              f"{small_rate:,.0f} words/s; {fastest or 'a neighbour is missing'}"),
        goal("two cores against one", 1.8, ratio_in_turns(threaded[2], threaded[1]), "x",
              f"{statistics.median(threaded[2]):,.0f} words/s"),
        goal("memory of the service beyond `import torch`", -150,
              service.megabytes - bare.megabytes, "MB",
              f"{service.megabytes:.0f} MB with two workers; `import torch` {bare.megabytes:.0f}"),
        goal("start to ready against `import torch, fastapi`", -2,
              service.seconds / beside.seconds, "x", f"{service.seconds:.2f} s"),
        goal("batch 4096 against the best smaller one", 1,
              ratio_in_turns(by_batch["int8"][4096], by_batch["int8"][best]), "x",
              f"flat or rising; the best is {best}"),
        goal("time a letter, 64 letters against 8", -1,
              ratio_in_turns(by_length[8], by_length[64]) * 8 / 64, "x", "at most linear"),
    ]  # fmt: skip
    show_table(table)
    if not torch.cuda.is_available():
        print("no GPU is here: its rates are not measured")
    record = {
        "artifact": {"name": artifact.name, "version": found.version, "mflop_per_word": mflop},
        "runs_on": {name: engine.runs_on for name, engine in engines.items()},
        "processor": processor(),
        "gemm_gflops": gemm,
        "plain_loop_words_per_second": slow,
        "words_per_second": rates,
        "seconds_by_letters": {
            letters: 1 / statistics.median(several) for letters, several in by_length.items()
        },
        "systems": systems,
        "goals": [asdict(row) for row in table],
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / "decode.json").write_text(json.dumps(record, indent=1) + "\n")
    speed_picture.draw(record, results / "decode.png")


def _rates(
    what: str, work: Callable[[], float], seconds: float, rounds: int, scale: float = 1.0
) -> float:
    rates = [scale * rate for rate in rates_of(work, seconds, rounds)]
    show(what, rates)
    sys.stdout.flush()
    return statistics.median(rates)


def _gemm() -> float:
    """Multiply two large matrices; return the number of floating-point operations."""
    torch.mm(_A, _B, out=_C)
    return 2.0 * 1024**3


_A, _B, _C = (torch.ones(1024, 1024) for _ in range(3))


def _turns(
    rows: Sequence[list[int]], batch: int, decode: Callable[[list[list[int]]], Any]
) -> Callable[[], float]:
    """Return a function that decodes the next `batch` words, of any lengths, at each call."""
    position = 0

    def turn() -> float:
        nonlocal position
        chosen = [rows[(position + index) % len(rows)] for index in range(batch)]
        position = (position + batch) % len(rows)
        decode(chosen)
        return batch

    return turn


def _by_batch(
    name: str, engine: Decoder, rows: Sequence[list[int]], seconds: float, rounds: int
) -> dict[int, list[float]]:
    """Measure words/s in each round, by batch size."""
    works = {batch: _turns(rows, batch, engine.decode) for batch in BATCHES}
    found = rates_in_turns(works, seconds / 2, 3 * rounds)
    for batch, rates in found.items():
        show(f"engine, {name}, batch {batch}, words/s", rates)
    return found


def _by_length(engine: Engine, letter: int, seconds: float, rounds: int) -> dict[int, list[float]]:
    """Measure words/s in each round at batch 64, by word length; all words have random letters."""
    draw = np.random.default_rng(1)
    works = {
        letters: _turns((letter + draw.integers(0, 26, (64, letters))).tolist(), 64, engine.decode)
        for letters in (4, 8, 16, 24, 32, 48, 64)
    }
    return rates_in_turns(works, seconds, 3 * rounds)


def _ours(
    name: str, loaded: Phonemizer, references: Mapping[str, Any], rate: float
) -> dict[str, Any]:
    words = list(references)
    answers = zip(words, loaded.pronounce(words), strict=True)
    rates = error_rates.any_match(references, {w: a.phonemes for w, a in answers})
    return {"name": name, "words_per_second": rate, "wer": rates.wer, "note": "batch 256, int8"}


def _beside(neighbour: neighbours.Neighbour, references: Mapping[str, Any]) -> dict[str, Any]:
    if neighbour.pronounce is None:
        print(f"{neighbour.name} is missing")
        return {"name": neighbour.name, "words_per_second": None, "wer": None, "note": "missing"}
    words = list(references)
    rate = neighbours.words_per_second(neighbour.pronounce, words)
    wer = None
    if neighbour.same_phonemes:
        predicted = neighbour.pronounce(words)
        wer = error_rates.any_match(references, {w: predicted.get(w, ()) for w in words}).wer
    shown = "" if wer is None else f", WER {100 * wer:.2f} %"
    print(f"{neighbour.name}: {rate:,.0f} words/s{shown} ({neighbour.note})", flush=True)
    return {
        "name": neighbour.name, "words_per_second": rate, "wer": wer, "note": neighbour.note,
    }  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
