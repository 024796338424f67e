"""Repairs from Python and from the command line: ``maskviz.repair`` and ``maskviz repair``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from maskviz.api import MaybeBatch, batch_of, live_inputs, open_in
from maskviz.core import archive
from maskviz.core.batch import Batch
from maskviz.core.errors import UnusableInput, writing
from maskviz.core.messages import Load, RepairCopy, Repaired, UseDevice
from maskviz.core.network import Network
from maskviz.core.repair import Report
from maskviz.engine.client import BlockingEngine

DONE, LEFT = 0, 1


def repair(
    network: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    finding: str | None = None,
    call: str | None = None,
    out: str | os.PathLike[str] | None = None,
    custom: str | os.PathLike[str] | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    padding: Any = None,
) -> Report:
    """Repair findings in a copy of the network, and run the same trace and padding test on it.

    ``finding`` is an id or how it begins (``"MV11"``), at ``call`` where several calls have it; without it all is repaired that can be.
    The copy is saved as the ``.keras`` file ``out``; for a ``keras.Model`` it is also ``Report.network``. The network itself is not
    changed. ``print(report)`` says what was changed and whether it helped. All else is as for ``maskviz.trace``.
    Raises UnusableInput when the batch shows no such finding, and as ``maskviz.trace`` does.
    """

    def make(described: Network) -> Batch:
        return batch_of(described, x, y, sample_weight, padding)

    request = RepairCopy(finding, call, None if out is None else _keras_file(out))
    if isinstance(network, (str, os.PathLike)):
        return repair_file(Path(network), make, request, custom=None if custom is None else str(custom), unsafe=unsafe, loss=loss)[0]
    from maskviz.engine import inline

    return inline.repair(network, make, live_inputs(x), loss, request)


def repair_file(
    path: Path,
    make_batch: MaybeBatch,
    request: RepairCopy,
    *,
    seed: int = 0,
    custom: str | None = None,
    unsafe: bool = False,
    loss: str | None = None,
    device: str | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[Report, Batch]:
    """Repair a copy of a file's network in the engine's process, by the findings of a batch (None: generate one)."""
    archive.look(path)
    with BlockingEngine(tell) as engine:
        if device is not None:
            engine.ask(UseDevice(device))
        _, batch, _ = open_in(engine, Load(str(path), custom, unsafe, loss), make_batch, seed)
        repaired = engine.ask(request)
        assert isinstance(repaired, Repaired)
    return repaired.report, batch


def _keras_file(path: str | os.PathLike[str]) -> str:
    """The path as Keras takes it. Raises UnusableInput when it is no ``.keras`` file in a folder that is there."""
    file = Path(path)
    if file.suffix != ".keras":
        raise UnusableInput(f"{file.name} does not end in .keras: give the repaired network a name such as repaired.keras.")
    if not file.absolute().parent.is_dir():
        raise UnusableInput(f"There is no folder {file.parent}: make it first, or choose another place.")
    return str(file)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``maskviz repair``."""
    parser.add_argument("--out", metavar="NEW.keras", help="save the repaired copy as this file; the network's own file is never changed")
    parser.add_argument("--finding", metavar="ID", help="repair this one alone, such as MV11 (all that can be repaired)")
    parser.add_argument("--call", metavar="NAME", help="the call that --finding is about, where several have it")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON into FILE, - for standard output")
    parser.add_argument("--overwrite", action="store_true", help="replace NEW.keras where it is there already")


def run(options: argparse.Namespace, read: MaybeBatch, tell: Callable[[str], None]) -> int:
    """Carry out ``maskviz repair``: 0 when no finding above ``info`` is left, 1 when one is."""
    out = None if options.out is None else _keras_file(options.out)
    if out is not None and Path(out).exists():
        if Path(out).samefile(options.network):
            raise UnusableInput(f"{options.out} is the network itself, which is never changed: choose another name for the copy.")
        if not options.overwrite:
            raise UnusableInput(f"{options.out} is there already: choose another name, or add --overwrite.")
    report, batch = repair_file(
        Path(options.network),
        read,
        RepairCopy(options.finding, options.call, out),
        seed=options.seed,
        custom=options.custom,
        unsafe=options.unsafe,
        loss=options.loss,
        device=options.device,
        tell=tell,
    )
    if not options.batch:
        print(f"maskviz: no --batch was given: the batch is {batch.source}", file=sys.stderr)
    if options.json == "-":
        print(json.dumps(report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(report)
        print(ending(report, out))
        if options.json:
            text = json.dumps(report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
            with writing(options.json):
                Path(options.json).write_text(text + "\n", encoding="utf-8")
    return LEFT if any(f.severity != "info" for f in report.left) else DONE


def ending(report: Report, out: str | None) -> str:
    """What was saved, and what it needs to be loaded again."""
    if report.path is None:
        return "Nothing was saved: nothing helped." if out is not None else "The network itself was not changed; --out saves the copy."
    needs = f", and needs {', '.join(report.code)} to be loaded, as the network did" if report.code else "; plain Keras loads it"
    return f"The copy was saved as {report.path}{needs}."
