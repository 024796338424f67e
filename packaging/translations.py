"""Collects the window's texts for translators: ``python packaging/translations.py de [fr …]``.

Writes ``resources/translations/maskviz_de.ts`` (new texts are added, translations that are there are kept) for Qt Linguist or another
editor of .ts files, and makes ``maskviz_de.qm`` of it, which the window loads where the system's language is that one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from maskviz.gui import action_list, help, theme, tour
from maskviz.gui.graph import marks, tools
from maskviz.palette import STATUS_SETS, STATUS_WORDS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "resources" / "translations"


def texts_in_data() -> Iterator[str]:
    """Texts that stand in data and not in a call of ``tr``."""
    for spec in action_list.ACTIONS:
        yield from (spec.text, spec.tip, spec.short)
    yield from (title for title, _ in action_list.MENUS)
    yield from action_list.SUBMENU_TITLES.values()
    yield from (word for stop in tour.STOPS for word in (stop.title, stop.text))
    yield from (word for line in help.GESTURES for word in line)
    yield from (word for words in STATUS_WORDS.values() for word in words)
    yield from STATUS_SETS.values()
    yield from (text for _, text in theme.CHOICES)
    yield from (word for switch in (*tools.SWITCHES, *tools.IN_MENU) for word in switch[1:3])
    yield from (*marks.HOW_TAGS.values(), *marks.ENDING_WORDS.values())


def main(languages: list[str]) -> int:
    """Update the file of every language; the exit code."""
    if not languages:
        print(__doc__)
        return 2
    FOLDER.mkdir(exist_ok=True)
    tools = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data.py"
        data.write_text("".join(f"tr({text!r})\n" for text in dict.fromkeys(texts_in_data()) if text), encoding="utf-8")
        sources = [str(path) for path in sorted((ROOT / "maskviz" / "gui").rglob("*.py"))]
        for language in languages:
            listing, result = FOLDER / f"maskviz_{language}.ts", FOLDER / f"maskviz_{language}.qm"
            subprocess.run([tools / "pyside6-lupdate", "-locations", "none", *sources, data, "-ts", listing], check=True)
            subprocess.run([tools / "pyside6-lrelease", listing, "-qm", result], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
