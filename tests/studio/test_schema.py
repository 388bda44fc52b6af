"""Schemathesis against the OpenAPI document: no 5xx, and answers that are as it says."""

import os
import subprocess
import sys
from pathlib import Path

from studio.conftest import Server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


def test_schemathesis(server: Server, picture: bytes, tmp_path: Path) -> None:
    session = server.colorize(picture, n=2, pick="random")
    real = {"sid": session["session"], "rid": session["results"][0]["id"]}
    real["jid"] = session["job"]["id"]
    lines = [f'"path.{name}" = "{value}"' for name, value in real.items()]
    (tmp_path / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--checks", ",".join(CHECKS)),
            *("--max-examples", "6", "--seed", "1", "--workers", "1", "--no-color"),
            *("--exclude-method", "DELETE", "--request-timeout", "240"),
        ],
        cwd=tmp_path,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    served = server.http.get("/metrics").text
    assert 'route="/api/sessions/{sid}/results/{rid}/full",status="200"' in served
