"""Rows of test executions."""

from __future__ import annotations

import datetime
import json
from pathlib import PurePosixPath
from typing import Any, Dict, List

import pytest
from keys import RESULTS

from smoltrace.utils import flatten_results_for_hf


def execution(**fields: Any) -> Dict[str, Any]:
    return {
        "test_id": "a",
        "agent_type": "tool",
        "difficulty": "easy",
        "prompt": "p",
        "success": True,
        "tool_called": True,
        "correct_tool": True,
        "final_answer_called": True,
        "tools_used": ["t"],
        "steps": 2,
        "response": "r",
        **fields,
    }


def flatten_one(**fields: Any) -> Dict[str, Any]:
    (row,) = flatten_results_for_hf({"tool": [execution(**fields)]}, "m")
    return row


def test_recording(recording: Dict[str, Any], all_results: Dict[str, List[Dict[str, Any]]]) -> None:
    rows = flatten_results_for_hf(all_results, "openai/gpt-4.1-nano")
    assert [list(row) for row in rows] == [RESULTS] * 12
    by_uid = {row["test_case_uid"]: row for row in recording["results"]}
    # Ids may be written in full where the recording lost leading zeros.
    changed = {"evaluation_date", "trace_id", "span_id", "enhanced_trace_info"}
    for row in rows:
        expected = by_uid[row["test_case_uid"]]
        assert {k: v for k, v in row.items() if k not in changed} == {
            k: v for k, v in expected.items() if k not in changed
        }
        for name in ("trace_id", "span_id"):
            assert int(row[name], 16) == int(expected[name], 16)
        info = json.loads(row["enhanced_trace_info"])
        assert info["total_tokens"] == row["total_tokens"]


def test_date_is_now_in_utc() -> None:
    before = datetime.datetime.now(datetime.timezone.utc)
    date = datetime.datetime.fromisoformat(flatten_one()["evaluation_date"])
    assert before <= date <= datetime.datetime.now(datetime.timezone.utc)


@pytest.mark.parametrize("info", [None, "", "not json", {}, []])
def test_without_trace_info(info: Any) -> None:
    row = flatten_one(enhanced_trace_info=info)
    assert json.loads(row["enhanced_trace_info"]) == {}
    assert row["trace_id"] is None
    assert (row["execution_time_ms"], row["total_tokens"], row["cost_usd"]) == (0, 0, 0.0)


@pytest.mark.parametrize("as_text", [False, True])
def test_trace_info(as_text: bool) -> None:
    info = {
        "trace_id": "0x1f",
        "root_span_id": "0x2e",
        "duration_ms": 12.5,
        "total_tokens": 34,
        "cost_usd": 0.25,
    }
    row = flatten_one(enhanced_trace_info=json.dumps(info) if as_text else info)
    assert (int(row["trace_id"], 16), int(row["span_id"], 16)) == (0x1F, 0x2E)
    assert (row["execution_time_ms"], row["total_tokens"], row["cost_usd"]) == (12.5, 34, 0.25)
    own = flatten_one(enhanced_trace_info=info, trace_id="0x3d", span_id="0x4c")
    assert (int(own["trace_id"], 16), int(own["span_id"], 16)) == (0x3D, 0x4C)


def test_only_the_first_attempt_counts_for_pass_at_1() -> None:
    rows = flatten_results_for_hf(
        {
            "tool": [execution(success=False), execution(success=True)],
            "code": [execution(agent_type="code", success=True)],
        },
        "m",
    )
    assert [row["pass_at_1_passed"] for row in rows] == [False, None, True]
    assert [row["test_case_uid"] for row in rows] == ["tool:a", "tool:a", "code:a"]


def test_missing_keys_are_none() -> None:
    (row,) = flatten_results_for_hf({"tool": [{"test_id": "a", "agent_type": "tool"}]}, "m")
    assert list(row) == RESULTS
    assert (row["prompt"], row["success"], row["steps"]) == (None, None, None)


class Answer:
    def __str__(self) -> str:
        return "forty-two"


@pytest.mark.parametrize(
    "response, expected",
    [
        ("text", "text"),
        (42, 42),
        (2**63, 2**63),
        (1.5, 1.5),
        (True, True),
        (None, None),
        (("a", 1), ["a", 1]),
        ({"k": {1: None}}, {"k": {"1": None}}),
        (float("nan"), None),
        (Answer(), "forty-two"),
        (PurePosixPath("a/b"), "a/b"),
        ("\ud800", "\ufffd\ufffd\ufffd"),
    ],
)
def test_values_of_any_type(response: Any, expected: Any) -> None:
    row = flatten_one(response=response)
    assert row["response"] == expected
    assert type(row["response"]) is type(expected)


def test_nothing() -> None:
    assert flatten_results_for_hf({}, "m") == []
    assert flatten_results_for_hf({"tool": [], "code": []}, "m") == []


def test_input_is_left_alone(all_results: Dict[str, List[Dict[str, Any]]]) -> None:
    before = json.dumps(all_results)
    flatten_results_for_hf(all_results, "m")
    assert json.dumps(all_results) == before
