"""A sheet of validation pictures, to see what a run does."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from manyhues.color.lab import lab_to_rgb
from manyhues.render.sheet import contact_sheet, enlarged
from manyhues.training.data.cache import Batch
from manyhues.training.data.pictures import Pixels

_SCALE = 2


def to_pixels(luminance: Tensor, ab: Tensor) -> Pixels:
    """luminance (B, 1, h, w) in -1..1 and a, b (B, 2, h, w) in Lab units to (B, h, w, 3) uint8."""
    lab = torch.cat([(luminance + 1.0) * 50.0, ab.float()], 1).permute(0, 2, 3, 1).cpu().numpy()
    return np.round(lab_to_rgb(lab) * 255.0).astype(np.uint8)


def save_sheet(path: Path, batch: Batch, columns: dict[str, Tensor]) -> None:
    """Rows are pictures; columns are the truth, the grey picture and `columns`, labelled."""
    every = {"truth": batch.ab, "grey": torch.zeros_like(batch.ab), **columns}
    shown = {label: to_pixels(batch.luminance, ab) for label, ab in every.items()}
    tiles = [
        (Image.fromarray(pixels[row]), label, "")
        for row in range(len(batch.ab))
        for label, pixels in shown.items()
    ]
    tiles = enlarged(tiles, _SCALE * batch.ab.shape[-1])
    sheet = contact_sheet(tiles, title="validation", note=path.stem, columns=len(every))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
