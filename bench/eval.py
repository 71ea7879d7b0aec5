#!/usr/bin/env python3
"""Times `smoltrace eval` on one-call code-agent tasks against an endpoint that answers at once.

    bench/eval.py ENDPOINT [REFERENCE_PYTHON]

ENDPOINT is the program of `cargo build --release -p smoltrace-eval --example endpoint`; SMOLTRACE_BIN is the program under
test. REFERENCE_PYTHON has the Python system (`pip install smoltrace==0.2.12`), which is given the same tasks, its own
--parallel-workers 8 and a run of one task to know its start. Everything is recorded by both. Prints Markdown rows.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASKS = int(os.environ.get("BENCH_TASKS", "1000"))
ROUNDS = 3
WORKERS = "8"


def tasks(path, count):
    rows = (
        {"id": f"task_{n}", "prompt": f"What is 6 times 7? ({n})", "difficulty": "easy", "agent_type": "code",
         "expected_keywords": ["42"]}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def timed(command, folder, **env):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True)
    took = time.perf_counter() - start
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return took, done.stdout


def ours(url, path, folder):
    command = [os.environ["SMOLTRACE_BIN"], "eval", "--model", "scripted", "--base-url", url, "--tasks", path]
    command += ["--agent-type", "code", "--parallel-workers", WORKERS, "--json", "--data-dir", f"{folder}/tables"]
    took, said = timed(command, folder)
    run = json.loads(said)["run"]
    return took, run["successful_tests"], run["total_tests"]


def reference(python, url, path, folder):
    command = [str(Path(python).parent / "smoltrace-eval"), "--model", "openai/scripted", "--provider", "litellm"]
    command += ["--agent-type", "code", "--dataset-name", path, "--parallel-workers", WORKERS, "--enable-otel"]
    command += ["--output-format", "json", "--output-dir", f"{folder}/out", "--quiet", "--allow-local-code-execution"]
    took, _ = timed(command, folder, OPENAI_API_KEY="none", OPENAI_API_BASE=url, OPENAI_BASE_URL=url)
    [results] = Path(folder, "out").glob("*/results.json")
    rows = json.loads(results.read_text())
    rows = rows if isinstance(rows, list) else rows["results"]
    return took, sum(row["success"] for row in rows), len(rows)


def measure(name, run):
    """Start (a run of one task) and tasks per second beyond it, medians."""
    starts, walls = [], []
    for _ in range(ROUNDS):
        for count, times in ((1, starts), (TASKS, walls)):
            with tempfile.TemporaryDirectory() as folder:
                took, passed, total = run(tasks(Path(folder, "tasks.jsonl"), count), folder)
                assert (passed, total) == (count, count), f"{name}: {passed} of {total} of {count}"
                times.append(took)
    start, wall = statistics.median(starts), statistics.median(walls)
    rate = TASKS / wall
    print(f"| {name} | {start:.2f} s | {wall:.2f} s | {rate:.0f} |", flush=True)
    return rate


def main():
    server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    try:
        print(f"| {TASKS} tasks, {WORKERS} workers | one task | all tasks | tasks per second |")
        print("|---|---|---|---|")
        here = measure("smoltrace eval", lambda path, folder: ours(url, path, folder))
        if len(sys.argv) > 2:
            there = measure("the Python system", lambda path, folder: reference(sys.argv[2], url, path, folder))
            print(f"\n{here / there:.1f} times as many tasks per second, starts included.")
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
