"""The dots of the large view: each goes where it belongs, and none is lost."""

from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from studio.browser import Open, hints_of, session_of, steered, wait_for
from studio.conftest import Server
from studio.test_viewer import held, large, steerings


def test_the_palette_is_for_the_next_dot(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        box = large(page, photo)
        spots = [{"x": box["width"] * at, "y": box["height"] / 2} for at in (0.25, 0.5, 0.75)]

        def put(spot: int) -> None:
            page.locator("#surface").click(position=spots[spot])  # type: ignore[arg-type]
            expect(page.locator(".pin")).to_have_count(spot + 1)
            steered(page)

        palette = page.locator("#colour-for")
        page.get_by_role("button", name="orange").click()
        put(0)
        expect(palette).to_have_text("Colour of the next dot")
        page.get_by_role("button", name="sky blue").click()
        put(1)
        assert hints_of(page) == ["Orange at 45, 60", "Sky blue at 90, 60"]
        # A selected dot gets another colour, until it is let go.
        page.locator(".pin").first.click()
        expect(palette).to_have_text("Colour of the selected dot")
        expect(page.get_by_role("button", name="orange", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        page.get_by_role("button", name="violet").click()
        steered(page)
        assert hints_of(page)[0] == "Violet at 45, 60"
        dot = page.locator(".pin").first
        for way in ("click", "Escape"):
            expect(dot).to_have_attribute("aria-pressed", "true")
            if way == "click":
                dot.click()
            else:
                page.keyboard.press(way)
            expect(dot).to_have_attribute("aria-pressed", "false")
            expect(palette).to_have_text("Colour of the next dot")
            expect(page.get_by_role("dialog")).to_be_visible()
            page.locator("#hint-list li button").first.click()
        page.keyboard.press("Escape")
        page.locator("#colour").fill("#12ab9f")
        put(2)
        assert hints_of(page) == ["Violet at 45, 60", "Sky blue at 90, 60", "#12ab9f at 135, 60"]


def test_added_dots_lie_apart(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo)
        for count in range(1, 7):
            page.get_by_role("button", name="Add a dot").click()
            expect(page.locator(".pin")).to_have_count(count)
        boxes = [pin.bounding_box() for pin in page.locator(".pin").all()]
        spots = [
            (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box
        ]
        for k, (x, y) in enumerate(spots):
            assert all(abs(x - a) + abs(y - b) > 20 for a, b in spots[:k])


def test_a_nudge_stays_with_its_picture(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        large(page, photo, 2)
        page.get_by_role("button", name="Add a dot").click()
        steered(page)
        page.keyboard.press("ArrowRight")  # the new dot has the focus
        page.get_by_role("button", name="Next").click()
        expect(page.locator(".pin")).to_have_count(0)
        wait_for(page, lambda: len(steerings(server, page)) == 2)
        page.wait_for_timeout(450)  # longer than a pause; no third comes
        red = "#b03030"
        assert steerings(server, page) == [(1, [(90, 60, red)]), (1, [(92, 60, red)])]
        page.get_by_role("button", name="Previous").click()
        assert hints_of(page) == ["Red at 92, 60"]


def test_undo_while_a_steering_runs(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        box = large(page, photo)

        def put(at: float) -> None:
            page.mouse.click(box["x"] + box["width"] * at, box["y"] + box["height"] / 3)

        put(0.25)
        steered(page)
        expect(page.locator(".pin")).to_have_count(1)
        with held(page, "**/hints") as waiting:
            put(0.5)
            wait_for(page, lambda: waiting)
            expect(page.locator(".pin")).to_have_count(2)
            page.keyboard.press("Control+z")
            expect(page.locator(".pin")).to_have_count(1)
        wait_for(page, lambda: len(steerings(server, page)) == 2)
        page.wait_for_timeout(500)
        expect(page.locator(".pin")).to_have_count(1)  # it came late, and stays undone
        page.keyboard.press("Control+z")
        expect(page.locator(".pin")).to_have_count(0)
        for count in (1, 2):
            page.keyboard.press("Control+Shift+z")
            expect(page.locator(".pin")).to_have_count(count)
        expect(page.get_by_role("button", name="Redo")).to_be_disabled()
        # What was not even asked for is just taken back.
        put(0.75)
        page.keyboard.press("Control+z")
        page.wait_for_timeout(450)
        expect(page.locator(".pin")).to_have_count(2)
        assert len(steerings(server, page)) == 2


def test_a_steering_is_there_after_a_reload(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.0
    with visit() as page:
        box = large(page, photo, 1)

        def put(at: float) -> None:
            with page.expect_response("**/hints"):
                page.mouse.click(box["x"] + box["width"] * at, box["y"] + box["height"] / 3)

        put(0.25)
        steered(page)
        with held(page, "**/events"):  # it is done, and the page has not heard
            put(0.5)
            wait_for(page, lambda: len(steerings(server, page)) == 2)
            page.reload()
        expect(page.locator(".pin")).to_have_count(2)
        page.keyboard.press("Control+z")
        expect(page.locator(".pin")).to_have_count(1)
        page.locator("#mode-colour").check(force=True)  # after a reload one only looks
        slow[0] = 9.0
        put(0.75)
        with page.expect_response("**/api/sessions/*"):  # it is not yet done
            page.reload()
        slow[0] = 0.0
        expect(page.locator(".pin")).to_have_count(2)
        assert "at 135," in hints_of(page)[1]
        page.keyboard.press("Control+z")
        expect(page.locator(".pin")).to_have_count(1)
        page.reload()
        expect(page.locator(".pin")).to_have_count(1)  # what was undone stays so


def test_a_steering_goes_on_when_one_turns_away_and_comes_back(
    visit: Open, photo: Path, slow: list[float]
) -> None:
    slow[0] = 0.0
    with visit() as page:
        large(page, photo, 1)
        slow[0] = 9.0
        with page.expect_response("**/hints"):
            page.get_by_role("button", name="Add a dot").click()
        page.go_back()
        page.go_back()
        expect(page.locator("#welcome")).to_be_visible()
        page.go_forward()
        page.get_by_role("button", name="Open number 1").click()
        expect(page.locator("#v-busy")).to_be_visible()
        slow[0] = 0.0
        steered(page)
        expect(page.locator(".pin")).to_have_count(1)
        expect(page.locator(".tile em")).to_have_text("steered")
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_double_click_takes_no_dot_away(visit: Open, photo: Path) -> None:
    with visit() as page:
        box = large(page, photo, 1)
        add = "(node) => { for (let k = 0; k < 24; k += 1) node.click(); }"
        page.locator("#hint-add").evaluate(add)
        steered(page)
        page.mouse.dblclick(box["x"] + box["width"] - 9, box["y"] + 9)
        expect(page.locator("#zoom-reset")).to_have_text("2.5×")
        expect(page.locator(".toast.bad")).to_have_text("A picture takes 24 dots at most.")
        expect(page.locator(".pin")).to_have_count(24)


def test_a_hint_that_hardly_shows_is_told(visit: Open, server: Server, tmp_path: Path) -> None:
    path = tmp_path / "sky.png"
    grey = np.full((120, 180), 128, np.uint8)
    grey[:, :90] = 255
    Image.fromarray(grey).save(path)
    with visit() as page:
        box = large(page, path, 1)

        def put(at: float) -> None:
            page.mouse.click(box["x"] + box["width"] * at, box["y"] + box["height"] / 2)
            steered(page)

        told = page.locator(".toast.bad")
        put(0.75)
        expect(told).to_have_count(0)
        put(0.25)
        expect(told).to_have_text(
            "Red at 45, 60: it is too light or too dark there to show much of that colour."
        )
        told.evaluate("(node) => node.remove()")
        page.locator("#v-saturation").fill("2")  # it is no news any more
        steered(page)
        assert session_of(server, page)["results"][-1]["faint"] == [1]
        expect(told).to_have_count(0)
