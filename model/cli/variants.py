"""The command that ranks the variants of the built-in dictionary for an artifact."""

from __future__ import annotations

from tanger.model import artifact as artifacts
from tanger.model.cli.common import ARTIFACT, ArtifactOption, plain_errors


def rank_variants(artifact: ArtifactOption = ARTIFACT) -> None:
    """Order the variants of words in CMUdict by an artifact's network (seconds).

    Writes variants.json into the artifact. Words that the service or a command looks up have their
    variants in this order.
    """
    from tanger.model.decoding import engine
    from tanger.model.text import dictionaries, variants

    with plain_errors():
        checked = artifacts.read(artifact)
        content = dictionaries.builtin_content()
        several = dictionaries.variants(content)
        ranking = variants.rank(
            checked, engine.load_scorer(checked), dictionaries.sha256(content), several
        )
        variants.write(checked, ranking)
    ambiguous = sum(len(each) > 1 for each in several.values())
    print(f"{len(ranking.order):,} of {ambiguous:,} words with variants have another order")
