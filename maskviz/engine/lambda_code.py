"""Code that Lambda layers carry in a file: whether this Python can run it, and the function it makes. Called only with consent."""

from __future__ import annotations

import base64
import binascii
import builtins
import dis
import keyword
import marshal
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

from keras.src.utils import python_utils

from maskviz.core.errors import UnusableInput
from maskviz.core.words import listed

FIRST = ("RESUME", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR")
"""What compiled functions begin with, in Python 3.11 and later."""


def check(config: Any, layer: str = "a layer") -> None:
    """Refuses code that would not run: of another Python version, or with names from the script it was written in.

    Raises UnusableInput with what to do instead.
    """
    for text, name in _pieces(config, layer):
        lost = sorted(set(_globals(_code(text, name))) - set(vars(builtins)) - set(python_utils.func_load.__globals__))
        if lost:
            raise UnusableInput(f"The code in {name} uses {listed(lost)}, which the file does not bring along: {_anew(name)}.")


def function_of(config: Mapping[str, Any]) -> types.FunctionType:
    """The function of a serialized lambda. Raises UnusableInput for code of another Python version."""
    code = _code(config["code"], "a Lambda")
    defaults = config.get("defaults")
    return types.FunctionType(code, {"__builtins__": builtins}, "<lambda>", tuple(defaults) if defaults else None)


def _pieces(value: Any, layer: str) -> Iterator[tuple[str, str]]:
    """Every marshalled function in a config, with the layer it belongs to."""
    if isinstance(value, list):
        for item in value:
            yield from _pieces(item, layer)
    elif isinstance(value, Mapping):
        config = value.get("config")
        if value.get("class_name") == "__lambda__":
            text = config.get("code") if isinstance(config, Mapping) else value.get("value")
            if isinstance(text, str):
                yield text, layer
            return
        if isinstance(config, Mapping) and isinstance(config.get("name"), str):
            layer = config["name"]
        for item in value.values():
            yield from _pieces(item, layer)


def _code(text: str, layer: str) -> types.CodeType:
    try:
        code = marshal.loads(_raw(text))  # noqa: S302 - the user has allowed the code to run
    except (ValueError, EOFError, TypeError, MemoryError):
        code = None
    if not isinstance(code, types.CodeType) or not _runs_here(code):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise UnusableInput(
            f"The code in {layer} was saved by another version of Python and cannot run in Python {version}: {_anew(layer)}."
        )
    return code


def _anew(layer: str) -> str:
    """What to do about code that cannot run; a layer's name may be none that a Python function can have, as "lambda" is."""
    name = f"named {layer} in a Python file"
    if not layer.isidentifier() or keyword.iskeyword(layer):
        name = f'in a Python file with CUSTOM_OBJECTS = {{"{layer}": function}}'
    return f"write it anew as a function {name} and choose that file (--custom FILE.py)"


def _globals(code: types.CodeType) -> Iterator[str]:
    """Names that a function takes from around it."""
    yield from (str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _globals(inner)


def _raw(text: str) -> bytes:
    """The marshalled bytes: base64 in lines, or as they are in files of Keras 2.0."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text.encode("latin-1", errors="replace")


def _runs_here(code: types.CodeType) -> bool:
    """Whether every instruction exists here, where this Python expects one."""
    instructions = [instruction.opname for instruction in dis.get_instructions(code)]
    if not instructions or instructions[0] not in FIRST or any(name.startswith("<") or name == "CACHE" for name in instructions):
        return False
    return all(_runs_here(inner) for inner in code.co_consts if isinstance(inner, types.CodeType))
