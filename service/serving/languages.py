"""The languages of a loaded model: the default one, and others that open when they are requested.

To open a language is to check that the workers answer its pinned words, to open its lexicons, and
to make its `Pronouncer`. All languages share one queue and the workers; a variant shares the
network, the lexicons and the cached answers of its artifact.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass

from tanger.model.language_tags import LanguageError, Variant, lookup
from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Pipeline
from tanger.model.text.reader import languages as reader_languages
from tanger.model.text.senses import homographs
from tanger.service.errors import UnavailableError
from tanger.service.info_schemas import LanguageInfo, LanguageList
from tanger.service.schemas import ModelName
from tanger.service.serving.batcher import Batcher
from tanger.service.serving.cache import AnswerCache, answer_size
from tanger.service.serving.golden_examples import SelfCheck
from tanger.service.serving.model_source import ModelSource, Sources
from tanger.service.serving.pronouncer import Pronouncer
from tanger.service.serving.queue_items import DeadlineError
from tanger.service.serving.wire import Answer, DecodeRequest
from tanger.service.settings import Settings
from tanger.service.user_lexicon.lexicons import UserLexicons
from tanger.service.user_lexicon.store import UserLexicon

# Most requested tags whose language is remembered
_REMEMBERED = 256


@dataclass(frozen=True)
class ServedLanguage:
    """A language that is open.

    Attributes:
        code: its tag.
        dictionaries: lexicons that its words are looked up in.
        pronouncer: pronounces its words.
        inventory: phonemes that entries of its lexicons may contain.
    """

    code: str
    dictionaries: Dictionaries
    pronouncer: Pronouncer
    inventory: Inventory

    @property
    def user(self) -> UserLexicon | None:
        """Return its user lexicon, if there is one."""
        return self.pronouncer.user


class Languages:
    """The languages of one load of the artifacts.

    Attributes:
        first: the default language, which is always open.
        sources: the artifacts.
        codes: tags of all languages, the default first.
    """

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        *,
        batcher: Batcher[DecodeRequest, Answer],
        users: UserLexicons,
        engine: Callable[[], str | None],
    ) -> None:
        """Open the default language, and read the lexicon files of all.

        Args:
            settings: of the service.
            sources: the artifacts.
            batcher: the queue of the workers.
            users: the user lexicons.
            engine: returns the decode engine.

        Raises:
            LexiconError, LexiconFileError: if a lexicon is damaged.
        """
        self.sources = sources
        self._spoken = sources.spoken
        self.codes = tuple(self._spoken)
        self._settings = settings
        self._batcher = batcher
        self._users = users
        self._engine = engine
        self._cache = AnswerCache[str, str](settings.cache_words, weigh=answer_size)
        self._files = _files_by_language(
            filter(None, settings.lexicon.split(os.pathsep)),
            [model.artifact.language.code for model in sources.models],
        )
        self._read_first = dict.fromkeys((self.codes[0], *self._files))
        self._built = {code: self._build(code) for code in self._read_first}
        self.first = self._built[self.codes[0]]
        self._open = {self.first.code: self.first}
        self._opening: dict[str, asyncio.Task[ServedLanguage]] = {}
        self._checks: dict[int, SelfCheck] = {}
        # Languages by requested tag
        self._found: dict[str, str] = {}

    @property
    def revision(self) -> str:
        """Return a digest of the lexicons that were read when the artifacts were loaded."""
        found = [self._built[code].dictionaries.revision for code in self._read_first]
        return found[0] if len(found) == 1 else hashlib.sha256(repr(found).encode()).hexdigest()

    @property
    def opened(self) -> tuple[str, ...]:
        """Return the tags of the open languages."""
        return tuple(self._open)

    def code_of(self, requested: str | None) -> str:
        """Return the language that answers to a requested tag; by default the first.

        Raises:
            LanguageError: if there is none.
        """
        if requested is None:
            return self.first.code
        if (code := self._found.get(requested)) is None:
            code = lookup(requested, self.codes)
            if code is None:
                raise LanguageError(requested, self.codes)
            if len(self._found) < _REMEMBERED:
                self._found[requested] = code
        return code

    def get(self, requested: str | None) -> ServedLanguage | None:
        """Return the language that answers to a requested tag, if it is open.

        Raises:
            LanguageError: if there is none.
        """
        return self.first if requested is None else self._open.get(self.code_of(requested))

    async def open(self, requested: str | None, timeout: float | None = None) -> ServedLanguage:
        """Return the language that answers to a requested tag, opening it if necessary.

        Args:
            requested: a tag; None for the default.
            timeout: seconds that this may take; the language goes on opening afterwards.

        Raises:
            LanguageError: if there is none.
            UnavailableError: if its pinned words get wrong answers, or none.
            DeadlineError: if it takes longer.
            LexiconFileError: if its lexicon cannot be read.
        """
        if (found := self.get(requested)) is not None:
            return found
        code = self.code_of(requested)
        if (task := self._opening.get(code)) is None:
            # In an empty context: several requests may wait for it
            task = asyncio.create_task(self._opened(code), context=Context())
            self._opening[code] = task
            task.add_done_callback(lambda _: self._opening.pop(code, None))
        await asyncio.wait({task}, timeout=timeout)
        if not task.done():
            raise DeadlineError(f"opening the language {code} took longer than {timeout:.3g} s", 1)
        return task.result()

    def info(self) -> LanguageList:
        """Return all languages, the default first."""
        return LanguageList(languages=tuple(map(self._info, self._spoken)))

    def _info(self, code: str) -> LanguageInfo:
        index, variant = self._spoken[code]
        model = self.sources.models[index]
        artifact, base = model.artifact, model.artifact.language
        phonemes = artifact.phonemes.own
        replaced = {} if variant is None else variant.phonemes
        return LanguageInfo(
            code=code,
            name=base.name if variant is None else variant.name,
            variant_of=None if variant is None else base.code,
            model=ModelName(name=artifact.name, version=artifact.version, language=code),
            graphemes=artifact.graphemes.own,
            phonemes=tuple(dict.fromkeys(replaced.get(each, each) for each in phonemes)),
            alphabets=notation.available(phonemes),
            stress=artifact.knows_stress or notation.contains_stress(phonemes),
            texts=self._reads_texts(base.code, phonemes),
            error_rates=dict(model.error_rates),
            licence=base.licence,
            attribution=model.notice,
        )

    def _reads_texts(self, code: str, phonemes: Sequence[str]) -> bool:
        if (built := self._built.get(code)) is not None:
            return built.pronouncer.pipeline.resolver.reader.text is not None
        rules = reader_languages.find(code)
        return rules is not None and (not rules.arpabet or notation.is_arpabet(phonemes))

    async def prove(self, index: int) -> str | None:
        """Check that the pinned words of an artifact get the right answers.

        Args:
            index: of the artifact.

        Returns:
            what was wrong, or None.
        """
        if (check := self._checks.get(index)) is None:
            model = self.sources.models[index]
            check = self._checks[index] = SelfCheck(
                self._batcher,
                model.pinned,
                letter=model.artifact.graphemes.own[0],
                interval=self._settings.check_every,
                timeout=self._settings.timeout,
                language=index,
                marks=notation.contains_stress(model.artifact.phonemes.own),
            )
        if not check.passed.is_set():
            await check.check()
        return None if check.passed.is_set() else check.failure or "its pinned words got no answer"

    async def prove_all(self) -> str | None:
        """Check the pinned words of all languages but the first; return what was wrong, or None."""
        for index, model in enumerate(self.sources.models[1:], 1):
            if (failure := await self.prove(index)) is not None:
                return f"{model.artifact.language.code} ({model.artifact.path}): {failure}"
        return None

    async def _opened(self, code: str) -> ServedLanguage:
        index, variant = self._spoken[code]
        if index and (failure := await self.prove(index)) is not None:
            raise UnavailableError(f"wrong answers in {code}: {failure}")
        base_code = self.sources.models[index].artifact.language.code
        base = self._built.get(base_code)
        if base is None:
            base = await asyncio.to_thread(self._build, base_code)
            self._built[base_code] = base
        found = base if variant is None else self._of_variant(base, index, variant)
        self._open[code] = found
        return found

    def _build(self, code: str) -> ServedLanguage:
        """Open the lexicons of a language that is no variant, and make its pronouncer.

        Raises:
            LexiconError, LexiconFileError, UserLexiconError: if a lexicon cannot be used.
        """
        index, _ = self._spoken[code]
        model = self.sources.models[index]
        dictionaries = Dictionaries.read(
            Inventory(model.artifact.phonemes.own),
            builtin=self._settings.builtin_lexicon,
            files=self._files.get(code, ()),
            ranking=model.ranking,
            folder=model.artifact.path,
        )
        user = self._users.of(code)
        pipeline = Pipeline(
            model.artifact,
            dictionaries=dictionaries,
            user=user,
            longest=self._settings.max_letters,
        )
        return self._served(code, index, model, dictionaries, pipeline, user)

    def _of_variant(self, base: ServedLanguage, index: int, variant: Variant) -> ServedLanguage:
        return self._served(
            variant.code,
            index,
            self.sources.models[index],
            base.dictionaries,
            base.pronouncer.pipeline.spoken_as(variant),
            base.pronouncer.user,
        )

    def _served(
        self,
        code: str,
        index: int,
        model: ModelSource,
        dictionaries: Dictionaries,
        pipeline: Pipeline,
        user: UserLexicon | None,
    ) -> ServedLanguage:
        pronouncer = Pronouncer(
            model.artifact,
            self._batcher,
            pipeline,
            user=user,
            cache=self._cache,
            source=self._settings.source,
            engine=self._engine,
            language=index,
        )
        return ServedLanguage(
            code, dictionaries, pronouncer, Inventory(model.artifact.phonemes.own)
        )


def shared_pipeline(settings: Settings) -> Pipeline:
    """Return a pipeline of the default language, with the built-in dictionary alone.

    While it is in use, all models of this process, and of processes forked from it, share its
    dictionary, and the tables and models that text is read by.

    Raises:
        ArtifactError: if the artifact is damaged.
        LexiconFileError: if the dictionary cannot be read.
    """
    artifact = Sources.read(settings).first.artifact
    dictionaries = Dictionaries.read(
        Inventory(artifact.phonemes.own), builtin=settings.builtin_lexicon, folder=artifact.path
    )
    pipeline = Pipeline(artifact, dictionaries=dictionaries, longest=settings.max_letters)
    if pipeline.resolver.reader.american:
        homographs()
    return pipeline


def _files_by_language(files: Iterable[str], codes: list[str]) -> dict[str, list[str]]:
    """Return the lexicon files of each language, as `Dictionaries.read` takes them.

    Args:
        files: each as there, or after its language: ``de=FILE``, ``de+tsv=FILE``.
        codes: tags of the languages, the default first.
    """
    by_case = {code.lower(): code for code in codes}
    found: dict[str, list[str]] = {}
    for file in files:
        prefix, equals, path = file.partition("=")
        first, plus, rest = prefix.partition("+")
        code = by_case.get(first.lower()) if equals else None
        if code is None:
            found.setdefault(codes[0], []).append(file)
        else:
            found.setdefault(code, []).append(f"{rest}={path}" if plus else path)
    return found
