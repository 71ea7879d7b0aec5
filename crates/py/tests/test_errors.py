"""Bad input raises the right exception, naming the place and what was expected there."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from smoltrace.utils import (
    aggregate_gpu_metrics,
    compute_leaderboard_row,
    flatten_metrics_for_hf,
    flatten_results_for_hf,
)


def metrics(point: Any) -> Any:
    return [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [point]}}]}]}]


POINT = r"resource_metrics\[0\]\.scopeMetrics\[0\]\.metrics\[0\]\.gauge\.dataPoints\[0\]"


@pytest.mark.parametrize(
    "argument, message",
    [
        (["x"], r"resource_metrics\[0\]: expected a dict, got 'x' \(str\)"),
        ([{}, 5], r"resource_metrics\[1\]: expected a dict, got 5 \(int\)"),
        ({"resourceMetrics": 1}, r"resource_metrics\.resourceMetrics: expected a list, got 1 \(int\)"),
        ({"resourceMetrics": [None]}, r"resource_metrics\.resourceMetrics\[0\]: expected a dict, got None"),
        ([{"scopeMetrics": {}}], r"resource_metrics\[0\]\.scopeMetrics: expected a list"),
        ([{"resource": []}], r"resource_metrics\[0\]\.resource: expected a dict"),
        (metrics(1), POINT + r": expected a dict"),
        (metrics({"asInt": "many"}), POINT + r"\.asInt: expected a number, got 'many' \(str\)"),
        (metrics({"asDouble": []}), POINT + r"\.asDouble: expected a number"),
        (metrics({"asInt": 1, "timeUnixNano": "noon"}), POINT + r"\.timeUnixNano: expected Unix nano"),
        (metrics({"asInt": 1, "timeUnixNano": -1}), POINT + r"\.timeUnixNano: expected Unix nano"),
        (metrics({"asInt": 1, "timeUnixNano": 2**63}), POINT + r"\.timeUnixNano: expected Unix nano"),
        (metrics({"asInt": 1, "attributes": 3}), POINT + r"\.attributes: expected a dict"),
        (metrics({"asInt": 1, "attributes": [3]}), POINT + r"\.attributes\[0\]: expected a dict"),
    ],
)
def test_wrong_objects(argument: Any, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message):
        aggregate_gpu_metrics(argument)


@pytest.mark.parametrize("argument", [5, 1.5, object(), True, {1, 2}, iter([])])
def test_wrong_arguments(argument: Any) -> None:
    with pytest.raises(TypeError, match="^resource_metrics: expected a dict, a list, a path or bytes"):
        aggregate_gpu_metrics(argument)
    with pytest.raises(TypeError, match="^metric_data: expected a dict, a list, a path or bytes"):
        flatten_metrics_for_hf(argument)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"resourceMetrics": [',
        b'{"resourceMetrics": 5}',
        b"[" * 100_000,
        b"\x00\xff" * 100,
        b"not json",
        gzip.compress(b'{"resourceMetrics": [')[:-4],
    ],
    ids=["empty", "truncated", "wrong type", "deep", "binary", "text", "cut gzip"],
)
def test_bad_content(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as from_bytes:
        aggregate_gpu_metrics(content)
    assert str(from_bytes.value)
    path = tmp_path / "metrics.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="metrics.json"):
        aggregate_gpu_metrics(path)


def test_points_of_a_text_that_cannot_be_read_are_left_out() -> None:
    content = json.dumps(metrics({"asInt": "many"})).replace('"m"', '"gen_ai.gpu.power"').encode()
    with pytest.warns(UserWarning, match="^resource_metrics: 1 point could not be read") as warned:
        assert aggregate_gpu_metrics(content)["power_avg"] is None
    assert [warning.filename for warning in warned] == [__file__]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none.json") as error:
        aggregate_gpu_metrics(tmp_path / "none.json")
    assert error.value.filename == str(tmp_path / "none.json")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValueError), match=tmp_path.name):
        aggregate_gpu_metrics(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read any file")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes(b"{}")
    path.chmod(0)
    with pytest.raises(PermissionError, match="metrics.json"):
        aggregate_gpu_metrics(path)


def test_wrong_results() -> None:
    with pytest.raises(ValueError, match=r"^all_results\.tool: expected a list, got 5 \(int\)"):
        flatten_results_for_hf({"tool": 5}, "m")  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"^all_results\.tool\[1\]: expected a dict, got 'x' \(str\)"):
        flatten_results_for_hf({"tool": [{}, "x"]}, "m")  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"^all_results: expected a dict"):
        flatten_results_for_hf([], "m")  # type: ignore[arg-type]


def test_results_that_contain_themselves() -> None:
    row: Any = {"test_id": "a"}
    row["response"] = [row]
    with pytest.raises(ValueError, match=r"^all_results\.tool\[1\]\.response.*levels deep"):
        flatten_results_for_hf({"tool": [{"test_id": "b"}, row]}, "m")
    row["enhanced_trace_info"] = row
    with pytest.raises(ValueError, match=r"^all_results\.tool\[0\]\.enhanced_trace_info.*levels deep"):
        flatten_results_for_hf({"tool": [row]}, "m")


def test_exceptions_of_the_caller_pass_through() -> None:
    class Broken:
        def __fspath__(self) -> str:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        aggregate_gpu_metrics(Broken())  # type: ignore[arg-type]


def test_results_without_a_test_id() -> None:
    with pytest.raises(KeyError, match="test_id"):
        flatten_results_for_hf({"tool": [{"test_id": "a"}, {"agent_type": "tool"}]}, "m")


@pytest.mark.parametrize("purpose", ["shopping", "regression!", "selection, monitoring"])
def test_invalid_purpose(purpose: str) -> None:
    with pytest.raises(ValueError, match="monitoring, regression, selection"):
        compute_leaderboard_row("m", {}, [], {}, "d", "r", "t", "m", purpose=purpose)
