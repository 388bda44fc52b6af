"""The paper's figure: rows are pictures; columns are grey, truth and the samples of each method.

A method takes K columns under its name; one that always gives the same answer takes one column.
Two methods at most stand side by side, further ones go into panels below with the same rows, so
that a page shows the cells at a size where faces can be seen.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from manyhues.color import lab
from manyhues.evaluation.fields import render, resize_ab, to_uint8
from manyhues.evaluation.protocol import Method
from manyhues.image import files

Cells = NDArray[np.uint8]  # (rows, columns, S, S, 3)

CELL, GAP, GROUP_GAP, MARGIN, HEADER = 64, 2, 14, 20, 34
PER_PANEL = 2
INK, RULE, PAPER = (38, 38, 42), (176, 176, 182), (255, 255, 255)


@dataclass(frozen=True)
class Group:
    """Columns under one heading; `cells` (rows, columns, S, S, 3) uint8."""

    title: str
    cells: Cells


def spread_rows(total: int, rows: int) -> NDArray[np.intp]:
    """Indices of `rows` pictures evenly over a set: chosen by place, not by looks."""
    rows = min(rows, total)
    return ((np.arange(rows) + 0.5) * total / rows).astype(np.intp)


def colour_groups(
    methods: Mapping[str, Method], pictures: NDArray[np.uint8], indices: NDArray[np.intp], k: int
) -> list[Group]:
    """Grey, truth and K samples of each method for some pictures of (N, S, S, 3) uint8.

    Picture i is sampled with seed i, as when it was measured.
    """
    side = pictures.shape[1]
    chosen = pictures[indices]
    luminances = [lab.rgb_to_luminance(picture / 255.0) for picture in chosen]
    neutral = np.zeros((1, 2, side, side), np.float32)
    grey = np.stack([to_uint8(render(luminance, neutral)) for luminance in luminances])
    groups = [Group("grey", grey), Group("truth", chosen[:, None])]
    for name, method in methods.items():
        rows = []
        for index, luminance in zip(indices, luminances, strict=True):
            ab = method.sample_ab(method.encode_luminance(luminance), k, int(index))
            rows.append(to_uint8(render(luminance, resize_ab(ab, side, side))))
        cells = np.stack(rows)
        if (cells == cells[:, :1]).all():
            cells = cells[:, :1]
        groups.append(Group(name, cells))
    return groups


def draw(groups: Sequence[Group]) -> Image.Image:
    """All groups as one picture of labelled panels; single columns lead every panel."""
    lead = [group for group in groups if group.cells.shape[1] == 1]
    wide = [group for group in groups if group.cells.shape[1] > 1]
    parts = [wide[i : i + PER_PANEL] for i in range(0, len(wide), PER_PANEL)] or [[]]
    panels = [_panel([*lead, *part]) for part in parts]
    width = max(panel.width for panel in panels) + 2 * MARGIN
    height = sum(panel.height + MARGIN for panel in panels) + MARGIN
    page = Image.new("RGB", (width, height), PAPER)
    y = MARGIN
    for panel in panels:
        page.paste(panel, (MARGIN, y))
        y += panel.height + MARGIN
    return page


def _panel(groups: Sequence[Group]) -> Image.Image:
    """Groups side by side under their headings, each heading over a rule as wide as its group."""
    step = CELL + GAP
    widths = [group.cells.shape[1] * step - GAP for group in groups]
    rows = max(group.cells.shape[0] for group in groups)
    panel = Image.new(
        "RGB",
        (sum(widths) + GROUP_GAP * (len(groups) - 1), HEADER + rows * step - GAP),
        PAPER,
    )
    pen = ImageDraw.Draw(panel)
    x = 0
    for group, width in zip(groups, widths, strict=True):
        size = 17
        while ImageFont.load_default(size).getlength(group.title) > width and size > 9:
            size -= 1
        font = ImageFont.load_default(size)
        pen.text((x + width / 2, HEADER - 12), group.title, INK, font, anchor="ms")
        pen.line((x, HEADER - 6, x + width - 1, HEADER - 6), RULE)
        for (row, column), cell in _each(group.cells):
            image = Image.fromarray(cell)
            if image.width != CELL:
                image = image.resize((CELL, CELL), Image.Resampling.LANCZOS)
            panel.paste(image, (x + column * step, HEADER + row * step))
        x += width + GROUP_GAP
    return panel


def _each(cells: Cells) -> list[tuple[tuple[int, int], NDArray[np.uint8]]]:
    places = np.ndindex(*cells.shape[:2])
    return [((row, column), cells[row, column]) for row, column in places]


def save(image: Image.Image, path: Path) -> None:
    """Write a JPEG with its colour at full resolution: colour is what it is about."""
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=85, subsampling=0, optimize=True)
    files.make_folder(path.parent)
    files.write(encoded.getvalue(), path, overwrite=True)
