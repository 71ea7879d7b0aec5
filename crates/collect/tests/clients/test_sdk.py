"""The OpenTelemetry SDKs, over every transport they have."""

import pathlib
import subprocess

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

JS = pathlib.Path(__file__).parent / "js"


def exporters(server, transport):
    if transport == "grpc":
        return GrpcSpans(server.grpc, insecure=True), GrpcMetrics(server.grpc, insecure=True)
    if transport == "grpc gzip":
        gzip = {"insecure": True, "compression": grpc.Compression.Gzip}
        return GrpcSpans(server.grpc, **gzip), GrpcMetrics(server.grpc, **gzip)
    compression = Compression.Gzip if transport == "http gzip" else Compression.NoCompression
    return (
        HttpSpans(f"{server.http}/v1/traces", compression=compression),
        HttpMetrics(f"{server.http}/v1/metrics", compression=compression),
    )


@pytest.mark.parametrize("transport", ["grpc", "grpc gzip", "http", "http gzip"])
def test_python(server, transport):
    run = f"python {transport}"
    resource = Resource.create({"service.name": "python-agent", "run.id": run})
    span_exporter, metric_exporter = exporters(server, transport)

    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(span_exporter))
    tracer = spans.get_tracer("python")
    test = {"test.id": "t1", "agent.type": "tool"}
    with tracer.start_as_current_span("test_evaluation", attributes=test):
        with tracer.start_as_current_span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent"}) as agent:
            for tokens in (100, 23):
                call = {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.request.model": "python-model",
                    "gen_ai.usage.input_tokens": tokens,
                    "gen_ai.usage.output_tokens": 7,
                }
                with tracer.start_as_current_span("chat python-model", attributes=call):
                    pass
            # A parent that repeats the sum of its children adds nothing.
            agent.set_attribute("gen_ai.usage.input_tokens", 123)
    assert spans.force_flush()
    spans.shutdown()

    reader = PeriodicExportingMetricReader(metric_exporter, export_interval_millis=3_600_000)
    meters = MeterProvider(resource=resource, metric_readers=[reader])
    meter = meters.get_meter("python")
    co2 = meter.create_counter("gen_ai.co2.emissions", unit="gCO2e")
    power = meter.create_gauge("gen_ai.gpu.power", unit="W")
    latency = meter.create_histogram("gen_ai.client.operation.duration", unit="s")
    for gpu in ("0", "1"):
        co2.add(0.25, {"gpu_id": gpu})
        power.set(300 + 100 * int(gpu), {"gpu_id": gpu})
        latency.record(0.5)
    assert meters.force_flush()
    meters.shutdown()

    row = server.run(run, lambda row: row["co2_emissions_g"] and row["total_tokens"])
    assert row["total_tokens"] == 137
    assert row["model"] == "python-model"
    assert (row["co2_emissions_g"], row["co2_source"]) == (0.5, "reported")
    assert (row["gpu_count"], row["gpu_power_avg_w"]) == (2, 350)
    assert row["total_tests"] == 1
    kinds = [span["kind"] for span in server.spans(run)]
    assert sorted(kinds) == ["AGENT", "EVALUATION", "LLM", "LLM"]
    # Once at the flush and once at the shutdown.
    histogram = server.sql(f"SELECT value FROM points WHERE run_id = '{run}' AND instrument = 'histogram'")
    assert histogram == [{"value": 1.0}] * 2


@pytest.mark.parametrize("form", ["http", "proto"])
def test_javascript(server, form):
    run = f"javascript {form}"
    subprocess.run(["node", JS / "send.mjs", server.http, run, form], check=True)
    row = server.run(run, lambda row: row["co2_emissions_g"] and row["total_tokens"])
    assert row["total_tokens"] == 137
    assert row["model"] == "js-model"
    assert (row["co2_emissions_g"], row["gpu_power_avg_w"]) == (0.25, 300)
    # All may have begun in the same millisecond.
    agent, *calls = sorted(server.spans(run), key=lambda span: span["kind"])
    assert (agent["kind"], [call["kind"] for call in calls]) == ("AGENT", ["LLM", "LLM"])
    assert {call["parent_span_id"] for call in calls} == {agent["span_id"]}


def test_a_refusal_is_no_success(server):
    """gRPC tells a client what is wrong, in the status."""
    channel = grpc.insecure_channel(server.grpc.removeprefix("http://"))
    call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"\x0a\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "cut off" in refused.value.details()
    with pytest.raises(grpc.RpcError) as unknown:
        channel.unary_unary("/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export")(b"")
    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert call(b"") == b""
