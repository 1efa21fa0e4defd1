"""SSML: effects of its elements, offsets of its tokens, and errors."""

from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanger.model.text import ssml
from tanger.model.text.reader.reader import TextReader, spoken
from tanger.model.text.senses import sentences
from tanger.model.text.ssml import SSMLError

READER = TextReader()


def tokens(document):
    found = list(ssml.parse(document).tokens(READER, lambda word: False))
    at = 0
    for token in found:
        assert (token.start, document[token.start : token.end]) == (at, token.text)
        assert token.end > at
        at = token.end
    assert at == len(document)
    return found


def speak(content):
    return tokens(f"<speak>{content}</speak>")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("3 books &amp; AT&amp;T", "three books and AT and T"),
        ("a<!-- 5 -->b", "a B"),
        ("<![CDATA[3 < 5]]>", "three less than five"),
        ("cup<break/>board", "cup board"),
        ("<w>cup</w>", "cup"),
        ("<sub alias='World Wide Web'>WWW</sub>", "world wide web"),
        ("<sub alias='3:00'>then</sub>", "three o'clock"),
        ("<metadata>x <y/> 5</metadata>a", "a"),
        ("<audio src='x'>a <desc>b</desc> dog</audio>", "a dog"),
        ("<say-as interpret-as='digits'>1984</say-as>", "one nine eight four"),
        ("<say-as interpret-as='money'>$5</say-as>", "five dollars"),
        ("<prosody rate='slow'>a dog</prosody>", "a dog"),
        ("\r\n a \r\n", "a"),
        ("&#233;t&#xE9;", "été"),
    ],
)
def test_what_is_spoken(content, expected):
    assert spoken(speak(content)) == expected


@pytest.mark.parametrize(
    ("attributes", "phonemes"),
    [
        ('ph="təˈmɑtoʊ"', "T AH0 M AA1 T OW0"),
        ('alphabet="ipa" ph="təmeɪtoʊ"', "T AH M EY T OW"),
        ("alphabet='x-sampa' ph='t@\"meItoU'", "T AH0 M EY1 T OW0"),
        ('alphabet="x-cmu-arpabet" ph="T AH0 M EY1 T OW0"', "T AH0 M EY1 T OW0"),
    ],
)
def test_phonemes_are_those_of_the_document(attributes, phonemes):
    found = speak(f"a <phoneme {attributes}>tomato</phoneme>")
    (word,) = (token for token in found if token.text == "tomato")
    assert (" ".join(word.words[0].phonemes), word.words[0].phoneme_source) == (
        phonemes,
        "override",
    )
    (alone,) = (token for token in speak(f"<phoneme {attributes}/>") if token.words)
    assert alone.text == f"<phoneme {attributes}/>"
    assert alone.words[0].phonemes == word.words[0].phonemes


def test_other_languages_are_not_guessed():
    found = speak("An <lang xml:lang='fr'>été à <phoneme ph='pɑˈɹi'>Paris</phoneme></lang> day")
    languages = {word.text: word.language for token in found for word in token.words}
    assert languages == {"An": None, "été": "fr", "à": "fr", "Paris": None, "day": None}
    english = tokens("<speak xml:lang='de'>ja <s xml:lang='en-GB'>yes</s></speak>")
    assert [word.language for token in english for word in token.words] == ["de", None]


def test_what_is_ignored_is_reported():
    found = speak("<emphasis>a</emphasis><mark name='x'/><s>b</s><break/>")
    assert [note for token in found for note in token.warnings or ()] == [
        "<emphasis> is ignored",
        "<mark> is ignored",
    ]


@pytest.mark.parametrize("interpret_as", ["date", "cardinal", "nonsense"])
def test_content_of_another_kind_is_read_as_usual_with_a_warning(interpret_as):
    found = speak(f"<say-as interpret-as='{interpret_as}'>in 5kg</say-as>")
    (token,) = (token for token in found if token.words)
    assert token.spoken == "in five kilograms"
    assert interpret_as in token.warnings[0]


def test_sentences_are_those_of_the_document():
    found = speak("<p><s>One </s><s>Two</s>three. Four</p><p>five</p>")
    assert [spoken(sentence) for sentence in sentences(found)] == [
        "one", "two", "three", "four", "five",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "position", "message"),
    [
        ("", 0, "expected <speak>, found the end of the text"),
        ("hello", 0, "syntax error"),
        ("<p>hello</p>", 0, "expected <speak>, found <p>"),
        ("<speak>é<foo/></speak>", 8, "<foo>"),
        ("<speak><amazon:effect/></speak>", 7, "<amazon:effect>"),
        ("<speak>a", 8, "expected </speak>, found the end of the text"),
        ("<speak>&x;</speak>", 7, "undefined entity"),
        ("<!DOCTYPE speak [<!ENTITY x 'y'>]><speak>&x;</speak>", None, "no document type"),
        ("<speak><phoneme>x</phoneme></speak>", 7, "<phoneme ph=...>"),
        ("<speak><phoneme ph='q7'>x</phoneme></speak>", 7, "English in ipa, found 'q7'"),
        ("<speak><phoneme alphabet='sampa' ph='t'>x</phoneme></speak>", 7, "x-cmu-arpabet"),
        ("<speak><sub>x</sub></speak>", 7, "<sub alias=...>"),
        ("<speak><say-as>x</say-as></speak>", 7, "<say-as interpret-as=...>"),
        ("<speak><sub alias='x'><s/></sub></speak>", 22, "text alone in <sub>"),
        (f"<speak><sub alias='{'x' * 1001}'>x</sub></speak>", 7, "at most 1000"),
        (f"<speak><sub alias='x'>{'x' * 1001}</sub></speak>", None, "at most 1000"),
        ("<speak>" * 65, 448, "at most 64 elements"),
        ("<speak>\x00</speak>", 7, "not well-formed"),
        ("<speak>\ud800</speak>", 7, "not well-formed"),
    ],
)
def test_faults_are_named_with_their_place(document, position, message):
    with pytest.raises(SSMLError) as caught:
        ssml.parse(document)
    assert message in str(caught.value)
    if position is not None:
        assert caught.value.position == position


NAMES = st.sampled_from(["p", "s", "w", "prosody", "emphasis", "lang", "voice", "metadata"])
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
) | st.sampled_from(["It cost $5. ", "\n", "1984", "Dr.", "[a](/t{/)", "\ufffc", "don't"])
GIVEN = st.sampled_from(
    [
        "<break/>",
        "<sub alias='x 5'>é</sub>",
        "<say-as interpret-as='date'>1/2/99</say-as>",
        "<phoneme ph='t'/>",
        "<!-- é -->",
        "<?x?>",
        "&amp;",
        "&#10;",
        "<![CDATA[<é]]>",
        "\r\n",
    ]
)
CONTENTS = st.recursive(
    TEXTS.map(escape) | GIVEN,
    lambda inner: st.builds(
        "<{0} xml:lang='{2}'>{1}</{0}>".format,
        NAMES,
        st.lists(inner, max_size=4).map("".join),
        st.sampled_from(["en", "en-US", "fr"]),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(CONTENTS, max_size=5).map("".join))
def test_tokens_cover_any_document(content):
    speak(content)


def test_steps_do_not_part_what_belongs_together():
    words = "déjà vu " * 3000
    content = f"<p>{words}</p><lang xml:lang='fr'>{words}</lang>"
    found = [token.text for token in speak(content) if token.words]
    assert found == ["déjà", "vu"] * 6000
    parser = ssml.Parser(f"<speak>{content}</speak>")
    assert sum(1 for _ in parser.steps()) > 40
