"""Words to the ways of saying them, in one process: read, asked of the network, put together.

The service does the same with a queue in the middle (see `serving.pronouncer`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tanger.model.artifact import Artifact
from tanger.model.phonemizer import Phonemizer
from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.combining import Candidate, combine
from tanger.model.text.reading import Part, Reader
from tanger.model.text.speller import Spelling


class Speaker:
    """An artifact that says whatever is written.

    Attributes:
        alignment: whether ways come with the letters of their phonemes.
    """

    def __init__(
        self,
        artifact: Artifact,
        phonemizer: Phonemizer,
        *,
        n: int = 1,
        alignment: bool = False,
        marks: bool = False,
    ) -> None:
        """Say words as `artifact` has them.

        Args:
            artifact: what reads and writes.
            phonemizer: its network.
            n: the most ways of saying a word.
            alignment: with the letters of each phoneme; none where a word is said in parts.
            marks: with stress.
        """
        self.alignment = alignment
        self._phonemizer = phonemizer
        self._reader = Reader(artifact.graphemes.own, artifact.phonemes.own)
        self._inventory = Inventory(artifact.phonemes.own)
        self._knows_stress = artifact.knows_stress
        self._n = n
        self._marks = marks

    def predict(
        self, words: Sequence[str], alphabet: Alphabet
    ) -> Iterator[tuple[Spelling, list[Candidate]]]:
        """Each word's spelling, and the ways to say it in `alphabet`, if there are any."""
        readings = [self._reader.read(word) for word in words]
        parts = [part for reading in readings for part in reading.parts]
        answers = self._requested([part.text for part in parts if part.spoken is None], alphabet)

        def ways(part: Part) -> list[Candidate]:
            return next(answers) if part.spoken is None else self._known(part.spoken, alphabet)

        for reading in readings:
            yield reading.spelling, combine(list(map(ways, reading.parts)), self._n)

    def _requested(self, words: Sequence[str], alphabet: Alphabet) -> Iterator[list[Candidate]]:
        """What the network says to each of the words."""
        if self._n == 1 and not self.alignment:  # whose chance and end nobody reads
            for output in self._phonemizer.predict(words):
                yield [Candidate(self._write(*output, alphabet), None, complete=True)]
            return
        for several in self._phonemizer.alternatives(words, self._n, aligned=self.alignment):
            yield [
                Candidate(
                    self._write(one.phonemes, one.stress, alphabet), one.probability, one.complete,
                    one.alignment)
                for one in several
            ]  # fmt: skip

    def _known(self, spoken: Sequence[str], alphabet: Alphabet) -> list[Candidate]:
        """The way to say what rules pronounce."""
        phonemes, digits = self._inventory.split(spoken)
        known = digits if self._knows_stress else None
        return [Candidate(self._write(phonemes, known, alphabet), 1.0, complete=True)]

    def _write(
        self,
        phonemes: Sequence[str],
        digits: Sequence[int | None] | None,
        alphabet: Alphabet,
    ) -> tuple[str, ...]:
        return notation.write(phonemes, alphabet, digits, marks=self._marks)
