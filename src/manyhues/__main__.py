"""``python -m manyhues``, and the command ``manyhues``."""

import sys

from manyhues.errors import NO_MEMORY, lacks_memory

_COMMAND = 20  # megabytes of address space: out of them, CPython is lost between its own errors


def main() -> None:
    """Run the command line; what stops it while it is still being imported is one line, too."""
    try:
        from manyhues.memory import need

        need(_COMMAND)
        from manyhues.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("manyhues: stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        if not lacks_memory(error):  # a fault of ours
            raise
        print(f"manyhues: {NO_MEMORY}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
