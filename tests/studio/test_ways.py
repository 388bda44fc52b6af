"""From one view of the page to another: where one stands, and what is said meanwhile."""

from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from studio.browser import Open, begin, tiles
from studio.test_viewer import large


def test_a_picture_opens_at_its_top_and_the_list_stays_where_it_was(
    visit: Open, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for path in paths:
        Image.new("L", (40, 60), 90).save(path)
    with visit(viewport={"width": 390, "height": 500}) as page:
        page.locator("[name=n]").evaluate("(node) => (node.value = 4)")
        page.locator("[name=pick][value=random]").evaluate("(node) => (node.checked = true)")
        page.locator("#file").set_input_files(paths)
        expect(page.locator(".toast", has_text="3 of 3")).to_be_visible()
        expect(page.locator("#album-list li")).to_have_count(3)
        page.evaluate("document.querySelector('#album-title').scrollIntoView()")
        before = page.evaluate("scrollY")
        assert before > 100
        page.locator("#album-list a").last.click()
        expect(tiles(page)).to_have_count(4)
        assert page.evaluate("scrollY") == 0
        page.go_back()
        expect(page.locator("#album-list a").last).to_be_in_viewport()
        assert abs(page.evaluate("scrollY") - before) < 60


def test_what_can_be_undone_speaks_the_pages_language_and_goes_with_its_picture(
    visit: Open, photo: Path
) -> None:
    with visit() as page:
        begin(page, photo, 2)
        page.get_by_role("button", name="Hide number 2").click()
        message = page.locator(".toast:has(.undo)")
        expect(message).to_contain_text("No. 2 is hidden.")
        page.get_by_role("button", name="VI, Tiếng Việt").click()
        expect(message).to_contain_text("Đã ẩn số 2.")
        expect(message.get_by_role("button")).to_have_text("Hoàn tác")
        page.locator("#home").click()
        expect(message).to_have_count(0)  # there it could not be undone


def test_the_list_tells_favourites(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 2)
        page.get_by_role("button", name="Favourite number 2").click()
        expect(page.get_by_role("button", name="Favourite number 2")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.locator("#home").click()
        expect(page.locator("#album-list li").first).to_contain_text("2 colourings · ♥ 1")


def test_a_palette_goes_with_its_picture(visit: Open, photo: Path, tmp_path: Path) -> None:
    red, other = tmp_path / "red.png", tmp_path / "other.png"
    Image.new("RGB", (40, 40), (190, 60, 40)).save(red)
    Image.new("L", (40, 40), 90).save(other)
    with visit() as page:
        begin(page, photo, 1)
        page.locator("#palette-file").set_input_files(red)
        expect(page.locator("#palette-now")).to_be_visible()
        page.locator("#file").set_input_files(other)
        expect(page.locator("#given-name")).to_have_text("other.png")
        expect(page.locator("#palette-now")).to_be_hidden()


def test_nothing_lies_over_a_picture_that_is_held_to_compare(visit: Open, photo: Path) -> None:
    with visit() as page:
        large(page, photo, 1)
        page.get_by_role("button", name="Add a dot").click()
        expect(page.locator(".pin")).to_be_visible()
        page.keyboard.down("c")
        expect(page.locator(".pin")).to_be_hidden()
        page.keyboard.up("c")
        expect(page.locator(".pin")).to_be_visible()
