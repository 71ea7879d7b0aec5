"""What the tests share: the recordings, the vectors and the program."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
RECORDING = FIXTURES / "smoltrace_run_two_gpus"
VECTORS: Dict[str, Any] = json.loads((FIXTURES / "vectors" / "metrics.json").read_text("utf-8"))
TOLERANCE: float = VECTORS["tolerance"]
CASES: List[Dict[str, Any]] = VECTORS["cases"]

each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


@pytest.fixture(scope="session")
def recording() -> Dict[str, Any]:
    """The files of the two-GPU recording, by stem."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in RECORDING.glob("*.json")}


@pytest.fixture(scope="session")
def all_results(recording: Dict[str, Any]) -> Dict[str, List[Dict[str, Any]]]:
    """The recording's executions in the form in which an evaluation hands them over."""
    grouped: Dict[str, List[Dict[str, Any]]] = {"tool": [], "code": []}
    for row in recording["results"]:
        grouped[row["agent_type"]].append({**row, "test_id": row["task_id"]})
    return grouped


@pytest.fixture(scope="session")
def smoltrace(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs the program with a data directory of its own; returns what it printed."""
    program = os.environ.get("SMOLTRACE_BIN")
    if not program:
        pytest.skip("SMOLTRACE_BIN does not name the smoltrace program")
    data_dir = tmp_path_factory.mktemp("data")

    def run(*arguments: object, stdin: bytes = b"") -> str:
        done = subprocess.run(
            [program, "--data-dir", str(data_dir), *map(str, arguments)],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout.decode("utf-8")

    return run
