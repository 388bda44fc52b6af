"""Recolouring as data augmentation: other plausible colours, the same lightness and labels.

    from manyhues.augment import Recolor

    transform = Recolor(p=0.5)  # goes where a torchvision transform goes
    image = transform(image)  # PIL image, uint8 array (H, W, 3) or tensor (3, H, W)

Neither torch nor torchvision is imported here.
"""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.sampling.options import Sampling, number, whole


def _as_stored(picture: Image.Image) -> Image.Image:
    """The picture without what would turn it: its labels are for the pixels as they lie."""
    bare = picture.copy()
    for key in ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"):
        bare.info.pop(key, None)
    return bare


class Recolor:
    """Replaces a picture's colours, with probability `p`, by a sample of a method.

    method      the paper's by default: a tenth of the flow's time (29 ms of one core for 224 x 224)
    diversity   scales the prior's noise; 1 is as trained
    saturation  scales the colours; 0 is grey
    weights     a weights folder; the package's own by default

    It may be pickled and forked: every process opens its weights itself, at its first call, with
    one thread, so that data loaders may have as many workers as there are cores.
    """

    def __init__(
        self,
        p: float = 1.0,
        *,
        method: str | None = "vae-mdn",
        diversity: float = 1.0,
        saturation: float = 1.0,
        weights: str | Path | None = None,
    ) -> None:
        self.p = number("probability p", p, 0, 1)
        self.method, self.weights = method, weights
        options = Sampling(1, pick="random", diversity=diversity, saturation=saturation)
        self.diversity, self.saturation = options.diversity, options.saturation
        self._opened: tuple[int, Colorizer] | None = None

    def __repr__(self) -> str:
        return (
            f"Recolor(p={self.p}, method={self.method!r}, diversity={self.diversity}, "
            f"saturation={self.saturation})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_opened": None}

    def __call__(self, picture: Any, seed: int | None = None) -> Any:
        """A recoloured picture of the kind that was given; a grey one gets three channels.

        picture  PIL image; uint8 array ``(H, W)`` or ``(H, W, 1..4)``; torch tensor ``(C, H, W)``,
                 uint8 or floating in [0, 1]. Alpha stays as it is.
        seed     the same seed gives the same colours; without one it comes from Python's `random`,
                 which a torch DataLoader seeds differently for each worker and epoch

        Raises `UsageError` for what is none of these.
        """
        if seed is None:
            seed = random.getrandbits(63)
        seed = whole("seed", seed)
        if np.random.default_rng(abs(seed)).random() >= self.p:
            return picture
        if isinstance(picture, Image.Image):
            return Image.fromarray(self._pixels(_as_stored(picture), seed))
        if isinstance(picture, np.ndarray):
            if picture.dtype != np.uint8:
                raise UsageError(f"array of {picture.dtype}: expected uint8, (H, W, C)")
            return self._pixels(picture, seed)
        if hasattr(picture, "new_tensor"):
            return self._tensor(picture, seed)
        raise UsageError(
            f"{type(picture).__name__}: expected a PIL image, a uint8 array or a torch tensor"
        )

    def _tensor(self, tensor: Any, seed: int) -> Any:
        if tensor.ndim != 3 or tensor.shape[0] not in (1, 2, 3, 4):
            raise UsageError(
                f"tensor of shape {tuple(tensor.shape)}: expected (C, H, W); "
                "transform pictures before they are made a batch"
            )
        floating = tensor.is_floating_point()
        values = tensor.detach().cpu()
        values = np.asarray(values.float() if floating else values).transpose(1, 2, 0)
        if floating and values.min() >= 0 and values.max() <= 1:
            values = np.round(values * 255).astype(np.uint8)
        if values.dtype != np.uint8:
            raise UsageError("tensor: expected uint8, or floating in [0, 1]; normalise afterwards")
        pixels = self._pixels(np.ascontiguousarray(values), seed).transpose(2, 0, 1)
        return tensor.new_tensor(pixels / np.float32(255) if floating else pixels)

    def _pixels(self, picture: Any, seed: int) -> NDArray[np.uint8]:
        colorizer = self._colorizer()
        result = colorizer.sample(
            colorizer.encode(picture),
            1,
            seed=seed,
            pick="random",
            diversity=self.diversity,
            saturation=self.saturation,
        )
        return np.asarray(result.image(0))

    def _colorizer(self) -> Colorizer:
        process = os.getpid()
        if self._opened is None or self._opened[0] != process:  # sessions do not survive a fork
            self._opened = process, Colorizer.load(self.method, self.weights, threads=1)
        return self._opened[1]


Recolour = Recolor  # the name that it had
