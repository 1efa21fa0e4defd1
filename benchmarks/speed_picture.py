"""Plot the results of ``make bench``: words/s against WER, and words/s by batch size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Plot a run's record to a PNG file; does nothing without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: it takes matplotlib")
        return
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    systems, batches, lengths = figure.subplots(1, 3)
    for system in record["systems"]:
        if system["wer"] is not None:
            systems.plot(system["words_per_second"], 100 * system["wer"], "o")
            systems.annotate(
                system["name"], (system["words_per_second"], 100 * system["wer"]),
                xytext=(0, 7), textcoords="offset points", ha="center",
            )  # fmt: skip
    systems.set(xscale="log", xlabel="words/s, one core", ylabel="WER, %", title="CMUdict, test")
    systems.xaxis.set_minor_formatter("")  # minor labels would overlap
    systems.margins(0.3)
    for precision, rates in record["words_per_second"].items():
        batches.plot(list(map(int, rates)), list(rates.values()), "o-", label=precision)
    batches.set(xscale="log", xlabel="batch", ylabel="words/s, one core")
    top = max(rate for rates in record["words_per_second"].values() for rate in rates.values())
    batches.set_ylim(0, 1.4 * top)  # leaves room for the legend
    batches.legend(loc="upper left")
    by_length = record["seconds_by_letters"]
    lengths.plot(list(map(int, by_length)), [1e3 * each for each in by_length.values()], "o-")
    lengths.set(xlabel="letters", ylabel="ms a word, batch 64", ylim=0, xlim=0)
    figure.savefig(path, dpi=110)
