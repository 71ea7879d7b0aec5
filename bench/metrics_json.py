#!/usr/bin/env python3
"""Times `smoltrace aggregate` and `smoltrace flatten` against Python's json.load of the same file.

Usage: SMOLTRACE_BIN=target/release/smoltrace bench/metrics_json.py [--ticks 20000] [--gpus 8] [--rounds 5]
Makes a metrics.json from a seed in a temporary folder, as json.dump writes it, and prints Markdown. json.load and both
commands take turns, so that each round compares what ran on the machine at the same time; the ratio is the median of
the rounds' ratios. Exits with 1 when a target is missed: 15 times as fast, peak memory below the file's size.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

TARGET_RATIO = 15
GAUGES = [
    ("gen_ai.gpu.utilization", "%"),
    ("gen_ai.gpu.memory.used", "MiB"),
    ("gen_ai.gpu.memory.total", "MiB"),
    ("gen_ai.gpu.temperature", "Cel"),
    ("gen_ai.gpu.power", "W"),
]
COUNTERS = [("gen_ai.co2.emissions", "gCO2e", 0.0123456), ("gen_ai.power.cost", "USD", 4.4e-6)]
LOAD = "import json, sys\nwith open(sys.argv[1]) as file:\n    json.load(file)\n"


def attribute(key, text):
    return {"key": key, "value": {"stringValue": text}}


def point(gpu, nanos, as_int=None, as_double=None):
    attributes = [attribute("gpu_id", str(gpu)), attribute("gpu_name", "NVIDIA H100 80GB HBM3")]
    return {"attributes": attributes, "timeUnixNano": nanos, "asInt": as_int, "asDouble": as_double}


def gauge_point(dice, name, gpu, nanos):
    if name.endswith("utilization"):
        return point(gpu, nanos, as_int=str(dice.randrange(101)))
    if name.endswith("temperature"):
        return point(gpu, nanos, as_int=str(dice.randrange(30, 85)))
    if name.endswith("total"):
        return point(gpu, nanos, as_int="81559")
    if name.endswith("used"):
        return point(gpu, nanos, as_double=round(dice.uniform(300, 80000), 2))
    return point(gpu, nanos, as_double=round(dice.uniform(60, 700), 3))


def element(dice, tick, gpus):
    """One scrape: an element of resourceMetrics with every metric of every GPU."""
    nanos = str(1761544695460017300 + tick * 1_000_000_000)
    metrics = []
    for name, unit in GAUGES:
        points = [gauge_point(dice, name, gpu, nanos) for gpu in range(gpus)]
        metrics.append({"name": name, "description": "", "unit": unit, "gauge": {"dataPoints": points}})
    for name, unit, step in COUNTERS:
        points = [point(gpu, nanos, as_double=(tick + 1) * step * (gpu + 1)) for gpu in range(gpus)]
        data = {"dataPoints": points, "aggregationTemporality": 2, "isMonotonic": True}
        metrics.append({"name": name, "description": "", "unit": unit, "sum": data})
    attributes = [attribute("service.name", "smoltrace-eval"), attribute("run.id", "bench")]
    scope = {"scope": {"name": "genai.gpu", "version": None}, "metrics": metrics}
    return {"resource": {"attributes": attributes}, "scopeMetrics": [scope]}


def generate(path, ticks, gpus):
    """Writes what json.dump writes of the whole document, one element in memory at a time."""
    dice = random.Random(7)
    with open(path, "w") as file:
        file.write('{"run_id": "bench", "resourceMetrics": [')
        for tick in range(ticks):
            file.write(", " if tick else "")
            file.write(json.dumps(element(dice, tick, gpus)))
        file.write('], "aggregates": []}')


def timed(command, out=subprocess.DEVNULL):
    """Seconds on the clock and peak resident bytes of a command."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024


def check(binary, path, ticks, gpus, folder):
    """The commands do the whole work: all rows, and totals that the generator knows."""
    rows = os.path.join(folder, "rows.json")
    with open(rows, "w") as out:
        timed([binary, "flatten", "--json", path], out)
    with open(rows) as file:
        count = sum(line.startswith("{") for line in file)
    assert count == ticks * gpus, f"{count} rows, not {ticks * gpus}"
    output = subprocess.run([binary, "aggregate", path], stdout=subprocess.PIPE, check=True).stdout
    totals = json.loads(output)
    expected = sum(ticks * COUNTERS[0][2] * (gpu + 1) for gpu in range(gpus))
    assert abs(totals["co2_total"] - expected) < 1e-6 * expected, totals


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=20_000)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    binary = os.environ.get("SMOLTRACE_BIN") or sys.exit("set SMOLTRACE_BIN to a release binary")

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "metrics.json")
        generate(path, options.ticks, options.gpus)
        size = os.path.getsize(path)
        check(binary, path, options.ticks, options.gpus, folder)
        rounds, peaks = [], [0, 0]
        for _ in range(options.rounds):
            load, _ = timed([sys.executable, "-c", LOAD, path])
            with open(os.path.join(folder, "rows.json"), "w") as out:
                aggregate, peaks_aggregate = timed([binary, "aggregate", path])
                flatten, peaks_flatten = timed([binary, "flatten", "--json", path], out)
            peaks = [max(peaks[0], peaks_aggregate), max(peaks[1], peaks_flatten)]
            rounds.append((load, aggregate, flatten))
            ratio = load / (aggregate + flatten)
            print(f"json.load {load:.2f} s, aggregate {aggregate:.3f} s, flatten {flatten:.3f} s: {ratio:.1f}x", file=sys.stderr)

    ratio = statistics.median(load / (aggregate + flatten) for load, aggregate, flatten in rounds)
    load, aggregate, flatten = (statistics.median(column) for column in zip(*rounds))
    megabytes = [bytes_ / 1e6 for bytes_ in (size, *peaks)]
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"| metrics.json | json.load (Python {python}) | aggregate | flatten | ratio | peak aggregate | peak flatten |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {megabytes[0]:.0f} MB, {options.ticks} ticks x {options.gpus} GPUs x 7 metrics | {load:.2f} s | "
        f"{aggregate:.3f} s | {flatten:.3f} s | {ratio:.0f}x | {megabytes[1]:.0f} MB | {megabytes[2]:.0f} MB |"
    )
    if ratio < TARGET_RATIO or max(peaks) >= size:
        sys.exit(f"target missed: at least {TARGET_RATIO}x, peak memory below the file's {megabytes[0]:.0f} MB")


if __name__ == "__main__":
    main()
