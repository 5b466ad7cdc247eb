"""Start the embedded AWS so that its functions see a Lambda runtime, and not the emulator.

Run by the emulator's own interpreter, which has nothing of ours: only the standard library and
the emulator may be imported here. The one argument is the interpreter of the environment the
functions run in; the emulator starts functions with `sys.executable`.
"""

import sys


def main() -> None:
    """Hand the functions their interpreter, then become the emulator."""
    sys.executable = sys.argv.pop(1)
    from ministack.app import main as serve  # type: ignore[import-not-found]

    serve()


if __name__ == "__main__":
    main()
