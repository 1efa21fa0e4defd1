"""The steps from typed words to pronunciations, shared by service, command line and library.

    words ─ Resolver ─> resolutions ─ tasks ─> decoded ─ result ─> results

`Pipeline` has every step except decoding, which is left to the caller: the service decodes in
worker processes fed by a queue (`service.serving.pronouncer`), `TextPhonemizer` in its own.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from tanger import __version__
from tanger.model.artifact import Artifact
from tanger.model.language_tags import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.alignment import UNALIGNED, AlignmentError
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import candidates
from tanger.model.text.candidates import Candidate, Failure
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.lookup import Pronunciations, UserEntries, WordLookup
from tanger.model.text.reading import WordReader
from tanger.model.text.resolution import Resolver
from tanger.model.text.segments import Answerer, Segment, Source, WordResolution
from tanger.model.text.speller import WordError


class Options(NamedTuple):
    """Options of a request, validated by `Pipeline.options`.

    Attributes:
        source: where pronunciations come from.
        alphabet: alphabet of the pronunciations.
        marks: whether stress is written.
        n: maximum number of pronunciations per word.
        alignment: whether to return the letters of each phoneme.
    """

    source: Source
    alphabet: Alphabet
    marks: bool
    n: int
    alignment: bool


# A task for the network: pronounce a text, or align it with the given pronunciations, if any.
Task = tuple[str, Pronunciations]


class Result(NamedTuple):
    """The pronunciations of one word.

    Attributes:
        resolution: the segments of the word and their sources.
        source: the least certain of the sources; None if there is no pronunciation.
        pronunciations: the most probable first; probabilities are None if no network was used.
        warnings: what was changed, read out, or unavailable.
        error: why there is no pronunciation, else None.
    """

    resolution: WordResolution
    source: Answerer | None
    pronunciations: Sequence[Candidate]
    warnings: tuple[str, ...]
    error: WordError | None

    @property
    def word(self) -> str:
        """The word as it was sent."""
        return self.resolution.word

    @property
    def normalized(self) -> str | None:
        """The pronounced text in the artifact's graphemes; None if it cannot be pronounced."""
        return self.resolution.normalized


