"""English words that a lexicon has, or has a part or the stem of, with the shipped artifact.

Pronouncer and lexicons are the service's own; only what the network would say is made up.
"""

import asyncio

import pytest

from tanger.model import artifact as artifacts
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.lexicon import Entry, Row
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Pipeline
from tanger.service.schemas import Options, PronounceResponse
from tanger.service.serving import rendering
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.serving.queue_items import DecodeResult
from tanger.service.serving.worker import render_answer
from tanger.service.user_lexicon.store import UserLexicon
from tanger.service.user_lexicon.transfer import Staged


class Humming(Batcher):
    """A queue whose every word is answered with a hum, and as often as is asked for."""

    def __init__(self):
        super().__init__(capacity=1000, max_batch=100, weigh=lambda ask: ask.work)
        self.requested = []

    async def submit(self, asks, *, timeout):
        self.requested.extend(ask.word for ask in asks)
        return DecodeResult([render_answer(ask, list(self._hums(ask.n))) for ask in asks])

    @staticmethod
    def _hums(maximum):
        for place in range(maximum):
            yield Hypothesis(("M",) * (1 + place), (0.5 / (1 + place),), complete=True)


@pytest.fixture(scope="module")
def artifact(shipped_artifact):
    return artifacts.read(shipped_artifact)


@pytest.fixture(scope="module")
def dictionaries(artifact):
    return Dictionaries.read(Inventory(artifact.phonemes.own))


@pytest.fixture
def user(tmp_path):
    store = UserLexicon(tmp_path / "words.db")
    staged = Staged(store)
    staged.add(Row(0, Entry("zorgl", ("Z", "AO1", "R", "G", "AH0", "L"))))
    asyncio.run(store.take(staged.rows, replace=False))
    staged.close()
    yield store
    store.close()


@pytest.fixture
def ask(artifact, dictionaries, user):
    def ask(word, **options):
        queue = Humming()
        pipeline = Pipeline(artifact, dictionaries=dictionaries, user=user)
        pronouncer = Pronouncer(artifact, queue, pipeline, user=user)

        async def run():
            work = await pronouncer.begin([word], Options(**{"source": "auto", **options}))
            await work.decode(timeout=1)
            body = b"".join(rendering.response(work.model, await work.results(str.encode))).decode()
            answer = PronounceResponse.model_validate_json(body)
            assert answer.model_dump_json() == body, "as the document has it"
            return answer.results[0]

        result = asyncio.run(run())
        spoken = [pronunciation.text for pronunciation in result.pronunciations]
        return result, spoken, queue.requested

    return ask


def test_n_bounds_the_variants_of_a_lexicon(ask):
    for n in (1, 2, 10):
        result, spoken, requested = ask("read", n=n)
        assert (result.source, spoken, requested) == ("lexicon", ["R EH D", "R IY D"][:n], [])
    _, spoken, _ = ask("$500", n=1)
    assert len(spoken) == 1


@pytest.mark.parametrize(
    ("word", "source", "spoken", "requested"),
    [
        ("well-read", "lexicon", "W EH L  R EH D", []),
        ("zorgl-zorgl", "user", "Z AO R G AH L  Z AO R G AH L", []),
        ("zorgl-well", "lexicon", "Z AO R G AH L  W EH L", []),
        ("well-zorb", "model", "W EH L  M", ["ZORB"]),
        ("42", "lexicon", "F AO R T IY  T UW", []),
        ("NASA", "lexicon", "N AE S AH", []),
        ("USA", "lexicon", "Y UW EH S EY", []),
    ],
)
def test_parts_are_looked_up_and_the_network_says_the_rest(ask, word, source, spoken, requested):
    result, texts, queued = ask(word)
    assert (result.source, texts[0], queued) == (source, spoken, requested)
    probability = result.pronunciations[0].probability
    assert probability == (0.5 if source == "model" else None)


@pytest.mark.parametrize(
    ("word", "source", "spoken", "stem"),
    [
        ("zorgl's", "user", "Z AO1 R G AH0 L Z", "ZORGL"),
        ("zorgls", "user", "Z AO1 R G AH0 L Z", "ZORGL"),
        ("accordion's", "lexicon", "AH0 K AO1 R D IY0 AH0 N Z", "ACCORDION"),
    ],
)
def test_forms_of_known_words_are_made_by_rule_and_that_is_reported(
    ask, word, source, spoken, stem
):
    result, texts, queued = ask(word, stress=True)
    assert (result.source, texts, queued) == (source, [spoken], [])
    assert result.warnings[-1].endswith(f"by rule, from {stem}")


def test_an_acronym_that_no_lexicon_has_is_read_by_rule(ask):
    result, spoken, _ = ask("QZX")
    assert (result.source, spoken) == ("model", ["K Y UW Z IY EH K S"])
    assert "letter by letter" in result.warnings[0]


def test_alternatives_of_parts_are_combined(ask):
    result, spoken, requested = ask("well-zorb", n=2)
    assert (spoken, requested) == (["W EH L  M", "W EH L  M M"], ["ZORB"])
    assert [p.probability for p in result.pronunciations] == [0.5, 0.25]


def test_ipa_of_an_entry_with_its_stress_and_without(ask):
    _, spoken, _ = ask("tanger", alphabet="ipa")
    assert spoken == ["ˈtæŋɚ"]
    _, spoken, _ = ask("tanger", alphabet="ipa", stress=False)
    assert spoken == ["tæŋɚ"]
    _, spoken, _ = ask("tanger", alphabet="x-sampa")
    assert spoken == ['"t{N@`']
