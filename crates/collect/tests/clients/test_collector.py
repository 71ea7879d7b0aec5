"""A collector between a program and the server: rotel, started as docs/send-your-data.md says."""

import pathlib
import re
import shlex
import socket
import subprocess
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import rotel

GUIDE = pathlib.Path(__file__).parents[4] / "docs" / "send-your-data.md"
PROGRAM = pathlib.Path(rotel.__file__).parent / "rotel-agent"


def free_address():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return "%s:%d" % listener.getsockname()


def listens(address):
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_rotel(server, tmp_path):
    section = GUIDE.read_text().split("\n## A collector in between\n")[1].split("\n## ")[0]
    command = re.search(r"^\$ (rotel-agent (?:.*\\\n)*.*)", section, re.M)[1]
    http = free_address()
    command = (
        command.replace("127.0.0.1:14317", free_address())
        .replace("127.0.0.1:14318", http)
        .replace("http://127.0.0.1:4317", server.grpc)
    )
    arguments = [PROGRAM, *shlex.split(command.replace("\\\n", ""))[1:]]
    collector = subprocess.Popen(
        [*arguments, "--pid-file", tmp_path / "pid", "--log-file", tmp_path / "log"], cwd=tmp_path
    )
    try:
        deadline = time.monotonic() + 30
        while not listens(http):
            assert collector.poll() is None and time.monotonic() < deadline, "it never listened"
            time.sleep(0.05)
        resource = Resource.create({"service.name": "behind-rotel", "run.id": "behind-rotel"})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"http://{http}/v1/traces")))
        tracer = provider.get_tracer("agent")
        for tokens in range(1, 21):
            call = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": tokens}
            with tracer.start_as_current_span("chat", attributes=call):
                pass
        provider.shutdown()
        row = server.run("behind-rotel", lambda row: row["total_tokens"] == 210)
        assert row["total_tests"] == 20
    finally:
        collector.terminate()
        collector.wait(30)
