"""Other colourizers, from a picture to a picture as each one's own demo goes, over its own code.

None of that code is here: a reader fetches it, and names the folder of the checkouts. Only what
describes a network and its way from picture to picture is used. Weights are random, which changes
neither time nor memory, and makes no picture worth looking at.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]  # (H, W, 3)
Answer = Callable[[Rgb], Rgb]


@dataclass(frozen=True)
class Peer:
    """A peer by its name in the table.

    source   where its code is, for people
    folder   its checkout below the folder of all
    files    the files of it that are used, by which it is known
    needs    distributions that its demo imports, by their names on PyPI
    build    its network with random weights, of its checkout
    answer   the way from picture to picture, of a network
    """

    name: str
    source: str
    folder: str
    files: tuple[str, ...]
    needs: tuple[str, ...]
    build: Callable[[Path], Any]
    answer: Callable[[Any], Answer]

    def missing(self, code: Path) -> list[str]:
        """Files that are not below the folder of all checkouts."""
        return [name for name in self.files if not (code / self.folder / name).is_file()]


def _from(checkout: Path) -> None:
    """Import from a checkout first."""
    sys.path.insert(0, str(checkout))


def _with_colour(rgb: Rgb, ab: NDArray[np.float32]) -> Rgb:
    """The picture's L* with a, b in Lab units of any size (h, w, 2)."""
    import cv2

    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lab[..., 1:] = cv2.resize(ab, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    out = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return (out * 255).round().clip(0, 255).astype(np.uint8)


def _zhang(name: str) -> Callable[[Path], Any]:
    def build(checkout: Path) -> Any:
        _from(checkout)
        stub = ModuleType("IPython")
        stub.embed = None  # type: ignore[attr-defined]  # imported for debugging, never called
        sys.modules.setdefault("IPython", stub)
        import colorizers

        return getattr(colorizers, name)(pretrained=False).eval()

    return build


def _zhang_answer(model: Any) -> Answer:
    from colorizers import util

    def answer(rgb: Rgb) -> Rgb:
        full, small = util.preprocess_img(rgb, HW=(256, 256))
        out = util.postprocess_tens(full, model(small))
        return (out * 255).round().astype(np.uint8)

    return answer


def _ddcolor(encoder: str) -> Callable[[Path], Any]:
    def build(checkout: Path) -> Any:
        _from(checkout)
        from ddcolor.model import DDColor

        # As its `build_ddcolor_model` sets them for the published weights.
        return DDColor(
            encoder_name=encoder,
            decoder_name="MultiScaleColorDecoder",
            input_size=[512, 512],
            num_output_channels=2,
            last_norm="Spectral",
            do_normalize=False,
            num_queries=100,
            num_scales=3,
            dec_layers=9,
        ).eval()

    return build


def _ddcolor_answer(model: Any) -> Answer:
    from ddcolor.pipeline import ColorizationPipeline

    pipeline = ColorizationPipeline(model, input_size=512)

    def answer(rgb: Rgb) -> Rgb:
        return np.ascontiguousarray(pipeline.process(rgb[..., ::-1])[..., ::-1])

    return answer


def _deoldify(kind: str) -> Callable[[Path], Any]:
    def build(checkout: Path) -> Any:
        _from(checkout)
        from deoldify.unet import DynamicUnetDeep, DynamicUnetWide
        from fastai.layers import NormType
        from fastai.vision import models
        from fastai.vision.learner import create_body

        arch, unet, factor = {
            "artistic": (models.resnet34, DynamicUnetDeep, 1.5),
            "stable": (models.resnet101, DynamicUnetWide, 2),
        }[kind]
        # As its `gen_learner_deep` and `gen_learner_wide` set them.
        return unet(
            create_body(arch, pretrained=False),
            n_classes=3,
            blur=True,
            blur_final=True,
            self_attention=True,
            y_range=(-3.0, 3.0),
            norm_type=NormType.Spectral,
            last_cross=True,
            bottle=False,
            nf_factor=factor,
        ).eval()

    return build


def _deoldify_answer(model: Any) -> Answer:
    import cv2
    import torch
    from PIL import Image

    side = 35 * 16  # its default render factor
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])

    def answer(rgb: Rgb) -> Rgb:
        square = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR)
        grey = np.asarray(square.convert("LA").convert("RGB"), np.float32) / 255
        with torch.no_grad():
            out = model(torch.from_numpy(((grey - mean) / std).transpose(2, 0, 1))[None])[0]
        shown = (out.numpy().transpose(1, 2, 0) * std + mean).clip(0, 1) * 255
        raw = Image.fromarray(shown.astype(np.uint8)).resize(rgb.shape[1::-1])
        yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)
        yuv[..., 1:] = cv2.cvtColor(np.asarray(raw), cv2.COLOR_RGB2YUV)[..., 1:]
        return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)

    return answer


