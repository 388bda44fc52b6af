"""A sheet of validation pictures, to see what a run does."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from manyhues.color.lab import lab_to_rgb
from manyhues.training.data.cache import Batch
from manyhues.training.data.pictures import Pixels

_SCALE, _GAP, _HEAD = 2, 4, 18


def to_pixels(luminance: Tensor, ab: Tensor) -> Pixels:
    """luminance (B, 1, h, w) in -1..1 and a, b (B, 2, h, w) in Lab units to (B, h, w, 3) uint8."""
    lab = torch.cat([(luminance + 1.0) * 50.0, ab.float()], 1).permute(0, 2, 3, 1).cpu().numpy()
    return np.round(lab_to_rgb(lab) * 255.0).astype(np.uint8)


def save_sheet(path: Path, batch: Batch, columns: dict[str, Tensor]) -> None:
    """Rows are pictures; columns are the truth, the grey picture and `columns`, titled."""
    every = {"truth": batch.ab, "grey": torch.zeros_like(batch.ab), **columns}
    side = batch.ab.shape[-1] * _SCALE
    step = side + _GAP
    sheet = Image.new("RGB", (step * len(every), _HEAD + step * len(batch.ab)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for x, (title, ab) in enumerate(every.items()):
        draw.text((x * step + 2, 2), title, fill="black", font=font)
        for y, pixels in enumerate(to_pixels(batch.luminance, ab)):
            tile = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(tile, (x * step, _HEAD + y * step))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
