"""Between luma and L*, and from a, b to the chroma planes of a frame whose luma stays.

Only chroma is new: the luma plane of a result is the film's own, sample for sample. So a result
has the film's luma Y', and its L* only nearly: luma is a sum of gamma-compressed colours, and of
two colours of one luma the stronger is a little lighter.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.color.arrays import Array
from manyhues.color.lab import rgb_to_luminance
from manyhues.render import pixels as render
from manyhues.render.upsample import Upsampler

_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
_LEAST = np.float32(1e-4)  # of 255: less colour than this fits everywhere
Plane = NDArray[np.uint8]


@lru_cache(maxsize=2)
def _levels(full: bool) -> tuple[Array, Array]:
    """Of 256 values of luma: the grey value in [0, 1], and its L*."""
    values = np.arange(256, dtype=np.float32)
    grey = values / 255 if full else np.clip((values - 16) / 219, 0, 1)
    lightness = rgb_to_luminance(np.repeat(grey[:, None], 3, 1))
    return grey.astype(np.float32), np.clip(lightness, 0, 100).astype(np.float32)


def lightness(luma: Plane, full: bool) -> Array:
    """L* in [0, 100] of luma ``(H, W)`` uint8, read as the sRGB grey of that value."""
    return _levels(full)[1].take(luma)


def halved(luma: Plane) -> Plane:
    """Luma at the size of its chroma planes, 4:2:0: ``(H / 2, W / 2)``, rounded up."""
    return np.asarray(Image.fromarray(luma).reduce(2))


def chroma(luma: Plane, ab: Array, full: bool, matrix: str) -> tuple[Plane, Plane]:
    """Planes Cb and Cr ``(h, w)`` uint8 of luma ``(h, w)`` and a, b at a working size.

    Colours lose chroma where the luma would not leave them inside RGB.
    """
    light = lightness(luma, full)
    return with_upsampler(luma, light, Upsampler(light, ab.shape[1:]), ab, full, matrix)


def with_upsampler(
    luma: Plane, light: Array, upsampler: Upsampler, ab: Array, full: bool, matrix: str
) -> tuple[Plane, Plane]:
    """`chroma` with what all versions of a frame share made once: its L* and the upsampler."""
    rgb = render.pixels(light, upsampler.middle(ab), upsampler, 8)
    red, blue = _WEIGHTS[matrix]
    r, g, b = (rgb[..., i].astype(np.float32) for i in range(3))
    # What the colour adds to a grey of its own luma; it is laid on the luma that the film has.
    own = np.float32(red) * r + np.float32(1 - red - blue) * g + np.float32(blue) * b
    r, g, b = (part - own for part in (r, g, b))
    grey = 255 * _levels(full)[0].take(luma)
    top, low = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    fits = np.minimum((255 - grey) / np.maximum(top, _LEAST), grey / np.maximum(-low, _LEAST))
    fits = np.minimum(fits, 1)
    scale = 255.0 if full else 224.0
    planes = []
    for part, weight in ((b, blue), (r, red)):
        levels = 128 + fits * part * np.float32(scale / 255 / (2 * (1 - weight)))
        planes.append(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    return planes[0], planes[1]
