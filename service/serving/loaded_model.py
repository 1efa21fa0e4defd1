"""One artifact at work: its queue, its workers, its answers. New weights are another one."""

from __future__ import annotations

import asyncio
import os

from tanger.model import artifact
from tanger.model.decoding import devices
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import variants
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Pipeline
from tanger.service.metrics import Metrics
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.golden_examples import SelfCheck
from tanger.service.serving.pool import Pool
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.settings import Settings
from tanger.service.user_lexicon.store import UserLexicon


class LoadedModel:
    """Everything that belongs to one reading of the artifact and the lexicons."""

    def __init__(self, settings: Settings, metrics: Metrics, user: UserLexicon | None) -> None:
        """Read and check the artifact and its lexicons, and describe what serves them.

        Raises:
            ArtifactError: where it is damaged.
            LexiconError, LexiconFileError: where one of them is.
        """
        self.artifact = artifact.read(settings.artifact)
        self.inventory = Inventory(self.artifact.phonemes.own)
        self.dictionaries = Dictionaries.read(
            self.inventory,
            builtin=settings.builtin_lexicon,
            files=filter(None, settings.lexicon.split(os.pathsep)),
            ranking=variants.read(self.artifact) if settings.variant_order == "network" else None,
        )
        self.error_rates = self.artifact.metrics()
        self.batcher: Batcher[DecodeRequest, Answer] = Batcher(
            capacity=settings.queue_letters,
            max_batch=settings.max_batch,
            max_wait=settings.max_wait,
            weigh=lambda request: request.work,
        )
        self.pool = Pool(
            batcher=self.batcher,
            artifact=self.artifact,
            device=settings.device,
            workers=settings.workers,
            threads=settings.threads,
            cores=devices.available(),
            start_timeout=settings.start_timeout,
            decode_timeout=settings.decode_timeout,
            on_batch=metrics.batch,
            on_loss=metrics.workers_lost.inc,
            on_exhausted=self._note_exhausted,
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
            engine=lambda: self.pool.engine,
        )
        self._exhausted = metrics.workers_exhausted
        self.check = SelfCheck(
            self.batcher,
            self.artifact.pinned(),
            letter=self.artifact.graphemes.own[0],
            interval=settings.check_every,
            timeout=settings.timeout,
        )

    def _note_exhausted(self, request: DecodeRequest | None) -> None:
        """Count a worker that could decode no more, and see whether others can."""
        self._exhausted.inc()
        self.check.suspect(request)

    @property
    def ready(self) -> bool:
        """Whether there is a worker, and the pinned words come back right."""
        return self.pool.ready > 0 and self.check.passed.is_set()

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            PoolError: where no worker can start.
        """
        tasks = {asyncio.create_task(self.pool.run()), asyncio.create_task(self.check.run())}
        try:
            # Neither returns: were one to fail, the other alone would be worth nothing
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Return when nothing waits or is being decoded any more."""
        while True:
            # Whoever chose this generation a moment ago has submitted its words by then
            await asyncio.sleep(0.1)
            if not self.batcher.busy:
                return
