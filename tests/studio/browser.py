"""The page under Playwright, in the system's Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from studio.conftest import Server

Open = Callable[..., AbstractContextManager[Page]]
_PATIENCE = 45_000  # milliseconds
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str:
    """The browser's path. Skips loudly where there is none."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("NO CHROMIUM: install Debian's package `chromium` to test the page")


@contextmanager
def launched() -> Iterator[Browser]:
    path = find()
    # A root user, as in a container, has no sandbox to use.
    sandbox = [] if getattr(os, "geteuid", lambda: 1)() else ["--no-sandbox"]
    expect.set_options(timeout=_PATIENCE)  # a machine may have much else to do
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*sandbox, "--disable-gpu"], timeout=4 * _PATIENCE
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, server: Server, path: str = "/", **options: Any) -> Iterator[Page]:
    """A page of the studio; it may neither fail in its console nor leave this machine.

    `expected`: parts of further messages that its console may show.
    """
    further: tuple[str, ...] = options.pop("expected", ())
    options.setdefault("viewport", {"width": 1440, "height": 900})
    options.setdefault("locale", "en-GB")
    options.setdefault("reduced_motion", "reduce")  # a third quicker; test_page.py has the motion
    context = browser.new_context(base_url=server.url, **options)
    context.set_default_timeout(_PATIENCE)
    faults: list[str] = []
    outside: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))

    def stay(route: Route) -> None:
        outside.append(route.request.url)
        route.abort()

    page.route(lambda url: not url.startswith((server.url, "blob:", "data:")), stay)
    page.goto(path)
    yield page
    context.close()
    assert not outside
    expected = ("status of 400", "status of 404", "status of 429", *further)
    assert not [fault for fault in faults if not any(part in fault for part in expected)]


def tiles(page: Page) -> Any:
    """The colourings that are there."""
    return page.locator(".tile[data-base]")


def begin(page: Page, picture: Path, n: int, pick: str = "random") -> None:
    """Give a picture, and wait for its colourings; others than random ones take longer."""
    page.locator("[name=n]").evaluate("(node, n) => (node.value = n)", n)
    page.locator(f"[name=pick][value={pick}]").evaluate("(node) => (node.checked = true)")
    page.locator("#file").set_input_files(picture)
    wait_for(page, lambda: tiles(page).count() == n)
    wait_for(page, lambda: page.locator("progress:visible").count() == 0)


def wait_for(page: Page, holds: Callable[[], object], seconds: float = 60) -> None:
    """Let the page go on until a condition holds."""
    for _ in range(int(seconds * 25)):
        if holds():
            return
        page.wait_for_timeout(40)
    raise AssertionError("it did not come true in time")


def session_of(server: Server, page: Page) -> dict[str, Any]:
    """What the API says of the session that a page shows."""
    return dict(server.http.get(f"/api/sessions/{page.url.split('#')[1]}").json())


def hints_of(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#hint-list li").all_inner_texts()]


def steered(page: Page) -> None:
    wait_for(page, lambda: page.locator("#v-busy").is_hidden())


def draw(page: Page, *places: tuple[float, float], pause: int = 0) -> None:
    """A stroke on the large view, through places as shares of the picture's sides."""
    box = page.locator("#surface").bounding_box()
    assert box
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=10)
        page.wait_for_timeout(pause)
    page.mouse.up()
