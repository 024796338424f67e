"""The command line: ``maskviz [FILE]`` opens the window; ``trace``, ``check``, ``export``, ``report`` and the others run without one.

Exit codes: 0 done, 1 findings (``check`` alone), 2 input unusable (one sentence on standard error), 3 engine failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskviz.core.errors import EngineFailed, MaskVizError, UnusableInput, writing
from maskviz.display import has_display

if TYPE_CHECKING:
    from maskviz.core.batch import Batch
    from maskviz.core.network import Network
    from maskviz.core.trace import Trace

DONE, UNUSABLE, FAILED = 0, 2, 3


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code."""
    commands = {"trace": _trace, "check": _check, "repair": _repair, "export": _export, "report": _report, "preview": _preview}
    name = arguments[0] if arguments and arguments[0] in commands else None
    options = _command_parser(name).parse_intermixed_args(arguments[1:]) if name else _window_parser().parse_args(arguments)
    try:
        return commands[name](options) if name else _window(options)
    except EngineFailed as error:
        print(f"maskviz: {error}\n{error.details}".strip(), file=sys.stderr)
        return FAILED
    except MaskVizError as error:
        print(f"maskviz: {error}", file=sys.stderr)
        for line in getattr(error, "code", ()):
            print(f"  would run: {line}", file=sys.stderr)
        return UNUSABLE
    except BrokenPipeError:
        sys.stderr.close()
        return DONE


def _window_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maskviz",
        description="See what padding does to a Keras network.",
        epilog="Without a window: maskviz trace|check|repair|export|report|preview NETWORK (each has --help).",
    )
    parser.add_argument("file", nargs="?", help="a .keras or .h5 file, or a .maskviz session, to open")
    parser.add_argument(
        "--example", nargs="?", const="", metavar="NAME", help="open an example of the gallery (the first one without a name)"
    )
    parser.add_argument("--temporary", action="store_true", help=argparse.SUPPRESS)  # a file that maskviz.show made
    desktop = parser.add_mutually_exclusive_group()
    desktop.add_argument("--install-desktop", action="store_true", help="put icon, menu entry and file type on your desktop (Linux)")
    desktop.add_argument("--uninstall-desktop", action="store_true", help="take them away again")
    _add_common(parser)
    return parser


def _command_parser(command: str | None) -> argparse.ArgumentParser:
    about = {
        "trace": "What happened to the mask, call by call.",
        "check": "What is wrong with masks and padding, why, and how to repair it.",
        "repair": "Repair findings in a copy of the network, and say whether it helped.",
        "export": "Heatmaps and graph as pictures, as numbers, or walking through time.",
        "report": "Findings, loss, pictures and versions in one HTML file.",
        "preview": "The architecture from config.json alone; Keras is never imported.",
    }
    parser = argparse.ArgumentParser(prog=f"maskviz {command}", description=about[command or "trace"])
    if command == "check":
        from maskviz.checking.command import add_options

        parser.add_argument("networks", nargs="+", metavar="network", help="a .keras file")
        add_options(parser)
        _add_common(parser, each=True)
        return parser
    parser.add_argument("network", help="a .keras file")
    if command == "preview":
        parser.add_argument("--json", metavar="FILE", help="write JSON into FILE, - for standard output")
        return parser
    _add_common(parser)
    if command == "trace":
        parser.add_argument("--json", metavar="FILE", help="write the trace as JSON into FILE, - for standard output")
        parser.add_argument("--npz", metavar="FILE", help="write masks, statuses, predictions and contributions into FILE")
        parser.add_argument("--batch-size", type=_positive, metavar="N", help="say also what evaluate(batch_size=N) reports")
    elif command == "repair":
        from maskviz.repairing import add_options

        add_options(parser)
    else:
        from maskviz import exporting

        (exporting.add_options if command == "export" else exporting.add_report_options)(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser, each: bool = False) -> None:
    """Options of all commands; with ``each``, a batch may be given for each of several networks."""
    action, more = ("append", "; once for all networks, or once for each") if each else ("store", "")
    about = f"batch to feed (.npz, .npy, .csv, .json); without one a batch is generated{more}"
    parser.add_argument("--batch", metavar="FILE", action=action, help=about)
    parser.add_argument("--custom", metavar="FILE.py", help="trusted Python file with the network's custom objects; it is run")
    parser.add_argument("--unsafe", action="store_true", help="allow code inside the file (Lambda layers) to run")
    parser.add_argument("--device", metavar="NAME", help="CPU or GPU:0")
    parser.add_argument("--loss", metavar="NAME", help="loss for a network that was saved without one, such as mse")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of a generated batch")


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 20_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 20000")
    return value


def _window(options: argparse.Namespace) -> int:
    if options.install_desktop or options.uninstall_desktop:
        return _desktop(options.install_desktop)
    if not has_display():
        return _without_display(options)
    from maskviz.gui.app import Options, run
    from maskviz.gui.files import Wanted

    example = options.example
    if example == "":
        from maskviz import resources

        example = resources.examples()[0].name
    wanted = None
    if options.file or example:
        name = example if not options.file else ""
        wanted = Wanted(options.file or "", name, options.batch, options.custom, options.unsafe, options.loss, temporary=options.temporary)
    return run(Options(wanted, options.device, options.seed))


def _desktop(install: bool) -> int:
    from maskviz import desktop

    for path in desktop.install() if install else desktop.uninstall():
        print(f"{'written' if install else 'removed'}  {path}")
    return DONE


