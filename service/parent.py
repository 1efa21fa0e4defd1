"""The parent of several HTTP processes: it binds the sockets and supervises all processes.

All HTTP processes inherit the sockets and accept connections from them when they are free. The
parent monitors each, replaces those that end or hang, and stops them all when it stops.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tanger.model import TangerError
from tanger.service import metric_sums
from tanger.service.metric_sums import Family
from tanger.service.metrics import Metrics
from tanger.service.serving import control, processes
from tanger.service.serving.control import Body, CallError, Peer, PeerGoneError
from tanger.service.serving.model_source import Sources
from tanger.service.serving.processes import Process, RestartPauses, StartError
from tanger.service.serving.reloading import ReloadError, RequestedReloads
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.supervisor import ClientGoneError, Supervisor
from tanger.service.serving.watchdog import Watchdog
from tanger.service.serving.wire import JoinedWorker
from tanger.service.settings import Settings
from tanger.service.user_lexicon.lexicons import UserLexicons

log = logging.getLogger("tanger.parent")

# The module of an HTTP process
HTTP_PROCESS = "tanger.service.http_process"
# Seconds between two pings of an HTTP process, between two checks of one that does not respond, and
# after which it is replaced regardless of its CPU use
_PING_EVERY = 1.0
_STEP = 1.0
_LONGEST_SILENCE = 60.0
# Seconds after the grace period within which HTTP processes have to end
_EXIT_SECONDS = 5.0
# Seconds between two checks whether the first HTTP process listens
_LISTEN_CHECK = 0.02


class LoadError(TangerError):
    """An HTTP process cannot load a model."""


class HttpProcess:
    """An HTTP process as a client of the supervisor (see `supervisor.SupervisorClient`).

    Attributes:
        row: its row in the `SharedCounts`.
        revision: digest of its dictionaries, once it has loaded its first model.
        attached: a future that is done then.
    """

    def __init__(
        self, row: int, process: Process, handle: Callable[[HttpProcess, Body], Any]
    ) -> None:
        self.row = row
        self.revision = ""
        self.process = process
        self.attached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._peer = Peer(
            process.control,
            handle=lambda body, _: handle(self, body),
            expected=(ReloadError,),
            on_end=lambda: None,
        )

    async def load_model(self, generation: int, sources: Sources) -> None:
        """Make it load a model.

        Raises:
            LoadError: if it cannot.
            ClientGoneError: if it ends before, as for all of these methods.
        """
        packed = await asyncio.to_thread(sources.pack)
        self.revision = await self._call(control.Load(generation, packed))

    def load_first(self, generation: int, sources: Sources) -> None:
        """Send it its first model."""
        self._peer.notify(control.Load(generation, sources.pack()))

    async def check_model(self, generation: int) -> str | None:
        """Wait for a self-check with the pinned words; return what failed, or None."""
        failure: str | None = await self._call(control.Check(generation))
        return failure

    async def switch_model(self, generation: int) -> None:
        """Make it serve this model from now on."""
        await self._call(control.Switch(generation))

    async def drop_model(self, generation: int, *, at_once: bool) -> None:
        """Make it unload a model, at once or when its last request is done."""
        await self._call(control.Drop(generation, at_once))

    async def refresh_keys(self) -> str | None:
        """Make it reload the API keys; return why the previous ones stay in use, or None."""
        failure: str | None = await self._call(control.RefreshKeys())
        return failure

    async def snapshot(self) -> list[Family]:
        """Return its metrics."""
        return metric_sums.received(await self._call(control.Snapshot()))

    def plan_workers(self, generation: int, devices: list[str]) -> None:
        """Tell it the devices of the planned workers."""
        self._peer.notify(control.Plan(generation, devices))

    def add_worker(self, generation: int, worker: JoinedWorker, connection: socket.socket) -> None:
        """Add a worker, and pass it the connection."""
        self._peer.notify(control.Add(generation, worker), connection.detach())

    def drop_worker(self, generation: int, slot: int, problem: str, *, exhausted: bool) -> None:
        """Tell it that a worker is lost."""
        self._peer.notify(control.Lost(generation, slot, problem, exhausted))

    async def watch(self) -> None:
        """Ping it until it hangs, then return.

        Raises:
            ClientGoneError: if it ends.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_PING_EVERY)
            answer = asyncio.ensure_future(self._call(control.Ping()))
            watchdog = Watchdog(loop.time(), _STEP)
            try:
                while not (await asyncio.wait({answer}, timeout=_STEP))[0]:
                    watchdog.check(self.process.pid, loop.time())
                    if watchdog.hangs or watchdog.checks * _STEP > _LONGEST_SILENCE:
                        return
                await answer
            finally:
                answer.cancel()  # if the process has ended meanwhile, nobody waits for it

    def close(self) -> None:
        """Close the connection to an ended process."""
        self._peer.close()

    async def _call(self, body: Body) -> Any:
        try:
            return await self._peer.call(body)
        except CallError as e:
            raise LoadError(str(e)) from e
        except PeerGoneError as e:
            raise ClientGoneError(f"HTTP process {self.process.pid} has ended") from e