class Pipeline:
    """All steps from words to results for one artifact, except decoding.

    Attributes:
        resolver: chooses the source of each segment.
        alphabets: alphabets for pronunciations, the default first.
        knows_stress: whether the artifact predicts stress.
        has_attention: whether its network can align letters and phonemes.
        longest: maximum number of letters of a word.
        identity: everything that determines an answer besides the word, its options, the variant
            and the user lexicon.
        variant: variety of the artifact's language that is spoken, if it is not the main one.
    """

    variant: Variant | None = None

    def __init__(
        self,
        artifact: Artifact,
        *,
        dictionaries: Dictionaries | None = None,
        user: UserEntries | None = None,
        longest: int = 64,
    ) -> None:
        """Create the pipeline of an artifact.

        Args:
            artifact: artifact that defines graphemes and phonemes.
            dictionaries: dictionaries to look up; none by default.
            user: user lexicon, if any.
            longest: maximum number of letters of a word.
        """
        phonemes = artifact.phonemes.own
        dictionaries = dictionaries or Dictionaries()
        reader = WordReader(
            artifact.graphemes.own,
            phonemes,
            longest=longest,
            look_up=dictionaries.pronunciations,
            language=artifact.language.code,
        )
        self.longest = longest
        self._inventory = Inventory(phonemes)
        self._graphemes = frozenset(artifact.graphemes.own)
        lookup = WordLookup(reader.speller, self._inventory, dictionaries, user)
        self.resolver = Resolver(reader, lookup)
        self.alphabets = notation.available(phonemes)
        self._contains_stress = notation.contains_stress(phonemes)
        self.knows_stress = artifact.knows_stress or self._contains_stress
        self.has_attention = artifact.has_attention
        trained = artifact.trained_words.content if artifact.trained_words else b""
        self.identity = (
            *(__version__, artifact.weights_sha256, hashlib.sha256(trained).hexdigest()),
            *(artifact.calibration, artifact.nbest_calibration, artifact.trained_calibration),
            # Dictionaries are evidence on acronyms, whatever the source
            *(longest, reader.revision, dictionaries.revision),
        )

    def spoken_as(self, variant: Variant | None) -> Pipeline:
        """Return a pipeline that shares all parts of this one, and speaks a variant."""
        same = copy.copy(self)
        same.variant = variant
        return same

    def options(
        self,
        *,
        source: Source = "model",
        alphabet: Alphabet | None = None,
        stress: bool | None = None,
        n: int = 1,
        alignment: bool = False,
    ) -> Options:
        """Validate the options of a request, and replace None by the artifact's defaults.

        Raises:
            AlphabetError, StressError: if the artifact's phonemes cannot be written that way.
            AlignmentError: if alignment is requested and the network does not support it.
            ValueError: if `n` is below 1.
        """
        if n < 1:
            raise ValueError(f"n is the number of pronunciations, at least 1, not {n}")
        if alignment and not self.has_attention and source != "lexicon":
            raise AlignmentError
        alphabet = notation.choose(
            alphabet,
            self.alphabets,
            stressed=stress,
            knows_stress=self.knows_stress or source == "lexicon",
        )
        marks = notation.marks_stress(alphabet, stress, carried=self._contains_stress)
        return Options(source, alphabet, marks, n, alignment)

    def tasks(self, resolutions: Iterable[WordResolution], options: Options) -> dict[Task, None]:
        """Return the distinct tasks for the network, in order."""
        tasks: dict[Task, None] = {}
        for resolution in resolutions:
            aligned = options.alignment and self.aligns(resolution, options)
            for segment in resolution.segments:
                if (task := self._task(segment, options, aligned=aligned)) is not None:
                    tasks[task] = None
        return tasks

    def aligns(self, resolution: WordResolution, options: Options) -> bool:
        """Return whether a word is aligned with its phonemes."""
        if not (options.alignment and self.has_attention and resolution.segments):
            return False
        letters = "".join(segment.text for segment in resolution.segments)
        return 0 < len(letters) <= self.longest and self._graphemes.issuperset(letters)

    @staticmethod
    def limit(resolution: WordResolution, options: Options) -> int:
        """Return the most pronunciations a word can have: `n`, or fewer without the network."""
        known = math.prod(
            options.n if segment.source == "model" else len(segment.pronunciations)
            for segment in resolution.segments
        )
        return min(options.n, known)

    def result(
        self,
        resolution: WordResolution,
        options: Options,
        decoded: Callable[[Task], Sequence[Candidate] | Failure],
    ) -> Result:
        """Combine the candidates of a word's segments to its result.

        Args:
            resolution: resolution of the word.
            options: options of the request.
            decoded: returns the network's candidates for each of the `tasks`: the most probable
                first, or, if the task has pronunciations, these in their order.
        """
        if resolution.error is not None:
            return _without_pronunciation(resolution, resolution.error)
        segments = resolution.segments
        aligned = self.aligns(resolution, options)
        parts: list[Sequence[Candidate]] = []
        for segment in segments:
            task = self._task(segment, options, aligned=aligned)
            found = () if task is None else decoded(task)
            if segment.source != "model":
                found = self._known(segment, options, () if isinstance(found, Failure) else found)
            elif isinstance(found, Failure):
                which = "this word" if len(segments) == 1 else segment.text
                message = f"the decoder failed on {which}: {found.error}"
                return _without_pronunciation(resolution, WordError("decoding_failed", message))
            elif options.alignment and not aligned:
                found = [one._replace(alignment=None) for one in found]
            parts.append(found)
        source = _least_certain(resolution, options)
        ends = [each.joined for each in segments]
        joined = candidates.join(parts, self.limit(resolution, options), ends)
        if self.variant is not None:
            joined = candidates.with_phonemes(joined, self.variant.phonemes)
        return Result(
            resolution,
            source,
            _weighted(joined, _chance(resolution, source)),
            self._warnings(resolution, options, joined),
            None,
        )

    def _known(
        self, segment: Segment, options: Options, aligned: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return the candidates of a segment that a lexicon or a rule pronounces.

        Args:
            segment: the segment.
            options: options of the request.
            aligned: the same candidates with alignment, if known.
        """
        return [
            Candidate(
                written,
                1.0 if probability is None and segment.source == "rule" else probability,
                complete=True,
                alignment=None if same is None else same.alignment,
            )
            for (written, (_, probability)), same in zip_longest(
                self._written(segment, options).items(), aligned
            )
        ]

    def _written(
        self, segment: Segment, options: Options
    ) -> dict[tuple[str, ...], tuple[tuple[str, ...], float | None]]:
        """Return the first `n` of a segment's known pronunciations that are written differently.

        Returns:
            By written form: the pronunciation and its probability, if there is any. Without
            stress, two pronunciations may have the same form; their probabilities are added.
        """
        # Rules know stress; leave it out if the artifact's other pronunciations have none
        known = self.knows_stress or options.source == "lexicon" or segment.source != "rule"
        written: dict[tuple[str, ...], tuple[tuple[str, ...], float | None]] = {}
        for listed, probability in zip_longest(segment.pronunciations, segment.probabilities):
            phonemes, digits = self._inventory.split(listed)
            form = notation.write(
                phonemes, options.alphabet, digits if known else None, marks=options.marks
            )
            if form not in written:
                if len(written) < options.n:
                    written[form] = (listed, probability)
            elif probability is not None and (same := written[form][1]) is not None:
                written[form] = (written[form][0], same + probability)
        return written

    def _task(self, segment: Segment, options: Options, *, aligned: bool) -> Task | None:
        """Return the network's task for a segment, if any."""
        if segment.source == "model":
            return segment.text, ()
        if not aligned:
            return None
        return segment.text, tuple(listed for listed, _ in self._written(segment, options).values())

    def _warnings(
        self, resolution: WordResolution, options: Options, joined: Sequence[Candidate]
    ) -> tuple[str, ...]:
        warnings = resolution.warnings
        if options.marks and any(map(self._lacks_stress, resolution.segments)):
            warnings = (*warnings, "the lexicon marks no stress on this word")
        if options.alignment and any(one.alignment is None for one in joined):
            warnings = (*warnings, UNALIGNED)
        return warnings

    def _lacks_stress(self, segment: Segment) -> bool:
        """Return whether a lexicon has a pronunciation of the segment without stress."""
        return segment.source in ("lexicon", "user") and not all(
            map(self._inventory.marks_stress, segment.pronunciations)
        )


def _without_pronunciation(resolution: WordResolution, error: WordError) -> Result:
    return Result(resolution, None, (), resolution.warnings, error)


def _least_certain(resolution: WordResolution, options: Options) -> Answerer:
    """Return the least certain source of a word's segments."""
    sources = {segment.source for segment in resolution.segments}
    for source in ("model", "lexicon", "user", "override"):
        if source in sources:
            return source
    # Rules only: report the source that was requested
    return "lexicon" if options.source == "lexicon" else "model"


def _chance(resolution: WordResolution, source: Answerer) -> float | None:
    """Return the probability of the reading; None if neither network nor lexicon has any."""
    if source == "model" or any(segment.probabilities for segment in resolution.segments):
        return resolution.probability
    return None


def _weighted(joined: Sequence[Candidate], reading: float | None) -> Sequence[Candidate]:
    """Multiply the candidates' probabilities by `reading`; for None, remove them."""
    if reading == 1.0 and all(one.probability is not None for one in joined):
        return joined
    return [
        one._replace(
            probability=None
            if reading is None
            else reading * (1.0 if one.probability is None else one.probability)
        )
        for one in joined
    ]
