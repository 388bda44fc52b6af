"""What can be done with a picture or a colouring, one file an action.

A new action is a new file here: a class decorated with `register`. There is no list to add it to;
its route, its jobs, its place on the sheet and its recipe come with it. The page wants a button for
it in ``static/`` and a title of its groups in ``static/i18n.js``.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from manyhues.errors import UsageError
from manyhues.studio.actions.base import REGISTERED, Action

__all__ = ["Action", "all_actions", "named"]


def all_actions() -> list[Action[Any]]:
    """Every action of this folder, in the order of their names."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return [REGISTERED[name] for name in sorted(REGISTERED)]


def named(name: str) -> Action[Any]:
    """An action by its name. Raises `UsageError`."""
    known = {action.name: action for action in all_actions()}
    if name not in known:
        raise UsageError(f"action {name!r}: not known; choose from {', '.join(known)}")
    return known[name]
