"""``python -m manyhues``, and the command ``manyhues``."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being imported ends it in one line, too."""
    try:
        from manyhues.cli.main import main as run

        run()
    except KeyboardInterrupt:
        print("manyhues: stopped", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
