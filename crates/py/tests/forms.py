"""The forms in which the same metrics can be given."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Callable, Dict

Form = Callable[[Any, Path], Any]


def as_text(metrics: Any) -> bytes:
    return json.dumps(metrics).encode("utf-8")


def as_file(metrics: Any, folder: Path) -> Path:
    path = folder / "metrics.json"
    path.write_bytes(as_text(metrics))
    return path


def as_gzip(metrics: Any, folder: Path) -> Path:
    path = folder / "metrics.json.gz"
    path.write_bytes(gzip.compress(as_text(metrics)))
    return path


FORMS: Dict[str, Form] = {
    "objects": lambda metrics, folder: metrics,
    "path": as_file,
    "text path": lambda metrics, folder: str(as_file(metrics, folder)),
    "gzip path": as_gzip,
    "bytes": lambda metrics, folder: as_text(metrics),
    "gzip bytes": lambda metrics, folder: gzip.compress(as_text(metrics)),
    "bytearray": lambda metrics, folder: bytearray(as_text(metrics)),
    "memoryview": lambda metrics, folder: memoryview(as_text(metrics)),
}
