"""A picture in the terminal: by a graphics protocol where there is one, else in half blocks."""

import logging
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from manyhues.image.picture import read_rgb

_WIDEST = 120  # columns; a sheet in half blocks gains nothing from more


def hindrance(console: Console) -> str:
    """Why pictures cannot be shown, in words for the user; empty where they can."""
    if not console.is_terminal:
        return "standard error is no terminal"
    if console.color_system is None or console.no_color:
        return "this terminal shows no colours"
    if (console.encoding or "").lower().replace("-", "") not in ("utf8", "utf16"):
        return f"this terminal's encoding, {console.encoding}, has no block characters"
    return ""


def show(path: Path, console: Console) -> None:
    """Print a picture file, as wide as the terminal.

    Kitty's protocol and sixel (iTerm2, WezTerm, xterm, Windows Terminal, ..) by the optional
    library textual-image; where it is absent, or the terminal knows neither, in half blocks.
    """
    image = Image.fromarray(read_rgb(path))
    width = min(console.width, _WIDEST)
    protocol = _protocol()
    console.print(half_blocks(image, width) if protocol is None else protocol(image, width=width))


def _protocol() -> Any:
    """The renderable for what the terminal answers that it can; None for half blocks."""
    ends = sys.__stdin__, sys.__stdout__
    if not all(end and end.isatty() and os.get_terminal_size(end.fileno()).columns for end in ends):
        return None  # it cannot be asked, or does not know its own size
    logging.getLogger("textual_image").addHandler(logging.NullHandler())
    try:
        library = import_module("textual_image.renderable")  # asks the terminal, once
    except ImportError:
        return None
    known = (library.SixelImage, library.TGPImage)
    return library.Image if library.Image in known else None


def half_blocks(image: Image.Image, width: int) -> Segments:
    """Two pixels in each character: its upper half's colour, and the ground's for the lower."""
    height = max(1, round(image.height * width / image.width / 2))
    small = image.convert("RGB").resize((width, 2 * height), Image.Resampling.LANCZOS)
    pixels = np.asarray(small).reshape(height, 2, width, 3).tolist()
    rows = []
    for upper, lower in pixels:
        for above, below in zip(upper, lower, strict=True):
            colours = Color.from_rgb(*above), Color.from_rgb(*below)
            rows.append(Segment("▀", Style(color=colours[0], bgcolor=colours[1])))
        rows.append(Segment.line())
    return Segments(rows)
