"""How the words are said in which numbers and signs are read out: a closed list, known beforehand.

In ARPAbet with stress digits, each as Americans commonly say it.
"""

from __future__ import annotations

from collections.abc import Iterator

from model import acronyms, english

_SAID = """
ZERO Z IY1 R OW0|ONE W AH1 N|TWO T UW1|THREE TH R IY1|FOUR F AO1 R|FIVE F AY1 V|SIX S IH1 K S
SEVEN S EH1 V AH0 N|EIGHT EY1 T|NINE N AY1 N|TEN T EH1 N|ELEVEN IH0 L EH1 V AH0 N
TWELVE T W EH1 L V|THIRTEEN TH ER1 T IY1 N|FOURTEEN F AO1 R T IY1 N|FIFTEEN F IH0 F T IY1 N
SIXTEEN S IH0 K S T IY1 N|SEVENTEEN S EH1 V AH0 N T IY1 N|EIGHTEEN EY0 T IY1 N
NINETEEN N AY1 N T IY1 N|TWENTY T W EH1 N T IY0|THIRTY TH ER1 T IY0|FORTY F AO1 R T IY0
FIFTY F IH1 F T IY0|SIXTY S IH1 K S T IY0|SEVENTY S EH1 V AH0 N T IY0|EIGHTY EY1 T IY0
NINETY N AY1 N T IY0|HUNDRED HH AH1 N D R AH0 D|THOUSAND TH AW1 Z AH0 N D|MILLION M IH1 L Y AH0 N
BILLION B IH1 L Y AH0 N|TRILLION T R IH1 L Y AH0 N|QUADRILLION K W AA0 D R IH1 L Y AH0 N|OH OW1
FIRST F ER1 S T|SECOND S EH1 K AH0 N D|THIRD TH ER1 D|FIFTH F IH1 F TH|TWELFTH T W EH1 L F TH
TWENTIETH T W EH1 N T IY0 IH0 TH|THIRTIETH TH ER1 T IY0 IH0 TH|FORTIETH F AO1 R T IY0 IH0 TH
FIFTIETH F IH1 F T IY0 IH0 TH|SIXTIETH S IH1 K S T IY0 IH0 TH|SEVENTIETH S EH1 V AH0 N T IY0 IH0 TH
EIGHTIETH EY1 T IY0 IH0 TH|NINETIETH N AY1 N T IY0 IH0 TH
AND AH0 N D|POINT P OY1 N T|NUMBER N AH1 M B ER0|DOLLAR D AA1 L ER0|CENT S EH1 N T
EURO Y UH1 R OW0|POUND P AW1 N D|PENNY P EH1 N IY0|PENCE P EH1 N S|YEN Y EH1 N|RUPEE R UW0 P IY1
PERCENT P ER0 S EH1 N T|AT AE1 T|HASH HH AE1 SH|PLUS P L AH1 S|EQUALS IY1 K W AH0 L Z
DEGREES D IH0 G R IY1 Z|SLASH S L AE1 SH|UNDERSCORE AH2 N D ER0 S K AO1 R|STAR S T AA1 R
TIMES T AY1 M Z|MINUS M AY1 N AH0 S|SECTION S EH1 K SH AH0 N|DOT D AA1 T
"""
# Those whose ordinal is they and a TH, without the E or T that they may end in.
_WITH_TH = (
    "ZERO FOUR SIX SEVEN EIGHT NINE TEN ELEVEN THIRTEEN FOURTEEN FIFTEEN SIXTEEN SEVENTEEN "
    "EIGHTEEN NINETEEN HUNDRED THOUSAND MILLION BILLION TRILLION QUADRILLION"
).split()
# Those of which there are several: sixes, nineties, dollars.
_WITH_S = (
    "ONE TWO THREE FIVE TWELVE TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY DOLLAR CENT "
    "EURO POUND RUPEE"
).split() + _WITH_TH


def _words() -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in _SAID.replace("|", "\n").strip().splitlines():
        word, *phonemes = line.split()
        said = tuple(phonemes)
        yield word, said
        if word in _WITH_TH:
            yield f"{word.removesuffix('E').removesuffix('T')}TH", (*said, "TH")
        if word in _WITH_S:
            yield _several(word), acronyms.with_stress(english.plural(said))


def _several(word: str) -> str:
    return f"{word[:-1]}IES" if word.endswith("Y") else f"{word}ES" if word == "SIX" else f"{word}S"


PRONUNCIATIONS = dict(_words())
