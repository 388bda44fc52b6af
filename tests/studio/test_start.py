"""How the studio starts where it cannot work: one line and exit status 1, no traceback."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from manyhues.cli import main as cli
from manyhues.errors import WeightsError
from manyhues.model import manifest
from manyhues.studio import place, server
from manyhues.studio.app import create_app
from manyhues.studio.limits import Limits
from manyhues.studio.store import Store


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the package's weights."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(manifest, "WEIGHTS", folder)
    return folder


def test_the_verb_passes_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(server, "serve", lambda *places, **options: given.update(options))
    command = [
        "studio",
        "--outer-host",
        "a.example",
        "--max-upload",
        "80",
        "--max-pixels",
        "45",
    ]
    with pytest.raises(SystemExit) as end:
        cli.main([*command, "--folder", str(tmp_path)])
    assert not end.value.code
    assert (given["folder"], given["outer"]) == (tmp_path, "a.example")
    limits = given["limits"]
    assert (limits.upload_bytes, limits.pixels) == (80 << 20, 45_000_000)
    assert limits.folder_bytes == 50 << 30  # 2 where it is not kept
    with pytest.raises(SystemExit):
        cli.main(["studio", "--max-folder", "0.5"])
    assert given["limits"].folder_bytes == 1 << 29


def test_a_folder_that_cannot_be_had_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with place.kept(tmp_path / "a"), pytest.raises(SystemExit) as end:
        cli.main(["studio", "--port", "0", "--folder", str(tmp_path / "a")])
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.endswith("another studio uses it; stop that one, or choose another\n")
    assert told.count("\n") == 1


def test_without_weights_the_verb_ends_in_one_line(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "_bind", lambda *address: pytest.fail("it was started"))
    with pytest.raises(SystemExit) as end:
        cli.main(["studio", "--port", "0"])
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert told == f"manyhues: {empty}: no weights inside; install manyhues again\n"


def test_without_weights_the_store_and_the_application_say_so(empty: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights inside"):
        Store(tmp_path, Limits(), empty)

    async def start() -> None:
        app = create_app()
        async with app.router.lifespan_context(app):
            pytest.fail("it was started")

    with pytest.raises(WeightsError, match="no weights inside"):
        asyncio.run(start())
