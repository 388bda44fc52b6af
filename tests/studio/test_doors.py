"""The doors of the server: tokens, proxies, slow clients, caching, and what its document says."""

import contextlib
import gzip
import io
import os
import re
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import colourful
from PIL import Image

from manyhues.errors import UsageError
from manyhues.studio import guard
from manyhues.studio import server as serving
from manyhues.studio.memory import give_back
from manyhues.studio.server import Protocol
from studio.conftest import Serve, Server, encoded, until

PAGE = {"Accept": "text/html,*/*"}


def test_the_page_for_the_token(serve: Serve) -> None:
    server = serve(token="pass-word.1")
    asked = server.http.get("/", headers=PAGE)
    assert asked.status_code == 401
    assert '<input id="token" name="token"' in asked.text
    assert '<p class="wrong" role="alert" hidden>' in asked.text
    assert "form-action 'self'" in asked.headers["content-security-policy"]
    assert asked.headers["cache-control"] == "no-store"
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', asked.text):
        assert server.http.get(path).status_code == 200, path
    assert server.http.get("/static/main.js").status_code == 401
    wrong = server.http.get("/?token=other", headers=PAGE)
    assert (wrong.status_code, '<p class="wrong" role="alert">' in wrong.text) == (401, True)
    elsewhere = server.http.get("/docs?token=pass-word.1", headers=PAGE)  # right, but not there
    assert (elsewhere.status_code, 'role="alert" hidden' in elsewhere.text) == (401, True)
    # A link in a mail: the browser comes from elsewhere, and keeps the cookie for the redirect.
    entered = server.http.get(
        "/?token=pass-word.1", headers={**PAGE, "Sec-Fetch-Site": "cross-site"}
    )
    assert "samesite=lax" in entered.headers["set-cookie"].lower()
    assert "secure" not in entered.headers["set-cookie"].lower()
    assert server.http.get("/", headers=PAGE).status_code == 200
    outside = {**PAGE, "X-Forwarded-Proto": "https"}
    assert "secure" in server.http.get("/?token=pass-word.1", headers=outside).headers[
        "set-cookie"
    ].lower().split("; ")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer pass-word.1", 200),
        ("bearer pass-word.1", 200),
        ("BEARER  pass-word.1", 200),
        ("pass-word.1", 401),
        ("Basic pass-word.1", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_bearer(serve: Serve, header: str, status: int) -> None:
    server = serve(token="pass-word.1")
    answer = server.http.get("/api/about", headers={"Authorization": header})
    assert answer.status_code == status


def test_cookies_of_others_do_not_hide_ours(serve: Serve) -> None:
    server, other = serve(token="pass-word.1"), serve(token="other-word.2")
    name = f"{guard.COOKIE}_{httpx.URL(server.url).port}"
    theirs = f"{guard.COOKIE}_{httpx.URL(other.url).port}"
    for cookie in (
        f"{name}=pass-word.1",
        f'a[b]=c; =; x"y=z; {name}="pass-word.1"',
        f"{theirs}=other-word.2; {name}=pass-word.1; ;;",
    ):
        headers = {"Cookie": cookie}
        assert server.http.get("/api/about", headers=headers).status_code == 200, cookie
    headers = {"Cookie": f"{guard.COOKIE}=pass-word.1"}
    assert server.http.get("/api/about", headers=headers).status_code == 401


def test_same_origin_is_trusted_and_the_outer_name_known(serve: Serve) -> None:
    server = serve(outer="studio.example.org")
    path = "/api/sessions/none/colorize"
    for headers, status in (
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://a.example"}, 404),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://a.example"}, 403),
        ({"Origin": "https://studio.example.org"}, 404),
        ({"Host": "studio.example.org", "Origin": "https://studio.example.org"}, 404),
        ({"Host": "studio.example.org", "Origin": "https://evil.example.org"}, 403),
        ({"Host": "other.example.org"}, 421),
    ):
        answer = server.http.post(path, json={}, headers=headers)
        assert answer.status_code == status, headers
    with pytest.raises(UsageError, match="--outer-host"):
        serving.serve("127.0.0.1", 0, None, outer="https://studio.example.org/")


NGINX = """
{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 300m;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port}; server_name studio.example.org;
    location / {{
      proxy_pass {url}; proxy_http_version 1.1; proxy_buffering off; {host}
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


@contextmanager
def proxied(server: Server, folder: Path, host: str) -> Iterator[httpx.Client]:
    """nginx on this machine, which a client takes for studio.example.org."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("NO NGINX: install Debian's package `nginx-light` to test the proxy")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = folder / "nginx.conf"
    user = "" if os.geteuid() else "user root;"  # who may write where pytest lets tests write
    file.write_text(NGINX.format(user=user, folder=folder, port=port, url=server.url, host=host))
    with subprocess.Popen([nginx, "-c", str(file), "-p", str(folder)]) as process:
        headers = {"Host": "studio.example.org"}
        try:
            address = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=address, headers=headers, timeout=300) as client:
                until(lambda: _answers(client))
                yield client
        finally:
            process.terminate()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="no nginx there")
