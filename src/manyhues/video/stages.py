"""A film's stretches on their way to colour: `read`, then `coloured`, each in order.

Nothing that is read waits for colours, so a new shot is drawn while the last one is still coloured.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from manyhues.color.arrays import Array
from manyhues.model.scene import Scene
from manyhues.model.threads import stoppable
from manyhues.video.hints import AtKeys
from manyhues.video.motion import Motion
from manyhues.video.painter import SHOTS, Look, Painter, between, seen_before
from manyhues.video.shots import Seen, Stretch, backward


class Encode(Protocol):
    """Makes the scene of a key frame; of one that is not drawn anew it says so."""

    def __call__(self, seen: Seen, *, refining: bool) -> Scene:
        """The scene."""


@dataclass(frozen=True, eq=False)
class Painted:
    """A frame with its n colours, a, b ``(n, 2, h, w)`` in Lab units at the working size."""

    seen: Seen
    ab: Array


@dataclass(frozen=True, eq=False)
class Read:
    """A stretch with what its key frame's colours are drawn from, and motion `back` from that.

    The first frame of a shot has its look, which is still drawn while reading goes on, or it is
    seen `again`: in the last look of which earlier shot, and where in it.
    """

    stretch: Stretch
    scene: Scene
    back: list[Motion]
    look: Future[Look] | None = None
    again: tuple[int, Motion] | None = None


@dataclass(frozen=True, eq=False)
class Done:
    """A stretch with the looks of its key frames, and those of earlier shots."""

    stretch: Stretch
    back: list[Motion]
    before: Look | None
    look: Look
    earlier: tuple[Look, ...]

    def frames(self) -> Iterator[Painted]:
        """Its frames, coloured."""
        first = self.look if self.before is None else self.before
        colours = between(self.stretch, self.back, first.shown, self.look.shown)
        for seen, ab in zip(self.stretch.frames, colours, strict=True):
            yield Painted(seen, ab)


def read(
    painter: Painter,
    found: Iterable[Stretch],
    encode: Encode,
    hints: AtKeys,
    begun: Look | None = None,
) -> Generator[Read]:
    """What colours are drawn from; `begun` is the look of the frame before the first stretch."""
    views = deque((look.levels for look in painter.earlier), SHOTS)
    last = begun.levels if begun else None
    with stoppable(1) as beginning:
        for stretch in found:
            key, cut = stretch.key, stretch.start is None
            scene, look, again = encode(key, refining=not cut), None, None
            if cut:
                if last is not None:
                    views.append(last)
                again = seen_before(key, views)
                if again is None:
                    look = beginning.submit(painter.begin, scene, key, hints.get(key.number, ()))
            last = key.levels
            yield Read(stretch, scene, backward(stretch), look, again)


def coloured(
    painter: Painter, ready: Iterable[Read], hints: AtKeys, begun: Look | None = None
) -> Generator[Done]:
    """The looks of key frames, each from the one before it."""
    look = begun
    for one in ready:
        key, cut = one.stretch.key, one.stretch.start is None
        before = None if cut else look
        if cut and look is not None:
            painter.remember(look)
        if one.look is not None:
            look = one.look.result()
        else:
            if one.again is None:
                last, moved = look, one.stretch.motions[-1]
            else:
                last, moved = painter.earlier[one.again[0]], one.again[1]
            assert last  # a film begins with a cut, or where it was stopped
            look = painter.follow(one.scene, key, last, moved, hints.get(key.number, ()))
        yield Done(one.stretch, one.back, before, look, tuple(painter.earlier))
