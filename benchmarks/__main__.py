"""``python -m benchmarks``: measure greedy decoding beside goals and other systems, in one run."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks import footprint, other_systems, plain, speed_picture
from benchmarks.goals import Goal, goal, show_table
from benchmarks.measure import alternating_rates, median_ratio, processor, rates_of, show
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.artifact import Artifact
from tanger.model.cli.common import ARTIFACT
from tanger.model.decoding.engine import NativeDecoder
from tanger.model.decoding.hypothesis import Decoder
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.evaluation import error_rates
from tanger.model.phonemizer import NetworkPhonemizer

ROOT = Path(__file__).parent.parent
DATA = ROOT / "data/cmudict"
BATCHES = (1, 8, 32, 256, 1024, 4096)


@dataclass(frozen=True)
class Decoding:
    """Rates of greedy decoding on one core, in words/s unless another unit is named.

    Attributes:
        gemm: float32 matrix product, GFLOP/s.
        plain_loop: `benchmarks.plain`, batch 1.
        runs_on: description of the decoder, by precision.
        by_batch: by precision and batch size, one rate per round.
        by_length: int8 at batch 64, by word length, one rate per round.
        mflop_per_word: operations of the network per word, 10^6.
    """

    gemm: float
    plain_loop: float
    runs_on: dict[str, str]
    by_batch: dict[str, dict[int, list[float]]]
    by_length: dict[int, list[float]]
    mflop_per_word: float

    @property
    def rates(self) -> dict[str, dict[int, float]]:
        """Median rates by precision and batch size."""
        return {
            name: {batch: statistics.median(several) for batch, several in each.items()}
            for name, each in self.by_batch.items()
        }

    def roofline(self, precision: str) -> float:
        """Return the part of the float32 peak that batch 256 reaches, 0 to 1 or, in int8, above."""
        return self.mflop_per_word * self.rates[precision][256] * 1e6 / (self.gemm * 1e9)


def main(
    artifact: Annotated[Path, typer.Option(help="Folder of the artifact.")] = ARTIFACT,
    fast: Annotated[Path, typer.Option(help="Folder of a small artifact.")] = ROOT
    / "artifacts/en-us-fast",
    data: Annotated[Path, typer.Option(help="Folder of the CMUdict split.")] = DATA,
    seconds: Annotated[float, typer.Option(help="Seconds per measurement.")] = 1.0,
    rounds: Annotated[int, typer.Option(help="Number of measurements of each kind.")] = 5,
    results: Annotated[Path, typer.Option(help="Folder for the figures and the picture.")] = ROOT
    / "benchmarks/results",
) -> None:
    """Measure words/s of greedy decoding, the core's peak, and other systems on the same core."""
    test = data / "cmudict-0.7b.test"
    if not test.exists():
        raise typer.BadParameter(f"{test} does not exist: run `make data`")
    torch.set_num_threads(1)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])  # inherited by child processes, which run the other systems
    references = lexicon.pronunciations(lexicon.read(test))
    found, small = artifacts.read(artifact), artifacts.read(fast)
    print(f"{artifact.name} {found.version}, one core, {rounds} rounds: median (lowest to highest)")

    mflop = found.metrics()[test.name]["mflop_per_word"]
    decoding = _decoding(found, list(references), mflop, seconds, rounds)
    systems = [_own(found, references, decoding.rates["int8"][256])]
    small_rate = _rate(
        f"{fast.name}, int8, batch 256, words/s",
        _turns(_encoded(small, references), 256, NativeDecoder(small).decode),
        seconds,
        rounds,
    )
    systems.append(_own(small, references, small_rate))
    trained_on = data / "cmudict-0.7b.train-dev-20-21"
    for system in other_systems.load_all(trained_on, ROOT / "runs/benchmarks"):
        systems.append(_other(system, references))
    os.sched_setaffinity(0, cores)
    by_threads = _by_threads(found, _encoded(found, references), seconds, rounds)
    table = [*_speed_goals(decoding, systems, by_threads), *_service_goals(artifact)]
    show_table(table)
    if not torch.cuda.is_available():
        print("there is no GPU: its rates are not measured")
    record = {
        "artifact": {"name": artifact.name, "version": found.version, "mflop_per_word": mflop},
        "runs_on": decoding.runs_on,
        "processor": processor(),
        "gemm_gflops": decoding.gemm,
        "plain_loop_words_per_second": decoding.plain_loop,
        "words_per_second": decoding.rates,
        "seconds_by_letters": {
            letters: 1 / statistics.median(several)
            for letters, several in decoding.by_length.items()
        },
        "systems": systems,
        "goals": [asdict(row) for row in table],
    }
    results.mkdir(parents=True, exist_ok=True)
    (results / "decode.json").write_text(json.dumps(record, indent=1) + "\n")
    speed_picture.draw(record, results / "decode.png")