def _without_display(options: argparse.Namespace) -> int:
    """No window can be shown: export the heatmaps of what was asked for, and say so."""
    from maskviz import resources

    if options.example is None and options.file is None:
        raise UnusableInput("There is no display to open a window on: use maskviz trace or maskviz export, or set DISPLAY.")
    folder = Path("maskviz-export")
    if options.file is None:
        example = resources.example(options.example) if options.example else resources.examples()[0]
        options.network, options.batch = str(example.network), str(example.batch)
        options.custom, options.unsafe = (str(example.custom) if example.custom else None), example.trusted
        print(f"There is no display: the heatmaps of the example “{example.title}” are exported instead.")
    else:
        _check_file(options.file)
        options.network = options.file
        print(f"There is no display: the heatmaps of {Path(options.file).name} are exported instead.")
    defaults = _command_parser("export").parse_args([options.network, "--out", str(folder), "--overwrite"])
    return _export(argparse.Namespace(**{**vars(defaults), **{k: v for k, v in vars(options).items() if k not in ("file", "example")}}))


def _check_file(path: str) -> None:
    """Raise UnusableInput for a file that could not be opened either if there were a display, and for a session, which needs one."""
    from maskviz.core import archive

    if Path(path).suffix.lower() != ".maskviz":
        archive.look(path)
        return
    from maskviz.session.session_file import read_session

    read_session(path)
    raise UnusableInput("There is no display to take the session up on: set DISPLAY, or use maskviz export with its network.")


def _preview(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from maskviz.core import archive

    seen = archive.look(options.network)
    if options.json:
        about = {
            "schema": 1,
            "network": {"name": seen.name, "class": seen.class_name, "compiled": seen.compiled},
            "keras": seen.keras_version,
            "saved": seen.date_saved,
            "custom": list(seen.custom),
            "code": list(seen.code),
            "nodes": [asdict(node) for node in seen.graph.nodes],
            "edges": [asdict(edge) for edge in seen.graph.edges],
        }
        _write_json(about, options.json)
        return DONE
    print(f"{seen.name} ({seen.class_name}), saved with Keras {seen.keras_version or 'unknown'}")
    for node in seen.graph.nodes:
        shape = "" if node.shape is None else f"  ({', '.join('–' if n is None else str(n) for n in node.shape)})"
        print(f"  {node.id}  {node.class_name}{shape}" + ("  mask path" if node.role == "mask path" else ""))
    for line in (*seen.notes, *(f"needs {name}" for name in seen.custom), *(f"would run: {code}" for code in seen.code)):
        print(line)
    return DONE


def _trace(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from maskviz.core.losses import in_batches_of
    from maskviz.core.trace_json import to_arrays

    trace, batch, _ = _traced(options)
    if options.batch_size:
        trace = replace(trace, ledger=in_batches_of(trace.ledger, options.batch_size))
    if options.json:
        _write_json({**trace.to_dict(), "batch": batch.source}, options.json)
    if options.npz:
        import numpy as np

        with writing(options.npz):
            np.savez_compressed(options.npz, **to_arrays(trace))  # type: ignore[arg-type]
    if not options.json:
        from maskviz.trace_text import trace_text

        print(trace_text(trace, batch.source))
    return DONE


def _check(options: argparse.Namespace) -> int:
    from maskviz.checking.command import run

    return run(options)


def _repair(options: argparse.Namespace) -> int:
    from maskviz import repairing

    return repairing.run(options, *_reading(options))


def _export(options: argparse.Namespace) -> int:
    from maskviz import exporting

    def left_out(sentence: str) -> None:
        print(f"maskviz: {sentence}", file=sys.stderr)

    return _written(options, exporting.run(options, *_reading(options), left_out))


def _report(options: argparse.Namespace) -> int:
    from maskviz import exporting

    return _written(options, exporting.run_report(options, *_reading(options)))


def _written(options: argparse.Namespace, paths: list[Path]) -> int:
    if not options.batch:
        print(f"maskviz: no --batch was given: the batch is generated, seed {options.seed}", file=sys.stderr)
    for path in paths:
        print(path)
    return DONE


def _traced(options: argparse.Namespace) -> tuple[Trace, Batch, Network]:
    """The trace that the options ask for, with its batch and the network's signature."""
    from maskviz import api

    read, tell = _reading(options)
    trace, batch, network = api.trace_file(
        Path(options.network),
        read,
        seed=options.seed,
        custom=options.custom,
        unsafe=options.unsafe,
        loss=options.loss,
        device=options.device,
        tell=tell,
    )
    if not options.batch:
        print(f"maskviz: no --batch was given: the batch is {batch.source}", file=sys.stderr)
    return trace, batch, network


def _reading(options: argparse.Namespace) -> tuple[Callable[[Network], Batch | None], Callable[[str], None]]:
    """What reads the batch for a network, and what hears progress; both write on standard error."""
    from maskviz.core import batch_files

    if options.batch:
        batch_files.check_there(options.batch)  # before the engine starts

    def read(network: Network) -> Batch | None:
        for note in network.notes:
            print(f"maskviz: {note}", file=sys.stderr)
        if not options.batch:
            return None
        batch, notes = batch_files.read_batch(options.batch, network)
        for note in notes:
            print(f"maskviz: {note}", file=sys.stderr)
        return batch

    show = sys.stderr.isatty()

    def tell(sentence: str) -> None:
        if show:
            print(f"maskviz: {sentence}…", file=sys.stderr)

    return read, tell


def _write_json(about: dict[str, Any], path: str) -> None:
    text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False)
    if path == "-":
        print(text)
        return
    with writing(path):
        Path(path).write_text(text + "\n", encoding="utf-8")
