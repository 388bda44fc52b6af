"""Quality of a download: at the routes, in a ZIP, and in the page."""

import io
import zipfile
from pathlib import Path

import pytest
from conftest import colourful
from PIL import Image
from playwright.sync_api import expect

from manyhues.image.picture import Picture
from studio.browser import Open, begin, tiles
from studio.conftest import Server, encoded


@pytest.mark.parametrize("format", ["jpg", "webp"])
def test_a_quality_makes_a_smaller_file(server: Server, format: str) -> None:
    session = server.colorize(encoded(colourful(120, 160)), n=1, pick="random")
    link = session["results"][0]["download"].split("?")[0]
    sizes = []
    for quality in (None, 90, 40):
        query = {"format": format} | ({} if quality is None else {"quality": quality})
        answer = server.http.get(link, params=query)
        assert answer.status_code == 200, answer.text
        sizes.append(len(answer.content))
        assert server.http.get(link, params=query).content == answer.content  # from the folder
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.size == (160, 120)
    assert sizes[0] > 1.2 * sizes[1] > 1.2 * sizes[2]


def test_a_quality_is_the_jpegs_own(server: Server) -> None:
    jpeg = encoded(colourful(80, 90), "JPEG", quality=92)
    session = server.colorize(jpeg, "old.jpg", n=2, pick="random")
    answer = server.http.get(session["results"][1]["download"], params={"quality": 61})
    assert abs(Picture.open(answer.content).metadata.jpeg_quality - 61) <= 1
    assert 'filename="old.2.jpg"' in answer.headers["content-disposition"]
    whole = server.http.get(session["zip"], params={"quality": 61})
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.read("old.2.jpg") == answer.content
    of_all = {"sessions": session["session"], "quality": 61, "format": "jpg"}
    with zipfile.ZipFile(io.BytesIO(server.http.get("/api/zip", params=of_all).content)) as archive:
        assert archive.read("old/old.2.jpg") == answer.content


def test_formats_without_quality_ignore_it(server: Server, picture: bytes) -> None:
    session = server.colorize(picture, n=1, pick="random")
    link = session["results"][0]["download"].split("?")[0]
    for format in ("keep", "png", "tiff", "colour"):
        plain, graded = (
            server.http.get(link, params={"format": format, **more}).content
            for more in ({}, {"quality": 5})
        )
        assert plain == graded
    names = [path.name for path in server.studio.store.session(session["session"]).folder.iterdir()]
    assert not [name for name in names if ".q5." in name]


@pytest.mark.parametrize("quality", ["0", "101", "best", "9.5"])
def test_what_is_no_quality_is_refused(server: Server, picture: bytes, quality: str) -> None:
    session = server.colorize(picture, n=1, pick="random")
    for link in (session["results"][0]["download"], session["zip"]):
        answer = server.http.get(link, params={"quality": quality})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert "quality" in answer.json()["detail"]


def test_the_document_names_it(server: Server) -> None:
    paths = server.http.get("/openapi.json").json()["paths"]
    for path in (
        "/api/sessions/{sid}/results/{rid}/download",
        "/api/sessions/{sid}/zip",
        "/api/zip",
    ):
        found = {one["name"]: one for one in paths[path]["get"]["parameters"]}
        bounds = found["quality"]["schema"]["anyOf"][0]
        assert (bounds["minimum"], bounds["maximum"]) == (1, 100)
        assert "colour" in str(found["format"]["schema"])


def test_a_zip_of_layers(server: Server, picture: bytes) -> None:
    session = server.colorize(picture, n=2, pick="random")
    whole = server.http.get(session["zip"], params={"format": "colour"})
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.namelist()[:2] == ["old.1.colour.png", "old.2.colour.png"]
        assert Image.open(io.BytesIO(archive.read("old.2.colour.png"))).mode == "RGBA"


def test_the_page_asks_where_there_is_a_quality(visit: Open, photo: Path) -> None:
    with visit() as page:
        begin(page, photo, 2)
        panel = page.locator(".keep")
        expect(panel.get_by_label("Quality")).to_be_visible()  # the picture's own is JPEG
        for wanted, there in (("png", False), ("tiff", False), ("webp", True), ("", True)):
            panel.get_by_label("Kind of file").select_option(wanted)
            expect(panel.get_by_label("Quality")).to_be_visible(visible=there)
        panel.get_by_label("Quality").select_option("75")
        with page.expect_download() as whole:
            page.locator("#zip").click()
        with zipfile.ZipFile(whole.value.path()) as archive:
            packed = archive.read("old house.1.jpg")
        assert abs(Picture.open(packed).metadata.jpeg_quality - 75) <= 1
        with page.expect_download() as one:  # of the tile
            page.get_by_role("link", name="Download number 1 at full size").click()
        assert Path(one.value.path()).read_bytes() == packed
        tiles(page).first.locator(".open").click()
        large = page.locator(".take")
        expect(large.get_by_label("Quality")).to_have_value("75")  # one choice for all
        with page.expect_download() as one:
            page.locator("#v-download").click()
        assert Path(one.value.path()).read_bytes() == packed
        large.get_by_label("Quality").select_option("")
        with page.expect_download() as one:
            page.locator("#v-download").click()
        assert Picture.open(one.value.path()).metadata.jpeg_quality >= 96
