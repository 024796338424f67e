"""TensorFlow functions in a functional network of Keras 2 (``TFOpLambda``, ``SlicingOpLambda``) as operations of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Modern = tuple[str, dict[str, Any], list[Any]]
"""Class name of the operation, its own settings, and the arguments of the call."""

_TWO = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.divide": "TrueDivide",
    "math.truediv": "TrueDivide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.pow": "Power",
    "math.equal": "Equal",
    "__operators__.eq": "Equal",
    "math.not_equal": "NotEqual",
    "__operators__.ne": "NotEqual",
    "math.greater": "Greater",
    "math.greater_equal": "GreaterEqual",
    "math.less": "Less",
    "math.less_equal": "LessEqual",
    "math.logical_and": "LogicalAnd",
    "math.logical_or": "LogicalOr",
    "linalg.matmul": "Matmul",
}
_ONE = {
    "identity": "Identity",
    "math.abs": "Absolute",
    "math.negative": "Negative",
    "math.exp": "Exp",
    "math.log": "Log",
    "math.sqrt": "Sqrt",
    "math.square": "Square",
    "math.sin": "Sin",
    "math.cos": "Cos",
    "math.tanh": "Tanh",
    "math.sigmoid": "Sigmoid",
    "math.logical_not": "LogicalNot",
    "nn.relu": "Relu",
    "nn.gelu": "Gelu",
}
_REDUCE = {
    "math.reduce_sum": "Sum",
    "math.reduce_mean": "Mean",
    "math.reduce_max": "Max",
    "math.reduce_min": "Min",
    "math.reduce_any": "Any",
    "math.reduce_all": "All",
}


def modern(function: str, inputs: list[Any], keywords: Mapping[str, Any]) -> Modern | None:
    """The operation for a TensorFlow function and its call, None where there is no exact counterpart."""
    function = function.removeprefix("tf.").removeprefix("compat.v1.")
    given = {key: value for key, value in keywords.items() if key != "name" and value is not None}
    first = inputs[0] if len(inputs) == 1 else inputs
    if function in _TWO and set(given) <= {"y", "b"} and len(given) + len(inputs) == 2:
        return _TWO[function], {}, [*inputs, *given.values()]
    if function in _ONE and not given:
        return _ONE[function], {}, [first]
    if function in _REDUCE and set(given) <= {"axis", "keepdims"}:
        return _REDUCE[function], given, [first]
    match function, given:
        case "cast", {"dtype": str()}:
            return "Cast", {"dtype": given["dtype"]}, [first]
        case "expand_dims", {"axis": int()}:
            return "ExpandDims", {"axis": given["axis"]}, [first]
        case "squeeze", _ if set(given) <= {"axis"}:
            return "Squeeze", given, [first]
        case (("concat" | "stack"), {"axis": int()}):
            return "Concatenate" if function == "concat" else "Stack", {"axis": given["axis"]}, [inputs]
        case "reshape", {"shape": list() as shape} if all(type(n) is int for n in shape):
            return "Reshape", {"newshape": shape}, [first]
        case "transpose", {"perm": list() as order}:
            return "Transpose", {"axes": order}, [first]
        case "nn.softmax", _ if set(given) <= {"axis"}:
            return "Softmax", {"axis": given.get("axis", -1)}, [first]
        case "__operators__.getitem", {"slice_spec": spec}:
            parts = spec if isinstance(spec, list) else [spec]
            return "GetItem", {}, [first, [_part(part) for part in parts]]
    return None


def _part(part: Any) -> Any:
    if isinstance(part, Mapping) and set(part) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": dict(part)}
    if part == "..." or (isinstance(part, Mapping) and part.get("class_name") == "__ellipsis__"):
        return {"class_name": "__ellipsis__", "config": {}}
    return part
