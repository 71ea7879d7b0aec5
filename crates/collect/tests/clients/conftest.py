"""The real server and what it says of a run, and a model server that follows a script."""

import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server:
    def __init__(self, binary, data):
        self.binary, self.data = binary, data
        free = "127.0.0.1:0"
        addresses = ["--listen", free, "--otlp-grpc", free, "--otlp-http", free]
        self.process = subprocess.Popen(
            [binary, "serve", *addresses, "--data-dir", data], stdout=subprocess.PIPE, text=True
        )
        said = {}
        for line in self.process.stdout:
            name, value = re.split(r"\s+", line.strip(), maxsplit=1)
            said[name] = value
            if name == "data":
                break
        self.web, self.grpc, self.http = said["TraceMind"], said["OTLP/gRPC"], said["OTLP/HTTP"]

    def get(self, path):
        with urllib.request.urlopen(f"{self.web}/api/v1/{path}") as answer:
            return json.load(answer)

    def run(self, run_id, ready):
        """The run's row once `ready` says so: it is computed soon after its rows came."""
        deadline = time.monotonic() + 60
        while True:
            try:
                row = self.get(f"runs/{urllib.parse.quote(run_id, safe='')}")["run"]
            except urllib.error.HTTPError as error:
                assert error.code == 404
                row = None
            if row is not None and ready(row):
                return row
            assert time.monotonic() < deadline, f"never came to be: {row}"
            time.sleep(0.05)

    def spans(self, run_id):
        return self.sql(f"SELECT * FROM spans WHERE run_id = '{run_id}' ORDER BY start_time_unix_nano")

    def sql(self, query):
        command = [self.binary, "sql", query, "--json", "--data-dir", self.data]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(os.environ["SMOLTRACE_BIN"], str(tmp_path_factory.mktemp("data") / "tables"))
    yield server
    server.stop()


@pytest.fixture
def scripted():
    """A model server that gives the answers of its script, 1,000 input and 100 output tokens each."""
    answers = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **answers.pop(0)}}
            usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
            answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "scripted"}
            body = json.dumps(answer | {"choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", answers
    server.shutdown()
