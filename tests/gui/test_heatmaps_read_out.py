"""What the heatmaps say: the read-out of what is under the mouse, and why a map is empty."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maskviz.gui.heatmaps import HeatmapsPanel
from maskviz.palette import DARK
from maskviz.session.document import Document, EngineState
from tests.gui import sample_trace
from tests.gui.window_hands import questions_of


def open_panel(qtbot: QtBot, document: Document) -> tuple[HeatmapsPanel, list[str]]:
    """A panel on a document, and what it says about the place under the mouse."""
    panel = HeatmapsPanel(document, questions_of(document), DARK)
    qtbot.addWidget(panel)
    panel.resize(900, 800)
    panel.show()
    QApplication.processEvents()
    said: list[str] = []
    panel.hovered.connect(said.append)
    return panel, said


def explanations(panel: HeatmapsPanel) -> list[str]:
    heatmaps = [row.view.heatmap for row in (panel.mask_row, panel.predictions_row, panel.loss_row)]
    return ["" if heatmap is None else heatmap.explanation for heatmap in heatmaps]


def test_hovering_reads_out(qtbot: QtBot) -> None:
    panel, said = open_panel(qtbot, sample_trace.document(sample_trace.sliced()))
    QTest.mouseMove(panel.loss_row.view, panel.loss_row.view.cell_center(3, 17).toPoint())
    assert said[-1].startswith("sample 3 · t=17 · padding · ŷ ")
    assert said[-1].endswith(" %)")


def test_the_read_out_follows_a_click_that_toggles_the_step(qtbot: QtBot) -> None:
    sample = sample_trace.sliced()
    document = sample_trace.document(sample)
    panel, said = open_panel(qtbot, document)
    view = panel.mask_view
    point = view.cell_center(3, 8).toPoint()
    QTest.mouseMove(view, point)
    before = said[-1]
    assert before.startswith("sample 3 · t=8 · data · ŷ ")
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=point)
    assert said[-1].startswith("sample 3 · t=8 · padding · ŷ "), "at once, while the engine computes"
    sample_trace.answer(document, sample)
    assert said[-1].split(" · ")[3:] != before.split(" · ")[3:], "and with the new prediction"


def test_what_a_press_changes_is_said_before(qtbot: QtBot) -> None:
    panel, said = open_panel(qtbot, sample_trace.document(sample_trace.sliced()))
    view = panel.mask_view
    QTest.mouseMove(view, view.cell_center(5, 3).toPoint())
    assert said[-1].endswith(" · click pads this step")
    assert view.cursor().shape() == Qt.CursorShape.PointingHandCursor
    QTest.mouseMove(view, view.cell_center(3, 20).toPoint())
    assert said[-1].endswith(" · click makes this step real")
    view.tool = "select"
    QTest.mouseMove(view, view.cell_center(5, 3).toPoint())
    assert "click" not in said[-1]


def test_nothing_is_read_out_where_the_mouse_is_not(qtbot: QtBot) -> None:
    sample = sample_trace.sliced()
    document = sample_trace.document(sample)
    _panel, said = open_panel(qtbot, document)
    sample_trace.answer(document, sample)
    assert said == []


def test_empty_maps_say_what_is_awaited(qtbot: QtBot) -> None:
    panel, _said = open_panel(qtbot, Document())
    assert explanations(panel) == ["", "", ""]
    document = Document()
    document.title = "network.keras"
    panel, _said = open_panel(qtbot, document)
    assert all(sentence.endswith(("engine has loaded the network.", "engine answers.")) for sentence in explanations(panel))
    document.set_engine(EngineState("failed", "The engine stopped."))
    assert explanations(panel) == ["The engine stopped."] * 3


def test_before_the_first_trace_the_batch_is_there_already(qtbot: QtBot) -> None:
    panel, _said = open_panel(qtbot, sample_trace.document(sample_trace.sliced(), traced=False))
    assert explanations(panel) == ["", "Predictions follow when the engine answers.", "Loss contributions follow when the engine answers."]


def test_a_difference_is_told_as_one_and_follows_the_side_that_is_shown(qtbot: QtBot) -> None:
    document = sample_trace.document(sample_trace.sliced())
    panel, said = open_panel(qtbot, document)
    QTest.mouseMove(panel.loss_row.view, panel.loss_row.view.cell_center(3, 17).toPoint())
    plain = said[-1]
    document.comparison.pin()
    document.comparison.show("difference")
    assert said[-1].endswith("Δŷ 0 · Δloss 0")
    document.comparison.show("A")
    assert said[-1] == plain


def test_what_is_marked_is_told_while_the_band_is_drawn_and_afterwards(qtbot: QtBot) -> None:
    document = sample_trace.document(sample_trace.sliced())
    panel, said = open_panel(qtbot, document)
    view = panel.loss_row.view
    ends = [view.cell_center(*cell).toPoint() for cell in ((2, 15), (8, 22))]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, ends[0])
    QTest.mouseMove(view, ends[1])
    assert said[-1].startswith("7 samples × 8 steps · ")
    told = said[-1]
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, ends[1])
    QTest.mouseMove(view, view.cell_center(4, 17).toPoint())
    QTest.mouseMove(view, view.cell_center(3, 17).toPoint())
    assert said[-1].startswith("sample 3 · t=17")
    assert said[-1].endswith(told)
