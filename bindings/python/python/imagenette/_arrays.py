"""What models give, whatever library they are of, as numpy arrays; and weights as a file."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._errors import SettingError


def array(value: Any, what: str) -> np.ndarray:
    """An array of any library, on any device, as one of numpy."""
    try:
        if hasattr(value, "detach"):  # PyTorch's: on a GPU, with a gradient or in bfloat16
            value = value.detach()
            value = (value.float() if value.is_floating_point() else value).cpu().numpy()
        found = np.asarray(value)
    except Exception as error:
        raise SettingError(
            f"{what}: expected an array, found {type(value).__name__} ({error})",
            hint="return what numpy, PyTorch or JAX calls an array or a tensor",
        ) from error
    if found.dtype.name == "bfloat16":
        found = found.astype(np.float32)
    if found.dtype.kind not in "biuf":
        raise SettingError(
            f"{what}: expected numbers, found {type(value).__name__} of {found.dtype}", hint="return logits or classes"
        )
    return found


def number(value: Any, what: str) -> float:
    """A number, or a tensor of one number, that is finite."""
    found = array(value, what)
    if found.size != 1:
        raise SettingError(
            f"{what}: expected one number, found an array of shape {found.shape}", hint="reduce it: `loss.mean()`"
        )
    known = float(found.reshape(()))
    if not np.isfinite(known):
        raise SettingError(
            f"{what}: expected a finite number, found {known}",
            found=str(known),
            hint="training has diverged: lower the learning rate, or warm up for longer",
        )
    return known


def is_torch_module(model: Any) -> bool:
    """Whether this is a `torch.nn.Module`, without loading PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def state_of(model: Any) -> dict[str, np.ndarray]:
    """The weights of a model: of its `state_dict`, or a mapping of names to arrays."""
    state = model.state_dict() if hasattr(model, "state_dict") else model
    if not isinstance(state, Mapping):
        raise SettingError(
            f"model: expected one with a state_dict, or a dictionary of arrays, found {type(model).__name__}",
            hint="pass `model=model`, or `model={'weight': array}`",
        )
    return {str(name): array(value, f"model: {name}") for name, value in state.items()}


_KINDS = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16"}
_KINDS |= {"int8": "I8", "uint8": "U8", "bool": "BOOL"}


def write_weights(path: Path, state: Mapping[str, np.ndarray]) -> str:
    """Writes weights as safetensors, complete or absent, and returns the file's sha256."""
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start, parts = 0, []
    for name, known in state.items():
        if known.dtype.name not in _KINDS:
            known = known.astype(np.float32)
        data = np.ascontiguousarray(known).tobytes()
        offsets = [start, start + len(data)]
        head[name] = {"dtype": _KINDS[known.dtype.name], "shape": list(known.shape), "data_offsets": offsets}
        start += len(data)
        parts.append(data)
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    unfinished = path.with_name(f".writing-{path.name}")
    digest = hashlib.sha256()
    with open(unfinished, "wb") as file:
        for part in (len(text).to_bytes(8, "little"), text, *parts):
            digest.update(part)
            file.write(part)
    os.replace(unfinished, path)
    return digest.hexdigest()
