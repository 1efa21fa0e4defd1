"""Words and options in, results out: spelling before the queue, writing behind it."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import TypeVar

from model import __version__, alphabets
from model.alignment import UNALIGNED, AlignmentError
from model.alphabets import Alphabet
from model.checkpoint import Artifact
from model.combining import Way, combine
from model.hypothesis import MOST
from model.inventory import Inventory
from model.reading import Reader
from service import explanation, told, written
from service.answers import Answer
from service.ask import Ask
from service.batcher import Answered, Batcher
from service.cache import AnswerCache
from service.lexicon_store import UserLexicon
from service.lexicons import Lexicons
from service.plans import Piece, Plan, Planner
from service.pricing import RequestCost, explanation_bytes, join_letters, result_bytes
from service.schemas import Answerer, ModelName, Options, Source, WordError, WordErrorCode
from service.sources import Sources
from service.time_slices import TimeSlices

R = TypeVar("R")

# Characters that count as one answer where answers are kept: an ordinary one takes fewer.
_CHARACTERS = 256
# Words that are planned together: lexicons are asked once for all of them.
_WORDS_TOGETHER = 16


class Pronouncer:
    """Answers requests from one artifact's decoding queue."""

    def __init__(
        self,
        artifact: Artifact,
        batcher: Batcher[Ask, Answer],
        *,
        max_letters: int,
        cache_words: int = 0,
        lexicons: Lexicons | None = None,
        user: UserLexicon | None = None,
        source: Source = "model",
        engine: Callable[[], str | None] = lambda: None,
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
            engine: what decodes, for probabilities differ between engines.
        """
        self.model = ModelName(name=artifact.name, version=artifact.version)
        self.batcher = batcher
        self.cache = AnswerCache[str, str](cache_words, weigh=_size)
        reader = Reader(artifact.graphemes.own, artifact.phonemes.own, longest=max_letters)
        inventory = Inventory(artifact.phonemes.own)
        self.sources = Sources(reader.speller, inventory, lexicons or Lexicons(), user)
        self.planner = Planner(reader, self.sources)
        self.slices = TimeSlices()
        self.source = source
        self.engine = engine
        self.alphabets = alphabets.available(artifact.phonemes.own)
        self.carries_stress = alphabets.carry_stress(artifact.phonemes.own)
        self.knows_stress = artifact.knows_stress or self.carries_stress
        self.has_attention = artifact.has_attention
        # All that decides an answer beside the word and the options
        weights = (artifact.name, artifact.weights_sha256)
        chances = (artifact.calibration, artifact.of_alternatives)
        origin = (__version__, *weights, *chances, max_letters)
        self._origin = hashlib.sha256(repr(origin).encode())

    def source_of(self, options: Options) -> Source:
        """Where pronunciations come from for a request."""
        return options.source or self.source

    async def begin(
        self, words: Sequence[str], options: Options, timeout: float = math.inf
    ) -> Pronouncing:
        """Spell the words, and look up those that are known.

        Args:
            words: as they were sent.
            options: how to answer.
            timeout: seconds that the user lexicon may take, which is read in a thread.

        Raises:
            AlphabetError, StressError: where the artifact's phonemes cannot be written as asked.
            AlignmentError: where its network cannot tell letters, and is asked to.
            UserLexiconError: where people's own words cannot be read.
        """
        if options.alignment and not self.has_attention and self.source_of(options) != "lexicon":
            raise AlignmentError
        source = self.source_of(options)
        together = (
            words[start : start + _WORDS_TOGETHER]
            for start in range(0, len(words), _WORDS_TOGETHER)
        )
        user = self.sources.user
        if user is None or source == "model":
            plans = await self.slices.map(lambda some: self.planner.plan(some, source), together)
        else:
            due = time.monotonic() + timeout
            plans = [
                await user.read(
                    partial(self.planner.plan, some, source), timeout=due - time.monotonic()
                )
                for some in together
            ]
        return Pronouncing(self, list(chain.from_iterable(plans)), options)

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
        how = (
            self.alphabet(options),
            options.stress,
            options.n,
            options.alignment,
            options.explain,
        )
        digest.update(repr((word, *how, source, revision, self.engine())).encode())
        return f'"{digest.hexdigest()[:32]}"'


class Pronouncing:
    """One request's words on their way to results.

    Attributes:
        missing: what the network is to be asked, where its answer is not known yet.
        known: how many distinct answers were.
        looked_up: whether lexicons were asked.
        answered: what decoding the missing ones took.
        error_codes: how many results have an error, by its code; complete with `results`.
        reservations: what is kept for it until its answer is sent; whoever began it closes them.
    """

    def __init__(self, pronouncer: Pronouncer, plans: Sequence[Plan], options: Options) -> None:
        source = pronouncer.source_of(options)
        self.looked_up = source != "model"
        self._pronouncer = pronouncer
        self._options = options
        self._knows_stress = pronouncer.knows_stress or source == "lexicon"
        self._alphabet = pronouncer.alphabet(options)
        self._marks = alphabets.marks_stress(
            self._alphabet, options.stress, carried=pronouncer.carries_stress
        )
        # Of a word that rules alone say
        self._by_rule: Answerer = "lexicon" if source == "lexicon" else "model"
        self._plans = plans
        self.reservations = ExitStack()
        # What the network says to a word or a part of one: the array of its pronunciations
        self._said: dict[str, str] = {}
        # The same taken apart, of what is a part of a word
        self._parts: dict[str, list[Way]] = {}
        self._errors: dict[str, str] = {}
        self.error_codes = Counter[WordErrorCode]()
        self.missing: list[Ask] = []
        self._keys: list[str] = []  # theirs in the cache
        asked: dict[str, bool] = {}
        for plan in self._plans:
            if plan.parts is None and plan.normalized is not None:
                asked[plan.normalized] = options.alignment
                continue
            # Where a word is said in parts, its letters are not told
            aligns = self._aligns(plan)
            for piece in plan.pieces:
                if piece.source == "model":
                    asked[piece.text] = aligns or asked.get(piece.text, False)
        # All that decides what is answered, but for the weights, as text (see `service.written`)
        manner = f"{pronouncer.engine()} {self._alphabet} {self._marks:d} {options.n} "
        for text, aligns in asked.items():
            key = f"{manner}{aligns:d} {text}"
            said = pronouncer.cache.get(key)
            if said is None:
                self.missing.append(Ask(text, options.n, aligns, self._alphabet, self._marks))
                self._keys.append(key)
            else:
                self._said[text] = said
        self.known = len(self._said)
        self.answered: Answered[Answer] = Answered([])

    @property
    def model(self) -> ModelName:
        """Which weights answer."""
        return self._pronouncer.model

    @property
    def decoding_failed(self) -> bool:
        """Whether the decoder raised on one of them: the next time it may not."""
        return bool(self._errors)

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
        if len(self.missing) > 1:
            self._pronouncer.batcher.hurry()
        keep = self._pronouncer.cache.put
        answers = self.answered.answers
        for ask, key, answer in zip(self.missing, self._keys, answers, strict=True):
            if isinstance(answer, str):
                self._said[ask.word] = answer
                keep(key, answer)
            else:
                self._errors[ask.word] = answer.error

    @property
    def cost(self) -> RequestCost:
        """What is still to be done for it, and how long its answer will be."""
        letters = float(sum(ask.work for ask in self.missing))
        size = 0
        for plan in self._plans:
            wanted = self._wanted(plan)
            letters += join_letters(len(plan.pieces), wanted)
            spelt = 0 if plan.error or plan.normalized is None else len(plan.normalized)
            if self._options.explain:
                size += explanation_bytes(len(plan.pieces), len(plan.word) + spelt)
            size += result_bytes(len(plan.word), spelt, wanted, aligned=self._aligns(plan))
        return RequestCost(round(letters), size)

    async def results(self, form: Callable[[str], R]) -> list[R]:
        """A result for every word (see `service.told`), in order, once none is missing.

        Args:
            form: what becomes of each.
        """
        return await self._pronouncer.slices.map(lambda plan: form(self._result(plan)), self._plans)

    def _result(self, plan: Plan) -> str:
        if plan.error is not None:
            return self._failed(plan, plan.error)
        if plan.parts is None and plan.normalized is not None:
            said = self._said.get(plan.normalized)
            if said is not None:
                why = self._explained(plan, "model")
                return told.result(plan.word, plan.normalized, "model", said, explain=why)
        elif len(plan.pieces) == 1:
            (piece,) = plan.pieces
            said = self._said.get(piece.text) if piece.source == "model" else None
            if said is not None:
                why = self._explained(plan, "model")
                return told.result(
                    plan.word, plan.normalized, "model", said, plan.warnings, explain=why
                )
        return self._composed(plan)

    def _composed(self, plan: Plan) -> str:
        """The result of what not the network alone says, in one piece."""
        for piece in plan.pieces:
            if piece.source == "model" and (error := self._errors.get(piece.text)) is not None:
                which = "this word" if len(plan.pieces) == 1 else piece.text
                wrong = WordError(
                    code="decoding_failed", message=f"the decoder failed on {which}: {error}"
                )
                return self._failed(plan, wrong)
        source = self._source(plan)
        ways = combine([self._ways(piece) for piece in plan.pieces], self._wanted(plan))
        warnings = list(plan.warnings)
        if self._marks and any(map(self._is_unmarked, plan.pieces)):
            warnings.append("the lexicon marks no stress on this word")
        if self._options.alignment:
            warnings.append(UNALIGNED)
        chance = plan.chance if source == "model" else None
        said = written.pronunciations(ways, self._alphabet, chance=chance)
        why = self._explained(plan, source)
        return told.result(plan.word, plan.normalized, source, said, warnings, explain=why)

    def _failed(self, plan: Plan, error: WordError) -> str:
        """The result of a word that has no pronunciation."""
        self.error_codes[error.code] += 1
        why = self._explained(plan, None)
        return told.result(plan.word, plan.normalized, None, "[]", plan.warnings, error, why)

    def _explained(self, plan: Plan, source: Answerer | None) -> str:
        return explanation.explain(plan, source) if self._options.explain else "null"

    def _wanted(self, plan: Plan) -> int:
        """How many pronunciations are wanted of a word, at most."""
        pieces = plan.pieces
        if len(pieces) == 1 and pieces[0].source != "model":
            return len(pieces[0].listed)
        return MOST if plan.sources & {"lexicon", "user"} else self._options.n

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
            ways = self._parts.get(piece.text)
            if ways is None:
                ways = self._parts[piece.text] = written.ways(self._said[piece.text])
            return ways
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


def _size(said: str) -> int:
    """How many answers one counts as where they are kept."""
    return max(1, len(said) // _CHARACTERS)
