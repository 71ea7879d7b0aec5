"""A scripted endpoint that speaks OpenAI's API, streamed or not."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Endpoint:
    """Gives each task's replies one after the other, and the last one again and again. 1,000 input and 100 output
    tokens each."""

    def __init__(self):
        self.script = {}
        self.asked = {}
        self.lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                message = {"role": "assistant", **endpoint.reply(request)}
                # As endpoints do, whoever writes: nothing comes after a stop text.
                for stop in request.get("stop") or []:
                    if message["content"]:
                        message["content"] = message["content"].split(stop)[0]
                usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
                answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "scripted"}
                if request.get("stream"):
                    chunk = answer | {"object": "chat.completion.chunk"}
                    calls = [call | {"index": n} for n, call in enumerate(message.get("tool_calls", []))]
                    delta = message | ({"tool_calls": calls} if calls else {})
                    choice = {"index": 0, "delta": delta, "finish_reason": "stop"}
                    events = [chunk | {"choices": [choice]}, chunk | {"choices": [], "usage": usage}]
                    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
                    self.answer(body.encode(), "text/event-stream")
                else:
                    choice = {"index": 0, "finish_reason": "stop", "message": message}
                    self.answer(json.dumps(answer | {"choices": [choice], "usage": usage}).encode(), "application/json")

            def answer(self, body, content_type):
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def play(self, script):
        """From now on, by prompt."""
        self.script, self.asked = script, {}

    def reply(self, request):
        text = json.dumps(request["messages"])
        [prompt] = [prompt for prompt in self.script if json.dumps(prompt)[1:-1] in text]
        with self.lock:
            number = self.asked.get(prompt, 0)
            self.asked[prompt] = number + 1
        replies = self.script[prompt]
        return replies[min(number, len(replies) - 1)]


@pytest.fixture(scope="session")
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.server.shutdown()
