"""The program `imagenette` that the wheel carries, for what it does itself: training, comparing, drawing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from ._errors import ImagenetteError, MissingError

#: Names another program than the one beside this package.
VARIABLE = "IMAGENETTE_PROGRAM"


def program() -> Path:
    """Where the program is: beside this environment's Python, else on the PATH."""
    name = "imagenette.exe" if os.name == "nt" else "imagenette"
    named = os.environ.get(VARIABLE)
    beside = [Path(sysconfig.get_path("scripts")) / name, Path(sys.executable).parent / name]
    user = sysconfig.get_path("scripts", f"{os.name}_user")
    beside.append(Path(user) / name)
    for path in [Path(named)] if named else beside:
        if path.is_file():
            return path
    found = None if named else shutil.which(name)
    if found is None:
        raise MissingError(
            f"the program `imagenette` is not there: {named or beside[0]}",
            path=named or str(beside[0]),
            hint=f"install the wheel, which carries it, or name one in {VARIABLE}",
        )
    return Path(found)


def run(arguments: Sequence[str], accepted: Sequence[int] = (0,), *, shown: bool = False) -> tuple[int, str]:
    """Runs the program and gives its exit status and what it printed. Ctrl-C reaches it, and is waited for."""
    command = [str(program()), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=None if shown else subprocess.PIPE, text=True
    ) as child:
        try:
            out, err = child.communicate()
        except BaseException:
            # On a terminal it has heard Ctrl-C itself; in a notebook it has not.
            child.terminate()
            child.wait()
            raise
    if child.returncode not in accepted:
        lines = [line for line in (err or "").splitlines() if line.strip()]
        message = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), None)
        hint = next((line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), None)
        said = message or (lines[-1] if lines else f"it ended with status {child.returncode}")
        raise ImagenetteError(f"imagenette {arguments[0]}: {said}", hint=hint)
    return child.returncode, out
