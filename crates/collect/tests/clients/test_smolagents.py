"""smolagents with OpenInference's instrumentation, against a scripted model that speaks OpenAI's API."""

import json

import pytest
from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool


def tool_call(name, **arguments):
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"content": None, "tool_calls": [{"id": f"call_{name}", "type": "function", "function": function}]}


def code(text):
    return {"content": f"Thought: I compute it.\n<code>\n{text}\n</code>"}


@tool
def get_weather(city: str) -> str:
    """Gives the weather of a city.

    Args:
        city: Name of the city.
    """
    return f"20 degrees in {city}"


def traced(server, run):
    provider = TracerProvider(resource=Resource.create({"service.name": "smolagents", "run.id": run}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{server.http}/v1/traces")))
    return provider


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        (ToolCallingAgent, [tool_call("get_weather", city="Paris"), tool_call("final_answer", answer="20 degrees")]),
        (CodeAgent, [code("weather = get_weather('Paris')\nprint(weather)"), code("final_answer('20 degrees')")]),
    ],
    ids=["tool agent", "code agent"],
)
def test_agent(server, scripted, kind, script):
    address, answers = scripted
    answers.extend(script)
    run = f"smolagents {kind.__name__}"
    provider = traced(server, run)
    instrumentor = SmolagentsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        model = OpenAIServerModel(model_id="scripted", api_base=address, api_key="none")
        answer = kind(tools=[get_weather], model=model, verbosity_level=0).run("What is the weather in Paris?")
    finally:
        instrumentor.uninstrument()
        provider.shutdown()
    assert answer == "20 degrees"

    row = server.run(run, lambda row: row["total_tokens"])
    # The agent's span repeats the sum of its model calls: each token counts once.
    assert (row["total_tokens"], row["total_input_tokens"], row["total_output_tokens"]) == (2200, 2000, 200)
    assert row["model"] == "scripted"
    spans = server.spans(run)
    kinds = [span["kind"] for span in spans]
    assert kinds.count("LLM") == 2 and kinds.count("TOOL") >= 1, kinds
    [root] = [span for span in spans if "parent_span_id" not in span]
    assert root["kind"] == "AGENT"
    ids = {span["span_id"] for span in spans}
    assert all(span["parent_span_id"] in ids for span in spans if span is not root)
