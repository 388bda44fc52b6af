"""What a file says of itself, in every format that can hold it."""

import io
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.image import encode, provenance
from manyhues.image.metadata import Metadata

RECIPE = {"version": "9", "method": "flow", "seed": 3, "k": -1, "hints": [[1, 2, "#ff0000"]]}
SOFTWARE = "manyhues 9 (flow, seed 3, k -1)"
FOREIGN = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm">'
    b"<dc:title>A &amp; B</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def stamped(xmp: bytes = b"", recipe: dict[str, Any] | None = None) -> Metadata:
    return provenance.stamp(Metadata(xmp=xmp), SOFTWARE, recipe or RECIPE, sampled=True)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("depth", [8, 16])
def test_every_format_says_it(format_: str, depth: int) -> None:
    rgb = colourful(24, 31)
    pixels = rgb if depth == 8 else rgb.astype(np.uint16) * 257
    data = encode.encode(pixels, format_, stamped(FOREIGN))
    assert provenance.read(data) == RECIPE
    image = Image.open(io.BytesIO(data))
    assert image.getexif()[305] == SOFTWARE
    assert data.count(provenance.SYNTHETIC.encode()) == 1
    assert b"negativeFilm" not in data  # the photograph was; the coloured one is not
    assert b"A &amp; B" in data


def test_xmp_stays_one_well_formed_packet() -> None:
    twice = provenance.stamp(stamped(FOREIGN), "manyhues 10", {"k": 1}, sampled=True)
    root = ElementTree.fromstring(twice.xmp)
    assert len(root[0]) == 2  # the foreign description, and ours once
    assert provenance.read(twice.xmp) == {"k": 1}
    assert ElementTree.fromstring(stamped(b"<broken").xmp[3:].split(b"?>", 1)[1] or b"<x/>")


def test_a_colour_map_is_not_the_work_of_a_model() -> None:
    metadata = provenance.stamp(Metadata(), "manyhues 9 (map viridis)", {}, sampled=False)
    assert b"DigitalSourceType" not in metadata.xmp


@pytest.mark.parametrize("text", ["<&>\"'", "đỏ", "]]>", "</manyhues:Recipe>"])
def test_texts_come_back_whole(text: str) -> None:
    assert provenance.read(stamped(recipe={"note": text}).xmp) == {"note": text}


@pytest.mark.parametrize("data", [b"", b"<manyhues:Recipe>{</manyhues:Recipe>", b"\xff" * 99])
def test_files_without_a_recipe(data: bytes) -> None:
    assert provenance.read(data) is None


def test_a_digest_is_of_no_head(tmp_path: Path) -> None:
    body = bytes(range(256)) * 5000
    names = [name.ljust(20_000).encode() + body for name in ("Doe^Jane", "Roe^Richard")]
    other = names[0][:-1] + b"\0"
    assert provenance.digest(names[0]) == provenance.digest(names[1])
    assert provenance.digest(names[0]) != provenance.digest(other)
    (tmp_path / "file").write_bytes(other)
    assert provenance.digest_file(tmp_path / "file") == provenance.digest(other)
    assert provenance.digest_file(tmp_path / "none") == ""
