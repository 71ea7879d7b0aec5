"""Tools of a real MCP server, over every transport that the Python SDK speaks."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

BINARY = os.environ["SMOLTRACE_BIN"]
SERVER = Path(__file__).with_name("mcp_server.py")


@contextmanager
def http_server(transport):
    """The port of a server, once it listens."""
    process = subprocess.Popen([sys.executable, str(SERVER), transport], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(process.stdout.readline())
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "the server does not listen"
        yield port
    finally:
        process.terminate()
        process.wait()


def evaluate(endpoint, tmp_path, *arguments):
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "my_count_letters", "arguments": json.dumps({"text": "banana", "letter": "a"})},
    }
    final = {"id": "b", "type": "function", "function": {"name": "final_answer", "arguments": '{"answer": "3 times a"}'}}
    endpoint.play({"count": [{"content": None, "tool_calls": [made]} for made in (call, final)]})
    task = {"id": "1", "prompt": "count", "agent_type": "tool", "expected_tool": "my_count_letters", "expected_answer": "3 times a"}
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(json.dumps(task) + "\n")
    data = str(tmp_path / "tables")
    command = [BINARY, "eval", "--data-dir", data, "--run-id", "r", "--model", "scripted", "--base-url", endpoint.url]
    command += ["--tasks", str(tasks), "--agent-type", "tool", "--security-profile", "standard", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        return done.stderr
    query = "SELECT attributes FROM spans WHERE run_id = 'r' AND kind = 'TOOL' ORDER BY start_time_unix_nano"
    told = subprocess.run([BINARY, "sql", query, "--json", "--data-dir", data], capture_output=True, text=True, check=True)
    return json.loads(done.stdout), json.loads(told.stdout)


@pytest.mark.parametrize(
    ("transport", "path", "chosen"),
    [
        ("sse", "/sse", "auto"),
        ("sse", "/sse", "sse"),
        ("streamable-http", "/mcp", "auto"),
        ("streamable-http", "/mcp", "streamable-http"),
    ],
)
def test_over_http(endpoint, tmp_path, transport, path, chosen):
    with http_server(transport) as port:
        url = f"my=http://127.0.0.1:{port}{path}"
        summary, tools = evaluate(endpoint, tmp_path, "--mcp-server-url", url, "--mcp-transport", chosen)
    assert summary["run"]["successful_tests"] == 1, summary
    assert "3 times a" in tools[0]["attributes"]


def test_as_a_program(endpoint, tmp_path):
    program = f"{sys.executable} -c 'from mcp_server import server; server.run()'"
    command = f"my=env PYTHONPATH={SERVER.parent} {program}"
    summary, tools = evaluate(endpoint, tmp_path, "--mcp-server-command", command)
    assert summary["run"]["successful_tests"] == 1, summary
    assert "3 times a" in tools[0]["attributes"]


@pytest.mark.parametrize(("transport", "path", "chosen"), [("sse", "/sse", "streamable-http"), ("streamable-http", "/mcp", "sse")])
def test_over_the_wrong_transport(endpoint, tmp_path, transport, path, chosen):
    with http_server(transport) as port:
        url = f"my=http://127.0.0.1:{port}{path}"
        error = evaluate(endpoint, tmp_path, "--mcp-server-url", url, "--mcp-transport", chosen)
    assert "the MCP server my: MCP server 127.0.0.1: " in error
