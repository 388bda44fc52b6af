"""``python -m manyhues``."""

from manyhues.cli import main

if __name__ == "__main__":
    main()
