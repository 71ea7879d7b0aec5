"""The leaderboard row."""

from __future__ import annotations

import copy
import datetime
import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from conftest import RECORDING, each_case
from forms import FORMS, Form
from keys import LEADERBOARD, OURS

from smoltrace.utils import compute_leaderboard_row

Results = Dict[str, List[Dict[str, Any]]]


def execution(success: Any = True, **fields: Any) -> Dict[str, Any]:
    return {"test_id": "a", "agent_type": "tool", "success": success, "steps": 2, **fields}


def row_of(
    all_results: Any = None, trace_data: Any = (), metric_data: Any = None, **options: Any
) -> Dict[str, Any]:
    return compute_leaderboard_row(
        "openai/gpt-4.1-nano",
        all_results if all_results is not None else {"tool": [execution()], "code": []},
        trace_data,
        metric_data if metric_data is not None else {},
        "tasks.json",
        "results",
        "traces",
        "metrics",
        **options,
    )


def row_of_recording(recording: Dict[str, Any], all_results: Results, **options: Any) -> Dict[str, Any]:
    return row_of(
        all_results,
        recording["traces"],
        recording["metrics"],
        run_id=recording["metrics"]["run_id"],
        **options,
    )


def test_keys(recording: Dict[str, Any], all_results: Results) -> None:
    assert list(recording["leaderboard_row"]) == LEADERBOARD
    row = row_of_recording(recording, all_results)
    assert list(row) == LEADERBOARD + OURS
    assert list(row_of()) == LEADERBOARD + OURS


def test_two_gpu_recording(recording: Dict[str, Any], all_results: Results) -> None:
    row = row_of_recording(recording, all_results)
    expected = {
        "run_id": "5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11",
        "total_tests": 12,
        "successful_tests": 9,
        "failed_tests": 3,
        "success_rate": 75.0,
        "pass_at_1": 0.75,
        "avg_steps": 2.33,
        "total_tokens": 26002,
        "avg_tokens_per_test": 2166,
        "total_duration_ms": 34363.52,
        "co2_emissions_g": 1.8413,
        "co2_source": "reported",
        "power_cost_total_usd": 0.000465,
        "power_cost_source": "reported",
        "gpu_count": 2,
        "gpu_utilization_avg": 47.88,
        "gpu_utilization_max": 99,
        "gpu_memory_avg_mib": 20938.14,
        "gpu_memory_max_mib": 22739.69,
        "gpu_temperature_avg": 52.0,
        "gpu_temperature_max": 67,
        "gpu_power_avg_w": 229.21,
        "completed_tests": 12,
        "interrupted_tests": 0,
        "errored_tests": 1,
        "run_status": "completed",
    }
    assert {key: row[key] for key in expected} == expected
    assert row["total_prompt_tokens"] + row["total_completion_tokens"] == 26002
    assert (row["success_rate_ci_low"], row["success_rate_ci_high"]) == (46.77, 91.11)
    assert row["simulated"] is True
    assert 0.0 <= row["unattributed_co2_g"] <= 1.8413


def test_program_has_the_same_row(
    recording: Dict[str, Any], all_results: Results, smoltrace: Callable[..., str]
) -> None:
    smoltrace("import", RECORDING)
    theirs = json.loads(smoltrace("show", recording["metrics"]["run_id"], "--json"))["run"]
    ours = row_of_recording(recording, all_results)
    shared = [
        *["total_tests", "successful_tests", "failed_tests", "success_rate", "pass_at_1", "avg_steps"],
        *["avg_duration_ms", "total_duration_ms", "total_tokens", "avg_tokens_per_test"],
        *["total_cost_usd", "avg_cost_per_test_usd", "co2_emissions_g", "power_cost_total_usd"],
        *["gpu_utilization_avg", "gpu_utilization_max", "gpu_memory_avg_mib", "gpu_memory_max_mib"],
        *["gpu_temperature_avg", "gpu_temperature_max", "gpu_power_avg_w", "success_rate_ci_low"],
        *["success_rate_ci_high", "pass_at_k", "pass_hat_k", "wall_ms", "cost_source", "energy_wh"],
        *["energy_source", "co2_source", "power_cost_source", "gpu_count", "simulated"],
    ]
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}


