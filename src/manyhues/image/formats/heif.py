"""HEIF and HEIC, which cameras of telephones write: pillow-heif, an optional library, decodes."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from manyhues.image.formats.base import File, Page
from manyhues.image.formats.pillow import Pillow


class Heif(Pillow):
    """HEIF, by its brands; AVIF has the same container and is Pillow's own."""

    names = ("HEIF",)
    suffixes = frozenset({".heic", ".heif"})
    general = False
    remedy = "install pillow-heif, or convert it"

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether the brands are HEIF's (ISO/IEC 23008-12, 10.2) and not AVIF's too."""
        if head[4:8] != b"ftyp":
            return False
        brand, others = head[8:12], head[16 : int.from_bytes(head[:4])]
        return brand in (b"heic", b"heix") or (brand in (b"mif1", b"msf1") and b"avi" not in others)

    @classmethod
    def pages(cls, file: File) -> Sequence[Page]:
        """One page. Raises `PictureError`, which names the library where it is missing."""
        with suppress(ModuleNotFoundError):  # Pillow then knows none; `remedy` says what to do
            import_module("pillow_heif").register_heif_opener()
        return super().pages(file)
