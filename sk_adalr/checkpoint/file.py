"""Checkpoint files, written atomically: a checksum, a description in JSON, and arrays."""

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from sk_adalr.backends import fitted_array

_MAGIC = b"sk_adalr checkpoint 1\n"


def write(path: Path, content: dict[str, Any], beside: Path | None = None) -> None:
    """Write builtin containers of numbers, strings and arrays, so that a crash leaves the old file or the new one.

    The new file is written to `beside`, by default `path` with ".new" appended, and then renamed to `path`.
    """
    arrays: dict[str, np.ndarray] = {}
    description = json.dumps(_pack(content, arrays))
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, description=np.array(description), **arrays)
    beside = path.with_name(path.name + ".new") if beside is None else beside
    with open(beside, "wb") as file:
        file.write(_MAGIC + hashlib.sha256(body.getbuffer()).digest())
        file.write(body.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    if hasattr(os, "O_DIRECTORY"):  # the new name is on the disk only after the folder is synchronised
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path: Path) -> dict[str, Any]:
    """Return the content that `write` stored.

    Raises
    ------
    ValueError
        If the file is damaged, or not a checkpoint of this format.
    """
    raw = path.read_bytes()
    start = len(_MAGIC) + hashlib.sha256().digest_size
    body = raw[start:]
    if raw[:start] != _MAGIC + hashlib.sha256(body).digest():
        raise ValueError(
            f"The file {str(path)!r} is damaged, or no checkpoint of this version of sk_adalr: its checksum is wrong. "
            "Delete it to train from the start, or put a copy of it back."
        )
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return _unpack(json.loads(str(arrays["description"])), arrays)


def _pack(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return `value` in a form that JSON can store, with its arrays moved into `arrays`."""
    if isinstance(value, dict):
        return {"dict": {key: _pack(entry, arrays) for key, entry in value.items()}}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_pack(entry, arrays) for entry in value]}
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.hasobject:  # names and labels
            return {"objects": value.tolist()}
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, np.ndarray) else "scalar": name}
    if hasattr(value, "__dlpack_device__"):  # an array of the user's library; the end of the fit converts back to it
        return _pack(fitted_array(value), arrays)
    return value


def _unpack(value: Any, arrays: Any) -> Any:
    """Return the value that `_pack` converted."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {key: _unpack(entry, arrays) for key, entry in content.items()}
    if kind in ("list", "tuple"):
        entries = [_unpack(entry, arrays) for entry in content]
        return tuple(entries) if kind == "tuple" else entries
    if kind == "objects":
        return np.array(content, dtype=object)
    return arrays[content] if kind == "array" else arrays[content][()]
