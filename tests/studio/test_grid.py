"""The page around the large view: settings, focus, narrow screens, large letters."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from studio.browser import Open, begin, session_of, tiles, wait_for
from studio.conftest import Server

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SMALL = {**PHONE, "viewport": {"width": 320, "height": 700}}


def fits(page: Page) -> bool:
    """Whether nothing sticks out of the page at its sides."""
    assert page.viewport_size is not None
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    return bool(wide <= page.viewport_size["width"])


def inside(outer: Locator, inner: Locator) -> bool:
    box, part = outer.bounding_box(), inner.bounding_box()
    assert box is not None
    assert part is not None
    return part["x"] >= box["x"] and part["x"] + part["width"] <= box["x"] + box["width"]


# Settings


def test_a_reload_keeps_the_settings_of_each_picture(visit: Open, photo: Path) -> None:
    values = {"n": "4", "diversity": "0.4", "saturation": "1.5", "seed": "77"}

    def shown() -> dict[str, str]:
        return {name: page.locator(f"[name={name}]").input_value() for name in values}

    with visit() as page:
        begin(page, photo, 1)
        page.locator("details.more").evaluate("(node) => (node.open = true)")
        for name, value in values.items():
            page.locator(f"[name={name}]").fill(value)
        page.get_by_label("Most likely").check(force=True)
        address = page.url
        page.reload()
        wait_for(page, lambda: shown() == values)
        expect(page.locator("[name=pick][value=likely]")).to_be_checked()
        expect(page.locator("#diversity-out")).to_have_text("0.4")
        page.get_by_role("button", name="New picture").click()
        page.get_by_role("button", name="Example: chelsea").click()
        expect(tiles(page)).to_have_count(4)
        page.get_by_label("Variety").fill("1.7")
        page.goto(address)
        wait_for(page, lambda: shown() == values)


def test_a_draw_after_a_reload_is_another(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.0
    with visit() as page:
        begin(page, photo, 1)
        slow[0] = 9.0
        page.get_by_role("button", name="More, different").click()
        expect(page.locator("progress:visible")).to_have_count(1)
        page.evaluate("() => sessionStorage.clear()")  # as in another tab
        page.reload()
        expect(page.locator("progress:visible")).to_have_count(1)  # nothing is drawn of it yet
        page.locator("[name=n]").fill("1")
        page.get_by_role("button", name="More, different").click()
        slow[0] = 0.0
        expect(tiles(page)).to_have_count(3)
        assert [result["seed"] for result in session_of(server, page)["results"]] == [0, 1, 2]


# The keyboard, and listening


def test_focus_stays_where_one_is(visit: Open, photo: Path) -> None:
    with visit() as page:
        page.get_by_role("button", name="Example: chelsea").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="Colourings")).to_be_focused()
        expect(tiles(page)).to_have_count(6)
        for number in (1, 2, 3):
            page.get_by_role("button", name=f"Favourite number {number}").click()
        page.get_by_role("radio", name="Favourites").check(force=True)
        expect(page.locator("#tally")).to_have_text("3 of 6 colourings")
        page.get_by_role("button", name="Favourite number 2").focus()
        for expected in ("Favourite number 3", "Favourite number 1"):
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name=expected)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("radio", name="Favourites")).to_be_focused()
        page.get_by_role("button", name="New picture").click()
        expect(page.get_by_role("button", name="Choose files")).to_be_focused()
        page.locator("#file").set_input_files(photo)
        expect(page.get_by_role("heading", level=1, name="Colourings")).to_be_focused()


def test_what_happens_is_said_aloud(visit: Open, photo: Path) -> None:
    with visit() as page:
        page.evaluate(
            """() => {
              window.heard = [];
              const tell = () => heard.push(said.textContent);
              new MutationObserver(tell).observe(said, { childList: true });
            }"""
        )
        expect(page.locator("#said")).to_have_attribute("role", "status")
        begin(page, photo, 1, "diverse")
        expect(page.locator("#said")).to_have_text("1 colouring is ready.")
        heard = page.evaluate("() => heard")
        assert heard[0] == "First look. Reading the picture"
        assert [text for text in heard if "candidates" in text] == ["Trying candidates: 1 of 48"]
        page.get_by_role("button", name="Blend number 1 with another").click()
        expect(page.locator("#said")).to_have_text("Choose the picture to blend No. 1 with")
        expect(page.locator("#blend-banner")).to_contain_text("blend No. 1 with")


# Narrow screens, large letters, and other wishes


@pytest.mark.parametrize("size", [{}, SMALL], ids=["desktop", "phone"])
def test_long_names_fit(visit: Open, tmp_path: Path, photo: Path, size: dict[str, Any]) -> None:
    path = tmp_path / "Scan_1954_family_Hanoi_grandparents_and_all_their_friends.jpg"
    path.write_bytes(photo.read_bytes())
    with visit(**size) as page:
        assert fits(page)
        begin(page, path, 2)
        assert fits(page)
        if size:
            page.locator("#panel-open").tap()
        panel = page.locator("#panel")
        expect(panel).to_be_visible()
        assert panel.evaluate("(node) => node.scrollWidth <= node.clientWidth")
        for part in ("#given-size", "[name=diversity]", "#different", "#zip"):
            assert inside(panel, page.locator(part)), part


def test_the_sheet_on_a_phone_is_a_dialog(visit: Open, photo: Path) -> None:
    with visit(**PHONE) as page:
        begin(page, photo, 2)
        button = page.get_by_role("button", name="Picture and settings")
        button.tap()
        sheet = page.get_by_role("dialog", name="Picture and settings")
        expect(sheet).to_have_attribute("aria-modal", "true")
        edges = """() => [["panel-close", "bottom"], ["given", "top"]].map(
          ([id, edge]) => document.getElementById(id).getBoundingClientRect()[edge])"""
        close, given = page.evaluate(edges)
        assert close <= given  # not over the picture
        for _ in range(14):
            page.keyboard.press("Tab")
            assert page.evaluate("() => document.activeElement.matches('body, #panel *')")
        page.touchscreen.tap(100, 40)
        expect(page.locator("#panel")).to_be_hidden()
        expect(button).to_be_focused()
        button.tap()
        page.keyboard.press("Escape")
        expect(page.locator("#panel")).to_be_hidden()
        button.tap()
        page.go_back()
        expect(page.locator("#welcome")).to_be_visible()
        page.get_by_role("button", name="Example: chelsea").tap()
        expect(tiles(page)).to_have_count(2)
        expect(page.locator("#panel")).to_be_hidden()
        button.tap()
        page.locator("#different").tap()
        expect(page.locator("#panel")).to_be_hidden()
        expect(tiles(page)).to_have_count(4)


@contextmanager
def large_letters(visit: Open, **options: Any) -> Iterator[Page]:
    """A page for who has set the browser's letters to twice their size."""
    with visit("/healthz", **options) as page:
        tool = page.context.new_cdp_session(page)
        tool.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        page.goto("/")
        yield page


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_the_browsers_letter_size_counts(visit: Open, photo: Path, size: dict[str, Any]) -> None:
    with large_letters(visit, **size) as page:
        size_of_body = "() => getComputedStyle(document.body).fontSize"
        assert page.evaluate(size_of_body) == "32px"
        assert fits(page)
        begin(page, photo, 2)
        assert fits(page)
        brand, new = page.locator(".brand").bounding_box(), page.locator("#new").bounding_box()
        assert brand is not None
        assert new is not None
        assert brand["x"] + brand["width"] <= new["x"] or brand["y"] + brand["height"] <= new["y"]
        page.get_by_role("button", name="Picture and settings").click()
        panel = page.locator("#panel")
        expect(panel).to_be_visible()
        assert panel.evaluate("(node) => node.scrollWidth <= node.clientWidth")


