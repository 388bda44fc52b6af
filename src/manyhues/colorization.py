"""A result: n colourings of one picture, rendered when asked for, and saved one by one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from manyhues import __version__
from manyhues.color.arrays import Array
from manyhues.errors import OutputError, PictureError
from manyhues.image import encode as writer
from manyhues.image import files, names, provenance
from manyhues.image.encode import Format
from manyhues.image.picture import read_small_rgb
from manyhues.model.cores import cores
from manyhues.model.forks import kept, whole
from manyhues.model.scene import Scene
from manyhues.model.threads import stoppable
from manyhues.render import exact
from manyhues.render import pixels as render
from manyhues.render.sheet import contact_sheet, enlarged
from manyhues.sampling.hints import Hint, apply_hints, parse_hints
from manyhues.sampling.options import Sampling
from manyhues.sampling.palette import apply_palette, digest

SHEET = ".sheet.jpg"  # how the names of contact sheets end
NAME = "{stem}.{k}"  # of results
_LONG = 3  # long sides over short ones, beyond which a picture is a panorama


@dataclass(frozen=True, eq=False)
class Steering:
    """How samples are steered after drawing; `vary` and `blend` keep it."""

    saturation: float = 1.0
    hints: tuple[Hint, ...] = ()
    palette: tuple[Array, Array] | None = None

    @classmethod
    def of(cls, sampling: Sampling, scene: Scene) -> "Steering":
        """What a sampling's options mean for one picture. Raises `ManyhuesError`."""
        hints = tuple(parse_hints(sampling.hints, scene.luminance))
        return cls(sampling.saturation, hints, sampling.palette)

    def applied(self, scene: Scene, ab: Array) -> Array:
        """Steered samples of plain ones, a, b ``(n, 2, h, w)`` in Lab units."""
        if self.palette is not None:
            ab = apply_palette(ab, *self.palette)
        if self.saturation != 1:
            ab = ab * np.float32(self.saturation)
        if self.hints:  # last, so that the hinted colour comes out whatever the rest
            small = scene.levels[-1].lightness
            ab = apply_hints(ab, self.hints, small, scene.upsampler)
        return ab


