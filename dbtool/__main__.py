"""The program `dbtool`: answers `--version` at once, leaves everything else to `dbtool.cli.app`.

Importing the command line costs more than the whole budget of `--version` (40 ms), so it is looked
for first.
"""

from __future__ import annotations

import gc
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; None: `sys.argv`.

    Returns:
        The exit code of the process.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if words in (["--version"], ["-V"]):
        from dbtool import __version__

        sys.stdout.write(f"dbtool {__version__}\n")
        return 0
    if arguments is None:
        import signal

        # Until the command line handles it, Ctrl-C ends the process without a traceback.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Importing makes many objects that stay: looking through them would cost 5 ms and more.
    gc.set_threshold(50_000, 20, 50)
    from dbtool.cli.app import main as run

    return run(words)


if __name__ == "__main__":
    sys.exit(main())
