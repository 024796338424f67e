"""Where the input tensors of a call came from.

Functional networks say it exactly: the n-th call inside a container is the n-th node of its graph, taken in depth order.
Elsewhere the tensor object itself tells, and, for a tensor computed by plain code, the graph behind it (TensorFlow).
Objects alone are not enough: a layer that returns its own input (Dropout at inference) hands on the very same tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from maskviz.engine import arguments, compiling

if TYPE_CHECKING:
    from maskviz.engine.recorder import RecordedCall

Given = Sequence[tuple["arguments.Path", Any]]


def graph_nodes(operation: Any) -> list[Any] | None:
    """Nodes of a Functional (or Sequential) container in the order in which they run, None for other operations."""
    functional = getattr(operation, "_functional", None) or operation
    depths = getattr(functional, "_nodes_by_depth", None)
    if depths is None:
        return None
    return [n for depth in sorted(depths, reverse=True) for n in depths[depth] if n.operation is not None and not n.is_input]


class _Frame:
    """One open container: its nodes still to run and the calls that ran them."""

    def __init__(self, call: RecordedCall) -> None:
        self.call = call
        functional = getattr(call.operation, "_functional", None) or call.operation
        nodes = graph_nodes(call.operation)
        self.nodes: Iterator[Any] = iter(nodes or ())
        self.input_ids = [id(t) for t in getattr(functional, "_inputs", ())] if nodes is not None else []
        self.ran: dict[tuple[int, int], RecordedCall] = {}

    def next_node(self, operation: Any) -> Any:
        """The node that a call of ``operation`` runs now, None outside Functional containers."""
        return next((n for n in self.nodes if n.operation is operation), None)

    def source(self, tensor: Any) -> tuple[str, ...]:
        """The source of a symbolic tensor of this container's graph."""
        if id(tensor) in self.input_ids:
            position = self.input_ids.index(id(tensor))
            return self.call.sources[position] if position < len(self.call.sources) else ()
        operation, node_index, output = tensor._keras_history
        made = self.ran.get((id(operation), node_index))
        return (made.ref(output),) if made is not None else ()


class Sources:
    """Resolves sources while a pass is recorded. ``input_names`` maps ``id(tensor)`` of the network's inputs to their names."""

    def __init__(self, input_names: dict[int, str]) -> None:
        self._made: dict[int, str] = dict(input_names)
        self._alive: list[Any] = []
        self._bools: set[int] = set()
        self._frames: list[_Frame] = []

    def enter(self, call: RecordedCall) -> None:
        self._frames.append(_Frame(call))

    def leave(self, call: RecordedCall) -> None:
        self._frames.pop()

    def made(self, call: RecordedCall) -> None:
        """Note the outputs of a call that ended. Kept alive: the id of a freed tensor would be given to another."""
        if call.parent is None:
            return
        for number, tensor in enumerate(call.outputs):
            self._made[id(tensor)] = call.ref(number)
            if compiling.is_bool(tensor):
                self._bools.add(id(tensor))
            self._alive.append(tensor)

    def knows(self, tensor: Any) -> bool:
        """Whether a call put out this very tensor, or it is an input of the network."""
        return id(tensor) in self._made

    def resolve(self, call: RecordedCall, given: Given, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Fill ``call.sources`` (one tuple per data input) and ``call.mask_sources`` from the tensors it was given."""
        symbolic = self._symbolic(call) if self._frames else {}
        for path, leaf in given:
            found = self._frames[-1].source(symbolic[path]) if path in symbolic else ()
            if not found:
                found = self._by_object(leaf)
                if call.parent is not None:
                    call.parent.own_code |= not self.knows(leaf)
            if arguments.is_mask(path[0]):
                call.mask_sources.extend(found)
            else:
                call.sources.append(found)

    def _symbolic(self, call: RecordedCall) -> dict[arguments.Path, Any]:
        """Symbolic tensors of the node that this call runs, by the path of the argument."""
        frame = self._frames[-1]
        node = frame.next_node(call.operation)
        if node is None:
            return {}
        frame.ran[id(call.operation), call.operation._inbound_nodes.index(node)] = call
        leaves = arguments.leaves(call.operation, tuple(node.arguments.args), dict(node.arguments.kwargs))
        return {path: leaf for path, leaf in leaves if hasattr(leaf, "_keras_history")}

    def _by_object(self, tensor: Any) -> tuple[str, ...]:
        known = self._made.get(id(tensor))
        if known is not None:
            return (known,)
        # code that weighs data with a mask computes from the mask too, but what it puts out is the data
        return tuple(dict.fromkeys(self._made[i] for i in compiling.ancestors(tensor, self._made) if i not in self._bools))
