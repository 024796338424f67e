"""A copy of a functional or sequential network, made by calling anew what the network calls, with some calls made otherwise.

The network itself is only read. Layers are made from their configs and given the weights, so that a copy can be saved and loaded like any
other network. Every call is numbered as in a trace.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import layers, tree

from maskviz.core.errors import UnusableInput
from maskviz.engine import arguments
from maskviz.engine.recorder import lasting_name, mask_of


class CannotRepair(UnusableInput):
    """A repair that cannot be made by changing a copy; the sentence says why."""


@dataclass
class Site:
    """One call in the making: the network's own ``operation``, and the arguments it gets in the copy."""

    copy: Copy
    id: str
    operation: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    gives_output: bool

    @property
    def name(self) -> str:
        return lasting_name(self.operation)

    @property
    def data(self) -> Any:
        """The first tensor it is given. Raises CannotRepair when it is given none."""
        if not self.tensors:
            raise CannotRepair(f"'{self.name}' is not called on a tensor.")
        return self.tensors[0]

    @property
    def tensors(self) -> list[Any]:
        """All tensors it is given but masks."""
        return [x for x in tree.flatten(self.without_masks) if isinstance(x, keras.KerasTensor)]

    @property
    def without_masks(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Its arguments but masks."""
        return self.args, {k: v for k, v in self.kwargs.items() if not arguments.is_mask(k)}

    def run(self, *args: Any, within: bool = False, changes: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        """Call a copy of the operation, on its own arguments unless others are given. ``within``: the result goes on being changed, so
        that another layer is to bear the name by which the network's output is known. ``changes`` are made to its config."""
        args, kwargs = (args, kwargs) if args or kwargs else (self.args, self.kwargs)
        name = f"{self.name}_inside" if within and self.gives_output else None
        made = self.copy.clone(self.operation, self.id, name, changes or {})
        return self.copy.note(made(*args, **kwargs))

    def last_name(self, what: str) -> str:
        """The name for the layer that is put behind this call."""
        return self.name if self.gives_output else self.copy.fresh(f"{self.name}_{what}")

    def mask(self, tensor: Any) -> Any:
        """The mask of a tensor ``(batch, time)``, as a tensor of the graph. Raises CannotRepair when there is none."""
        mask = self.copy.masks.get(id(tensor), mask_of(tensor))
        if mask is None:
            raise CannotRepair(
                f"no mask reaches '{self.name}' that could be used: mend what comes before it first, or outside its nested network."
            )
        if len(mask.shape) != 2:
            raise CannotRepair(f"the mask that reaches '{self.name}' has {len(mask.shape)} axes, not two.")
        return mask


Surgery = Callable[[Site], Any]
"""Makes a call of the copy otherwise, and returns its outputs."""


@dataclass
class Copy:
    """The making of one copy. ``surgeries`` are by call id; ``inputs`` change what stands for an input of the network from there on;
    ``any_length`` names inputs that are to take any number of steps."""

    surgeries: Mapping[str, Surgery]
    inputs: Mapping[str, Surgery]
    any_length: frozenset[str] = frozenset()
    masks: dict[int, Any] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    _clones: dict[int, Any] = field(default_factory=dict)
    _originals: list[Any] = field(default_factory=list)
    _kept: list[Any] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def make(self, network: keras.Model) -> keras.Model:
        """The copy, with weights and compiled alike. Raises CannotRepair where a network or layer cannot be copied."""
        functional = functional_of(network)
        scope = {
            type(layer).__name__: type(layer) for layer in network._flatten_layers() if not type(layer).__module__.startswith("keras.")
        }
        with warnings.catch_warnings(), keras.saving.CustomObjectScope(scope):
            warnings.simplefilter("ignore")
            made = self._network(network, functional, "")
            self._copy_weights()
            compile_like(made, network)
        return made

    def _network(self, network: keras.Model, functional: Any, prefix: str) -> keras.Model:
        self._names |= {layer.name for layer in network._flatten_layers()}
        inputs = tree.map_structure(lambda x: keras.Input(batch_shape=self._shape(x, prefix), dtype=x.dtype, name=x.name), functional.input)
        given = {}
        for tensor in tree.flatten(inputs):
            name = tensor.name
            if not prefix and name in self.inputs:
                site = Site(self, name, tensor._keras_history.operation, (tensor,), {}, False)
                given[id(tensor)] = self.note(self.inputs[name](site))
                self.done.add(name)
        outputs_of = {id(x._keras_history.operation) for x in functional.outputs}
        made = {id(old): given.get(id(new), new) for old, new in zip(functional.inputs, tree.flatten(inputs), strict=True)}
        counts: dict[str, int] = {}
        for depth in sorted(functional._nodes_by_depth, reverse=True):
            for node in functional._nodes_by_depth[depth]:
                if node.is_input or any(id(x) not in made for x in node.input_tensors):
                    continue
                name = lasting_name(node.operation)
                counts[name] = counts.get(name, -1) + 1
                number = f":{counts[name]}" if counts[name] else ""
                args, kwargs = node.arguments.fill_in(made)
                kwargs = {k: self._masks_here(node, k, v, made) if _filled_in_by_keras(node, k) else v for k, v in kwargs.items()}
                site = Site(self, f"{prefix}{name}{number}", node.operation, args, kwargs, id(node.operation) in outputs_of)
                made |= {id(old): new for old, new in zip(node.outputs, tree.flatten(self._call(site)), strict=True)}
        outputs = tree.pack_sequence_as(functional._outputs_struct, [made[id(x)] for x in functional.outputs])
        kind = type(network) if prefix == "" and _is_constructed_alike(network) else keras.Model
        return kind(inputs, outputs, name=network.name)

    def _masks_here(self, node: Any, name: str, masks: Any, made: Mapping[int, Any]) -> Any:
        """The masks that a call's tensors have in the copy, in place of those that Keras handed on when the network was built.

        They are handed on again: left to be found in the run, they would be gone where attention strips them.
        """
        own = [(mask_of(x), mask_of(made[id(x)])) for x in node.input_tensors if id(x) in made]

        def here(before: Any, mask: Any) -> Any:
            return next((now for was, now in own if before is not None and now is not None and _computed_alike(before, was)), mask)

        return tree.map_structure(here, node.arguments.kwargs[name], masks)

    def _shape(self, tensor: Any, prefix: str) -> tuple[int | None, ...]:
        free = self.any_length and (prefix or tensor.name in self.any_length) and len(tensor.shape) > 2 - (not prefix)
        return (tensor.shape[0], None, *tensor.shape[2:]) if free else tensor.shape

    def _call(self, site: Site) -> Any:
        surgery = self.surgeries.get(site.id)
        if surgery is None:
            return site.run()
        self.done.add(site.id)
        return self.note(surgery(site))

    def clone(self, operation: Any, call_id: str, name: str | None, changes: Mapping[str, Any]) -> Any:
        """A layer or operation made from the config of another, once for all its calls."""
        if id(operation) in self._clones:
            return self._clones[id(operation)]
        if isinstance(operation, (keras.Sequential, keras.Model)):
            made: Any = self._network(operation, functional_of(operation), f"{call_id.partition(':')[0]}/")
        else:
            made = _made_again(operation, {**({"name": name} if name else {}), **changes})
            self._originals.append((operation, made))
        self._clones[id(operation)] = made
        return made

    def note(self, result: Any) -> Any:
        """Remember the masks of what a call made: attention strips them from the tensors later."""
        for tensor in tree.flatten(result):
            self._kept.append(tensor)  # ids are told apart only while the tensors live
            if mask_of(tensor) is not None:
                self.masks[id(tensor)] = mask_of(tensor)
        return result

    def fresh(self, name: str) -> str:
        """A name that no layer of the network has."""
        free, number = name, 1
        while free in self._names:
            free, number = f"{name}_{number}", number + 1
        self._names.add(free)
        return free

    def _copy_weights(self) -> None:
        for old, new in self._originals:
            if not isinstance(old, keras.Layer):
                continue
            if hasattr(old, "save_assets"):
                with tempfile.TemporaryDirectory() as folder:
                    old.save_assets(folder)
                    new.load_assets(folder)
            states = [tree.flatten(getattr(layer, "states", None)) for layer in (old, new)]
            for a, b in [*zip(old.variables, new.variables, strict=True), *zip(*states, strict=True)]:
                if isinstance(b, keras.Variable):
                    b.assign(a)
            for layer in new._flatten_layers():
                if isinstance(layer, layers.Normalization):  # computes with what it makes of its variables when they are loaded
                    layer.finalize_state()


def _filled_in_by_keras(node: Any, name: str) -> bool:
    """Whether a mask argument is the mask of a tensor argument, which Keras fills in by itself: in a copy that mask may be another."""
    masks = tree.flatten(node.arguments.kwargs.get(name))
    if not arguments.is_mask(name) or not masks or name == "attention_mask":
        return False
    given = [*node.arguments.args, *(v for k, v in node.arguments.kwargs.items() if not arguments.is_mask(k))]
    if name == "mask" and sum(any(isinstance(x, keras.KerasTensor) for x in tree.flatten(v)) for v in given) > 1:
        return False  # beside an initial state, say, it is left out
    own = [mask_of(x) for x in node.input_tensors]
    return all(m is None or any(_computed_alike(m, other) for other in own) for m in masks)


def _computed_alike(a: Any, b: Any) -> bool:
    """Whether two tensors of a graph are the same, or made of the same by operations that are alike: a file holds masks as operations."""
    if a is b or not (isinstance(a, keras.KerasTensor) and isinstance(b, keras.KerasTensor)):
        return a is b
    (made_a, node_a, out_a), (made_b, node_b, out_b) = a._keras_history, b._keras_history
    if isinstance(made_a, keras.Layer) or isinstance(made_b, keras.Layer):
        return made_a is made_b and (node_a, out_a) == (node_b, out_b)
    if type(made_a) is not type(made_b) or out_a != out_b:
        return False
    before = [op._inbound_nodes[n].arguments for op, n in ((made_a, node_a), (made_b, node_b))]
    parts = [tree.flatten((x.args, x.kwargs)) for x in before]
    about = [{k: v for k, v in op.get_config().items() if k != "name"} for op in (made_a, made_b)]
    return (
        about[0] == about[1]
        and len(parts[0]) == len(parts[1])
        and all(_computed_alike(x, y) if isinstance(x, keras.KerasTensor) else x == y for x, y in zip(*parts, strict=True))
    )


def functional_of(network: Any) -> Any:
    """The graph of a network. Raises CannotRepair for one whose own code decides what is called."""
    graph = network._functional if isinstance(network, keras.Sequential) else network
    if not hasattr(graph, "_run_through_graph"):
        what = f"'{network.name}' ({type(network).__name__})"
        if isinstance(network, keras.Sequential):
            raise CannotRepair(f"{what} has not been built, so it has no graph that could be changed.")
        raise CannotRepair(f"the code of {what} decides what is called, and code is not changed: change it there.")
    return graph


def _is_constructed_alike(network: Any) -> bool:
    """Whether ``type(network)(inputs, outputs, name=…)`` makes a network of that class."""
    return (
        type(network).__init__ is keras.Model.__init__ and type(network) is not keras.Sequential and type(network).__module__[:5] != "keras"
    )


def _made_again(operation: Any, changes: Mapping[str, Any]) -> Any:
    try:
        if isinstance(operation, keras.layers.Lambda):
            about = {"output_shape": operation._output_shape, "mask": operation.mask, "arguments": operation.arguments}
            return keras.layers.Lambda(operation.function, **{**about, "name": operation.name, "dtype": operation.dtype_policy, **changes})
        made = type(operation).from_config({**operation.get_config(), **changes})
    except Exception as error:
        what = f"'{operation.name}' ({type(operation).__name__})"
        raise CannotRepair(f"{what} cannot be made again from its config, so the network cannot be copied.", str(error)) from error
    if isinstance(operation, keras.Layer) and not changes and made.supports_masking != operation.supports_masking:
        made.supports_masking = operation.supports_masking  # set from outside
    return made


def compile_like(copy: keras.Model, network: keras.Model) -> None:
    """Compile a copy as the network is, with an optimizer and metrics of its own."""
    if not network.compiled or not hasattr(network, "_compile_config"):
        return
    config = dict(network._compile_config.config)
    if isinstance(config.get("optimizer"), keras.optimizers.Optimizer):
        config["optimizer"] = config["optimizer"].from_config(config["optimizer"].get_config())

    def own(metric: Any) -> Any:
        return metric.from_config(metric.get_config()) if isinstance(metric, keras.metrics.Metric) else metric

    for name in ("metrics", "weighted_metrics"):
        config[name] = _mapped(own, config.get(name))
    copy.compile(**config)


def _mapped(change: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _mapped(change, v) for k, v in value.items()}
    return [_mapped(change, v) for v in value] if isinstance(value, (list, tuple)) else change(value)
