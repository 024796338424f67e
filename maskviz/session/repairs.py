"""Fixes tried on a copy of the network: one click each, the same tests run on the copy, which waits in a file of its own to be kept."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from PySide6.QtCore import QObject, Signal

from maskviz.core.errors import MaskVizError, UnusableInput, writing
from maskviz.core.finding import Finding
from maskviz.core.messages import RepairCopy, Repaired
from maskviz.core.repair import RECIPES, Report, numbers, refusal
from maskviz.session.document import Document

Key = tuple[str, str | None]
STOPPED = "Stopped."
STOPPED_BY_EDIT = "Stopped, since the batch was changed."


def key_of(finding: Finding) -> Key:
    """A finding's id and call: what its repair is known by."""
    return finding.id, finding.call


@dataclass(frozen=True)
class Repairing:
    """How far the repair of one finding is. ``sentence`` says what came of it; ``path`` is the file of the copy, None where none helped;
    ``stale``: the numbers are of an older batch."""

    kind: Literal["untried", "waiting", "running", "done", "refused"] = "untried"
    sentence: str = ""
    report: Report | None = None
    path: Path | None = None
    stale: bool = False

    @property
    def verified(self) -> bool:
        """Whether the copy is better."""
        return self.path is not None


class Engine(Protocol):
    """What repairs: ``session.jobs.Jobs``."""

    forgot: Any

    @property
    def settled(self) -> bool: ...

    def ask(self, request: RepairCopy, then: Callable[[Any], None], refused: Callable[[MaskVizError], None]) -> int: ...

    def cancel(self, number: int) -> None: ...


class Repairs(QObject):
    """Asks for one repair at a time, when the engine holds the batch that is shown; an edit stops it.

    ``changed`` carries the finding's key; ``repaired`` the copy's file and the report, once a copy is there that is better.
    """

    changed = Signal(object)
    repaired = Signal(str, object)

    def __init__(self, document: Document, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._engine = engine
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._copies = 0
        self._states: dict[Key, Repairing] = {}
        self._waiting: list[Finding] = []
        self._running: tuple[int, Finding] | None = None
        document.network_changed.connect(self._forget)
        document.batch_changed.connect(self._on_batch)
        document.trace_changed.connect(self._go_on)
        document.stale_changed.connect(self._go_on)
        engine.forgot.connect(self._lost)

    @staticmethod
    def refusal(finding: Finding) -> str:
        """Why a finding cannot be repaired by changing a copy, as a sentence; empty where it can be tried."""
        return "" if finding.id in RECIPES else f"This fix is yours to make: {refusal(finding.id)}."

    def state(self, finding: Finding) -> Repairing:
        """How far the repair of a finding is."""
        return self._states.get(key_of(finding), Repairing())

    def apply(self, finding: Finding) -> None:
        """Repair a copy of the network now, or as soon as the newest batch has been traced."""
        if self.state(finding).kind not in ("waiting", "running") and not self.refusal(finding):
            self._waiting.append(finding)
            self._set(finding, Repairing("waiting"))
            self._go_on()

    def cancel(self, finding: Finding, sentence: str = STOPPED) -> None:
        """Do not repair what waits or is being repaired."""
        self._waiting = [f for f in self._waiting if key_of(f) != key_of(finding)]
        if self._running is not None and key_of(self._running[1]) == key_of(finding):
            self._engine.cancel(self._running[0])
            self._running = None
        if self.state(finding).kind in ("waiting", "running"):
            self._set(finding, Repairing(sentence=sentence))
            self._go_on()

    def save(self, finding: Finding, path: str) -> None:
        """Write the repaired copy of a finding to a file. Raises UnusableInput where there is none, or no file can be written."""
        copy = self.state(finding).path
        if copy is None:
            raise UnusableInput("There is no repaired copy to save: apply the fix first.")
        with writing(Path(path).name):
            shutil.copyfile(copy, path)

    def close(self) -> None:
        """Remove the copies."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _go_on(self) -> None:
        if self._running is not None or not self._waiting or not self._engine.settled:
            return
        finding = self._waiting.pop(0)
        path = self._next_file()

        def repaired(event: Repaired) -> None:
            self._running = None
            report = replace(event.report, path=str(path)) if event.report.path is not None else event.report
            copy = path if report.path is not None else None
            self._set(finding, Repairing("done", verdict(report), report, copy))
            if copy is not None:
                self.repaired.emit(str(copy), report)
            self._go_on()

        def refused(error: MaskVizError) -> None:
            self._running = None
            self._set(finding, Repairing("refused", str(error)))
            self._go_on()

        number = self._engine.ask(RepairCopy(finding.id, finding.call, str(path)), repaired, refused)
        self._running = number, finding
        self._set(finding, Repairing("running"))

    def _next_file(self) -> Path:
        """Where the next copy goes: named after the network, in a folder that is gone when the window closes."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="maskviz-repaired-")
        self._copies += 1
        name = re.sub(r"[^\w.-]+", "_", Path(self._document.title).stem) or "network"
        folder = Path(self._folder.name) / str(self._copies)
        folder.mkdir()
        return folder / f"{name}-repaired.keras"

    def _on_batch(self) -> None:
        for finding in [*self._waiting, *([self._running[1]] if self._running is not None else [])]:
            self.cancel(finding, STOPPED_BY_EDIT)
        for key, state in list(self._states.items()):
            if state.kind == "done" and not state.stale:
                self._states[key] = replace(state, stale=True)
                self.changed.emit(key)

    def _lost(self) -> None:
        """The engine was started anew: what was being repaired is repaired again when it is ready."""
        if self._running is not None:
            finding, self._running = self._running[1], None
            self._waiting.insert(0, finding)
            self._set(finding, Repairing("waiting"))

    def _forget(self) -> None:
        """Another network: its findings have not been tried. Files stay, since a copy may be what has been opened."""
        if self._running is not None:
            self._engine.cancel(self._running[0])
        self._running = None
        self._waiting.clear()
        known = [*self._states]
        self._states.clear()
        for key in known:
            self.changed.emit(key)

    def _set(self, finding: Finding, state: Repairing) -> None:
        self._states[key_of(finding)] = state
        self.changed.emit(key_of(finding))


def verdict(report: Report) -> str:
    """What came of a repair, in one line: ``Verified: exposed steps 147 → 0, loss 0.103 → 0.162.``"""
    if not report.applied:
        said = report.repairs[0].sentence if report.repairs else "Nothing could be changed."
        return said[:1].upper() + said[1:]
    measured = ", ".join(numbers(report.before, report.after)) or "no number changed"
    if report.path is not None:
        also = len(report.applied) - 1
        more = f" {also} more {'repair was' if also == 1 else 'repairs were'} needed with it." if also else ""
        return f"Verified: {measured}.{more}"
    return f"It did not help: {report.repairs[0].sentence}"
