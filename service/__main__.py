"""Run the service: ``python -m service``, settings from the environment and the command line."""

import signal
import sys

from service import standard_streams

if __name__ == "__main__":
    standard_streams.ensure()
    # Before all else, since the imports take their time: the first process of a container ignores
    # the signals that it has no handler for, and would miss being told to stop.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    from service.server import main

    sys.exit(main(sys.argv[1:]))
