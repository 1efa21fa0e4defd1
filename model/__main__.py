"""The command line: ``python -m model COMMAND``."""

from __future__ import annotations

import typer

from model.cli.asking import pronounce
from model.cli.fetching import convert, download_split
from model.cli.judging import calibrate, evaluate
from model.cli.linting import lint
from model.cli.making import derive, hold_out, label, spellings, train, train_joint_ngram

app = typer.Typer(
    help="Words to phonemes: train a network, measure it, ask it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _command in (
    train,
    evaluate,
    calibrate,
    hold_out,
    spellings,
    derive,
    label,
    pronounce,
    convert,
    lint,
):
    app.command()(_command)
app.command(name="download")(download_split)
app.command(name="joint-ngram")(train_joint_ngram)

if __name__ == "__main__":
    app()
