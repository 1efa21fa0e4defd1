"""Every setting of the service, from the environment (``TANGER_...``) and the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tanger.model import TangerError
from tanger.model.text.dictionaries import BuiltinLexicon
from tanger.model.text.variants import Order
from tanger.service.schemas import Source

Positive = Annotated[int, Field(ge=1)]
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class SettingError(TangerError, ValueError):
    """A setting that does not fit the rest of the service; the message names it."""


class Settings(BaseSettings):
    """The service's settings; the command line wins over the environment."""

    model_config = SettingsConfigDict(
        env_prefix="TANGER_",
        cli_prog_name="tanger serve",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
        extra="forbid",
        frozen=True,
    )

    artifact: Path = Path(__file__).parent.parent / "artifacts" / "en-us"
    """Folder of the artifact to serve."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    """auto (every GPU, else the CPU), cpu, cuda or cuda:N."""
    source: Source = "model"
    """Where pronunciations come from if a request does not say: model, lexicon, or auto (both)."""
    builtin_lexicon: BuiltinLexicon = "auto"
    """Whether CMUdict is among the lexicons: on, off, or auto, where the phonemes are ARPAbet."""
    variant_order: Order = "network"
    """Order of the variants that CMUdict has of a word: network, by the artifact's ranking, or
    lexicon, as they stand there."""
    lexicon: str = ""
    """Lexicon files, with colons between as in PATH; the last that has a word wins. FORMAT=FILE
    where a file does not tell: cmudict, mfa, kaldi, kaldip, pls, tsv or ctf; ipa=FILE or
    x-sampa=FILE where it is in that alphabet; FORMAT+ipa=FILE for both."""
    user_lexicon: Path | None = None
    """SQLite file of one's own words; it is made where there is none. Without, there are none."""
    user_lexicon_read_only: bool = False
    """Whether that file is a copy which is only read; then nothing can be corrected here."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 picks a free one."""

    http_processes: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes that speak HTTP; 0 for one for every three cores, at least one."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Decoding processes; 0 for one a GPU, or one a core."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of each decoding process; 0 divides the cores among them."""
    max_batch: Positive = 256
    """Most words decoded together."""
    max_wait: Annotated[float, Field(ge=0)] = 0.0
    """Seconds that a free worker waits for more words; 0 takes what waits at once."""
    queue_letters: Positive = 32768
    """Most letters that wait in words; a request that would go beyond is answered 429."""
    cache_words: Annotated[int, Field(ge=0)] = 65536
    """Answers that are kept for the next who asks; 0 decodes every word anew."""
    cache_seconds: Annotated[int, Field(ge=0)] = 300
    """Seconds for which caches on the way may keep an answer of the GET route; then they ask."""

    max_words: Positive = 256
    """Most words in a request."""
    max_letters: Positive = 64
    """Most letters in a word; a longer one gets an error of its own."""
    max_text: Positive = 1 << 17
    """Most characters of a text."""
    max_body: Positive = 1 << 19
    """Most bytes in a request's body."""
    max_response: Positive = 1 << 23
    """Most bytes of an answer, by an estimate before it is made; a longer one is refused."""
    max_lexicon: Positive = 1 << 28
    """Most bytes in a lexicon that is imported."""
    max_connections: Positive = 1024
    """Most open connections; one beyond is answered 503, unless it asks for a probe."""
    max_buffered: Positive = 1 << 26
    """Most bytes of large requests and answers held for all clients; then large ones get 503."""
    head_timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds that a request's head may take to come; then its connection is closed."""
    keep_alive: Annotated[int, Field(ge=1)] = 5
    """Seconds that a connection may be idle; behind a load balancer, more than it keeps its own."""
    body_timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds that a request's body may take to come."""
    send_timeout: Annotated[float, Field(gt=0, le=86400)] = 10.0
    """Seconds in which a client has to take something of its answer; then its connection ends."""
    min_send_rate: Positive = 16384
    """Bytes a second that a client has to take of its answers on average, after send_timeout."""
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Seconds that a request may take where it does not say X-Request-Timeout."""
    max_timeout: Annotated[float, Field(gt=0)] = 60.0
    """Most seconds that X-Request-Timeout may ask for."""
    start_timeout: Annotated[float, Field(gt=0)] = 120.0
    """Seconds that a decoding process may take to load and warm up."""
    decode_timeout: Annotated[float, Field(gt=0)] = 0.8
    """Seconds beyond those expected after which a silent decoding process is replaced."""
    check_every: Annotated[float, Field(gt=0)] = 5.0
    """Seconds between two checks, while nobody asks, that pinned words still come back right."""
    grace: Positive = 10
    """Seconds to finish what is in flight after SIGTERM."""
    api_keys: SecretStr = SecretStr("")
    """API keys of 16 characters or more, separated by commas, KEY or NAME: KEY; with any, every
    route but the public ones needs one."""
    api_keys_file: Path | None = None
    """File of API keys, a line each; it is read again within seconds of a change."""
    public_routes: str = "/livez,/readyz,/startupz,/health,/docs"
    """Routes that need no API key, separated by commas, such as /pronounce/{word}; /docs is that
    page and /openapi.json."""
    cors_origins: str = ""
    """Origins whose pages may send requests from a browser, separated by commas; * for all."""
    trusted_proxies: str = ""
    """Addresses or networks of proxies whose X-Forwarded-For tells the client, by commas."""
    page: bool = True
    """Whether there is a page at /, which needs no API key itself."""
    metrics: bool = True
    """Whether there is a route /metrics, for Prometheus."""
    log_format: Annotated[str, Field(pattern="^(json|text)$")] = "json"
    """json, a line an object, or text."""
    log_requests: bool = True
    """Whether every request gets a line in the log; its words do not stand there."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """debug, info, warning or error."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: Any) -> Any:
        """An empty value is none at all, as of a variable that a script passes on unset.

        But of `public_routes`: none of them is public then.
        """
        if not isinstance(values, dict):
            return values
        return {
            name: value
            for name, value in values.items()
            if name == "public_routes" or not (isinstance(value, str) and not value.strip())
        }

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        return ",".join(parse_origins(value))

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks = list(filter(None, map(str.strip, value.split(","))))
        for network in networks:
            if network != "*":
                ip_network(network, strict=False)
        return ",".join(networks)

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.queue_letters < self.max_words * self.max_letters:
            raise ValueError(
                f"queue_letters ({self.queue_letters}) must hold a whole request: max_words "
                f"({self.max_words}) of max_letters ({self.max_letters})"
            )
        if self.max_buffered < self.max_response:
            raise ValueError(
                f"max_buffered ({self.max_buffered}) must hold one answer: max_response "
                f"({self.max_response})"
            )
        if self.timeout > self.max_timeout:
            raise ValueError(
                f"timeout ({self.timeout:g}) is beyond max_timeout ({self.max_timeout:g}), the "
                "most that a request may ask for"
            )
        return self


def parse_origins(text: str) -> tuple[str, ...]:
    """Origins, separated by commas, as browsers send them (RFC 6454, 6.2); ``*`` is any.

    Raises:
        ValueError: for what is no origin.
    """
    origins = []
    for part in filter(None, map(str.strip, text.split(","))):
        found = _ORIGIN.fullmatch(part.lower())
        if part == "*":
            origins.append(part)
        elif found is None:
            raise ValueError(
                f"{part!r} is no origin: write https://HOST or https://HOST:PORT, nothing behind "
                "it, or * for all"
            )
        else:
            scheme, host, port = found.groups()
            plain = port is None or port == _DEFAULT_PORTS.get(scheme)
            origins.append(f"{scheme}://{host}" + ("" if plain else f":{port}"))
    return tuple(origins)


def unknown(names: Iterable[str]) -> list[str]:
    """Environment variables that look like settings and are none: misspelt ones, perhaps."""
    prefix = Settings.model_config["env_prefix"]
    known = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    return sorted(n for n in names if n.upper().startswith(prefix) and n.upper() not in known)
