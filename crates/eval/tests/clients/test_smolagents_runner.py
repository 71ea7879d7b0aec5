"""Real smolagents agents, run by examples/smolagents_runner.py, against our own: the same endpoint, the same tasks, the same
results."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BINARY = os.environ["SMOLTRACE_BIN"]
RUNNER = Path(__file__).parents[4] / "examples/smolagents_runner.py"


def call(name, arguments, id="call_1"):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": id, "type": "function", "function": {"name": name, "arguments": text}}


def calls(*made):
    return {"content": None, "tool_calls": list(made)}


def says(text):
    return {"content": text}


def code(text):
    return says(f"Thought: I do it.\n<code>\n{text}\n</code>")


PARIS = {"location": "Paris, France"}
LONDON = {"location": "London, UK"}

# Prompt -> what the model answers, call by call.
TOOL = {
    "tool one": [calls(call("get_weather", PARIS)), calls(call("final_answer", {"answer": "20 degrees"}))],
    "tool two at once": [
        calls(call("get_weather", PARIS, "a"), call("get_weather", LONDON, "b")),
        calls(call("final_answer", {"answer": "Paris"})),
    ],
    "tool wrong argument": [
        calls(call("get_weather", {"city": "Paris"})),
        calls(call("get_weather", PARIS)),
        calls(call("final_answer", {"answer": "20 degrees"})),
    ],
    "tool unknown": [calls(call("get_news", {})), calls(call("final_answer", {"answer": "nothing is known"}))],
    "tool in the text": [
        says('Action:\n{"name": "get_weather", "arguments": {"location": "Paris, France"}}'),
        calls(call("final_answer", {"answer": "20"})),
    ],
    "tool just words": [says("I think about it"), calls(call("final_answer", {"answer": "20"}))],
    "tool without end": [calls(call("get_weather", PARIS))],
    "tool wrong answer": [calls(call("get_weather", PARIS)), calls(call("final_answer", {"answer": "a lot"}))],
    "tool no tool": [calls(call("final_answer", {"answer": "20 degrees"}))],
}
CODE = {
    "code one": [code("print(get_weather('Paris, France'))"), code("final_answer('20 degrees')")],
    "code at once": [code("final_answer(get_weather(location='Paris, France'))")],
    "code that fails": [code("1 / 0"), code("final_answer(20)")],
    "code that remembers": [code("x = 19"), code("y = x + 1"), code("final_answer(y)")],
    "code missing": [says("only words"), code("final_answer('20')")],
    "code without end": [code("print('again')")],
    "code wrong answer": [code("final_answer('a lot')")],
    "code loop": [code("for city in ['Paris', 'London']:\n    print(get_weather(city))"), code("final_answer(20.0)")],
}


def evaluate(data, run, *arguments):
    command = [BINARY, "eval", "--data-dir", data, "--run-id", run, "--max-steps", "3", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    query = f"""SELECT test_id, success, tool_called, correct_tool, final_answer_called, response_correct, response, steps,
        stop_reason, array_to_string(tools_used, ',') AS tools, input_tokens, output_tokens, total_tokens, llm_calls
        FROM results WHERE run_id = '{run}' ORDER BY test_id"""
    told = subprocess.run([BINARY, "sql", query, "--json", "--data-dir", data], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


@pytest.mark.parametrize(("agent", "script"), [("tool", TOOL), ("code", CODE)], ids=["tool agent", "code agent"])
def test_same_results(endpoint, tmp_path, agent, script):
    tasks = tmp_path / "tasks.jsonl"
    row = {"expected_tool": "get_weather", "expected_keywords": ["20"], "agent_type": agent}
    tasks.write_text("".join(json.dumps({"id": prompt, "prompt": prompt, **row}) + "\n" for prompt in script))
    data = str(tmp_path / "tables")
    common = ["--model", "scripted", "--base-url", endpoint.url, "--tasks", str(tasks), "--parallel-workers", "4"]

    endpoint.play(script)
    ours = evaluate(data, f"ours-{agent}", *common, "--agent-type", agent)
    asked = dict(endpoint.asked)

    endpoint.play(script)
    words = [sys.executable, str(RUNNER), "--agent", agent, "--model", "scripted", "--base-url", endpoint.url]
    theirs = evaluate(data, f"theirs-{agent}", *common, "--agent-command", shlex.join(words), "--agent-name", agent)

    assert endpoint.asked == asked
    assert len(ours) == len(script)
    for one, other in zip(ours, theirs, strict=True):
        # What is left to the model when no step is left is its own text in both.
        assert one == other
