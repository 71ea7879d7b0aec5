"""Aggregates and rows of metrics, in every form in which metrics can be given."""

from __future__ import annotations

import collections
import json
import math
import random
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from conftest import RECORDING, TOLERANCE, each_case
from forms import FORMS, Form, as_file, as_text
from keys import AGGREGATES, METRICS

from smoltrace.utils import aggregate_gpu_metrics, flatten_metrics_for_hf

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())


def check(actual: Dict[str, Any], expected: Dict[str, Any]) -> None:
    assert list(actual) == AGGREGATES
    for key, value in expected.items():
        if value is None:
            assert actual[key] is None, key
        else:
            assert actual[key] == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE), key


def resource_metrics(*metrics: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [{"scopeMetrics": [{"metrics": list(metrics)}]}]


def gauge(*points: Dict[str, Any], name: str = "gen_ai.gpu.power") -> Dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": list(points)}}


@each_case
@each_form
def test_vectors(case: Dict[str, Any], form: Form, tmp_path: Path) -> None:
    metrics = form(case["metrics"], tmp_path)
    check(aggregate_gpu_metrics(metrics), case["aggregate"])
    rows = flatten_metrics_for_hf(metrics)
    if "rows" in case:
        assert len(rows) == case["rows"]
    for row in rows:
        assert list(row) == METRICS


@each_case
def test_vectors_of_bare_lists(case: Dict[str, Any]) -> None:
    check(aggregate_gpu_metrics(case["metrics"]["resourceMetrics"]), case["aggregate"])


@each_case
def test_forms_flatten_alike(case: Dict[str, Any], tmp_path: Path) -> None:
    rows = [flatten_metrics_for_hf(form(case["metrics"], tmp_path)) for form in FORMS.values()]
    assert all(other == rows[0] for other in rows)


@each_case
def test_vectors_through_the_program(
    case: Dict[str, Any], tmp_path: Path, smoltrace: Callable[..., str]
) -> None:
    path = as_file(case["metrics"], tmp_path)
    check(json.loads(smoltrace("aggregate", path)), case["aggregate"])
    check(json.loads(smoltrace("aggregate", "-", stdin=path.read_bytes())), case["aggregate"])
    rows = json.loads(smoltrace("flatten", path, "--json"))
    assert rows == json.loads(smoltrace("flatten", "-", "--json", stdin=path.read_bytes()))
    ours = flatten_metrics_for_hf(path)
    assert len(rows) == len(ours)
    for row, our in zip(rows, ours):
        assert list(row) == METRICS
        # What was not measured is null to the program, and 0.0 to SMOLTRACE's readers.
        measured = {key: value for key, value in row.items() if value is not None}
        assert measured == {key: our[key] for key in measured}
        assert {our[key] for key in row if key not in measured} <= {0.0, None}


def test_snippet() -> None:
    metrics = resource_metrics(
        {"name": "gen_ai.co2.emissions", "sum": {"dataPoints": [{"asDouble": 1.5}]}},
        {"name": "gen_ai.power.cost", "sum": {"dataPoints": [{"asDouble": 0.0003}]}},
    )
    totals = aggregate_gpu_metrics(metrics)
    assert (totals["co2_total"], totals["power_cost_total"]) == (1.5, 0.0003)
    assert [key for key in totals if totals[key] is not None] == ["co2_total", "power_cost_total"]


@pytest.mark.parametrize("nothing", [None, [], (), {}, {"resourceMetrics": None}])
def test_nothing_measured(nothing: Any) -> None:
    check(aggregate_gpu_metrics(nothing), dict.fromkeys(AGGREGATES))
    assert flatten_metrics_for_hf(nothing) == []


def test_two_gpu_recording(recording: Dict[str, Any]) -> None:
    expected = {
        "co2_total": 1.8412823533778309,
        "power_cost_total": 0.00046516606822176774,
        "utilization_avg": 47.875,
        "utilization_max": 99,
        "memory_avg": 20938.13589656353,
        "memory_max": 22739.68853187561,
        "temperature_avg": 52.0,
        "temperature_max": 67,
        "power_avg": 229.212625,
    }
    check(aggregate_gpu_metrics(recording["metrics"]), expected)
    check(aggregate_gpu_metrics(RECORDING / "metrics.json"), expected)
    rows = flatten_metrics_for_hf(recording["metrics"])
    assert rows == flatten_metrics_for_hf(RECORDING / "metrics.json")
    assert len(rows) == 8
    assert {row["gpu_id"] for row in rows} == {"0", "1"}
    assert {row["run_id"] for row in rows} == {recording["metrics"]["run_id"]}


def test_last_row_of_the_last_gpu(recording: Dict[str, Any]) -> None:
    times = [int(row["timestamp_unix_nano"]) for row in flatten_metrics_for_hf(recording["metrics"])]
    assert times == sorted(times)


def test_host_series_among_several_gpus() -> None:
    time = {"timeUnixNano": "1000000000"}
    gpu = lambda number: {"attributes": [{"key": "gpu_id", "value": {"stringValue": number}}]}
    rows = flatten_metrics_for_hf(
        {
            "resourceMetrics": resource_metrics(
                gauge({**time, **gpu("0"), "asDouble": 100.0}, {**time, **gpu("1"), "asDouble": 200.0}),
                {
                    "name": "gen_ai.co2.emissions",
                    "sum": {"dataPoints": [{**time, "asDouble": 0.5}]},
                },
            )
        }
    )
    by_gpu = {row["gpu_id"]: row for row in rows}
    assert set(by_gpu) == {"0", "1", None}
    assert by_gpu[None]["co2_emissions_gco2e"] == 0.5
    assert by_gpu[None]["gpu_name"] is None
    assert by_gpu[None]["gpu_power_watts"] == 0.0
    assert by_gpu["1"]["gpu_power_watts"] == 200.0
    assert by_gpu["0"]["run_id"] == "unknown"


@pytest.mark.parametrize(
    "point, expected",
    [
        ({"asInt": 0}, 0.0),
        ({"asInt": "0"}, 0.0),
        ({"asInt": "7"}, 7.0),
        ({"asInt": 2**70}, float(2**70)),
        ({"asInt": None, "asDouble": 2.5}, 2.5),
        ({"asInt": 3, "asDouble": None}, 3.0),
        ({"asDouble": 4}, 4.0),
        ({"asDouble": "4.25"}, 4.25),
        ({"asDouble": math.nan}, None),
        ({"asDouble": "NaN"}, None),
        ({"asDouble": -math.inf}, None),
        ({"asInt": None, "asDouble": None}, None),
        ({}, None),
    ],
)
def test_values(point: Dict[str, Any], expected: Any) -> None:
    assert aggregate_gpu_metrics(resource_metrics(gauge(point)))["power_avg"] == expected


def test_other_containers() -> None:
    point = collections.OrderedDict(asInt=5, attributes={"gpu_id": 0})
    metrics = collections.UserDict(
        resourceMetrics=tuple(resource_metrics(gauge(point))), run_id="from-a-mapping"
    )
    assert aggregate_gpu_metrics(metrics)["power_avg"] == 5.0
    metrics["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"][0][
        "timeUnixNano"
    ] = 1_000_000_000
    (row,) = flatten_metrics_for_hf(metrics)
    assert (row["run_id"], row["gpu_id"], row["gpu_power_watts"]) == ("from-a-mapping", "0", 5.0)
    assert row["timestamp_unix_nano"] == "1000000000"


def test_input_is_left_alone(recording: Dict[str, Any]) -> None:
    before = as_text(recording["metrics"])
    aggregate_gpu_metrics(recording["metrics"])
    flatten_metrics_for_hf(recording["metrics"])
    assert as_text(recording["metrics"]) == before


def test_attribute_order_makes_no_second_series() -> None:
    gpu = {"key": "gpu_id", "value": {"stringValue": "0"}}
    name = {"key": "gpu_name", "value": {"stringValue": "A"}}
    counter = {
        "name": "gen_ai.co2.emissions",
        "sum": {
            "dataPoints": [
                {"timeUnixNano": "1", "asDouble": 0.4, "attributes": [gpu, name]},
                {"timeUnixNano": "2", "asDouble": 0.9, "attributes": [name, gpu]},
            ]
        },
    }
    assert aggregate_gpu_metrics(resource_metrics(counter))["co2_total"] == 0.9


def test_unusual_points_among_usual_ones() -> None:
    """Scrapes that mostly repeat themselves: in memory they give what their text gives."""
    unusual: List[Callable[[Dict[str, Any]], None]] = [
        lambda point: point["attributes"].reverse(),
        lambda point: point["attributes"].append({"key": "more", "value": {"stringValue": "x"}}),
        lambda point: point["attributes"].pop(),
        lambda point: point["attributes"][0].update(value={"stringValue": "7"}),
        lambda point: point["attributes"][0].update(value={"intValue": "0"}),
        lambda point: point["attributes"][0].pop("value"),
        lambda point: point.pop("attributes"),
        lambda point: point.update(attributes=[]),
        lambda point: point.update(startTimeUnixNano="900"),
        lambda point: point.update(timeUnixNano=str(int(point["timeUnixNano"]) + 1)),
        lambda point: point.update(asInt="5"),
        lambda point: (point.pop("asDouble"), point.update(asInt=3)),
        lambda point: point.update(asDouble=4),
        lambda point: point.update(flags=1),
        lambda point: point.update(flags=0),
        lambda point: point.pop("asDouble"),
    ]
    for seed in range(200):
        rng = random.Random(seed)
        elements = []
        for tick in range(6):
            points = []
            for gpu in range(3):
                named = [("gpu_id", str(gpu)), ("gpu_name", "H100")]
                attributes = [{"key": key, "value": {"stringValue": value}} for key, value in named]
                time = str(1_795_000_000_000_000_000 + tick)
                points.append({"asDouble": rng.random(), "timeUnixNano": time, "attributes": attributes})
                if rng.random() < 0.2:
                    rng.choice(unusual)(points[-1])
            elements += resource_metrics(gauge(*points))
        text = json.dumps({"run_id": "r", "resourceMetrics": elements, "aggregates": []})
        assert aggregate_gpu_metrics(elements) == aggregate_gpu_metrics(text.encode()), seed
        assert flatten_metrics_for_hf(json.loads(text)) == flatten_metrics_for_hf(text.encode()), seed


@pytest.mark.parametrize("time", ["", "-1", "soon", "9223372036854775808"])
def test_bad_times_after_good_ones(time: str) -> None:
    good = {"asDouble": 1.0, "timeUnixNano": "1", "attributes": []}
    points = [dict(good), dict(good, timeUnixNano=time)]
    with pytest.raises(ValueError, match=r"dataPoints\[1\].timeUnixNano"):
        aggregate_gpu_metrics(resource_metrics(gauge(*points)))
