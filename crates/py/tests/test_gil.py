"""Other threads run while text is decoded."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any, Dict, List

import pytest

from smoltrace.utils import aggregate_gpu_metrics


@pytest.fixture
def no_switches() -> Any:
    """A thread gives up the GIL only where it releases it itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e6)
    yield
    sys.setswitchinterval(interval)


def test_gil_is_released_while_decoding(recording: Dict[str, Any], no_switches: None) -> None:
    content = json.dumps(recording["metrics"]["resourceMetrics"] * 200).encode("utf-8")

    def this_thread_ran_meanwhile() -> bool:
        state: List[str] = []

        def decode() -> None:
            state.append("decoding")
            aggregate_gpu_metrics(content)
            state.append("done")

        thread = threading.Thread(target=decode)
        thread.start()  # returns once this thread has the GIL again
        seen = list(state)
        thread.join()
        return seen == ["decoding"]

    # Were the GIL held, `decode` would always be done by the time this thread runs again.
    assert any(this_thread_ran_meanwhile() for _ in range(50))
