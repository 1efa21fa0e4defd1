"""A loaded model in an HTTP process: queue, worker connections and languages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter

from tanger.model.phonology import notation
from tanger.service.metrics import Metrics
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.golden_examples import SelfCheck
from tanger.service.serving.languages import Languages
from tanger.service.serving.model_source import Sources
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.serving.shared_counts import ClientCounts
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.serving.worker_links import WorkerLinks
from tanger.service.settings import Settings
from tanger.service.user_lexicon.lexicons import UserLexicons


class LoadedModel:
    """The objects in an HTTP process that belong to one load of the artifacts and the lexicons.

    Attributes:
        generation: number of the load.
        artifact: of the default language.
        error_rates: of that artifact, measured by the evaluation.
        languages: all languages.
        pronouncer: of the default language.
        check: of that language's pinned words.
    """

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        *,
        generation: int,
        metrics: Metrics,
        users: UserLexicons,
        counts: ClientCounts,
        report_fault: Callable[[int, int, str], None],
    ) -> None:
        """Read the lexicons, and create the objects.

        Args:
            settings: of the service.
            sources: the artifacts.
            generation: number of this load.
            metrics: of this process.
            users: the user lexicons.
            counts: this process's row of the shared counts.
            report_fault: called with generation and slot of a faulty worker, and the problem.

        Raises:
            LexiconError, LexiconFileError: if a lexicon is damaged.
        """
        self.generation = generation
        self._kept = 0
        self.artifact = sources.first.artifact
        self.error_rates = sources.first.error_rates
        self.batcher: Batcher[DecodeRequest, Answer] = Batcher(
            capacity=settings.queue_letters,
            max_batch=settings.max_batch,
            max_wait=settings.max_wait,
            weigh=attrgetter("work"),
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
        self.languages = Languages(
            settings,
            sources,
            batcher=self.batcher,
            users=users,
            engine=lambda: self.workers.engine,
        )
        self.pronouncer: Pronouncer = self.languages.first.pronouncer
        self.check = SelfCheck(
            self.batcher,
            sources.first.pinned,
            letter=self.artifact.graphemes.own[0],
            interval=settings.check_every,
            timeout=settings.timeout,
            marks=notation.contains_stress(self.artifact.phonemes.own),
        )

    def _suspect(self, request: DecodeRequest | None) -> None:
        """Check whether other workers can decode the request that exhausted one."""
        self.check.suspect(request)

    @property
    def ready(self) -> bool:
        """Return whether there is a worker and the self-check passed."""
        return self.workers.ready > 0 and self.check.passed.is_set()

    async def run(self) -> None:
        """Run the self-check until cancelled; then close the connections to the workers."""
        try:
            await self.check.run()
        finally:
            self.workers.close()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Mark the model as in use, for a request that will submit more words."""
        self._kept += 1
        try:
            yield
        finally:
            self._kept -= 1

    async def idle(self) -> None:
        """Wait until nothing is queued or being decoded, and nothing more will be."""
        while True:
            # A request that has just selected this generation has submitted its words by then
            await asyncio.sleep(0.1)
            if not (self.batcher.busy or self._kept):
                return
