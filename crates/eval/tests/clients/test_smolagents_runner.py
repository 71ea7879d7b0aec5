"""Real smolagents agents, run by examples/smolagents_runner.py, against our own: the same endpoint, the same tasks, the same
results."""

import json
import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
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
    "tool answer is a number": [calls(call("get_weather", PARIS)), calls(call("final_answer", {"answer": 20}))],
    "tool answer is a list": [
        calls(call("get_weather", PARIS)),
        calls(call("final_answer", {"answer": [20, "degrees", None, True, 1.5, {"a": "it's"}]})),
    ],
    "tool answer is empty": [calls(call("get_weather", PARIS)), calls(call("final_answer", {"answer": ""}))],
    "tool answer is missing": [
        calls(call("get_weather", PARIS)),
        calls(call("final_answer", {})),
        calls(call("final_answer", {"answer": "20"})),
    ],
    "tool answer by another name": [
        calls(call("get_weather", PARIS)),
        calls(call("final_answer", {"result": "20"})),
        calls(call("final_answer", {"answer": "20"})),
    ],
    "tool answer beside a call": [
        calls(call("get_weather", PARIS, "a"), call("final_answer", {"answer": "20"}, "b")),
        calls(call("final_answer", {"answer": "20 degrees"})),
    ],
    "tool arguments are no JSON": [
        calls(call("get_weather", "{location: Paris")),
        calls(call("get_weather", PARIS)),
        calls(call("final_answer", {"answer": "20"})),
    ],
    "tool arguments are one too many": [
        calls(call("get_weather", PARIS | {"unit": "C"})),
        calls(call("get_weather", PARIS)),
        calls(call("final_answer", {"answer": "20"})),
    ],
    "tool argument of another type": [
        calls(call("get_weather", {"location": 75})),
        calls(call("final_answer", {"answer": "20"})),
    ],
    "tool argument left out": [calls(call("get_current_time", {})), calls(call("final_answer", {"answer": "20:00"}))],
    "tool words beside a call": [
        {"content": "I look it up.", "tool_calls": [call("get_weather", PARIS)]},
        {"content": "Done.", "tool_calls": [call("final_answer", {"answer": "20"})]},
    ],
    "tool same call again": [calls(call("get_weather", PARIS))] * 2 + [calls(call("final_answer", {"answer": "20"}))],
    "tool nothing at all": [says(""), calls(call("final_answer", {"answer": "20"}))],
    "tool answer of other letters": [
        calls(call("get_weather", {"location": "S\u00e3o Paulo, Brazil"})),
        calls(call("final_answer", {"answer": "20 \u00b0C \u2600\ufe0f"})),
    ],
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
    "code fenced": [says("Thought: I do it.\n```python\nfinal_answer('20')\n```")],
    "code in two blocks": [says("<code>\nx = 10\n</code>\nand then\n<code>\nfinal_answer(x + 10)\n</code>")],
    "code that is none": [code("this is no Python"), code("final_answer('20')")],
    "code with an import": [code("import math\nprint(math.sqrt(400))"), code("final_answer(int(math.sqrt(400)))")],
    "code with a forbidden import": [code("import os\nos.listdir('/')"), code("final_answer('20')")],
    "code with an unknown name": [code("print(temperature)"), code("final_answer('20')")],
    "code with a wrong argument": [code("get_weather(city='Paris')"), code("final_answer('20')")],
    "code with an exception caught": [
        code("try:\n    1 / 0\nexcept ZeroDivisionError:\n    x = 20\nprint(x)"),
        code("final_answer(x)"),
    ],
    "code with a function": [
        code("def warmer(a, b):\n    return max(a, b)\nprint(get_weather('Paris, France'))"),
        code("final_answer(f'{warmer(15, 20)} degrees')"),
    ],
    "code that ends in a function": [code("def end(x):\n    final_answer(x)\nend('20')")],
    "code that ends in a loop": [code("for x in range(15, 30):\n    if x == 20:\n        final_answer(x)")],
    "code after the answer": [code("final_answer('20')\nprint(get_weather('London, UK'))")],
    "code before the answer": [code("w = get_weather('Paris, France')\nprint(w)\nfinal_answer(w)")],
    "code answer by name": [code("final_answer(answer='20')")],
    "code answer is a list": [code("final_answer([20, 'degrees', None, True, 1.5, {'a': \"it's\"}, (1,)])")],
    "code answer is true": [code("final_answer(20 > 15)")],
    "code answer is a fraction": [code("final_answer(100 / 5)")],
    "code answer is empty": [code("final_answer('')")],
    "code without a call": [code("20")],
    "code of other letters": [code("final_answer('20 \u00b0C \u2600\ufe0f')")],
    "code prints a lot": [code("print('20 ' * 30000)"), code("final_answer('20')")],
}


