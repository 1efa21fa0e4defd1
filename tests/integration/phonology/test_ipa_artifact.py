"""An artifact whose phonemes are IPA, some of them with marks of stress."""

from dataclasses import asdict, replace

import httpx
import pytest
import torch
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.phonology import notation, transcription
from tanger.model.phonology.notation import AlphabetError, StressError
from tanger.model.phonology.vocabulary import Vocabulary
from tests.support.live_service import running
from tests.support.networks import STRONG

MARKED = ["ˈa", "a", "ˌa", "ˈyː", "yː", "t", "ʃ", "ŋ", "ʁ"]
WORDS = ["gabe", "facade", "dead", "baggage", "edge", "a", "feed"]


def written(folder, phonemes):
    torch.manual_seed(4)
    sounds, letters = Vocabulary.of(phonemes), Vocabulary.of("ABCDEFG")
    network = Seq2Seq(replace(STRONG, input_symbols=len(letters), output_symbols=len(sounds)))
    weights = {name: 2 * value.numpy() for name, value in network.state_dict().items()}
    weights["output.bias"][sounds.encode(phonemes[:1])] += 2
    artifact.write(
        folder, name="ipa", network=asdict(network.config), training={}, calibration=None,
        graphemes=letters, phonemes=sounds, weights=weights, extras={},
    )  # fmt: skip
    return folder


@pytest.mark.parametrize(("phonemes", "found"), [
    (MARKED, ("native", "ipa")),
    (["t", "ɛ"], ("native", "ipa")),
    (["p", "aj", "tʰ", "ə", "d͡ʒ", "ɔ̃", "n̩", "a˥˩"], ("native", "ipa")),
    (["a", "b", "k"], ("native",)),  # some alphabet or other
    (["ä", "ö", "ç"], ("native",)),  # an orthography's letters
    (["t", "ɛ", "SIL"], ("native",)),
    (["ɛ", "p1"], ("native",)),
    (["a:", "@", "ɛ"], ("native",)),
])  # fmt: skip
def test_ipa_is_recognised(phonemes, found):
    assert notation.available(phonemes) == found


def test_stress_is_known_where_the_symbols_carry_it():
    assert notation.contains_stress(MARKED)
    assert not notation.contains_stress(["t", "ɛ"])
    assert notation.contains_stress(["T", "AE1", "AE0"])
    assert not notation.contains_stress(["T", "AE"])
    assert not notation.contains_stress(["p1", "p2"])  # whose digits are no stress
    assert notation.marks_stress("native", None, carried=True)
    assert not notation.marks_stress("native", False, carried=True)


def test_its_symbols_are_written_side_by_side():
    spoken = ("ʃ", "ˈa", "t", "yː")
    assert notation.write(spoken, "ipa") == notation.write(spoken, "native") == spoken
    assert notation.join(spoken, "ipa") == "ʃˈatyː"
    assert notation.join(spoken, "native") == "ʃ ˈa t yː"
    bare = ("ʃ", "a", "t", "yː")
    for alphabet in ("ipa", "native"):
        assert notation.write(spoken, alphabet, marks=False) == bare
    assert notation.write(("ʃ", "a", "yː"), "ipa", (None, 1, 2)) == ("ʃ", "ˈa", "ˌyː")
    assert notation.write(("ˈ", "a"), "ipa", marks=False) == ("ˈ", "a")  # one for one
    assert notation.write(("p1", "p2"), "native", marks=False) == ("p1", "p2")


def test_english_whose_symbols_carry_digits_goes_with_or_without():
    spoken = ("AH0", "B", "AH1", "V")
    assert notation.write(spoken, "arpabet") == spoken
    assert notation.write(spoken, "arpabet", marks=False) == ("AH", "B", "AH", "V")
    for digits in (None, (None,) * 4):
        assert notation.join(notation.write(spoken, "ipa", digits), "ipa") == "əˈbʌv"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ipa")
    with running(folder / "log", artifact=written(folder / "artifact", MARKED)) as found:
        found.wait_until_ready(1)
        yield found


def test_over_http(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:

        def ask(**options):
            answer = client.post("/pronounce", json={"words": WORDS, "n": 5, **options})
            return answer, [
                one
                for result in (answer.json()["results"] if answer.status_code == 200 else [])
                for one in result["pronunciations"]
            ]

        info = client.get("/info").json()
        assert info["alphabets"] == ["native", "ipa"]
        _, native = ask()
        _, ipa = ask(alphabet="ipa")
        _, bare = ask(alphabet="ipa", stress=False)
        assert ask(stress=True)[1] == native
        assert ask(alphabet="ipa", stress=True)[1] == ipa
        assert any("ˈa" in one["phonemes"] for one in native)
        for plain, written in zip(native, ipa, strict=True):
            assert plain["phonemes"] == written["phonemes"] != []
            assert plain["text"] == " ".join(plain["phonemes"])
            # Where English would read two as one, a break stands between them
            assert written["text"].replace(".", "") == "".join(written["phonemes"])
        assert bare
        for one in bare:
            assert one["phonemes"]
            assert not set(one["text"]) & set("ˈˌ")
        assert {tuple(one["phonemes"]) for one in bare} == {
            tuple(map(transcription.unmark, one["phonemes"])) for one in ipa
        }
        for alphabet in ("arpabet", "x-sampa", "cntk"):
            refused, _ = ask(alphabet=alphabet)
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


def test_on_the_command_line(tmp_path):
    def pronounce(folder, *options):
        arguments = ["pronounce", "facade", "--artifact", folder, "--device", "cpu", *options]
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    marked = written(tmp_path / "marked", MARKED)
    native = pronounce(marked).stdout
    assert pronounce(marked, "--stress").stdout == native
    ipa = pronounce(marked, "--alphabet", "ipa").stdout
    assert ipa.replace(".", "") == "facade  " + "".join(native.split()[1:]) + "\n"
    bare = pronounce(marked, "--no-stress").stdout
    assert bare == native.replace("ˈ", "").replace("ˌ", "")
    unmarked = written(tmp_path / "unmarked", ["a", "t", "ʃ", "ŋ"])
    assert pronounce(unmarked, "--alphabet", "ipa").exit_code == 0
    refused = pronounce(unmarked, "--alphabet", "ipa", "--stress")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_what_cannot_be_written_says_so():
    choices = notation.available(MARKED)
    assert notation.choose(None, choices, stressed=True, knows_stress=True) == "native"
    with pytest.raises(AlphabetError, match="'native' or 'ipa'"):
        notation.choose("x-sampa", choices, stressed=None, knows_stress=True)
    with pytest.raises(StressError):
        notation.choose("ipa", choices, stressed=True, knows_stress=False)
