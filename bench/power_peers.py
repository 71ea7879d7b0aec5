"""What smoltrace, CodeCarbon and Zeus report for the same GPU, a stand-in whose every joule is known.

A shared library with NVML's interface (crates/collect/tests/standin/nvml.c) plays a profile of power; each tool
runs in a process of its own and is asked for the energy of the same seconds. The profile's exact integral is the
truth. Needs Linux, cc, the built binary, and the packages of power_peers.txt:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r bench/power_peers.txt
    SMOLTRACE_BIN=target/debug/smoltrace /tmp/peers/bin/python bench/power_peers.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMOLTRACE = os.environ.get("SMOLTRACE_BIN", str(ROOT / "target/debug/smoltrace"))
# Until a process has imported what it needs.
LEAD_S = float(os.environ.get("LEAD_S", "16"))

# Name, GPUs, lines of the control file, windows of the tasks in seconds, joules of each task. A profile ends with the
# tasks, so that a tool that stops a moment late loses nothing by it.
STEPS = "profile {gpu} 0 100 2 300 5 60 8 200 10 0"
SCENARIOS = [
    ("one GPU, 10 s", 1, [STEPS.format(gpu=0)], [(0, 10)], [200 + 900 + 180 + 400]),
    ("two GPUs, 10 s", 2, [STEPS.format(gpu=0), "profile 1 0 150 10 0"], [(0, 10)], [1680 + 1500]),
    ("overlapping tasks, 0-6 s and 3-9 s", 1, ["profile 0 0 100 9 0"], [(0, 6), (3, 9)], [450, 450]),
    ("counter reset at 5 s of 10", 1, ["profile 0 0 100 10 0", "reset 0 5"], [(0, 10)], [1000]),
    ("a 3-second task", 1, ["profile 0 0 250 3 0"], [(0, 3)], [750]),
    ("reads fail from 3 s to 6 s of 10", 1, ["profile 0 0 100 10 0", "fail 0 3 6 999"], [(0, 10)], [1000]),
]


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def sleep_until(start_ns, second):
    left = (start_ns - now_ns()) / 1e9 + second
    if left < -0.2:
        raise RuntimeError(f"{-left:.1f} s late: the machine is too busy to tell; give more with LEAD_S")
    time.sleep(max(0.0, left))


# --- one tool in a process of its own: prints the joules of each task, or what went wrong


def zeus(gpus, windows, start_ns):
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor(gpu_indices=list(range(gpus)))
    joules = [None] * len(windows)
    for second, task, begins in edges(windows):
        sleep_until(start_ns, second)
        if begins:
            monitor.begin_window(f"task{task}", sync_execution=False)
        else:
            window = monitor.end_window(f"task{task}", sync_execution=False)
            joules[task] = sum(window.gpu_energy.values())
    return joules


def codecarbon(gpus, windows, start_ns):
    from codecarbon import OfflineEmissionsTracker

    def tracker():
        return OfflineEmissionsTracker(
            country_iso_code="FRA", gpu_ids=list(range(gpus)), save_to_file=False, log_level="error",
            allow_multiple_runs=True,
        )

    # The first start looks for hardware, which takes seconds: that is done before the tasks begin.
    first = tracker()
    first.start()
    first.stop()
    trackers = [tracker() for _ in windows]
    joules = [None] * len(windows)
    for second, task, begins in edges(windows):
        sleep_until(start_ns, second)
        if begins:
            trackers[task].start()
        else:
            trackers[task].stop()
            # kWh
            joules[task] = trackers[task].final_emissions_data.gpu_energy * 3.6e6
    return joules


def edges(windows):
    begins = [(begin, task, True) for task, (begin, _) in enumerate(windows)]
    ends = [(end, task, False) for task, (_, end) in enumerate(windows)]
    return sorted(begins + ends, key=lambda edge: edge[0])


def work(tool, gpus, windows, start_ns):
    try:
        print(json.dumps({"joules": {"zeus": zeus, "codecarbon": codecarbon}[tool](gpus, windows, start_ns)}))
    except Exception as error:  # noqa: BLE001: what went wrong is the result
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
    # Threads of the tools may hang after an error.
    sys.stdout.flush()
    os._exit(0)


# --- all of them


def stand_in(folder):
    library = folder / "libnvidia-ml.so.1"
    source = ROOT / "crates/collect/tests/standin/nvml.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    # CodeCarbon looks for NVIDIA GPUs only where this command runs.
    (folder / "nvidia-smi").write_text("#!/bin/sh\n")
    (folder / "nvidia-smi").chmod(0o755)
    return library


def environment(folder, control):
    path = f"{folder}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LD_LIBRARY_PATH": str(folder), "NVML_STANDIN": str(control)}


def control_file(folder, gpus, lines):
    start_ns = now_ns() + int(LEAD_S * 1e9)
    control = folder / "control"
    control.write_text("\n".join([f"count {gpus}", f"start {start_ns}", *lines]) + "\n")
    return control, start_ns


def peer(tool, folder, scenario):
    _, gpus, lines, windows, _ = scenario
    control, start_ns = control_file(folder, gpus, lines)
    arguments = json.dumps([tool, gpus, windows, start_ns])
    output = subprocess.run(
        [sys.executable, __file__, "--work", arguments], env=environment(folder, control), capture_output=True, text=True
    )
    lines = [line for line in output.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {"error": output.stderr.strip().splitlines()[-1][:200]}


def smoltrace(folder, library, scenario):
    _, gpus, lines, windows, _ = scenario
    control, start_ns = control_file(folder, gpus, lines)
    run = smoltrace_command if len(windows) == 1 else smoltrace_run
    return {"joules": run(folder, library, environment(folder, control), windows, start_ns)}


def smoltrace_command(folder, library, env, windows, start_ns):
    (begin, end), = windows
    # The command starts just before: until then the stand-in draws nothing.
    sleep_until(start_ns, begin - 0.3)
    wait = f"import time; time.sleep(max(0.0, {start_ns / 1e9 + end!r} - time.monotonic()))"
    command = [SMOLTRACE, "power", "--source", "nvml", "--nvml-library", str(library), "--json", "--wrap", "--"]
    output = subprocess.run([*command, sys.executable, "-c", wait], env=env, capture_output=True, text=True)
    account = json.loads(output.stderr.splitlines()[-1])
    unknown = max(device["uncovered_s"] for device in account["devices"])
    return [account["energy_j"]] + ([{"unknown_s": unknown}] if unknown else [])


def smoltrace_run(folder, library, env, windows, start_ns):
    """The tasks as two tests of a run that is received while power is measured."""
    data = tempfile.TemporaryDirectory(dir=folder)
    server = subprocess.Popen(
        [SMOLTRACE, "serve", "--data-dir", data.name, "--listen", "127.0.0.1:0", "--otlp-grpc", "off",
         "--otlp-http", "127.0.0.1:0", "--power", "nvml", "--nvml-library", str(library)],
        env=env, stdout=subprocess.PIPE, text=True,
    )
    address = {}
    for line in server.stdout:
        name, _, value = line.strip().partition("  ")
        address[name] = value.strip()
        if line.startswith("Ctrl-C"):
            break
    sleep_until(start_ns, max(end for _, end in windows))
    unix_ns = time.time_ns() - now_ns()
    spans = [
        {
            "traceId": f"{task + 1:032x}", "spanId": f"{task + 1:016x}", "name": "test",
            "startTimeUnixNano": str(unix_ns + start_ns + int(begin * 1e9)),
            "endTimeUnixNano": str(unix_ns + start_ns + int(end * 1e9)),
            "attributes": [{"key": "test.id", "value": {"stringValue": f"task{task}"}}],
        }
        for task, (begin, end) in enumerate(windows)
    ]
    resource = {"attributes": [{"key": "run.id", "value": {"stringValue": "peers"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    request = urllib.request.Request(
        address["OTLP/HTTP"] + "/v1/traces", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request).read()
    server.terminate()
    server.wait()
    shown = subprocess.run(
        [SMOLTRACE, "show", "peers", "--json", "--data-dir", data.name], env=env, capture_output=True, text=True, check=True
    )
    results = {result["test_id"]: result["energy_wh"] for result in json.loads(shown.stdout)["results"]}
    return [results[f"task{task}"] * 3600 for task in range(len(windows))]


def shown(result):
    if "error" in result:
        return result["error"]
    return " + ".join(f"{value:.1f}" if isinstance(value, (int, float)) else str(value) for value in result["joules"])


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = stand_in(folder)
        wanted = sys.argv[1:]
        for index, scenario in enumerate(SCENARIOS):
            if wanted and str(index) not in wanted:
                continue
            print(f"{scenario[0]}: {' + '.join(map(str, scenario[4]))} J in truth")
            print(f"  smoltrace   {shown(smoltrace(folder, library, scenario))}", flush=True)
            for tool in ["codecarbon", "zeus"]:
                print(f"  {tool:<11} {shown(peer(tool, folder, scenario))}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*json.loads(sys.argv[2]))
    main()
