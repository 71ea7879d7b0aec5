#!/usr/bin/env python3
"""Runs smolagents agents for `smoltrace eval`: one task a process, or a server for many.

    pip install 'smolagents[openai]' openinference-instrumentation-smolagents opentelemetry-exporter-otlp-proto-http

    smoltrace eval --model gpt-4.1-nano --provider openai --agent-name tool \\
        --agent-command 'python examples/smolagents_runner.py --agent tool --model gpt-4.1-nano'

    python examples/smolagents_runner.py --agent code --model gpt-4.1-nano --serve 8765 &
    smoltrace eval --model gpt-4.1-nano --provider openai --agent-name code --agent-url http://127.0.0.1:8765

A task comes as a JSON object with `prompt`, `max_steps`, `traceparent` and `otlp_endpoint`; the answer is a JSON
object with `answer`, `tools_used`, `steps`, `stop_reason` and whether `final_answer` was called. Put tools of your
own into TOOLS. The key of the endpoint is read from OPENAI_API_KEY.
"""

import argparse
import json
import os
import sys
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool
from smolagents.memory import ActionStep
from smolagents.utils import AgentMaxStepsError


@tool
def get_weather(location: str) -> str:
    """Gets the current weather for a given location. Returns temperature and conditions.

    Args:
        location: The city and country, e.g. 'Paris, France'
    """
    known = {
        "paris": "20°C, Partly Cloudy",
        "london": "15°C, Rainy",
        "new york": "25°C, Sunny",
        "tokyo": "18°C, Clear",
        "sydney": "22°C, Windy",
    }
    weather = known.get(location.split(",")[0].strip().lower(), "22°C, Clear")
    return f"Weather in {location.strip()}: {weather} (simulated)"


@tool
def get_current_time(timezone_name: str = "UTC") -> str:
    """Gets the current time in UTC.

    Args:
        timezone_name: UTC
    """
    return f"Current time in UTC: {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S}"


TOOLS = [get_weather, get_current_time]


def counted(tools, used):
    """The tools, with the name of each that answered appended to `used`."""

    def count(one):
        forward = one.forward

        def call(*args, **kwargs):
            answer = forward(*args, **kwargs)
            used.append(one.name)
            return answer

        one.forward = call
        return one

    # Every execution has its own: they may run side by side.
    return [count(one.__class__()) for one in tools]


def run(task, options):
    """One execution."""
    used = []
    kind = {"tool": ToolCallingAgent, "code": CodeAgent}[options.agent]
    model = OpenAIServerModel(
        model_id=options.model,
        api_base=options.base_url,
        api_key=os.environ.get("OPENAI_API_KEY", "none"),
    )
    agent = kind(
        tools=counted(TOOLS, used), model=model, max_steps=task.get("max_steps") or options.max_steps, verbosity_level=0
    )
    told = {"tools_used": used}
    try:
        answer = agent.run(task["prompt"])
        told["answer"] = None if answer is None else str(answer)
    except Exception as error:  # Whatever ends the agent is the result of the task.
        told |= {"error": str(error), "stop_reason": "error"}
    actions = [step for step in agent.memory.steps if isinstance(step, ActionStep)]
    ran_out = [step for step in actions if isinstance(step.error, AgentMaxStepsError)]
    told["steps"] = len(actions) - len(ran_out)
    told["ran_code"] = any(step.code_action for step in actions)
    told["final_answer_called"] = "answer" in told and not ran_out
    if "answer" in told:
        told["stop_reason"] = "max_steps" if ran_out else "final_answer"
    return told


class Tracing:
    """Spans of the agents to where `smoltrace eval` says, as part of the task's trace."""

    def __init__(self):
        self.provider = None
        self.endpoint = None
        self.lock = threading.Lock()

    def start(self, task):
        """Begins to export, when there is somewhere to export to."""
        endpoint = task.get("otlp_endpoint")
        # Tasks come side by side, and instrumenting twice would lose spans.
        with self.lock:
            if endpoint and endpoint != self.endpoint:
                self.provider, self.endpoint = self.exporting(task, endpoint), endpoint

    def exporting(self, task, endpoint):
        from openinference.instrumentation.smolagents import SmolagentsInstrumentor
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource.create({"service.name": "smolagents", "run.id": task["run_id"]})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
        if self.provider:
            # Another run: its spans go to another place.
            SmolagentsInstrumentor().uninstrument()
            self.provider.shutdown()
        SmolagentsInstrumentor().instrument(tracer_provider=provider)
        return provider

    def run(self, task, options):
        self.start(task)
        if not self.provider:
            return run(task, options)
        from opentelemetry import context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract({"traceparent": task["traceparent"]})
        token = context.attach(parent)
        try:
            return run(task, options)
        finally:
            context.detach(token)
            # The spans are there before the answer: the test is accounted when it is done.
            self.provider.force_flush()


def serve(port, tracing, options):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            task = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps(tracing.run(task, options)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", choices=["tool", "code"], default="tool")
    parser.add_argument("--model", required=True)
    parser.add_argument("--base-url", help="of an OpenAI-compatible endpoint")
    parser.add_argument("--max-steps", type=int, default=6)
    parser.add_argument("--serve", type=int, metavar="PORT", help="answer tasks at this port until stopped")
    options = parser.parse_args()
    tracing = Tracing()
    if options.serve is not None:
        serve(options.serve, tracing, options)
    else:
        print(json.dumps(tracing.run(json.load(sys.stdin), options)))


if __name__ == "__main__":
    main()
