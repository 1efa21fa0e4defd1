import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model import lexicon
from tanger.model.phonology import notation as notations
from tanger.model.phonology import stress, transcription
from tanger.model.phonology.transcription import TranscriptionError

NOTATIONS = ("ipa", "x-sampa")
phonemes = st.lists(st.sampled_from(sorted(notations.ARPABET)), min_size=1, max_size=12)


def written(spoken, notation, **options):
    """Phonemes with digits in another notation, as one text."""
    sounds, digits = zip(*map(stress.split, spoken), strict=True)
    known = digits if any(digit is not None for digit in digits) else None
    items = transcription.write(sounds, notation, known, **options)
    assert len(items) == len(spoken)
    return transcription.join(items, notation)


@pytest.mark.parametrize(
    ("spoken", "ipa", "sampa"),
    [
        ("T AE1 NG ER0", "ˈtæŋɚ", '"t{N@`'),
        ("AH0 B AW1 T", "əˈbaʊt", '@"baUt'),
        ("B ER1 D", "ˈbɝd", '"b3`d'),
        ("DH AH0", "ðə", "D@"),
        ("EH2 K S P L AH0 N EY1 SH AH0 N", "ˌɛkspləˈneɪʃən", '%Ekspl@"neIS@n'),
        ("K AO1 R T SH IH2 P", "ˈkɔɹtˌʃɪp", '"kOr\\t%SIp'),
        ("D R AO1 IH0 NG", "ˈdɹɔ.ɪŋ", '"dr\\O.IN'),  # without the break it would read as OY
        ("CH ER1 CH", "ˈtʃɝtʃ", '"tS3`tS'),
    ],
)
def test_words(spoken, ipa, sampa):
    spoken = tuple(spoken.split())
    for notation, text in (("ipa", ipa), ("x-sampa", sampa)):
        assert written(spoken, notation) == text
        assert transcription.parse(text, notation) == spoken


def test_without_marks_the_vowels_still_hang_on_stress():
    assert written(("AH0", "B", "AH1", "V"), "ipa", marks=False) == "əbʌv"


def test_without_stress_a_words_only_vowel_is_a_stressed_one():
    assert written(("K", "AH", "T"), "ipa") == "kʌt"
    assert written(("S", "OW", "F", "AH"), "ipa") == "soʊfə"
    assert written(("B", "ER", "D"), "ipa") == "bɝd"
    assert written(("T", "AE", "NG", "ER"), "ipa") == "tæŋɚ"


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_phoneme_comes_back(notation):
    for phoneme in notations.ARPABET:
        for digit in (0, 1, 2) if phoneme in stress.VOWELS else (None,):
            (item,) = transcription.write([phoneme], notation, [digit])
            unmarked = phoneme if digit != 0 or phoneme not in ("AH", "ER") else f"{phoneme}0"
            marked = f"{phoneme}{digit}" if digit else unmarked
            assert transcription.parse(item, notation) == (marked,)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_symbol_is_read_as_what_it_is_written_for(notation):
    symbols = transcription.symbols(notation)
    assert {sound for sounds in symbols.values() for sound in sounds} == notations.ARPABET
    for symbol, sounds in symbols.items():
        assert stress.strip(transcription.parse(symbol, notation)) == sounds


@pytest.mark.parametrize("notation", NOTATIONS)
@given(sounds=phonemes)
def test_any_phonemes_come_back(notation, sounds):
    text = transcription.join(transcription.write(sounds, notation), notation)
    assert stress.strip(transcription.parse(text, notation)) == tuple(sounds)


@pytest.mark.parametrize("notation", NOTATIONS)
@given(sounds=phonemes, data=st.data())
def test_any_stress_comes_back(notation, sounds, data):
    digits = [
        data.draw(st.sampled_from((0, 1, 2))) if sound in stress.VOWELS else None
        for sound in sounds
    ]
    text = transcription.join(transcription.write(sounds, notation, digits), notation)
    found = transcription.parse(text, notation)
    if any(digits):
        assert found == stress.mark(sounds, digits)
    else:  # without stress marks this is unknown
        assert stress.strip(found) == tuple(sounds)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("ˈt͡ʃɪ.kən", "CH IH1 K AH0 N"),
        ("ˈtʃ ɪ k ə n", "CH IH1 K AH0 N"),
        ("t ˈæ ŋ ɚ", "T AE1 NG ER0"),  # the mark is before the vowel
        ("ˈfɑːðə˞", "F AA1 DH ER0"),
        ("bɜːd", "B ER D"),
        ("ˈɡəʊt", "G OW1 T"),
        ("gr͜eɪt", "G R EY T"),
        ("taɪ̯m", "T AY M"),
        ("ˈbʌtn̩", "B AH1 T AH0 N"),
        ("ʍɪtʃ", "HH W IH CH"),
        ("'hæpi", "HH AE1 P IY0"),
        ("ˈʤʌʤ", "JH AH1 JH"),
    ],
)
def test_what_others_write_in_ipa(text, spoken):
    assert transcription.parse(text, "ipa") == tuple(spoken.split())


@pytest.mark.parametrize(
    ("text", "spoken"),
    [('"fA:D@`', "F AA1 DH ER0"), ("b3:d", "B ER D"), ("rId-IN", "R IH D IH NG")],
)
def test_what_others_write_in_x_sampa(text, spoken):
    assert transcription.parse(text, "x-sampa") == tuple(spoken.split())


@pytest.mark.parametrize(
    ("text", "position", "reported"),
    [
        ("ˈtaŋɚ", 2, "'a' (U+0061) is none of its symbols"),
        ("t͡ʃɑːx", 5, "'x'"),
        ("tæŋˈ", 3, "no vowel follows this mark"),
        ("ˈˌtæŋ", 1, "a second mark"),
        ("ˈtˌæ", 2, "a second mark"),
        ("", 0, "nothing to read"),
        (" . ", 0, "nothing to read"),
        ("日本", 0, "U+65E5"),
    ],
)
def test_what_is_no_transcription_is_reported_with_its_place(text, position, reported):
    with pytest.raises(TranscriptionError) as caught:
        transcription.parse(text, "ipa")
    assert (caught.value.text, caught.value.position) == (text, position)
    assert reported in str(caught.value)
    assert f"character {position + 1}" in str(caught.value)


@pytest.mark.parametrize("notation", NOTATIONS)
@given(text=st.text() | st.text("ˈˌtʃʒæəɚ.ː͡'\"%@`{3r\\ "))
def test_any_text_is_read_or_refused(notation, text):
    try:
        found = transcription.parse(text, notation)
    except TranscriptionError as e:
        found, place = (), e.position
        reported = str(e)
    else:
        place, reported = 0, "read"
    assert reported
    assert 0 <= place <= len(text)
    assert set(stress.strip(found)) <= notations.ARPABET


@pytest.mark.slow
def test_the_dictionary_comes_back_and_agrees_with_others(split):
    compare = pytest.importorskip("benchmarks.alphabets").compare
    entries = lexicon.read(split / "cmudict-0.7b", "cmudict")
    found = compare(entries[::10])
    assert found.lines == 13_386
    # Words without stress, such as BE (B IY0), lose their zeros
    assert found.lines - found.returned <= 8
    assert found.stresses == 0
    assert set(+found.ipa) == {("ɪ", "ɨ")}, "phonecodes writes IH0 so"
    assert set(+found.sampa) == {("I", "1"), ("@`", "ɚ"), ("3`", "ɝ")}
    assert found.placed[0] > 13_300
    assert found.placed[1] / found.placed[0] > 0.955
