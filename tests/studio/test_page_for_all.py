"""What the page keeps and gives away, and that everyone can use it, in a browser."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from studio.browser import (
    Open,
    begin,
    hints_of,
    opened,
    session_of,
    steered,
    tiles,
)
from studio.conftest import Server

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_favourites_and_downloads(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 3)
        page.get_by_role("button", name="Favourite number 2").click()
        expect(page.get_by_role("button", name="Favourite number 2")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.get_by_role("button", name="Open number 3").click()
        page.get_by_role("button", name="Favourite", exact=True).click()
        with page.expect_download() as one:
            page.locator("#v-download").click()
        assert one.value.suggested_filename == "old house.3.jpg"
        with Image.open(one.value.path()) as image:
            assert (image.format, image.size) == ("JPEG", (180, 120))
        page.keyboard.press("Escape")
        page.get_by_role("radio", name="Favourites").check()
        expect(tiles(page)).to_have_count(2)
        with page.expect_download() as two:
            page.get_by_role("link", name="Favourites as ZIP").click()
        with zipfile.ZipFile(two.value.path()) as archive:
            assert archive.namelist() == [
                "old house.2.jpg",
                "old house.3.jpg",
                "old house.sheet.jpg",
            ]
        page.get_by_role("button", name="Favourite number 2").click()
        expect(tiles(page)).to_have_count(1)
        page.get_by_role("radio", name="All").check()
        expect(tiles(page)).to_have_count(3)
        with page.expect_download() as three:
            page.get_by_role("link", name="Contact sheet").click()
        assert three.value.suggested_filename == "old house.sheet.jpg"
        with page.expect_download() as four:
            page.get_by_role("link", name="Download number 1").click()
        assert four.value.suggested_filename == "old house.1.jpg"


def test_copies(visit: Open, server: Server, photo: Path) -> None:
    with visit(permissions=["clipboard-read", "clipboard-write"]) as page:
        begin(page, photo, 2)
        page.get_by_role("button", name="Open number 2").click()
        expect(page.locator("#recipe-note")).to_contain_text("out/old house.2.jpg")
        recipe = session_of(server, page)["results"][1]["recipe"]
        for button, expected in (("Command", "command"), ("Python", "python")):
            page.get_by_role("button", name=button).click()
            expect(page.locator(".toast").last).to_have_text("Copied.")
            assert page.evaluate("() => navigator.clipboard.readText()") == recipe[expected]


def test_reload_keeps_the_pictures(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.0
    with visit() as page:
        begin(page, photo, 2)
        page.get_by_role("button", name="Favourite number 1").click()
        page.get_by_role("button", name="Open number 2").click()
        page.get_by_role("button", name="Add a dot").click()
        steered(page)
        page.keyboard.press("Enter")  # on the new dot: it is selected
        page.get_by_role("button", name="violet").click()
        steered(page)
        page.get_by_role("button", name="Undo").click()
        for _ in range(2):  # the first lets go of the dot
            page.keyboard.press("Escape")
        page.get_by_label("How many").fill("6")
        slow[0] = 3.0
        page.get_by_role("button", name="More, different").click()
        expect(page.locator("progress:visible")).to_have_count(1)
        page.reload()
        expect(page.locator("progress:visible")).to_have_count(1)  # the work goes on
        slow[0] = 0.0
        expect(tiles(page)).to_have_count(8)
        expect(page.get_by_role("button", name="Favourite number 1")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.get_by_role("button", name="Open number 2").click()
        assert len(hints_of(page)) == 1
        assert "Violet" not in hints_of(page)[0]  # undone before, undone now
        page.get_by_role("button", name="Redo").click()
        assert "Violet" in hints_of(page)[0]


def test_new_picture_back_and_delete(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 1)
        page.get_by_role("button", name="New picture").click()
        expect(page.locator("#welcome")).to_be_visible()
        page.get_by_role("link", name="Back to your last picture").click()
        expect(tiles(page)).to_have_count(1)
        page.go_back()
        expect(page.locator("#welcome")).to_be_visible()
        page.go_forward()
        expect(tiles(page)).to_have_count(1)
        folder = server.studio.store.folder / page.url.split("#")[1]
        address = page.url
        delete = page.get_by_role("button", name="Delete this picture")
        delete.click()
        expect(page.locator("#welcome")).to_be_visible()
        page.locator(".toast").get_by_role("button", name="Undo").click()
        expect(tiles(page)).to_have_count(1)
        assert folder.exists()
        delete.click()
        expect(page.locator("#welcome")).to_be_visible()
        page.goto(address)
        expect(page.get_by_role("heading", name="no longer in the studio")).to_be_visible()
        expect(page.locator("#studio")).to_be_hidden()
        page.get_by_role("button", name="To the first page").click()
        expect(page.locator("#welcome")).to_be_visible()


def test_languages_and_theme(visit: Open, photo: Path) -> None:
    with visit(locale="vi-VN") as page:
        expect(page.locator("html")).to_have_attribute("lang", "vi")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Một tấm ảnh đen trắng")
        begin(page, photo, 1)
        expect(page.get_by_role("heading", name="Lần xem đầu")).to_be_visible()
        page.get_by_role("button", name="EN, English").click()
        expect(page.get_by_role("heading", name="First look")).to_be_visible()
        page.get_by_role("button", name="Light or dark").click()
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.locator("body")).to_have_css("background-color", "rgb(22, 22, 23)")


def test_on_a_phone(visit: Open, photo: Path) -> None:
    with visit(**PHONE) as page:
        begin(page, photo, 2)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 390
        expect(page.locator("#panel")).to_be_hidden()
        page.get_by_role("button", name="Picture and settings").tap()
        expect(page.get_by_label("Variety")).to_be_visible()
        page.get_by_role("button", name="Close").tap()
        expect(page.locator("#panel")).to_be_hidden()
        page.get_by_role("button", name="More, different").tap()
        expect(tiles(page)).to_have_count(4)
        page.get_by_role("button", name="Open number 2").tap()
        surface = page.locator("#surface")
        box = surface.bounding_box()
        assert box is not None
        assert box["width"] > 300
        surface.tap(position={"x": 150, "y": 80})  # it only looks
        page.wait_for_timeout(400)  # a second tap at once would zoom
        expect(page.locator(".pin")).to_have_count(0)
        page.locator("#mode-colour").check(force=True)
        surface.tap(position={"x": 150, "y": 80})
        expect(page.locator(".pin")).to_have_count(1)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_by_keyboard_alone(visit: Open) -> None:
    with visit() as page:
        expect(page.get_by_role("button", name="Example: astronaut")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the pictures")).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(2):
            page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Example: astronaut")).to_be_focused()
        page.keyboard.press("Enter")
        expect(tiles(page)).to_have_count(6)
        page.get_by_role("button", name="Open number 1").focus()
        page.keyboard.press("f")
        expect(page.get_by_role("button", name="Favourite number 1")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("h")  # as on the small picture
        expect(page.locator("#v-hide")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("h")
        page.keyboard.press("f")
        expect(page.locator("#v-heart")).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("f")
        page.get_by_label("Before and after").focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(page.get_by_label("Before and after")).to_have_value("3")
        expect(page.locator("#viewer-title")).to_contain_text("No. 1")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Open number 1")).to_be_focused()


def test_a_token_is_entered_once(browser: Browser, serve: Any) -> None:
    server = serve(token="long-enough")
    with opened(browser, server, "/?token=long-enough") as page:
        assert page.url == f"{server.url}/"
        page.get_by_role("button", name="Example: chelsea").click()
        expect(tiles(page)).to_have_count(6)


SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_accessibility(
    visit: Open, photo: Path, size: dict[str, Any], record_property: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def check(page: Page, place: str) -> None:
        for scheme in ("light", "dark"):  # which differ in their colours alone
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(100)  # what still fades in has no contrast yet
            only = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
            found = axe.run(page, options={"resultTypes": ["violations"], **only}).response
            assert found["passes"]
            faults = [
                {"rule": rule["id"], "at": [node["target"] for node in rule["nodes"]][:3]}
                for rule in found["violations"]
                if rule["impact"] in SERIOUS
            ]
            record_property(f"{place}, {scheme}", [rule["id"] for rule in found["violations"]])
            assert not faults, f"{place}, {scheme}: {json.dumps(faults)}"

    # axe is injected, which the page's own policy forbids.
    with visit(bypass_csp=True, **size) as page:
        expect(page.locator("#examples img").first).to_be_visible()
        check(page, "welcome")
        begin(page, photo, 2)
        check(page, "colourings")
        titles = page.locator("#studio :is(h1, h2)")
        assert titles.first.evaluate("(node) => node.tagName") == "H1"
        if size:
            page.get_by_role("button", name="Picture and settings").tap()
            check(page, "panel")
            page.get_by_role("button", name="Close").tap()
        page.get_by_role("button", name="Open number 1").click()
        page.get_by_role("button", name="Add a dot").click()
        steered(page)
        check(page, "large view")
        page.goto("/docs")
        expect(page.locator("#operations details").first).to_be_visible()
        check(page, "docs")


def test_docs_describe_every_route(visit: Open, server: Server) -> None:
    with visit("/docs") as page:
        paths = server.http.get("/openapi.json").json()["paths"]
        expect(page.locator("#operations summary")).to_have_count(
            sum(len(verbs) for verbs in paths.values())
        )
        page.get_by_text("POST/api/colorize").click()
        for field in ("image", "diversity", "hint"):
            expect(
                page.locator("#operations details[open] code", has_text=field).first
            ).to_be_visible()


def test_every_text_is_there_in_both_languages() -> None:
    from manyhues.studio.files import STATIC

    text = (STATIC / "i18n.js").read_text("utf-8")
    known = set(re.findall(r"^  (\w+): \[", text, re.M))
    html = (STATIC / "index.html").read_text("utf-8")
    used = set(re.findall(r'data-t(?:-label)?="(\w+)"', html))
    for path in STATIC.glob("*.js"):
        used |= set(re.findall(r'\bt\("(\w+)"', path.read_text("utf-8")))
    assert used <= known
    assert len(re.findall(r"^  \w+: \[\s*\"", text, re.M)) == len(known)
