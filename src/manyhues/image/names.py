"""Names of files that every common file system takes, and which names are one to some of them.

Linux takes nearly all names, Windows far fewer, and to Windows and macOS names are one that differ
in case or in how accents are coded. What is written here keeps the names that it is given where
they can be; where they cannot, the new name depends on the given one alone.
"""

import os
import re
import sys
import unicodedata
import zlib
from pathlib import PurePath
from typing import TypeVar

AnyPath = TypeVar("AnyPath", bound=PurePath)

WINDOWS = sys.platform == "win32"
ONE_CASE = sys.platform in ("win32", "darwin")  # whose usual file systems fold names

_NAME = 255  # bytes; Windows and macOS count in larger units
_APPENDED = len(".1000.dicom")  # number and suffix of a result; its sheet's is shorter
STEM = _NAME - _APPENDED  # bytes that a result's stem may have
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?=\.|$)", re.I)


def folded(name: str) -> str:
    """What names have in common that are one to a file system of Windows or macOS."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def here(name: str) -> str:
    """What names have in common that are usually one on this system."""
    return folded(name) if ONE_CASE else name


def mark(name: str) -> str:
    """Eight letters and digits that tell a name from others like it."""
    return f"{zlib.crc32(os.fsencode(name)):08x}"


def portable(name: str) -> str:
    """A part of a path as Windows takes it: no device, no sign that means something to it."""
    name = _FORBIDDEN.sub("_", name)
    name = _DEVICE.sub(r"\1_", name, count=1) if _DEVICE.match(name) else name
    kept = name.rstrip(" .")  # which Windows leaves off, unasked
    return kept if kept == name else f"{kept}_"


def fitting(name: str, most: int = STEM) -> str:
    """A name of at most `most` bytes; a longer one is cut, and ends in a mark of the whole."""
    coded = os.fsencode(name)
    if len(coded) <= most:
        return name
    return f"{coded[: most - 9].decode(errors='ignore').rstrip(' .')}~{mark(name)}"


def of_results(stem: AnyPath) -> AnyPath:
    """A relative stem as this system can write results of it: ``<stem>.<k>.<suffix>``."""
    *folders, last = [part.replace("\0", "_") for part in stem.parts] or [""]
    if WINDOWS:  # as it is looked at with its number behind: a dot at its end is inside the name
        folders, last = [portable(part) for part in folders], portable(f"{last}.1")[:-2]
    return type(stem)(*(fitting(part, _NAME) for part in folders), fitting(last))


def stem_of(name: str) -> str:
    """The stem of a file's results, of the file's name or path."""
    return of_results(PurePath(PurePath(name).stem)).name
