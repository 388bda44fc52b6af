"""Names of results: inputs that would share them are told apart by what they are themselves.

Each of them gets a longer name, none keeps the short one: so a name depends on the inputs alone,
and no result of one is ever taken for another's, whichever came first.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TypeVar

AnyPath = TypeVar("AnyPath", bound=PurePath)
_MOST_FOLDERS = 64


@dataclass(frozen=True)
class Named:
    """An input's folder (absolute), what sets it apart inside, and the stem of its results.

    suffix   a file's suffix, a row's number
    note     what its results' names have more than usual, in words for people
    """

    folder: PurePath
    suffix: str
    stem: PurePath
    note: str = ""

    def with_suffix(self) -> "Named":
        """The suffix kept in the stem: ``scan.tif``."""
        stem = self.stem.with_name(self.stem.name + self.suffix)
        return replace(self, stem=stem, note=_note("suffix", self.note))

    def with_folder(self) -> "Named":
        """One folder more in front: ``album/scan``; itself where there is none."""
        inside = len(self.stem.parts) - 1  # of its folders, those that the stem has already
        before = self.folder.parts[: len(self.folder.parts) - inside]
        if not before or before[-1] == self.folder.anchor:
            return self
        stem = type(self.stem)(before[-1], *self.stem.parts)
        return replace(self, stem=stem, note=_note("folder", self.note))


def _note(part: str, before: str) -> str:
    both = before and part not in before
    parts = "folder and suffix" if both else part
    return f"named with its {parts}, because another input has the same name"


def told_apart(
    given: Sequence[Named], meets: Callable[[Sequence[Named]], list[list[int]]] = lambda all: []
) -> tuple[list[Named], dict[int, int]]:
    """Names of inputs, all different; and those that cannot be told apart, with a rival each.

    `meets` finds further groups, by index, that may not stand beside each other as they are named.
    """
    named = list(given)

    def groups() -> list[list[int]]:
        same: dict[PurePath, list[int]] = defaultdict(list)
        for index, one in enumerate(named):
            same[one.stem].append(index)
        return [group for group in same.values() if len(group) > 1] + meets(named)

    for _ in range(_MOST_FOLDERS):
        changed: set[int] = set()
        for group in groups():
            if changed & set(group):  # looked at again with its new names
                continue
            longer = [named[index].with_suffix() for index in group]
            if len({one.stem for one in longer}) == 1:
                longer = [named[index].with_folder() for index in group]
            for index, one in zip(group, longer, strict=True):
                if one != named[index]:
                    named[index] = one
                    changed.add(index)
        if not changed:
            break
    rivals = {index: other for group in groups() for index in group for other in group
              if other != index}  # fmt: skip
    return named, rivals
