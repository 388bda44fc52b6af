"""The list of pictures on the first page, and several pictures on their way into it."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import expect

from manyhues.errors import ManyhuesError
from manyhues.studio import jobs
from studio.browser import Open, tiles
from studio.conftest import Server, encoded


def test_several_pictures(visit: Open, photo: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.png" for name in ("one", "two", "three")]
    for k, path in enumerate(paths):
        Image.fromarray(colourful(60, 80 + k)).convert("L").save(path)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with visit() as page:
        page.locator("[name=n]").evaluate("(node) => (node.value = 2)")
        page.locator("[name=pick][value=random]").evaluate("(node) => (node.checked = true)")
        page.locator("#file").set_input_files([*paths[:2], tmp_path / "broken.png", paths[2]])
        expect(page.locator("#sending-text")).to_contain_text("1 of 4: ")
        expect(page.locator(".toast.bad")).to_contain_text("broken.png cannot be read")
        expect(page.locator(".toast", has_text="3 of 4 pictures are coloured.")).to_be_visible()
        report = page.locator("#many")
        expect(report).to_contain_text("3 of 4 pictures are coloured.")
        expect(report.locator("li")).to_have_count(1)
        expect(report.locator("li")).to_contain_text("broken.png cannot be read")
        expect(page.locator("#album-list li")).to_have_count(3)
        expect(page.locator("#album-list")).to_contain_text("2 colourings")
        expect(page.locator("#keeping")).to_contain_text("until you delete them")
        with page.expect_download() as whole:
            page.get_by_role("link", name="All as one ZIP").click()
        with zipfile.ZipFile(whole.value.path()) as archive:
            assert "two/two.2.png" in archive.namelist()
            assert len(archive.namelist()) == 9
        page.get_by_role("button", name="VI").click()
        expect(report).to_contain_text("Đã tô màu 3 / 4 ảnh.")
        page.get_by_role("button", name="EN").click()
        expect(page.locator(".toast")).to_have_count(0)  # they have gone; the report stays
        expect(report).to_contain_text("broken.png cannot be read")
        page.locator("#album-list a", has_text="one.png").click()
        expect(tiles(page)).to_have_count(2)
        page.go_back()
        expect(report).to_contain_text("3 of 4 pictures are coloured.")
        report.get_by_role("button", name="Close").click()
        expect(report).to_be_hidden()


def test_a_job_that_fails_is_not_told_as_coloured(
    visit: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.png" for name in ("one", "two")]
    for k, path in enumerate(paths):
        Image.fromarray(colourful(60, 80 + k)).convert("L").save(path)

    def nothing(*arguments: object) -> Iterator[object]:
        raise ManyhuesError("the machine is short of memory")
        yield

    monkeypatch.setattr(jobs, "steps", nothing)
    with visit() as page:
        page.locator("#file").set_input_files(paths)
        expect(page.locator("#many")).to_contain_text("0 of 2 pictures are coloured.")
        expect(page.locator("#many li")).to_have_count(2)
        expect(page.locator("#many li").first).to_contain_text("one.png: ")


def test_a_late_answer_forgets_no_newer_picture(visit: Open, server: Server) -> None:
    grey = encoded(colourful(40, 60))
    ids = [server.colorize(grey, n=1, pick="random")["session"] for _ in range(2)]
    with visit() as page:
        page.evaluate(
            """async (ids) => {
              const album = await import("/static/album.js");
              const real = window.fetch;
              let asked = 0, release;
              const held = new Promise((resolve) => (release = resolve));
              window.fetch = async (path, options) => {
                const first = String(path).includes("ids=") && ++asked === 1;
                const answer = await real(path, options);
                if (first) await held;
                return answer;
              };
              album.remember(ids[0]);
              const late = album.refresh();
              album.remember(ids[1]);
              await album.refresh();
              release();
              await late;
            }""",
            ids,
        )
        kept = page.evaluate("() => JSON.parse(localStorage.getItem('manyhues.recent'))")
        assert kept == ids[::-1]
        expect(page.locator("#album-list li")).to_have_count(2)
