import pytest

from benchmarks.alignment import our_spans, phonetisaurus_align, read_aligned
from tanger.model.lexicon import Entry


@pytest.mark.parametrize(("line", "word", "spans"), [
    ("T}T A}AE N|G}NG E|R}ER", "TANGER", [(0, 1), (1, 2), (2, 4), (4, 6)]),
    ("B}B O}AA X}K|S", "BOX", [(0, 1), (1, 2), (2, 3), (2, 3)]),
])  # fmt: skip
def test_what_the_aligner_wrote(line, word, spans):
    entry, found = read_aligned(line)
    assert (entry.word, found) == (word, spans)
    assert len(entry.phonemes) == len(spans)


def test_the_aligner_and_the_attention_agree_on_easy_words(shipped_artifact):
    pytest.importorskip("phonetisaurus")
    entries = [
        Entry(word, tuple(phonemes.split()))
        for word, phonemes in [
            ("TANGER", "T AE NG ER"), ("BANNER", "B AE N ER"), ("SANG", "S AE NG"),
            ("BANG", "B AE NG"), ("BAT", "B AE T"), ("SAT", "S AE T"), ("TAN", "T AE N"),
            ("BATTER", "B AE T ER"), ("RANG", "R AE NG"), ("GANG", "G AE NG"),
        ]
    ]  # fmt: skip
    theirs = phonetisaurus_align(entries)
    ours = dict(zip(entries, our_spans(shipped_artifact, entries, "int8"), strict=True))
    assert ours[entries[0]] == theirs[entries[0]] == [(0, 1), (1, 2), (2, 4), (4, 6)]
    assert sum(ours[entry] == theirs[entry] for entry in entries) >= 7
