"""What a row asks the engine about one state: about B, which is open, or about A, which is pinned."""

from __future__ import annotations

from maskviz.core.probes import QUICK, Answer, Ask
from maskviz.session.asking import Asking
from maskviz.session.pinned import PinnedQuestions
from maskviz.session.questions import Questions


class RowQuestion:
    """Quick questions about B are watched, so that a map follows edits; all others are asked once, and again when the user wants it."""

    def __init__(self, questions: Questions | PinnedQuestions) -> None:
        self.questions = questions
        self.asked: Ask | None = None
        self.watching = False

    @property
    def answer(self) -> Answer | None:
        """The newest answer, None as long as there is none."""
        return None if self.asked is None else self.questions.answer(self.asked)

    @property
    def state(self) -> Asking:
        """How far it is."""
        return Asking() if self.asked is None else self.questions.state(self.asked)

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return self.state.kind in ("waiting", "running")

    @property
    def running(self) -> bool:
        """Whether the engine works on it now."""
        return self.asked is not None and self.questions.running == self.asked

    def keep(self, question: Ask | None) -> None:
        """Watch what is quick; ask once what is not, when nothing has been asked yet. A map is made of the answer to ``asked``."""
        if question is None:
            return
        if isinstance(question, QUICK) and isinstance(self.questions, Questions):
            if question != self.asked or not self.watching:
                before, self.asked = (self.asked if self.watching else None), question
                self.watching = True
                self.questions.watch(question)
                if before is not None:
                    self.questions.unwatch(before)
        elif isinstance(question, QUICK) and question != self.asked:
            self.cancel()
            self.ask(question)
        elif self.state.kind == "not asked":
            self.ask(question)

    def ask(self, question: Ask) -> None:
        """Ask it, or ask it again."""
        self.asked = question
        self.questions.ask(question)

    def cancel(self) -> None:
        """The answer is not waited for any more."""
        if self.asked is not None:
            self.questions.cancel(self.asked)

    def release(self) -> None:
        """The row goes."""
        if self.watching and self.asked is not None and isinstance(self.questions, Questions):
            self.questions.unwatch(self.asked)
        else:
            self.cancel()
        self.asked, self.watching = None, False

    def needs_asking(self, question: Ask | None) -> bool:
        """Whether there is something to compute that is not being computed."""
        return self.state.stale or self.state.kind in ("not asked", "refused", "stopped") or self.is_about_another(question)

    def is_about_another(self, question: Ask | None) -> bool:
        """Whether what was asked is not what would be asked now."""
        return self.asked is not None and self.asked != question
