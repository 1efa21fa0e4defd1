"""From what was typed to pronunciations: service, command line and library share these steps.

    words ─ Resolver ─> resolutions ─ tasks ─> decoded ─ result ─> results

`Pipeline` has every step but decoding, which its callers do: the service in worker processes behind
a queue (`service.serving.pronouncer`), `TextPhonemizer` in its own process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tanger.model import artifact as artifacts
from tanger.model.artifact import Artifact
from tanger.model.network.config import Precision
from tanger.model.phonemizer import Phonemizer
from tanger.model.phonology import notation
from tanger.model.phonology.alignment import UNALIGNED, AlignmentError
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import candidates, variants
from tanger.model.text.candidates import Candidate, Failure
from tanger.model.text.dictionaries import BuiltinLexicon, Dictionaries
from tanger.model.text.lookup import Pronunciations, UserEntries, WordLookup
from tanger.model.text.reading import Reader
from tanger.model.text.resolution import Resolver
from tanger.model.text.segments import Answerer, ReadWord, Segment, Source, WordResolution
from tanger.model.text.speller import WordError
from tanger.model.text.variants import Order


class Options(NamedTuple):
    """How words are answered, as `Pipeline.options` checks it.

    Attributes:
        source: where pronunciations come from.
        alphabet: that they are written in.
        marks: whether stress is written.
        n: most pronunciations a word.
        alignment: whether they come with the letters of their phonemes.
    """

    source: Source
    alphabet: Alphabet
    marks: bool
    n: int
    alignment: bool


# What the network has to do with a text: pronounce it, or align it with given pronunciations.
Task = tuple[str, Pronunciations]


class Result(NamedTuple):
    """What is known of one word.

    Attributes:
        resolution: which sources answered.
        source: the least certain of them; None where there is no pronunciation.
        pronunciations: the likeliest first; probabilities are None where no network took part.
        warnings: what was changed, read out, or could not be given.
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
        """What is pronounced, in the artifact's graphemes; None where nothing can be."""
        return self.resolution.normalized


