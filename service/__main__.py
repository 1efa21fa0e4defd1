"""Run the service: ``python -m service``, settings from the environment and the command line."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import uvicorn
from pydantic import ValidationError
from pydantic_settings import CliApp

from model.errors import TangerError
from service.app import create_app
from service.running import Service
from service.settings import Settings


class Server(uvicorn.Server):
    """uvicorn, telling the service when it is told to stop."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that the service drains, so that its probes say so."""
        self.service.draining = True
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve until told to stop; 0 after an orderly stop, 1 where nothing could be served."""
    try:
        settings = CliApp.run(Settings, cli_args=sys.argv[1:])
    except ValidationError as e:
        for fault in e.errors(include_url=False):
            name = ".".join(map(str, fault["loc"])) or "settings"
            print(f"error: {name}: {fault['msg']}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        app = create_app(settings)
    except TangerError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
    )
    # uvicorn takes SIGTERM and SIGINT while it serves and raises them again when it has stopped:
    # by then all is done, and the exit status should say so.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1 if service.failure else 0))
    Server(config, service).run()
    return 1 if service.failure else 0


if __name__ == "__main__":
    sys.exit(main())
