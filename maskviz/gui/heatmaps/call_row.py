"""A row about one output of a call: what the trace tells of it, or what the engine answers."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton

from maskviz.core.call_maps import call_map, tensor_of
from maskviz.core.heatmaps import Heatmap
from maskviz.core.map_rows import MapSpec
from maskviz.core.numbers import number
from maskviz.core.probes import QUICK, Ask, RecurrentStates, Values
from maskviz.gui.heatmaps.map_row import DIM_AFTER_MS, MapRow
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.row_question import RowQuestion
from maskviz.gui.heatmaps.standard_rows import VIEWS, add_box, add_units, axis_steps, show_units, waiting
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette
from maskviz.session.document import Document, Opened
from maskviz.session.questions import Questions

WAITS = {
    "values": "The values follow when the engine answers.",
    "change": "How far steps move follows when the engine answers.",
    "gradient": "The gradient is being computed.",
    "state": "The states are being computed.",
    "influence": "The influence of each step is being measured.",
}


class CallRow(MapRow):
    """A map of a call of what is open, of what is pinned as A, or of the difference: each state is asked on its own."""

    boxed = ("unit ", "state ")

    def __init__(self, document: Document, questions: Questions, viewport: Viewport, spec: MapSpec, palette: Palette) -> None:
        self.own_axes = Viewport() if spec.kind == "influence" else None
        super().__init__(document, spec, MapView(self.own_axes or viewport, palette), palette)
        self.questions = questions
        self.of_b, self.of_a = RowQuestion(questions), RowQuestion(questions.of_pinned)
        self._dim = QTimer(self, singleShot=True, interval=DIM_AFTER_MS)
        self._dim.timeout.connect(lambda: self.view.set_dimmed(self._is_old()))
        self.view_box = add_box(self, f"What is shown of {spec.ref}")
        for words, view in VIEWS:
            if spec.kind == "values" or view != "class":
                self.view_box.addItem(words, view)
        self.state_box = add_box(self, f"Which state of {spec.ref}")
        self.unit_box = add_units(self, f"Unit of {spec.ref}")
        self.ask_button = QPushButton()
        self.ask_button.setProperty("look", "link")
        self.controls.addWidget(self.ask_button)
        self.view_box.activated.connect(lambda: self._choose(view=self.view_box.currentData()))
        self.state_box.activated.connect(lambda: self._choose(state=self.state_box.currentData()))
        self.unit_box.valueChanged.connect(lambda unit: self._choose(unit=unit))
        self.ask_button.clicked.connect(self._clicked)
        if self.own_axes is not None:
            self.view.show_axis = True
        questions.changed.connect(self._answered_b)
        questions.of_pinned.changed.connect(self._answered_a)
        document.engine_changed.connect(self._show_progress)
        self._show_controls()

    @property
    def asks(self) -> bool:
        """Whether the engine has to be asked for this map."""
        return self.spec.question(0) is not None

    @property
    def _question(self) -> Ask | None:
        return self.spec.question(self.document.selection.sample)

    @property
    def _shown(self) -> tuple[RowQuestion, ...]:
        """What is asked about the states that are shown: of a difference B, then A."""
        sides = {"A": (self.of_a,), "B": (self.of_b,), "difference": (self.of_b, self.of_a)}
        return sides[self.document.comparison.side]

    def make(self, state: Opened) -> Heatmap | None:
        if state.trace is None or state.batch is None:
            return waiting(self.document, self.spec.kind, self.spec.title, "The map follows when the engine has answered.")
        pinned = state is self.document.comparison.pinned
        if self.document.comparison.pinned is not None and tensor_of(state.trace, self.spec.ref) is None:
            return Heatmap(self.spec.kind, self.spec.title, explanation=f"No call is named ‘{self.spec.ref}’ here.")
        asking = self.of_a if pinned else self.of_b
        asking.keep(self._question)
        heatmap = call_map(self.spec, state.trace, axis_steps(state), asking.answer)
        if not self.asks or asking.answer is not None or heatmap.explanation:
            return heatmap
        return replace(heatmap, explanation=self._waiting_words(asking))

    def refresh(self) -> None:
        super().refresh()
        self._show_controls()
        self.show_stale()

    def show_map(self, heatmap: Heatmap | None) -> None:
        if self.own_axes is not None and heatmap is not None and heatmap.values is not None:
            self.own_axes.set_extent(heatmap.values.shape[1], heatmap.values.shape[0])
        super().show_map(heatmap)

    def release(self) -> None:
        self.of_b.release()
        self.of_a.release()
        self.questions.changed.disconnect(self._answered_b)
        self.questions.of_pinned.changed.disconnect(self._answered_a)
        self.document.engine_changed.disconnect(self._show_progress)

    def show_stale(self) -> None:
        """Dim what is older than the batch, or about another sample, unless it is so for a moment only."""
        if not self._is_old():
            self._dim.stop()
            self.view.set_dimmed(False)
        elif not self._dim.isActive():
            self._dim.start()

    def _is_old(self) -> bool:
        if self.heatmap is None:
            return False
        other = self.spec.kind == "influence" and any(asking.is_about_another(self._question) for asking in self._shown)
        traced = self.document.stale and self.of_b in self._shown and (self.of_b.watching or not self.asks)
        return other or traced or any(asking.state.stale for asking in self._shown)

    def set_selected(self, sample: int, step: int) -> None:
        if self.own_axes is None:
            super().set_selected(sample, step)
        else:
            super().set_selected(min(step, max(self.own_axes.samples - 1, 0)), step)
            self.show_stale()
            self._show_button()

    def pick(self, sample: int, step: int) -> None:
        if self.own_axes is None:
            super().pick(sample, step)
        else:
            self.document.select(step=step)

    def words_at(self, sample: int, step: int) -> str:
        values = None if self.heatmap is None else self.heatmap.values
        if values is None or sample >= len(values) or not 0 <= step < values.shape[1]:
            return ""
        return f"{self.spec.ref} at step {sample} ← input at t={step} · moves by {number(float(values[sample, step]))}"

    # asking

    def _clicked(self) -> None:
        """Stop what is being computed, or compute it anew."""
        question, busy = self._question, [asking for asking in self._shown if asking.busy]
        for asking in busy:
            asking.cancel()
        if not busy and question is not None:
            for asking in self._shown:
                if asking.needs_asking(question):
                    asking.ask(question)
        self.refresh()

    def _answered_b(self, question: Ask) -> None:
        """An answer is there, or how far it is changed; a watched map shows the answer before until then."""
        if question == self.of_b.asked and (not self.of_b.watching or self.of_b.state.kind in ("answered", "refused")):
            self.refresh()

    def _answered_a(self, question: Ask) -> None:
        if question == self.of_a.asked and self.of_a in self._shown:
            self.refresh()

    def _show_progress(self) -> None:
        """Say how far the engine is with what this map waits for; an older map stays meanwhile."""
        if self.document.engine.kind != "busy":
            return
        for asking in self._shown:
            if asking.running and asking.answer is None:
                self.refresh()
            elif asking.running and not asking.watching:
                self.subtitle.setText(self.document.engine.sentence)

    def _waiting_words(self, asking: RowQuestion) -> str:
        if asking.state.kind == "refused":
            return asking.state.sentence
        if asking.state.kind == "stopped":
            return "It was stopped: press Compute to have it computed."
        if asking.running and self.document.engine.kind == "busy":
            return self.document.engine.sentence
        return WAITS[self.spec.kind]

    # controls

    def _choose(self, **changes: object) -> None:
        self.spec = replace(self.spec, look=replace(self.spec.look, limits=None), **changes)  # type: ignore[arg-type]
        self.refresh()
        self.changed.emit()

    def _show_controls(self) -> None:
        answer, units, states = self._shown[0].answer, 1, 1
        if isinstance(answer, Values) and self.spec.kind == "values":
            units = answer.units
        elif isinstance(answer, RecurrentStates):
            states, units = len(answer.states), int(answer.states[min(self.spec.state, len(answer.states) - 1)][0, 0].size)
        if self.state_box.count() != states:
            self.state_box.clear()
            for k in range(states):
                self.state_box.addItem(f"state {k + 1}", k)
        self.state_box.setCurrentIndex(min(self.spec.state, states - 1))
        self.view_box.setCurrentIndex(max(self.view_box.findData(self.spec.view), 0))
        show_units(self.unit_box, units, self.spec.unit)
        self.state_box.setVisible(states > 1)
        self.view_box.setVisible(units > 1)
        self.unit_box.setVisible(units > 1 and self.spec.view == "unit")
        self._show_button()

    def _show_button(self) -> None:
        busy = any(asking.busy for asking in self._shown)
        known = all(asking.answer is not None for asking in self._shown)
        needs = any(asking.needs_asking(self._question) for asking in self._shown)
        slow = self.asks and not isinstance(self._question, QUICK)
        self.ask_button.setVisible(slow and (busy or needs))
        self.ask_button.setText("Cancel" if busy else "Recompute" if known else "Compute")
        self.ask_button.setAccessibleName(f"{self.ask_button.text()} {self.spec.title.lower()}")