def _decoding(
    found: Artifact, words: Sequence[str], mflop: float, seconds: float, rounds: int
) -> Decoding:
    """Measure the core's peak, a plain loop, and the artifact in both precisions."""
    gemm = _rate("float32 product of 1024 x 1024, GFLOP/s", _gemm, seconds, rounds, 1e-9)
    loop = plain.load(found)
    rows = _encoded(found, words)
    ends = {"start": found.phonemes.start, "end": found.phonemes.end}
    plain_loop = _rate(
        "plain torch.nn.LSTM loop, batch 1, words/s",
        _turns(rows, 1, lambda some: loop.decode(some, **ends)),
        seconds,
        rounds,
    )
    native = NativeDecoder(found)
    decoders: dict[str, Decoder] = {"int8": native, "float32": TorchDecoder.of([found], "cpu")}
    return Decoding(
        gemm=gemm,
        plain_loop=plain_loop,
        runs_on={name: decoder.runs_on for name, decoder in decoders.items()},
        by_batch={
            name: _by_batch(name, decoder, rows, seconds, rounds)
            for name, decoder in decoders.items()
        },
        by_length=_by_length(native, found.graphemes.encode("A")[0], seconds / 8, rounds),
        mflop_per_word=mflop,
    )


def _speed_goals(
    decoding: Decoding, systems: Sequence[dict[str, Any]], by_threads: dict[int, list[float]]
) -> list[Goal]:
    """Compare the rates with their goals; `systems` begins with the artifact and the small one."""
    rates, rate = decoding.rates, decoding.rates["int8"]
    best = max(BATCHES[:-1], key=rate.__getitem__)
    small, *others = systems[1:]
    other = {system["name"]: system["words_per_second"] for system in others}
    rival = other["Phonetisaurus"]
    fastest = None if None in other.values() else max(other, key=lambda name: other[name])
    small_rate = small["words_per_second"]
    return [
        goal("batch 1, time per word: plain loop / engine", 12, rate[1] / decoding.plain_loop, "x",
             f"{rate[1]:,.0f} words/s; float32 {rates['float32'][1] / decoding.plain_loop:.1f} x"),
        goal("batch 256, share of the float32 roofline", 75, 100 * decoding.roofline("int8"), "%",
             f"{rate[256]:,.0f} words/s x {decoding.mflop_per_word} MFLOP; "
             f"float32 {100 * decoding.roofline('float32'):.0f} %"),
        goal("words/s against Phonetisaurus", 1, rival and rate[256] / rival, "x",
             "batch 256, one core" if rival else "Phonetisaurus is missing"),
        goal(f"{small['name']} words/s against the fastest other system", 5,
             fastest and small_rate / other[fastest], "x",
             f"{small_rate:,.0f} words/s; {fastest or 'a system is missing'}"),
        goal("two cores against one", 1.8, median_ratio(by_threads[2], by_threads[1]), "x",
             f"{statistics.median(by_threads[2]):,.0f} words/s"),
        goal("batch 4096 against the best smaller one", 1,
             median_ratio(decoding.by_batch["int8"][4096], decoding.by_batch["int8"][best]), "x",
             f"flat or rising; the best is {best}"),
        goal("time a letter, 64 letters against 8", -1,
             median_ratio(decoding.by_length[8], decoding.by_length[64]) * 8 / 64, "x",
             "at most linear"),
    ]  # fmt: skip


