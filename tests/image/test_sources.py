"""What is a picture: every kind of path and open file."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from PIL import Image
from test_picture import RGB

from manyhues.errors import PictureError
from manyhues.image.picture import Picture, read_rgb


def test_every_kind_of_path_and_open_file(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(RGB), "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data)
    expected = Picture.open(data).luminance
    with tempfile.NamedTemporaryFile() as named, tempfile.SpooledTemporaryFile() as spooled:
        for file in (named, spooled):  # each stands at its end, as after writing
            file.write(data)
            assert np.array_equal(Picture.open(file).luminance, expected)
            file.seek(0)
            assert (read_rgb(file) == RGB).all()
    with os.scandir(tmp_path) as entries:
        found = list(entries)
    paths: list[os.DirEntry[str] | Path | str] = [*found, path, str(path)]
    for entry in paths:
        picture = Picture.open(entry)
        assert np.array_equal(picture.luminance, expected)
        assert (picture.name, picture.suffix) == (str(path), ".png")
    with path.open("r", encoding="latin-1") as text, pytest.raises(PictureError, match="as text"):
        Picture.open(text)  # type: ignore[arg-type]
    with path.open("ab") as writing, pytest.raises(PictureError, match="cannot be read"):
        Picture.open(writing)
