"""A row about one output of a call: what the trace tells of it, or what the engine answers."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QPushButton

from maskviz.core.call_maps import call_map
from maskviz.core.heatmaps import Heatmap, number
from maskviz.core.map_rows import MapSpec
from maskviz.core.probes import QUICK, Ask, RecurrentStates, Values
from maskviz.gui.heatmaps.map_row import DIM_AFTER_MS, MapRow
from maskviz.gui.heatmaps.map_view import MapView
from maskviz.gui.heatmaps.standard_rows import VIEWS, add_box, add_units, axis_steps, show_units, waiting
from maskviz.gui.heatmaps.viewport import Viewport
from maskviz.palette import Palette
from maskviz.session.document import Document, Opened
from maskviz.session.questions import Questions

NOT_PINNED = "It was not known of A when A was pinned: go back to that state, add this map, and pin again."
WAITS = {
    "values": "The values follow when the engine answers.",
    "change": "How far steps move follows when the engine answers.",
    "gradient": "The gradient is being computed.",
    "state": "The states are being computed.",
    "influence": "The influence of each step is being measured.",
}


class CallRow(MapRow):
    """Quick questions are watched, so that the map follows edits; the others are asked once, and again when the user wants it."""

    def __init__(self, document: Document, questions: Questions, viewport: Viewport, spec: MapSpec, palette: Palette) -> None:
        self.own_axes = Viewport() if spec.kind == "influence" else None
        super().__init__(document, spec, MapView(self.own_axes or viewport, palette), palette)
        self.questions = questions
        self._asked: Ask | None = None
        self._watching = False
        self._stopped = False
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
        questions.changed.connect(self._answered)
        document.engine_changed.connect(self._show_progress)
        self._show_controls()

    @property
    def asks(self) -> bool:
        """Whether the engine has to be asked for this map."""
        return self.spec.question(0) is not None

    def make(self, state: Opened) -> Heatmap | None:
        if state.trace is None or state.batch is None:
            return waiting(self.document, self.spec.kind, self.spec.title, "The map follows when the engine has answered.")
        pinned = state is self.document.comparison.pinned
        if not pinned:
            self._keep_asking()
        known = self.questions.pinned_answer if pinned else self.questions.answer
        answer = known(self._asked) if self._asked is not None else None
        heatmap = call_map(self.spec, state.trace, axis_steps(state), answer)
        if not self.asks or answer is not None or heatmap.explanation:
            return heatmap
        return replace(heatmap, explanation=NOT_PINNED if pinned else self._waiting_words())

    def refresh(self) -> None:
        super().refresh()
        self._show_controls()
        self.show_stale()

    def show_map(self, heatmap: Heatmap | None) -> None:
        if self.own_axes is not None and heatmap is not None and heatmap.values is not None:
            self.own_axes.set_extent(heatmap.values.shape[1], heatmap.values.shape[0])
        super().show_map(heatmap)

    def release(self) -> None:
        self._unwatch()
        if self._asked is not None:
            self.questions.cancel(self._asked)
        self.questions.changed.disconnect(self._answered)
        self.document.engine_changed.disconnect(self._show_progress)

    def show_stale(self) -> None:
        """Dim what is older than the batch, or about another sample, unless it is so for a moment only."""
        if not self._is_old():
            self._dim.stop()
            self.view.set_dimmed(False)
        elif not self._dim.isActive():
            self._dim.start()

    def _is_old(self) -> bool:
        old = self._asked is not None and self.questions.state(self._asked).stale
        traced = self.document.stale if self._watching or not self.asks else self._is_of_another_sample()
        return self.heatmap is not None and (old or traced)

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

    def _keep_asking(self) -> None:
        """Watch what is quick; ask once what is not, when nothing has been asked yet."""
        question = self.spec.question(self.document.selection.sample)
        if question is None:
            return
        if isinstance(question, QUICK):
            if question != self._asked or not self._watching:
                before, self._asked = (self._asked if self._watching else None), question
                self._watching = True
                self.questions.watch(question)
                if before is not None:
                    self.questions.unwatch(before)
        elif not self._stopped and (self._asked is None or self.questions.state(self._asked).kind == "not asked"):
            self._ask(question)

    def _ask(self, question: Ask) -> None:
        self._asked, self._stopped = question, False
        self.questions.ask(question)

    def _unwatch(self) -> None:
        if self._watching and self._asked is not None:
            self._watching = False
            self.questions.unwatch(self._asked)
            self._asked = None

    def _clicked(self) -> None:
        """Stop what is being computed, or compute it anew."""
        question = self.spec.question(self.document.selection.sample)
        if self._asked is not None and self.questions.state(self._asked).kind in ("waiting", "running"):
            self._stopped = True
            self.questions.cancel(self._asked)
        elif question is not None:
            self._ask(question)
        self.refresh()

    def _answered(self, question: Ask) -> None:
        """An answer is there, or how far it is changed; a watched map shows the answer before until then."""
        if question == self._asked and (not self._watching or self.questions.state(question).kind in ("answered", "refused")):
            self.refresh()

    def _show_progress(self) -> None:
        """Say how far the engine is with what this map waits for; an older map stays meanwhile."""
        if self._asked is None or self.questions.running != self._asked or self.document.engine.kind != "busy":
            return
        if self.questions.answer(self._asked) is None:
            self.refresh()
        elif not self._watching:
            self.subtitle.setText(self.document.engine.sentence)

    def _is_of_another_sample(self) -> bool:
        return self.spec.kind == "influence" and self._asked not in (None, self.spec.question(self.document.selection.sample))

    def _waiting_words(self) -> str:
        state = self.questions.state(self._asked) if self._asked is not None else None
        if state is not None and state.kind == "refused":
            return state.sentence
        if state is None or state.kind == "not asked":
            return "It was stopped: press Compute to have it computed."
        if self.questions.running == self._asked and self.document.engine.kind == "busy":
            return self.document.engine.sentence
        return WAITS[self.spec.kind]

    # controls

    def _choose(self, **changes: object) -> None:
        self.spec = replace(self.spec, look=replace(self.spec.look, limits=None), **changes)  # type: ignore[arg-type]
        self.refresh()
        self.changed.emit()

    def _show_controls(self) -> None:
        answer = self.questions.answer(self._asked) if self._asked is not None else None
        units, states = 1, 1
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
        state = self.questions.state(self._asked) if self._asked is not None else None
        busy = state is not None and state.kind in ("waiting", "running")
        self.ask_button.setVisible(self.asks and not self._watching and (busy or self._needs_asking()))
        known = self._asked is not None and self.questions.answer(self._asked) is not None
        self.ask_button.setText("Cancel" if busy else "Recompute" if known else "Compute")
        self.ask_button.setAccessibleName(f"{self.ask_button.text()} {self.spec.title.lower()}")

    def _needs_asking(self) -> bool:
        state = self.questions.state(self._asked) if self._asked is not None else None
        return state is None or state.stale or state.kind in ("not asked", "refused") or self._is_of_another_sample()
