"""``python -m manyhues``."""

from manyhues.cli.main import main

if __name__ == "__main__":
    main()
