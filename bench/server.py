#!/usr/bin/env python3
"""Times `smoltrace serve` over 10,000 runs: ready, first and later leaderboard answers; and a 50,000-span trace.

Usage: SMOLTRACE_BIN=target/release/smoltrace bench/server.py
Prints Markdown rows. Everything is measured in one run, beside Python's json.loads of the same answers, so that
the ratios mean something on another machine.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

RUNS, SPANS, REQUESTS = 10_000, 50_000, 200


def start(binary, data):
    """Starts the server; returns process, address and the seconds until /healthz answered."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [binary, "serve", "--listen", "127.0.0.1:0", "--otlp-grpc", "off", "--otlp-http", "off", "--data-dir", data], stdout=subprocess.PIPE, text=True
    )
    address = process.stdout.readline().split()[-1]
    with urllib.request.urlopen(address + "/healthz") as answer:
        assert answer.status == 200
    return process, address, time.perf_counter() - begun


def get(url):
    begun = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        body = answer.read()
    return body, time.perf_counter() - begun


def percentile(values, share):
    return statistics.quantiles(values, n=100, method="inclusive")[int(share * 100) - 1]


def row(what, *cells):
    print("| " + " | ".join([what, *cells]) + " |", flush=True)


def main():
    binary = os.environ.get("SMOLTRACE_BIN") or sys.exit("SMOLTRACE_BIN is not set")
    with tempfile.TemporaryDirectory() as data:
        subprocess.run(
            [binary, "demo", "--no-serve", "--rows-only", "--runs", str(RUNS), "--big-trace", str(SPANS),
             "--data-dir", data],
            check=True, stdout=subprocess.DEVNULL,
        )
        process, address, ready = start(binary, data)
        try:
            print(f"| {RUNS} runs in the store | result | against json.loads of the same answer |\n|---|---|---|")
            row("`serve` ready (process start to /healthz)", f"{ready * 1e3:.0f} ms", "")
            first, first_seconds = get(address + "/api/v1/runs")
            row("first leaderboard answer", f"{first_seconds * 1e3:.1f} ms", "")
            queries = ["", "?sort=co2_emissions_g", "?q=heron&sort=-total_tokens", "?page=50", "?simulated=true&status=completed"]
            times, parses = [], []
            for index in range(REQUESTS):
                body, seconds = get(address + "/api/v1/runs" + queries[index % len(queries)])
                times.append(seconds)
                begun = time.perf_counter()
                json.loads(body)
                parses.append(time.perf_counter() - begun)
            row("leaderboard, 100 rows, filtered and sorted, p50", f"{percentile(times, .5) * 1e3:.1f} ms",
                f"{percentile(times, .5) / percentile(parses, .5):.1f}x")
            row("leaderboard, 100 rows, filtered and sorted, p95", f"{percentile(times, .95) * 1e3:.1f} ms",
                f"{percentile(times, .95) / percentile(parses, .95):.1f}x")
            body, seconds = get(address + "/api/v1/runs?page_size=10000")
            begun = time.perf_counter()
            assert len(json.loads(body)["items"]) == 10_000
            row(f"leaderboard, all rows ({len(body) / 1e6:.1f} MB)", f"{seconds * 1e3:.0f} ms",
                f"{seconds / (time.perf_counter() - begun):.1f}x")
            runs = json.loads(get(address + "/api/v1/runs?q=simulated-99999")[0])["items"]
            run = urllib.parse.quote(runs[0]["run_id"], safe="")
            trace = json.loads(get(f"{address}/api/v1/runs/{run}/traces")[0])["items"][0]["trace_id"]
            body, seconds = get(f"{address}/api/v1/runs/{run}/traces/{trace}")
            begun = time.perf_counter()
            assert len(json.loads(body)["spans"]["span_id"]) == SPANS
            row(f"trace of {SPANS} spans ({len(body) / 1e6:.1f} MB)", f"{seconds * 1e3:.0f} ms",
                f"{seconds / (time.perf_counter() - begun):.1f}x")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
