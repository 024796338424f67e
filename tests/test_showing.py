"""``maskviz.show``: what goes to the window's process, and what is said where it cannot."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import maskviz
from maskviz import cli, resources, showing
from maskviz.core.errors import UnusableInput
from maskviz.live_code import source_file

EXAMPLE = resources.example("sequence_classifier")


@pytest.fixture(name="shown")
def _shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, Any]]]:
    """The processes that would be started: command, and the arrays of the batch while they are there."""
    started: list[tuple[list[str], dict[str, Any]]] = []

    class Process:
        def __init__(self, command: list[str], env: dict[str, str], start_new_session: bool) -> None:
            assert start_new_session
            arrays: dict[str, Any] = {}
            if "--batch" in command:
                with np.load(command[command.index("--batch") + 1], allow_pickle=False) as held:
                    arrays = dict(held)
            started.append((command, arrays))

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(showing, "Popen", Process)
    monkeypatch.setattr(showing, "has_display", lambda: True)
    return started


def test_a_file_is_shown_with_its_batch(shown: list[tuple[list[str], dict[str, Any]]]) -> None:
    x, y = np.ones((2, 5), "int32"), {"a": np.zeros(2), "b": np.ones(2)}
    assert maskviz.show(EXAMPLE.network, x, y, loss="mse", block=True) is None
    ((command, arrays),) = shown
    assert command[:4] == [sys.executable, "-P", "-m", "maskviz"]
    assert command[4] == str(EXAMPLE.network)
    assert command[command.index("--loss") + 1] == "mse"
    assert "--temporary" not in command
    assert arrays.keys() == {"x", "y__a", "y__b"}
    assert not Path(command[command.index("--batch") + 1]).exists()  # tidied up when the window is closed


def test_what_cannot_be_shown_is_said_before_a_window_opens(shown: list[tuple[list[str], dict[str, Any]]], tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(UnusableInput):
        maskviz.show(tmp_path / "text.keras")
    assert shown == []


def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "has_display", lambda: False)
    with pytest.raises(UnusableInput, match="no display"):
        maskviz.show(EXAMPLE.network)


def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> ModuleType:
    """A script that ran as ``__main__``, with its source where it can be found."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    module = ModuleType("__main__")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "__main__", module)
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return module


def test_the_source_of_a_script_s_classes_is_taken_along_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = script(
        tmp_path,
        monkeypatch,
        """
        import math as m
        from pathlib import PurePath
        FACTOR = {"by": [2, 3]}
        LOG = open(__file__)
        LOG.close()
        def helper(x):
            return m.sqrt(x) * FACTOR["by"][0]
        class Base:
            def run(self, x):
                return helper(x)
        class Layer(Base):
            kind = PurePath
            def note(self):
                return LOG
        raise_if_run_again = 1 / FACTOR["by"][0]
        """,
    )
    text = source_file({"Layer": module.Layer})
    assert "raise_if_run_again" not in text
    assert "open(" not in text
    space: dict[str, Any] = {"__name__": "elsewhere"}
    exec(compile(text, "taken.py", "exec"), space)
    assert list(space["CUSTOM_OBJECTS"]) == ["Layer"]
    assert space["CUSTOM_OBJECTS"]["Layer"]().run(16.0) == 8.0
    assert space["Layer"].kind is __import__("pathlib").PurePath


def test_what_has_no_source_or_needs_what_surrounds_it_is_said() -> None:
    class Inside:
        pass

    with pytest.raises(UnusableInput, match="inside a function"):
        source_file({"Inside": Inside})
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("class Typed:\n    pass", space)
    with pytest.raises(UnusableInput, match=r"custom='FILE\.py'"):
        source_file({"Typed": space["Typed"]})


SCRIPT = """
import keras, numpy as np
from keras import layers

SCALE = 0.5

class Halver(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.supports_masking = True
    def call(self, x):
        return x * SCALE

net = keras.Sequential([keras.Input((None, 2)), layers.Masking(), Halver(), layers.LSTM(3, return_sequences=True), layers.Dense(1)])
net.compile(loss="mse")
x = np.ones((2, 4, 2), "float32")
x[1, 2:] = 0
y = np.zeros((2, 4, 1), "float32")
"""


@pytest.mark.engine
def test_a_live_network_s_copy_runs_elsewhere_with_its_custom_layer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shown: list[tuple[list[str], dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The saved copy, with the source of its custom layer, is traced by the command line as the window would."""
    module = script(tmp_path, monkeypatch, SCRIPT)
    with monkeypatch.context() as kept:
        kept.setattr("tempfile.mkdtemp", lambda **_: str(tmp_path / "copy"))
        kept.setattr("shutil.rmtree", lambda *_, **__: None)
        (tmp_path / "copy").mkdir()
        maskviz.show(module.net, module.x, module.y, block=True)
    ((command, arrays),) = shown
    assert arrays["x"].shape == (2, 4, 2)
    assert "SCALE = 0.5" in Path(command[command.index("--custom") + 1]).read_text()
    assert "--temporary" in command
    options = [option for option in command[4:] if option != "--temporary"]
    assert cli.run(["trace", *options]) == 0
    assert "Halver" in capsys.readouterr().out


@pytest.mark.engine
def test_a_network_that_cannot_be_saved_is_said(shown: list[tuple[list[str], dict[str, Any]]], tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.save = lambda path: (_ for _ in ()).throw(NotImplementedError("no config here"))  # type: ignore[method-assign]
    with pytest.raises(UnusableInput, match=r"no config here.*maskviz\.trace"):
        maskviz.show(network, np.ones((2, 3)))
    with pytest.raises(UnusableInput, match="not a list"):
        maskviz.show([network])
    assert shown == []
