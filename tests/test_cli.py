"""The command line: exit codes, sentences, and what trace and preview write."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import maskviz
from maskviz import cli, resources

EXAMPLE = resources.example("sequence_classifier")
NETWORK, BATCH = str(EXAMPLE.network), str(EXAMPLE.batch)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = cli.run(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def no_keras(code: str) -> str:
    """The output of Python code in a process of its own, which ends by saying that Keras was never imported."""
    check = "\nimport sys; assert not {'keras', 'tensorflow', 'PySide6'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code + check], capture_output=True, text=True, check=True)
    return done.stdout


def test_preview_never_imports_keras() -> None:
    out = no_keras(f"from maskviz import cli; assert cli.run(['preview', {NETWORK!r}]) == 0")
    assert "embedding" in out.lower()
    about = json.loads(no_keras(f"from maskviz import cli; assert cli.run(['preview', {NETWORK!r}, '--json', '-']) == 0"))
    assert about["schema"] == 1
    assert about.keys() >= {"network", "keras", "saved", "custom", "code", "nodes", "edges"}
    assert about["nodes"]


def test_importing_maskviz_is_cheap() -> None:
    no_keras("import maskviz")


@pytest.mark.parametrize("command", [["preview"], ["trace"], ["export", "--out", "nowhere"]])
def test_unusable_files(command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Two files, one sentence each on standard error, nothing on standard output, exit code 2."""
    text = tmp_path / "text.keras"
    text.write_text("hello")
    for path in (str(tmp_path / "none.keras"), str(text)):
        code, out, err = run(capsys, command[0], path, *command[1:])
        assert (code, out) == (2, "")
        assert err.startswith("maskviz: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err


def test_without_a_display_what_is_wrong_with_the_file_comes_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cli, "has_display", lambda: False)
    text = tmp_path / "text.keras"
    text.write_text("hello")
    for path, sentence in (
        (tmp_path / "none.keras", "“none.keras” does not exist: check the path"),
        (text, "“text.keras” is not a network file"),
        (tmp_path / "none.maskviz", "'none.maskviz' does not exist any more"),
    ):
        code, out, err = run(capsys, str(path))
        assert (code, out) == (2, "")
        assert err.startswith(f"maskviz: {sentence}")
        assert err.count("\n") == 1


def test_a_batch_that_is_not_there_is_said_before_the_engine_starts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("maskviz.api.BlockingEngine", lambda tell: pytest.fail("an engine was started"))
    code, out, err = run(capsys, "trace", NETWORK, "--batch", str(tmp_path / "none.npz"))
    assert (code, out) == (2, "")
    assert "There is no file" in err


