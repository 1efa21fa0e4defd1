"""One artifact at work in an HTTP process: its queue, its workers, its answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Pipeline
from tanger.service.metrics import Metrics
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.golden_examples import SelfCheck
from tanger.service.serving.model_source import ModelSource
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.serving.shared_counts import ClientCounts
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.serving.worker_links import WorkerLinks
from tanger.service.settings import Settings
from tanger.service.user_lexicon.store import UserLexicon


class LoadedModel:
    """Everything in an HTTP process that belongs to one reading of the artifact and the lexicons.

    Attributes:
        generation: the number of that reading.
    """

    def __init__(
        self,
        settings: Settings,
        source: ModelSource,
        *,
        generation: int,
        metrics: Metrics,
        user: UserLexicon | None,
        counts: ClientCounts,
        report_fault: Callable[[int, int, str], None],
    ) -> None:
        """Read the lexicons, and describe what serves them.

        Args:
            settings: the service's.
            source: the artifact.
            generation: the number of this reading.
            metrics: counts.
            user: people's own words, where they are kept.
            counts: what this process shares with others.
            report_fault: is called with generation and slot of a worker of no use, and why.

        Raises:
            LexiconError, LexiconFileError: where one of the lexicons is damaged.
        """
        self.generation = generation
        self._kept = 0
        self.artifact = source.artifact
        self.inventory = Inventory(self.artifact.phonemes.own)
        self.dictionaries = Dictionaries.read(
            self.inventory,
            builtin=settings.builtin_lexicon,
            files=filter(None, settings.lexicon.split(os.pathsep)),
            ranking=source.ranking,
        )
        self.error_rates = source.error_rates
        self.batcher: Batcher[DecodeRequest, Answer] = Batcher(
            capacity=settings.queue_letters,
            max_batch=settings.max_batch,
            max_wait=settings.max_wait,
            weigh=lambda request: request.work,
            letters=counts,
        )
        self.workers = WorkerLinks(
            batcher=self.batcher,
            counts=counts,
            decode_timeout=settings.decode_timeout,
            report_fault=lambda slot, problem: report_fault(generation, slot, problem),
            on_batch=metrics.batch,
            on_exhausted=self._suspect,
        )
        self.pronouncer = Pronouncer(
            self.artifact,
            self.batcher,
            Pipeline(
                self.artifact,
                dictionaries=self.dictionaries,
                user=user,
                longest=settings.max_letters,
            ),
            user=user,
            cache_words=settings.cache_words,
            source=settings.source,
            engine=lambda: self.workers.engine,
        )
        self.check = SelfCheck(
            self.batcher,
            source.pinned,
            letter=self.artifact.graphemes.own[0],
            interval=settings.check_every,
            timeout=settings.timeout,
        )

    def _suspect(self, request: DecodeRequest | None) -> None:
        """See whether other workers can do what one could do no more."""
        self.check.suspect(request)

    @property
    def ready(self) -> bool:
        """Whether there is a worker, and the pinned words come back right."""
        return self.workers.ready > 0 and self.check.passed.is_set()

    async def run(self) -> None:
        """Check until cancelled that the workers answer right; then they are asked no more."""
        try:
            await self.check.run()
        finally:
            self.workers.close()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep it from being idle, for a request that will have more words."""
        self._kept += 1
        try:
            yield
        finally:
            self._kept -= 1

    async def idle(self) -> None:
        """Return when nothing waits or is being decoded any more, nor will."""
        while True:
            # Whoever chose this generation a moment ago has submitted its words by then
            await asyncio.sleep(0.1)
            if not (self.batcher.busy or self._kept):
                return
