"""The command line ``tanger``: registers all commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from tanger import __version__
from tanger.model.cli.common import fail
from tanger.model.cli.data import convert, download_split
from tanger.model.cli.english import (
    calibrate_english,
    combine_dictionaries,
    english_spellings,
    rank_variants,
)
from tanger.model.cli.evaluate import calibrate, evaluate
from tanger.model.cli.labels import fit_panel, label, train_joint_ngram
from tanger.model.cli.lint import lint
from tanger.model.cli.pronounce import pronounce
from tanger.model.cli.reproduce import reproduce
from tanger.model.cli.text import text
from tanger.model.cli.text_models import train_acronyms, train_homographs
from tanger.model.cli.train import (
    derive,
    hold_out,
    repeat_errors,
    reverse,
    spellings,
    train,
)

app = typer.Typer(
    help="Convert words to phonemes: train networks, evaluate, run and serve them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tanger {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options that come before a command."""


_ANY_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True}


# Its options are the service's settings, parsed by pydantic, including --help.
@app.command(rich_help_panel="Pronounce", context_settings=_ANY_OPTIONS, add_help_option=False)
def serve(context: typer.Context) -> None:
    """Run the HTTP service. Settings come from the environment and the command line."""
    from tanger.service.server import main

    sys.exit(main(context.args))


# Commands by their heading in `tanger --help`
_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Pronounce": {"pronounce": pronounce, "text": text},
    "Lexicons": {"convert": convert, "lint": lint},
    "Train and evaluate": {
        "data": download_split,
        "train": train,
        "evaluate": evaluate,
        "calibrate": calibrate,
        "hold-out": hold_out,
        "spellings": spellings,
        "derive": derive,
        "fit-panel": fit_panel,
        "repeat-errors": repeat_errors,
        "reverse": reverse,
        "label": label,
        "joint-ngram": train_joint_ngram,
    },
    "Shipped artifacts": {
        "reproduce": reproduce,
        "combine-dictionaries": combine_dictionaries,
        "calibrate-english": calibrate_english,
        "english-spellings": english_spellings,
        "rank-variants": rank_variants,
        "train-homographs": train_homographs,
        "train-acronyms": train_acronyms,
    },
}
for _panel, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(name=_name, rich_help_panel=_panel)(_command)

# Former names of commands: an error states the new name.
RENAMED_COMMANDS = {"download": "data", "evaluate-english": "evaluate"}


def _fail_renamed(context: typer.Context) -> None:
    former = str(context.info_name)
    fail(f"`tanger {former}` is called `tanger {RENAMED_COMMANDS[former]}` now")


for _former in RENAMED_COMMANDS:
    app.command(name=_former, hidden=True, context_settings=_ANY_OPTIONS, add_help_option=False)(
        _fail_renamed
    )