class Parent:
    """Starts, monitors and restarts HTTP processes and their workers."""

    def __init__(
        self,
        settings: Settings,
        arguments: Sequence[str],
        counts: SharedCounts,
        start: processes.Start,
    ) -> None:
        """Read the artifact.

        Args:
            settings: of the service, with the number of HTTP processes.
            arguments: the command line that the settings were read from.
            counts: shared counts with a row for each HTTP process.
            start: starts HTTP processes.

        Raises:
            ArtifactError: if the artifact is damaged.
        """
        self._settings = settings
        self._arguments = arguments
        self._sockets: Sequence[socket.socket] = ()
        self._counts = counts
        self._metrics = Metrics()
        self._supervisor = Supervisor(settings, self._metrics, self._counts)
        self._start_process = start
        self._running: dict[int, HttpProcess] = {}
        # Set once the first HTTP process has loaded its model, or has failed to
        self._first = asyncio.Event()
        self._draining = False
        self._stop: asyncio.Future[int] | None = None
        self._reloads = RequestedReloads(self._supervisor.reload)

    def create_lexicons(self) -> None:
        """Create the files of the user lexicons here, not in several processes at once.

        Raises:
            UserLexiconError: if one cannot be used.
        """
        models = self._supervisor.current.sources.models
        codes = [model.artifact.language.code for model in models]
        lexicons = UserLexicons(
            self._settings.user_lexicon,
            first=codes[0],
            read_only=self._settings.user_lexicon_read_only,
        )
        for code in codes:
            lexicons.of(code)
        lexicons.close()

    async def run(self, sockets: Sequence[socket.socket]) -> int:
        """Serve until stopped, or until no worker can start; return the exit status.

        Args:
            sockets: to listen on.
        """
        self._sockets = sockets
        loop = asyncio.get_running_loop()
        self._stop = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain, number)
        loop.add_signal_handler(signal.SIGHUP, self._reloads.request)
        supervising = asyncio.create_task(self._supervise())
        rows = range(self._settings.http_processes)
        announcing = asyncio.create_task(announce(self._settings.host, self._sockets))
        keeping = [asyncio.create_task(self._keep(row)) for row in rows]
        for task in (supervising, *keeping):
            task.add_done_callback(self._end_at_fault)
        try:
            status = await self._stop
            if not self._draining:
                self._drain(signal.SIGTERM)
            await self._wait_for_exits(keeping)
            return status
        finally:
            for task in (announcing, supervising):
                task.cancel()
            await asyncio.gather(announcing, supervising, return_exceptions=True)

    async def _supervise(self) -> None:
        """Run the supervisor; stop the service if no worker can start."""
        await self._supervisor.run()
        self._end(1)

    async def _keep(self, row: int) -> None:
        """Keep an HTTP process running in a row; the first one reports invalid settings."""
        if row:
            await self._first.wait()
        loop, pauses = asyncio.get_running_loop(), RestartPauses()
        while not self._draining:
            since = loop.time()
            problem = await self._run_one(row)
            if self._draining:
                return
            if not self._first.is_set():  # it has logged the reason
                log.error("cannot start: HTTP process %s", problem)
                self._end(self._status(row))
                return
            log.error("HTTP process %d %s; starting another", row + 1, problem)
            self._running.pop(row, None)
            pauses.ran(loop.time() - since)
            await asyncio.sleep(pauses.next())

    async def _run_one(self, row: int) -> str:
        """Start an HTTP process and monitor it until it ends; return a description of its end."""
        generation = self._supervisor.current
        try:
            process = await self._start(row)
        except StartError as e:
            return str(e)
        http = self._running[row] = HttpProcess(row, process, self._handle)
        if self._draining:
            process.send_signal(signal.SIGTERM)
        http.load_first(generation.number, generation.sources)
        problem = ""
        try:
            either: set[asyncio.Future[Any]] = {http.attached, process.exited}
            async with asyncio.timeout(self._settings.start_timeout):
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if http.attached.done():
                    await self._supervisor.attach(http, generation.number)
            if http.attached.done():
                self._first.set()
                self._compare(http)
                problem = await self._watch(http)
        except TimeoutError:
            problem = f"{process.pid} was not ready in time"
        except (ClientGoneError, TangerError) as e:
            problem = str(e)
        finally:
            if problem:
                await process.kill()
            await process.exited
            http.close()
            self._supervisor.detach(http)
            self._counts.clear_row(row)
        return problem or f"{process.pid} ended with {process.status}"

    async def _watch(self, http: HttpProcess) -> str:
        """Wait until an HTTP process ends or hangs; return the problem if it has not ended."""
        watching = asyncio.ensure_future(http.watch())
        either: set[asyncio.Future[Any]] = {watching, http.process.exited}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        hangs = watching.done() and watching.exception() is None
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return f"{http.process.pid} hung" if hangs else ""

    def _compare(self, http: HttpProcess) -> None:
        """Check that an HTTP process has the same dictionaries as the others.

        A restarted one has read the lexicon files as they are now.
        """
        others = {each.revision for each in self._running.values() if each.revision}
        if len(others) > 1:
            log.warning(
                "HTTP process %d found other lexicons than were loaded: reloading in all",
                http.row + 1,
            )
            self._reloads.request()

    async def _start(self, row: int) -> Process:
        descriptors = [self._counts.descriptor, *(each.fileno() for each in self._sockets)]
        return await self._start_process(
            HTTP_PROCESS,
            *(row, self._counts.rows, self._counts.descriptor),
            ",".join(str(each.fileno()) for each in self._sockets),
            *self._arguments,
            descriptors=descriptors,
            environment=os.environ,
        )

    def _handle(self, http: HttpProcess, body: Body) -> Awaitable[Any] | None:
        """Handle a call of an HTTP process."""
        match body:
            case control.Attach(revision):
                http.revision = revision
                http.attached.set_result(None)
                return asyncio.sleep(0)
            case control.ReportFault(generation, slot, problem):
                self._supervisor.report_fault(generation, slot, problem)
            case control.Reload():
                return self._reload()
            case control.Scrape():
                return self._scrape()
        return None

    async def _reload(self) -> dict[str, str]:
        return (await self._supervisor.reload()).model_dump()

    async def _scrape(self) -> bytes:
        return metric_sums.render(await self._supervisor.snapshot())

    def _drain(self, number: int) -> None:
        """Make all HTTP processes finish their requests and exit."""
        self._draining = True
        self._first.set()
        for each in self._sockets:
            each.close()
        for http in self._running.values():
            http.process.send_signal(number)
        self._end(0)

    def _end(self, status: int) -> None:
        assert self._stop is not None
        if not self._stop.done():
            self._stop.set_result(status)

    def _end_at_fault(self, task: asyncio.Task[None]) -> None:
        """Stop if a task of the parent itself failed, since processes would be unmonitored."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the parent fails", exc_info=error)
            self._end(1)

    def _status(self, row: int) -> int:
        """Return the exit status of an HTTP process as the service's own."""
        found = self._running.get(row)
        return abs(found.process.status or 1) if found is not None else 1

    async def _wait_for_exits(self, keeping: Sequence[asyncio.Task[None]]) -> None:
        """Wait until all HTTP processes have ended; kill those that take too long."""
        _, late = await asyncio.wait(keeping, timeout=self._settings.grace + _EXIT_SECONDS)
        for http in self._running.values():
            if http.process.status is None:
                log.error("HTTP process %d does not end in time: killed", http.row + 1)
                await http.process.kill()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind sockets to all addresses of a host.

    They do not listen yet: an HTTP process starts to listen when it is ready.

    Args:
        host: name or address.
        port: 0 for a free one, the same on all addresses.

    Raises:
        OSError: if an address cannot be bound; the message names it.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            each = socket.socket(family, kind, protocol)
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            place = (address[0], port, *address[2:])
            try:
                each.bind(place)
            except OSError as e:
                problem = f"[Errno {e.errno}] error while attempting to bind on address {place}: "
                raise OSError(e.errno, problem + (e.strerror or "").lower()) from e
            port = each.getsockname()[1]
            each.setblocking(False)
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


async def announce(host: str, sockets: Sequence[socket.socket]) -> None:
    """Log the address once the service listens, as uvicorn does for its own sockets."""
    port = sockets[0].getsockname()[1]
    while not sockets[-1].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        await asyncio.sleep(_LISTEN_CHECK)
    shown = f"[{host}]" if ":" in host else host
    message = "Uvicorn running on http://%s:%d (Press CTRL+C to quit)"
    logging.getLogger("uvicorn.error").info(message, shown, port)