@pytest.mark.parametrize(
    "arguments", [["trace"], ["trace", NETWORK, "--nonsense"], ["export", NETWORK], ["export", NETWORK, "--out", "x", "--width", "0"]]
)
def test_arguments_that_are_none(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON and arrays that ``maskviz trace`` writes of an example."""
    folder = tmp_path_factory.mktemp("traced")
    files = ["--json", str(folder / "t.json"), "--npz", str(folder / "t.npz")]
    assert cli.run(["trace", NETWORK, "--batch", BATCH, *files]) == 0
    with np.load(folder / "t.npz", allow_pickle=False) as held:
        return json.loads((folder / "t.json").read_text()), dict(held)


TOP = {"schema", "keras", "backend", "device", "network", "calls", "masks", "loss", "metrics", "findings"}
CALL = {"id", "name", "class", "kind", "parent", "role", "inputs", "received", "stripped", "outputs", "fate", "ignores"}
LOSS = {"reported", "sum", "kept_only", "unmasked", "outputs", "added"}


@pytest.mark.engine
def test_the_schema(traced: tuple[dict[str, Any], dict[str, Any]]) -> None:
    about, arrays = traced
    assert about["schema"] == 1
    assert about.keys() >= TOP
    assert about["network"].keys() >= {"name", "class", "compiled"}
    assert about["loss"].keys() >= LOSS
    assert about["loss"]["outputs"][0].keys() >= {"name", "loss", "weight", "reduction", "separable", "sum"}
    ids = [call["id"] for call in about["calls"]]
    assert len(set(ids)) == len(ids)
    for call in about["calls"]:
        assert call.keys() >= CALL
        assert call["role"] in ("data", "mask path")
        assert call["fate"] in ("creates", "passes", "changes", "ends", "drops", "none")
        assert call["parent"] is None or call["parent"] in ids
        for tensor in call["inputs"]:
            assert tensor.keys() >= {"from", "shape", "mask"}
            assert tensor["from"] is None or tensor["from"].split("#")[0] in ids
            assert tensor["mask"] is None or tensor["mask"] in about["masks"]
        for tensor in call["outputs"]:
            assert tensor.keys() >= {"shape", "dtype", "mask", "touched_kept"}
    for key, mask in about["masks"].items():
        assert arrays[f"mask/{key}"].sum() == mask["kept"]
        assert list(arrays[f"mask/{key}"].shape) == mask["shape"]
        assert arrays[f"mask/{key}"].size == mask["size"]
    assert {key.partition("/")[0] for key in arrays} == {"mask", "status", "touched", "output", "contribution"}
    assert all(arrays[key].dtype == np.uint8 for key in arrays if key.startswith("status/"))
    shared = sum(float(array.sum()) for key, array in arrays.items() if key.startswith("contribution/"))
    assert shared == pytest.approx(about["loss"]["reported"], rel=1e-5)


@pytest.mark.engine
def test_python_gives_what_the_command_gives(traced: tuple[dict[str, Any], dict[str, Any]]) -> None:
    about, arrays = traced
    with np.load(BATCH, allow_pickle=False) as held:
        given = {name: held[name] for name in ("x", "y", "sample_weight", "padding") if name in held}
    trace = maskviz.trace(NETWORK, **given)
    own = json.loads(json.dumps(trace.to_dict()))
    assert own == {key: value for key, value in about.items() if key != "batch"}
    for key, mask in trace.masks.items():
        assert_array_equal(mask, arrays[f"mask/{key}"])
    for key, status in trace.status.items():
        assert_array_equal(status, arrays[f"status/{key}"])


@pytest.mark.engine
def test_without_a_batch_one_is_generated_and_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["trace", NETWORK, "--json", "-", "--seed", "3"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["schema"] == 1
    assert "generated" in err


@pytest.mark.engine
def test_what_cannot_be_used_with_a_good_network(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    np.savez(tmp_path / "wrong.npz", x=np.ones((2, 3, 4, 5)))
    cases = [
        ["trace", NETWORK, "--batch", str(tmp_path / "wrong.npz")],
        ["trace", NETWORK, "--batch", BATCH, "--json", str(tmp_path / "no" / "t.json")],
    ]
    for arguments in cases:
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err.splitlines()[-1].startswith("maskviz: ")
        assert "Traceback" not in err


def run_apart(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own: painting needs an application without windows, and there can be only one kind of it."""
    return subprocess.run([sys.executable, "-m", "maskviz", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.engine
def test_pictures(tmp_path: Path) -> None:
    what = ("--what", "mask,values:lstm@norm,graph", "--format", "svg", "--mm", "120", "--transparent")
    done = run_apart("export", NETWORK, "--batch", BATCH, "--out", str(tmp_path), *what)
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert [path.name for path in written] == [f"sequence_classifier-{name}.svg" for name in ("mask", "values_lstm_norm", "graph")]
    widths = [re.search(r'<svg width="([\d.]+)mm"', path.read_text(encoding="utf-8")) for path in written]
    assert [round(float(found[1])) for found in widths if found] == [120, 120, 120]


@pytest.mark.engine
def test_a_report(tmp_path: Path) -> None:
    other = resources.example("bidirectional_tagger")
    against = ("--against", str(other.network), "--against-batch", str(other.batch))
    done = run_apart("report", NETWORK, "--batch", BATCH, "--out", str(tmp_path / "report"), *against)
    assert done.returncode == 0, done.stderr
    text = Path(done.stdout.strip()).read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "GlobalAveragePooling1D" in text
    assert re.search("Compared with A.*only in A.*only in B", text, re.DOTALL)
    assert hashlib.sha256(EXAMPLE.network.read_bytes()).hexdigest() in text


@pytest.mark.parametrize("what", ["nothing", "values", "mask,nothing:lstm"])
def test_what_cannot_be_exported_is_said_before_the_engine_starts(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from maskviz.engine import client

    monkeypatch.setattr(client, "command", lambda: pytest.fail("the engine was started"))
    code, out, err = run(capsys, "export", NETWORK, "--out", str(tmp_path), "--what", what)
    assert (code, out) == (2, "")
    assert "cannot be exported; choose from" in err


def test_what_cannot_be_compared_is_said_before_the_engine_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from maskviz.engine import client

    monkeypatch.setattr(client, "command", lambda: pytest.fail("the engine was started"))
    for option in ("--against", "--against-batch"):
        code, out, err = run(capsys, "report", NETWORK, "--out", str(tmp_path / "r.html"), option, str(tmp_path / "none.npz"))
        assert (code, out) == (2, "")
        assert "none.npz" in err


def test_a_dead_engine_is_exit_code_3(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from maskviz.engine import client

    monkeypatch.setattr(client, "command", lambda: [sys.executable, "-c", "raise SystemExit('the last words')"])
    code, out, err = run(capsys, "trace", NETWORK)
    assert (code, out) == (3, "")
    assert "the last words" in err
