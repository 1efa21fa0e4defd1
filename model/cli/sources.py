"""Where pronunciations come from, and how they are written: options of several commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from tanger.model.artifact import Artifact
from tanger.model.cli.common import fail
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import variants
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.segments import Source
from tanger.model.text.variants import Order

AlphabetOption = Annotated[Alphabet | None, typer.Option(help="The artifact's own by default.")]
StressOption = Annotated[
    bool | None,
    typer.Option(help="Stress, as in T AE1 NG ER0; by default in ipa and x-sampa alone."),
]
SourceOption = Annotated[
    Source,
    typer.Option(
        help="Where pronunciations come from: model, the network; lexicon, the dictionaries, which "
        "are CMUdict where the phonemes are ARPAbet and those of --lexicon; auto, these where "
        "they have the word, else the network."
    ),
]
LexiconOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A dictionary for --source auto and lexicon; may be repeated, and the last that has "
        "a word wins. FORMAT=PATH where the file does not tell its format, ALPHABET=PATH where "
        "it is in ipa or x-sampa; both as FORMAT+ALPHABET=PATH."
    ),
]
VariantOrderOption = Annotated[
    Order,
    typer.Option(
        help="Order of the variants that CMUdict has of a word: network, by the artifact's "
        "ranking; lexicon, as they stand there."
    ),
]


def load_dictionaries(
    artifact: Artifact, source: Source, lexicon: Sequence[str] | None, order: Order = "network"
) -> Dictionaries:
    """Read CMUdict and the dictionaries of --lexicon; none if the network is the only source.

    Args:
        artifact: its phonemes are those of the entries, and its ranking orders CMUdict's variants.
        source: where pronunciations come from.
        lexicon: files, as `Dictionaries.read` takes them.
        order: of CMUdict's variants.

    Raises:
        LexiconError, LexiconFileError: if a dictionary cannot be read.
    """
    if source != "model":
        ranking = variants.read(artifact) if order == "network" else None
        return Dictionaries.read(
            Inventory(artifact.phonemes.own), files=lexicon or (), ranking=ranking
        )
    if lexicon:
        fail("--lexicon is for --source auto or lexicon")
    return Dictionaries()
