"""Ranking of variants: computed from a scorer, stored in the artifact, applied to lookups."""

import logging

import numpy as np
import pytest

from tanger.model import artifact as artifacts
from tanger.model.artifact_checks import ArtifactError
from tanger.model.decoding.hypothesis import Scored
from tanger.model.lexicon.index import lexicon_key
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.text import dictionaries, variants
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.variants import VariantRanking
from tests.support import ROOT

ENGLISH = Inventory("AA AE AH B D EH ER IY NG R T EY M N".split())


class FakeArtifact:
    graphemes = Vocabulary.of("ABDEMNORTUY")
    phonemes = Vocabulary.of("AH D EH IY R EY B".split())
    weights_sha256 = "0" * 64

    def __init__(self, path):
        self.path = path


class Scorer:
    """Scores all phonemes equally, and vowels higher the lower their stress digit."""

    def score(self, given):
        return [
            Scored(
                np.zeros(len(each.phonemes) + 1, int),
                np.full((len(each.phonemes) + 1, 9), 0.5),
                np.tile([0.0, -1.0, -2.0, -3.0], (len(each.phonemes) + 1, 1)),
            )
            for each in given
        ]


def test_the_likeliest_comes_first_and_stress_counts(tmp_path):
    listed = {
        "read": [("R", "EH1", "D"), ("R", "IY1", "D"), ("R", "IY1", "D", "AH0")],
        "bed": [("B", "EH0"), ("B", "EH1")],
        "red": [("R", "EH1"), ("R", "EH0")],
        "one": [("D",)],
        "日本": [("D",), ("D", "D")],
    }
    found = variants.rank(FakeArtifact(tmp_path), Scorer(), "sha", listed)
    assert found == VariantRanking("sha", {"red": [1, 0]})


def test_a_ranking_is_kept_and_is_of_its_weights_alone(tmp_path, caplog):
    artifact = FakeArtifact(tmp_path)
    assert variants.read(artifact) is None
    ranking = VariantRanking("sha", {"read": [1, 0]})
    variants.write(artifact, ranking)
    assert variants.read(artifact) == ranking
    artifact.weights_sha256 = "1" * 64
    with caplog.at_level(logging.WARNING):
        assert variants.read(artifact) is None
    assert "is of other weights and unused" in caplog.text


@pytest.mark.parametrize("order", [[0, 2], [0, 0], ["0", "1"], [0, True], 1, None])
def test_a_damaged_ranking_is_refused(tmp_path, order):
    artifact = FakeArtifact(tmp_path)
    variants.write(artifact, VariantRanking("sha", {"read": order}))
    with pytest.raises(ArtifactError, match="an order that is none"):
        variants.read(artifact)


def listed(found, word):
    got = found.get(word, lexicon_key(word))
    return [" ".join(phonemes) for phonemes in got.found.pronunciations], got.order


def test_lookups_follow_the_ranking_of_this_edition(tmp_path, caplog):
    own = tmp_path / "own.dict"
    own.write_text("bed  B EH D\nbed(1)  B AE D\n")
    edition = dictionaries.sha256(dictionaries.builtin_content())
    order = {"monday": [1, 0], "bed": [1, 0]}
    found = Dictionaries.read(ENGLISH, files=[str(own)], ranking=VariantRanking(edition, order))
    plain = Dictionaries.read(ENGLISH, files=[str(own)])
    assert listed(found, "monday") == (listed(plain, "monday")[0][::-1], "network")
    assert listed(found, "sunday") == (listed(plain, "sunday")[0], "network")
    assert listed(plain, "monday")[1] == "lexicon"
    assert listed(found, "bed") == (["B EH D", "B AE D"], "lexicon")
    assert found.revision != plain.revision
    with caplog.at_level(logging.WARNING):
        other = Dictionaries.read(ENGLISH, ranking=VariantRanking("another", order))
    assert "another edition" in caplog.text
    assert listed(other, "monday") == listed(plain, "monday")


@pytest.mark.parametrize("name", ["en-us", "en-us-fast"])
def test_shipped_rankings_are_of_their_weights_and_of_the_installed_edition(name):
    found = variants.read(artifacts.read(ROOT / "artifacts" / name))
    assert found is not None, f"run `tanger rank-variants --artifact artifacts/{name}`"
    assert found.dictionary == dictionaries.sha256(dictionaries.builtin_content())
    assert found.order["monday"] == [1, 0]
