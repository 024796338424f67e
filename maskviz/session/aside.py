"""Work beside the window: on a thread of its own, so that the window stays alive while a file is read or rules are asked."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject, Signal

from maskviz.core.errors import MaskVizError, UnusableInput


class Aside(QObject):
    """Does one thing at a time that anybody still waits for: the newest. An answer to what was asked before never comes."""

    _finished = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self._then: Callable[[Any], None] | None = None
        self._refused: Callable[[MaskVizError], None] | None = None
        self._finished.connect(self._hand_over)

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._then is not None

    def do(self, work: Callable[[], Any], then: Callable[[Any], None], refused: Callable[[MaskVizError], None]) -> None:
        """Have ``work`` done on another thread; ``then`` gets what it returns, or ``refused`` what it raises, in this one."""
        self._number += 1
        self._then, self._refused = then, refused
        threading.Thread(target=self._run, args=(work, self._number), daemon=True, name="aside").start()

    def forget(self) -> None:
        """What is being done is not wanted any more."""
        self._number += 1
        self._then = self._refused = None

    def _run(self, work: Callable[[], Any], number: int) -> None:
        try:
            outcome = work()
        except MaskVizError as error:
            outcome = error
        except MemoryError:
            outcome = UnusableInput("There is not enough memory for this: close other programs or choose a smaller file.")
        except Exception as error:  # or nobody would ever hear of it
            outcome = UnusableInput(f"This could not be done: {error or type(error).__name__}.", traceback.format_exc())
        with suppress(RuntimeError):  # the window was closed in the meantime
            self._finished.emit(number, outcome)

    def _hand_over(self, number: int, outcome: Any) -> None:
        then, refused = self._then, self._refused
        if number != self._number or then is None or refused is None:
            return
        self._then = self._refused = None
        if isinstance(outcome, MaskVizError):
            refused(outcome)
        else:
            then(outcome)
