"""The brush of the large view: a stroke is one mark, however many dots it is made of."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from studio.browser import Open, draw, hints_of, session_of, steered, wait_for
from studio.conftest import Server
from studio.test_viewer import large


def steerings(server: Server, page: Page) -> list[dict[str, Any]]:
    return [one for one in session_of(server, page)["results"] if one["kind"] == "steer"]


def hints(server: Server, page: Page) -> list[int]:
    """How many dots each steering has, in order."""
    return [len(one["hints"]) for one in steerings(server, page)]


def test_a_stroke_is_one_mark(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        large(page, photo, 1)
        # Slower than the pause after which a wish is sent: yet it is one.
        draw(page, (0.2, 0.5), (0.35, 0.5), (0.5, 0.5), pause=500)
        steered(page)
        wait_for(page, lambda: len(steerings(server, page)) == 1)
        (count,) = hints(server, page)
        assert 4 <= count <= 8
        expect(page.locator(".pin")).to_have_count(1)
        expect(page.locator(".pins polyline.line")).to_have_count(1)
        (row,) = hints_of(page)
        assert row.startswith("Red, a stroke from 3")
        result = steerings(server, page)[0]
        assert all(0 <= share <= 1 for share in result["reach"])
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".pin")).to_have_count(0)
        assert hints_of(page) == []
        page.get_by_role("button", name="Redo").click()
        assert hints_of(page) == [row]
        page.reload()  # it is still one
        expect(page.locator(".pin")).to_have_count(1)
        assert hints_of(page) == [row]
        page.get_by_role("button", name="Remove: Red, a stroke").click()
        steered(page)
        wait_for(page, lambda: hints(server, page) == [count, 0])


def test_strokes_are_undone_one_by_one(
    visit: Open, server: Server, photo: Path, slow: list[float]
) -> None:
    """Also those that have not been sent yet, because the studio still works on the first."""
    slow[0] = 0.0
    with visit() as page:
        large(page, photo, 1)
        slow[0] = 1.5
        for row in (0.25, 0.5, 0.75):
            draw(page, (0.2, row), (0.6, row))
        expect(page.locator(".pin")).to_have_count(3)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".pin")).to_have_count(2)
        slow[0] = 0.0
        steered(page)
        for left in (1, 0):
            page.get_by_role("button", name="Undo").click()
            expect(page.locator(".pin")).to_have_count(left)
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
        assert len(steerings(server, page)) == 2


def test_a_stroke_moves_and_changes_as_one(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        box = large(page, photo, 1)
        draw(page, (0.3, 0.4), (0.6, 0.4))
        steered(page)
        before = steerings(server, page)[-1]["hints"]
        pin = page.locator(".pin").bounding_box()
        assert pin
        x, y = pin["x"] + pin["width"] / 2, pin["y"] + pin["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 2 * box["width"], y + 0.2 * box["height"], steps=5)  # past the rim
        page.mouse.up()
        steered(page)
        wait_for(page, lambda: len(steerings(server, page)) == 2)
        after = steerings(server, page)[-1]["hints"]
        steps = {(b["x"] - a["x"], b["y"] - a["y"]) for a, b in zip(before, after, strict=True)}
        assert len(steps) == 1  # as it was drawn, and whole
        assert max(one["x"] for one in after) == 179
        page.locator("#hint-list li button").first.click()
        page.get_by_role("button", name="dark blue").click()
        steered(page)
        wait_for(page, lambda: len(steerings(server, page)) == 3)
        assert {one["colour"] for one in steerings(server, page)[-1]["hints"]} == {"#2f5d94"}
        expect(page.locator(".pin")).to_have_count(1)
        page.locator(".pin").focus()
        page.keyboard.press("Delete")
        expect(page.locator(".pin")).to_have_count(0)


def test_a_stroke_past_the_most_says_so(visit: Open, server: Server, photo: Path) -> None:
    with visit() as page:
        large(page, photo, 1)
        rows = [(0.05, 0.1), (0.95, 0.1), (0.95, 0.5), (0.05, 0.5)]
        draw(page, *rows)
        expect(page.locator(".toast.bad")).to_contain_text("24 dots at most")
        steered(page)
        assert hints(server, page) == [24]
        expect(page.locator(".pin")).to_have_count(1)
        assert session_of(server, page)["results"][-1]["kind"] == "steer"
