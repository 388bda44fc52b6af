"""Sessions on disk: bounds by age, number and size; names; what is kept in memory."""

import os
import secrets
import shutil
import time
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import colourful
from hypothesis import given
from hypothesis import strategies as st

from manyhues.colorizer import Colorizer
from manyhues.errors import PictureError
from manyhues.image import names
from manyhues.studio import derived
from manyhues.studio.actions import named
from manyhues.studio.actions.base import Made
from manyhues.studio.folder import FullError, LostError, clean_name
from manyhues.studio.limits import Limits
from manyhues.studio.session import Session
from manyhues.studio.store import Store
from studio.conftest import encoded

PICTURE = encoded(colourful(30, 40))


def make(tmp_path: Path, weights: Path, **bounds: Any) -> Store:
    return Store(tmp_path, replace(Limits(), **bounds), weights)


def new(store: Store) -> Session:
    return store.create(PICTURE, "a.png", "cvae", "keep")


def test_by_number(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, sessions=2)
    first, second, third = (new(store) for _ in range(3))
    store.session(first.id)  # used again: the second is now the longest unused
    assert store.clean() == 1
    assert {path.name for path in tmp_path.iterdir()} == {first.id, third.id}
    with pytest.raises(LostError, match="make room"):
        store.session(second.id)


def size_on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_by_size(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, folder_bytes=25_000)
    sessions = [new(store) for _ in range(3)]
    for session in sessions:
        session.files.write("x.npz", bytes(9_000))
    assert store.size == size_on_disk(tmp_path)
    store.clean()
    assert store.size <= 25_000
    assert sessions[2].folder.is_dir()
    assert not sessions[0].folder.exists()
    sessions[2].files.write("x.npz", bytes(10))  # a file that is replaced counts once
    assert store.size == size_on_disk(tmp_path)


def test_what_can_be_made_again_goes_before_any_session(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, folder_bytes=25_000)
    first, last = new(store), new(store)
    for session in (first, last):
        for k in range(3):
            path = session.files.write(f"{k}.full.png", bytes(9_000))
            os.utime(path, (1, 1))
    just_asked_for = last.files.write("9.full.png", bytes(40_000))
    assert store.clean() == 0
    assert first.folder.is_dir()
    assert not list(first.folder.glob("*.full.*"))
    assert [path.name for path in last.folder.glob("*.full.*")] == [just_asked_for.name]
    assert store.size == size_on_disk(tmp_path)


def test_the_open_and_the_last_used_are_never_cleaned(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, sessions=1, age=0.0)
    shown = new(store)
    store.session(shown.id, opened=True)
    between, last = new(store), new(store)
    for session in (shown, between, last):
        session.used -= 100
    assert store.leaving(time.time()) == [between]  # said beforehand
    assert store.clean() == 1
    assert [one.id for one in store.sessions()] == [last.id, shown.id]
    shown.opened -= 1000  # its page was closed
    assert store.clean() == 1


def test_a_full_folder_takes_nothing_more(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, folder_bytes=25_000)
    shown = new(store)
    shown.files.write("x.npz", bytes(24_990))
    store.session(shown.id, opened=True)
    with pytest.raises(FullError, match="--max-folder"):
        new(store)
    assert [path.name for path in tmp_path.iterdir()] == [shown.id]
    shown.opened = 0.0  # it may be cleaned away now
    new(store)


def test_a_kept_folder_is_never_cleaned_of_sessions(tmp_path: Path, weights: Path) -> None:
    store = Store(tmp_path, replace(Limits(), sessions=1, age=0.0), weights, kept=True)
    first, second = new(store), new(store)
    first.used = second.used = 1.0
    assert store.clean() == 0
    assert store.count == 2


def test_a_deletion_can_be_undone_for_a_while(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights)
    session = new(store)
    store.delete(session)
    with pytest.raises(LostError):
        store.session(session.id)
    assert not store.sessions()
    assert store.clean() == 0
    assert store.restore(session.id) is session
    store.delete(session)
    assert session.deleted is not None
    session.deleted -= 61
    store.clean()
    assert not session.folder.exists()
    with pytest.raises(LostError, match="no longer be undone"):
        store.restore(session.id)


def test_by_age(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, age=50.0)
    old, held, young = (new(store) for _ in range(3))
    old.used = held.used = time.time() - 60
    with store.holding(held):
        assert store.clean() == 1
    assert not old.folder.exists()
    assert held.folder.exists()
    assert young.folder.exists()


def test_scenes_in_memory_are_few(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, scenes=2)
    sessions = [new(store) for _ in range(5)]
    assert len(store._scenes) == 2
    first = store.scene(sessions[0], "cvae")  # read again from the folder
    assert first.picture.name == "a.png"
    assert np.array_equal(first.luminance, store.scene(sessions[4], "cvae").luminance)
    assert store.scene(sessions[0], "cvae") is first
    small = make(tmp_path, weights, scene_pixels=2000)  # of 1,200 each
    for _ in range(3):
        new(small)
    assert len(small._scenes) == 1