def _icolorit(checkout: Path) -> Any:
    _from(checkout)
    import modeling

    # As its infer.py sets them.
    return modeling.icolorit_base_4ch_patch16_224(
        drop_path_rate=0.0, use_rpb=True, avg_hint=True, head_mode="cnn", mask_cent=False
    ).eval()


def _icolorit_answer(model: Any) -> Answer:
    import cv2
    import torch

    side, patch = 224, 16

    def answer(rgb: Rgb) -> Rgb:
        small = cv2.resize(rgb, (side, side)).astype(np.float32) / 255
        light = (cv2.cvtColor(small, cv2.COLOR_RGB2Lab)[..., 0] - 50) / 100
        given = torch.zeros(1, 3, side, side)
        given[0, 0] = torch.from_numpy(light)
        no_hint = torch.ones(1, (side // 2) ** 2, dtype=torch.bool)
        with torch.no_grad():
            out = model(given, no_hint)[0]
        count = side // patch
        ab = out.reshape(count, count, patch, patch, 2).permute(0, 2, 1, 3, 4)
        return _with_colour(rgb, ab.reshape(side, side, 2).numpy() * np.float32(110))

    return answer


_TORCH = ("torch", "torchvision", "numpy")
_GITHUB = "https://github.com/"
_DDCOLOR = (
    f"{_GITHUB}piddnad/DDColor",
    "DDColor",
    ("ddcolor/model.py", "ddcolor/pipeline.py", "basicsr/archs/ddcolor_arch_utils/unet.py"),
    (*_TORCH, "opencv-python-headless", "pillow", "huggingface-hub"),
)
_DEOLDIFY = (
    f"{_GITHUB}jantic/DeOldify",
    "DeOldify",
    ("deoldify/unet.py", "deoldify/layers.py", "fastai/layers.py"),
    (*_TORCH, "opencv-python-headless", "pillow", "matplotlib", "pandas", "scipy", "fastprogress"),
)
_ZHANG = (
    f"{_GITHUB}richzhang/colorization",
    "colorization",
    ("colorizers/__init__.py", "colorizers/eccv16.py", "colorizers/util.py"),
    (*_TORCH[::2], "scikit-image", "pillow", "matplotlib"),
)
PEERS = (
    Peer("Zhang 2016", *_ZHANG, _zhang("eccv16"), _zhang_answer),
    Peer("Zhang 2017", *_ZHANG, _zhang("siggraph17"), _zhang_answer),
    Peer(
        "iColoriT base",
        f"{_GITHUB}pmh9960/iColoriT",
        "iColoriT",
        ("modeling.py",),
        (*_TORCH, "timm", "einops", "opencv-python-headless", "pillow"),
        _icolorit,
        _icolorit_answer,
    ),
    Peer("DDColor tiny", *_DDCOLOR, _ddcolor("convnext-t"), _ddcolor_answer),
    Peer("DDColor large", *_DDCOLOR, _ddcolor("convnext-l"), _ddcolor_answer),
    Peer("DeOldify artistic", *_DEOLDIFY, _deoldify("artistic"), _deoldify_answer),
    Peer("DeOldify stable", *_DEOLDIFY, _deoldify("stable"), _deoldify_answer),
)
