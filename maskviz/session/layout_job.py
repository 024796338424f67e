"""Asks the layout process for layouts and tells when they have come; falls back to our own when it is slow, broken or missing."""

from __future__ import annotations

import json

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from maskviz.core.layout import Layout, LayoutRequest, fallback, layout_command, layout_of_answer

STARTING = 5000  # ms until the process must have said that it is ready


def allowance(request: LayoutRequest) -> int:
    """How many ms the library may take: the budget (see tests/benchmarks) less what drawing takes, and ample for small graphs."""
    boxes = len(request.boxes)
    return 2000 if boxes < 500 else 200 + int(0.4 * boxes)


class LayoutJob(QObject):
    """``request`` asks; ``done(request, layout)`` answers, always, and only the newest request. ``close`` ends the process."""

    done = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._ready = False
        self._closed = False
        self._number = 0
        self._wanted: LayoutRequest | None = None
        self._received = b""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._give_up)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._wanted is not None

    def warm(self) -> None:
        """Starts the process, so that it is there when the first graph comes."""
        if self._process is None and not self._closed:
            self._start()

    def request(self, request: LayoutRequest) -> None:
        """Asks for a layout; an answer to an older request is dropped."""
        self._number += 1
        if self._closed:
            return
        self._wanted = request
        if self._process is None:
            self._start()
        elif self._ready:
            self._send()

    def close(self) -> None:
        """Ends the process; nothing is answered any more, and nothing starts it again."""
        self._closed = True
        self._wanted = None
        self._stop()

    def _start(self) -> None:
        command = layout_command()
        if command is None:
            self._give_up()
            return
        process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedErrorChannel)
        process.readyReadStandardOutput.connect(self._read)
        process.errorOccurred.connect(self._give_up)
        process.finished.connect(self._give_up)
        self._process, self._ready, self._received = process, False, b""
        self._timer.start(STARTING)
        process.start(command[0], command[1:])

    def _stop(self) -> None:
        self._timer.stop()
        process, self._process = self._process, None
        self._ready = False
        if process is not None:
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(1000)
            process.deleteLater()

    def _send(self) -> None:
        if self._wanted is None or self._process is None:
            return
        line = json.dumps({"number": self._number, **self._wanted.to_dict()}, separators=(",", ":"))
        self._timer.start(allowance(self._wanted))
        self._process.write(line.encode() + b"\n")

    def _read(self) -> None:
        if self._process is None:
            return
        self._received += bytes(self._process.readAllStandardOutput().data())
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        """One line of the process, which is not to be trusted."""
        try:
            message = json.loads(line)
            if message.get("ready"):
                self._ready = True
                self._timer.stop()
                self._send()
            elif self._wanted is not None and message["number"] == self._number:
                self._finish(layout_of_answer(self._wanted, message))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._give_up()

    def _give_up(self) -> None:
        """The process was too slow, died or wrote nonsense: ours answers, and the next request starts a new process."""
        self._stop()
        if self._wanted is not None:
            self._finish(fallback(self._wanted))

    def _finish(self, layout: Layout) -> None:
        request, self._wanted = self._wanted, None
        self._timer.stop()
        self.done.emit(request, layout)
