"""Grey pictures of science and medicine: colour maps, and the way back to the values.

    from manyhues import science

    mapped = science.color_map("scan.dcm", "viridis", window="full")
    mapped.save("out/")  # scan.1.png, and a sheet with a legend
    values = science.recover("out/scan.1.png")  # (H, W) float64, in the file's own units

Sampled colour (`manyhues.colorize`, with a picture opened with a window) keeps the grey that shows
the values, so they can be read back from it as well. Colour made here is artificial: it adds
nothing to what was measured, and is no help for a diagnosis.
"""

import os
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues import __version__
from manyhues.color import maps
from manyhues.colorization import Colorization
from manyhues.errors import UsageError
from manyhues.image import formats, provenance, source
from manyhues.image.picture import Picture, PictureLike
from manyhues.image.values import Scale, Window
from manyhues.model.scene import Scene
from manyhues.render import exact
from manyhues.render.sheet import legend_tile

Values = NDArray[np.float64]
_LOSSLESS = ("PNG", "TIFF")
_FULL = "--window full"


@dataclass(frozen=True, eq=False, repr=False)
class Mapped(Colorization):
    """A picture shown through a colour map: a Colorization of one, that nobody sampled.

    Its pixels have 16 bits a channel and replace L*, on purpose: the map's colours are the values.

        mapped: science.Mapped = science.color_map("scan.dcm", "batlow")
        mapped.legend(3)  # three values, and their colours "#rrggbb"
    """

    sampled: ClassVar[bool] = False
    name: str = "viridis"

    def __repr__(self) -> str:
        return f"<Mapped through {self.name}: {self.scene.picture!r}>"

    def pixels(self, index: int) -> NDArray[Any]:
        """The map's colours: sRGB ``(H, W, 3)`` uint16, with alpha ``(H, W, 4)``."""
        picture = self.scene.picture
        rgb = maps.color_map(self.name).apply(self.scene.greys, 16)
        if picture.alpha is None:
            return rgb
        alpha = picture.alpha
        return np.dstack([rgb, alpha * np.uint16(257) if alpha.dtype == np.uint8 else alpha])

    def software(self, index: int) -> str:
        """What made it, in one line."""
        return f"manyhues {__version__} (map {self.name}; {provenance.NOTICE})"

    def recipe(self, index: int) -> dict[str, Any]:
        """What makes it again, and its legend: values and their colours."""
        scale = self._scale
        return {
            "version": __version__,
            "map": self.name,
            "values": scale.as_dict(),
            "legend": [[value, colour] for value, colour in self.legend()],
            **provenance.of_input(self.scene.picture.digest),
        }

    def legend(self, count: int = 5) -> list[tuple[float, str]]:
        """Values, in the picture's units, and their colours ``#rrggbb``, black end first."""
        scale = self._scale
        ends = (scale.high, scale.low) if scale.inverted else (scale.low, scale.high)
        return maps.legend(maps.color_map(self.name), *ends, count)

    @property
    def _scale(self) -> Scale:
        scale = self.scene.picture.scale
        return Scale(0, 65535) if scale is None else scale

    def _prepare(self) -> None:
        """Nothing is upsampled."""

    def _extra_tiles(self, size: tuple[int, int]) -> list[tuple[Image.Image, str, str]]:
        table = maps.color_map(self.name).table(8)[:: 65535 // 255]
        labels = [f"{value:g}" for value, _ in self.legend()]
        return [(legend_tile(table, labels, size), "legend", self._scale.unit)]


def color_map(picture: PictureLike, name: str, *, window: Window | None = None) -> Mapped:
    """Show a grey picture through a colour map.

        mapped = science.color_map("scan.dcm", "viridis", window=(40, 400))

    Args:
        picture: what `Picture.open` takes; of a colour picture, its L* is mapped.
        name: one of `manyhues.color.maps.names`, in any case.
        window: (centre, width) or ``"full"``; by default the file's own, and of a picture that
            has none all levels of its depth.

    Raises:
        UsageError: no map of that name, or the library that has it is missing.
        PictureError: it cannot be read, or has no window.
    """
    mapped = maps.color_map(name)
    opened = picture if isinstance(picture, Picture) else Picture.open(picture, window=window)
    notes = opened.notes
    if maps.is_rainbow(mapped.name):
        notes += (f"map {mapped.name}: {maps.RAINBOW_WARNING}",)
    if mapped.distinct < 256:
        notes += (f"map {mapped.name} is not one to one: values cannot be read back",)
    if opened.scale is None:
        top = 255 if opened.bits == 8 else 65535
        opened = replace(opened, scale=Scale(0, top))
    opened = replace(opened, bits=16, notes=notes)
    scene = Scene(opened, (), f"map {mapped.name}")
    none = np.zeros((1, 2, 1, 1), np.float32)
    return Mapped(
        scene, scene.method, none, none, (), notes=notes, captions=(mapped.name,), name=mapped.name
    )


def recover(result: "Colorization | str | os.PathLike[str] | bytes", index: int = 0) -> Values:
    """The measured values of a result: ``(H, W)`` float64, in the units of its input.

    Exact for up to 65,536 values in the window, which 16 bits hold; what lay outside the window
    comes back as the window's end.

        values = science.recover(science.color_map("scan.dcm", "viridis"))

    Args:
        result: a PNG or TIFF file that was written, its bytes, or a Colorization.
        index: which sample of a Colorization.

    Raises:
        UsageError: it holds no values: another program's, made without a window, JPEG, changed.
        PictureError: it cannot be read.
    """
    if isinstance(result, Colorization):
        scale = result.scene.picture.scale
        if scale is None:
            raise UsageError(f"the input has no values: open it with a window, such as {_FULL}")
        name = result.name if isinstance(result, Mapped) else None
        return _values(result.pixels(index)[..., :3], scale, name)
    file = source.read(result)
    recipe = provenance.read(file.data)
    if recipe is None or not isinstance(recipe.get("values"), dict):
        raise UsageError(
            f"{file.name}: holds no scale of values; only results of manyhues made with {_FULL} "
            "or of DICOM files can be read back"
        )
    page = formats.pages(file)[0]
    pixels = page.decode().pixels
    if page.format not in _LOSSLESS or not isinstance(pixels, np.ndarray):
        raise UsageError(
            f"{file.name}: {page.format} of 8 bits does not keep values; write PNG or TIFF"
        )
    mapped = recipe.get("map")
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    try:
        return _values(colour, Scale.of(recipe["values"]), mapped if mapped else None)
    except UsageError as error:
        raise UsageError(f"{file.name}: {error}") from None


def _values(rgb: NDArray[Any], scale: Scale, name: str | None) -> Values:
    grey = exact.grey_of(rgb) if name is None else maps.color_map(name).invert(rgb)
    return scale.values(grey)
