"""A picture as the networks see it: L* and grey features at each working size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.arrays import Array, resize
from manyhues.color.lab import luminance_to_grey
from manyhues.image.picture import Picture
from manyhues.model.engine import Engine
from manyhues.model.forks import kept, whole
from manyhues.model.manifest import Manifest
from manyhues.render.exact import grey_at
from manyhues.render.pixels import pixels, to_image
from manyhues.render.upsample import Upsampler

_PHASES = 256
_PHASE_SCALE = 10.0  # L*: pictures that differ by more (4 x 4 cells, Euclidean) share no noise
_BLOW_UP = 1.5  # how far a picture is enlarged to reach a finer working size
_LONGEST = 4  # a working size's long side, in short sides; pictures beyond that are squashed


@dataclass(frozen=True, eq=False)
class Level:
    """One working size. `inputs` are the arrays that graphs take, by their names there.

    luminance [1, 1, h, w] in [-1, 1]; f8 [1, 40, h/4, w/4]; f16 [1, 112, h/8, w/8];
    f32 [1, 320, h/16, w/16].
    """

    height: int
    width: int
    inputs: dict[str, Array]

    @property
    def lightness(self) -> Array:
        """L* at this size, ``(h, w)`` float32 in [0, 100]."""
        return np.asarray((self.inputs["luminance"][0, 0] + 1) * 50, np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """An encoded picture: immutable, and all that sampling needs. `luminance` is full size.

    It is as one `method` reads pictures.
    """

    picture: Picture
    levels: tuple[Level, ...]
    method: str = ""

    def __repr__(self) -> str:
        return f"<Scene of {self.picture!r} for {self.method}>"

    @property
    def luminance(self) -> Array:
        """L* at full size, ``(H, W)`` float32 in [0, 100]."""
        return self.picture.luminance

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the last working size: that of the sampled a, b."""
        return self.levels[-1].height, self.levels[-1].width

    @kept
    def turn(self) -> Array:
        """How this picture turns its samples' noise: cosine and sine, ``(2, 256)`` float32.

        Without it sample k of every picture would lean to the same tint: between two of ten
        photographs its mean a, b correlated by .94 with flow and by .67 with vae-mdn; turned, by
        .01 and .06 (benchmarks/mood.py). The angles are fixed random projections of the picture's
        L* in 4 x 4 cells. A digest would do as well but for its steps; angles are continuous, so
        that a picture saved again, scaled, or given in colour instead of grey keeps its samples.
        """
        cells = resize(self.levels[0].lightness, 4, 4).reshape(-1)
        random = np.random.Generator(np.random.Philox(key=16))
        angles = (random.standard_normal((_PHASES, 16)) * (cells / _PHASE_SCALE)).sum(1)
        return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)

    def turned(self, turn: Array) -> "Scene":
        """The same scene, its noise turned as another's: frames of a shot share the first's."""
        scene = replace(self)
        vars(scene)["turn"] = turn
        return scene

    @kept
    def greys(self) -> NDArray[np.uint16]:
        """The greys, 0 to 65535, that L* stands for, ``(H, W)``; made when first used."""
        return grey_at(self.luminance)

    @kept
    def upsampler(self) -> Upsampler:
        """From the working size to full size, made when first used."""
        return Upsampler(self.luminance, self.grid)

    def grey(self) -> Image.Image:
        """The picture without colour, at full size as an 8-bit PIL image, RGB or RGBA."""
        luminance, alpha = self.picture.luminance, self.picture.alpha
        blank = np.zeros((2, 1, 1), np.float32)
        grey = pixels(luminance, blank, Upsampler(luminance, (1, 1)), self.picture.bits)
        return to_image(grey if alpha is None else np.dstack([grey, alpha]))

    def shrunk(self, side: int) -> "Scene":
        """The same scene for looking: 8 bits, a long side of at most `side`, the same features."""
        picture = self.picture
        height, width = picture.luminance.shape
        shrink = min(1.0, side / max(height, width))
        h, w = max(1, round(height * shrink)), max(1, round(width * shrink))
        alpha = picture.alpha
        if alpha is not None:
            whole = 255 if picture.bits == 8 else 65535
            alpha = resize((alpha / np.float32(whole)).astype(np.float32), h, w)
            alpha = np.round(alpha * 255).astype(np.uint8)
        small = resize(picture.luminance, h, w)
        shrunk = replace(picture, luminance=small, alpha=alpha, bits=8, scale=None)
        return replace(self, picture=shrunk)


def working_size(height: int, width: int, size: int, square: bool) -> tuple[int, int]:
    """Height and width at which a method reads a picture: multiples of 16, short side `size`."""
    if square:
        return size, size
    long = min(max(height, width) / min(height, width), _LONGEST) * size
    rounded = max(size, int(np.round(long / 16)) * 16)
    return (size, rounded) if width >= height else (rounded, size)


def working_sizes(height: int, width: int, manifest: Manifest) -> list[tuple[int, int]]:
    """All at which a method reads a picture; the last is the grid of its sampled a, b."""
    coarsest, *finer = manifest.working_sizes
    # A working size far above the picture's own has nothing more to see, and costs the most.
    used = [coarsest, *(size for size in finer if size <= _BLOW_UP * min(height, width))]
    return [working_size(height, width, size, manifest.square) for size in used]


@whole
def encode(
    picture: Picture, engine: Engine, manifest: Manifest, *, refining: bool = False
) -> Scene:
    """Read a picture at every working size of a method; `refining`: features of the last alone."""
    features = manifest.features_graph
    height, width = picture.luminance.shape
    sizes = working_sizes(height, width, manifest)

    def read(size: tuple[int, int]) -> Level:
        h, w = size
        small = resize(picture.luminance, h, w)
        inputs: dict[str, Array] = {"luminance": np.asarray(small / 50 - 1, np.float32)[None, None]}
        if features is not None and not (refining and size != sizes[-1]):
            # The picture itself, as far as it is larger than the working size, has more to see.
            sides = np.clip((height, width), (h, w), np.multiply(manifest.look, (h, w)))
            near = small if tuple(sides) == (h, w) else resize(picture.luminance, *sides)
            grey = np.asarray(luminance_to_grey(near) * 255, np.float32)[None, None]
            inputs |= engine.run(features, {"grey": grey, **inputs})
        return Level(h, w, inputs)

    levels = engine.map(read, sizes)
    if refining:
        return Scene(picture, tuple(levels), manifest.method)
    for level in reversed(range(len(levels) - 1)):
        levels[level] = _with_finer(levels[level], levels[level + 1], manifest.finer)
    return Scene(picture, tuple(levels), manifest.method)


def _averaging(many: int, few: int) -> Array:
    """The matrix ``(few, many)`` that averages neighbours: all maps of a level in one product."""
    return resize(np.eye(many, dtype=np.float32), few, many)


def _with_finer(level: Level, finer: Level, shares: Sequence[float]) -> Level:
    """A level with a share of each map replaced by the finer level's, averaged to its size.

    `shares` are those of strides 8, 16 and 32. Things are larger there, and better recognised.
    """
    inputs = dict(level.inputs)
    for name, share in zip(("f8", "f16", "f32"), shares, strict=False):
        if share:
            own, near = inputs[name], finer.inputs[name]
            rows, columns = map(_averaging, near.shape[2:], own.shape[2:])
            seen = rows @ near @ columns.T
            inputs[name] = np.asarray((1 - share) * own + share * seen, np.float32)
    return replace(level, inputs=inputs)
