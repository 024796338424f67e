"""The one style sheet of the window, made from a palette. Widgets ask for a look by the dynamic property ``look``."""

from __future__ import annotations

from string import Template

from maskviz import resources
from maskviz.palette import Palette

_SHEET = Template("""
QMainWindow, QDialog { background: $pane; }
QWidget#toolbar { background: $toolbar; border-bottom: 1px solid $border; }
QWidget#comparebar { background: $pane; border-bottom: 1px solid $border; }
QWidget#notices { background: $pane; border-top: 1px solid $border; }
QWidget#notices QPushButton { padding: 1px 10px; }
QWidget#statusbar { background: $toolbar; border-top: 1px solid $border; }
QMainWindow::separator { background: $border; width: 1px; height: 1px; margin: 0px; padding: 0px; }
QMainWindow::separator:hover { background: $accent; }
QToolTip { background: $card; color: $text; border: 1px solid $border; padding: 4px 6px; }

QMenuBar { background: $toolbar; color: $text; padding: 1px 6px; }
QMenuBar::item { padding: 4px 9px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $card; border: 1px solid $border; padding: 5px; }
QMenu::item { padding: 5px 26px 5px 10px; border-radius: 4px; }
QMenu::item:selected { background: $hover; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $border; margin: 5px 8px; }
QMenu::icon { padding-left: 6px; }

QPushButton, QToolButton[look="button"] {
    background: $card; color: $text; border: 1px solid $border; border-radius: 6px; padding: 5px 11px; min-height: 1.2em; }
QPushButton:hover, QToolButton[look="button"]:hover { background: $hover; }
QPushButton:pressed, QToolButton[look="button"]:pressed { background: $groove; }
QPushButton:focus, QToolButton[look="button"]:focus { border-color: $accent; }
QPushButton:disabled, QToolButton[look="button"]:disabled { color: $faint; }
QPushButton[look="small"] { padding: 5px 7px; }
QPushButton[look="primary"] { background: $accent; color: $on_accent; border-color: $accent; font-weight: 600; }
QPushButton[look="primary"]:hover { background: $accent_hover; }
QPushButton[look="primary"]:focus { border: 2px solid $text; padding: 4px 10px; }
QPushButton[look="primary"]:disabled { background: $groove; border-color: $groove; color: $faint; }
QPushButton[look="link"] { background: transparent; border: 1px solid transparent; color: $accent; padding: 3px 4px; text-align: left; }
QPushButton[look="link"]:hover { text-decoration: underline; }
QPushButton[look="link"]:focus { border-color: $accent; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; padding: 3px; color: $text; }
QToolButton:hover { background: $hover; }
QToolButton:focus { border-color: $accent; }
QToolButton[look="stop"] { color: $bad; border: 1px solid $border; padding: 0px 8px; }
QToolButton[look="button"][toolButtonStyle="2"] { padding: 5px 0px 5px 9px; }
QToolButton[look="button"]::menu-indicator { image: none; width: 0px; }

QLineEdit, QPlainTextEdit, QTextEdit {
    background: $card; color: $text; border: 1px solid $border; border-radius: 5px; padding: 3px 7px; selection-background-color: $accent;
    selection-color: $on_accent; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: $accent; }
QComboBox, QSpinBox, QDoubleSpinBox {
    background: $card; color: $text; border: 1px solid $border; border-radius: 5px; padding: 2px 7px 3px 7px; min-height: 1.2em;
    selection-background-color: $accent; selection-color: $on_accent; }
QComboBox:hover, QSpinBox:hover, QDoubleSpinBox:hover { border-color: $edge; }
QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus { border-color: $accent; }
QComboBox:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled { color: $faint; }
QComboBox::drop-down { subcontrol-origin: border; width: 22px; border: none; }
QComboBox::down-arrow, QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url("$icons/chevron-down.svg"); width: 9px; height: 9px; }
QSpinBox, QDoubleSpinBox { padding: 1px 18px 1px 0px; }
QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-position: top right; }
QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-position: bottom right; }
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; width: 18px; border: none; }
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url("$icons/chevron-up.svg"); width: 9px; height: 9px; }
QAbstractSpinBox QLineEdit, QComboBox QLineEdit { background: transparent; border: none; padding: 0px; }
QMessageBox { messagebox-question-icon: url("$icons/question.svg"); }
QComboBox QAbstractItemView { background: $card; border: 1px solid $border; selection-background-color: $hover; selection-color: $text; }
QListWidget, QListView, QTreeView { background: $card; border: 1px solid $border; border-radius: 6px; outline: none; }
QAbstractItemView { selection-background-color: $selected; selection-color: $text; }
QHeaderView::section { background: $pane; color: $muted; border: none; border-bottom: 1px solid $border; padding: 3px 7px; }
QTableCornerButton::section { background: $pane; border: none; }
QScrollArea { background: transparent; border: none; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 11px; margin: 1px; }
QScrollBar:horizontal { height: 11px; margin: 1px; }
QScrollBar::handle { background: $groove; border-radius: 4px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $edge; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0px; height: 0px; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QTabBar { qproperty-drawBase: 0; }
QTabBar::tab { background: $pane; color: $muted; padding: 5px 12px; border: none; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }

QListView::indicator:unchecked, QCheckBox::indicator:unchecked { border: 1px solid $muted; border-radius: 3px; width: 11px; height: 11px; }
QRadioButton::indicator:unchecked { border: 1px solid $muted; border-radius: 6px; width: 11px; height: 11px; }
QRadioButton::indicator:checked { border: 4px solid $accent; border-radius: 6px; width: 5px; height: 5px; background: $on_accent; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QTreeWidget[look="palette"]::item, QListWidget[look="choices"]::item { padding: 5px 8px; border: none; color: $text; }
QTreeWidget[look="palette"]::item:disabled { color: $faint; }
QTreeWidget[look="palette"]::item:selected, QListWidget[look="choices"]::item:selected { background: $selected; }
QListWidget[look="choices"]::item:hover:!selected { background: $hover; }

QLabel[look="title"] { font-size: ${big}px; font-weight: 700; }
QLabel[look="hero"] { font-size: ${hero}px; font-weight: 700; }
QLabel[look="muted"] { color: $muted; }
QLabel[look="caption"] { color: $muted; font-size: ${small}px; font-weight: 700; }
QLabel[look="strong"] { font-weight: 700; }
QLabel[look="error"] { color: $bad; }
QLabel[look="good"] { color: $good; }
QLabel[look="warning"] { color: $warning; }
QLabel[look="kbd"] { color: $muted; border: 1px solid $border; border-radius: 4px; padding: 1px 5px; }
QLabel#chip { background: $card; border: 1px solid $border; border-radius: 6px; padding: 5px 11px; color: $muted; min-height: 1.2em; }
QLabel#chip[state="fresh"] { color: $good; }
QLabel#chip[state="busy"] { color: $accent; }
QLabel#chip[state="failed"] { color: $bad; }
QFrame[look="card"] { background: $card; border: 1px solid $border; border-radius: 8px; }
QFrame[look="card"][clickable="true"]:hover, QFrame[look="card"][clickable="true"]:focus { border-color: $accent; }
QFrame[look="dropzone"] { border: 2px dashed $edge; border-radius: 12px; background: transparent; }
QFrame[look="notice"] { background: $card; border: 1px solid $border; border-left: 4px solid $accent; border-radius: 6px; }
QFrame[look="notice"][level="warning"] { border-left-color: $warning; }
QFrame[look="notice"][level="error"] { border-left-color: $bad; }
QFrame[look="finding"] { background: $card; border: 1px solid $border; border-left: 4px solid $accent; border-radius: 6px; }
QFrame[look="finding"][level="warning"] { border-left-color: $warning; }
QFrame[look="finding"][level="error"] { border-left-color: $bad; }
QFrame[look="finding"]:hover {
    border-top-color: $edge; border-right-color: $edge; border-bottom-color: $edge; }
QFrame[look="finding"][selected="true"] {
    border-top-color: $text; border-right-color: $text; border-bottom-color: $text; }
QFrame[look="finding"]:focus {
    border-top-color: $accent; border-right-color: $accent; border-bottom-color: $accent; }
QFrame[look="finding"] QPushButton[look="link"] { padding: 3px 0px; border: none; }
QFrame[look="finding"] QPushButton[look="link"]:focus { text-decoration: underline; }
QLabel[look="number"] { font-family: "DejaVu Sans Mono", "Menlo", "Consolas", monospace; }
QPlainTextEdit[look="code"] { font-family: "DejaVu Sans Mono", "Menlo", "Consolas", monospace; background: $canvas; }
QFrame#pane_edge { border: 1px solid $edge; background: transparent; }
QWidget#pane_title { background: $pane; border-top: 2px solid transparent; }
QWidget#pane_title[active="true"] { border-top-color: $accent; }
QWidget#pane_title[active="true"] QLabel { color: $text; }
QWidget#welcome, QWidget#welcome_body { background: $canvas; }
""")


def _mix(one: str, other: str, share: float) -> str:
    """The colour ``share`` of the way from ``one`` to ``other``."""
    a, b = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (one, other))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))


def stylesheet(colours: Palette, font_px: int) -> str:
    """The style sheet for a palette; ``font_px`` is the application font's size, from which the other sizes follow."""
    plain = {name: getattr(colours, name) for name in colours.__slots__ if name not in ("name", "status")}
    return _SHEET.substitute(
        plain,
        icons=(resources.root() / "icons").as_posix(),
        hover=_mix(colours.card, colours.text, 0.07),
        selected=_mix(colours.card, colours.accent, 0.3),
        faint=_mix(colours.muted, colours.card, 0.45),
        on_accent="#0b0f14" if colours.dark else "#ffffff",
        accent_hover=_mix(colours.accent, colours.text, 0.14),
        small=max(round(font_px * 0.86), 10),
        big=round(font_px * 1.16),
        hero=round(font_px * 1.75),
    )