def test_tiles_suit_the_screen_and_the_picture(visit: Open, tmp_path: Path, photo: Path) -> None:
    with visit(viewport={"width": 820, "height": 1180}) as page:
        begin(page, photo, 3)
        width = tiles(page).first.evaluate("(node) => node.clientWidth")
        assert 230 <= width <= 400
        for name in ("Blend number 1", "Download number 1"):
            expect(page.locator(f"[aria-label^='{name}']")).to_be_visible()
    wide = tmp_path / "panorama.png"
    Image.fromarray(colourful(100, 600)).save(wide)
    with visit() as page:
        begin(page, wide, 2)
        face = tiles(page).first.locator(".open")
        assert face.evaluate("(node) => node.clientWidth") > 600
        ratio = face.evaluate("(node) => node.clientWidth / node.clientHeight")
        assert ratio == pytest.approx(6, abs=0.1)  # no bars


def test_the_panel_keeps_its_place_while_its_picture_loads(visit: Open, photo: Path) -> None:
    with visit() as page:
        held: list[Route] = []
        page.route("**/grey", lambda route: held.append(route))
        page.locator("#file").set_input_files(photo)
        expect(tiles(page)).to_have_count(6)
        tops = [page.locator("#options").evaluate("(node) => node.offsetTop")]
        for route in held:
            route.continue_()
        wait_for(page, lambda: page.locator("#given").evaluate("(node) => node.naturalWidth"))
        tops.append(page.locator("#options").evaluate("(node) => node.offsetTop"))
        assert tops[0] == tops[1]


