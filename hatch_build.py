"""The description that an index shows of the package: README.md, read outside a clone.

Its links and pictures are paths of the repository. Where pyproject.toml has a ``Repository`` among
its URLs, they become addresses. Where it has none, links become text, and pictures are left out.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"^!\[([^\]]*)\]\((?!https?:)([^)\s]+)\)\n\n?", re.M)
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)([^)\s]+)\)")


def description(readme: str, repository: str | None) -> str:
    """The text with all that leads into the repository led to its address, or left out."""
    if repository is None:
        return _LINK.sub(r"\1", _PICTURE.sub("", readme))
    readme = _PICTURE.sub(rf"![\1]({repository}/raw/HEAD/\2)\n\n", readme)
    return _LINK.sub(rf"[\1]({repository}/blob/HEAD/\2)", readme)


class Description(MetadataHookInterface):
    """Called by hatchling whenever a distribution is built."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description."""
        readme = (Path(self.root) / "README.md").read_text("utf-8")
        text = description(readme, metadata.get("urls", {}).get("Repository"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
