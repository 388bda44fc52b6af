"""What can be trained, one file a method: it has the name of its kind, and needs no list."""

from pkgutil import iter_modules


def kinds() -> list[str]:
    """Names of what can be trained; nothing is imported to know them."""
    return sorted(module.name for module in iter_modules(__path__))
