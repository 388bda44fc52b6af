"""The documentation's site: it builds without a warning, and asks no other machine for anything."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_site_builds(tmp_path: Path) -> None:
    if not all(map(find_spec, ("material", "mkdocstrings", "latex2mathml"))):
        pytest.skip("NO MKDOCS: the site is not built; pip install 'manyhues[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        loaded = re.findall(
            r'<(?:script|img|link)[^>]*(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
        assert not [url for url in loaded if "localhost" not in url], page.name
    python = (tmp_path / "api" / "index.html").read_text("utf-8")
    for name in ("colorize", "Colorizer", "Sampling", "Recolor", "recover"):
        assert name in python
    method = (tmp_path / "method" / "index.html").read_text("utf-8")
    assert method.count("<math") > 40
    assert "$" not in re.sub(r"<script.*?</script>", "", method, flags=re.S)  # no formula is left
    for name, language in (("method", "en"), ("method.vi", "vi"), ("results.vi", "vi")):
        assert f'<html lang="{language}"' in (tmp_path / name / "index.html").read_text("utf-8")
    options = (tmp_path / "cli" / "index.html").read_text("utf-8")
    assert "<code>--diversity</code>" in options  # the README's table


def test_what_is_not_part_of_the_site_is_no_link() -> None:
    site = pytest.importorskip("tools.site", reason="NO MKDOCS: pip install 'manyhues[docs]'")
    page = ROOT / "docs" / "model" / "faults.md"
    text = "[a](choosing.md), [b](../../README.md#x), ![c](../x.png), [d](https://e.org), [e](#f)"
    assert site.inside(text, page) == text.replace("[b](../../README.md#x)", "b")
