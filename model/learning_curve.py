"""The picture of a training run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any


def draw(history: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Training error and dev rates by epoch, as PNG; None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    epochs = [record["epoch"] for record in history]
    for key, label in (
        ("dev_wer", "dev WER"),
        ("error", "training, teacher-forced"),
        ("dev_per", "dev PER"),
    ):
        axes.plot(epochs, [100 * record[key] for record in history], ".-", label=label)
    axes.set_yscale("symlog", linthresh=1.0)  # logarithmic, down to where an error may be 0
    axes.set_xlabel("epoch")
    axes.set_ylabel("errors, %")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    return picture.getvalue()
