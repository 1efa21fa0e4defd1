import asyncio
from dataclasses import replace

import pytest

from tanger.model import artifact as artifacts
from tanger.model.bloom_filter import BloomFilter
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonology.alignment import Alignment, AlignmentError
from tanger.model.phonology.notation import AlphabetError
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.candidates import Failure
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Pipeline
from tanger.service.schemas import Options, PronounceResponse
from tanger.service.serving import rendering
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.cache import AnswerCache, answer_size
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.serving.queue_items import DecodeResult
from tanger.service.serving.wire import DecodeRequest
from tanger.service.serving.worker import render_answer


class Decoded(Batcher):
    """A queue whose every word is answered at once: with its letters, or, for a B, an error."""

    def __init__(self):
        super().__init__(capacity=100, max_batch=100, weigh=len)
        self.submitted = []

    async def submit(self, words, *, timeout):
        self.submitted.extend(words)
        return DecodeResult(
            [
                Failure("ValueError: no")
                if ask.word == "B"
                else render_answer(ask, [self.found(ask, each) for each in range(ask.n)])
                for ask in words
            ]
        )

    def found(self, ask, number):
        phonemes = (*ask.word, *"T" * number)
        aligned = Alignment(
            [(0, 1)] * len(phonemes), [0.5] * len(phonemes), [[1.0]] * len(phonemes), ask.word
        )
        return Hypothesis(
            phonemes, (1 / 3,), complete=True, alignment=aligned if ask.alignment else None
        )


def ask(word, n=1, **options):
    return DecodeRequest(word, n, alphabet="arpabet", **options)


@pytest.fixture(scope="module")
def artifact(tiny_artifact):
    return artifacts.read(tiny_artifact)


def serve(artifact, queue, longest=4, cache_words=0, dictionaries=None, **options):
    options["cache"] = AnswerCache(cache_words, weigh=answer_size)
    pipeline = Pipeline(artifact, dictionaries=dictionaries, longest=longest)
    return Pronouncer(artifact, queue, pipeline, **options)


def pronounce(artifact, *words, **options):
    queue = Decoded()
    pronouncer = serve(artifact, queue)
    return queue.submitted, requested(pronouncer, *words, **options)


def requested(pronouncer, *words, **options):
    async def run():
        work = await pronouncer.begin(words, Options(**options))
        await work.decode(timeout=1)
        body = b"".join(rendering.response(work.model, await work.results(str.encode))).decode()
        answer = PronounceResponse.model_validate_json(body)
        assert answer.model_dump_json() == body, "as the document has it"
        return answer

    return asyncio.run(run())


def test_only_what_can_be_spelt_is_queued_and_all_is_answered_in_order(artifact):
    submitted, answer = pronounce(artifact, "42", "ab", "", "dán", "B", "abcde", "aaaaa", "t’")
    assert submitted == [ask("AB"), ask("DAN"), ask("B"), ask("T'")]
    assert [result.word for result in answer.results] == [
        *("42", "ab", "", "dán", "B", "abcde", "aaaaa", "t’")
    ]
    codes = [result.error and result.error.code for result in answer.results]
    assert codes == [
        *("unspellable", None, "empty", None, "decoding_failed", "unspellable", "too_long", None)
    ]
    assert [result.normalized for result in answer.results] == [
        *(None, "AB", None, "DAN", "B", None, None, "T'")
    ]
    for result in answer.results:
        assert (result.error is None) == (result.source == "model") == bool(result.pronunciations)
    assert answer.results[3].warnings == ("á -> A",)
    assert "ValueError: no" in answer.results[4].error.message


def test_the_model_is_named(artifact):
    _, answer = pronounce(artifact, "a")
    assert (answer.model.name, answer.model.version) == ("tiny", artifact.weights_sha256[:12])


def test_alphabets(artifact):
    for alphabet, phonemes in [(None, ("A", "B")), ("arpabet", ("A", "B")), ("cntk", ("~A", "~B"))]:
        _, answer = pronounce(artifact, "ab", alphabet=alphabet)
        (pronunciation,) = answer.results[0].pronunciations
        assert pronunciation.phonemes == phonemes
        assert pronunciation.text == " ".join(phonemes)
        assert pronunciation.probability == 0.333333


