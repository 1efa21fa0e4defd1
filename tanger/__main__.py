"""The command ``tanger``, also as ``python -m tanger``."""

import signal
import sys


def main() -> None:
    """Run the command line; does not return."""
    if sys.argv[1:2] == ["serve"]:
        from tanger.service import standard_streams

        standard_streams.ensure()
        # Before all else, since the imports take their time: the first process of a container
        # ignores the signals that it has no handler for, and would miss being told to stop.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        from tanger.service.server import main as serve

        sys.exit(serve(sys.argv[2:]))
    from tanger.commands import app

    app(prog_name="tanger")


if __name__ == "__main__":
    main()
