"""The contact sheet: the input and its colourings, on one page that one would post."""

import contextlib
import math
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PAPER = (24, 24, 27)
_CARD = (39, 39, 42)
_INK = (244, 244, 245)
_FAINT = (161, 161, 170)

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
Tile = tuple[Image.Image, str, str]
_WHOLE = Image.Resampling.NEAREST
# Each system brings some of these; together they draw most of the world's scripts.
_SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc"),
    *("segoeui.ttf", "msyh.ttc", "malgun.ttf", "Nirmala.ttc", "Nirmala.ttf", "leelawui.ttf"),
    *("Arial Unicode.ttf", "PingFang.ttc"),
    *("wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallback.ttf", "DroidSansFallbackFull.ttf"),
    *("NotoEmoji-Regular.ttf", "Symbola.ttf", "seguiemj.ttf", "seguisym.ttf", "unifont.otf"),
)
# Between and after emoji, which are drawn one by one and in one colour; the last are tones of skin.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# Letters that Unicode does not take apart.
_STROKED = str.maketrans(
    {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i"}
    | {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th"}
)


def contact_sheet(
    tiles: Sequence[Tile], *, title: str, note: str, columns: int | None = None
) -> Image.Image:
    """Lay out tiles (image, label, detail) row by row under a title line; an RGB image.

    All images have one size; without `columns` the page comes near to 16:10. The last row lies in
    the middle. Dark neutral paper: it tints no colour beside it.
    """
    height = max(image.height for image, _, _ in tiles)
    width = max(120, height // 6, max(image.width for image, _, _ in tiles))
    # Type size, which all spacing follows; below a picture that is tall, captions have little room.
    unit = max(8, round(min((width + height) / 2 / 22, width / 11)))
    columns = columns or _columns(len(tiles), width, height)
    rows = -(-len(tiles) // columns)
    gap, caption, head = unit, round(unit * 2.2), round(unit * 3.6)
    page = Image.new(
        "RGB",
        (gap + columns * (width + gap), head + rows * (height + caption + gap)),
        _PAPER,
    )
    draw = ImageDraw.Draw(page)
    bold, plain = ImageFont.load_default(unit * 1.25), ImageFont.load_default(unit)
    right = page.width - gap
    draw.text((right, head / 2), f"manyhues · {note}", _FAINT, plain, anchor="rm")
    room = right - gap - draw.textlength(f"manyhues · {note}", plain) - gap
    at = float(gap)
    for part, font in _fitting(draw, title, bold, unit * 1.25, room):
        draw.text((at, head / 2), part, _INK, font, anchor="lm")
        at += draw.textlength(part, font)
    for index, (image, label, detail) in enumerate(tiles):
        row, column = divmod(index, columns)
        missing = rows * columns - len(tiles) if row == rows - 1 else 0  # half of it on each side
        left = gap + column * (width + gap) + missing * (width + gap) // 2
        top = head + row * (height + caption + gap)
        draw.rectangle((left, top, left + width - 1, top + height + caption - 1), _CARD)
        place = (left + (width - image.width) // 2, top + (height - image.height) // 2)
        page.paste(_flat(image), place)
        middle = top + height + caption / 2
        pad = unit * 0.7
        draw.text((left + pad, middle), label, _INK, bold, anchor="lm")
        detail = _fit(draw, detail, plain, width - 3 * pad - draw.textlength(label, bold))
        draw.text((left + width - pad, middle), detail, _FAINT, plain, anchor="rm")
    return page


def enlarged(tiles: Sequence[Tile], least: int) -> list[Tile]:
    """Tiles by whole pixels, to a long side of `least` or more; captions follow their size."""
    times = -(-least // max(max(image.size) for image, _, _ in tiles))
    if times < 2:
        return list(tiles)
    return [
        (image.resize((image.width * times, image.height * times), _WHOLE), label, detail)
        for image, label, detail in tiles
    ]


def _columns(count: int, width: int, height: int) -> int:
    """The number of columns that wastes least space and comes nearest to a 16:10 page."""

    def badness(columns: int) -> float:
        rows = -(-count // columns)
        empty = (rows * columns - count) / count
        ratio = columns * width / (rows * height)
        return 6 * empty + abs(math.log(ratio / 1.6))

    return min(range(1, count + 1), key=badness)


def _flat(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    card = Image.new("RGB", image.size, _CARD)
    card.paste(image, mask=image.getchannel("A"))
    return card


def _drawable(text: str, font: Font, size: float) -> tuple[str, Font]:
    """A name as one line that a font can draw, and that font.

    `font`, Pillow's own, draws accented letters as bare ones and other scripts not at all. For
    them a font of the system takes its place, if one has all of the name's letters.
    """
    signs = (sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
    whole = unicodedata.normalize("NFC", "".join(signs))
    bare = _legible(whole)
    if bare != whole:
        for name in _SYSTEM_FONTS:
            with contextlib.suppress(OSError):  # Pillow knows where each system keeps its fonts
                other = ImageFont.truetype(name, size)
                if _has_all(other, whole):
                    return whole, other
    return bare, font


def _parts(text: str, font: Font, size: float) -> list[tuple[str, Font]]:
    """A name in parts, each with a font that draws it: no font has both emoji and Chinese."""
    joined = "".join(sign for sign in text if sign not in _JOINERS)
    drawn, whole = _drawable(joined, font, size)
    if "?" not in drawn:
        return [(drawn, whole)]
    parts: list[tuple[str, Font]] = []
    for sign in unicodedata.normalize("NFC", " ".join(joined.split())):
        one, its = (sign, font) if sign.isspace() else _drawable(sign, font, size)
        if parts and getattr(parts[-1][1], "path", None) == getattr(its, "path", None):
            parts[-1] = parts[-1][0] + one, parts[-1][1]
        else:
            parts.append((one, its))
    return parts


def _fitting(
    draw: ImageDraw.ImageDraw, text: str, font: Font, size: float, room: float
) -> list[tuple[str, Font]]:
    """The parts of a name, shortened with an ellipsis until they fit."""
    parts, fitting = _parts(text, font, size), []
    if sum(draw.textlength(part, its) for part, its in parts) > room and len(parts) > 1:
        room -= draw.textlength("…", font)  # which stands by itself where a part leaves no room
    for part, its in parts:
        fitted = _fit(draw, part, its, room)
        fitting.append((fitted, its) if fitted else ("…", font))
        if fitted != part:
            break
        room -= draw.textlength(part, its)
    return fitting


def _has_all(font: ImageFont.FreeTypeFont, text: str) -> bool:
    """Whether a font draws every letter, none as the box that stands for those it lacks."""

    def drawn(sign: str) -> tuple[tuple[int, int], bytes]:
        mask = font.getmask(sign)
        return mask.size, bytes(mask)

    box = drawn("\uffff")  # never a letter
    return all(drawn(sign) != box for sign in set(text))


def _legible(text: str) -> str:
    """ASCII, nearly all that Pillow's own font draws: no accents, other scripts as ``?``."""
    parts = unicodedata.normalize("NFKD", text.translate(_STROKED))
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare.encode("ascii", "replace").decode()


def _fit(draw: ImageDraw.ImageDraw, text: str, font: Font, room: float) -> str:
    """Shorten a text with an ellipsis until it fits."""
    if draw.textlength(text, font) <= room:
        return text
    while text and draw.textlength(text + "…", font) > room:
        text = text[:-1]
    return text + "…" if text else ""


def legend_tile(colours: Any, labels: Sequence[str], size: tuple[int, int]) -> Image.Image:
    """A tile with a bar of colours ``(N, 3)`` uint8, the first below, and labels beside it.

    The labels stand evenly from the bar's foot to its top.
    """
    tile = Image.new("RGB", size, _CARD)
    unit = max(8, round(sum(size) / 2 / 22))
    top, foot = unit, max(unit + 1, size[1] - unit)
    bar = Image.fromarray(np.ascontiguousarray(colours[::-1][:, None]))
    left, width = size[0] // 5, max(1, size[0] // 5)
    tile.paste(bar.resize((width, foot - top), Image.Resampling.BILINEAR), (left, top))
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(unit)
    for place, label in enumerate(labels):
        y = foot - (foot - top) * place / max(len(labels) - 1, 1)
        draw.text((left + width + unit / 2, y), label, _INK, font, anchor="lm")
    return tile
