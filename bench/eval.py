#!/usr/bin/env python3
"""Times `smoltrace eval`: one-call code-agent tasks against an endpoint that answers at once, and the bundled recording.

    bench/eval.py ENDPOINT [REFERENCE_PYTHON]

ENDPOINT is the program of `cargo build --release -p smoltrace-eval --example endpoint`; SMOLTRACE_BIN is the program under
test. REFERENCE_PYTHON has the Python system (`pip install smoltrace==0.2.12`), which is given the same tasks and its own
--parallel-workers 8. Everything is recorded by both. Times are medians; the start is the time from the command to its first
request, and the rate is that of all tasks in the time after it. Prints Markdown.

BENCH_TASKS and BENCH_ROUNDS change how many tasks and rounds there are (1000 and 3).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TASKS = int(os.environ.get("BENCH_TASKS", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
WORKERS = "8"
# What is aimed at.
TIMES_AS_FAST, START_S, REPLAY_S = 20, 0.2, 3


class Endpoint:
    """The scripted endpoint, and when it was first asked by a connection."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.asked = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for _ in self.process.stdout:
            self.asked.append(time.perf_counter())


def tasks(path, count):
    rows = (
        {"id": f"task_{n}", "prompt": f"What is 6 times 7? ({n})", "difficulty": "easy", "agent_type": "code",
         "expected_keywords": ["42"]}
        for n in range(count)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(command, folder, **env):
    """Standard output, and when the command began and ended."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=os.environ | env, capture_output=True, text=True)
    end = time.perf_counter()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout, start, end


def ours(url, path, folder):
    command = [os.environ["SMOLTRACE_BIN"], "eval", "--model", "scripted", "--base-url", url, "--tasks", path]
    command += ["--agent-type", "code", "--parallel-workers", WORKERS, "--json", "--data-dir", f"{folder}/tables"]
    said, start, end = run(command, folder)
    row = json.loads(said)["run"]
    return row["successful_tests"], row["total_tests"], start, end


def reference(python, url, path, folder):
    command = [str(Path(python).parent / "smoltrace-eval"), "--model", "openai/scripted", "--provider", "litellm"]
    command += ["--agent-type", "code", "--dataset-name", path, "--parallel-workers", WORKERS, "--enable-otel"]
    command += ["--output-format", "json", "--output-dir", f"{folder}/out", "--quiet", "--allow-local-code-execution"]
    # Nothing of its start waits for a network that may not be there.
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
    _, start, end = run(command, folder, OPENAI_API_KEY="none", OPENAI_API_BASE=url, OPENAI_BASE_URL=url, **offline)
    [results] = Path(folder, "out").glob("*/results.json")
    rows = json.loads(results.read_text())
    rows = rows if isinstance(rows, list) else rows["results"]
    return sum(row["success"] for row in rows), len(rows), start, end


def measure(name, endpoint, evaluate, rounds):
    """Seconds to the first request, and tasks a second after it."""
    starts, walls, rates = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            endpoint.asked.clear()
            passed, total, start, end = evaluate(tasks(Path(folder, "tasks.jsonl"), TASKS), folder)
            assert (passed, total) == (TASKS, TASKS), f"{name}: {passed} of {total} of {TASKS}"
            first = endpoint.asked[0]
            starts.append(first - start)
            walls.append(end - start)
            rates.append(TASKS / (end - first))
    start, wall, rate = map(statistics.median, (starts, walls, rates))
    print(f"| {name} | {start:.2f} s | {wall:.2f} s | {rate:.0f} |", flush=True)
    return start, rate


def replay():
    """Seconds of both agents on the quick tasks, from the command to its end."""
    walls = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            command = [os.environ["SMOLTRACE_BIN"], "eval", "--model", "replay:quick", "--data-dir", f"{folder}/tables"]
            said, start, end = run([*command, "--json"], folder)
            assert json.loads(said)["run"]["total_tests"] == 26, said
            walls.append(end - start)
    return statistics.median(walls)


def met(is_met):
    return "met" if is_met else "NOT met"


def main():
    endpoint = Endpoint(sys.argv[1])
    try:
        print(f"| {TASKS} tasks, {WORKERS} workers | to the first request | all tasks | tasks per second after it |")
        print("|---|---|---|---|")
        start, rate = measure("smoltrace eval", endpoint, lambda *at: ours(endpoint.url, *at), ROUNDS)
        there = None
        if len(sys.argv) > 2:
            evaluate = lambda *at: reference(sys.argv[2], endpoint.url, *at)  # noqa: E731
            _, there = measure("the Python system", endpoint, evaluate, ROUNDS)
        wall = replay()
        print()
        if there:
            times = rate / there
            print(f"- {times:.1f} times the tasks per second (aim: {TIMES_AS_FAST}, {met(times >= TIMES_AS_FAST)})")
        print(f"- {start:.2f} s to the first request (aim: below {START_S} s, {met(start < START_S)})")
        print(f"- `eval --model replay:quick`: {wall:.2f} s (aim: below {REPLAY_S} s, {met(wall < REPLAY_S)})")
    finally:
        endpoint.process.terminate()


if __name__ == "__main__":
    main()
