"""Opening: a network and its first batch on their way into the document, which keeps what is open until they are there.

Of several files the newest wins. Batch files are read beside the window (``session.aside``).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskviz.core.batch import Batch
from maskviz.core.batch_fit import complete
from maskviz.core.errors import EngineFailed, MaskVizError, NeedsConsent, UnusableInput
from maskviz.core.messages import Generate, Load, Loaded, Opens, RunTrace, Traced
from maskviz.core.network import Network
from maskviz.core.trace import Trace
from maskviz.session.aside import Aside
from maskviz.session.opening import Opening, described, first_batch, named, read_batch, repadded

if TYPE_CHECKING:
    from maskviz.session.jobs import Jobs

UNREADABLE = "The engine sent a result that cannot be read: restart it with Device ▸ Restart the engine."


class Opener:
    """``opening`` is what is on its way, ``opened`` the request that what is open came from."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._document = jobs.document
        self._network_file = Aside(jobs)
        self._batch_file = Aside(jobs)
        self.opening: Opening | None = None
        self.opened: Opens | None = None

    @property
    def reading(self) -> bool:
        """Whether a batch is being read."""
        return self._network_file.busy or self._batch_file.busy

    def forget(self) -> None:
        """The answer of the engine that a batch is being read for is not wanted any more."""
        self._network_file.forget()

    def open(self, opening: Opening) -> None:
        """Show a preview of the network and open it."""
        self._jobs.forget()
        self._batch_file.forget()
        self.opening = opening
        self._document.show_preview(opening.title, opening.graph)
        self.load(opening)

    def rebuild(self, opening: Opening) -> None:
        """Open a network while what is open stays on screen until its trace is there."""
        self._jobs.forget()
        self.opening = opening
        self.load(opening)

    def load(self, opening: Opening) -> None:
        """Have the engine load the network that is on its way."""
        self._jobs.hold(opening.request, partial(self._loaded, opening), self._refused)

    def drop(self) -> bool:
        """What is on its way is not opened, and what was open comes back; whether anything was on its way."""
        self._network_file.forget()
        was, self.opening = self.opening, None
        if was is not None:
            self._document.end_preview()
        return was is not None

    # the network is loaded: its batch

    def _loaded(self, opening: Opening, event: Loaded) -> None:
        network = event.network.with_pads(*self._jobs.pads)
        self._jobs.note(network.notes)
        fits = partial(self._go_on, opening, event, network)
        if opening.batch is None:
            fits((None, ()))
            return

        def refused(error: MaskVizError) -> None:
            self._jobs.failed.emit(named(error, opening.batch if isinstance(opening.batch, str) else ""))
            fits((None, ()))

        self._jobs.say(reading_sentence(opening.batch))
        self._network_file.do(partial(first_batch, opening.batch, network), fits, refused)

    def _go_on(self, opening: Opening, event: Loaded, network: Network, found: tuple[Batch | None, tuple[str, ...]]) -> None:
        """Open the network with the batch that was found, or a generated one."""
        batch, notes = found
        self._jobs.note(notes)
        show = self._show if opening.swap is None else partial(self._trace_unseen, event)
        if batch is not None:
            show(opening, network, batch)
            self._jobs.rest()
            return

        def made(answer: Any) -> None:
            self._jobs.noticed.emit(f"The batch is {answer.batch.source}: {described(answer.batch)}. Drop an .npz file to use your own.")
            show(opening, network, repadded(complete(answer.batch, event.network), event.network, network))

        self._jobs.ask(Generate(self._jobs.seed), made, self._refused)

    def _show(self, opening: Opening, network: Network, batch: Batch) -> None:
        self.opening, self.opened = None, opening.request
        path = opening.request.path if isinstance(opening.request, Load) and not opening.scratch else None
        stack = self._document.undo_stack
        edited = isinstance(opening.batch, Batch) and not opening.saved and not stack.isClean()
        kept = isinstance(opening.batch, Batch) and opening.batch.size == batch.size
        self._document.open(opening.title, path, opening.graph, network, batch, kept)
        if edited:
            stack.resetClean()  # edits of the batch that was kept are still not saved

    def _refused(self, error: MaskVizError) -> None:
        if isinstance(error, NeedsConsent):
            self._jobs.consent_needed.emit(error)  # the preview stays while the user decides
            return
        swap = self.opening.swap if self.opening is not None else None
        self._jobs.give_up()
        (self._jobs.failed.emit if swap is None else swap.refused)(error)

    # in place of what is open

    def _trace_unseen(self, event: Loaded, opening: Opening, network: Network, batch: Batch) -> None:
        """Trace what the engine holds while something else is still on screen."""
        then = partial(self._swap, event, opening, network, batch)
        self._jobs.ask(RunTrace(batch), then, self._refused, expected=batch)

    def _swap(self, event: Loaded, opening: Opening, network: Network, batch: Batch, answer: tuple[Traced, Trace | None]) -> None:
        """Show a network and its trace in place of what is open."""
        swap, trace = opening.swap, answer[1]
        assert swap is not None
        if trace is None:
            self._refused(EngineFailed(UNREADABLE))
        elif self._document.batch is not swap.shown:  # it was edited in the meantime
            newest = self._document.batch
            self.opening = replace(opening, batch=newest, swap=replace(swap, shown=newest))
            self._loaded(self.opening, event)
        else:
            self.opening, self.opened = None, opening.request
            self._jobs.show_traced(batch, answer, partial(self._document.change, opening.title, opening.graph, network, batch, trace))
            swap.done(event)

    # another batch

    def open_batch(self, path: str) -> None:
        """Read a batch file and make it the batch: an edit that can be undone, and that leaves saved what was saved."""
        network = self._document.network
        if network is None:
            self._jobs.failed.emit(UnusableInput("Open a network first: a batch is checked against what the network takes."))
            return
        name, stack = Path(path).name, self._document.undo_stack

        def read(found: tuple[Batch, tuple[str, ...]]) -> None:
            batch, notes = found
            if self._document.network is not network:
                return  # another one was opened in the meantime
            self._jobs.note(notes)
            saved = stack.isClean()
            self._document.comparison.show_b()
            self._document.edit(batch, f"Load batch {name}", on_trial=True)
            if saved:
                stack.setClean()
            self._jobs.noticed.emit(f"{name} is loaded: {described(batch)}.")
            self._jobs.rest()

        def refused(error: MaskVizError) -> None:
            self._jobs.failed.emit(named(error, path))
            self._jobs.rest()

        self._jobs.say(reading_sentence(path))
        self._batch_file.do(partial(read_batch, path, network), read, refused)

    def stop_reading(self) -> None:
        """Do not load the batch that is being read."""
        self._batch_file.forget()
        self._network_file.forget()


def reading_sentence(batch: str | Batch) -> str:
    """What the progress line says while a batch is read, or made to fit."""
    return f"reading {Path(batch).name}…" if isinstance(batch, str) else "fitting the batch to the network…"