def evaluate(data, run, *arguments):
    command = [BINARY, "eval", "--data-dir", data, "--run-id", run, "--max-steps", "3", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    query = f"""SELECT test_id, success, tool_called, correct_tool, final_answer_called, response_correct, response, steps,
        stop_reason, array_to_string(tools_used, ',') AS tools, input_tokens, output_tokens, total_tokens, llm_calls
        FROM results WHERE run_id = '{run}' ORDER BY test_id"""
    told = subprocess.run([BINARY, "sql", query, "--json", "--data-dir", data], capture_output=True, text=True, check=True)
    return {row["test_id"]: row for row in json.loads(told.stdout)}


def write_tasks(path, agent, prompts):
    row = {"expected_tool": "get_weather", "expected_keywords": ["20"], "agent_type": agent}
    path.write_text("".join(json.dumps({"id": prompt, "prompt": prompt, **row}) + "\n" for prompt in prompts))
    return ["--model", "scripted", "--tasks", str(path), "--parallel-workers", "4"]


@contextmanager
def runner(endpoint, agent):
    """A server of real smolagents agents, for as long as it is needed."""
    command = [sys.executable, str(RUNNER), "--agent", agent, "--model", "scripted", "--base-url", endpoint.url]
    process = subprocess.Popen([*command, "--serve", "0"], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(("agent", "script"), [("tool", TOOL), ("code", CODE)], ids=["tool agent", "code agent"])
def test_same_results(endpoint, tmp_path, agent, script):
    data = str(tmp_path / "tables")
    common = [*write_tasks(tmp_path / "tasks.jsonl", agent, script), "--base-url", endpoint.url]

    endpoint.play(script)
    ours = evaluate(data, f"ours-{agent}", *common, "--agent-type", agent)
    asked = dict(endpoint.asked)

    endpoint.play(script)
    with runner(endpoint, agent) as url:
        theirs = evaluate(data, f"theirs-{agent}", *common, "--agent-url", url, "--agent-name", agent)
        asked_by_them = dict(endpoint.asked)
        # The same server for another run.
        endpoint.play(script)
        again = evaluate(data, f"again-{agent}", *common, "--limit", "1", "--agent-url", url, "--agent-name", agent)

    [first] = again
    assert again[first] == theirs[first]
    assert ours.keys() == theirs.keys() == script.keys()
    # What is left to the model when no step is left is its own text in both.
    differences = {
        prompt: {field: (ours[prompt][field], value) for field, value in row.items() if ours[prompt][field] != value}
        for prompt, row in theirs.items()
        if ours[prompt] != row
    }
    assert not differences
    assert asked_by_them == asked


@pytest.mark.parametrize(("agent", "prompt"), [("tool", "tool one"), ("code", "code one")])
def test_one_process_a_task(endpoint, tmp_path, agent, prompt):
    script = {prompt: (TOOL | CODE)[prompt]}
    endpoint.play(script)
    words = [sys.executable, str(RUNNER), "--agent", agent, "--model", "scripted", "--base-url", endpoint.url]
    common = write_tasks(tmp_path / "tasks.jsonl", agent, script)
    told = evaluate(
        str(tmp_path / "tables"), "run", *common, "--agent-command", shlex.join(words), "--agent-name", agent
    )
    assert told[prompt]["success"] is True
    assert (told[prompt]["steps"], told[prompt]["llm_calls"], told[prompt]["input_tokens"]) == (2, 2, 2000)
