"""Make docs/images/studio-*.jpg: the studio's page with the example pictures, in Chromium.

pip install -e ".[dev]", and then: python docs/make_studio.py
"""

import io
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from PIL import Image
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from studio.browser import draw, launched, steered  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PORT = 8417
GAP = 20  # pixels between the phone's pictures
STROKES = (  # on the astronaut's suit, as shares of the picture's sides
    ((0.14, 0.72), (0.24, 0.6), (0.3, 0.52)),
    ((0.4, 0.62), (0.52, 0.66), (0.64, 0.62)),
    ((0.42, 0.86), (0.5, 0.8)),
)
IDLE = "() => document.querySelectorAll('.tile[data-base]').length === 6"


@contextmanager
def studio() -> Iterator[str]:
    """A studio with a temporary folder; its address."""
    url = f"http://127.0.0.1:{PORT}"
    command = [sys.executable, "-m", "manyhues", "studio", "--port", str(PORT)]
    process = subprocess.Popen(command)
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/healthz").close()
                break
            except OSError:
                sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait()


def give(page: Page, name: str) -> None:
    """Colour an example; wait for its six colourings, and for what is said of them to go."""
    page.locator(f'button:has(img[src$="/{name}.jpg"])').click()
    page.wait_for_function(IDLE, timeout=300_000)
    page.wait_for_timeout(5000)


def image(page: Page) -> Image.Image:
    """What is seen of a page."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def desktop(browser: Browser, url: str) -> None:
    """Six colourings of the astronaut; the second, large, with strokes on its suit."""
    page = browser.new_context(viewport={"width": 1440, "height": 960}, locale="en-GB").new_page()
    page.goto(url)
    give(page, "astronaut")
    page.mouse.move(5, 5)
    page.wait_for_timeout(400)
    image(page).save(IMAGES / "studio-colourings.jpg", quality=80)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".tile .open").nth(1).click()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="orange").click()
    for stroke in STROKES:
        draw(page, *stroke)
        page.wait_for_timeout(500)
        steered(page)
    page.locator("#compare").fill("30")
    page.mouse.move(5, 5)
    page.wait_for_timeout(2500)
    image(page).save(IMAGES / "studio-large.jpg", quality=80)


def phone(browser: Browser, url: str) -> None:
    """The welcome, the colourings, the settings and the large view beside each other."""
    page = browser.new_context(
        viewport={"width": 390, "height": 844},
        locale="vi-VN",
        device_scale_factor=1.3,
        is_mobile=True,
        has_touch=True,
    ).new_page()
    page.goto(url)
    page.wait_for_timeout(1500)
    seen = [image(page)]
    give(page, "rocket")
    seen.append(image(page))
    page.locator("#panel-open").click()
    page.wait_for_timeout(600)
    seen.append(image(page))
    page.locator("#panel-close").click()
    page.locator(".tile .open").nth(1).click()
    page.wait_for_timeout(2500)
    seen.append(image(page))
    width, height = seen[0].size
    strip = Image.new("RGB", (4 * width + 3 * GAP, height), "white")
    for at, one in enumerate(seen):
        strip.paste(one, (at * (width + GAP), 0))
    strip.save(IMAGES / "studio-phone.jpg", quality=80)


def main() -> None:
    """All three."""
    with studio() as url, launched() as browser:
        desktop(browser, url)
        phone(browser, url)


if __name__ == "__main__":
    main()
