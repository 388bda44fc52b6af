"""Pictures on their way in, connections that are lost, and many jobs at once, in a browser."""

import base64
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from studio.browser import Open, begin, opened, session_of, tiles, wait_for
from studio.conftest import Serve, Server, until


@pytest.fixture
def heavy(tmp_path: Path) -> Path:
    """Noise, which does not shrink: 600 kB."""
    path = tmp_path / "IMG_0001.png"
    noise = np.random.default_rng(0).integers(0, 256, (700, 900), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def slowed(page: Page, bytes_per_second: int) -> None:
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    network.send(
        "Network.emulateNetworkConditions", {**limits, "uploadThroughput": bytes_per_second}
    )


def drop(page: Page, *files: tuple[str, str, bytes]) -> None:
    """Drop files on the page: name, type, content."""
    coded = [[name, kind, base64.b64encode(data).decode()] for name, kind, data in files]
    page.evaluate(
        """(files) => {
          const dataTransfer = new DataTransfer();
          for (const [name, type, data] of files) {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            dataTransfer.items.add(new File([bytes], name, { type }));
          }
          const options = { bubbles: true, cancelable: true, dataTransfer };
          for (const kind of ["dragenter", "drop"])
            document.body.dispatchEvent(new DragEvent(kind, options));
        }""",
        coded,
    )


# A picture in


def test_a_folder_gives_all_pictures_below_it(visit: Open, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    for name in ("p10.png", "p9.png", "deeper/q.png", ".hidden.png"):
        Image.new("L", (20, 16), 90).save(folder / name)
    (folder / "list.txt").write_text("no picture")
    with visit() as page:
        mouse = page.context.new_cdp_session(page)
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 400, "y": 300, "data": data}
            mouse.send("Input.dispatchDragEvent", event)
        told = page.locator("#many-text")
        expect(told.locator("p")).to_contain_text("3 of 3")
        expect(told.locator("li")).to_have_count(1)
        expect(told.locator("li")).to_contain_text("list.txt")
    newest = server.studio.store.sessions()[:3]
    assert [one.name for one in newest] == ["p10.png", "p9.png", "q.png"]


def test_an_upload_shows_how_far_it_is_and_can_be_cancelled(
    visit: Open, server: Server, heavy: Path
) -> None:
    before = server.studio.store.count
    with visit() as page:
        slowed(page, 300_000)
        page.locator("#file").set_input_files(heavy)
        expect(page.locator("#sending")).to_contain_text("Sending IMG_0001.png")
        expect(page.locator("#main")).to_have_attribute("aria-busy", "true")
        part = page.locator("#sending-part")
        wait_for(page, lambda: 0.1 < part.evaluate("(node) => node.value") < 1)
        with page.expect_event("requestfailed"):  # none of it is sent any more
            page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#sending")).to_be_hidden()
        expect(page.locator("#main")).to_have_attribute("aria-busy", "false")
        expect(page.get_by_role("button", name="Choose files")).to_be_focused()
        expect(page.locator("#welcome")).to_be_visible()
        expect(page.locator(".toast")).to_have_count(0)
        assert server.studio.store.count == before


def test_what_the_browser_cannot_show_is_no_broken_picture(
    visit: Open, heavy: Path, tmp_path: Path
) -> None:
    scan = tmp_path / "scan.tif"
    Image.open(heavy).save(scan)
    with visit() as page:
        slowed(page, 300_000)
        page.locator("#file").set_input_files(scan)
        expect(page.locator("#sending")).to_contain_text("Sending scan.tif")
        part = page.locator("#sending-part")
        wait_for(page, lambda: part.evaluate("(node) => node.value") > 0.15)  # told again and again
        expect(page.locator("#sending-picture")).to_be_hidden()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#sending")).to_be_hidden()


def test_the_newest_choice_wins(visit: Open, server: Server, heavy: Path) -> None:
    before = server.studio.store.count
    with visit() as page:
        slowed(page, 150_000)
        page.locator("#file").set_input_files(heavy)
        expect(page.locator("#sending")).to_be_visible()
        with page.expect_event("requestfailed"):
            page.get_by_role("button", name="Example: chelsea").click()
        slowed(page, -1)
        expect(tiles(page)).to_have_count(6)
        expect(page.locator("#given-name")).to_have_text("chelsea.jpg")
        assert server.studio.store.count == before + 1


def test_what_was_called_off_too_late_is_deleted(
    visit: Open, server: Server, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = server.studio.store.count
    create = server.studio.store.create

    def late(*arguments: Any) -> Any:
        time.sleep(1.0)
        return create(*arguments)

    monkeypatch.setattr(server.studio.store, "create", late)
    with visit() as page:
        page.locator("#file").set_input_files(photo)
        expect(page.locator("#sending")).to_contain_text("Opening old house.jpg")
        page.get_by_role("button", name="Cancel").click()
        with page.expect_response(lambda answer: answer.request.method == "DELETE"):
            pass
        expect(page.locator("#welcome")).to_be_visible()
        wait_for(page, lambda: server.studio.store.count == before)


def test_a_double_click_makes_one_session(visit: Open, server: Server) -> None:
    before = server.studio.store.count
    with visit() as page:
        page.get_by_role("button", name="Example: chelsea").dblclick()
        expect(tiles(page)).to_have_count(6)
        assert server.studio.store.count == before + 1


def test_refusals_name_the_file_and_the_remedy(visit: Open, photo: Path) -> None:
    picture = photo.read_bytes()
    with visit() as page:
        toast = page.locator(".toast").last
        drop(page, ("damaged.jpg", "image/jpeg", picture[:900]))
        expect(toast).to_contain_text("damaged.jpg cannot be read. Save it as JPEG, PNG or TIFF")
        expect(toast.locator("small")).to_contain_text("truncated or damaged")
        expect(toast.locator("small")).not_to_contain_text("damaged.jpg")
        drop(page, ("notes.txt", "text/plain", b"hi"))
        expect(toast).to_contain_text("notes.txt is not a picture. The studio takes JPEG, PNG")
        page.evaluate(
            "() => document.body.dispatchEvent(new ClipboardEvent('paste', "
            "{ bubbles: true, clipboardData: new DataTransfer() }))"
        )
        expect(toast).to_contain_text("There was no picture in that.")
        page.get_by_role("button", name="VI").click()
        drop(page, ("damaged.jpg", "image/jpeg", picture[:900]))
        expect(toast).to_contain_text("Không đọc được damaged.jpg.")


def test_too_large_is_said_before_anything_is_sent(
    browser: Browser, serve: Serve, heavy: Path
) -> None:
    with opened(browser, serve(upload_bytes=100_000)) as page:
        expect(page.locator("#examples button").first).to_be_visible()
        sent = []
        page.on("request", lambda one: sent.append(one) if one.method == "POST" else None)
        page.locator("#file").set_input_files(heavy)
        expect(page.locator(".toast")).to_contain_text("IMG_0001.png is too large. Make it smaller")
        assert not sent


def test_of_several_files_the_pictures_are_taken(visit: Open, photo: Path) -> None:
    picture = photo.read_bytes()
    with visit() as page:
        files = [("notes.txt", "text/plain", b"hi")]
        files += [(f"{name}.jpg", "image/jpeg", picture) for name in ("one", "two")]
        drop(page, *files)
        expect(page.locator(".toast")).to_contain_text("notes.txt is not a picture")
        expect(page.locator("#album-list li")).to_have_count(2)
        expect(page.locator("#sending")).to_be_hidden()


# Lost connections, and many at once


class Cut:
    """Requests of a page that find nobody, while `on`."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.on = True
        page.route(pattern, self._route)

    def _route(self, route: Route) -> None:
        if self.on:
            route.abort("connectionrefused")
        else:
            route.continue_()


def test_a_lost_connection_is_said_and_mended_or_ended(
    visit: Open, server: Server, photo: Path
) -> None:
    """Two pages side by side, because a browser tries again after 3 s and not earlier."""
    expected = ("ERR_CONNECTION_REFUSED",)
    with visit(expected=expected) as mended, visit(expected=expected) as ended:
        pages = [(page, page.locator(".group-head .hint")) for page in (mended, ended)]
        cuts = [Cut(page, "**/events") for page, _ in pages]
        for page, _ in pages:
            page.locator("#file").set_input_files(photo)
        for _, hint in pages:
            expect(hint).to_have_text("Connection lost. Trying again.")
        job = session_of(server, ended)["groups"][0]["id"]
        until(lambda: server.studio.job(job).finished)
        del server.studio._jobs[job]  # as after a restart
        for cut in cuts:
            cut.on = False
        expect(tiles(mended)).to_have_count(6)
        expect(pages[0][1]).to_have_text("")
        expect(pages[1][1]).to_have_text("Stopped")
        expect(ended.locator(".toast.bad")).to_contain_text("no longer in the studio")


def test_a_studio_that_does_not_answer_is_said(visit: Open) -> None:
    with visit(expected=("ERR_CONNECTION_REFUSED",)) as page:
        expect(page.locator("#examples img").first).to_be_visible()
        for count, pattern in enumerate(("**/examples/*", "**/api/colorize"), 1):
            cut = Cut(page, pattern)
            page.get_by_role("button", name="Example: coffee").click()
            said = page.locator(".toast", has_text="The studio does not answer.")
            expect(said).to_have_count(count)
            expect(page.locator("#sending")).to_be_hidden()
            cut.on = False


def test_many_groups_leave_connections_free(
    browser: Browser, serve: Serve, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.0
    server = serve(leave=1.0)
    with opened(browser, server) as page:
        begin(page, photo, 2)
        streams: list[Any] = []
        page.on("request", lambda one: streams.append(one) if "/events" in one.url else None)
        page.on("requestfinished", lambda one: streams.remove(one) if one in streams else None)
        page.on("requestfailed", lambda one: streams.remove(one) if one in streams else None)
        slow[0] = 600.0  # until it is changed
        for _ in range(8):
            page.locator("#different").click()
        expect(page.locator("progress:visible")).to_have_count(8)
        page.get_by_role("button", name="Favourite number 1").click()
        with_heart = page.get_by_role("button", name="Favourite number 1")
        expect(with_heart).to_have_attribute("aria-pressed", "true")
        assert len(streams) <= 2
        page.get_by_role("button", name="Stop").last.click()  # one that still waits
        expect(page.locator(".group-head .hint").last).to_have_text("Stopped")
        slow[0] = 0.2  # 14 samples, of which the last wait longer than `leave`
        expect(tiles(page)).to_have_count(16)  # the others are stopped by nobody
        expect(page.locator("progress:visible")).to_have_count(0)


def test_work_goes_on_when_one_turns_away_and_comes_back(
    browser: Browser, serve: Serve, photo: Path, slow: list[float]
) -> None:
    server = serve(leave=8.0)  # the page may take long to come back to a stream
    with opened(browser, server) as page:
        page.locator("[value=random]").evaluate("(node) => (node.checked = true)")
        slow[0] = 1.0
        page.locator("#file").set_input_files(photo)
        expect(tiles(page)).not_to_have_count(0)
        slow[0] = 600.0  # nothing more is done meanwhile
        page.get_by_role("button", name="New picture").click()
        page.wait_for_timeout(8500)
        page.get_by_role("link", name="Back to your last picture").click()
        slow[0] = 0.0
        expect(tiles(page)).to_have_count(6)
        expect(page.locator(".group-head .hint")).to_have_text("")
