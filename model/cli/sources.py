"""Where pronunciations come from, and how they are written: options of several commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
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

LanguageOption = Annotated[
    str | None,
    typer.Option(
        help="Language, as a tag such as de or en-GB: of an installed artifact, or of --artifact."
    ),
]
SpokenArtifactOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the artifact; by default the installed one for --language, or en-us."
    ),
]
AlphabetOption = Annotated[
    Alphabet | None, typer.Option(help="Notation of phonemes; by default the artifact's own.")
]
StressOption = Annotated[
    bool | None,
    typer.Option(help="Mark stress, as in T AE1 NG ER0; by default only in ipa and x-sampa."),
]
SourceOption = Annotated[
    Source,
    typer.Option(
        help="Source of pronunciations: model, the network; lexicon, CMUdict (if the phonemes are "
        "ARPAbet) and the dictionaries of --lexicon; auto, these if they contain the word, else "
        "the network."
    ),
]
LexiconOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Dictionary for --source auto and lexicon; repeatable, the last one that contains a "
        "word takes precedence. FORMAT=PATH if the name does not show the format, ALPHABET=PATH "
        "for ipa or x-sampa, FORMAT+ALPHABET=PATH for both."
    ),
]
VariantOrderOption = Annotated[
    Order,
    typer.Option(
        help="Order of a word's variants in CMUdict: network, by the artifact's ranking; lexicon, "
        "as listed there."
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
            Inventory(artifact.phonemes.own),
            files=lexicon or (),
            ranking=ranking,
            folder=artifact.path,
        )
    if lexicon:
        fail("--lexicon is for --source auto or lexicon")
    return Dictionaries()
