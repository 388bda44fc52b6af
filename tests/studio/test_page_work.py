"""The page loses no work, says what it does, and answers at once."""

import io
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import expect

from manyhues.errors import OutputError
from manyhues.studio import derived
from manyhues.studio.app import create_app
from studio.browser import Open, begin, opened, session_of, tiles, wait_for
from studio.conftest import Server, running
from studio.test_viewer import held, large

AWAY = ("ERR_CONNECTION", "ERR_EMPTY", "ERR_INCOMPLETE", "ERR_NETWORK")
NARROW = re.compile(r"\"reach\":\[[^\]]*\]")
LOOK = "() => dispatchEvent(new Event('unreachable'))"  # as when a request has failed


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "temporary"])
def test_a_stopped_studio_is_said_and_waited_for(
    browser: Any, weights: Path, tmp_path: Path, photo: Path, kept: bool
) -> None:
    with running(create_app(folder=tmp_path / "a", weights=weights, listed=True)) as server:
        port = httpx.URL(server.url).port or 0
        visit = opened(browser, server, expected=AWAY)
        page = visit.__enter__()
        begin(page, photo, 2)
        page.get_by_role("button", name="Favourite number 2").click()
    page.evaluate(LOOK)
    expect(page.locator("#away")).to_contain_text("The studio does not answer.")
    expect(tiles(page)).to_have_count(2)
    expect(page.locator("#tally")).to_have_css("text-align", "start")  # the rest is as it was
    page.locator("#new").click(trial=True)  # nothing lies over it
    app = create_app(folder=tmp_path / ("a" if kept else "b"), weights=weights, listed=True)
    with running(app, port) as server:
        expect(page.locator("#away")).to_be_hidden()
        if kept:
            expect(tiles(page)).to_have_count(2)
            expect(page.get_by_role("button", name="Favourite number 2")).to_have_attribute(
                "aria-pressed", "true"
            )
            page.get_by_role("button", name="More, different").click()
            expect(tiles(page)).to_have_count(4)
            page.get_by_role("button", name="New picture").click()
            card = page.locator("#album-list li")
            expect(card).to_have_count(1)
            expect(card).to_contain_text("old house.jpg")
            expect(card).to_contain_text("4 colourings")
            expect(page.locator("#keeping")).to_contain_text("until you delete them")
            card.get_by_role("link").click()
            expect(tiles(page)).to_have_count(4)
        else:
            expect(page.get_by_role("heading", name="no longer in the studio")).to_be_visible()
            expect(page.locator("#studio")).to_be_hidden()
        visit.__exit__(None, None, None)


def test_a_picture_that_was_deleted_elsewhere(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 1)
        page.get_by_role("button", name="Open number 1").click()
        sid = page.url.split("#")[1]
        page.evaluate(LOOK)
        wait_for(page, lambda: server.studio.store.session(sid).is_open)
        server.http.delete(f"/api/sessions/{sid}")
        page.evaluate(LOOK)
        expect(page.get_by_role("heading", name="no longer in the studio")).to_be_visible()
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.get_by_role("button", name="To the first page").click()
        expect(page.locator("#welcome")).to_be_visible()


def test_a_late_answer_moves_nobody(visit: Open, server: Server, photo: Path) -> None:
    """Whoever has gone on to another view stays there, whatever the studio says of the last one."""
    with visit() as page:
        begin(page, photo, 1)
        sid = page.url.split("#")[1]
        page.get_by_role("button", name="New picture").click()
        server.http.delete(f"/api/sessions/{sid}")
        held: list[Any] = []
        page.route(f"**/api/sessions/{sid}", lambda route: held.append(route))
        page.go_back()
        wait_for(page, lambda: held)
        page.get_by_role("link", name="manyhues").click()
        with page.expect_response(f"**/api/sessions/{sid}") as answer:
            held[0].continue_()
        assert answer.value.status == 404
        page.evaluate("() => new Promise((then) => setTimeout(then, 50))")
        expect(page.locator("#welcome")).to_be_visible()
        expect(page.locator("#gone")).to_be_hidden()


