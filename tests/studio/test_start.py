"""How the studio starts where it cannot work: one line and exit status 1, no traceback."""

import asyncio
from pathlib import Path

import pytest

from manyhues.cli import main as cli
from manyhues.errors import WeightsError
from manyhues.model import manifest
from manyhues.studio import server
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
