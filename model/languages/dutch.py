"""Dutch inflected forms by rule: plurals, adjectives' -e, degrees, and forms of regular verbs.

The Dutch dictionary has few of them (*hoog*, *hoger*, but neither *hoge* nor *hogere*), and a
network takes the endings for those of other words (*première*). Spelling: an open syllable writes a
long vowel once (*groot*, *grote*), a closed one doubles the consonant after a short one (*dik*,
*dikke*), and f and s between vowels may be v and z (*lief*, *lieve*). A final obstruent is voiced
before a vowel where the spelling says so (*goed* /xuːt/, *goede* /xuːdə/), and voiceless at the end
(*leven*, *leeft*); t after t, and d after d, are not heard (*vindt*).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tanger.model.languages.definition import Pronunciation
from tanger.model.languages.notation import unmark

_VOWEL_LETTERS = "aeiou"
# Two letters that are one vowel
_DIGRAPHS = frozenset(
    {"aa", "ee", "oo", "uu", "ie", "oe", "eu", "ui", "ei", "ou", "au", "ai", "oi"}
)
_CONSONANT_LETTERS = "bcdfghjklmnpqrstvwxz"
# Letters before the ending, and how a stem's final obstruent sounds then
_VOICED = {"d": ("t", "d"), "b": ("p", "b"), "v": ("f", "v"), "z": ("s", "z"), "g": ("x", "ɣ")}
_VOICELESS = {voiced: voiceless for voiceless, voiced in _VOICED.values()}
# Obstruents before d
_CLUSTER = {"x": "ɣ", "f": "v", "s": "z", "p": "b"}
# Of stems that the spelling writes with the voiceless letter, and the other way
_FINAL_LETTER = {"v": "f", "z": "s"}
_BETWEEN_VOWELS = {voiceless: voiced for voiced, voiceless in _FINAL_LETTER.items()}
# Endings that begin with a vowel, and their sounds; n after it is silent
_BEFORE_VOWEL: tuple[tuple[str, Pronunciation], ...] = (
    ("e", ("ə",)),
    ("en", ("ə",)),
    ("er", ("ə", "r")),
)
# Endings that leave the stem as it is
_PLAIN: tuple[tuple[str, Pronunciation], ...] = (
    ("der", ("d", "ə", "r")),
    ("ste", ("s", "t", "ə")),
    ("st", ("s", "t")),
    ("tjes", ("t", "j", "ə", "s")),
    ("tje", ("t", "j", "ə")),
    ("'s", ("s",)),
    ("s", ("s",)),
)
# Endings of verbs after the stem of an infinitive, and their sounds
_VERBAL: tuple[tuple[str, Pronunciation], ...] = (
    ("te", ("t", "ə")),
    ("ten", ("t", "ə")),
    ("de", ("d", "ə")),
    ("den", ("d", "ə")),
    ("t", ("t",)),
    ("d", ("t",)),
    ("", ()),
)
_PARTICIPLE = "ge"
_SIBILANTS = frozenset({"s", "z", "ʃ", "ʒ"})
# Letters of a stem, at least
_SHORTEST = 3


def inflected(
    words: Mapping[str, Sequence[Pronunciation]], listed: Iterable[str]
) -> dict[str, list[Pronunciation]]:
    """Return pronunciations of listed words that are inflected forms of a dictionary's words.

    Args:
        words: pronunciations by word.
        listed: words to derive, in lower case; those of the dictionary are left out.
    """
    found: dict[str, list[Pronunciation]] = {}
    waiting = [word for word in listed if word not in words]
    # A form of a form, such as *grotere*, is longer
    for word in sorted(waiting, key=len):
        for stem, way in _analyses(word):
            if len(stem) >= _SHORTEST and (known := words.get(stem) or found.get(stem)):
                form = way(known[0])
                if form is not None:
                    found[word] = [form]
                    break
    return found


@dataclass(frozen=True)
class _Form:
    """How a stem's pronunciation becomes that of a form: called with the one, returns the other.

    Attributes:
        ending: sounds of the ending.
        before: the letter before it, which says whether the stem's last sound is voiced.
        reduced: whether the stem's last vowel has to be a schwa.
    """

    ending: Pronunciation
    before: str = ""
    reduced: bool = False

    def __call__(self, stem: Pronunciation) -> Pronunciation | None:
        if len(stem) < 2 or (self.reduced and unmark(stem)[-2] != "ə"):
            return None
        if self.ending == ("s",) and stem[-1] in _SIBILANTS:  # of English, with a vowel: *races*
            return None
        last, voiced = _VOICED.get(self.before, ("", ""))
        if not last or stem[-1] != last:
            return stem + self.ending
        # *bevestigd*, *bevestigde*: what is before it is voiced with it
        before = _CLUSTER.get(stem[-2], stem[-2]) if voiced == "d" else stem[-2]
        return (*stem[:-2], before, voiced, *self.ending)


@dataclass(frozen=True)
class _VerbForm:
    """How an infinitive's pronunciation becomes that of a form of the verb.

    Attributes:
        ending: sounds of the ending.
        reduced: whether the last vowel of the stem has to be a schwa.
        participle: whether it begins with *ge-*.
    """

    ending: Pronunciation
    reduced: bool
    participle: bool = False

    def __call__(self, infinitive: Pronunciation) -> Pronunciation | None:
        if infinitive[-1] != "ə" or len(infinitive) < _SHORTEST:
            return None
        if self.reduced and unmark(infinitive)[-3] != "ə":  # *komt*, *nam*: of irregular verbs
            return None
        stem, last = infinitive[:-2], infinitive[-2]
        if self.ending[:1] != ("d",):
            last = _VOICELESS.get(last, last)
        ending = self.ending[1:] if self.ending[:1] == (last,) else self.ending
        return (("x", "ə") if self.participle else ()) + (*stem, last, *ending)


def _analyses(word: str) -> Iterator[tuple[str, _Form | _VerbForm]]:
    """Yield stems that a word may be a form of, the likelier ones first."""
    for ending, sounds in _BEFORE_VOWEL:
        body = word.removesuffix(ending)
        if body != word and len(body) >= _SHORTEST - 1 and body[-1] in _CONSONANT_LETTERS:
            yield from _stems(body, sounds)
        elif body != word and len(body) >= _SHORTEST:  # *mooie*, *nieuwe*
            yield body, _Form(sounds)
    for ending, sounds in _PLAIN:
        body = word.removesuffix(ending)
        if body != word and body:
            yield body, _Form(sounds)
    for ending, sounds in _VERBAL:
        if not word.endswith(ending):
            continue
        body = word[: len(word) - len(ending)]
        for infinitive, reduced in _infinitives(body):
            yield infinitive, _VerbForm(sounds, reduced)
        if body.startswith(_PARTICIPLE) and ending in ("t", "d"):
            for infinitive, reduced in _infinitives(body.removeprefix(_PARTICIPLE)):
                yield infinitive, _VerbForm(sounds, reduced, participle=True)


def _infinitives(stem: str) -> Iterator[tuple[str, bool]]:
    """Yield infinitives that a verb's stem may be of: *maak*, *leef*, *zet*, *beteken*, *vind*.

    With each comes whether the vowel before its last consonant has to be a schwa.
    """
    if len(stem) < _SHORTEST or stem[-1] not in _CONSONANT_LETTERS:
        return
    for last in dict.fromkeys((_BETWEEN_VOWELS.get(stem[-1], stem[-1]), stem[-1])):
        if stem[-2] == stem[-3] and stem[-2] in "aeou":
            yield f"{stem[:-2]}{last}en", False
        elif stem[-2] in _VOWEL_LETTERS and stem[-3:-1] not in _DIGRAPHS:
            yield f"{stem}{stem[-1]}en", False
            yield f"{stem[:-1]}{last}en", True
        else:
            yield f"{stem[:-1]}{last}en", False


def _stems(body: str, sounds: Pronunciation) -> Iterator[tuple[str, _Form]]:
    last = body[-1]
    final = _FINAL_LETTER.get(last, last)
    form = _Form(sounds, last)
    if body[-2] in _VOWEL_LETTERS and body[-3:-1] not in _DIGRAPHS:
        yield body[:-2] + 2 * body[-2] + final, form
        # Without stress the letter stays single: *zekere*, *moedige*
        yield body[:-1] + final, _Form(sounds, last, reduced=True)
    elif last == body[-2]:
        yield body[:-1], form
    else:
        yield body[:-1] + final, form
