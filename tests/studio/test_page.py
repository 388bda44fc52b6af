"""Everything that a person can do on the page, in a browser."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from studio.browser import begin, launched, opened, tiles, wait_for
from studio.conftest import Server

Open = Callable[..., AbstractContextManager[Page]]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, server: Server) -> Open:
    return partial(opened, browser, server)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "old house.jpg"
    Image.fromarray(colourful(120, 180)).convert("L").save(path, quality=92)
    return path


def session_of(server: Server, page: Page) -> dict[str, Any]:
    return dict(server.http.get(f"/api/sessions/{page.url.split('#')[1]}").json())


FILE = """([selector, type, data, kind]) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const name = kind === "image/png" ? "given.png" : "notes.txt";
  transfer.items.add(new File([bytes], name, { type: kind }));
  const target = document.querySelector(selector);
  const options = { bubbles: true, cancelable: true };
  for (const kind of type === "drop" ? ["dragenter", "dragover", "drop"] : [type]) {
    const event = type === "paste"
      ? new ClipboardEvent(kind, { ...options, clipboardData: transfer })
      : new DragEvent(kind, { ...options, dataTransfer: transfer });
    target.dispatchEvent(event);
  }
}"""


@pytest.mark.parametrize("way", ["drop", "paste", "pick", "example"])
def test_ways_in(visit: Open, server: Server, photo: Path, picture: bytes, way: str) -> None:
    import base64

    with visit() as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("One grey photograph")
        if way == "pick":
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Choose a file").click()
            chooser.value.set_files(photo)
            name = "old house.jpg"
        elif way == "example":
            page.get_by_role("button", name="Example: chelsea").click()
            name = "chelsea.jpg"
        else:
            data = base64.b64encode(picture).decode()
            page.evaluate(FILE, ["#drop" if way == "drop" else "body", way, data, "image/png"])
            name = "given.png"
        expect(tiles(page)).to_have_count(6)
        expect(page.locator("#given-name")).to_have_text(name)
        expect(page).to_have_title(f"{name} · manyhues")
        assert len(session_of(server, page)["results"]) == 6


def test_what_is_no_picture_is_said(visit: Open, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with visit() as page:
        page.evaluate(FILE, ["body", "drop", "bm8=", "text/plain"])
        expect(page.locator(".toast")).to_have_text("No picture was found in what you gave.")
        page.locator("#file").set_input_files(broken)
        expect(page.locator(".toast").last).to_contain_text("cannot be read: picture: not a")
        expect(page.locator("#welcome")).to_be_visible()


def test_colourings_appear_one_by_one(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    with visit() as page:
        page.locator("#file").set_input_files(photo)
        seen = set()

        def grow() -> bool:
            seen.add(tiles(page).count())
            return 6 in seen

        expect(page.locator("progress")).to_be_visible()
        expect(page.locator(".tile.waiting")).not_to_have_count(0)
        wait_for(page, grow)
        assert len(seen) >= 5  # one after the other
        expect(page.locator("progress:visible")).to_have_count(0)
        expect(page.locator("#tally")).to_have_text("6 colourings")
        expect(page.locator(".toast")).to_have_count(0)


def test_candidates_are_shown_while_it_chooses_and_work_can_be_stopped(
    visit: Open, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.15
    with visit() as page:
        page.locator("[name=pick][value=diverse]").evaluate("(node) => (node.checked = true)")
        page.locator("#file").set_input_files(photo)
        expect(page.locator(".tile .rough").first).to_be_visible()
        expect(page.locator(".group-head .hint")).to_contain_text("Trying candidates")
        expect(tiles(page).first).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("progress:visible")).to_have_count(0)
        expect(page.locator(".group-head .hint")).to_have_text("Stopped")
        assert 1 <= tiles(page).count() < 6


def test_large_view_with_before_and_after(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 2)
        page.get_by_role("button", name="Open number 1").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.locator("#viewer-title")).to_have_text("No. 1 · old house.jpg")
        after, box = page.locator("#after"), page.locator("#surface").bounding_box()
        assert box is not None
        page.get_by_label("Before and after").fill("40")
        expect(after).to_have_css("clip-path", "inset(0px 0px 0px 40%)")
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] * 0.4, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=5)
        page.mouse.up()
        expect(page.get_by_label("Before and after")).to_have_value("70")
        expect(page.locator(".pin")).to_have_count(0)  # dragging is no click
        shown = np.asarray(Image.open(io.BytesIO(page.locator("#surface").screenshot())))
        chroma = np.ptp(shown[..., :3].astype(int), axis=2)
        width = chroma.shape[1]
        left, right = chroma[:, : int(0.6 * width)], chroma[:, int(0.8 * width) :]
        assert np.percentile(left, 90) <= 2  # grey before
        assert right.mean() > 8  # coloured after
        page.keyboard.press("Home")
        page.locator("#viewer-title").click()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer-title")).to_contain_text("No. 2")
        expect(page.get_by_role("button", name="Next")).to_be_disabled()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_role("button", name="Open number 2")).to_be_focused()


def test_more_like_this_and_more_different(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 3)
        page.get_by_role("button", name="More like number 2").click()
        expect(page.get_by_role("heading", name="Like number 2")).to_be_visible()
        expect(tiles(page)).to_have_count(6)
        page.get_by_role("button", name="Open number 5").click()
        page.locator("#amount").fill("0.7")
        page.locator("#v-like").click()
        expect(page.get_by_role("heading", name="Like number 5")).to_be_visible()
        expect(tiles(page)).to_have_count(9)
        page.get_by_role("button", name="More, different").click()
        expect(page.get_by_role("heading", name="More, different")).to_be_visible()
        expect(tiles(page)).to_have_count(12)
        groups = session_of(server, page)["groups"]
        results = {r["id"]: r for r in session_of(server, page)["results"]}
        assert [group["kind"] for group in groups] == ["sample", "vary", "vary", "sample"]
        assert results[groups[1]["of"][0]]["number"] == 2
        assert "amount=0.7" in results[groups[2]["results"][0]]["recipe"]["python"]
        assert {results[rid]["seed"] for rid in groups[3]["results"]} == {1}


def test_dragging_one_onto_another_blends(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 3)
        first, third = (page.get_by_role("button", name=f"Open number {k}") for k in (1, 3))
        start, end = first.bounding_box(), third.bounding_box()
        assert start is not None
        assert end is not None
        page.mouse.move(start["x"] + 90, start["y"] + 60)
        page.mouse.down()
        page.mouse.move(start["x"] + 140, start["y"] + 70, steps=4)
        expect(page.locator(".ghost")).to_be_visible()
        page.mouse.move(end["x"] + 90, end["y"] + 60, steps=6)
        expect(page.locator(".tile.target")).to_have_count(1)
        page.mouse.up()
        expect(page.get_by_role("heading", name="From number 1 to 3")).to_be_visible()
        expect(tiles(page)).to_have_count(8)
        expect(page.locator(".ghost")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_be_hidden()  # letting go is no click
        group = session_of(server, page)["groups"][1]
        assert (group["kind"], group["total"]) == ("blend", 5)
        # And without a mouse.
        page.get_by_role("button", name="Blend number 2 with another").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#blend-banner")).to_contain_text("blend 2 with")
        page.keyboard.press("Escape")
        expect(page.locator("#blend-banner")).to_be_hidden()
        page.get_by_role("button", name="Open number 2").focus()
        page.keyboard.press("b")
        page.get_by_role("button", name="Open number 1").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="From number 2 to 1")).to_be_visible()
        expect(tiles(page)).to_have_count(13)


def hints_of(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#hint-list li").all_inner_texts()]


def steered(page: Page) -> None:
    wait_for(page, lambda: page.locator("#v-busy").is_hidden())


def test_hints_move_remove_undo_redo(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 2)
        page.get_by_role("button", name="Open number 2").click()
        page.get_by_role("button", name="orange").click()
        surface = page.locator("#surface")
        box = surface.bounding_box()
        assert box is not None
        surface.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.5})
        expect(page.locator(".pin")).to_have_count(1)
        steered(page)
        assert hints_of(page) == ["Colour #e0812e at 45, 60"]
        latest = session_of(server, page)["results"][-1]
        assert latest["hints"] == [{"x": 45, "y": 60, "colour": "#e0812e"}]
        red, _, blue = server.pixels(latest["url"])[60, 45].astype(int)
        assert red - blue > 40  # it is orange there
        # Another colour for it.
        page.get_by_role("button", name="sky blue").click()
        steered(page)
        assert hints_of(page) == ["Colour #5fa8dc at 45, 60"]
        # By mouse, then by keys.
        pin = page.locator(".pin")
        spot = pin.bounding_box()
        assert spot is not None
        page.mouse.move(spot["x"] + 12, spot["y"] + 12)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25, steps=6)
        page.mouse.up()
        steered(page)
        assert hints_of(page) == ["Colour #5fa8dc at 135, 30"]
        pin.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowDown")
        wait_for(page, lambda: session_of(server, page)["results"][-1]["hints"][0]["y"] == 39)
        steered(page)
        assert hints_of(page) == ["Colour #5fa8dc at 133, 39"]
        # A second one, by button, and away with the first.
        page.get_by_role("button", name="Add a dot").click()
        steered(page)
        assert len(hints_of(page)) == 2
        page.get_by_role("button", name=re.compile("Remove: .* 133, 39")).click()
        steered(page)
        assert hints_of(page) == ["Colour #5fa8dc at 90, 60"]
        for expected in (2, 1):
            page.get_by_role("button", name="Undo").click()
            assert len(hints_of(page)) == expected
        page.keyboard.press("Control+z")
        assert hints_of(page) == ["Colour #5fa8dc at 135, 30"]
        page.get_by_role("button", name="Redo").click()
        page.keyboard.press("Control+Shift+z")
        assert len(hints_of(page)) == 2
        page.locator(".pin").last.focus()
        page.keyboard.press("Delete")
        steered(page)
        assert hints_of(page) == ["Colour #5fa8dc at 133, 39"]
        expect(page.get_by_role("button", name="Redo")).to_be_disabled()
        page.get_by_role("button", name="Draw others with these colours").click()
        expect(page.get_by_role("heading", name="With your colours")).to_be_visible()
        expect(tiles(page)).to_have_count(4)
        assert session_of(server, page)["results"][-1]["hints"][0]["x"] == 133
        # The tile shows what was made of it.
        expect(page.locator(".tile").nth(1)).to_contain_text("steered")


def test_sliders(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 1)
        page.get_by_label("Variety").fill("0")
        page.get_by_label("Colour strength").first.fill("0")
        page.get_by_label("How many").fill("2")
        expect(page.locator("#diversity-out")).to_have_text("0.0")
        page.get_by_role("button", name="More, different").click()
        expect(tiles(page)).to_have_count(3)
        grey, same = session_of(server, page)["results"][1:]
        assert np.ptp(server.pixels(grey["url"]).astype(int), axis=2).max() <= 2
        assert "diversity=0.0" in same["recipe"]["python"]
        page.get_by_role("button", name="Open number 1").click()
        page.locator("#v-saturation").fill("2")
        steered(page)
        wait_for(page, lambda: len(session_of(server, page)["results"]) == 4)
        first, *_, strong = session_of(server, page)["results"]
        spread = [
            np.ptp(server.pixels(r["url"]).astype(int), axis=2).mean() for r in (first, strong)
        ]
        assert spread[1] > 1.3 * spread[0]
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#v-saturation")).to_have_value("1")


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
        page.get_by_role("button", name="violet").click()
        steered(page)
        page.get_by_role("button", name="Undo").click()
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
        assert "#7d4fa0" not in hints_of(page)[0]  # undone before, undone now
        page.get_by_role("button", name="Redo").click()
        assert "#7d4fa0" in hints_of(page)[0]


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
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete this picture").click()
        expect(page.locator("#welcome")).to_be_visible()
        assert not folder.exists()
        page.goto(address)
        expect(page.locator(".toast", has_text="no longer in the studio")).to_be_visible()
        expect(page.locator("#welcome")).to_be_visible()


def test_languages_and_theme(visit: Open, photo: Path) -> None:
    with visit(locale="vi-VN") as page:
        expect(page.locator("html")).to_have_attribute("lang", "vi")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Một tấm ảnh xám")
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
        surface.tap(position={"x": 150, "y": 80})
        expect(page.locator(".pin")).to_have_count(1)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 390


def test_by_keyboard_alone(visit: Open) -> None:
    with visit() as page:
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_accessibility(
    visit: Open, photo: Path, scheme: str, size: dict[str, Any], record_property: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def check(page: Page, place: str) -> None:
        page.wait_for_timeout(900)  # what still fades in has no contrast yet
        found = axe.run(page).response
        assert found["passes"]
        faults = [
            {"rule": rule["id"], "at": [node["target"] for node in rule["nodes"]][:3]}
            for rule in found["violations"]
            if rule["impact"] in SERIOUS
        ]
        record_property(place, [rule["id"] for rule in found["violations"]])
        assert not faults, f"{place}: {json.dumps(faults)}"

    # axe is injected, which the page's own policy forbids.
    with visit(bypass_csp=True, color_scheme=scheme, **size) as page:
        expect(page.locator("#examples img").first).to_be_visible()
        check(page, "welcome")
        begin(page, photo, 2)
        check(page, "colourings")
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
    from manyhues.studio.app import STATIC

    text = (STATIC / "i18n.js").read_text("utf-8")
    known = set(re.findall(r"^  (\w+): \[", text, re.M))
    html = (STATIC / "index.html").read_text("utf-8")
    used = set(re.findall(r'data-t(?:-label)?="(\w+)"', html))
    for path in STATIC.glob("*.js"):
        used |= set(re.findall(r'\bt\("(\w+)"', path.read_text("utf-8")))
    assert used <= known
    assert len(re.findall(r"^  \w+: \[\s*\"", text, re.M)) == len(known)
