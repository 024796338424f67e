"""What was chosen in the export dialog, as a frozen value that is remembered between runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from PySide6.QtCore import QSettings

from maskviz.export.figures import FigureStyle
from maskviz.export.files import FORMATS, Format

WIDTHS, DPIS = (200, 20_000), (48, 1200)


@dataclass(frozen=True)
class ExportChoices:
    """``what`` has keys of items of the dialog; with ``together`` the heatmaps among them make one figure. ``width`` is in pixels."""

    what: tuple[str, ...] = ("heatmaps",)
    format: Format = "png"
    width: int = FigureStyle().width
    dpi: int = FigureStyle().dpi
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    legend: bool = True
    folder: str = ""
    together: bool = False

    def style(self, statuses: str = "standard") -> FigureStyle:
        """Size and look of the figures; a GIF has no half-transparent edges, so it keeps its ground."""
        return FigureStyle(self.width, self.dpi, self.theme, self.transparent and self.format != "gif", self.legend, statuses)

    @classmethod
    def load(cls, store: QSettings) -> ExportChoices:
        """What was chosen last; what cannot be read is as at first."""
        first = cls()

        def number(key: str, default: int, limits: tuple[int, int]) -> int:
            try:
                return min(max(int(str(store.value(f"export/{key}", default))), limits[0]), limits[1])
            except ValueError:
                return default

        def one_of(key: str, choices: tuple[str, ...], default: str) -> str:
            value = str(store.value(f"export/{key}", default))
            return value if value in choices else default

        def flag(key: str, default: bool) -> bool:
            return str(store.value(f"export/{key}", default)).lower() == "true"

        what = tuple(filter(None, str(store.value("export/what", "heatmaps")).split("+")))
        return cls(
            what,
            cast(Format, one_of("format", FORMATS, first.format)),
            number("width", first.width, WIDTHS),
            number("dpi", first.dpi, DPIS),
            cast(Any, one_of("theme", ("light", "dark"), first.theme)),
            flag("transparent", first.transparent),
            flag("legend", first.legend),
            str(store.value("export/folder", "")),
            flag("together", first.together),
        )

    def save(self, store: QSettings) -> None:
        """Remember this for the next time."""
        for key, value in vars(self).items():
            store.setValue(f"export/{key}", "+".join(value) if key == "what" else value)
        store.sync()
