"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from model import __version__, alphabets
from model import alignment as model_alignment
from model.alignment import AlignmentError
from model.alphabets import Alphabet
from model.checkpoint import Artifact
from model.combining import Way, combine
from model.hypothesis import MOST
from model.inventory import Inventory
from model.reading import Reader
from service import answers
from service.answers import Answer
from service.ask import Ask
from service.batcher import Answered, Batcher
from service.cache import AnswerCache
from service.lexicon_store import UserLexicon
from service.lexicons import Lexicons
from service.plans import Piece, Plan, Planner
from service.schemas import Answerer, ModelName, Options, Source, WordError
from service.sources import Sources
from service.told import Alignment, PronounceResponse, Result


class Pronouncer:
    """Answers requests from one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[Ask, str],
        *,
        max_letters: int,
        cache_words: int = 0,
        lexicons: Lexicons | None = None,
        user: UserLexicon | None = None,
        source: Source = "model",
    ) -> None:
        """Answer for `artifact`.

        Args:
            artifact: what the workers decode with.
            batcher: their queue.
            max_letters: the most letters of a word.
            cache_words: the most answers to keep.
            lexicons: those there are.
            user: people's own words, where they are kept.
            source: where pronunciations come from if a request does not say.
        """
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.told = self.model.model_dump()
        self.batcher = batcher
        self.cache = AnswerCache[str, str](cache_words, weigh=answers.size)
        reader = Reader(artifact.graphemes.own, artifact.phonemes.own, longest=max_letters)
        inventory = Inventory(artifact.phonemes.own)
        self.sources = Sources(reader.speller, inventory, lexicons or Lexicons(), user)
        self.planner = Planner(reader, self.sources)
        self.source = source
        self.alphabets = alphabets.available(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress
        self.has_attention = artifact.has_attention
        # All that decides an answer beside the word and the options
        weights = (artifact.name, artifact.weights_sha256)
        chances = (artifact.calibration, artifact.of_alternatives)
        origin = (__version__, *weights, *chances, max_letters)
        self._origin = hashlib.sha256(repr(origin).encode())

    def source_of(self, options: Options) -> Source:
        """Where pronunciations come from for a request."""
        return options.source or self.source

    def begin(self, words: Sequence[str], options: Options) -> Pronouncing:
        """Spell the words, and look up those that are known.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written as asked.
            AlignmentError: where its network cannot tell letters, and is asked to.
            UserLexiconError: where people's own words cannot be read.
        """
        if options.alignment and not self.has_attention and self.source_of(options) != "lexicon":
            raise AlignmentError
        return Pronouncing(self, words, options)

    def alphabet(self, options: Options) -> Alphabet:
        """What phonemes are written in.

        Raises:
            AlphabetError, StressError: where the artifact's cannot be written as asked.
        """
        return alphabets.choose(
            options.alphabet,
            self.alphabets,
            stressed=options.stress,
            knows_stress=self.knows_stress or self.source_of(options) == "lexicon",
        )

    def etag(self, word: str, options: Options) -> str:
        """An entity tag (RFC 9110, 8.8.3) for the answer to one word, before it is known.

        Whatever else it would be made of, the same tag means the same answer.

        Raises:
            AlphabetError, StressError: as `begin`.
            UserLexiconError: where people's own words cannot be read.
        """
        source = self.source_of(options)
        revision = "" if source == "model" else self.sources.revision()
        digest = self._origin.copy()
        how = (self.alphabet(options), options.stress, options.n, options.alignment)
        digest.update(repr((word, *how, source, revision)).encode())
        return f'"{digest.hexdigest()[:32]}"'


class Pronouncing:
    """One request's words on their way to results.

    Attributes:
        missing: what the network is to be asked, where its answer is not known yet.
        known: how many distinct answers were.
        looked_up: whether lexicons were asked.
        answered: what decoding the missing ones took.
    """

    def __init__(self, pronouncer: Pronouncer, words: Sequence[str], options: Options) -> None:
        source = pronouncer.source_of(options)
        self.looked_up = source != "model"
        self._pronouncer = pronouncer
        self._options = options
        self._knows_stress = pronouncer.knows_stress or source == "lexicon"
        self._alphabet = pronouncer.alphabet(options)
        self._marks = alphabets.marks_stress(self._alphabet, options.stress)
        # Of a word that rules alone say
        self._by_rule: Answerer = "lexicon" if source == "lexicon" else "model"
        self._plans = pronouncer.planner.plan(words, source)
        self._answers: dict[str, Answer] = {}
        self.missing: list[Ask] = []
        asked: dict[str, bool] = {}
        for plan in self._plans:
            # Where a word is said in parts, its letters are not told
            aligns = self._aligns(plan)
            for piece in plan.pieces:
                if piece.source == "model":
                    asked[piece.text] = aligns or asked.get(piece.text, False)
        for text, aligns in asked.items():
            ask = Ask(text, options.n, aligns)
            line = pronouncer.cache.get(ask.key)
            if line is None:
                self.missing.append(ask)
            else:
                self._answers[text] = answers.read(line)
        self.known = len(self._answers)
        self.answered: Answered[str] = Answered([])

    @property
    def model(self) -> ModelName:
        """Which weights answer."""
        return self._pronouncer.model

    @property
    def decoding_failed(self) -> bool:
        """Whether the decoder raised on one of them: the next time it may not."""
        return any(answer.error is not None for answer in self._answers.values())

    def listed(self, source: Answerer) -> int:
        """How many distinct words and parts such a lexicon had."""
        pieces = (piece for plan in self._plans for piece in plan.pieces)
        return len({piece.text for piece in pieces if piece.source == source})

    async def decode(self, *, timeout: float) -> None:
        """Have the missing words decoded.

        Raises:
            QueueFullError, DeadlineError, WorkerLostError: as `Batcher.submit`.
        """
        self.answered = await self._pronouncer.batcher.submit(self.missing, timeout=timeout)
        for ask, line in zip(self.missing, self.answered.answers, strict=True):
            self._answers[ask.word] = answer = answers.read(line)
            if answer.error is None:
                self._pronouncer.cache.put(ask.key, line)

    def response(self) -> PronounceResponse:
        """A result for every word, in order, once none is missing."""
        return {"model": self._pronouncer.told, "results": list(map(self._result, self._plans))}

    def _result(self, plan: Plan) -> Result:
        if plan.error is not None:
            return _failed(plan, plan.error)
        for piece in plan.pieces:
            if piece.source == "model" and (error := self._answers[piece.text].error) is not None:
                which = "this word" if len(plan.pieces) == 1 else piece.text
                message = f"the decoder failed on {which}: {error}"
                return _failed(plan, WordError(code="decoding_failed", message=message))
        source = self._source(plan)
        ways = combine(
            [self._ways(piece) for piece in plan.pieces],
            MOST if plan.sources & {"lexicon", "user"} else self._options.n,
        )
        warnings = list(plan.warnings)
        if self._marks and any(map(self._is_unmarked, plan.pieces)):
            warnings.append("the lexicon marks no stress on this word")
        aligns = self._aligns(plan)
        if self._options.alignment and not aligns:
            warnings.append("no alignment: the network did not say this word in one piece")
        return {
            "word": plan.word,
            "normalized": plan.normalized,
            "source": source,
            "pronunciations": [
                {
                    "phonemes": way.phonemes,
                    "text": alphabets.join(way.phonemes, self._alphabet),
                    "probability": _chance(plan, way) if source == "model" else None,
                    "complete": way.complete,
                    "alignment": (
                        _aligned(plan.pieces[0].text, way, way.alignment)
                        if aligns and way.alignment is not None
                        else None
                    ),
                }
                for way in ways
            ],
            "warnings": warnings,
            "error": None,
        }

    def _aligns(self, plan: Plan) -> bool:
        """Whether letters are asked for, and the network says the word in one piece."""
        pieces = plan.pieces
        return self._options.alignment and len(pieces) == 1 and pieces[0].source == "model"

    def _source(self, plan: Plan) -> Answerer:
        """What a word is told to be from: the least certain of what said its parts."""
        for source in ("model", "lexicon", "user"):
            if source in plan.sources:
                return source
        return self._by_rule

    def _ways(self, piece: Piece) -> list[Way]:
        """How a piece is said."""
        if piece.source == "model":
            return [
                Way(
                    self._write(found.phonemes, found.stress),
                    found.probability,
                    found.complete,
                    found.alignment,
                )
                for found in self._answers[piece.text].found
            ]
        known = self._knows_stress or piece.source is not None
        return [
            Way(
                self._write(phonemes, digits if known else None),
                1.0 if piece.source is None else None,
                complete=True,
            )
            for phonemes, digits in map(self._pronouncer.sources.inventory.split, piece.listed)
        ]

    def _is_unmarked(self, piece: Piece) -> bool:
        """Whether a lexicon has a pronunciation of it without any stress."""
        marked = self._pronouncer.sources.inventory.marks_stress
        return piece.source in ("lexicon", "user") and not all(map(marked, piece.listed))

    def _write(
        self, phonemes: Sequence[str], digits: Sequence[int | None] | None
    ) -> tuple[str, ...]:
        return alphabets.write(phonemes, self._alphabet, digits, marks=self._marks)


def _chance(plan: Plan, way: Way) -> float:
    """To six places, rounded down: the sum of a word's would else be above 1 now and then."""
    chance = plan.chance * (1.0 if way.probability is None else way.probability)
    return math.floor(1e6 * chance) / 1e6


def _aligned(word: str, way: Way, found: model_alignment.Alignment) -> Alignment:
    """The letters of a pronunciation, its phonemes as they are written."""
    each = zip(way.phonemes, found.spans, found.probabilities, strict=True)
    return {
        "letters": tuple(word),
        "phonemes": [
            {"phoneme": phoneme, "start": start, "end": end, "probability": round(probability, 6)}
            for phoneme, (start, end), probability in each
        ],
        "attention": found.attention,
    }


def _failed(plan: Plan, error: WordError) -> Result:
    return {
        "word": plan.word,
        "normalized": plan.normalized,
        "source": None,
        "pronunciations": [],
        "warnings": plan.warnings,
        "error": error.model_dump(),
    }
