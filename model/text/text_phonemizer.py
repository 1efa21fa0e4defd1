"""`TextPhonemizer`: pronounces typed words in one process; exported as `tanger.Phonemizer`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tanger.model import artifact_folders
from tanger.model.network.config import Precision
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import candidates, variants
from tanger.model.text.candidates import Candidate
from tanger.model.text.dictionaries import BuiltinLexicon, Dictionaries
from tanger.model.text.pipeline import Options, Pipeline, Result, Task
from tanger.model.text.segments import ReadWord, Source
from tanger.model.text.variants import Order


class TextPhonemizer:
    """Pronounces typed words in one process; exported as `tanger.Phonemizer`.

    Attributes:
        pipeline: all steps except decoding.
        network: decoder.
    """

    def __init__(self, pipeline: Pipeline, network: NetworkPhonemizer) -> None:
        self.pipeline = pipeline
        self.network = network

    @classmethod
    def load(
        cls,
        artifact: str | Path | None = None,
        device: str = "auto",
        *,
        language: str | None = None,
        precision: Precision = "int8",
        threads: int = 1,
        builtin_lexicon: BuiltinLexicon = "auto",
        lexicons: Iterable[str] = (),
        variant_order: Order = "network",
    ) -> TextPhonemizer:
        """Load an artifact onto `device`.

        Args:
            artifact: its folder; by default the installed one for the language.
            device: auto, cpu, cuda or cuda:N.
            language: a language that it speaks, as a tag (BCP 47); by default its own, or American
                English.
            precision: numeric precision on a CPU.
            threads: number of CPU threads.
            builtin_lexicon: whether the artifact's lexicon or CMUdict is looked up, see
                `Dictionaries.read`.
            lexicons: lexicon files that are looked up before CMUdict, the last one first; each a
                path, ``FORMAT=PATH``, ``ALPHABET=PATH`` or ``FORMAT+ALPHABET=PATH``.
            variant_order: order of CMUdict's variants of a word: by the artifact's ranking, or
                as in CMUdict.

        Raises:
            ArtifactError: if the artifact is damaged.
            LanguageError: if no artifact speaks the language.
            DeviceError: if the device is not available.
            DecoderUnavailableError: if no decoder is installed.
            LexiconError, LexiconFileError: if a lexicon cannot be read.
        """
        path = None if artifact is None else Path(artifact)
        read, variant = artifact_folders.open_artifact(path, language)
        dictionaries = Dictionaries.read(
            Inventory(read.phonemes.own),
            builtin=builtin_lexicon,
            files=lexicons,
            ranking=variants.read(read) if variant_order == "network" else None,
            folder=read.path,
        )
        network = NetworkPhonemizer.from_artifact(
            read, device, precision=precision, threads=threads
        )
        return cls(Pipeline(read, dictionaries=dictionaries).spoken_as(variant), network)

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
        """Pronounce words, in their order, with the results of the service's ``POST /pronounce``.

        Args:
            words: words as typed.
            source: where pronunciations come from.
            alphabet: alphabet of the pronunciations; by default the artifact's own.
            stress: whether stress is written; by default only in IPA and X-SAMPA.
            n: maximum number of pronunciations per word, the most probable first.
            alignment: whether to return the letters of each phoneme.

        Raises:
            AlphabetError, StressError, AlignmentError, ValueError: see `Pipeline.options`.
        """
        options = self.pipeline.options(
            source=source, alphabet=alphabet, stress=stress, n=n, alignment=alignment
        )
        return list(self.results(words, options))

    def results(self, words: Sequence[str], options: Options) -> Iterator[Result]:
        """Yield a result for each word, in their order.

        Args:
            words: words as typed.
            options: options from `Pipeline.options`.
        """
        resolutions = self.pipeline.resolver.resolve(words, options.source)
        decoded = self._decode(self.pipeline.tasks(resolutions, options), options)
        for resolution in resolutions:
            yield self.pipeline.result(resolution, options, decoded.__getitem__)

    def word_results(self, words: Sequence[ReadWord], options: Options) -> dict[ReadWord, Result]:
        """Return results by word for the words of a text (see `text.texts`).

        Args:
            words: distinct words.
            options: options from `Pipeline.options`.
        """
        resolutions = self.pipeline.resolver.resolve_read(words, options.source)
        decoded = self._decode(self.pipeline.tasks(resolutions, options), options)
        return {
            word: self.pipeline.result(resolution, options, decoded.__getitem__)
            for word, resolution in zip(words, resolutions, strict=True)
        }

    def _decode(self, tasks: Iterable[Task], options: Options) -> dict[Task, Sequence[Candidate]]:
        """Return the network's candidates by task."""
        words = [task for task in tasks if not task[1]]
        given = [task for task in tasks if task[1]]
        decoded: dict[Task, Sequence[Candidate]] = {}
        if words:
            texts = [text for text, _ in words]
            found = self.network.nbest(texts, options.n, aligned=options.alignment)
            for task, hypotheses in zip(words, found, strict=True):
                decoded[task] = candidates.distinct_from_hypotheses(
                    hypotheses, options.alphabet, marks=options.marks
                )
        if given:
            texts = [text for text, _ in given]
            found = self.network.align(texts, [listed for _, listed in given])
            for task, hypotheses in zip(given, found, strict=True):
                decoded[task] = candidates.from_hypotheses(
                    hypotheses, options.alphabet, marks=options.marks
                )
        return decoded
