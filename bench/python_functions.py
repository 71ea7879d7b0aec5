#!/usr/bin/env python3
"""Times the four functions of `smoltrace.utils` on objects that are already in memory.

    bench/python_functions.py PYTHON [REFERENCE_PYTHON]

PYTHON is an interpreter that has this project's wheel, REFERENCE_PYTHON one that has the Python system
(`pip install smoltrace==0.2.12`). Both are given the same seeded inputs, one function at a time, in turn, so that
their ratio is of one run. Prints Markdown rows; without REFERENCE_PYTHON, without a ratio.
"""

import json
import random
import statistics
import subprocess
import sys
import timeit

ROUNDS = 3
METRICS = [
    ("gen_ai.gpu.utilization", "%", "gauge", 100.0),
    ("gen_ai.gpu.memory.used", "MiB", "gauge", 80_000.0),
    ("gen_ai.gpu.memory.total", "MiB", "gauge", 81_920.0),
    ("gen_ai.gpu.temperature", "Cel", "gauge", 90.0),
    ("gen_ai.gpu.power", "W", "gauge", 700.0),
    ("gen_ai.co2.emissions", "gCO2e", "sum", 0.01),
    ("gen_ai.power.cost", "USD", "sum", 0.0001),
]


def metrics(ticks, gpus):
    """`resourceMetrics` as an exporter's JSON gives them: one element a tick."""
    rng = random.Random(7)
    start = 1_795_000_000_000_000_000
    totals = {}
    elements = []
    for tick in range(ticks):
        listed = []
        for name, unit, kind, scale in METRICS:
            points = []
            for gpu in range(gpus):
                value = rng.random() * scale
                if kind == "sum":
                    totals[name, gpu] = value = totals.get((name, gpu), 0.0) + value
                attributes = [
                    {"key": "gpu_id", "value": {"stringValue": str(gpu)}},
                    {"key": "gpu_name", "value": {"stringValue": "NVIDIA H100 80GB HBM3"}},
                ]
                time = str(start + tick * 1_000_000_000)
                points.append({"attributes": attributes, "timeUnixNano": time, "asDouble": value})
            data = {"dataPoints": points}
            if kind == "sum":
                data |= {"aggregationTemporality": 2, "isMonotonic": True}
            listed.append({"name": name, "unit": unit, kind: data})
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "agents"}}]}
        elements.append({"resource": resource, "scopeMetrics": [{"scope": {"name": "bench"}, "metrics": listed}]})
    return json.loads(json.dumps(elements))


def results(tests):
    rng = random.Random(7)
    rows = []
    for number in range(tests):
        rows.append(
            {
                "test_id": f"test_{number}",
                "agent_type": rng.choice(["tool", "code"]),
                "difficulty": rng.choice(["easy", "medium", "hard"]),
                "prompt": "What is the weather in Paris, France? " * 4,
                "success": rng.random() < 0.8,
                "tool_called": True,
                "correct_tool": True,
                "final_answer_called": True,
                "response_correct": True,
                "error": None,
                "response": "20 degrees and partly cloudy",
                "tools_used": ["get_weather", "final_answer"],
                "steps": rng.randrange(1, 6),
                "enhanced_trace_info": {
                    "trace_id": f"{number:032x}",
                    "total_tokens": rng.randrange(100, 5000),
                    "duration_ms": rng.random() * 10_000,
                    "cost_usd": rng.random() / 100,
                },
            }
        )
    return rows


def cases():
    """Name of the case, and what to time, given the module."""
    small, large = metrics(40, 8), metrics(1000, 8)
    for name, data in (("2,240 points", small), ("56,000 points", large)):
        yield f"aggregate_gpu_metrics, {name}", lambda utils, data=data: utils.aggregate_gpu_metrics(data)
        yield (
            f"flatten_metrics_for_hf, {name}",
            lambda utils, data=data: utils.flatten_metrics_for_hf(
                {"run_id": "bench", "resourceMetrics": data, "aggregates": []}
            ),
        )
    for tests in (20, 1000):
        rows = {"tool": results(tests // 2), "code": results(tests // 2)}
        yield (
            f"flatten_results_for_hf, {tests:,} tests",
            lambda utils, rows=rows: utils.flatten_results_for_hf(rows, "bench/model"),
        )
        yield (
            f"compute_leaderboard_row, {tests:,} tests, 2,240 points",
            lambda utils, rows=rows: utils.compute_leaderboard_row(
                "bench/model",
                rows,
                [],
                {"run_id": "bench", "resourceMetrics": small, "aggregates": []},
                dataset_used="bench/tasks",
                results_dataset="bench/results",
                traces_dataset="bench/traces",
                metrics_dataset="bench/metrics",
                agent_type="both",
                run_id="bench",
            ),
        )


def time_all():
    """Best of each round for every case, seconds a call: one line of JSON a case."""
    from smoltrace import utils

    for name, call in cases():
        try:
            call(utils)
        except TypeError as error:
            print(json.dumps([name, None, str(error)]), flush=True)
            continue
        timer = timeit.Timer(lambda call=call: call(utils))
        number, _ = timer.autorange()
        print(json.dumps([name, min(timer.repeat(3, number)) / number, ""]), flush=True)


def timed(python):
    lines = subprocess.run([python, __file__, "--time"], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def shown(seconds):
    return f"{seconds * 1e3:.3g} ms"


def main(ours, reference=None):
    rounds = [(timed(ours), timed(reference) if reference else None) for _ in range(ROUNDS if reference else 1)]
    print("| function on objects in memory | here | the Python system | ratio |\n|---|---|---|---|")
    for place, (name, _, _) in enumerate(rounds[0][0]):
        mine = statistics.median(own[place][1] for own, _ in rounds)
        if reference is None:
            print(f"| {name} | {shown(mine)} | | |")
            continue
        if rounds[0][1][place][1] is None:
            print(f"| {name} | {shown(mine)} | {rounds[0][1][place][2]} | |")
            continue
        theirs = statistics.median(other[place][1] for _, other in rounds)
        ratio = statistics.median(other[place][1] / own[place][1] for own, other in rounds)
        print(f"| {name} | {shown(mine)} | {shown(theirs)} | {ratio:.1f}x |")


if __name__ == "__main__":
    if sys.argv[1:] == ["--time"]:
        time_all()
    elif len(sys.argv) in (2, 3):
        main(*sys.argv[1:])
    else:
        sys.exit(__doc__)
