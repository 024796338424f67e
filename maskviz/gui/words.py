"""The seam for translations: every text of the window that is meant for people goes through ``tr``.

``python packaging/translations.py de`` collects the texts into a file that Qt Linguist edits, and makes what the window loads.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from maskviz import resources


def tr(text: str) -> str:
    """The text in the user's language, where there is a translation. Names in braces are filled in afterwards."""
    return QCoreApplication.translate("", text)


def install(app: QCoreApplication, locale: QLocale) -> bool:
    """Load the translation for a locale from the resources; whether there is one."""
    folder = resources.root() / "translations"
    translator = QTranslator(app)
    return folder.is_dir() and translator.load(locale, "maskviz", "_", str(folder)) and app.installTranslator(translator)
