"""The state that is pinned as A in a session: kept in its file, and taken up again beside what is open."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from maskviz import resources
from maskviz.core import archive
from maskviz.core.errors import MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.graph import Graph
from maskviz.core.messages import Load
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.notices import Notices
from maskviz.gui.session_networks import came_from, has_no_file, located
from maskviz.session.aside import Aside
from maskviz.session.carrying import Carrying
from maskviz.session.document import Document
from maskviz.session.pinned import PinnedQuestions, Saved
from maskviz.session.session_file import Session, fingerprint
from maskviz.settings import Settings

CHANGED = "{name} has changed since the session was saved, so its results may have changed too."
NOT_WITH_A = "A is not in the session: its network has no file. Save that network, open it and pin it again to keep it."
GONE = "{name} is not in {folder} any more: put it back and open the session again."
NO_GRAPH = Graph()
REFUSED = "What was pinned as A could not be taken up: {error}"


class PinTaking(QObject):
    """Keeps what a session pinned until it is there, so that it is saved again also meanwhile."""

    def __init__(self, parent: QObject, document: Document, of_pinned: PinnedQuestions, notices: Notices, settings: Settings) -> None:
        super().__init__(parent)
        self._document = document
        self._of_pinned = of_pinned
        self._notices = notices
        self._settings = settings
        self._files = Aside(self)  # what is looked at on another thread
        self._waiting: Session | None = None
        document.network_changed.connect(self._drop)
        document.comparison.changed.connect(self._drop)

    def _drop(self) -> None:
        self._waiting = None

    def current(self, carrying: Carrying) -> Session | None:
        """What is pinned, for a session; None where nothing is, or where its network has no file and is not written yet."""
        pinned = self._document.comparison.pinned
        if pinned is None or pinned.batch is None:
            return self._waiting
        same, carried = pinned.network is self._document.network, None
        if not same and has_no_file(pinned.path):
            carried = carrying.carried(pinned.network)
            if carried is None:
                return None
        session = Session(pinned.title, pinned.path or "", pinned.batch, selection=pinned.selection, carried=carried, same_network=same)
        return came_from(session, self._of_pinned.source)

    def take_up(self, session: Session, path: str) -> None:
        """Have what a session pinned computed again beside what is open."""
        pinned = session.pinned
        assert pinned is not None
        self._waiting = pinned
        if pinned.same_network:
            self._ask(session, pinned, None, self._document.graph)
            return
        self._files.do(
            partial(_looked_at, pinned, path),
            lambda found: self._found(session, *found),
            lambda error: self._refused(session, pinned, None, error),
        )

    def _found(self, session: Session, pinned: Session, changed: bool, graph: Graph) -> None:
        if changed:
            self._notices.show_notice("warning", CHANGED.format(name=Path(pinned.network).name))
        self._ask(session, pinned, _request(pinned), graph)

    def _ask(self, session: Session, pinned: Session, load: Load | None, graph: Graph) -> None:
        document = self._document
        saved = Saved(pinned.title, document.path if load is None else load.path, graph, pinned.batch, pinned.selection, load)
        self._of_pinned.take_up(
            saved,
            lambda opened: document.comparison.restore(opened, session.side),
            lambda error: self._refused(session, pinned, load, error, graph),
        )

    def _refused(self, session: Session, pinned: Session, load: Load | None, error: MaskVizError, graph: Graph = NO_GRAPH) -> None:
        if load is None or not isinstance(error, NeedsConsent):
            self._notices.show_notice("warning", REFUSED.format(error=error), error.details)
            return
        before = pinned.custom if pinned.custom and Path(pinned.custom).is_file() else ""
        panel = ConsentPanel(error, load.path, self._settings.folder, self._notices, before)

        def go_on(allowed: Load) -> None:
            self._notices.set_panel(None)
            self._ask(session, pinned, allowed, graph)

        panel.custom_chosen.connect(lambda path: go_on(replace(load, custom=path)))
        panel.code_allowed.connect(lambda: go_on(replace(load, unsafe=True)))
        panel.declined.connect(lambda: self._notices.set_panel(None))
        self._notices.set_panel(panel)


def _looked_at(pinned: Session, path: str) -> tuple[Session, bool, Graph]:
    """A pinned state with its network where that is now, whether that has changed, and its graph. Raises UnusableInput."""
    found = located(pinned, path, mark=" (A)")
    if found is None:
        file = Path(pinned.network)
        raise UnusableInput(GONE.format(name=file.name, folder=file.parent))
    return found, bool(found.sha256) and fingerprint(found.network) != found.sha256, archive.preview(found.network)


def _request(pinned: Session) -> Load:
    """How the network of A is loaded: what lies in the gallery is trusted, everything else is asked about again."""
    example = next((e for e in resources.examples() if e.name == pinned.example), None)
    if example is None:
        return Load(pinned.network, loss=pinned.loss)
    return Load(pinned.network, None if example.custom is None else str(example.custom), example.trusted, pinned.loss)