def test_what_is_said_of_the_run_is_as_there(recording: Dict[str, Any], all_results: Results) -> None:
    theirs = recording["leaderboard_row"]
    row = row_of_recording(
        recording,
        all_results,
        hardware={key: theirs[key] for key in ("hardware", "hardware_detail", "hardware_scope")},
    )
    same = [
        "model",
        "agent_type",
        "provider",
        "submitted_by",
        "use_case",
        "team",
        "purpose",
        "suite_version",
        "hardware",
        "hardware_detail",
        "hardware_scope",
        "dataset_used",
        "total_tests",
        "success_rate",
        "pass_at_1",
        "pass_rule",
        "pass_attempts",
        "evaluated_prompts",
        "passed_prompts",
        "run_status",
        "run_stop_reason",
        "planned_tests",
        "task_timeout_s",
        "generation_settings",
    ]
    assert {key: row[key] for key in same} == {key: theirs[key] for key in same}


@each_case
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_vectors(case: Dict[str, Any], form: Form, tmp_path: Path) -> None:
    if "leaderboard" in case:
        row = row_of(metric_data=form(case["metrics"], tmp_path))
        assert {key: row[key] for key in case["leaderboard"]} == pytest.approx(case["leaderboard"])
    else:
        plain = row_of(metric_data=case["metrics"])
        other = row_of(metric_data=form(case["metrics"], tmp_path))
        assert {**other, "timestamp": None} == {**plain, "timestamp": None}


def test_metrics_by_path(recording: Dict[str, Any], all_results: Results) -> None:
    options = {"run_id": recording["metrics"]["run_id"]}
    by_path = row_of(all_results, recording["traces"], RECORDING / "metrics.json", **options)
    by_dict = row_of(all_results, recording["traces"], recording["metrics"], **options)
    assert {**by_path, "timestamp": None} == {**by_dict, "timestamp": None}


def test_order_of_arrival_changes_nothing(recording: Dict[str, Any], all_results: Results) -> None:
    plain = row_of_recording(recording, all_results)
    turned = copy.deepcopy(recording)
    turned["traces"].reverse()
    for trace in turned["traces"]:
        trace["spans"].reverse()
    turned["metrics"]["resourceMetrics"].reverse()
    other = row_of_recording(turned, all_results)
    assert {**other, "timestamp": None} == {**plain, "timestamp": None}


def test_traces_without_spans_keep_their_totals() -> None:
    traces = [
        {
            "trace_id": "0x1",
            "total_tokens": 100,
            "total_prompt_tokens": 90,
            "total_completion_tokens": 10,
            "total_duration_ms": 500.0,
            "total_cost_usd": 0.25,
        },
        {"trace_id": "0x2", "total_tokens": "50", "total_duration_ms": "250", "total_cost_usd": "0.5"},
        {"trace_id": "0x3", "total_tokens": None},
        {"trace_id": "0x4", "total_tokens": "many"},
    ]
    row = row_of(trace_data=traces)
    assert row["total_tokens"] == 150
    assert row["avg_tokens_per_test"] == 150
    assert row["total_prompt_tokens"] == 90
    assert row["total_completion_tokens"] == 10
    assert row["total_duration_ms"] == 750.0
    assert row["total_cost_usd"] == 0.75


def test_nothing_at_all() -> None:
    row = row_of({}, [], None)
    assert (row["total_tests"], row["successful_tests"], row["failed_tests"]) == (0, 0, 0)
    assert row["pass_at_1"] is None
    assert (row["co2_emissions_g"], row["co2_source"]) == (0, "none")
    assert (row["power_cost_total_usd"], row["power_cost_source"]) == (0, "none")
    assert row["gpu_power_avg_w"] is None


