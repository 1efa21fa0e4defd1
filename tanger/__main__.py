"""The command ``tanger``, also as ``python -m tanger``."""

import os
import signal
import sys


def main() -> None:
    """Run the command line; does not return."""
    if sys.argv[1:2] == ["serve"]:
        _open_standard_streams()
        # Before all else, since the imports take their time: the first process of a container
        # ignores the signals that it has no handler for, and would miss being told to stop.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        from tanger.service.server import main as serve

        sys.exit(serve(sys.argv[2:]))
    from tanger.commands import app

    app(prog_name="tanger")


def _open_standard_streams() -> None:
    """Open the null device wherever stdin, stdout or stderr was closed at the start.

    Else the next file or socket to be opened gets the number of a standard stream, which libuv
    does not survive, and whatever prints writes into it.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free: all below it are open by now
            opened = os.open(os.devnull, os.O_RDWR)
            assert opened == descriptor
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    main()
