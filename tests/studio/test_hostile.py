"""Thirty hostile uploads: each is refused with 4xx within a second, and says nothing of paths."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from studio.conftest import Server, encoded, until

GOOD = encoded(colourful(60, 80), "JPEG")
GOOD_PNG = encoded(colourful(60, 80))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"", *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", data or zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + body + chunk(b"IEND", b"")


def tiff(width: int, height: int, offset: int = 8) -> bytes:
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1),
            (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height),
            (279, 4, 1, width * height & 0xFFFFFFFF)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", offset, len(tags)) + entries + b"\0\0\0\0"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0" * 6 + b","


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * 10_000_000)
    return out.getvalue()


def fractal_jpeg() -> bytes:
    """A JPEG whose header says 65,500 pixels either way."""
    at = GOOD.index(b"\xff\xc0") + 5
    return GOOD[:at] + struct.pack(">HH", 65500, 65500) + GOOD[at + 4 :]


def floats() -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((9, 9), np.nan, np.float32)).save(out, "TIFF")
    return out.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
UPLOADS: dict[str, Callable[[], bytes]] = {
    "bomb-png-square": lambda: png(60_000, 60_000),
    "bomb-png-wide": lambda: png(2**31 - 1, 1),
    "bomb-png-tall": lambda: png(1, 2**31 - 1),
    "bomb-png-nothing": lambda: png(0, 0),
    "bomb-jpeg": fractal_jpeg,
    "bomb-gif": lambda: gif(65535, 65535),
    "bomb-tiff": lambda: tiff(2**31, 2**31),
    "bomb-zip": zipped,
    "bomb-text-chunk": lambda: png(
        8, 8, b"", chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 50_000_000))
    ),
    "polyglot-html": lambda: b"<html><script>alert(1)</script></html>" + GOOD,
    "polyglot-php": lambda: b"GIF89a<?php system($_GET['c']); ?>",
    "polyglot-js": lambda: b"GIF89a/*\0*/=1;alert(1)//",
    "polyglot-zip": lambda: zipped() + GOOD_PNG,
    "polyglot-pdf": lambda: b"%PDF-1.7\n" + GOOD_PNG,
    "truncated-jpeg": lambda: GOOD[: len(GOOD) // 2],
    "truncated-jpeg-header": lambda: GOOD[:20],
    "truncated-png": lambda: GOOD_PNG[: len(GOOD_PNG) // 2],
    "truncated-png-signature": lambda: GOOD_PNG[:8],
    "truncated-tiff": lambda: encoded(colourful(60, 80), "TIFF")[:3000],
    "truncated-webp": lambda: encoded(colourful(60, 80), "WEBP")[:200],
    "wrong-type-text": lambda: b"no picture at all\n" * 99,
    "wrong-type-svg": lambda: SVG,
    "wrong-type-entity": lambda: XXE,
    "wrong-type-postscript": lambda: EPS,
    "wrong-type-elf": lambda: b"\x7fELF\x02\x01\x01" + bytes(900),
    "wrong-type-video": lambda: b"\0\0\0\x18ftypmp42" + bytes(900),
    "wrong-type-floats": floats,
    "empty": lambda: b"",
    "zeros": lambda: bytes(100_000),
    "loop-tiff": lambda: tiff(9, 9, 0xFFFFFFF0),
    "huge-icc": lambda: png(
        8, 8, zlib.compress(bytes(7)), chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(9_000_000)))
    ),
}


def refused(server: Server, data: bytes, name: str, kind: str = "image/png") -> None:
    before = server.studio.store.count
    start = time.process_time()
    answer = server.http.post(
        "/api/colorize", files={"image": (name, data, kind)}, data={"n": 1, "pick": "random"}
    )
    seconds = time.process_time() - start
    assert 400 <= answer.status_code < 500, answer.text
    assert seconds < 1, f"{seconds:.2f} s of a core"
    assert set(answer.json()) == {"code", "detail"}
    leaks = ("/tmp", "/root", "/home", "site-packages", "Traceback", "manyhues/", str(Path.cwd()))
    assert not any(leak in answer.text for leak in leaks), answer.text
    assert server.studio.store.count == before
    assert server.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("upload", UPLOADS)
def test_hostile_upload(server: Server, upload: str) -> None:
    refused(server, UPLOADS[upload](), f"{upload}.png")


def test_there_are_thirty_of_them() -> None:
    assert len(UPLOADS) >= 30


NAMES = [
    "../../../etc/passwd",
    "..\\..\\windows\\system32\\x.png",
    "/etc/cron.d/x.png",
    "a\x00b.png",
    "%2e%2e%2fx.png",
    "x" * 5000 + ".png",
    "con.png",
    "<img src=x onerror=alert(1)>.png",
    '"; rm -rf ~; ".png',
    "a\r\nSet-Cookie: x=1.png",
    "ảnh\u202egnp.exe",
    "",
    ".",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_never_become_paths(server: Server, name: str) -> None:
    """Of a good picture the name is shown at most; of a bad one it changes nothing."""
    refused(server, b"no picture", name)
    store = server.studio.store
    outside = {path for path in store.folder.parent.iterdir() if path != store.folder}
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="'
    quoted = name.replace('"', "%22").replace("\r\n", "%0D%0A").encode()
    tail = b'"\r\nContent-Type: image/png\r\n\r\n' + GOOD_PNG + b"\r\n"
    rest = b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n'
    more = b'--x\r\nContent-Disposition: form-data; name="pick"\r\n\r\nrandom\r\n--x--\r\n'
    answer = server.http.post(
        "/api/colorize",
        content=head + quoted + tail + rest + more,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500
        return
    session = answer.json()
    shown = session["picture"]["name"]
    assert not set(shown) & set('/\\<>"\0\r\n\u202e')
    assert len(shown) <= 90
    folder = store.folder / session["session"]
    rid = session["results"][0]["id"]
    kept = server.http.get(session["results"][0]["download"])
    assert "\n" not in kept.headers["content-disposition"]
    allowed = {"source", "grey.screen", "session.json"}
    allowed |= {f"{rid}.npz", f"{rid}.preview", f"{rid}.full.png"}
    assert {path.name for path in folder.iterdir()} == allowed
    assert {path for path in store.folder.parent.iterdir() if path != store.folder} == outside


def test_wrong_requests(server: Server) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    many = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % i for i in range(2000)
    )
    url = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nhttp://localhost/\r\n--x--'
    for content, headers in (
        (b"", {}),
        (GOOD, {"Content-Type": "image/jpeg"}),
        (b"{", {"Content-Type": "application/json"}),
        (GOOD, {"Content-Type": "multipart/form-data"}),
        (b"--x\r\nbroken", form),
        (many + b"--x--", form),
        (url, form),  # a text in the place of the file: nothing is fetched
        (GOOD, {**form, "Content-Encoding": "gzip"}),
    ):
        start = time.process_time()
        answer = server.http.post("/api/colorize", content=content, headers=headers)
        assert 400 <= answer.status_code < 500, (headers, answer.text)
        assert time.process_time() - start < 1


def test_a_huge_header_is_refused(server: Server) -> None:
    start = time.process_time()
    answer = server.http.get("/", headers={"X-Long": "a" * 500_000})
    assert answer.status_code in (400, 431)
    assert time.process_time() - start < 1
    until(lambda: server.http.get("/healthz").status_code == 200)