@pytest.mark.parametrize("agent_type, tests", [("both", 3), ("tool", 1), ("code", 2), ("other", 0)])
def test_agent_type_picks_executions(agent_type: str, tests: int) -> None:
    results = {
        "tool": [execution(test_id="a")],
        "code": [execution(test_id=id, agent_type="code") for id in "ab"],
    }
    assert row_of(results, agent_type=agent_type)["total_tests"] == tests


def test_interrupted_executions_are_left_out() -> None:
    results = {
        "tool": [
            execution(test_id="a"),
            execution(test_id="b", success=False, stop_reason="timeout"),
            execution(test_id="c", success=False, stop_reason="max_steps"),
            execution(test_id="d", success=False, stop_reason="error"),
            execution(test_id="e", success=False, stop_reason="run_stopped"),
        ]
    }
    row = row_of(results, run_state={"planned_tests": 7, "stopped": True})
    expected = {
        "total_tests": 4,
        "successful_tests": 1,
        "failed_tests": 3,
        "success_rate": 25.0,
        "planned_tests": 7,
        "completed_tests": 4,
        "interrupted_tests": 1,
        "timed_out_tests": 1,
        "max_steps_tests": 1,
        "errored_tests": 1,
        "run_status": "partial",
        "run_stop_reason": "deadline",
    }
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize(
    "run_state, results, status, reason",
    [
        (None, [execution()], "completed", "completed"),
        ({"stopped": False}, [execution()], "completed", "completed"),
        ({"stopped": True, "stop_reason": "sigterm"}, [execution()], "partial", "sigterm"),
        ({"stopped": True}, [], "failed", "deadline"),
    ],
)
def test_run_state(run_state: Any, results: Any, status: str, reason: str) -> None:
    row = row_of({"tool": results}, run_state=run_state)
    assert (row["run_status"], row["run_stop_reason"]) == (status, reason)


def test_generation_settings() -> None:
    settings = {"requested": {"temperature": 0.5}, "applied": {}, "not_applied": {"seed": "no"}}
    row = row_of(run_state={"generation_settings": settings})
    assert json.loads(row["generation_settings"]) == settings
    assert row_of(run_state={"generation_settings": {"requested": {}}})["generation_settings"] is None


def test_timeouts() -> None:
    row = row_of(task_timeout=60.0, request_timeout=5, tool_timeout=None)
    assert (row["task_timeout_s"], row["request_timeout_s"], row["tool_timeout_s"]) == (60.0, 5, None)


@pytest.mark.parametrize(
    "given, expected",
    [(None, None), ("", None), ("  ", None), ("Customer Support", "customer-support"), ("v1.2_β", "v1-2")],
)
def test_grouping_values(given: Any, expected: Any) -> None:
    row = row_of(use_case=given, team=given, suite_version=given)
    assert (row["use_case"], row["team"], row["suite_version"]) == (expected,) * 3


@pytest.mark.parametrize(
    "given, expected",
    [(None, None), ("", None), (" ", None), ("Regression", "regression"), (" monitoring ", "monitoring")],
)
def test_purpose(given: Any, expected: Any) -> None:
    assert row_of(purpose=given)["purpose"] == expected


def test_submitted_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "not a token")
    assert row_of()["submitted_by"] == "unknown"
    assert row_of(submitted_by="someone")["submitted_by"] == "someone"


def test_timestamp_is_now_in_utc() -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    timestamp = datetime.datetime.fromisoformat(row_of()["timestamp"])
    assert before <= timestamp <= datetime.datetime.now(datetime.timezone.utc)


def test_run_id_stays_as_given() -> None:
    assert row_of()["run_id"] is None
    assert row_of(run_id="mine")["run_id"] == "mine"
