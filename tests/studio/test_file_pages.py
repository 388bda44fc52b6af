"""Pages of a TIFF: each a picture of its own, over the API and in the page."""

import io
import shlex
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import expect

import manyhues
from manyhues import colorization
from manyhues.cli import main as cli
from manyhues.image.picture import Picture
from manyhues.render import sheet
from manyhues.studio.app import create_app
from studio.browser import Open, begin, session_of, tiles, wait_for
from studio.conftest import Serve, Server, encoded, running

SIZES = ((50, 40), (64, 48), (40, 60))


def tiff() -> bytes:
    """Three pages of three sizes."""
    out = io.BytesIO()
    pages = [Image.fromarray(colourful(h, w, seed=w)) for w, h in SIZES]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    return out.getvalue()


def other(server: Server, session: dict[str, Any], page: int) -> dict[str, Any]:
    answer = server.http.post(f"/api/sessions/{session['session']}/pages", json={"page": page})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_page_of_an_upload(server: Server, weights: Path) -> None:
    session = server.colorize(tiff(), "scan.tif", n=2, pick="random", page=3)
    picture = session["picture"]
    assert (picture["page"], picture["pages"]) == (3, 3)
    assert (picture["width"], picture["height"]) == SIZES[2]
    assert session["pages"] == [{"page": 3, "session": session["session"]}]
    page = Picture.pages(tiff())[2]()
    expected = manyhues.Colorizer.load(weights=weights)
    given = expected.sample(expected.encode(page), 2, pick="random").pixels(1)
    assert np.array_equal(server.pixels(session["results"][1]["url"]), given)


def test_going_from_page_to_page(server: Server) -> None:
    first = server.colorize(tiff(), "scan.tif", n=1, pick="random")
    assert (first["picture"]["page"], first["picture"]["pages"]) == (1, 3)
    second = other(server, first, 2)
    assert (second["picture"]["width"], second["picture"]["height"]) == SIZES[1]
    assert second["results"] == second["groups"] == []
    grey = server.http.get(second["picture"]["grey"])
    assert Image.open(io.BytesIO(grey.content)).size == SIZES[1]
    server.draw(second, "colorize", n=1, pick="random")
    assert other(server, first, 2)["session"] == second["session"]  # and not another one
    assert len(other(server, second, 1)["results"]) == 1
    assert other(server, second, 2)["session"] == second["session"]
    there = server.http.get(f"/api/sessions/{first['session']}").json()["pages"]
    assert there == [
        {"page": 1, "session": first["session"]},
        {"page": 2, "session": second["session"]},
    ]
    twin = server.colorize(tiff(), "scan.tif", n=1, pick="random")  # the same file, given again
    assert len(twin["pages"]) == 1


@pytest.mark.parametrize(
    ("page", "status", "says"), [(4, 400, "has 3 pages"), (0, 422, "page"), ("x", 422, "page")]
)
def test_a_page_that_is_not_there(server: Server, page: Any, status: int, says: str) -> None:
    count = server.studio.store.count
    files = {"image": ("scan.tif", tiff())}
    answer = server.http.post("/api/colorize", files=files, data={"page": page, "n": 1})
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert server.studio.store.count == count
    session = server.colorize(tiff(), "scan.tif", n=1, pick="random")
    answer = server.http.post(f"/api/sessions/{session['session']}/pages", json={"page": page})
    assert answer.status_code == status
    one = server.colorize(encoded(colourful(30, 40)), n=1, pick="random")
    answer = server.http.post(f"/api/sessions/{one['session']}/pages", json={"page": 2})
    assert (answer.status_code, "has 1 page" in answer.json()["detail"]) == (400, True)


