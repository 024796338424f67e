"""Opening and saving: file dialogs, dropped files, and the question about edits that would be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from maskviz.core import archive
from maskviz.core.errors import EngineFailed, MaskVizError, NeedsConsent
from maskviz.gui.consent import ConsentPanel
from maskviz.gui.file_drop import kind_of, refusal
from maskviz.gui.notices import Notices
from maskviz.gui.preferences import too_large
from maskviz.gui.session_networks import state_folder
from maskviz.gui.sessions import Sessions
from maskviz.gui.words import tr
from maskviz.gui.writing import Writing
from maskviz.session.document import Document
from maskviz.session.jobs import Jobs
from maskviz.session.session_file import Session
from maskviz.settings import Settings

NETWORK_FILTER = "Keras networks (*.keras *.h5);;All files (*)"
LOOK_MS, LONGEST_MS = 20, 60_000
BATCH_FILTER = "Batches (*.npz *.npy *.csv *.tsv *.json);;All files (*)"


@dataclass(frozen=True)
class Wanted:
    """A network that was asked for: its file or the name of an example, the batch to load with it, and what the user allowed.

    ``session`` is the session to take up with it, and the file that it was read from. A ``temporary`` file is not remembered.
    """

    path: str = ""
    example: str = ""
    batch: str | None = None
    custom: str | None = None
    unsafe: bool = False
    loss: str | None = None
    session: tuple[Session, str] | None = None
    temporary: bool = False


class Files(QObject):
    """What the File menu does. Errors are shown as notices; nothing that was edited is lost without a question."""

    recent_changed = Signal()
    builder_wanted = Signal()
    session_taken_up = Signal(str)

    def __init__(
        self,
        window: QWidget,
        document: Document,
        jobs: Jobs,
        settings: Settings,
        sessions: Sessions,
        notices: Notices,
        writing: Writing,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._document = document
        self._jobs = jobs
        self._settings = settings
        self._sessions = sessions
        self._notices = notices
        self._writing = writing
        self._wanted = Wanted()
        sessions.wanted.connect(self._open_session)
        sessions.saved.connect(self.recent_changed)
        jobs.failed.connect(self._show_failure)
        jobs.consent_needed.connect(self._ask_consent)
        jobs.noticed.connect(lambda sentence: notices.show_notice("info", sentence))
        jobs.saved.connect(lambda path: notices.show_notice("info", f"The network is saved as {path}."))
        document.network_changed.connect(self._network_came)
        document.trace_changed.connect(self._trace_came)
        document.engine_changed.connect(self._engine_changed)
        document.stale_changed.connect(lambda stale: None if stale else notices.dismiss("engine died"))

    # -- opening

    def open(self) -> None:
        """Ask for a network file and open it."""
        path, _ = QFileDialog.getOpenFileName(self._window, tr("Open a network"), self._settings.folder, NETWORK_FILTER)
        if path:
            self.open_path(path)

    def open_path(self, path: str, batch: str | None = None) -> None:
        """Open a network, and a batch with it, unless the user wants to keep edits that are not saved."""
        self.open_as(Wanted(path, batch=batch))

    def open_as(self, wanted: Wanted) -> None:
        """Open a network (or session) as it says, unless the user wants to keep edits that are not saved."""
        if self._is_too_large(wanted.path):
            return
        if kind_of(wanted.path) == "session":
            self._sessions.open_path(wanted.path)
        elif self._may_open(wanted.path) and self.may_replace():
            self._begin(wanted)

    def open_example(self, name: str) -> None:
        """Open a network of the gallery, unless the user wants to keep edits that are not saved."""
        if self.may_replace():
            self._begin(Wanted(example=name))

    def _may_open(self, path: str) -> bool:
        """Whether a question about unsaved edits makes sense: a file that is broken is said to be, and nothing is asked."""
        if self._document.undo_stack.isClean():
            return True  # nothing will be asked, and jobs look at the file before they replace anything
        try:
            archive.look(path)
        except MaskVizError as error:
            self._notices.show_notice("error", str(error), error.details)
            return False
        return True

    def _is_too_large(self, path: str) -> bool:
        """Whether a file is larger than the settings allow, which is then said."""
        sentence = too_large(path, self._settings.largest_gib)
        if sentence:
            self._notices.show_notice("error", sentence)
        return bool(sentence)

    def _open_session(self, session_from: tuple[Session, str]) -> None:
        session, _path = session_from
        self.recent_changed.emit()
        self.open_as(Wanted(session.network, session.example, loss=session.loss, session=session_from))

    def _begin(self, wanted: Wanted) -> None:
        before, self._wanted = self._wanted, wanted
        batch = wanted.session[0].batch if wanted.session else None
        if wanted.example and batch is None:
            opens = self._jobs.open_example(wanted.example)
        elif wanted.example:
            opens = self._jobs.open_example(wanted.example, batch)
        else:
            opens = self._jobs.open(wanted.path, wanted.custom, wanted.unsafe, wanted.batch or batch, wanted.loss)
        if opens:
            self._notices.clear()
        else:
            self._wanted = before  # which may still wait for consent

    def open_batch(self) -> None:
        """Ask for a batch file and load it."""
        path, _ = QFileDialog.getOpenFileName(self._window, tr("Open a batch"), self._settings.folder, BATCH_FILTER)
        if path:
            self.open_batch_path(path)

    def open_batch_path(self, path: str) -> None:
        """Load a batch for the network that is open. That is an edit: it can be undone, so nothing needs to be asked."""
        if self._document.network is None:
            self._notices.show_notice("warning", f"Open a network first, then drop {Path(path).name} again as its batch.")
            return
        if self._is_too_large(path):
            return
        self._settings.folder = str(Path(path).absolute().parent)
        self._jobs.open_batch(path)

    def drop(self, paths: list[str]) -> None:
        """Open what was dropped: one session, one network, one batch, or a network with its batch."""
        networks = [p for p in paths if kind_of(p) in ("session", "network")]
        batches = [p for p in paths if kind_of(p) == "batch"]
        if networks:
            self.open_path(networks[0], batches[0] if batches else None)
        elif batches:
            self.open_batch_path(batches[0])
        else:
            self._notices.show_notice("warning", refusal(paths[0]))

    def new_network(self) -> None:
        """Ask for a template and its options, and build the network."""
        from maskviz.gui.new_network import NewNetworkDialog  # only here: the window starts faster without the forms

        dialog = NewNetworkDialog(self._window)
        if dialog.exec() and self.may_replace():
            self._wanted = Wanted()
            self._notices.clear()
            self._jobs.new_network(dialog.template, dialog.options())
            if dialog.in_builder.isChecked():
                self.builder_wanted.emit()

    def gallery(self) -> None:
        """Let the user choose an example."""
        from maskviz.gui.gallery import GalleryDialog

        dialog = GalleryDialog(self._window)
        if dialog.exec() and dialog.chosen:
            self.open_example(dialog.chosen)

    def reload(self) -> None:
        """Load the network's file again."""
        self._jobs.reload()

    # -- saving

    def save_network(self) -> None:
        """Ask for a file and write the network into it."""
        start = str(Path(self._settings.folder) / f"{Path(self._document.title).stem or 'network'}.keras")
        path, _ = QFileDialog.getSaveFileName(self._window, tr("Save the network"), start, "Keras networks (*.keras)")
        if path:
            self._settings.folder = str(Path(path).parent)
            self._jobs.save_network(path if path.endswith(".keras") else f"{path}.keras")

    def save_batch(self) -> bool:
        """Ask for a file and write the batch into it; whether it is being written now."""
        from maskviz.core.batch_files import write_batch

        document, batch = self._document, self._document.batch
        start = str(Path(self._settings.folder) / f"{Path(document.title).stem or 'batch'}.npz")
        path, _ = QFileDialog.getSaveFileName(self._window, tr("Save the batch"), start, "NumPy batches (*.npz)")
        if not path or batch is None:
            return False
        path = path if path.endswith(".npz") else f"{path}.npz"

        def written() -> None:
            if document.batch is batch:  # else it was edited in the meantime
                document.undo_stack.setClean()
            self._notices.show_notice("info", f"The batch is saved as {path}.")

        self._writing.write(lambda: write_batch(path, batch), written, self._show_failure)
        return True

    def may_replace(self) -> bool:
        """Whether what is open may be replaced: there are no unsaved edits, or the user saved them or let them go. What is being written is
        waited for."""
        self._writing.finish()
        if self._document.undo_stack.isClean():
            return True
        answer = self._ask_about_edits()
        if answer == QMessageBox.StandardButton.Save:
            self._sessions.save()
            self._writing.finish()
            return self._document.undo_stack.isClean()
        return answer == QMessageBox.StandardButton.Discard

    def finish_saving(self) -> None:
        """Wait until the engine has saved the network, if it does so now, but not for ever; the window is painted meanwhile."""
        if self._jobs.saving:
            loop, look = QEventLoop(), QTimer(interval=LOOK_MS)
            look.timeout.connect(lambda: None if self._jobs.saving else loop.quit())
            look.start()
            QTimer.singleShot(LONGEST_MS, loop.quit)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)

    def _ask_about_edits(self) -> QMessageBox.StandardButton:
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Unsaved edits"))
        box.setText(tr("The batch has edits that are not saved."))
        box.setInformativeText(tr("Save them with the network, the selection and the panes as a session, or let them go?"))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.button(buttons.Save).setText(tr("Save session…"))
        box.button(buttons.Discard).setText(tr("Let them go"))
        box.setDefaultButton(buttons.Save)
        return QMessageBox.StandardButton(box.exec())

    # -- what comes back

    def restart_engine(self) -> None:
        """Stop the engine and start it anew."""
        self._notices.dismiss("engine down")
        self._jobs.restart_engine()

    def _network_came(self) -> None:
        path, wanted = self._document.path, self._wanted
        if not path or path != wanted.path:
            return
        if wanted.session is None and not wanted.temporary and Path(path).parent != state_folder():
            self._settings.add_recent(path)
        self.recent_changed.emit()

    def _trace_came(self) -> None:
        """Take up the session that was wanted, once there is something to look at: panes forget what they show when a network comes."""
        document, wanted = self._document, self._wanted
        if document.trace is not None and wanted.session is not None and document.path == wanted.path:
            self._wanted = replace(wanted, session=None)
            self._sessions.take_up(*wanted.session)
            self.session_taken_up.emit(wanted.session[1])

    def _engine_changed(self) -> None:
        if self._document.engine.kind == "idle":
            self._notices.dismiss("engine down")

    def _show_failure(self, error: MaskVizError) -> None:
        if self._document.engine.kind == "failed":
            action = ("Restart the engine", self.restart_engine)
            self._notices.show_notice("error", str(error), error.details, action, key="engine down")
        else:
            self._notices.show_notice("error", str(error), error.details, key="engine died" if isinstance(error, EngineFailed) else "")

    def _ask_consent(self, request: NeedsConsent) -> None:
        panel = ConsentPanel(request, self._wanted.path, self._settings.folder, self._notices, self._custom_before())
        panel.custom_chosen.connect(lambda path: self._go_on(lambda o: replace(o, custom=path)))
        panel.code_allowed.connect(lambda: self._go_on(lambda o: replace(o, unsafe=True)))
        panel.declined.connect(self._decline)
        self._notices.set_panel(panel)
        panel.choose_button.setFocus()

    def _custom_before(self) -> str:
        """The file with custom objects that the session was saved with, where it still is."""
        custom = self._wanted.session[0].custom if self._wanted.session else None
        return custom if custom and Path(custom).is_file() else ""

    def _decline(self) -> None:
        self._notices.set_panel(None)
        self._jobs.give_up()

    def _go_on(self, change: Callable[[Wanted], Wanted]) -> None:
        self._notices.set_panel(None)
        self._begin(change(self._wanted))
