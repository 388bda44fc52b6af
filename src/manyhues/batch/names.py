"""Names of results: inputs that would share them are told apart by what they are themselves.

Each of them gets a longer name, none keeps the short one: so a name depends on the inputs alone,
and no result of one is ever taken for another's, whichever came first. Names are the same on all
systems and told apart for all of them: to some, case and the coding of accents make no difference.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from manyhues.image.names import folded, mark, of_results

_MOST_FOLDERS = 64


@dataclass(frozen=True)
class Named:
    """An input's folder (absolute), what sets it apart inside, and the stem of its results.

    suffix   a file's suffix, a row's number
    more     what its results' names have more than usual
    """

    folder: PurePath
    suffix: str
    stem: PurePath
    more: tuple[str, ...] = ()

    @property
    def written(self) -> PurePath:
        """The stem, as this system can write it."""
        return of_results(self.stem)

    @property
    def key(self) -> str:
        """What inputs have in common whose results are one somewhere: case makes no difference."""
        return folded(self.written.as_posix())

    @property
    def note(self) -> str:
        """What its results' names have more than usual, in words for people."""
        notes = []
        if self.more:
            parts = " and ".join(self.more)
            notes.append(f"named with its {parts}, because another input has the same name")
        if self.written != self.stem:
            notes.append("named a little otherwise, because not every name can be written here")
        return "; ".join(notes)

    def with_suffix(self) -> "Named":
        """The suffix kept in the stem: ``scan.tif``."""
        return self._longer(self.suffix, "suffix")

    def with_mark(self) -> "Named":
        """A mark in the stem, of the stem as it is spelt: ``IMG.jpg~1c291ca3``."""
        return self._longer(f"~{mark(self.stem.as_posix())}", "own mark")

    def with_folder(self) -> "Named":
        """One folder more in front: ``album/scan``; itself where there is none."""
        inside = len(self.stem.parts) - 1  # of its folders, those that the stem has already
        before = self.folder.parts[: len(self.folder.parts) - inside]
        if not before or before[-1] == self.folder.anchor:
            return self
        stem = type(self.stem)(before[-1], *self.stem.parts)
        return replace(self, stem=stem, more=_with("folder", self.more))

    def _longer(self, end: str, part: str) -> "Named":
        stem = self.stem.with_name(self.stem.name + end)
        return replace(self, stem=stem, more=_with(part, self.more))


_ORDER = ("folder", "suffix", "own mark")


def _with(part: str, before: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in _ORDER if one in (part, *before))


def told_apart(
    given: Sequence[Named], meets: Callable[[Sequence[Named]], list[list[int]]] = lambda all: []
) -> tuple[list[Named], dict[int, int]]:
    """Names of inputs, all different; and those that cannot be told apart, with a rival each.

    `meets` finds further groups, by index, that may not stand beside each other as they are named.
    """
    named = list(given)

    def groups() -> list[list[int]]:
        same: dict[str, list[int]] = defaultdict(list)
        for index, one in enumerate(named):
            same[one.key].append(index)
        return [group for group in same.values() if len(group) > 1] + meets(named)

    for _ in range(_MOST_FOLDERS):
        changed: set[int] = set()
        for group in groups():
            if changed & set(group):  # looked at again with its new names
                continue
            for index, one in zip(group, _longer([named[i] for i in group]), strict=True):
                if one != named[index]:
                    named[index] = one
                    changed.add(index)
        if not changed:
            break
    rivals = {index: other for group in groups() for index in group for other in group
              if other != index}  # fmt: skip
    return named, rivals


def _longer(group: Sequence[Named]) -> list[Named]:
    """Longer names for inputs that share one: what sets them apart comes first."""
    with_suffix = [one.with_suffix() for one in group]
    if len({one.key for one in with_suffix}) > 1:
        return with_suffix
    if _are_distinct(group):  # spelt otherwise, and one to some file systems
        return [one.with_mark() for one in group]
    if _are_distinct(with_suffix):
        return with_suffix
    return [one.with_folder() for one in group]


def _are_distinct(group: Sequence[Named]) -> bool:
    return len({one.stem for one in group}) == len(group)