def test_files_are_named_as_the_command_line_names_them(
    server: Server, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scan.tif").write_bytes(tiff())
    first = server.colorize(tiff(), "scan.tif", n=2, pick="random")
    second = other(server, first, 2)
    results = server.draw(second, "colorize", n=2, pick="random")
    server.draw(second, "vary", result=results[0]["id"], n=1)
    got = server.http.get(results[1]["download"])
    assert 'filename="scan.p2.2.tif"' in got.headers["content-disposition"]
    with pytest.raises(SystemExit) as left:
        cli.main(shlex.split(results[1]["recipe"]["command"])[1:])
    assert not left.value.code
    assert results[1]["recipe"]["file"] == "out/scan.p2.2.tif"
    pixels = server.pixels(results[1]["url"])
    assert np.array_equal(np.asarray(Image.open("out/scan.p2.2.tif")), pixels)
    space: dict[str, Any] = {}
    exec(results[1]["recipe"]["python"], space)
    assert np.array_equal(space["result"].pixels(0), pixels)
    both = f"{first['session']},{second['session']}"
    whole = server.http.get("/api/zip", params={"sessions": both})
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        names = archive.namelist()
    assert {"scan.p1/scan.p1.1.tif", "scan.p2/scan.p2.2.tif"} < set(names)
    assert "scan.p2/scan.p2.sheet.jpg" in names


def test_a_sheet_says_which_page_it_is_of(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []

    def told(tiles: Any, *, title: str, **given: Any) -> Image.Image:
        titles.append(title)
        return sheet.contact_sheet(tiles, title=title, **given)

    monkeypatch.setattr(colorization, "contact_sheet", told)
    first = server.colorize(tiff(), "scan.tif", n=1, pick="random")
    second = other(server, first, 2)
    server.draw(second, "colorize", n=1, pick="random")
    for session in (first, second):
        got = server.http.get(f"/api/sessions/{session['session']}/sheet")
        assert got.status_code == 200, got.text
    assert titles == ["scan.tif, page 1 of 3", "scan.tif, page 2 of 3"]


def test_two_who_ask_at_once_get_one_page(server: Server) -> None:
    session = server.colorize(tiff(), "scan.tif", n=1, pick="random")
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(other(server, session, 2)["session"]))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_pages_share_the_room_of_their_file_and_outlive_each_other(
    serve: Serve, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    server = serve(folder=folder)
    store = server.studio.store
    data = tiff()
    first = server.colorize(data, "scan.tif", n=1, pick="random")
    before = store.size
    second = other(server, first, 2)
    assert store.size - before < len(data)  # its grey, and what is known of it
    whole = sum(path.stat().st_size for path in folder.glob("*/*") if path.name != "source")
    assert store.size == whole + 2 * (len(data) // 2)
    server.http.delete(f"/api/sessions/{first['session']}")
    assert store.size > len(data)
    result = server.draw(second, "colorize", n=1, pick="random")[0]
    assert server.pixels(result["url"]).shape == (*SIZES[1][::-1], 3)


def test_pages_are_there_after_a_restart(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "kept"
    with running(create_app(folder=folder, weights=weights, listed=True)) as server:
        first = server.colorize(tiff(), "scan.tif", n=1, pick="random")
        second = other(server, first, 2)
    with running(create_app(folder=folder, weights=weights, listed=True)) as server:
        again = server.http.get(f"/api/sessions/{second['session']}").json()
        assert again["pages"] == other(server, first, 2)["pages"]
        assert again["picture"] == second["picture"]
        listed = server.http.get("/api/sessions").json()["sessions"]
        assert {(one["page"], one["pages"]) for one in listed} == {(1, 3), (2, 3)}


def test_the_page_shows_pages(visit: Open, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(tiff())
    with visit() as page:
        begin(page, path, 2)
        pages = page.locator("#pages")
        expect(pages).to_contain_text("of 3")
        expect(page.locator("#page")).to_have_value("1")
        expect(page).to_have_title("scan.tif, page 1 of 3 · manyhues")
        first = page.url
        pages.get_by_role("button", name="Next page").click()
        expect(page.locator("#given-size")).to_have_text("64 × 48")
        expect(page.locator("#blank-picture")).to_be_visible()
        expect(tiles(page)).to_have_count(0)
        expect(pages.get_by_role("button", name="Next page")).to_be_focused()
        page.locator("#blank-draw").click()
        expect(tiles(page)).to_have_count(2)  # with the settings of the first
        wait_for(page, lambda: page.locator("progress:visible").count() == 0)
        expect(page.locator("#blank")).to_be_hidden()
        expect(page.locator("#different")).to_have_text("More, different")
        with page.expect_download() as one:
            page.get_by_role("link", name="Download number 1 at full size").click()
        assert one.value.suggested_filename == "scan.p2.1.tif"
        page.locator("#page").fill("9")  # past the last
        page.locator("#page").press("Enter")
        expect(page.locator("#given-size")).to_have_text("40 × 60")
        expect(page.locator("#page")).to_have_value("3")
        page.go_back()
        expect(tiles(page)).to_have_count(2)
        expect(page.locator("#page")).to_have_value("2")
        pages.get_by_role("button", name="Previous page").click()
        expect(page.locator("#given-size")).to_have_text("50 × 40")
        assert page.url == first
        page.get_by_role("button", name="VI, Tiếng Việt").click()
        expect(pages).to_contain_text("trên 3")
        expect(page.locator("#given-name")).to_have_text("scan.tif")
        assert [one["page"] for one in session_of(server, page)["pages"]] == [1, 2, 3]
        page.locator("#home").click()
        expect(page.locator("#album-list")).to_contain_text("trang 2 · 2 bản tô màu")


def test_a_picture_of_one_page_has_no_control(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 1)
        expect(page.locator("#pages")).to_be_hidden()
        expect(page.locator("#blank")).to_be_hidden()
        expect(page.locator("#given-name")).to_have_text("old house.jpg")


def test_frames_of_a_dicom_file_are_pages(visit: Open, tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    from dicom_files import made, ramp

    path = tmp_path / "heart.dcm"
    frames = np.stack([ramp(8, False)] * 2)
    path.write_bytes(made(frames, NumberOfFrames=2))
    with visit() as page:
        begin(page, path, 1)
        expect(page).to_have_title("heart.dcm, page 1 of 2 · manyhues")
        page.get_by_role("button", name="Next page").click()
        expect(page).to_have_title("heart.dcm, page 2 of 2 · manyhues")


def test_a_page_that_cannot_be_read_says_so(visit: Open, tmp_path: Path) -> None:
    """Its neighbours are as before."""
    data = bytearray(tiff())
    second = Image.open(io.BytesIO(bytes(data)))
    second.seek(1)
    offsets = second.tag_v2[273]  # type: ignore[attr-defined]
    path = tmp_path / "scan.tif"
    where = bytes(data).rindex(offsets[0].to_bytes(4, "little"), 0)
    data[where : where + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with visit() as page:
        begin(page, path, 1)
        page.get_by_role("button", name="Next page").click()
        expect(page.locator(".toast.bad")).to_be_visible()
        expect(page.locator("#page")).to_have_value("1")
        page.locator("#page").fill("3")
        page.locator("#page").press("Enter")
        expect(page.locator("#given-size")).to_have_text("40 × 60")
