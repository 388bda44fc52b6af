"""Fields of a form that the API does not know are refused: `hints=` would lose the hints."""

import pytest

from studio.conftest import Server


@pytest.mark.parametrize("name", ["hints", "k", "Seed", "colour"])
def test_unknown_fields_are_refused_by_name(server: Server, picture: bytes, name: str) -> None:
    answer = server.http.post("/api/colorize", files={"image": picture}, data={name: "1"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"{name}: no such field; choose from diversity, ")
