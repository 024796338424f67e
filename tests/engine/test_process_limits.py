"""The engine's process ends when loading hangs, the window hears why, and what it says is never mixed up."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import time

from maskviz.core import wire
from maskviz.core.message_wire import event_from_wire
from maskviz.core.messages import Progress
from maskviz.engine.client import how_it_ended
from maskviz.engine.process import Sender

SCRIPT = "import time\nfrom maskviz.engine.process import time_limit\nwith time_limit({}): time.sleep({})\ntime.sleep(0.3)\nprint('done')"


def run(limit: float | None, seconds: float) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(limit, seconds)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)


def test_a_load_that_hangs_ends_the_process() -> None:
    ended = run(0.2, 30)
    assert ended.returncode != 0
    assert "took longer to load" in how_it_ended(ended.returncode, ended.stderr.splitlines())


def test_a_load_in_time_does_not() -> None:
    assert run(0.2, 0).stdout == "done\n"
    assert run(None, 0.3).stdout == "done\n"


class SlowStream(io.BytesIO):
    """Lets other threads run between any two writes."""

    def write(self, data: object) -> int:
        time.sleep(0.001)
        return super().write(data)  # type: ignore[arg-type]


def test_events_of_two_threads_are_each_sent_whole() -> None:
    stream = SlowStream()
    send = Sender(stream)

    def tell(number: int) -> None:
        for _ in range(20):
            send(Progress(number, "compiling " * number))

    threads = [threading.Thread(target=tell, args=(number,)) for number in (1, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.seek(0)
    read = [event_from_wire(*frame) for frame in iter(lambda: wire.read_frame(stream), None)]
    assert sorted(event.number for event in read if isinstance(event, Progress)) == [1] * 20 + [50] * 20
