"""The code of classes and functions that a script or notebook has defined, as a Python file that another process can run.

Only what is named is taken along, with what its source refers to; the script itself is not run again.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from maskviz.core.errors import UnusableInput

PLAIN = (bool, int, float, complex, str, bytes, type(None))


def source_file(objects: Mapping[str, Any]) -> str:
    """A Python file that defines ``objects`` and names them in ``CUSTOM_OBJECTS``.

    Raises UnusableInput for what has no source (typed into a plain prompt) or needs what surrounds it (defined inside a function).
    """
    writer = _Writer()
    for name, thing in objects.items():
        writer.add(name, thing)
    named = ", ".join(f"{name!r}: {name}" for name in objects)
    return "\n\n".join(["from __future__ import annotations", *writer.lines, *writer.parts, f"CUSTOM_OBJECTS = {{{named}}}"]) + "\n"


class _Writer:
    """Collects import lines and constants, and definitions with what they need before them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: list[str] = []
        self._known: set[str] = set()

    def add(self, name: str, thing: Any) -> None:
        """Make ``name`` mean ``thing`` in the file."""
        if name in self._known:
            return
        self._known.add(name)
        if isinstance(thing, ModuleType):
            self.lines.append(f"import {thing.__name__} as {name}")
        elif _is_plain(thing):
            self.lines.append(f"{name} = {thing!r}")
        elif inspect.isclass(thing) or inspect.isroutine(thing):
            self._add_definition(name, thing)
        # what else a source refers to (a fitted tokenizer, an open file) stays behind: most of it is not used by a forward pass

    def _add_definition(self, name: str, thing: Any) -> None:
        module, path = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
        own = getattr(thing, "__name__", name)
        if module not in (None, "__main__", "builtins") and "<locals>" not in path and hasattr(sys.modules.get(str(module)), own):
            self.lines.append(f"from {module} import {own} as {name}")
            return
        if "<locals>" in path:
            raise UnusableInput(f"‘{own}’ is defined inside a function, so it cannot be taken to the window: define it at the top level.")
        try:
            source = textwrap.dedent(inspect.getsource(thing))
        except (OSError, TypeError) as error:
            raise UnusableInput(f"The source of ‘{own}’ is not known: give the Python file that defines it, custom='FILE.py'.") from error
        around = vars(sys.modules[str(module)]) if module in sys.modules else {}
        for other in sorted(_names(source) - {own}):
            if other in around and not hasattr(builtins, other):
                self.add(other, around[other])
        self.parts.append(source.strip() if own == name else f"{source.strip()}\n\n{name} = {own}")


def _names(source: str) -> set[str]:
    """The names that a source reads."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _is_plain(thing: Any) -> bool:
    """Whether ``repr`` of a value gives it back."""
    if isinstance(thing, (list, tuple, set, frozenset)):
        return all(map(_is_plain, thing))
    if isinstance(thing, dict):
        return all(_is_plain(k) and _is_plain(v) for k, v in thing.items())
    return type(thing) in PLAIN