def test_reduced_motion_is_for_scrolling_too(visit: Open, photo: Path) -> None:
    with visit(reduced_motion="reduce") as page:
        begin(page, photo, 1)
        page.evaluate("() => (Element.prototype.scrollIntoView = (how) => (window.how = how))")
        page.get_by_role("button", name="More, different").click()
        expect(tiles(page)).to_have_count(2)
        assert page.evaluate("() => how.behavior") == "auto"
        page.emulate_media(reduced_motion="no-preference")
        page.get_by_role("button", name="More, different").click()
        expect(tiles(page)).to_have_count(3)
        assert page.evaluate("() => how.behavior") == "smooth"


def test_forced_colours_show_what_is_chosen(visit: Open, photo: Path) -> None:
    with visit(forced_colors="active") as page:
        begin(page, photo, 1)
        ground = "(node) => getComputedStyle(node).backgroundColor"
        chosen, other, _ = page.locator(".filter .choice span").all()  # the last is hidden
        assert chosen.evaluate(ground) != other.evaluate(ground)
        assert tiles(page).first.evaluate("(node) => getComputedStyle(node).borderWidth") == "1px"


def test_links_with_nothing_to_give_look_so(visit: Open, photo: Path, slow: list[float]) -> None:
    with visit() as page:
        page.locator("#file").set_input_files(photo)
        for name in ("sheet", "zip"):
            expect(page.locator(f"#{name}")).to_have_css("opacity", "0.4")
        slow[0] = 0.0
        expect(tiles(page)).to_have_count(6)
        expect(page.locator("#zip")).to_have_css("opacity", "1")
        page.get_by_role("radio", name="Favourites").check(force=True)
        expect(page.locator("#zip")).to_have_css("opacity", "0.4")


def test_a_new_draw_is_shown_whatever_the_filter(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 1)
        page.get_by_role("radio", name="Favourites").check(force=True)
        expect(page.locator("#none")).to_be_visible()
        expect(page.locator("#tally")).to_have_text("0 of 1 colourings")
        page.get_by_role("button", name="More, different").click()
        expect(page.locator("#none")).to_be_hidden()
        expect(tiles(page)).to_have_count(2)
        expect(page.locator("#tally")).to_have_text("2 colourings")
        expect(page.locator(".toast")).to_have_text("1 colouring is ready.")


def test_numbers_are_written_as_the_language_does(visit: Open, photo: Path) -> None:
    with visit(locale="vi-VN") as page:
        begin(page, photo, 1)
        expect(page.locator("#diversity-out")).to_have_text("1,0")
        expect(page.locator("#panel .old")).to_contain_text("0,8")
        page.get_by_role("button", name=re.compile("English")).click()
        expect(page.locator("#diversity-out")).to_have_text("1.0")
        # The tick of old photographs is where 0.8 is.
        slider = page.locator("[name=diversity]").bounding_box()
        tick = page.locator("#panel .old i").nth(1).bounding_box()
        assert slider is not None
        assert tick is not None
        at = (tick["x"] + tick["width"] / 2 - slider["x"]) / slider["width"]
        assert at == pytest.approx(0.4, abs=0.03)
