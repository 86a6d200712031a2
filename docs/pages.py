"""A hook of MkDocs: the pages that stand at the repository's root, where people look for them, become part of the site.

Their links to `docs/` are made relative to it.  What a page of the site links to outside of it leads to the repository
when its address is known, and is plain text otherwise; that it exists is checked either way.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "contracts.md": "contracts/README.md",
}
"""Pages of the site by the files they are made of."""
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are no files of `docs/`."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only there when the site is built

    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Let every relative link lead to a page of the site, or out of it."""
    name: str = page.file.src_uri
    source = Path(PAGES.get(name, f"docs/{name}"))
    return _LINK.sub(lambda link: _led(link, source, Path(name), str(config["repo_url"] or "")), markdown)


def _led(link: re.Match[str], source: Path, name: Path, repository: str) -> str:
    text, target, anchor = link[1], link[2], link[3] or ""
    found = Path(os.path.normpath(source.parent / target))
    if not (ROOT / found).exists():
        return link[0]  # MkDocs says which page has it
    pages = {Path(path): page for page, path in PAGES.items()}
    page = pages.get(found) or (found.relative_to("docs").as_posix() if found.is_relative_to("docs") else None)
    if page is not None:
        return f"[{text}]({os.path.relpath(page, name.parent)}{anchor})"
    return f"[{text}]({repository}/blob/HEAD/{found.as_posix()}{anchor})" if repository else text
