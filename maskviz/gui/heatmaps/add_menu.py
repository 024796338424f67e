"""The menu of maps that can be added: those of the whole network that are closed, and those about the selected layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtWidgets import QMenu

from maskviz.core.map_rows import NETWORK_MAPS, Kind, MapSpec
from maskviz.core.trace import Call, Trace

WORDS: dict[Kind, tuple[str, str]] = {
    "values": ("Values", "What it puts out: one unit, the norm over units, or the largest"),
    "call_mask": ("Mask", "Which steps its mask keeps"),
    "status": ("Status", "Kept, leaking, skipped, exposed or unmasked: mask and padding test together"),
    "change": ("Padding-test change", "How far each step moves when only the content of padding is changed"),
    "gradient": ("Gradient", "How much the loss reacts to it at each step"),
    "state": ("Recurrent state", "What the layer holds after each step"),
    "influence": ("Influence", "Which steps of the input each of its steps depends on, for the selected sample"),
}
RECURRENT = ("LSTM", "GRU", "RNN")


def fill(menu: QMenu, trace: Trace | None, selected: str | None, shown: Iterable[Kind], add: Callable[[Kind, str | None], object]) -> None:
    """Fill the menu for the selected call."""
    menu.clear()
    menu.setToolTipsVisible(True)
    for kind in NETWORK_MAPS:
        if kind not in shown:
            menu.addAction(MapSpec(kind).title, partial(add, kind, None))
    if menu.actions():
        menu.addSeparator()
    call = trace.call(selected) if trace is not None and selected is not None else None
    if trace is None or call is None or not call.outputs:
        menu.addAction("Select a layer in the graph to add its maps").setEnabled(False)
        return
    refs = [call.ref(number) for number in range(len(call.outputs))]
    if len(refs) == 1:
        menu.addAction(f"Of {refs[0]}").setEnabled(False)  # a section's text is not painted under a style sheet
        _add_kinds(menu, trace, call, refs[0], add)
    for ref in refs if len(refs) > 1 else ():
        _add_kinds(menu.addMenu(f"Of {ref}"), trace, call, ref, add)


def _add_kinds(menu: QMenu, trace: Trace, call: Call, ref: str, add: Callable[[Kind, str | None], object]) -> None:
    menu.setToolTipsVisible(True)
    for kind, (words, tip) in WORDS.items():
        if call.kind == "input" and kind in ("gradient", "state", "influence"):
            continue
        if kind != "state":
            menu.addAction(words, partial(add, kind, ref)).setToolTip(tip)
            continue
        for found in recurrent_calls(trace, call):
            name = words if found is call else f"{words} of {found.name}"
            menu.addAction(name, partial(add, "state", found.id)).setToolTip(tip)


def recurrent_calls(trace: Trace, call: Call) -> list[Call]:
    """The call itself, or the calls right inside it, as far as they are recurrent layers."""
    return [c for c in trace.calls if (c is call or c.parent == call.id) and c.kind == "layer" and c.class_name.endswith(RECURRENT)]