@pytest.mark.parametrize("host", ["proxy_set_header Host $host;", ""], ids=["kept", "rewritten"])
def test_behind_a_real_proxy(serve: Serve, tmp_path: Path, picture: bytes, host: str) -> None:
    server = serve(token="pass-word.1", outer="studio.example.org")
    with proxied(server, tmp_path, host) as client:
        assert client.get("/", headers=PAGE).status_code == 401
        entered = client.get("/?token=pass-word.1", headers=PAGE)
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"]
        assert "secure" in cookie.lower()
        kept = {"Cookie": cookie.split(";")[0], "Origin": "https://studio.example.org"}
        for further in ({}, {"Sec-Fetch-Site": "same-origin"}):
            answer = client.post(
                "/api/colorize",
                files={"image": ("a.png", picture)},
                data={"n": 2, "pick": "random", "wait": "false"},
                headers={**kept, **further},
            )
            assert answer.status_code == 202, answer.text
        with client.stream("GET", answer.json()["job"]["events"], headers=kept) as stream:
            assert "event: done" in stream.read().decode()
        archive = client.get(answer.json()["zip"], headers=kept)
        assert zipfile.ZipFile(io.BytesIO(archive.content)).testzip() is None
        evil = {**kept, "Origin": "https://evil.example"}
        assert client.delete("/api/jobs/x", headers=evil).status_code == 403


def raw(server: Server, head: bytes, seconds: float) -> bytes:
    """What comes back on a connection that sends this and then nothing."""
    address = ("127.0.0.1", httpx.URL(server.url).port or 0)
    with socket.create_connection(address, timeout=seconds) as connection:
        connection.sendall(head)
        return connection.makefile("rb").read()


