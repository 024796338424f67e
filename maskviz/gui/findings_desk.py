"""What can be done about findings: point their place out, apply a fix to a copy, keep or open that copy, ignore one for this file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal, SignalInstance
from PySide6.QtWidgets import QFileDialog, QWidget

from maskviz.core.finding import Finding
from maskviz.core.finding_steps import steps_of
from maskviz.core.messages import WriteScript
from maskviz.gui.findings.words import headline
from maskviz.gui.words import tr
from maskviz.gui.writing import Writing
from maskviz.session.document import Document, Spotlight
from maskviz.session.jobs import Jobs
from maskviz.session.repairs import Repairs
from maskviz.session.session_file import fingerprint
from maskviz.settings import Settings

KERAS, SCRIPT = "Keras networks (*.keras)", "Python script that builds it (*.py)"


class FindingsDesk(QObject):
    """Carries out what the cards offer. ``ignored_changed``: other findings are ignored now."""

    ignored_changed: SignalInstance = Signal()  # type: ignore[assignment]

    def __init__(
        self, document: Document, jobs: Jobs, settings: Settings, window: QWidget | None = None, writing: Writing | None = None
    ) -> None:
        super().__init__(window)
        self._writing = writing or Writing(self)
        self.repairs = Repairs(document, jobs, self)
        self._document = document
        self._jobs = jobs
        self._settings = settings
        self._window = window

    # -- where it is

    def show(self, finding: Finding) -> None:
        """Select a finding's call and a step that it is about, and point all of those out in the heatmaps, of B."""
        document = self._document
        if document.trace is None:
            return
        if document.comparison.side == "A":
            document.comparison.show_b()
        if finding.call is not None:
            document.select(call=finding.call)
        steps = steps_of(finding, document.trace, document.time_steps)
        document.point_out(None if steps is None else Spotlight(headline(finding.sentence)[0], steps))
        if steps is not None and steps.any():
            chosen = document.selection
            sample = chosen.sample if steps[chosen.sample].any() else int(np.argmax(steps.any(axis=1)))
            if not steps[sample, min(chosen.step, steps.shape[1] - 1)]:
                document.select(sample=sample, step=int(np.argmax(steps[sample])))
            else:
                document.select(sample=sample)

    # -- what the repaired copy is for

    def save_copy(self, finding: Finding) -> None:
        """Ask for a file, and write the repaired copy of a finding into it, or a script that builds it."""
        start = str(Path(self._settings.folder) / f"{Path(self._document.title).stem or 'network'}-repaired.keras")
        path, kind = QFileDialog.getSaveFileName(self._window, tr("Save the repaired copy"), start, f"{KERAS};;{SCRIPT}")
        copy = self.repairs.state(finding).path
        if not path or copy is None:
            return
        self._settings.folder = str(Path(path).parent)
        if path.endswith(".py") or (kind == SCRIPT and not path.endswith(".keras")):
            path = path if path.endswith(".py") else f"{path}.py"
            self._jobs.ask(WriteScript(path, str(copy)), lambda event: self._jobs.saved.emit(event.path))
            return
        path = path if path.endswith(".keras") else f"{path}.keras"
        self._writing.write(partial(self.repairs.save, finding, path), partial(self._jobs.saved.emit, path), self._jobs.failed.emit)

    def open_copy(self, finding: Finding) -> None:
        """Open the repaired copy of a finding in place of the network, on the same batch, beside what was open as A."""
        copy = self.repairs.state(finding).path
        if copy is not None:
            if self._document.comparison.pinned is None:
                self._document.comparison.pin()
            if self._document.undo_stack.count():
                self._jobs.noticed.emit(
                    tr("The repaired copy has the batch as it is; edits made before it was opened cannot be undone in it.")
                )
            self._jobs.open_copy(str(copy))

    # -- what is ignored

    def is_ignored(self, finding: Finding) -> bool:
        """Whether the user does not want to see this finding of this file."""
        return _name(finding) in self._settings.ignored(self._network())

    def ignore(self, finding: Finding, ignored: bool = True) -> None:
        """Do not show a finding of this file any more, or show it again."""
        known = self._settings.ignored(self._network())
        self._settings.set_ignored(self._network(), known | {_name(finding)} if ignored else known - {_name(finding)})
        self.ignored_changed.emit()

    def know_network(self) -> None:
        """Read the network's file for what it is known by, which is kept; a large one takes a while."""
        self._network()

    def _network(self) -> str:
        """What the settings know the open network by: its file's content, or its name where it has no file."""
        return (fingerprint(self._document.path) if self._document.path else "") or f"unsaved {self._document.title}"


def _name(finding: Finding) -> str:
    return f"{finding.id} {finding.call or ''}".rstrip()