def test_what_is_rounded_sums_to_1_at_the_limit(artifact):
    queue = Decoded()
    queue.found = lambda ask, number: Hypothesis(
        (*ask.word, *"T" * number), ((0.9999996, 2e-7)[number],), complete=True
    )
    answer = requested(serve(artifact, queue), "ab", n=2)
    assert [each.probability for each in answer.results[0].pronunciations] == [0.999999, 0.0]


@pytest.mark.parametrize(
    "options", [{}, {"n": 2}, {"alphabet": "ipa"}, {"source": "model", "alphabet": "cntk"}]
)
def test_what_is_known_is_answered_as_ever(artifact, options):
    pronouncer = serve(artifact, Decoded(), cache_words=10)
    words, wanted = ["ab", "AB", "Ad"], Options(**options)
    assert pronouncer.known(words, wanted) is None
    answer = requested(pronouncer, *words, **options)
    results, distinct = pronouncer.known(words, wanted)
    body = b"".join(rendering.response(pronouncer.model, [each.encode() for each in results]))
    assert PronounceResponse.model_validate_json(body) == answer
    assert distinct == 2
    assert pronouncer.known([*words, "ba"], wanted) is None, "a word that was not answered yet"
    assert pronouncer.known(["áb"], wanted) is None, "a word with a warning"
    assert pronouncer.known(["ab"], Options(source="auto")) is None


def test_what_is_known_of_another_engine_is_not(artifact):
    engine = "one"
    pronouncer = serve(artifact, Decoded(), cache_words=10, engine=lambda: engine)
    requested(pronouncer, "ab")
    assert pronouncer.known(["ab"], Options()) is not None
    engine = "another"
    assert pronouncer.known(["ab"], Options()) is None


def test_an_alphabet_that_the_artifact_cannot_be_written_in_is_refused_before_anything(artifact):
    with pytest.raises(AlphabetError, match="'arpabet' or 'ipa' or 'x-sampa' or 'cntk'"):
        pronounce(artifact, "ab", alphabet="native")


def test_what_was_answered_is_not_decoded_again_but_a_failure_is(artifact):
    queue = Decoded()
    pronouncer = serve(artifact, queue, cache_words=10)
    first = requested(pronouncer, "ab", "B", "AB")
    assert queue.submitted == [ask("AB"), ask("B")]
    again = requested(pronouncer, "Ab", "b")
    assert queue.submitted == [ask("AB"), ask("B"), ask("B")]
    assert again.results[0].pronunciations == first.results[0].pronunciations
    assert asyncio.run(pronouncer.begin(["ab"], Options())).missing == []


def test_several_answers_are_another_question(artifact):
    queue = Decoded()
    pronouncer = serve(artifact, queue, cache_words=10)
    spoken = requested(pronouncer, "ab", n=3)
    assert [p.text for p in spoken.results[0].pronunciations] == ["A B", "A B T", "A B T T"]
    assert requested(pronouncer, "ab", n=3) == spoken
    assert queue.submitted == [ask("AB", 3)]
    (one,) = requested(pronouncer, "ab").results[0].pronunciations
    assert one.text == "A B"
    assert queue.submitted == [ask("AB", 3), ask("AB")]


def test_a_long_answer_is_kept_as_several(artifact):
    pronouncer = serve(artifact, Decoded(), cache_words=5)
    requested(pronouncer, "ab", n=10)
    requested(pronouncer, "abd", n=10)
    assert len(pronouncer.cache) == 1
    for word in ("a", "ab", "abd"):
        requested(pronouncer, word)
    assert len(pronouncer.cache) > 1