def test_slow_clients_are_let_go(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_BODY", 0.5)
    monkeypatch.setattr(Protocol, "patience", 0.5)
    server = serve()
    start = time.monotonic()  # without the patches each would be let go after 20 s or more
    assert raw(server, b"", 15) == b""
    assert raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 15) == b""
    head = (
        b"POST /api/colorize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    answer = raw(server, head, 15)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"came too slowly" in answer
    # A second request of one connection has its own time; one that waits for work is no slow one.
    assert time.monotonic() - start < 15
    monkeypatch.setattr(guard, "_BODY", 30.0)
    assert server.http.get("/healthz").status_code == 200
    time.sleep(0.8)
    assert server.http.get("/healthz").status_code == 200


def test_connections_are_capped(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_CONNECTIONS", 4)
    server = serve()
    address = ("127.0.0.1", httpx.URL(server.url).port or 0)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(address))
        until(lambda: httpx.get(f"{server.url}/healthz").status_code == 503)
    until(lambda: httpx.get(f"{server.url}/healthz").status_code == 200)


def test_a_request_that_takes_long_is_not_cut(
    serve: Serve, picture: bytes, slow: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_BODY", 3.0)
    monkeypatch.setattr(Protocol, "patience", 3.0)
    slow[0] = 1.0
    server = serve()
    assert server.colorize(picture, n=4, pick="random")["results"]  # takes over four seconds


def test_head(server: Server) -> None:
    for path in ("/", "/healthz", "/docs", "/static/main.js"):
        answer = server.http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_static_files_are_cached_and_packed(server: Server) -> None:
    page = server.http.get("/").text
    (main,) = re.findall(r'src="(/static/[0-9a-f]{16}/main\.js)"', page)
    assert f'<link rel="modulepreload" href="{main.replace("main", "viewer")}">' in page
    answer = server.http.get(main)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == server.http.get(main, headers={"Accept-Encoding": "identity"}).text
    for path in ("/", "/static/page.css", main):
        etag = server.http.get(path).headers["etag"]
        again = server.http.get(path, headers={"If-None-Match": f'W/"x", {etag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-security-policy" in again.headers
    assert server.http.get("/static/main.js").headers["cache-control"] == "no-cache"
    old = server.http.get("/static/0123456789abcdef/main.js")  # of a version before
    assert old.headers["cache-control"] == "no-cache"
    manifest = server.http.get(re.findall(r'rel="manifest" href="([^"]+)"', page)[0])
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    for one in manifest.json()["icons"]:
        assert server.http.get(one["src"]).status_code == 200
    assert gzip.decompress(b"".join(_raw_body(server, main))) == answer.content


def _raw_body(server: Server, path: str) -> list[bytes]:
    with server.http.stream("GET", path) as stream:
        return list(stream.iter_raw())


def test_what_a_format_cannot_hold_is_no_fault_of_the_server(server: Server) -> None:
    wide = np.tile(np.arange(250, dtype=np.uint8), (4, 66))[:, :16_500]
    session = server.colorize(encoded(wide), n=1, pick="random")
    link = session["results"][0]["download"].split("?")[0]
    answer = server.http.get(link, params={"format": "webp"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "format"
    assert "choose another format" in answer.json()["detail"]


def test_sides_are_bounded(server: Server) -> None:
    start = time.process_time()  # client and server are one process
    answer = server.http.post(
        "/api/colorize", files={"image": ("a.png", encoded(np.zeros((250_000, 1), np.uint8)))}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "size")
    assert "a side" in answer.json()["detail"]
    assert time.process_time() - start < 3


@pytest.mark.parametrize("error", [ValueError, Image.DecompressionBombError, OSError, KeyError])
def test_what_decoders_raise_is_the_picture_s_fault(
    server: Server, picture: bytes, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(*arguments: Any, **options: Any) -> None:
        raise error("bad chunk")

    monkeypatch.setattr(Image.Image, "load", fails)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fails)
    answer = server.http.post("/api/colorize", files={"image": ("a.jpg", JPEG)})
    assert (answer.status_code, answer.json()["code"]) == (400, "picture"), answer.text


JPEG = encoded(colourful(30, 40), "JPEG")


def test_unknown_form_fields_are_refused(server: Server, picture: bytes) -> None:
    files = {"image": ("a.png", picture)}
    for field, said in (
        ("hints", "hints: unknown field; did you mean hint?"),
        ("colour", "colour: unknown field"),
    ):
        answer = server.http.post("/api/colorize", files=files, data={field: "3,4=#b03030"})
        assert answer.status_code == 422
        assert answer.json() == {"code": "invalid", "detail": said}


@pytest.mark.parametrize("door", ["/api/colorize", "/api/sessions/{}/palettes"])
def test_what_no_door_knows_is_refused_at_each(server: Server, picture: bytes, door: str) -> None:
    files = {"image": ("a.png", picture)}
    sid = server.http.post("/api/colorize", files=files, data={"n": 1}).json()["session"]
    there, lost = door.format(sid), {"nonsense": "1"}
    for answer in (
        server.http.post(there, files=files, params=lost),
        server.http.post(there, files=files, data=lost),
    ):
        assert answer.status_code == 422
        assert answer.json()["detail"] == "nonsense: unknown field"
    answer = server.http.post("/api/colorize?n=3", files=files)
    assert answer.json()["detail"] == "n: is no query; send it as a field of the form"


def test_allow_names_all_methods(server: Server) -> None:
    answer = server.http.put("/api/sessions/none")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")


def test_the_document_says_what_can_happen(server: Server) -> None:
    document = server.http.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for verbs in document["paths"].values():
        for verb, one in verbs.items():
            if one["tags"] == ["service"]:
                continue
            assert {"401", "403", "413", "421", "422", "429", "500"} <= set(one["responses"]), verb
    told = document["paths"]["/api/colorize"]["post"]
    assert "6 seconds" in told["description"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no resident size to read")
def test_memory_goes_back() -> None:
    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    # Blocks below the size that is mapped by itself, with one at the end that keeps the heap large.
    blocks = [bytes(100_000) for _ in range(1500)]
    kept = blocks[-1]
    before = resident()
    del blocks
    give_back()
    if resident() > before - 100:
        pytest.skip("NO GLIBC: its memory is not given back")
    assert len(kept) == 100_000