class Pipeline:
    """All steps from words to results for one artifact, except decoding.

    Attributes:
        resolver: decides what answers each segment.
        alphabets: that pronunciations can be written in, the default first.
        knows_stress: whether the artifact says which vowels are stressed.
        has_attention: whether its network can say which letters made which phoneme.
        longest: most letters of a word.
    """

    def __init__(
        self,
        artifact: Artifact,
        *,
        dictionaries: Dictionaries | None = None,
        user: UserEntries | None = None,
        longest: int = 64,
    ) -> None:
        """Answer for `artifact`.

        Args:
            artifact: whose graphemes and phonemes words are read and written in.
            dictionaries: those that are looked up; none by default.
            user: people's own words, where they are kept.
            longest: most letters of a word.
        """
        phonemes = artifact.phonemes.own
        dictionaries = dictionaries or Dictionaries()
        reader = Reader(
            artifact.graphemes.own, phonemes, longest=longest, look_up=dictionaries.pronunciations
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

    def options(
        self,
        *,
        source: Source = "model",
        alphabet: Alphabet | None = None,
        stress: bool | None = None,
        n: int = 1,
        alignment: bool = False,
    ) -> Options:
        """The options of a request, with the artifact's defaults for what is None.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written so.
            AlignmentError: where its network cannot tell letters, and is asked to.
        """
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
        """What the network has to do, each task once, in order."""
        tasks: dict[Task, None] = {}
        for resolution in resolutions:
            aligned = options.alignment and self.aligns(resolution, options)
            for segment in resolution.segments:
                if (task := self._task(segment, options, aligned=aligned)) is not None:
                    tasks[task] = None
        return tasks

    def aligns(self, resolution: WordResolution, options: Options) -> bool:
        """Whether a word comes with its letters."""
        if not (options.alignment and self.has_attention and resolution.segments):
            return False
        letters = "".join(segment.text for segment in resolution.segments)
        return 0 < len(letters) <= self.longest and self._graphemes.issuperset(letters)

    @staticmethod
    def limit(resolution: WordResolution, options: Options) -> int:
        """Most pronunciations of a word: `n`, or fewer where no network takes part."""
        known = math.prod(
            options.n if segment.source == "model" else len(segment.listed)
            for segment in resolution.segments
        )
        return min(options.n, known)

    def result(
        self,
        resolution: WordResolution,
        options: Options,
        decoded: Callable[[Task], Sequence[Candidate] | Failure],
    ) -> Result:
        """The result of one word, from the candidates of its segments.

        Args:
            resolution: of the word.
            options: of the request.
            decoded: the network's answer to each of the `tasks`: candidates, the likeliest first;
                where pronunciations were given, these in their order.
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
                found = self._listed(segment, options, () if isinstance(found, Failure) else found)
            elif isinstance(found, Failure):
                which = "this word" if len(segments) == 1 else segment.text
                message = f"the decoder failed on {which}: {found.error}"
                return _without_pronunciation(resolution, WordError("decoding_failed", message))
            elif options.alignment and not aligned:
                found = [one._replace(alignment=None) for one in found]
            parts.append(found)
        source = _least_certain(resolution, options)
        joined = candidates.join(parts, self.limit(resolution, options))
        return Result(
            resolution,
            source,
            _weighted(joined, _chance(resolution, source)),
            self._warnings(resolution, options, joined),
            None,
        )

    def _listed(
        self, segment: Segment, options: Options, aligned: Sequence[Candidate]
    ) -> list[Candidate]:
        """The candidates of what a lexicon or a rule pronounces.

        Args:
            segment: what they pronounce.
            options: of the request.
            aligned: the same with their letters, if these are known.
        """
        return [
            Candidate(
                written,
                1.0 if segment.source == "rule" else probability,
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
        """The first `n` pronunciations of a lexicon or a rule that are not written alike.

        Returns:
            each, and its probability where the lexicon has any, by the way that it is written:
            without stress, two may be one.
        """
        # Rules write stress; where it is never known otherwise, theirs alone would be odd
        known = self.knows_stress or options.source == "lexicon" or segment.source != "rule"
        written: dict[tuple[str, ...], tuple[tuple[str, ...], float | None]] = {}
        for listed, probability in zip_longest(segment.listed, segment.probabilities):
            if len(written) == options.n:
                break
            phonemes, digits = self._inventory.split(listed)
            form = notation.write(
                phonemes, options.alphabet, digits if known else None, marks=options.marks
            )
            written.setdefault(form, (listed, probability))
        return written

    def _task(self, segment: Segment, options: Options, *, aligned: bool) -> Task | None:
        """What the network has to do for a segment of a word that has its letters, or not."""
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
        """Whether a lexicon has a pronunciation of it without any stress."""
        return segment.source in ("lexicon", "user") and not all(
            map(self._inventory.marks_stress, segment.listed)
        )


def _without_pronunciation(resolution: WordResolution, error: WordError) -> Result:
    return Result(resolution, None, (), resolution.warnings, error)


def _least_certain(resolution: WordResolution, options: Options) -> Answerer:
    """The least certain source of a word's segments."""
    sources = {segment.source for segment in resolution.segments}
    for source in ("model", "lexicon", "user", "override"):
        if source in sources:
            return source
    # Rules alone: they stand in for whatever was requested
    return "lexicon" if options.source == "lexicon" else "model"


def _chance(resolution: WordResolution, source: Answerer) -> float | None:
    """The chance that a word is read rightly; None where a lexicon tells no probability."""
    if source == "model" or any(segment.probabilities for segment in resolution.segments):
        return resolution.chance
    return None


def _weighted(joined: Sequence[Candidate], chance: float | None) -> Sequence[Candidate]:
    """The candidates of a word that is read rightly with some chance; None for a lexicon's."""
    if chance == 1.0 and all(one.probability is not None for one in joined):
        return joined
    return [
        one._replace(
            probability=None
            if chance is None
            else chance * (1.0 if one.probability is None else one.probability)
        )
        for one in joined
    ]


class TextPhonemizer:
    """Pronounces whatever is typed, in one process: `tanger.Phonemizer`.

    Attributes:
        pipeline: all steps but decoding.
        network: decodes.
    """

    def __init__(self, pipeline: Pipeline, network: Phonemizer) -> None:
        self.pipeline = pipeline
        self.network = network

    @classmethod
    def load(
        cls,
        artifact: str | Path,
        device: str = "auto",
        *,
        precision: Precision = "int8",
        threads: int = 1,
        builtin_lexicon: BuiltinLexicon = "auto",
        lexicons: Iterable[str] = (),
        variant_order: Order = "network",
    ) -> TextPhonemizer:
        """Load the artifact in the folder `artifact` onto `device`.

        Args:
            artifact: its folder.
            device: auto, cpu, cuda or cuda:N.
            precision: what a CPU computes in.
            threads: CPU threads.
            builtin_lexicon: whether CMUdict is looked up; auto, where the phonemes are ARPAbet.
            lexicons: files that are looked up before it, the last one first; each a path, or
                ``FORMAT=PATH``, ``ALPHABET=PATH``, ``FORMAT+ALPHABET=PATH``.
            variant_order: of the variants that CMUdict has of a word: by the artifact's ranking,
                or as they stand there.

        Raises:
            ArtifactError: where the artifact is damaged.
            DeviceError: where the device is not there.
            DecoderUnavailableError: where nothing that can decode is installed.
            LexiconError, LexiconFileError: where a lexicon cannot be read.
        """
        read = artifacts.read(Path(artifact))
        dictionaries = Dictionaries.read(
            Inventory(read.phonemes.own),
            builtin=builtin_lexicon,
            files=lexicons,
            ranking=variants.read(read) if variant_order == "network" else None,
        )
        network = Phonemizer.from_artifact(read, device, precision=precision, threads=threads)
        return cls(Pipeline(read, dictionaries=dictionaries), network)

    def pronounce(
        self,
        words: Sequence[str],
        *,
        source: Source = "model",
        alphabet: Alphabet | None = None,
        stress: bool | None = None,
        n: int = 1,
        alignment: bool = False,
    ) -> list[Result]:
        """A result for each word, in their order, as the service's ``POST /pronounce`` gives it.

        Args:
            words: whatever was typed.
            source: where pronunciations come from.
            alphabet: that they are written in; the artifact's own by default.
            stress: whether stress is written; by default in IPA and X-SAMPA alone.
            n: most pronunciations a word, the likeliest first.
            alignment: whether they come with the letters of their phonemes.

        Raises:
            AlphabetError, StressError, AlignmentError: as `Pipeline.options`.
            ValueError: for `n` below 1.
        """
        options = self.pipeline.options(
            source=source, alphabet=alphabet, stress=stress, n=n, alignment=alignment
        )
        return list(self.results(words, options))

    def results(self, words: Sequence[str], options: Options) -> Iterator[Result]:
        """A result for each word, in their order.

        Args:
            words: whatever was typed.
            options: of `Pipeline.options`.
        """
        resolutions = self.pipeline.resolver.resolve(words, options.source)
        decoded = self._decode(self.pipeline.tasks(resolutions, options), options)
        for resolution in resolutions:
            yield self.pipeline.result(resolution, options, decoded.__getitem__)

    def word_results(self, words: Sequence[ReadWord], options: Options) -> dict[ReadWord, Result]:
        """The result of each word of a text (see `text.texts`).

        Args:
            words: distinct ones.
            options: of `Pipeline.options`.
        """
        resolutions = self.pipeline.resolver.resolve_read(words, options.source)
        decoded = self._decode(self.pipeline.tasks(resolutions, options), options)
        return {
            word: self.pipeline.result(resolution, options, decoded.__getitem__)
            for word, resolution in zip(words, resolutions, strict=True)
        }

    def _decode(self, tasks: Iterable[Task], options: Options) -> dict[Task, Sequence[Candidate]]:
        """The network's candidates by task."""
        words = [task for task in tasks if not task[1]]
        given = [task for task in tasks if task[1]]
        decoded: dict[Task, Sequence[Candidate]] = {}
        if words:
            texts = [text for text, _ in words]
            found = self.network.nbest(texts, options.n, aligned=options.alignment)
            for task, hypotheses in zip(words, found, strict=True):
                decoded[task] = candidates.of_network(
                    hypotheses, options.alphabet, marks=options.marks
                )
        if given:
            texts = [text for text, _ in given]
            found = self.network.align(texts, [listed for _, listed in given])
            for task, hypotheses in zip(given, found, strict=True):
                decoded[task] = candidates.given(hypotheses, options.alphabet, marks=options.marks)
        return decoded