def test_letters_are_another_question(artifact):
    queue = Decoded()
    pronouncer = serve(artifact, queue, cache_words=100)
    (with_letters,) = requested(pronouncer, "ab", alignment=True).results
    (without,) = requested(pronouncer, "ab").results
    assert requested(pronouncer, "ab", alignment=True).results == (with_letters,)
    assert queue.submitted == [ask("AB", alignment=True), ask("AB")]
    (found,) = with_letters.pronunciations
    assert found.alignment.letters == ("A", "B")
    assert [(each.phoneme, each.start, each.end) for each in found.alignment.phonemes] == [
        ("A", 0, 1),
        ("B", 0, 1),
    ]
    assert without.pronunciations == (found.model_copy(update={"alignment": None}),)
    assert with_letters.warnings == without.warnings == ()


def test_what_is_read_in_parts_has_the_letters_of_all_parts(shipped_artifact):
    english = artifacts.read(shipped_artifact)
    queue = Decoded()
    answer = requested(serve(english, queue, longest=20), "ab-ad", "ab", alignment=True)
    parts, whole = answer.results
    found = parts.pronunciations[0].alignment
    assert found.letters == tuple("AB-AD")
    assert [each.start for each in found.phonemes] == [0, 0, 3, 3]
    assert whole.pronunciations[0].alignment is not None
    assert parts.warnings == ("read in parts: ab, ad",)
    assert queue.submitted == [ask("AB", alignment=True), ask("AD", alignment=True)]


def test_what_is_too_long_in_parts_has_no_letters_and_says_so(shipped_artifact):
    english = artifacts.read(shipped_artifact)
    answer = requested(serve(english, Decoded(), longest=20), "7777777", alignment=True)
    (result,) = answer.results
    assert result.pronunciations[0].alignment is None
    assert result.warnings[-1].startswith("no alignment: this word is too long")


def test_letters_of_a_network_without_attention_are_refused(artifact):
    blind = replace(artifact, network={**artifact.network, "attention": False})
    with pytest.raises(AlignmentError, match="without alignment"):
        pronounce(blind, "ab", alignment=True)
    assert pronounce(blind, "ab")[1].results[0].error is None


def test_several_answers_are_more_work():
    assert ask("TANGER").work == 6
    assert 6 < ask("TANGER", 2).work < ask("TANGER", 3).work <= 18
    assert ask("A", 10).work > 1
    assert ask("TANGER", alignment=True).work > ask("TANGER").work


def test_an_entity_tag_names_all_that_decides_an_answer(artifact, tmp_path):
    def tag(word="ab", artifact=artifact, longest=4, dictionaries=None, **options):
        pronouncer = serve(artifact, Decoded(), longest=longest, dictionaries=dictionaries)
        return pronouncer.etag(word, Options(**options))

    lexicon = tmp_path / "own.tsv"
    lexicon.write_text(f"ab\t{artifact.phonemes.own[0]}\n")
    inventory = Inventory(artifact.phonemes.own)
    evidence = Dictionaries.read(inventory, builtin="off", files=[str(lexicon)])

    assert tag() == tag()
    others = [
        tag("abd"),
        tag(alphabet="cntk"),
        tag(alphabet="ipa"),
        tag(alphabet="ipa", stress=False),
        tag(n=2),
        tag(alignment=True),
        tag(longest=5),
        tag(dictionaries=evidence),
        tag(artifact=replace(artifact, weights_sha256="0" * 64)),
        tag(artifact=replace(artifact, calibration=None)),
        tag(artifact=replace(artifact, nbest_calibration=artifact.calibration)),
        tag(artifact=replace(artifact, trained_calibration=artifact.calibration)),
        tag(artifact=replace(artifact, trained_words=BloomFilter.of(["AB"]))),
    ]
    assert len({tag(), *others}) == 1 + len(others)


def test_another_engine_has_other_tags_and_other_answers_kept(artifact):
    engine = "compiled C"
    queue = Decoded()
    pronouncer = serve(artifact, queue, cache_words=10, engine=lambda: engine)
    first = pronouncer.etag("ab", Options())
    requested(pronouncer, "ab")
    requested(pronouncer, "ab")
    assert len(queue.submitted) == 1
    engine = "torch"
    assert pronouncer.etag("ab", Options()) != first
    requested(pronouncer, "ab")
    assert len(queue.submitted) == 2