def test_a_result_comes_back_as_it_was(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, scenes=1)
    session = new(store)
    colorizer = store.colorizer("cvae")
    one = colorizer.sample(
        store.scene(session, "cvae"), 1, pick="random", hints=[(3, 4, "#b03030")], saturation=0.8
    )
    result = store.add(session, "g", Made(named("sample")), one)
    new(store)  # drives the scene out
    again = store.load(session, result.id)
    assert np.array_equal(again.pixels(0), one.pixels(0))
    assert again.steering is one.steering
    with pytest.raises(LostError):
        store.load(session, "../../etc/passwd")


def test_grey_needs_no_second_encoding(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever method has read a picture, its grey is made of that."""
    store = make(tmp_path, weights)
    session = new(store)  # by cvae, which is not the default
    assert store.methods[0] != "cvae"
    monkeypatch.setattr(Colorizer, "encode", lambda *arguments: pytest.fail("encoded again"))
    assert derived.grey(store, session).is_file()
    assert derived.grey_full(store, session).is_file()


def test_limits_come_before_decoding(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, pixels=1000)
    with pytest.raises(PictureError, match="over the limit"):
        new(store)
    assert not list(tmp_path.iterdir())


def test_what_fails_leaves_no_files(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path, weights)
    session = new(store)
    one = store.colorizer("cvae").sample(store.scene(session, "cvae"), 1, pick="random")
    rid = store.add(session, "g", Made(named("sample")), one).id

    def fails(*arguments: Any, **options: Any) -> None:
        raise MemoryError

    def on_disk() -> int:
        return sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())

    derived.full(store, session, rid)
    before = store.size
    with monkeypatch.context() as patch:
        patch.setattr(derived, "sheet_of", fails)
        with pytest.raises(MemoryError):
            derived.sheet(store, session, [rid])
    assert on_disk() == before
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(MemoryError):
            session.files.write("x", bytes(99))
    assert on_disk() == before
    with monkeypatch.context() as patch:
        patch.setattr(Colorizer, "encode", fails)
        with pytest.raises(MemoryError):
            new(store)
    assert [path.name for path in tmp_path.iterdir()] == [session.id]
    assert derived.sheet(store, session, [rid]).is_file()
    assert store.size == on_disk()


def test_a_deleted_picture_does_not_come_back(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path, weights, scenes=1)
    session = new(store)
    encode = Colorizer.encode

    def meanwhile(self: Colorizer, picture: Any) -> Any:
        store.remove(session)
        return encode(self, picture)

    monkeypatch.setattr(Colorizer, "encode", meanwhile)
    assert store.scene(session, "flow").picture.name == "a.png"  # a running job ends its step
    assert not store._scenes


def test_a_folder_that_has_vanished_is_cleaned(tmp_path: Path, weights: Path) -> None:
    store = make(tmp_path, weights, sessions=1)
    first, second = new(store), new(store)
    shutil.rmtree(first.folder)
    shutil.rmtree(second.folder)
    assert store.clean() == 1
    assert store.count == 1
    store.remove(second)
    assert (store.count, store.size) == (0, 0)


def test_a_killed_upload_is_deleted_at_the_next_start(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    data = encoded(colourful(30, 40))
    session = Store(folder, Limits(), weights, kept=True).create(data, "a.png", "cvae", "keep")
    half = {secrets.token_urlsafe(16): names for names in ((), ("source",), ("source.1a.part",))}
    others = {"my pictures": ("source",), secrets.token_urlsafe(16): ("source", "x.npz")}
    for name, files in {**half, **others}.items():
        (folder / name).mkdir()
        for file in files:
            (folder / name / file).write_bytes(data)
    (folder / "notes.txt").write_text("a person's own")
    broken = folder / secrets.token_urlsafe(16)
    broken.mkdir()
    (broken / "session.json").write_text("{")
    store = Store(folder, Limits(), weights, kept=True)
    assert [one.id for one in store.sessions()] == [session.id]
    assert {path.name for path in folder.iterdir()} == {
        *(session.id, "notes.txt", broken.name),
        *others,
    }


@given(st.text(max_size=300))
def test_names_are_harmless(name: str) -> None:
    shown = clean_name(name)
    assert shown
    assert len(shown) <= 90
    assert shown.isprintable()
    assert not set(shown) & set('/\\<>:"|?*')
    assert not shown.startswith(".")
    assert shown == Path(shown).name
    assert len(shown.encode()) <= 240  # with a number and a suffix it is the name of a download
    assert shown == unicodedata.normalize("NFC", shown)
    for part in (shown, Path(shown).stem):  # a file, and a folder in a ZIP
        assert names.portable(part) == part


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C:\\pictures\\old.jpg", "old.jpg"),
        ("..\\..\\CON.jpg", "CON_.jpg"),
        ("nul", "nul_"),
        ("who?.  .jpg", "who.jpg"),
        ("Be\N{COMBINING ACUTE ACCENT}.png", "B\N{LATIN SMALL LETTER E WITH ACUTE}.png"),
    ],
)
def test_names_for_downloads_fit_every_system(name: str, expected: str) -> None:
    assert clean_name(name) == expected
