"""What a result's file says of itself: that its colour is artificial, and what made it.

Three places, so that people, archives and this package itself can read it:

- EXIF Software (and a PNG's text of that name): ``manyhues 0.2.0 (flow, seed 0, k 3)``;
- XMP ``Iptc4xmpExt:DigitalSourceType``, from IPTC's vocabulary of digital source types: sampled
  colour over a photograph is a composite with what a trained algorithm made;
- XMP ``manyhues:Recipe``, JSON: the options that make this very sample again. It holds digests of
  other pictures that were used, and never a path or a name of a file.

DICOM holds the recipe as a private element, and films in their comment. A format that holds none
of these (BMP) says nothing.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from manyhues.image.metadata import Metadata, exif_bytes

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
NOTICE = "artificial colour"
_SOFTWARE = 305  # EXIF
ENDS = 2**18  # bytes at a file's beginning and at its end, one of which holds the XMP
_ROOM = 60_000  # bytes of XMP that a JPEG's segment holds, less what is added here
_NAMESPACES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:manyhues="urn:manyhues:recipe#"'
)
_RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF>'
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{_RDF}</x:xmpmeta><?xpacket end="w"?>'
)
_CLOSED = re.compile(r"<([\w.-]+:xmpmeta)\b([^>]*)/>")
# What is said anew must not be said twice: an earlier result's block, and single properties that
# stand as attributes or as elements.
_SAID = re.compile(
    r"<rdf:Description\b[^>]*xmlns:manyhues=[^>]*>.*?</rdf:Description>"
    r"|\s[\w.-]+:(?:DigitalSourceType|CreatorTool)\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    r"|<([\w.-]+:(?:DigitalSourceType|CreatorTool))\b[^>]*(?:/>|>.*?</\1>)",
    re.S,
)
_RECIPE = re.compile(rb"<manyhues:Recipe>([^<]*)</manyhues:Recipe>")


def stamp(
    metadata: Metadata, software: str, recipe: Mapping[str, Any], *, sampled: bool = True
) -> Metadata:
    """Metadata that say, beside all that they said before, what made the picture.

    Args:
        metadata: what the result inherits from its input.
        software: one line for EXIF Software and XMP CreatorTool.
        recipe: plain values for JSON; see the module.
        sampled: whether a model drew the colours (a colour map draws nothing).
    """
    exif = Image.Exif()
    exif.load(metadata.exif)
    exif[_SOFTWARE] = software
    texts = tuple(pair for pair in metadata.texts if pair[0] != "Software")
    return replace(
        metadata,
        exif=exif_bytes(exif) or metadata.exif,
        xmp=_with_recipe(metadata.xmp, software, recipe, sampled),
        texts=(*texts, ("Software", software)),
        software=software,
    )


def _with_recipe(xmp: bytes, software: str, recipe: Mapping[str, Any], sampled: bool) -> bytes:
    packet = xmp.decode("utf-8", "replace") if len(xmp) < _ROOM else ""
    packet = _CLOSED.sub(r"<\1\2></\1>", _SAID.sub("", packet))
    if "</rdf:RDF>" not in packet:
        packet = packet.replace("</x:xmpmeta>", f"{_RDF}</x:xmpmeta>") or _EMPTY
    if "</rdf:RDF>" not in packet:  # no packet at all, or none that can be read
        packet = _EMPTY
    end = packet.rfind("</rdf:RDF>")
    source = f' Iptc4xmpExt:DigitalSourceType="{SYNTHETIC}"' if sampled else ""
    block = (
        f'<rdf:Description rdf:about="" {_NAMESPACES} '
        f'xmp:CreatorTool="{escape(software)}"{source}>{element(recipe)}</rdf:Description>'
    )
    return (packet[:end] + block + packet[end:]).encode()


def element(recipe: Mapping[str, Any]) -> str:
    """A recipe as text, which `read` finds in whatever it stands."""
    text = escape(json.dumps(recipe, ensure_ascii=True, separators=(",", ":")), quote=False)
    return f"<manyhues:Recipe>{text}</manyhues:Recipe>"


def of_input(told: str) -> dict[str, str]:
    """What a recipe says of its input: the digest, where there is one."""
    return {"input": told} if told else {}


def digest(data: bytes) -> str:
    """What tells an input's file from others in a recipe: of its length and parts of it.

    Not of its head, where DICOM and EXIF name people: nobody can try names against it.
    """
    return _digest(io.BytesIO(data))


def digest_file(path: Path) -> str:
    """The same of a file on disk; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return _digest(file)
    except OSError:
        return ""


def _digest(file: BinaryIO) -> str:
    length = file.seek(0, 2)
    told = hashlib.sha256(length.to_bytes(8, "big"))
    for start in (length // 4, length // 2, max(length // 2, length - ENDS)):
        file.seek(start)
        told.update(file.read(ENDS))
    return told.hexdigest()[:16]


def read(data: bytes) -> dict[str, Any] | None:
    """The recipe in a file's bytes, of any format; None where there is none.

    All formats hold it as it is, so nothing has to be decoded.
    """
    for match in reversed(list(_RECIPE.finditer(data))):
        try:
            recipe = json.loads(unescape(match[1].decode("utf-8", "replace")))
        except ValueError:
            continue
        if isinstance(recipe, dict):
            return recipe
    return None


def read_file(path: Path) -> dict[str, Any] | None:
    """The recipe of a file; None where there is none, and where the file cannot be read.

    Looks at the file's ends alone: folders of large pictures are gone through for it.
    """
    try:
        if not path.is_file():  # reading a pipe might never end
            return None
        with path.open("rb") as file:
            head = file.read(ENDS)
            end = file.seek(0, 2)
            file.seek(max(len(head), end - ENDS))
            return read(head + file.read())
    except OSError:
        return None