@dataclass(frozen=True, eq=False)
class Colorization:
    """n colourings of one picture. Pixels are made when asked for.

    codes  (n, ...) float32, what the method's prior drew
    ab     (n, 2, h, w) float32, a, b in Lab units at the working size, steered
    seeds  n pairs (seed, k): sample k of a seed is always the same; k = -i is the prior's i-th
           most probable answer, which no seed changes. A neighbour of `Colorizer.vary` bears the
           pair of the noise that it was drawn with, a step of `blend` that of the nearer end
           Empty where codes were given, not drawn (`Colorizer.of_codes`)
    captions  what each is, where seeds alone would not tell; else empty
    origin  plain facts of how the codes came to be, for the files' recipe: ``diversity``, or the
            colouring that these were made from

        result = manyhues.colorize("old.jpg", n=4)
        result.images  # 4 PIL images of the input's size; result.image(2) makes the third alone
        result.pixels(0)  # (H, W, 3) uint8, or uint16 for a 16-bit input
        result.previews(512)[0]  # small, and quick
        result.sheet()  # the contact sheet, a PIL image
        result.save("out", format="png")  # files, and their sheet
        result.encoded(0, "JPEG", quality=90)  # a file's bytes
        result[1:3].labels, result.recipe(0)  # what they are, and what makes the first again
    """

    scene: Scene
    method: str
    codes: Array
    ab: Array
    seeds: tuple[tuple[int, int], ...]
    steering: Steering = field(default_factory=Steering)
    notes: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    sampled: ClassVar[bool] = True

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
        if not self.captions and not self.seeds:
            return ("",) * len(self)
        return self.captions or tuple(
            f"seed {seed} · k {k}" if k >= 0 else f"most likely {-k}" for seed, k in self.seeds
        )

    @whole
    def pixels(self, index: int) -> NDArray[Any]:
        """One sample at full size: sRGB ``(H, W, 3)``, with alpha ``(H, W, 4)``.

        uint8, or uint16 when the input has 16 bits.
        """
        upsampler = self.scene.upsampler
        middle = upsampler.middle(self.ab[index])
        picture = self.scene.picture
        rgb = render.pixels(picture.luminance, middle, upsampler, picture.bits)
        if picture.scale is not None:  # lightness carries values: rounding must not move it
            rgb = exact.settle(rgb, self.scene.greys)
        return rgb if picture.alpha is None else np.dstack([rgb, picture.alpha])

    def image(self, index: int) -> Image.Image:
        """One sample at full size as an 8-bit PIL image, RGB or RGBA."""
        return render.to_image(self.pixels(index))

    def grey(self) -> Image.Image:
        """The picture without colour, at full size as an 8-bit PIL image, RGB or RGBA."""
        return self.scene.grey()

    @kept
    def images(self) -> list[Image.Image]:
        """All n as PIL images of the input's size, 8 bits a channel; made at first use."""
        return [self.image(i) for i in range(len(self))]

    def previews(self, side: int = 512) -> list[Image.Image]:
        """All n with a long side of at most `side`, cheaper than `images` for large pictures."""
        return replace(self, scene=self.scene.shrunk(side)).images

    def sheet(
        self,
        side: int = 480,
        *,
        earlier: Mapping[int, Path] | None = None,
        notice: bool = True,
    ) -> Image.Image:
        """The contact sheet: the input and the n results, captioned; `side` is a tile's.

        With `notice` its head says that the colour is artificial.

        Many results get smaller tiles, so that the page stays under about 6,000 pixels. In the
        place of samples by index stand the files of `earlier`, which something else has made.
        """
        samples = [
            ((earlier or {}).get(i, one), str(i + 1), label)
            for i, (one, label) in enumerate(zip(self, self.labels, strict=True))
        ]
        return sheet_of(
            self.scene,
            samples,
            title=self.scene.picture.title,
            note=self.method,
            side=side,
            extra=self._extra_tiles,
            notice=notice,
        )

    def save(
        self,
        folder: str | Path,
        *,
        stem: str | None = None,
        format: Format | Literal["jpeg"] = "keep",
        sheet: bool = True,
        overwrite: bool = False,
        quality: int | None = None,
    ) -> list[Path]:
        """Write ``<stem>.<k>.<ext>``, k from 1, and ``<stem>.sheet.jpg``; returns the paths.

        `stem` is the input's own by default, `quality` that of JPEG, WebP and AVIF
        (`image.encode`). Samples are made, encoded and dropped one by one, so that memory does
        not grow with n. Raises `OutputError`.
        """
        picture = self.scene.picture
        format_, suffix = writer.output_format(picture.format, picture.suffix, format)
        stem = stem or names.stem_of(picture.name)
        paths = output_paths(Path(folder), stem, len(self), suffix)
        made = self._files(enumerate(paths), format_, quality)
        if sheet:
            made.append((Path(folder) / sheet_name(stem), self._sheet_file))
        return _write(made, overwrite)

    def encoded(self, index: int, format_: str, quality: int | None = None) -> bytes:
        """One sample as a file's bytes in Pillow's format `format_`.

        The file says that its colour is artificial, and what made it (`image.provenance`).
        """
        metadata = provenance.stamp(
            self.scene.picture.metadata,
            self.software(index),
            self.recipe(index) | writer.graded(format_, quality),
            sampled=self.sampled,
        )
        return writer.encode(self.pixels(index), format_, metadata, quality)

    def software(self, index: int) -> str:
        """What made a sample, in one line: name, version, method, seed and number."""
        which = ", ".join(f"{name} {value}" for name, value in self._number(index).items())
        said = ", ".join([self.method, *([which] if which else [])])
        return f"manyhues {__version__} ({said}; {provenance.NOTICE})"

    def recipe(self, index: int) -> dict[str, Any]:
        """What makes a sample again, as plain values: no path, and no name of a file."""
        steering = self.steering
        recipe: dict[str, Any] = {"version": __version__, "method": self.method}
        recipe |= {**self._number(index), **self.origin}
        if (scale := self.scene.picture.scale) is not None:
            recipe["values"] = scale.as_dict()
        if steering.saturation != 1:
            recipe["saturation"] = steering.saturation
        if steering.hints:
            recipe["hints"] = [[hint.x, hint.y, hint.colour] for hint in steering.hints]
        if steering.palette is not None:
            recipe["like"] = digest(steering.palette)
        if self.captions:
            recipe["what"] = self.captions[index]
        return recipe | provenance.of_input(self.scene.picture.digest)

    def _number(self, index: int) -> dict[str, int]:
        return dict(zip(("seed", "k"), self.seeds[index], strict=True)) if self.seeds else {}

    def write(
        self,
        jobs: Iterable[tuple[int, Path]],
        format_: str,
        *,
        overwrite: bool = False,
        quality: int | None = None,
        threads: int = 2,
    ) -> Iterator[Path]:
        """Write samples by index to paths in Pillow's format `format_`, and tell each as it is.

        A file that has come meanwhile is kept as it is, unless `overwrite`. Raises `OutputError`.
        """
        made = self._files(jobs, format_, quality)
        return _written(made, overwrite, keep=True, threads=threads)

    def write_sheet(
        self,
        path: Path,
        *,
        overwrite: bool = False,
        earlier: Mapping[int, Path] | None = None,
        notice: bool = True,
    ) -> None:
        """Write the contact sheet, as `sheet` makes it, as JPEG. Raises `OutputError`."""
        _write([(path, partial(self._sheet_file, earlier, notice))], overwrite)

    def _files(
        self, jobs: Iterable[tuple[int, Path]], format_: str, quality: int | None
    ) -> list["_File"]:
        self._prepare()
        return [(path, partial(self.encoded, index, format_, quality)) for index, path in jobs]

    def _prepare(self) -> None:
        """Make once what threads would each ask for."""
        _ = self.scene.upsampler

    def _extra_tiles(self, size: tuple[int, int]) -> list[tuple[Image.Image, str, str]]:
        """What the contact sheet shows beside the results, of a tile's size."""
        return []

    def _sheet_file(self, earlier: Mapping[int, Path] | None = None, notice: bool = True) -> bytes:
        return writer.encode_sheet(self.sheet(earlier=earlier, notice=notice))


