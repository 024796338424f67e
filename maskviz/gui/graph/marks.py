"""What stands out in the graph beside the selection, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from maskviz.core.graph_looks import Tone
from maskviz.core.mask_way import Ending, How, MaskWay
from maskviz.export.graph_marks import Tag
from maskviz.gui.words import tr

HOW_TAGS = {
    How.LOST: "mask lost here",
    How.REMOVED: "mask removed here",
    How.VANISHED: "mask missing here",
    How.USED: "mask used here",
    How.ENDED: "mask ends: no time axis",
    How.OUTPUT: "mask reaches the output",
    How.LOSS: "mask reaches the loss",
}


@dataclass(frozen=True)
class Marks:
    """``lit`` nodes and ``links`` stay bright while the rest dims (None: nothing dims); ``hits`` were found; ``linked`` share a layer
    with the selected call; ``tags`` name places on a mask's way."""

    lit: frozenset[str] | None = None
    links: frozenset[tuple[str, str]] = frozenset()
    hits: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()
    tags: Mapping[str, Tag] = field(default_factory=dict)


def tags_of(way: MaskWay, seen: Mapping[str, str]) -> dict[str, Tag]:
    """The tags of a mask's way on the nodes that show its places; a loss is not hidden by anything else in the same container."""
    tags: dict[str, Tag] = {}
    for name in way.created:
        tags[seen.get(name, name)] = Tag(tr("mask created here") + _inside(name, seen), "good")
    for ending in sorted(way.endings, key=lambda e: e.bad):
        tone: Tone = "bad" if ending.bad else "quiet"
        tags[seen.get(ending.call, ending.call)] = Tag(tr(HOW_TAGS[ending.how]) + _inside(ending.call, seen), tone)
    return tags


def _inside(name: str, seen: Mapping[str, str]) -> str:
    """Where in a folded container a place is."""
    shown = seen.get(name, name)
    return "" if shown == name else tr(", in {call}").format(call=name.removeprefix(shown + "/"))


def way_words(way: MaskWay) -> list[tuple[str, str | None]]:
    """A mask's way as pieces of text, each with the call it is about: ``created by masking → lost in shift``."""
    pieces: list[tuple[str, str | None]] = []
    if way.created:
        pieces.append((tr("created by") + " ", None))
        for number, name in enumerate(way.created):
            pieces += [(", ", None)] * bool(number) + [(name, name)]
    for ending in sorted(way.endings, key=lambda e: not e.bad):
        pieces += [(" → ", None), (tr(ENDING_WORDS[ending.how]) + " ", None), (_name_of(ending), ending.call)]
    return pieces


ENDING_WORDS = {
    How.LOST: "lost in",
    How.REMOVED: "removed by",
    How.VANISHED: "missing at",
    How.USED: "used by",
    How.ENDED: "ends in",
    How.OUTPUT: "reaches the output of",
    How.LOSS: "reaches the loss",
}


def _name_of(ending: Ending) -> str:
    return ending.call.removeprefix("loss:")