def test_hiding_single_colourings(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 3)
        page.get_by_role("button", name="Hide number 2").click()
        expect(tiles(page)).to_have_count(2)
        page.locator(".toast").get_by_role("button", name="Undo").click()
        expect(tiles(page)).to_have_count(3)
        page.get_by_role("button", name="Hide number 2").click()
        expect(page.locator("#tally")).to_have_text("2 colourings")
        with page.expect_download() as whole:
            page.get_by_role("link", name="All as ZIP").click()
        with zipfile.ZipFile(whole.value.path()) as archive:
            assert "old house.2.jpg" not in archive.namelist()
        page.reload()
        expect(tiles(page)).to_have_count(2)
        page.locator("#filter-hidden input").check(force=True)
        expect(tiles(page)).to_have_count(1)
        page.get_by_role("button", name="Show number 2 again").click()
        expect(tiles(page)).to_have_count(3)
        expect(page.locator("#filter-hidden")).to_be_hidden()


def test_wishes_are_answered_at_once_on_a_slow_line(
    visit: Open, server: Server, photo: Path
) -> None:
    """Within 100 ms of the click, measured in the page, while the answers are held back."""
    watch = """(selector) => new Promise((done) => {
      const begun = performance.now();
      const seen = () => document.querySelector(selector) && done(performance.now() - begun);
      const all = { subtree: true, childList: true, attributes: true };
      new MutationObserver(seen).observe(document.body, all);
      document.querySelector(selector.startsWith('.heart') ? '.tile .heart' : '#different').click();
      seen();
    })"""
    with visit() as page:
        begin(page, photo, 1)
        with held(page, "**/results/*") as waiting:
            assert page.evaluate(watch, ".heart[aria-pressed='true']") < 100
            wait_for(page, lambda: waiting)
        with held(page, "**/colorize") as waiting:
            assert page.evaluate(watch, ".group:nth-child(2) .tile.waiting") < 100
            wait_for(page, lambda: waiting)
        expect(tiles(page)).to_have_count(2)
        page.get_by_role("button", name="More, different").dblclick()
        expect(tiles(page)).to_have_count(3)
        page.wait_for_timeout(600)
        assert len(session_of(server, page)["groups"]) == 3
        assert session_of(server, page)["results"][0]["favourite"]


def test_what_is_refused_is_taken_back(visit: Open, photo: Path) -> None:
    with visit(expected=("status of 500",)) as page:
        begin(page, photo, 1)
        page.route("**/results/*", lambda route: route.fulfill(status=500, body="{}"))
        heart = page.get_by_role("button", name="Favourite number 1")
        heart.click()
        expect(page.locator(".toast.bad")).to_be_visible()
        expect(heart).to_have_attribute("aria-pressed", "false")
        page.route("**/colorize", lambda route: route.fulfill(status=500, body="{}"))
        page.get_by_role("button", name="More, different").click()
        expect(page.locator(".toast.bad")).to_have_count(2)
        expect(page.locator(".group")).to_have_count(1)


