"""The page's own files: read once, compressed, and cached by browsers for as long as they are so.

Under ``/static/DIGEST/`` they never change and are kept for good; under ``/static/`` a browser asks
again each time, and is told 304 where nothing has changed.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from fastapi import HTTPException, Request
from fastapi.responses import Response

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml",
    ".png": "image/png", ".webmanifest": "application/manifest+json",
}  # fmt: skip
WRONG = "token-wrong.html"  # token.html that says what was wrong
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    plain: bytes
    packed: bytes
    etag: str
    type: str


class Files:
    """All files of the folder; `digest` is of all of them together."""

    def __init__(self, folder: Path = STATIC) -> None:
        found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        whole = hashlib.sha256(b"\0".join(found.values())).hexdigest()
        self.digest = whole[:16]
        found[WRONG] = found["token.html"].replace(b' role="alert" hidden', b' role="alert"')
        self._files = {name: self._file(name, data, list(found)) for name, data in found.items()}

    def _file(self, name: str, data: bytes, names: list[str]) -> _File:
        suffix = Path(name).suffix
        if suffix in (".html", ".webmanifest"):  # what they name is of this digest
            data = data.replace(b'"/static/', f'"/static/{self.digest}/'.encode())
        if name == "index.html":  # all at once, instead of one after the other as they are read
            modules = set(re.findall(r'"\./(\w+\.js)"', self._imports())) & set(names)
            links = (f'<link rel="modulepreload" href="/static/{self.digest}/{one}">'
                     for one in sorted(modules))  # fmt: skip
            data = data.replace(b"</head>", "\n".join([*links, "</head>"]).encode())
        etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        return _File(data, gzip.compress(data, mtime=0), etag, _TYPES[suffix])

    @staticmethod
    def _imports() -> str:
        own = [path for path in STATIC.glob("*.js") if path.name != "docs.js"]
        return "".join(path.read_text("utf-8") for path in own)

    def answer(
        self, request: Request, name: str, cache: str = "no-cache", status: int = 200
    ) -> Response:
        """One file, packed where the client takes that; 304 where it has it; 404 for another."""
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404, "Not Found")
        headers = {"Cache-Control": cache, "ETag": file.etag, "Vary": "Accept-Encoding"}
        known = request.headers.get("if-none-match", "")
        if status == 200 and file.etag in known.replace("W/", "").split(", "):
            return Response(status_code=304, headers=headers)
        data = file.plain
        takes_packed = "gzip" in request.headers.get("accept-encoding", "")
        if takes_packed and file.type != "image/png":
            data, headers["Content-Encoding"] = file.packed, "gzip"
        charset = "" if file.type.startswith("image/") else "; charset=utf-8"
        return Response(data, status, headers, f"{file.type}{charset}")

    def static(self, request: Request, digest: str, name: str) -> Response:
        """A file under a digest: for good under ours, for now under one of before."""
        return self.answer(request, name, _FOR_GOOD if digest == self.digest else "no-cache")
