"""What a person can do on the page with a picture and its colourings, in a browser."""

import base64
import io
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from studio.browser import (
    Open,
    begin,
    hints_of,
    opened,
    session_of,
    steered,
    tiles,
    wait_for,
)
from studio.conftest import Server

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


@pytest.fixture
def visit(browser: Browser, server: Server) -> Open:
    """Opens the page with all its motion, as most people see it."""
    return partial(opened, browser, server, reduced_motion="no-preference")


def test_ways_in(visit: Open, server: Server, photo: Path, picture: bytes) -> None:
    with visit() as page:
        for way in ("drop", "paste", "pick", "example"):
            expect(page.get_by_role("heading", level=1)).to_contain_text("One grey photograph")
            if way == "pick":
                with page.expect_file_chooser() as chooser:
                    page.get_by_role("button", name="Choose files").click()
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
            page.get_by_role("button", name="New picture").click()


def test_what_is_no_picture_is_said(visit: Open, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with visit() as page:
        page.evaluate(FILE, ["body", "drop", "bm8=", "text/plain"])
        expect(page.locator(".toast")).to_contain_text(
            "notes.txt is not a picture. The studio takes"
        )
        page.locator("#file").set_input_files(broken)
        expect(page.locator(".toast").last).to_contain_text("broken.png cannot be read. Save it as")
        expect(page.locator("#welcome")).to_be_visible()


def test_colourings_appear_one_by_one(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.2
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
    slow[0] = 0.5  # time to see the candidates, on a loaded machine too
    with visit() as page:
        expect(page.locator("[name=pick][value=diverse]")).to_be_checked()
        page.locator("#file").set_input_files(photo)
        expect(page.locator(".tile .rough").first).to_be_visible()
        expect(page.locator(".group-head .hint")).to_contain_text("Trying candidates")
        expect(tiles(page).first).to_be_visible()
        slow[0] = 9.0  # it shall not be done before the click
        with page.expect_response("**/api/jobs/*"):
            page.get_by_role("button", name="Stop").click()
        slow[0] = 0.0
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
        expect(tiles(page)).to_have_count(6)  # the three between, without the ends
        expect(page.locator(".ghost")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_be_hidden()  # letting go is no click
        group = session_of(server, page)["groups"][1]
        assert (group["kind"], group["total"]) == ("blend", 3)
        # And without a mouse.
        page.get_by_role("button", name="Blend number 2 with another").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#blend-banner")).to_contain_text("blend No. 2 with")
        page.keyboard.press("Escape")
        expect(page.locator("#blend-banner")).to_be_hidden()
        page.get_by_role("button", name="Open number 2").focus()
        page.keyboard.press("b")
        page.get_by_role("button", name="Open number 1").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="From number 2 to 1")).to_be_visible()
        expect(tiles(page)).to_have_count(9)


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
        assert hints_of(page) == ["Orange at 45, 60"]
        latest = session_of(server, page)["results"][-1]
        assert latest["hints"] == [{"x": 45, "y": 60, "colour": "#e0812e"}]
        red, _, blue = server.pixels(latest["url"])[60, 45].astype(int)
        assert red - blue > 40  # it is orange there
        # Another colour for it.
        page.locator(".pin").click()
        page.get_by_role("button", name="sky blue").click()
        steered(page)
        assert hints_of(page) == ["Sky blue at 45, 60"]
        # By mouse, then by keys.
        pin = page.locator(".pin")
        spot = pin.bounding_box()
        assert spot is not None
        page.mouse.move(spot["x"] + 12, spot["y"] + 12)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25, steps=6)
        page.mouse.up()
        steered(page)
        assert hints_of(page) == ["Sky blue at 135, 30"]
        pin.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowDown")
        wait_for(page, lambda: session_of(server, page)["results"][-1]["hints"][0]["y"] == 39)
        steered(page)
        assert hints_of(page) == ["Sky blue at 133, 39"]
        # A second one, by button, and away with the first.
        page.get_by_role("button", name="Add a dot").click()
        steered(page)
        assert len(hints_of(page)) == 2
        page.get_by_role("button", name=re.compile("Remove: .* 133, 39")).click()
        steered(page)
        assert hints_of(page) == ["Sky blue at 90, 60"]
        for expected in (2, 1):
            page.get_by_role("button", name="Undo").click()
            assert len(hints_of(page)) == expected
        page.keyboard.press("Control+z")
        assert hints_of(page) == ["Sky blue at 135, 30"]
        page.get_by_role("button", name="Redo").click()
        page.keyboard.press("Control+Shift+z")
        assert len(hints_of(page)) == 2
        page.locator(".pin").last.focus()
        page.keyboard.press("Delete")
        steered(page)
        assert hints_of(page) == ["Sky blue at 133, 39"]
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
