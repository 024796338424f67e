"""Stops what takes too long."""

from __future__ import annotations

from maskviz.gui.notices import Notices
from maskviz.gui.words import tr
from maskviz.session.jobs import Jobs
from maskviz.session.questions import Questions


class Stopping:
    """Knows what runs, and how each of it is stopped: a question is cancelled, anything else ends with the engine's process."""

    def __init__(self, jobs: Jobs, questions: Questions, notices: Notices) -> None:
        self._jobs = jobs
        self._questions = questions
        self._notices = notices

    def stop(self) -> None:
        """Stop what runs now and go back to what was there before."""
        question = self._questions.running
        if question is not None:
            self._questions.cancel(question)
        elif not self._questions.of_pinned.stop() and not self._jobs.stop():
            self._notices.show_notice("info", tr("Nothing is running that could be stopped."))
