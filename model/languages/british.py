"""British pronunciations of American entries, by rule.

They are for a network that has to learn how English is spelt from more words than British
dictionaries have. Of 32,737 words that CMUdict 0.7b and these have, 76.4 % come out as one of these
has them, apart from stress. Words in capitals are lexical sets (Wells, Accents of English, 1982).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tanger.model.phonology import transcription
from tanger.model.phonology.notation import ARPABET

_LETTERS = re.compile("[aeiouy]+")
# An e that spells no vowel: stone, stone's, stones, loved
_SILENT = re.compile("(?<=[^aeiouy])e(?=$|'s$)|(?<=[^aeioudt])e(?=d$)|(?<=[^aeiouyszxcgh])e(?=s$)")

# Any vowel, converted or not, after a space
_VOWEL = " (?:[AEIOU][A-Z]|[əɜɑɒɔæɛɪʊeʌi]ː?[ʊɪə]?)"

# Applied in order to phonemes separated by spaces. Vowels have their stress and, if the word has as
# many groups of vowel letters as vowels, these letters: "T AO1<a> K", "V IH1<i> ZH AH0<io> N".
_RULES = tuple(
    (re.compile(pattern.replace(" V", _VOWEL)), replacement)
    for pattern, replacement in (
        # lettER, NURSE; hurry
        (r"ER0(\S*)(?= V)", r"ə\1 R"),
        (r"ER0", "ə"),
        (r"ER([12]<[ou]>)(?= V)", r"AH\1 R"),
        (r"ER([12]\S*)(?= V)", r"ɜː\1 R"),
        (r"ER", "ɜː"),
        # START, NORTH, SQUARE, NEAR, CURE; other vowels in sorry, carry, merry, mirror
        (r"AA(\d<[ou]>)(?= R V)", r"ɒ\1"),
        (r"AA(?=\S* R)", "ɑː"),
        (r"AO(\d<[ou]>)(?= R V\d<[aou])", r"ɒ\1"),
        (r"AO(?=\S* R)", "ɔː"),
        (r"EH(\d<a>)(?= R (?!IY|IH0<i> NG)[AEIOUəɪ])", r"æ\1"),
        (r"EH(\d<e>)(?= R V)", r"ɛ\1"),
        (r"EH(?=\S* R)", "eə"),
        (r"IH(\d<[iy]>)(?= R V)", r"ɪ\1"),
        (r"I[HY](?=\S* R)", "ɪə"),
        (r"UH(?=\S* R)", "ʊə"),
        # r is heard before vowels only
        (r" R(?! V)", ""),
        # LOT, PALM; CLOTH, THOUGHT; BATH
        (r"(?<=W )AA(?=\d<a>)", "ɒ"),
        (r"AA(?=\d<a)", "ɑː"),
        (r"AA", "ɒ"),
        (r"AO(?=\d<o>)", "ɒ"),
        (r"AO", "ɔː"),
        (
            r"AE(?=1<a> (?:F T|S [KPT]|TH|S|N S|N T|N CH|F|V)"
            r"(?: [ZS]|(?: IH0\S*| ER0\S*)( NG| D)?)?$)",
            "ɑː",
        ),
        # Weak vowels: i, y, and the e and a of some endings; happY; music
        (r"AH0(?=<[iy]>|<e> [DZT]$|<a> JH)", "ɪ"),
        (r"^AH0(?=<e>)", "ɪ"),
        (r"^AH0(?=<u>)", "ʌ"),
        (r"(?<=Y )AH0(?=<u>)", "ʊ"),
        (r"AH0", "ə"),
        (r"AH", "ʌ"),
        (r"IY0(?=\S*(?: V|$|(?<=<ie>) [DZ]$))", "i"),
        (r"IY0(?=<[iey]>)", "ɪ"),
        # -isation; new
        (r"IH0(?=\S* Z EY\d\S* SH)", "aɪ"),
        (r"(?<=[TDN] )UW(?=\d<(?:u|eu?)>)", "Y UW"),
    )
)  # fmt: skip
# General American's symbols, but for long vowels, GOAT, and affricates with a tie
_IPA = {symbol: transcription.write([symbol], "ipa")[0] for symbol in ARPABET} | {
    "IY": "iː", "UW": "uː", "OW": "əʊ", "CH": "t͡ʃ", "JH": "d͡ʒ",
}  # fmt: skip
_MARKS = {"1": "ˈ", "2": "ˌ"}
_SYMBOL = re.compile(r"([^\d<]+)(\d?)")


def from_american(word: str, phonemes: Sequence[str]) -> tuple[str, ...]:
    """Return a British pronunciation of an American entry: IPA, with stress marks before vowels.

    Args:
        word: the word, in lower case.
        phonemes: CMUdict's: ARPAbet, vowels with a digit of stress.
    """
    letters = _LETTERS.findall(_SILENT.sub("", word))
    vowels = [at for at, symbol in enumerate(phonemes) if symbol[-1].isdigit()]
    spelt = dict(zip(vowels, letters, strict=True)) if len(letters) == len(vowels) else {}
    text = " ".join(
        f"{symbol}<{spelt[at]}>" if at in spelt else symbol for at, symbol in enumerate(phonemes)
    )
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    symbols = (_SYMBOL.findall(symbol)[0] for symbol in text.split())
    return tuple(_MARKS.get(digit, "") + _IPA.get(symbol, symbol) for symbol, digit in symbols)
