"""The snippets of docs/send-your-data.md, run as they stand there."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
GUIDE = HERE.parents[3] / "docs" / "send-your-data.md"


def snippets():
    for section in GUIDE.read_text().split("\n## ")[1:]:
        for language, text in re.findall(r"^```(python|javascript)\n(.*?)^```", section, re.M | re.S):
            yield pytest.param(language, text, id=section.splitlines()[0])


@pytest.mark.parametrize(("language", "text"), list(snippets()))
def test_snippet(server, scripted, tmp_path, request, language, text):
    address, answers = scripted
    answers.append({"content": "Thought: I compute it.\n<code>\nfinal_answer(6 * 7)\n</code>"})
    run = re.sub(r"\W+", "-", f"docs {request.node.callspec.id}")
    grpc = "grpc" in text
    environment = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.grpc if grpc else server.http,
        "OTEL_RESOURCE_ATTRIBUTES": f"run.id={run}",
        "OPENAI_BASE_URL": address,
        "OPENAI_API_KEY": "none",
    }
    if language == "python":
        command = [sys.executable, "-c", text]
    else:
        # Beside the packages, where they are found.
        command = ["node", "--input-type=module", "-e", text]
    subprocess.run(command, check=True, env=environment, cwd=HERE / "js")
    row = server.run(run, lambda row: row["total_tokens"])
    assert (row["total_tokens"], row["total_input_tokens"]) == (1100, 1000)
    if "co2" in text:
        row = server.run(run, lambda row: row["co2_emissions_g"])
        assert (row["co2_emissions_g"], row["gpu_power_avg_w"]) == (0.02, 310.0)
    tested = server.sql(f"SELECT DISTINCT test_id FROM results WHERE run_id = '{run}'")
    assert ("test.id" in text) == (tested == [{"test_id": "multiply"}]), tested
