"""Zoom in the large view: by every way in, and dots and panning under it."""

from pathlib import Path

import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import expect

from studio.browser import Open, steered, wait_for
from studio.conftest import Server
from studio.test_viewer import PHONE, large, steerings, surface


def test_zoom(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        box = large(page, photo)
        out, whole = page.locator("#zoom-out"), page.locator("#zoom-reset")
        expect(out).to_be_hidden()
        point = (box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
        page.mouse.dblclick(*point)
        expect(whole).to_have_text("2.5×")
        # What was double clicked stays under the pointer.
        now = surface(page)
        assert now["width"] == pytest.approx(2.5 * box["width"], abs=2)
        assert now["x"] + 0.25 * now["width"] == pytest.approx(point[0], abs=2)
        page.wait_for_timeout(700)
        assert steerings(server, page) == []
        # Dragging pans, and places no dot.
        page.mouse.move(*point)
        page.mouse.down()
        page.mouse.move(point[0] + 60, point[1] - 40, steps=4)
        page.mouse.up()
        moved = surface(page)
        assert moved["x"] - now["x"] == pytest.approx(60, abs=1)
        assert moved["y"] - now["y"] == pytest.approx(-40, abs=1)
        expect(page.locator(".pin")).to_have_count(0)
        # A button let go outside the window is known by the next move, which does not pan.
        page.locator("#surface").dispatch_event(
            "pointerdown", {"pointerId": 1, "clientX": point[0], "clientY": point[1]}
        )
        page.mouse.move(point[0] + 20, point[1])
        assert surface(page) == moved
        # A dot lies where it was clicked, also when it is all shown again.
        page.mouse.click(*point)
        expect(page.locator(".pin")).to_have_count(1)
        steered(page)
        ((_, ((x, y, _),)),) = steerings(server, page)
        assert x == int((point[0] - moved["x"]) / moved["width"] * 180)
        assert y == int((point[1] - moved["y"]) / moved["height"] * 120)
        pin = page.locator(".pin").bounding_box()
        assert pin is not None
        assert pin["width"] == 30
        page.keyboard.press("ArrowRight")  # zoom and place stay for the neighbour
        expect(page.locator("#viewer-title")).to_contain_text("No. 2")
        assert surface(page) == moved
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("0")
        expect(whole).to_be_hidden()
        assert surface(page) == box
        pin = page.locator(".pin").bounding_box()
        assert pin is not None
        assert pin["x"] + 15 == pytest.approx(box["x"] + (x + 0.5) / 180 * box["width"], abs=1)
        # By wheel, keys and buttons.
        page.mouse.move(*point)
        page.mouse.wheel(0, -200)
        expect(whole).to_have_text("1.5×")
        page.keyboard.press("+")
        expect(whole).to_have_text("2.2×")
        before = surface(page)["x"]
        page.keyboard.press("Shift+ArrowRight")
        assert surface(page)["x"] < before
        page.keyboard.press("-")
        expect(whole).to_have_text("1.5×")
        page.get_by_role("button", name="Zoom in").click()
        out.click()
        out.click()
        expect(whole).to_be_hidden()
        expect(page.locator("#zoom-in")).to_be_focused()
        page.mouse.dblclick(*point)
        page.mouse.dblclick(*point, delay=20)
        expect(whole).to_be_hidden()
        page.wait_for_timeout(700)
        assert len(steerings(server, page)) == 1


def test_pinch(visit: Open, photo: Path) -> None:
    with visit(**PHONE) as page:
        box = large(page, photo)
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = page.context.new_cdp_session(page)

        def fingers(kind: str, *apart: int) -> None:
            points = [{"x": middle[0] + at, "y": middle[1], "id": int(at > 0)} for at in apart]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        fingers("touchStart", -30)
        fingers("touchStart", -30, 30)
        for far in range(30, 91, 10):
            fingers("touchMove", -far, far)
        fingers("touchEnd")
        expect(page.locator("#zoom-reset")).to_have_text("3.0×")
        assert page.evaluate("() => visualViewport.scale") == 1  # the page itself stays
        expect(page.locator(".pin")).to_have_count(0)
        page.locator("#zoom-reset").tap()
        assert surface(page) == box


def test_zoomed_in_a_large_picture_gets_sharp(visit: Open, tmp_path: Path) -> None:
    path = tmp_path / "scan.jpg"
    Image.fromarray(colourful(1400, 2100)).convert("L").save(path)
    with visit() as page:
        large(page, path, 1)
        width = "() => document.querySelector('#after').naturalWidth"
        wait_for(page, lambda: page.evaluate(width) == 1600)
        page.wait_for_timeout(1000)
        assert page.evaluate(width) == 1600
        for _ in range(3):
            page.keyboard.press("+")
        wait_for(page, lambda: page.evaluate(width) == 2100)
        before = width.replace("#after", "#before")  # as sharp, to compare
        wait_for(page, lambda: page.evaluate(before) == 2100)