def _service_goals(artifact: Path) -> list[Goal]:
    """Measure memory and start of the service, and compare them with those of bare imports."""
    bare, beside = footprint.of_import("torch"), footprint.of_import("torch", "fastapi")
    service = footprint.of_service(artifact, 2)
    return [
        goal("memory of the service beyond `import torch`", -150,
             service.megabytes - bare.megabytes, "MB",
             f"{service.megabytes:.0f} MB with two workers; `import torch` {bare.megabytes:.0f}"),
        goal("start to ready against `import torch, fastapi`", -2,
             service.seconds / beside.seconds, "x", f"{service.seconds:.2f} s"),
    ]  # fmt: skip


def _encoded(artifact: Artifact, words: Iterable[str]) -> list[list[int]]:
    return [artifact.graphemes.encode(word) for word in words]


def _rate(
    name: str, work: Callable[[], float], seconds: float, rounds: int, scale: float = 1.0
) -> float:
    """Measure and print the rate of `work`; return the median of the rounds."""
    rates = [scale * rate for rate in rates_of(work, seconds, rounds)]
    show(name, rates)
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
    name: str, decoder: Decoder, rows: Sequence[list[int]], seconds: float, rounds: int
) -> dict[int, list[float]]:
    """Measure words/s in each round, by batch size."""
    works = {batch: _turns(rows, batch, decoder.decode) for batch in BATCHES}
    found = alternating_rates(works, seconds / 2, 3 * rounds)
    for batch, rates in found.items():
        show(f"engine, {name}, batch {batch}, words/s", rates)
    return found


def _by_length(
    decoder: NativeDecoder, letter: int, seconds: float, rounds: int
) -> dict[int, list[float]]:
    """Measure words/s in each round at batch 64, by word length; all words have random letters."""
    draw = np.random.default_rng(1)
    works = {
        letters: _turns((letter + draw.integers(0, 26, (64, letters))).tolist(), 64, decoder.decode)
        for letters in (4, 8, 16, 24, 32, 48, 64)
    }
    return alternating_rates(works, seconds, 3 * rounds)


def _by_threads(
    found: Artifact, rows: Sequence[list[int]], seconds: float, rounds: int
) -> dict[int, list[float]]:
    """Measure words/s in each round at batch 4096, by number of threads."""
    works = {
        threads: _turns(rows, 4096, NativeDecoder(found, threads=threads).decode)
        for threads in (1, 2)
    }
    measured = alternating_rates(works, seconds, 3 * rounds)
    for threads, several in measured.items():
        show(f"engine, int8, batch 4096, {threads} threads, words/s", several)
    return measured


def _own(artifact: Artifact, references: Mapping[str, Any], rate: float) -> dict[str, Any]:
    """Return the record of one of the artifacts, with its word error rate."""
    words = list(references)
    loaded = NetworkPhonemizer.from_artifact(artifact, "cpu")
    answers = zip(words, loaded.pronounce(words), strict=True)
    rates = error_rates.any_match(references, {w: a.phonemes for w, a in answers})
    return {
        "name": artifact.path.name, "words_per_second": rate, "wer": rates.wer,
        "note": "batch 256, int8",
    }  # fmt: skip


def _other(system: other_systems.System, references: Mapping[str, Any]) -> dict[str, Any]:
    """Measure another system; return its record, which has no figures if it is missing."""
    if system.pronounce is None:
        print(f"{system.name} is missing")
        return {"name": system.name, "words_per_second": None, "wer": None, "note": "missing"}
    words = list(references)
    rate = other_systems.words_per_second(system.pronounce, words)
    wer = None
    if system.same_phonemes:
        predicted = system.pronounce(words)
        wer = error_rates.any_match(references, {w: predicted.get(w, ()) for w in words}).wer
    shown = "" if wer is None else f", WER {100 * wer:.2f} %"
    print(f"{system.name}: {rate:,.0f} words/s{shown} ({system.note})", flush=True)
    return {"name": system.name, "words_per_second": rate, "wer": wer, "note": system.note}


if __name__ == "__main__":
    typer.run(main)