def test_a_draft_stays_until_its_picture_is_there(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    slow[0] = 600.0  # nothing is drawn before the page listens: of what is over, it gets no drafts
    with visit() as page:
        page.locator("[name=n]").evaluate("(node) => (node.value = 1)")
        with held(page, "**/preview") as waiting:
            page.locator("#file").set_input_files(photo)
            jobs = server.studio.drawing.jobs
            wait_for(page, lambda: any(job.watchers for job in [*jobs.values()]))
            slow[0] = 0.0
            wait_for(page, lambda: waiting)
            expect(page.locator(".tile[data-base] .rough")).to_have_count(1)
            expect(page.locator(".tile[data-base] .coming")).to_have_css("opacity", "0")
        expect(page.locator(".tile[data-base] .colour")).to_have_css("opacity", "1")
        expect(page.locator(".tile[data-base] .rough")).to_have_count(0)


def test_a_second_picture_never_shows_the_first(visit: Open, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.fromarray(np.full((120, 180), 40, np.uint8)).save(other)
    with visit() as page:
        large(page, photo, 1)
        first = page.locator("#before").get_attribute("src") or ""
        assert first.endswith("/grey")
        page.keyboard.press("Escape")
        with held(page, "**/grey"):
            page.locator("#file").set_input_files(other)
            expect(page.locator("#given-name")).to_have_text("other.png")
            assert (page.locator("#given").get_attribute("src") or "").startswith("blob:")
            expect(tiles(page)).to_have_count(1)
            page.get_by_role("button", name="Open number 1").click()
            assert (page.locator("#before").get_attribute("src") or "").startswith("blob:")
        wait_for(
            page, lambda: (page.locator("#before").get_attribute("src") or "").endswith("grey")
        )
        assert page.locator("#before").get_attribute("src") != first


def test_a_zip_says_how_far_it_is_and_starts_once(
    visit: Open, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = derived.full_bytes

    def slowly(*arguments: Any) -> bytes:
        time.sleep(0.9)
        return make(*arguments)

    with visit() as page:
        begin(page, photo, 3)
        monkeypatch.setattr(derived, "full_bytes", slowly)
        link = page.locator("#zip")
        begun: list[Any] = []
        page.on("download", lambda one: begun.append(one))
        link.click()
        expect(link).to_have_text("Preparing…")
        link.click()
        expect(link).to_have_text("2 of 4…")
        expect(link).to_have_text("All as ZIP")
        assert len(begun) == 1


def test_what_a_download_fails_of_is_told(
    visit: Open, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any) -> bytes:
        raise OutputError("WEBP cannot hold this picture; choose another format")

    with visit() as page:
        begin(page, photo, 1)
        monkeypatch.setattr(derived, "full_bytes", fails)
        for name in ("All as ZIP", "Download number 1 at full size"):
            page.get_by_role("link", name=name).click()
            told = page.locator(".toast.bad", has_text="choose another format")
            expect(told).to_be_visible()
            told.evaluate("(node) => node.remove()")
            expect(page.get_by_role("link", name=name)).to_have_attribute("aria-busy", "false")


def test_looking_places_no_dot_and_holding_compares(visit: Open, photo: Path) -> None:
    with visit() as page:
        box = large(page, photo, 1, placing=False)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(500)
        expect(page.locator(".pin")).to_have_count(0)
        slider, button = page.locator("#compare"), page.locator("#hold")
        button.hover()
        page.mouse.down()
        expect(slider).to_have_value("100")
        page.mouse.up()
        expect(slider).to_have_value("0")
        page.keyboard.down("c")
        expect(slider).to_have_value("100")
        page.keyboard.up("c")
        expect(slider).to_have_value("0")
        page.get_by_role("button", name="sky blue").click()  # who takes up a colour places it
        expect(page.locator("#mode-colour")).to_be_checked()


def test_two_colourings_side_by_side(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo, 3, placing=False)
        page.locator("#v-against").select_option(label="No. 3")
        third = page.locator(".tile[data-base]").nth(2).get_attribute("data-base") or "-"
        expect(page.locator("#before")).to_have_attribute("src", re.compile(f"{third}/view$"))
        expect(page.locator("#before")).to_have_css("filter", "none")
        expect(page.locator("#side-left")).to_have_text("No. 3")
        expect(page.locator("#side-right")).to_have_text("No. 1")
        expect(page.locator("#hold")).to_have_text("Hold to see number 3")
        page.get_by_role("button", name="Next").click()
        expect(page.locator("#side-right")).to_have_text("No. 2")
        expect(page.locator("#side-left")).to_have_text("No. 3")
        page.get_by_role("button", name="Next").click()  # not beside itself
        expect(page.locator("#side-left")).to_have_text("before")
        expect(page.locator("#before")).to_have_attribute("src", re.compile("/grey$"))


def test_a_hint_that_reaches_next_to_nothing_is_told(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 1)

        def narrow(route: Any) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, body=NARROW.sub(r'"reach":[0.0012]', answer.text()))

        page.route("**/events", narrow)
        page.get_by_role("button", name="Open number 1").click()
        page.get_by_role("button", name="Add a dot").click()
        expect(page.locator(".toast.bad")).to_contain_text(
            "it coloured less than 0.2% of the picture"
        )


def test_the_palette_of_another_picture(
    visit: Open, server: Server, photo: Path, tmp_path: Path
) -> None:
    red, grey = tmp_path / "red.png", tmp_path / "grey.png"
    Image.fromarray(np.full((40, 40, 3), (190, 60, 40), np.uint8)).save(red)
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(grey)
    with visit() as page:
        begin(page, photo, 1)
        page.locator("#palette-file").set_input_files(grey)
        expect(page.locator(".toast.bad")).to_contain_text("has no colours to take")
        page.locator("#palette-file").set_input_files(red)
        expect(page.locator("#palette-name")).to_have_text("red.png")
        page.get_by_role("button", name="More, different").click()
        expect(tiles(page)).to_have_count(2)
        plain, like = session_of(server, page)["results"]
        assert "--like red.png" in like["recipe"]["command"]
        pixels = [server.pixels(one["url"]).astype(int) for one in (plain, like)]
        warmth = [(one[..., 0] - one[..., 2]).mean() for one in pixels]
        assert warmth[1] > warmth[0]
        page.get_by_role("button", name="Without it").click()
        page.get_by_role("button", name="Wilder ones").click()
        expect(tiles(page)).to_have_count(3)
        wild = session_of(server, page)["results"][-1]["recipe"]["command"]
        assert "--like" not in wild
        assert "--diversity 1.0" in wild  # 1.4 times the calm default


def test_formats_of_a_download(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        large(page, photo, 1)
        for wanted, name, kind in (
            ("tiff", "old house.1.tiff", "TIFF"),
            ("colour", "old house.1.colour.png", "PNG"),
        ):
            page.locator(".take").get_by_label("Kind of file").select_option(wanted)
            with page.expect_download() as one:
                page.locator("#v-download").click()
            assert one.value.suggested_filename == name
            with Image.open(one.value.path()) as image:
                assert (image.format, image.size) == (kind, (180, 120))
                if wanted == "colour":
                    alpha = np.asarray(image)[..., 3]
                    assert image.mode == "RGBA"
                    assert alpha.max() > 200


def test_a_refusal_in_vietnamese_has_no_english_in_it(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    for locale, details in (("en-GB", 1), ("vi-VN", 0)):
        with visit(locale=locale) as page:
            page.locator("#file").set_input_files(path)
            expect(page.locator(".toast.bad")).to_contain_text("broken.png")
            expect(page.locator(".toast.bad small")).to_have_count(details)


def test_notes_in_vietnamese(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    frames = [Image.fromarray(np.full((60, 80), 90 + 9 * k, np.uint8)) for k in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with visit(locale="vi-VN") as page:
        begin(page, path, 1)
        expect(page.locator("#notes")).to_have_text("chỉ đọc khung hình đầu của ảnh động")
        page.get_by_role("button", name="EN, English").click()
        expect(page.locator("#notes")).to_contain_text("first frame of the animation")


def test_every_note_is_there_in_vietnamese(server: Server) -> None:
    """The page has no words of its own for them: they are the command line's."""
    file = io.BytesIO()
    Image.new("CMYK", (32, 24), (9, 40, 80, 9)).save(file, "TIFF")
    picture = server.colorize(file.getvalue(), n=1, pick="random")["picture"]
    assert picture["notes"]
    assert len(picture["notes_vi"]) == len(picture["notes"])
    assert not set(picture["notes_vi"]) & set(picture["notes"])


def test_heic_works(server: Server) -> None:
    heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    heif.from_pillow(Image.fromarray(colourful(64, 96))).save(out)
    session = server.colorize(out.getvalue(), "IMG_1.HEIC", n=1, pick="random")
    assert (session["picture"]["width"], session["picture"]["height"]) == (96, 64)
    assert session["picture"]["format"] == "HEIF"
