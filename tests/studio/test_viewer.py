"""The large view: it fits, opens and closes, and says what it does."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from studio.browser import Open, begin, session_of, tiles, wait_for
from studio.conftest import Server
from studio.test_page import FILE

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NAMES = ["IMG_20240101_123456.jpg", "Scan_1954_family_Hanoi_grandparents_and_their_boat.jpg"]


def large(
    page: Page, photo: Path, n: int = 2, number: int = 1, placing: bool = True
) -> dict[str, float]:
    """Open one of a picture's colourings; where the picture lies on the screen.

    placing  a click on it places a dot; else, as at first, it only looks
    """
    begin(page, photo, n)
    page.get_by_role("button", name=f"Open number {number}").click()
    # It slides in.
    moving = "(node) => Promise.all(node.getAnimations().map((one) => one.finished)).then(() => 0)"
    page.locator("#viewer").evaluate(moving)
    if placing:
        page.locator("#mode-colour").check(force=True)
    return surface(page)


def surface(page: Page) -> dict[str, float]:
    box = page.locator("#surface").bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def steerings(server: Server, page: Page) -> list[tuple[int, list[tuple[int, int, str]]]]:
    """Of every steering in the session: the number of its picture, and its hints."""
    results = session_of(server, page)["results"]
    return [
        (r["number"], [(h["x"], h["y"], h["colour"]) for h in r["hints"]])
        for r in results
        if r["kind"] == "steer"
    ]


@contextmanager
def held(page: Page, path: str) -> Iterator[list[Route]]:
    """Requests of a path wait until the block ends."""
    waiting: list[Route] = []
    page.route(path, lambda route: waiting.append(route))
    yield waiting
    page.unroute(path)
    for route in waiting:
        with suppress(Error):  # the page may have gone meanwhile
            route.continue_()


# It fits


@pytest.mark.parametrize("name", NAMES)
def test_its_bar_fits_a_phone(visit: Open, photo: Path, name: str) -> None:
    given = photo.rename(photo.with_name(name))
    with visit(**PHONE) as page:
        large(page, given)
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            for button in page.locator(".viewer-bar .icon").all():
                box = button.bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
            assert width - 30 < surface(page)["width"] <= width


def test_wide_and_low_it_lays_the_tools_beside(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo)
        for width, height in ((844, 390), (720, 450)):
            page.set_viewport_size({"width": width, "height": height})
            box, tools = surface(page), page.locator(".tools").bounding_box()
            assert tools is not None
            assert tools["x"] >= box["x"] + box["width"]
            assert box["height"] > 0.6 * height


def test_fingers_reach_everything(visit: Open, photo: Path) -> None:
    with visit(**PHONE) as page:
        large(page, photo)
        page.get_by_role("button", name="Add a dot").tap()
        small = page.evaluate(
            """() => [...document.querySelectorAll("#viewer > * button, #viewer > * a")]
            .filter((node) => node.checkVisibility())
            .filter((node) => {
              const box = node.getBoundingClientRect();
              const rim = parseFloat(getComputedStyle(node, "::after").top) || 0;
              return Math.min(box.width, box.height) - 2 * Math.min(0, rim) < 43.5;
            }).map((node) => node.id || node.className)"""
        )
        assert small == []
        # Neighbouring swatches do not take each other's taps.
        for swatch in page.locator(".swatch").all():
            swatch.scroll_into_view_if_needed()
            box = swatch.bounding_box()
            assert box is not None
            hit = page.evaluate(
                "([x, y]) => document.elementFromPoint(x, y).dataset.colour",
                [box["x"] - 4, box["y"] + box["height"] / 2],
            )
            assert hit == swatch.get_attribute("data-colour")


def test_forced_colours(visit: Open, photo: Path) -> None:
    with visit(forced_colors="active") as page:
        large(page, photo)
        page.get_by_role("button", name="Add a dot").click()
        colours = page.locator(".swatch").evaluate_all(
            "(nodes) => nodes.map((node) => getComputedStyle(node).backgroundColor)"
        )
        assert len(set(colours)) == 12
        expect(page.locator(".pin")).to_have_css("background-color", "rgb(176, 48, 48)")
        page.keyboard.press("Escape")
        backs = page.locator(".choice span").evaluate_all(
            "(nodes) => nodes.map((node) => [node.previousElementSibling.checked,"
            " getComputedStyle(node).backgroundColor])"
        )
        assert not {back for on, back in backs if on} & {back for on, back in backs if not on}


def test_words_for_everything(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo, number=2)
        expect(page.get_by_role("img", name="Colouring number 2 of old house.jpg")).to_be_visible()
        expect(page.get_by_alt_text("old house.jpg without colour")).to_be_visible()
        for button in page.locator("#viewer button.icon:not([hidden]), .swatch").all():
            assert button.get_attribute("title") == button.get_attribute("aria-label")


# It opens and closes


def test_messages_are_seen_above_it(visit: Open, photo: Path) -> None:
    with visit(permissions=["clipboard-read", "clipboard-write"]) as page:
        large(page, photo)
        page.get_by_role("button", name="Python").click()
        expect(page.locator(".toast")).to_have_text("Copied.")
        # Outside an open modal dialog, all is inert and beneath it.
        assert page.evaluate("() => Boolean(document.querySelector('.toast').closest(':modal'))")
        transfer = page.evaluate_handle(
            "() => { const data = new DataTransfer(); data.items.add(new File([], 'a.png'));"
            " return data; }"
        )
        page.dispatch_event("#surface", "dragenter", {"dataTransfer": transfer})
        expect(page.locator("#veil")).to_be_visible()
        assert page.evaluate("() => Boolean(document.querySelector('#veil').closest(':modal'))")
        page.dispatch_event("#surface", "dragleave", {"dataTransfer": transfer})
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="More like number 1").click()
        expect(page.locator(".toast").last).to_contain_text("ready")


def test_back_closes_it(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo, number=2)
        dialog = page.get_by_role("dialog")
        page.go_back()
        expect(dialog).to_be_hidden()
        expect(tiles(page)).to_have_count(2)
        expect(page.get_by_role("button", name="Open number 2")).to_be_focused()
        page.go_forward()
        expect(page.locator("#viewer-title")).to_contain_text("No. 2")
        page.keyboard.press("ArrowLeft")
        page.reload()
        expect(page.locator("#viewer-title")).to_contain_text("No. 1")
        # Closed in any other way it leaves nothing to go back to either.
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        wait_for(page, lambda: not page.evaluate("() => history.state"))
        page.go_back()
        expect(page.locator("#welcome")).to_be_visible()


def test_another_picture_closes_it(visit: Open, photo: Path, picture: bytes) -> None:
    with visit() as page:
        large(page, photo)
        before = page.url
        data = base64.b64encode(picture).decode()
        page.evaluate(FILE, ["#surface", "drop", data, "image/png"])
        expect(page.locator("#given-name")).to_have_text("given.png")
        expect(page.get_by_role("dialog")).to_be_hidden()
        wait_for(page, lambda: page.locator("progress:visible").count() == 0)
        page.go_back()
        expect(page.locator("#given-name")).to_have_text("old house.jpg")
        assert page.url == before
        expect(page.get_by_role("dialog")).to_be_hidden()


def test_neighbours_while_they_arrive(visit: Open, photo: Path, slow: list[float]) -> None:
    slow[0] = 0.5
    with visit() as page:
        page.locator("[name=pick][value=random]").evaluate("(node) => (node.checked = true)")
        page.locator("#file").set_input_files(photo)
        expect(tiles(page)).not_to_have_count(0)
        slow[0] = 9.0
        first = page.get_by_role("button", name="Open number 1")
        first.click()
        slow[0] = 0.0
        expect(tiles(page)).to_have_count(6)
        for number in range(2, 7):
            page.get_by_role("button", name="Next").click()
            expect(page.locator("#viewer-title")).to_contain_text(f"No. {number}")
        expect(page.get_by_role("button", name="Next")).to_be_disabled()


def test_neighbours_of_one_that_is_no_favourite_any_more(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 4)
        for number in (1, 2, 4):
            page.get_by_role("button", name=f"Favourite number {number}").click()
        page.get_by_role("radio", name="Favourites").check()
        expect(tiles(page)).to_have_count(3)
        page.get_by_role("button", name="Open number 2").click()
        page.get_by_role("button", name="Favourite", exact=True).click()
        expect(page.locator("#v-heart")).to_have_attribute("aria-pressed", "false")
        page.get_by_role("button", name="Next").click()
        expect(page.locator("#viewer-title")).to_contain_text("No. 4")
        page.get_by_role("button", name="Previous").click()
        expect(page.locator("#viewer-title")).to_contain_text("No. 1")


def test_a_download_says_that_it_is_prepared(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo)
        button = page.locator("#v-download")
        with page.expect_download() as one:
            with held(page, "**/download?*"):
                button.click()
                expect(button).to_have_text("Preparing…")
            expect(button).to_have_text("Download at full size")
        assert one.value.suggested_filename == "old house.1.jpg"


@pytest.mark.parametrize("way", ["closed", "failed"])
def test_opened_again_it_gets_sharp(visit: Open, photo: Path, way: str) -> None:
    with visit(expected=("ERR_FAILED",)) as page:
        begin(page, photo, 1)
        one = page.get_by_role("button", name="Open number 1")
        after = page.locator("#after")
        with held(page, "**/view") as waiting:
            one.click()
            wait_for(page, lambda: waiting)
            if way == "failed":
                waiting.pop().abort()
                expect(page.locator("#v-busy")).to_be_hidden()
            page.keyboard.press("Escape")
        one.click()
        expect(after).to_have_attribute("src", re.compile("/view$"))


# Dots


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_the_handle_covers_nothing_of_a_coloured_picture(
    visit: Open, photo: Path, size: dict[str, Any]
) -> None:
    with visit(**size) as page:
        box = large(page, photo)
        handle = page.locator("#divider i").bounding_box()
        assert handle is not None
        assert 0 <= handle["x"] <= handle["x"] + handle["width"] <= box["x"]
        page.mouse.click(box["x"] + 3, box["y"] + box["height"] * 0.2)
        expect(page.locator(".pin")).to_have_count(1)
        page.get_by_label("Before and after").fill("100")
        handle = page.locator("#divider i").bounding_box()
        assert handle is not None
        assert handle["x"] >= box["x"] + box["width"]
        assert handle["x"] + handle["width"] <= box["x"] + box["width"] + 24
        page.get_by_label("Before and after").fill("50")
        handle = page.locator("#divider i").bounding_box()
        assert handle is not None
        assert box["x"] < handle["x"] < box["x"] + box["width"]


# Blending by dragging, on the page


def test_escape_calls_a_drag_off(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 2)
        start, end = (tiles(page).nth(k).locator(".open").bounding_box() for k in (0, 1))
        assert start is not None
        assert end is not None
        page.mouse.move(start["x"] + 90, start["y"] + 60)
        page.mouse.down()
        page.mouse.move(end["x"] + 90, end["y"] + 60, steps=6)
        expect(page.locator(".tile.target")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator(".ghost")).to_have_count(0)
        expect(page.locator(".tile.target")).to_have_count(0)
        page.mouse.up()
        page.wait_for_timeout(300)
        assert len(session_of(server, page)["groups"]) == 1
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.mouse.click(end["x"] + 90, end["y"] + 60)  # the next click is one again
        expect(page.get_by_role("dialog")).to_be_visible()
