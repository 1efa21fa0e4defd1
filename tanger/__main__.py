"""The command ``tanger``, also as ``python -m tanger``."""

import os
import signal
import sys


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] == ["serve"]:
        _open_standard_streams()
        # Before the slow imports: as the first process of a container this one ignores signals
        # without a handler, and would miss a request to stop.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        # numpy's linear algebra, which the service does not use, would start a thread for each core
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from tanger.service.server import main as serve

        sys.exit(serve(sys.argv[2:]))
    from tanger.commands import app

    app(prog_name="tanger")


def _open_standard_streams() -> None:
    """Open the null device in place of standard streams that were closed at the start.

    Otherwise the next opened file or socket would get the number of a standard stream, which
    crashes libuv, and output would be written to it.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # open() returns the lowest free number; all lower ones are in use
            opened = os.open(os.devnull, os.O_RDWR)
            assert opened == descriptor
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    main()