_File = tuple[Path, Callable[[], bytes]]  # where, and what makes its bytes


def _write(made: Sequence[_File], overwrite: bool) -> list[Path]:
    """Make and write files, all of whose places are looked at before; returns the paths."""
    for path, _ in made:
        files.check_free(path, overwrite)
    return list(_written(made, overwrite))


def _written(
    made: Sequence[_File], overwrite: bool, *, keep: bool = False, threads: int = 2
) -> Iterator[Path]:
    """Make and write files, in their order; with `keep`, not those that have come meanwhile."""
    for path, _ in made:
        files.make_folder(path.parent)
    keep = keep and not overwrite

    def one(file: _File) -> Path:
        path, make = file
        if keep and files.exists(path):
            return path
        data = make()
        try:
            files.write(data, path, overwrite=overwrite)
        except OutputError:
            if not (keep and files.exists(path)):
                raise
        return path

    # Two threads share the work; more would hold more full-size pictures at once.
    with stoppable(min(threads, 2, cores())) as shared:
        yield from shared.map(one, made)


@whole
def sheet_of(
    scene: Scene,
    samples: Sequence[tuple[Colorization | Path, str, str]],
    *,
    title: str,
    note: str,
    side: int = 480,
    size: tuple[int, int] | None = None,
    extra: Callable[[tuple[int, int]], list[tuple[Image.Image, str, str]]] | None = None,
    notice: bool = True,
) -> Image.Image:
    """The contact sheet of a picture: its grey, then samples with their labels and details.

    A sample is a Colorization of one, of any method, or a file that something else has made. `side`
    is a tile's. Many get smaller tiles, so that the page stays under about 6,000 pixels. `size` is
    the picture's own (W, H), where the scene is a smaller copy of it. `extra` makes tiles of a size
    that follow the samples; with `notice` the head says what the colour is.
    """
    side = min(side, max(48, int(4000 / (len(samples) + 1) ** 0.5)))
    width, height = size or scene.picture.size
    ratio = max(width, height) / min(width, height)
    if ratio > _LONG:  # as much room as a picture of 3:2 has, or nothing of it could be seen
        side = min(round(side * (ratio / 1.5) ** 0.5), 4000)
    small = {id(scene): scene.shrunk(side)}  # by scene, each of which has its own upsampler
    grey = small[id(scene)].grey()
    tiles = [(grey, "input", f"{width} x {height}")]
    for one, label, detail in samples:
        if isinstance(one, Path):
            image, detail = _tile(one, grey.size)
        else:
            own = id(one.scene)
            small[own] = small.get(own) or one.scene.shrunk(side)
            image = replace(one, scene=small[own]).image(0)
        tiles.append((image, label, detail))
    tiles = enlarged(tiles, min(side, 240))
    if extra is not None:  # which has letters of its own
        tiles += extra(tiles[0][0].size)
    said = f"{note} · {provenance.NOTICE}" if notice else note
    return contact_sheet(tiles, title=title, note=said)


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


def output_paths(folder: Path, stem: str, n: int, suffix: str, name: str = NAME) -> list[Path]:
    """Paths of n outputs: ``<stem>.<k><suffix>`` by default, k from 1."""
    return [folder / f"{name.format(stem=stem, k=k)}{suffix}" for k in range(1, n + 1)]
