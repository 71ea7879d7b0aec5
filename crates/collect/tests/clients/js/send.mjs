// One trace and two metrics from the JavaScript SDK. Usage: node send.mjs ENDPOINT RUN_ID (http|proto)

import { trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const [endpoint, run, form] = process.argv.slice(2);
const Exporter = form === 'proto' ? ProtobufExporter : JsonExporter;
const resource = resourceFromAttributes({ 'service.name': 'js-agent', 'run.id': run });

const spans = new NodeTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new Exporter({ url: `${endpoint}/v1/traces` }))],
});
spans.register();
const tracer = trace.getTracer('js');
tracer.startActiveSpan('invoke_agent', { attributes: { 'gen_ai.operation.name': 'invoke_agent' } }, (agent) => {
  for (const input of [100, 23]) {
    const attributes = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'js-model',
      'gen_ai.usage.input_tokens': input,
      'gen_ai.usage.output_tokens': 7,
    };
    tracer.startActiveSpan('chat js-model', { attributes }, (call) => call.end());
  }
  agent.end();
});
await spans.shutdown();

const exporter = new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` });
const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
});
const meter = meters.getMeter('js');
meter.createCounter('gen_ai.co2.emissions', { unit: 'gCO2e' }).add(0.25, { gpu_id: '0' });
meter.createGauge('gen_ai.gpu.power', { unit: 'W' }).record(300, { gpu_id: '0' });
await meters.shutdown();
