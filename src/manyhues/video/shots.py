"""A film as stretches between key frames, and key frames as shots between cuts.

Colours are drawn at key frames alone and brought to the frames between them along motion. There
is one every few frames, sooner where much of the picture can no longer be found in the last one,
and at both sides of a cut, so that no colour crosses it.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from manyhues.color.arrays import Array, resize
from manyhues.video.motion import Motion, motion, pyramid
from manyhues.video.planes import Plane, halved, lightness
from manyhues.video.source import Frame

EVERY = 6  # frames from key to key
_LOST = 0.3  # of the picture not found again: time for a key frame
_CUT = 0.5  # of the picture not found in the very frame before: a cut


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame with what colouring sees of it.

    number   of the frame, from 0
    small    luma ``(H / 2, W / 2)`` uint8, the size of the chroma planes
    levels   L* at the working size and coarser (`pyramid`)
    """

    number: int
    frame: Frame
    small: Plane
    levels: list[Array]


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames after a key frame up to the next one, which is the last of `frames`.

    `start` is the key frame before them, and `motions` says where each of them lies in it; a
    shot begins with a stretch of one frame, its `start` None.
    """

    start: Seen | None
    frames: list[Seen]
    motions: list[Motion] = field(default_factory=list)

    @property
    def key(self) -> Seen:
        """The key frame that it ends with."""
        return self.frames[-1]


def see(number: int, frame: Frame, grid: tuple[int, int], full: bool) -> Seen:
    """What is looked at of a frame."""
    small = halved(frame.luma)
    return Seen(number, frame, small, pyramid(resize(lightness(small, full), *grid)))


def stretches(
    frames: Iterable[Seen],
    every: int = EVERY,
    start: Seen | None = None,
    keys: Callable[[Seen], bool] = lambda _: False,
) -> Generator[Stretch]:
    """The stretches of a film, in order; of the rest of one after the key frame `start`.

    `keys` says which frames are key frames in any case.
    """
    key, frames_, motions = start, list[Seen](), list[Motion]()
    for seen in frames:
        if key is None:
            key = seen
            yield Stretch(None, [seen])
            continue
        guess = motions[-1].shift if motions else None
        found = motion(seen.levels, key.levels, guess)
        if 1 - found.sure.mean() > _LOST:
            if frames_:
                yield Stretch(key, frames_, motions)
                key, frames_, motions = frames_[-1], [], []
                found = motion(seen.levels, key.levels)
            if 1 - found.sure.mean() > _CUT:
                key = seen
                yield Stretch(None, [seen])
                continue
        frames_, motions = [*frames_, seen], [*motions, found]
        if len(frames_) == every or keys(seen):
            yield Stretch(key, frames_, motions)
            key, frames_, motions = seen, [], []
    if frames_:
        yield Stretch(key, frames_, motions)


def backward(stretch: Stretch) -> list[Motion]:
    """Where each frame of a stretch but its last, the key frame, lies in that one."""
    back: list[Motion] = []
    for seen in reversed(stretch.frames[:-1]):
        guess = back[-1].shift if back else None
        back.append(motion(seen.levels, stretch.key.levels, guess))
    return back[::-1]
