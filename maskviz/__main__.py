"""``python -m maskviz`` and the ``maskviz`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run what a packed program starts of itself (the engine, the layout of graphs), else the command line; exits with its code."""
    match sys.argv[1:2]:
        case ["--maskviz-engine"]:
            from maskviz.engine.process import main as engine

            engine()
            return
        case ["--maskviz-layout"]:
            from maskviz.engine.layout_process import main as layout

            layout()
            return
    from maskviz.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
