"""File formats, one file a family; a family that is put into this folder is found."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from PIL import Image

from manyhues.image.formats.base import File, Format, Page
from manyhues.image.formats.pillow import Pillow, format_name

__all__ = ["families", "format_name", "of_image", "pages", "suffixes"]

_HEAD = 264  # bytes: what lies at 128 or 257 is seen too (DICOM, tar)


@cache
def _load() -> None:
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


@cache
def _sorted(known: int) -> list[type[Format]]:
    return sorted(Format.families, key=lambda family: family.general)


def families() -> list[type[Format]]:
    """All families, in the order in which a file is shown to them."""
    _load()
    return _sorted(len(Format.families))


def pages(file: File) -> Sequence[Page]:
    """The pages of a file, read by whichever family knows it. Raises `PictureError`."""
    head = file.data[:_HEAD]
    for family in families():
        if family.sniff(head):
            return family.pages(file)
    raise AssertionError("the general family takes any file")


def suffixes(*, paged: bool = False) -> frozenset[str]:
    """Suffixes of pictures; with `paged`, of those that may have several pages."""
    return frozenset().union(*(f.suffixes for f in families() if f.paged or not paged))


def of_image(image: Image.Image) -> type[Pillow]:
    """The family that reads an image of Pillow's."""
    kin = [family for family in families() if issubclass(family, Pillow)]
    return next((family for family in kin if image.format in family.names), Pillow)
