"""What every request has to pass: host, origin, token, size; and what every answer carries."""

import hmac
import re
import socket
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from manyhues.cli import main as cli
from manyhues.errors import UsageError
from manyhues.studio import guard
from manyhues.studio import server as serving
from studio.conftest import Serve, Server

STATIC = Path(guard.__file__).parent / "static"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8400", "[::1]:8400", "192.168.1.20"])
def test_own_hosts(server: Server, host: str) -> None:
    assert server.http.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a b", "[::1", "127.0.0.1.evil.example"]
)
def test_rebound_names_are_refused(server: Server, host: str) -> None:
    for path in ("/", "/healthz", "/static/main.js", "/api/about"):
        answer = server.http.get(path, headers={"Host": host})
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"].startswith(("application/json", "text/plain"))


def test_pages_elsewhere_cannot_send(server: Server, picture: bytes) -> None:
    files = {"image": ("a.png", picture)}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        refused = server.http.post("/api/colorize", files=files, headers=headers)
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
        assert "content-security-policy" in refused.headers
    asked = server.http.options(
        "/api/colorize",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in asked.headers
    form = {"n": 1, "pick": "random"}
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    own = server.http.post("/api/colorize", files=files, data=form, headers=headers)
    assert own.status_code == 200


def test_every_answer_is_locked_down(server: Server, picture: bytes) -> None:
    session = server.colorize(picture, n=1, pick="random")
    links = [session["results"][0][key] for key in ("url", "preview", "download")]
    for path in ("/", "/docs", "/nowhere", "/static/main.js", "/api/about", *links):
        headers = server.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert "immutable" in server.http.get(links[0]).headers["cache-control"]
    path = f"/api/sessions/{session['session']}"
    assert server.http.get(path).headers["cache-control"] == "no-store"


def test_pages_use_nothing_from_outside() -> None:
    for path in STATIC.iterdir():
        if path.suffix == ".png":
            continue
        text = path.read_text("utf-8")
        text = text.replace("http://www.w3.org/2000/svg", "").replace("http://localhost:8400", "")
        assert not re.search(r"https?:|//[a-z]+\.", text), path.name
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style", text)
        assert "innerHTML" not in text
        assert len(text.splitlines()) <= 400


def test_static_serves_nothing_else(server: Server) -> None:
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fcli.py",
        "/examples/../pyproject.toml",
        "/examples/%2e%2e/pyproject.toml",
        "/static//etc/passwd",
    ):
        with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0)) as raw:
            raw.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            answer = raw.makefile("rb").read()
        assert answer.split()[1] == b"404", path
        assert b"root:" not in answer


def test_token(serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare = hmac.compare_digest

    def watched(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    server = serve(token="pass-word.1")
    assert server.http.get("/healthz").status_code == 200
    for path in ("/", "/api/about", "/metrics", "/openapi.json", "/static/main.js", "/?token=no"):
        refused = server.http.get(path)
        assert refused.status_code == 401
        assert "pass" not in refused.text
    wrong = server.http.get("/api/about", headers={"Authorization": "Bearer pass-word"})
    assert wrong.status_code == 401
    assert set(compared) == {(32, 32)}  # digests of one length: time tells nothing
    bearer = {"Authorization": "Bearer pass-word.1"}
    assert server.http.get("/api/about", headers=bearer).status_code == 200
    entered = server.http.get("/", params={"token": "pass-word.1"})
    assert entered.status_code == 303
    assert entered.headers["location"] == "/"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie  # a link in a mail is followed from elsewhere
    assert server.http.get("/api/about").status_code == 200  # the client kept the cookie


def test_bodies_are_bounded(serve: Serve) -> None:
    server = serve(upload_bytes=1 << 16)
    too_much = b"\0" * ((1 << 16) + (1 << 20) + 1)
    answer = server.http.post("/api/colorize", files={"image": ("a.png", too_much)})
    assert answer.status_code == 413

    def chunks() -> object:  # without a Content-Length
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield b"\0" * (1 << 16)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = server.http.post("/api/colorize", content=chunks(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413


def test_other_hosts_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    serving._greet("127.0.0.1", 8400, None)
    serving._greet("localhost", 8400, None)
    serving._greet("::1", 8400, None)
    serving._greet("0.0.0.0", 8400, "secret")
    said = capsys.readouterr().err
    assert "warning" not in said
    assert "secret" not in said
    assert "http://[::1]:8400 " in said
    serving._greet("0.0.0.0", 8400, None)
    assert "warning: anyone who reaches 0.0.0.0" in capsys.readouterr().err


def test_a_port_in_use_is_said(server: Server) -> None:
    port = httpx.URL(server.url).port
    with pytest.raises(UsageError, match=f"--port {port}: cannot be had"):
        serving.serve("127.0.0.1", port or 0, None)


@pytest.mark.parametrize("token", ["", "short", "with space", "é" * 9])
def test_poor_tokens_are_refused(token: str) -> None:
    with pytest.raises(UsageError, match="--token: expected"):
        serving.serve("127.0.0.1", 0, token)


def test_the_verb_is_there() -> None:
    shown = CliRunner().invoke(cli.app, ["studio", "--help"])
    assert shown.exit_code == 0
    for option in ("--host", "--port", "--token"):
        assert option in shown.output
