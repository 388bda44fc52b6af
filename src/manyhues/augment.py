"""Recolouring as data augmentation: other plausible colours, the same lightness and labels.

    from manyhues.augment import Recolor

    transform = Recolor(p=0.5)  # goes where a torchvision transform goes
    image = transform(image)  # PIL image, uint8 array (H, W, 3) or tensor (3, H, W)
    image, label = transform(image, label)  # labels, boxes and masks pass as they are

Neither torch nor torchvision is imported here.
"""

import contextlib
import copy
import hashlib
import io
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manyhues.colorizer import Colorizer
from manyhues.errors import UsageError
from manyhues.image.files import make_folder, write
from manyhues.model.manifest import Manifest
from manyhues.sampling.options import Sampling, number, whole

_GREY_MODES = {"1", "L", "P", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def _as_stored(picture: Image.Image) -> Image.Image:
    """The picture's bare pixels: without what would turn them, for which its labels are not, or
    give them other values, for no other transform reads a profile."""
    bare = picture.copy()
    bare.info = {k: v for k, v in picture.info.items() if k == "transparency"}
    return bare


def _leaves(value: Any) -> Iterator[Any]:
    """What a structure of tuples, lists and dicts holds, from left to right."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value


def _replaced(value: Any, new: dict[int, Any]) -> Any:
    """The structure where an object whose id is a key of `new` gives way to its value.

    What holds none stays the object that it was, whatever its class; the rest is copied.
    """
    if id(value) in new:
        return new[id(value)]
    if not isinstance(value, dict | tuple | list):
        return value
    before = [*(value.values() if isinstance(value, dict) else value)]
    items = [_replaced(item, new) for item in before]
    if all(item is old for item, old in zip(items, before, strict=True)):
        return value
    if isinstance(value, dict):
        out = copy.copy(value)  # keeps the kind: an OrderedDict, a defaultdict
        out.update(zip(value, items, strict=True))
        return out
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _tv_class(*names: str) -> tuple[type, ...]:
    """Classes of torchvision's tv_tensors; none where nobody has imported it."""
    module = sys.modules.get("torchvision.tv_tensors")
    return tuple(getattr(module, name) for name in names) if module else ()


def _pictures(leaves: list[Any]) -> list[Any]:
    """Which are pictures, as torchvision's own transforms tell them.

    PIL images, `tv_tensors.Image` and `Video`; where there is none, the first plain tensor or
    array. Of several PIL images a grey or indexed one beside one in colour is taken for a mask, and
    stays.
    """
    found = [x for x in leaves if isinstance(x, (Image.Image, *_tv_class("Image", "Video")))]
    coloured = [x for x in found if not (isinstance(x, Image.Image) and x.mode in _GREY_MODES)]
    if coloured or found:
        return coloured or found[:1]
    tagged = _tv_class("TVTensor")
    plain = (
        x
        for x in leaves
        if (hasattr(x, "new_tensor") or isinstance(x, np.ndarray)) and not isinstance(x, tagged)
    )
    return [x for _, x in zip(range(1), plain, strict=False)]


class Recolor:
    """Replaces a picture's colours, with probability `p`, by a sample of a method.

    method      the paper's by default, vae-mdn: it draws several times faster than the flow, and
                helped more (docs/augmentation.md)
    diversity   scales the prior's noise; 1, as trained, is the default here: augmentation wants
                the whole variety, where `Sampling` is calmer
    saturation  scales the colours; 0 is grey
    weights     a weights folder; the package's own by default
    cache       a folder, made where there is none: each picture is drawn `n` times when it is first
                met, and read from there later on. Many workers and runs may share it. It wants n
                times the size of the pixels; put the transform before random crops, which would
                make each view a new one. One that takes no more files is an `OutputError`
    n           colourings of a picture in the cache

    It may be pickled and forked: every process opens its weights itself, at its first call, with
    one thread, so that data loaders may have as many workers as there are cores.

        transform = Recolor(p=0.5, cache="recoloured", n=8)
        image, label = transform(image, label)
    """

    def __init__(
        self,
        p: float = 1.0,
        *,
        method: str | None = "vae-mdn",
        diversity: float = 1.0,
        saturation: float = 1.0,
        weights: str | Path | None = None,
        cache: str | Path | None = None,
        n: int = 8,
    ) -> None:
        self.p = number("probability p", p, 0, 1)
        self.method, self.weights = method, weights
        options = Sampling(1, pick="random", diversity=diversity, saturation=saturation)
        self.diversity, self.saturation = options.diversity, options.saturation
        if not (cache is None or (isinstance(cache, str | Path) and str(cache))):
            raise UsageError(f"cache {cache!r}: expected a folder")  # "" would be the working one
        self.cache, self.n = None if cache is None else Path(cache), whole("n", n, least=1)
        self._opened: tuple[int, Colorizer, str] | None = None

    def __repr__(self) -> str:
        weights = "" if self.weights is None else f", weights={str(self.weights)!r}"
        cached = "" if self.cache is None else f", cache={str(self.cache)!r}, n={self.n}"
        return (
            f"Recolor(p={self.p}, method={self.method!r}, diversity={self.diversity}, "
            f"saturation={self.saturation}{weights}{cached})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_opened": None}

    def __call__(self, *inputs: Any, seed: int | None = None) -> Any:
        """What was given, with its picture recoloured; a grey one gets three channels then.

        Args:
            *inputs: a picture; or several things, or tuples, lists and dicts of them, in which the
                pictures are found as torchvision's transforms find them, and all else passes as it
                is. A picture is a PIL image; a uint8 array ``(H, W)`` or ``(H, W, 1..4)``; a
                `tv_tensors.Image` or `Video` or torch tensor ``(..., C, H, W)``, uint8 or floating
                in [0, 1]. Its kind and its alpha stay. Those of a batch or film are all recoloured
                or none, with the same seed. Pixels are taken as they lie: no profile is read.
            seed: the same seed gives the same colours; without one it comes from Python's
                `random`, which a torch DataLoader seeds differently for each worker and epoch.

        Returns:
            One thing for one, a tuple for several.

        Raises:
            UsageError: there is no picture, or one of another shape or range.
            PictureError: a picture that is none: of no pixels, or in 32 bits.
            OutputError: the cache cannot be written.
            WeightsError: no weights of that method, at the first picture.
        """
        whole_input = inputs[0] if len(inputs) == 1 else inputs
        if seed is None:
            seed = random.getrandbits(63)
        seed = whole("seed", seed)
        leaves = list(_leaves(whole_input))
        pictures = _pictures(leaves)
        if not pictures:
            kinds = ", ".join(dict.fromkeys(type(leaf).__name__ for leaf in leaves)) or "nothing"
            raise UsageError(f"{kinds}: expected a PIL image, a uint8 array or a torch tensor")
        if np.random.default_rng(abs(seed)).random() >= self.p:
            return whole_input
        return _replaced(whole_input, {id(x): self._recolored(x, seed) for x in pictures})

    def _recolored(self, picture: Any, seed: int) -> Any:
        if isinstance(picture, Image.Image):
            new = Image.fromarray(self._pixels(_as_stored(picture), seed))
            if new.mode == picture.mode and "icc_profile" in picture.info:
                new.info["icc_profile"] = picture.info["icc_profile"]  # still what its values mean
            return new
        if isinstance(picture, np.ndarray):
            if picture.dtype != np.uint8:
                raise UsageError(f"array of {picture.dtype}: expected uint8, (H, W, C)")
            return self._pixels(picture, seed)
        return self._tensor(picture, seed)

    def _tensor(self, tensor: Any, seed: int) -> Any:
        shape = tuple(tensor.shape)
        if len(shape) < 3 or shape[-3] not in (1, 2, 3, 4) or 0 in shape:
            raise UsageError(f"tensor of shape {shape}: expected (..., C, H, W), C from 1 to 4")
        floating = tensor.is_floating_point()
        try:
            values = tensor.detach().cpu()
            values = np.asarray(values.float() if floating else values)
        except (NotImplementedError, TypeError) as error:  # of the meta device; sparse
            raise UsageError(
                f"tensor without plain values ({error}): expected a dense one"
            ) from error
        if floating and values.min() >= 0 and values.max() <= 1:
            values = np.round(values * 255).astype(np.uint8)
        if values.dtype != np.uint8:
            raise UsageError("tensor: expected uint8, or floating in [0, 1]; normalise afterwards")
        pictures = np.moveaxis(values.reshape(-1, *shape[-3:]), 1, 3)
        drawn = [self._pixels(np.ascontiguousarray(picture), seed) for picture in pictures]
        pixels = np.ascontiguousarray(np.moveaxis(np.stack(drawn), 3, 1))
        pixels = pixels.reshape(*shape[:-3], *pixels.shape[1:])
        out = tensor.new_tensor(pixels / np.float32(255) if floating else pixels)
        return out if type(out) is type(tensor) else out.as_subclass(type(tensor))

    def _pixels(self, picture: Any, seed: int) -> NDArray[np.uint8]:
        if self.cache is None:
            return np.asarray(self._drawn(picture, 1, seed)[0])
        _, _, identity = self._open()
        name = _digest(picture, identity)
        path = self.cache / name[:2] / f"{name}.npz"
        k = int(np.random.default_rng((abs(seed), 1)).integers(self.n))
        # One that is there, and whole. Another's is never read half written: it comes by renaming.
        # Damage may come out as any exception, a TokenError among them; a sum tells it of pixels.
        with contextlib.suppress(Exception), path.open("rb") as file, np.load(file) as members:
            found: NDArray[np.uint8] = members[f"arr_{k}"]
            return found
        drawn = self._drawn(picture, self.n, int(name[:8], 16))
        data = io.BytesIO()
        np.savez(data, *drawn)
        make_folder(path.parent)
        write(data.getvalue(), path, overwrite=True)
        return np.asarray(drawn[k])

    def _drawn(self, picture: Any, n: int, seed: int) -> NDArray[np.uint8]:
        """n colourings of a picture, (n, H, W, C)."""
        _, colorizer, _ = self._open()
        result = colorizer.sample(
            colorizer.encode(picture),
            n,
            seed=seed,
            pick="random",
            diversity=self.diversity,
            saturation=self.saturation,
        )
        return np.stack([np.asarray(result.image(k)) for k in range(n)])

    def _open(self) -> tuple[int, Colorizer, str]:
        """This process's number and colorizer, and what a cached picture depends on beside it."""
        process = os.getpid()
        if self._opened is None or self._opened[0] != process:  # sessions do not survive a fork
            colorizer = Colorizer.load(self.method, self.weights, threads=1)
            identity = ""
            if self.cache is not None:
                names = Manifest.load(colorizer.method, self.weights).files(self.weights)
                weights = [hashlib.blake2b(path.read_bytes()).hexdigest() for path in names]
                asked = (colorizer.method, self.n, self.diversity, self.saturation)
                identity = repr((asked, weights))
            self._opened = process, colorizer, identity
        return self._opened


def _digest(picture: Any, identity: str) -> str:
    """A name for a picture that another picture, or other options, do not have."""
    kind: tuple[Any, ...]
    if isinstance(picture, Image.Image):
        kind = (picture.mode, picture.size, picture.getpalette(None), picture.info)
    else:
        kind = (picture.dtype.str, picture.shape)
    digest = hashlib.blake2b(repr((identity, kind)).encode(), digest_size=20)
    digest.update(picture.tobytes())
    return digest.hexdigest()


Recolour = Recolor  # the name that it had
