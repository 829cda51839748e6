"""`python -m imagenette`: the program."""

from __future__ import annotations

import os
import subprocess
import sys

from ._errors import ImagenetteError
from ._program import program


def main() -> int:
    """Runs the program with this process's arguments."""
    try:
        path = program()
    except ImagenetteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    arguments = [str(path), *sys.argv[1:]]
    if os.name != "nt":
        os.execv(path, arguments)
    return subprocess.call(arguments)


if __name__ == "__main__":
    sys.exit(main())
