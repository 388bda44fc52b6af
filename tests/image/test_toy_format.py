"""A new file format is one new file in `image/formats`: nothing else learns of it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import colourful, encoded
from PIL import Image

from manyhues.errors import PictureError
from manyhues.image.picture import Picture, read_rgb

RGB = colourful(20, 30)
TOY = '''
"""Three letters, width, height, then RGB."""

import numpy as np

from manyhues.image.decoding import decoding
from manyhues.image.formats.base import Decoded, Format, Page


class ToyPage(Page):
    format = "TOY"

    def __init__(self, file):
        self.file, self.size = file, (file.data[3], file.data[4])

    def decode(self):
        width, height = self.size
        with decoding(self.file.name):
            pixels = np.frombuffer(self.file.data, np.uint8, offset=5).reshape(height, width, 3)
        return Decoded(pixels)


class Toy(Format):
    suffixes = frozenset({".toy"})

    @classmethod
    def sniff(cls, head):
        return head.startswith(b"TOY")

    @classmethod
    def pages(cls, file):
        return [ToyPage(file)]
'''
# The folder that holds toy.py stands for `image/formats` itself, where it would be put.
EVERY_DOOR = """
import sys
from pathlib import Path
import manyhues.image.formats as formats
formats.__path__.append(sys.argv[1])
import numpy as np
import manyhues.model.engine as engine
engine.WEIGHTS = Path(sys.argv[2])
from manyhues.errors import PictureError
from manyhues.cli.main import main
from manyhues.image.picture import Picture, probe, read_rgb
from manyhues.training.data.pictures import open_pictures
path = Path("in/a.toy")
data = path.read_bytes()
rgb = np.load("rgb.npy")
assert Picture.open(path).format == "TOY"
assert probe(path) == ("TOY", 1)
assert (read_rgb(data) == rgb).all()
assert (open_pictures("in")[0] == rgb).all()
for given, limit, fault in ((data[:-1], 999, "truncated or damaged"), (data, 9, "over the limit")):
    try:
        Picture.open(given, max_pixels=limit)
    except PictureError as error:
        assert fault in str(error)
    else:
        raise AssertionError(fault)
main(["colorize", "in", "-o", "out", "-n", "2", "--json"])
"""


def test_a_format_is_one_new_file(weights: Path, tmp_path: Path) -> None:
    for name in ("formats", "in"):
        (tmp_path / name).mkdir()
    (tmp_path / "formats" / "toy.py").write_text(TOY)
    (tmp_path / "in" / "a.toy").write_bytes(b"TOY" + bytes([30, 20]) + RGB.tobytes())
    np.save(tmp_path / "rgb.npy", RGB)
    done = subprocess.run(
        [sys.executable, "-c", EVERY_DOOR, tmp_path / "formats", weights],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"] == ["out/a.1.png", "out/a.2.png"]
    assert (tmp_path / "out" / "a.sheet.jpg").is_file()


@pytest.mark.parametrize(
    "place", ["luminance.of_pixels", "luminance.profiles.is_srgb", "metadata.clean_xmp"]
)
def test_a_fault_of_ours_is_not_told_as_a_damaged_file(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    data = encoded(Image.fromarray(RGB), "JPEG", icc_profile=b"nonsense" * 30)
    Picture.open(data)

    def broken(*_: object) -> None:
        raise TypeError("a fault of ours")

    monkeypatch.setattr(f"manyhues.image.{place}", broken)
    with pytest.raises(TypeError, match="a fault of ours"):
        Picture.open(data)
    with pytest.raises(PictureError, match="truncated"):  # what a decoder says stays the file's
        Picture.open(data[:900])
    if "is_srgb" in place:
        with pytest.raises(TypeError, match="a fault of ours"):
            read_rgb(data)
