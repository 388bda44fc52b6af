"""A result: n colourings of one picture, rendered when asked for, and saved one by one."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from manyhues.color.arrays import Array
from manyhues.color.lab import to_8_bits
from manyhues.errors import PictureError
from manyhues.image import encode as writer
from manyhues.image import files
from manyhues.image.encode import Format
from manyhues.image.picture import read_small_rgb
from manyhues.model.scene import Scene
from manyhues.render import pixels as render
from manyhues.render.sheet import contact_sheet
from manyhues.render.upsample import Upsampler
from manyhues.sampling.hints import Hint

SHEET = ".sheet.jpg"  # how the names of contact sheets end


@dataclass(frozen=True, eq=False)
class Steering:
    """How samples are steered after drawing; `vary` and `blend` keep it."""

    saturation: float = 1.0
    hints: tuple[Hint, ...] = ()
    palette: tuple[Array, Array] | None = None


@dataclass(frozen=True, eq=False)
class Colorization:
    """n colourings of one picture. Pixels are made when asked for.

    codes  (n, ...) float32, what the method's prior drew
    ab     (n, 2, h, w) float32, a, b in Lab units at the working size, steered
    seeds  n pairs (seed, k): sample k of a seed is always the same; k = -i is the prior's i-th
           most probable answer, which no seed changes. A neighbour of `Colorizer.vary` bears the
           pair of the noise that it was drawn with, a step of `blend` that of the nearer end
    captions  what each is, where seeds alone would not tell; else empty
    """

    scene: Scene
    method: str
    codes: Array
    ab: Array
    seeds: tuple[tuple[int, int], ...]
    steering: Steering = field(default_factory=Steering)
    notes: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()

    def __repr__(self) -> str:
        seeds = ", ".join(self.labels[:3]) + (", .." if len(self) > 3 else "")
        return f"<Colorization of {len(self)} by {self.method} ({seeds}): {self.scene.picture!r}>"

    def __len__(self) -> int:
        return len(self.ab)

    def __getitem__(self, index: SupportsIndex | slice) -> "Colorization":
        """One sample, or several: a Colorization again."""
        if not isinstance(index, slice):
            index = range(len(self))[index]  # raises IndexError, handles negative numbers
            index = slice(index, index + 1)
        return replace(
            self,
            codes=self.codes[index],
            ab=self.ab[index],
            seeds=self.seeds[index],
            captions=self.captions[index],
        )

    def __iter__(self) -> Iterator["Colorization"]:
        return (self[i] for i in range(len(self)))

    @property
    def labels(self) -> tuple[str, ...]:
        """What each sample is, in words for people: its caption, or else its seed and number."""
        return self.captions or tuple(
            f"seed {seed} · k {k}" if k >= 0 else f"most likely {-k}" for seed, k in self.seeds
        )

    def pixels(self, index: int) -> NDArray[Any]:
        """One sample at full size: sRGB ``(H, W, 3)``, with alpha ``(H, W, 4)``.

        uint8, or uint16 when the input has 16 bits.
        """
        upsampler = self.scene.upsampler
        middle = upsampler.middle(self.ab[index])
        picture = self.scene.picture
        rgb = render.pixels(picture.luminance, middle, upsampler, picture.bits)
        return rgb if picture.alpha is None else np.dstack([rgb, picture.alpha])

    def image(self, index: int) -> Image.Image:
        """One sample at full size as an 8-bit PIL image, RGB or RGBA."""
        return _to_image(self.pixels(index))

    def grey(self) -> Image.Image:
        """The picture without colour, at full size as an 8-bit PIL image, RGB or RGBA."""
        picture = self.scene.picture
        blank = np.zeros((2, 1, 1), np.float32)
        grey = render.pixels(
            picture.luminance, blank, Upsampler(picture.luminance, (1, 1)), picture.bits
        )
        return _to_image(grey if picture.alpha is None else np.dstack([grey, picture.alpha]))

    @cached_property
    def images(self) -> list[Image.Image]:
        """All n as PIL images of the input's size, 8 bits a channel; made at first use."""
        return [self.image(i) for i in range(len(self))]

    def previews(self, side: int = 512) -> list[Image.Image]:
        """All n with a long side of at most `side`, cheaper than `images` for large pictures."""
        return replace(self, scene=self.scene.shrunk(side)).images

    def sheet(self, side: int = 480, *, earlier: Mapping[int, Path] | None = None) -> Image.Image:
        """The contact sheet: the input and the n results, captioned; `side` is a tile's.

        Many results get smaller tiles, so that the page stays under about 6,000 pixels. In the
        place of samples by index stand the files of `earlier`, which something else has made.
        """
        earlier = earlier or {}
        side = min(side, max(48, int(4000 / (len(self) + 1) ** 0.5)))
        width, height = self.scene.picture.size
        small = replace(self, scene=self.scene.shrunk(side))
        given = small.grey()
        tiles = [(given, "input", f"{width} x {height}")]
        for i, (image, detail) in enumerate(zip(small.images, self.labels, strict=True)):
            if i in earlier:
                image, detail = _tile(earlier[i], image.size)
            tiles.append((image, str(i + 1), detail))
        title = Path(self.scene.picture.name).name
        return contact_sheet(tiles, title=title, note=self.method, least=min(side, 240))

    def save(
        self,
        folder: str | Path,
        *,
        stem: str | None = None,
        format: Format | Literal["jpeg"] = "keep",
        sheet: bool = True,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write ``<stem>.<k>.<ext>``, k from 1, and ``<stem>.sheet.jpg``; returns the paths.

        `stem` is the input's own by default. Samples are made, encoded and dropped one by one,
        so that memory does not grow with n. Raises `OutputError`.
        """
        picture = self.scene.picture
        format_, suffix = writer.output_format(picture.format, picture.suffix, format)
        stem = stem or Path(picture.name).stem
        paths = output_paths(Path(folder), stem, len(self), suffix)
        if sheet:
            paths.append(Path(folder) / sheet_name(stem))
        return self.write(list(enumerate(paths)), format_, overwrite=overwrite)

    def encoded(self, index: int, format_: str) -> bytes:
        """One sample as a file's bytes in Pillow's format `format_`."""
        return writer.encode(self.pixels(index), format_, self.scene.picture.metadata)

    def write(
        self,
        jobs: Sequence[tuple[int, Path]],
        format_: str,
        *,
        overwrite: bool = False,
        earlier: Mapping[int, Path] | None = None,
    ) -> list[Path]:
        """Write samples by index to paths in Pillow's format `format_`.

        Index n is the sheet; of `earlier` it tells.
        """
        for _, path in jobs:
            files.check_free(path, overwrite)
            files.make_folder(path.parent)

        def one(job: tuple[int, Path]) -> Path:
            index, path = job
            if index < len(self):
                data = self.encoded(index, format_)
            else:
                data = writer.encode_sheet(self.sheet(earlier=earlier))
            files.write(data, path, overwrite=overwrite)
            return path

        _ = self.scene.upsampler  # made once, before threads ask for it
        # Two threads share the work; more would hold more full-size pictures at once.
        pool = ThreadPoolExecutor(min(2, os.cpu_count() or 1))
        try:
            return list(pool.map(one, jobs))
        finally:
            pool.shutdown(cancel_futures=True)


def _to_image(pixels: NDArray[Any]) -> Image.Image:
    return Image.fromarray(to_8_bits(pixels))


def _tile(path: Path, size: tuple[int, int]) -> tuple[Image.Image, str]:
    """A file for the contact sheet, no larger than `size`, and what the sheet says of it."""
    try:
        small = Image.fromarray(read_small_rgb(path, max(size)))
    except PictureError:
        return Image.new("RGB", size), "kept, not a picture"
    return ImageOps.contain(small, size), "made earlier"


def sheet_name(stem: str) -> str:
    """File name of the contact sheet."""
    return f"{stem}{SHEET}"


def output_paths(folder: Path, stem: str, n: int, suffix: str) -> list[Path]:
    """Paths of n outputs: ``<stem>.<k><suffix>``, k from 1."""
    return [folder / f"{stem}.{k}{suffix}" for k in range(1, n + 1)]
