"""In what a loop of Python runs: libraries with their versions, the GPU, the source."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from . import _imagenette
from ._errors import MissingError

#: Libraries whose versions decide what a loop computes.
_LIBRARIES = ("torch", "torchvision", "jax", "jaxlib", "tensorflow", "numpy", "timm", "fastai")


def versions() -> dict[str, str]:
    """The versions of the libraries that are loaded."""
    known = {name: getattr(sys.modules[name], "__version__", None) for name in _LIBRARIES if name in sys.modules}
    found = {name: str(version) for name, version in known.items() if version is not None}
    return {"python": platform.python_version(), "imagenette": _imagenette.__version__, **found}


def device_name(device: Any) -> str:
    """The device in words: `cuda NVIDIA H200`, `cpu`."""
    torch = sys.modules.get("torch")
    kind = str(device) if device is not None else None
    if torch is not None and (kind or "cuda").startswith("cuda") and torch.cuda.is_available():
        return f"cuda {torch.cuda.get_device_name(kind if kind and ':' in kind else None)}"
    if kind is None and (jax := sys.modules.get("jax")) is not None:
        return str(jax.default_backend())
    return kind or "cpu"


def engine(known: dict[str, str]) -> tuple[str, str]:
    """Whose operations compute, and a hash of all versions that decide bits."""
    ops = next((f"{name} {known[name]}" for name in ("torch", "jax", "tensorflow") if name in known), "python")
    return ops, hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def commit(folder: Path) -> str | None:
    """The commit of a checkout, with `-dirty` when files had changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        revision = git("rev-parse", "HEAD")
        return f"{revision}-dirty" if revision and git("status", "--porcelain", "-uno") else revision or None
    except (OSError, subprocess.SubprocessError):
        return None


def source_of(named: str | os.PathLike[str] | None, frame: FrameType | None) -> tuple[str | None, str | None, bool]:
    """A loop's source: (name of the file, its text, whether it says which idea this is).

    Left out it is the file that calls; of a notebook the cells that were run, which grow and say nothing of the idea.
    """
    if named is not None:
        path = Path(named)
        if not path.is_file():
            raise MissingError(
                f"source not found: {path}", path=str(path), hint="pass `source=__file__`, or leave it out"
            )
        return path.name, path.read_text(encoding="utf-8", errors="replace"), True
    notebook = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if notebook is not None:
        cells = [str(cell) for cell in notebook.user_ns.get("In", []) if cell]
        return "notebook", "\n# next cell\n".join(cells), False
    file = frame.f_globals.get("__file__") if frame is not None else None
    if file is None or not Path(file).is_file():
        return None, None, False
    return Path(file).name, Path(file).read_text(encoding="utf-8", errors="replace"), True
