"""Settings of the service, from the environment (``TANGER_...``) and the command line."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict

from tanger.model import TangerError
from tanger.model.text.dictionaries import BuiltinLexicon
from tanger.model.text.variants import Order
from tanger.service.schemas import Source

Positive = Annotated[int, Field(ge=1)]
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class SettingError(TangerError, ValueError):
    """A setting conflicts with the rest of the service; the message names it."""


class Settings(BaseSettings):
    """Settings of the service; the command line takes precedence over the environment."""

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
    """Folder of the artifact to serve, if there is one language."""
    artifacts: str = ""
    """Folders of artifacts, one per language, separated by colons as in PATH; the first is the
    default language. A folder that holds artifacts stands for all of them, en-us first."""
    language_memory: Annotated[int, Field(ge=0)] = 64
    """MiB of networks that each decoding process keeps loaded besides the default language's;
    beyond it, the least recently used language is unloaded."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    """Device that decodes: auto (all GPUs, else the CPU), cpu, cuda or cuda:N."""
    source: Source = "model"
    """Default source of pronunciations: model, lexicon, or auto (lexicon, then model)."""
    builtin_lexicon: BuiltinLexicon = "auto"
    """Use the built-in lexicon, the artifact's own or CMUdict: on, off, or auto (CMUdict only if
    the artifact's phonemes are ARPAbet)."""
    variant_order: Order = "network"
    """Order of a word's variants in CMUdict: network (by the artifact's ranking) or lexicon (as
    listed there)."""
    lexicon: str = ""
    """Lexicon files, separated by colons as in PATH; the last one that contains a word takes
    precedence. FORMAT=FILE if the name does not show the format: cmudict, mfa, kaldi, kaldip, pls,
    tsv or ctf; ipa=FILE or x-sampa=FILE for a file in that alphabet; FORMAT+ipa=FILE for both."""
    user_lexicon: Path | None = None
    """SQLite file of the user lexicon, created if it is missing. No user lexicon by default."""
    user_lexicon_read_only: bool = False
    """Never write to that file; changes of entries are refused (409)."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all interfaces."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port to listen on; 0 for any free port."""

    http_processes: Annotated[int, Field(ge=0, le=64)] = 0
    """HTTP processes; 0 for one per three cores, at least one."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Decoding processes; 0 for one per GPU, or one per core."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of each decoding process; 0 to divide the cores among them."""
    max_batch: Positive = 256
    """Maximum number of words in a decoded batch."""
    max_wait: Annotated[float, Field(ge=0)] = 0.0
    """Seconds that an idle worker waits for a larger batch; 0 to start at once."""
    queue_letters: Positive = 32768
    """Maximum number of letters in the queue; a request that exceeds it is answered 429."""
    cache_words: Annotated[int, Field(ge=0)] = 65536
    """Maximum number of results in the cache; 0 for no cache."""
    cache_seconds: Annotated[int, Field(ge=0)] = 300
    """Seconds for which HTTP caches may reuse a response of the GET route (max-age)."""

    max_words: Positive = 256
    """Maximum number of words in a request."""
    max_letters: Positive = 64
    """Maximum number of letters in a word; the result of a longer one is an error."""
    max_text: Positive = 1 << 17
    """Maximum number of characters in a text."""
    max_body: Positive = 1 << 19
    """Maximum size of a request body in bytes."""
    max_response: Positive = 1 << 23
    """Maximum size of a response in bytes, estimated in advance; a larger one is refused (422)."""
    max_lexicon: Positive = 1 << 28
    """Maximum size of an imported lexicon in bytes."""
    max_connections: Positive = 1024
    """Maximum number of open connections; further ones are answered 503, except for probes."""
    max_buffered: Positive = 1 << 26
    """Maximum number of bytes buffered for large requests and responses; then these get 503."""
    head_timeout: Annotated[float, Field(gt=0)] = 10.0
    """Timeout for receiving a request's head, in seconds; then the connection is closed."""
    keep_alive: Annotated[int, Field(ge=1)] = 5
    """Seconds after which an idle connection is closed; more than a load balancer's own timeout."""
    body_timeout: Annotated[float, Field(gt=0)] = 10.0
    """Timeout for receiving a request's body, in seconds."""
    send_timeout: Annotated[float, Field(gt=0, le=86400)] = 10.0
    """Seconds without progress in sending a response after which its connection is closed."""
    min_send_rate: Positive = 16384
    """Minimum average rate, in bytes per second, of sending a response, after send_timeout."""
    timeout: Annotated[float, Field(gt=0)] = 10.0
    """Default timeout of a request, in seconds, without the header X-Request-Timeout."""
    max_timeout: Annotated[float, Field(gt=0)] = 60.0
    """Maximum of X-Request-Timeout, in seconds."""
    start_timeout: Annotated[float, Field(gt=0)] = 120.0
    """Timeout for loading and warming up a decoding process, in seconds."""
    decode_timeout: Annotated[float, Field(gt=0)] = 0.8
    """Seconds beyond the expected time after which an unresponsive decoding process is replaced."""
    check_every: Annotated[float, Field(gt=0)] = 5.0
    """Interval, in seconds, of checking the golden examples while the service is idle."""
    grace: Positive = 10
    """Seconds in which requests in flight may finish after SIGTERM."""
    api_keys: SecretStr = SecretStr("")
    """API keys of at least 16 characters, separated by commas, as KEY or NAME: KEY. If there are
    any, all routes except the public ones require one."""
    api_keys_file: Path | None = None
    """File of API keys, one per line; changes take effect within seconds."""
    public_routes: str = "/livez,/readyz,/startupz,/health,/docs"
    """Routes that require no API key, separated by commas, such as /pronounce/{word}; /docs
    includes /openapi.json."""
    cors_origins: str = ""
    """Origins that may send cross-origin requests (CORS), separated by commas; * for all."""
    trusted_proxies: str = ""
    """Addresses or networks of proxies whose X-Forwarded-For is trusted, separated by commas."""
    page: bool = True
    """Serve the page at /, which requires no API key itself."""
    metrics: bool = True
    """Serve /metrics, for Prometheus."""
    log_format: Annotated[str, Field(pattern="^(json|text)$")] = "json"
    """Format of the log: json (an object per line) or text."""
    log_requests: bool = True
    """Log each request, without its words."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """Lowest level that is logged: debug, info, warning or error."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: Any) -> Any:
        """Treat an empty value as unset, as scripts pass on unset variables.

        An empty `public_routes` means that no route is public.
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
    def _one_of_two(self) -> Self:
        if self.artifacts and "artifact" in self.model_fields_set:
            raise ValueError(
                "artifact (TANGER_ARTIFACT) and artifacts (TANGER_ARTIFACTS) are both set: put the "
                "one of the default language first in artifacts, and unset artifact"
            )
        return self

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.queue_letters < self.max_words * self.max_letters:
            raise ValueError(
                f"queue_letters ({self.queue_letters}) must be at least max_words "
                f"({self.max_words}) times max_letters ({self.max_letters}), the largest request"
            )
        if self.max_buffered < self.max_response:
            raise ValueError(
                f"max_buffered ({self.max_buffered}) must be at least max_response "
                f"({self.max_response})"
            )
        if self.timeout > self.max_timeout:
            raise ValueError(
                f"timeout ({self.timeout:g}) must be at most max_timeout ({self.max_timeout:g})"
            )
        return self


def read_settings(arguments: Sequence[str]) -> Settings:
    """Return the settings of a command line and of the environment.

    Args:
        arguments: the command line, without the program's name.

    Raises:
        pydantic.ValidationError: if a setting is invalid.
        SystemExit: if the command line is, or asks for help.
    """
    prefix = Settings.model_config["env_prefix"]
    given = {name: v for name, v in os.environ.items() if name.upper().startswith(prefix)}
    return _read(tuple(arguments), tuple(sorted(given.items())))


# Cached, since a forked HTTP process then shares what its parent has read; reading it again takes
# some 5 MB of memory
@functools.cache
def _read(arguments: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> Settings:
    return CliApp.run(Settings, cli_args=list(arguments))


def parse_origins(text: str) -> tuple[str, ...]:
    """Parse origins separated by commas into the form browsers send (RFC 6454, 6.2); ``*`` is any.

    Raises:
        ValueError: if a part is not an origin.
    """
    origins = []
    for part in filter(None, map(str.strip, text.split(","))):
        found = _ORIGIN.fullmatch(part.lower())
        if part == "*":
            origins.append(part)
        elif found is None:
            raise ValueError(
                f"{part!r} is not an origin: write https://HOST or https://HOST:PORT without a "
                "path, or * for all"
            )
        else:
            scheme, host, port = found.groups()
            plain = port is None or port == _DEFAULT_PORTS.get(scheme)
            origins.append(f"{scheme}://{host}" + ("" if plain else f":{port}"))
    return tuple(origins)


def unknown(names: Iterable[str]) -> list[str]:
    """Return the environment variables with our prefix that are not settings: probably typos."""
    prefix = Settings.model_config["env_prefix"]
    known = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    return sorted(n for n in names if n.upper().startswith(prefix) and n.upper() not in known)
