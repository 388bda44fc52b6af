"""The contact sheet of panoramas, and names in any script."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image, ImageDraw, ImageFont

from manyhues import colorization
from manyhues.batch import local
from manyhues.batch.options import Options
from manyhues.colorizer import Colorizer
from manyhues.render import sheet

DEJAVU = "DejaVuSans.ttf"


def has(font: str) -> bool:
    try:
        ImageFont.truetype(font, 20)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("size", [(1600, 100), (100, 1600)])
def test_panoramas_can_be_seen(weights: Path, size: tuple[int, int]) -> None:
    colorizer = Colorizer.load("mean", weights)
    result = colorizer.sample(colorizer.encode(colourful(*size)), 2)
    page = result.sheet()
    before = 480 * 480 // 16  # pixels that a tile had
    assert page.width * page.height > 3 * 3 * before
    assert max(page.size) < 6000


def test_captions_below_tall_pictures_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, float, float]] = []
    text = ImageDraw.ImageDraw.text

    def watched(self: Any, at: Any, said: str, *rest: Any, **more: Any) -> None:
        start, _, end, _ = self.textbbox(at, said, *rest[1:2], **more)
        drawn.append((said, start, end))
        text(self, at, said, *rest, **more)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", watched)
    tile = Image.new("RGB", (60, 2400))
    page = sheet.contact_sheet(
        [(tile, "input", "60 x 2400"), (tile, "1", "seed 0 · k 26")], title="a", note="b"
    )
    captions = [one for one in drawn if one[0] in ("input", "60 x 2400", "1", "seed 0 · k 26")]
    assert len(captions) == 4
    ends = sorted((start, end) for _, start, end in captions)
    assert all(one[1] < two[0] for one, two in pairwise(ends))
    assert ends[-1][1] < page.width


def test_a_name_of_several_scripts_is_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    if not has(DEJAVU):
        pytest.skip(f"NO {DEJAVU}: no other font to take")
    own = ImageFont.load_default(20)
    monkeypatch.setattr(sheet, "_SYSTEM_FONTS", (DEJAVU,))
    parts = sheet._parts("Ảnh 写 Ж\u200d.jpg", own, 20)
    assert "".join(text for text, _ in parts) == "Ảnh ? Ж.jpg"  # the font has no Chinese
    assert len({getattr(font, "path", None) for _, font in parts}) == 2
    assert sheet._parts("photo.jpg", own, 20) == [("photo.jpg", own)]
    draw = ImageDraw.Draw(Image.new("RGB", (9, 9)))
    short = sheet._fitting(draw, "Ảnh 写 Ж.jpg", own, 20, 60)
    assert short[-1][0].endswith("…")
    assert sum(draw.textlength(text, font) for text, font in short) <= 60


def test_chinese_and_emoji_where_the_system_has_fonts_for_them() -> None:
    own = ImageFont.load_default(20)
    if not any(has(font) for font in ("DroidSansFallback.ttf", "NotoSansCJK-Regular.ttc")):
        pytest.skip("NO FONT for Chinese on this system")
    drawn = "".join(text for text, _ in sheet._parts("写真 😀.jpg", own, 20))
    assert drawn.startswith("写真")
    if has(DEJAVU):  # it draws the faces
        assert drawn == "写真 😀.jpg"


def test_tones_of_skin_are_no_letters() -> None:
    own = ImageFont.load_default(20)
    parts = sheet._parts("bà \U0001f475\U0001f3fd.jpg", own, 20)
    assert "".join(text for text, _ in parts).count("?") <= 1  # for the face, where no font has it


def test_a_sheet_says_which_page_it_is_of(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []

    def told(tiles: Any, *, title: str, **given: Any) -> Image.Image:
        titles.append(title)
        return sheet.contact_sheet(tiles, title=title, **given)

    monkeypatch.setattr(colorization, "contact_sheet", told)
    pages = [Image.fromarray(colourful(20, 24, seed=seed)) for seed in range(3)]
    pages[0].save(tmp_path / "album.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "boat.png")
    options = Options(n=1, pick="random")
    list(local.colorize([tmp_path], tmp_path / "out", "mean", options, weights=weights).reports)
    assert titles == [*(f"album.tif, page {page} of 3" for page in (1, 2, 3)), "boat.png"]
