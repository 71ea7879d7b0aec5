//! Seeded, physically consistent simulated runs, written as run folders in SMOLTRACE's JSON form: power
//! follows load, energy is its integral, CO2 and cost are energy times a constant, spans nest as an agent's
//! do. Every folder says `simulated`.

use std::{fs, io, path::Path};

use serde_json::{Map, Value, json};
use smoltrace_model::time::iso_micros;

use super::{
    profiles::{PROFILES, Profile, TASKS, Task},
    random::Random,
};

/// World average of 2023 in g CO2e per kWh as SMOLTRACE's client assumes it, and its default price.
const GRAMS_PER_KWH: f64 = 475.0;
const USD_PER_KWH: f64 = 0.12;
const SAMPLE_NS: i64 = 2_000_000_000;
/// 2026-10-05T08:00:00Z: a fixed past, so that the same seed gives the same runs on any day.
const FIRST_DAY_NS: i64 = 1_791_187_200_000_000_000;
const DAY_NS: i64 = 86_400_000_000_000;

/// How large a simulated run is.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    pub tasks: usize,
    pub agents: &'static [&'static str],
}

impl Default for Scale {
    fn default() -> Self {
        Self { tasks: TASKS.len(), agents: &["tool", "code"] }
    }
}

/// Writes `count` run folders under `dir`, spread over some weeks and all profiles.
pub fn write_simulated_runs(dir: &Path, count: u32, seed: u64, scale: Scale) -> io::Result<()> {
    for index in 0..count {
        let mut random = Random::new(seed.wrapping_mul(0x1000_0001).wrapping_add(u64::from(index)));
        let profile = &PROFILES[index as usize % PROFILES.len()];
        let round = i64::from(index) / PROFILES.len() as i64;
        let start = FIRST_DAY_NS
            + (round * 14 + i64::from(index) % PROFILES.len() as i64 * 2) * DAY_NS
            + (random.between(0.0, 8.0) * 3.6e12) as i64;
        let mut run = Run::new(profile, index, start, round, random);
        run.evaluate(scale);
        run.write(&dir.join(format!("simulated_{index:05}")))?;
    }
    Ok(())
}

/// Writes one run folder whose only trace has `spans` spans, for trying out size.
pub fn write_big_trace(dir: &Path, spans: u32, seed: u64) -> io::Result<()> {
    let mut run = Run::new(&PROFILES[0], 99_999, FIRST_DAY_NS, 0, Random::new(seed));
    run.big_trace(spans);
    run.write(&dir.join("simulated_big_trace"))
}

struct Run<'a> {
    profile: &'a Profile,
    run_id: String,
    start: i64,
    round: i64,
    random: Random,
    traces: Vec<Value>,
    results: Vec<Value>,
    /// `(from, to, load)` stretches in which the GPUs work.
    busy: Vec<(i64, i64, f64)>,
    end: i64,
    partial: bool,
}

impl<'a> Run<'a> {
    fn new(profile: &'a Profile, index: u32, start: i64, round: i64, mut random: Random) -> Self {
        let run_id = format!("simulated-{index:05}-{}", random.hex(8));
        Self {
            profile,
            run_id,
            start,
            round,
            random,
            traces: Vec::new(),
            results: Vec::new(),
            busy: Vec::new(),
            end: start,
            partial: index % 11 == 6,
        }
    }

    fn evaluate(&mut self, scale: Scale) {
        let executions: Vec<(&str, &Task)> = scale
            .agents
            .iter()
            .flat_map(|agent| TASKS.iter().take(scale.tasks).map(move |task| (*agent, task)))
            .collect();
        let stop = if self.partial { executions.len() * 2 / 3 } else { executions.len() };
        // Each worker takes the next test when it is done with its last.
        let mut free = vec![self.start + 1_500_000_000; self.profile.workers.max(1)];
        for (agent, task) in executions.into_iter().take(stop) {
            let worker = (0..free.len()).min_by_key(|&worker| free[worker]).unwrap_or(0);
            free[worker] = self.test(agent, task, free[worker]) + 40_000_000;
        }
        self.end = free.into_iter().max().unwrap_or(self.start);
    }

    /// One test; returns its end.
    fn test(&mut self, agent: &str, task: &Task, start: i64) -> i64 {
        let hardness = match task.difficulty {
            "easy" => 0.22,
            "medium" => 0.0,
            _ => -0.24,
        };
        let skill = self.profile.skill + hardness + 0.025 * self.round as f64
            - if agent == "code" { 0.03 } else { 0.0 };
        let passes = self.random.chance(skill.clamp(0.03, 0.98));
        let breaks = !passes && self.random.chance(0.3);
        let steps = if passes { 2 + self.random.below(2) } else { 3 + self.random.below(3) };
        let mut spans = SpanWriter::new(&mut self.random, &self.run_id);
        let root = spans.id();
        let runner = spans.id();
        let mut now = start + 2_000_000;
        let mut prompt_tokens = 900.0 + task.prompt.len() as f64 / 4.0 + spans.random.between(0.0, 200.0);
        let mut tools_used = Vec::new();
        let (mut input_total, mut output_total) = (0, 0);
        for step in 1..=steps {
            let step_id = spans.id();
            let step_start = now;
            let output = spans.random.between(40.0, if agent == "code" { 260.0 } else { 120.0 });
            let input = prompt_tokens as i64;
            let seconds = 0.12
                + prompt_tokens / (self.profile.tokens_per_second * 60.0)
                + output / self.profile.tokens_per_second;
            let call_end = now + 3_000_000 + (seconds * 1e9) as i64;
            let last = step == steps;
            let failed_call = breaks && last;
            let mut call = json!({
                "openinference.span.kind": "LLM", "gen_ai.operation.name": "chat",
                "gen_ai.request.model": self.profile.model, "gen_ai.provider.name": "simulated",
                "input.value": task.prompt,
            });
            if failed_call {
                call["error.type"] = json!("ServerOverloaded");
            } else {
                call["gen_ai.usage.input_tokens"] = json!(input);
                call["gen_ai.usage.output_tokens"] = json!(output as i64);
                call["output.value"] = json!(if last { task.answer } else { "calling a tool" });
                if self.profile.output_usd > 0.0 {
                    call["gen_ai.usage.cost.total"] = json!(
                        (input as f64 * self.profile.input_usd + output.floor() * self.profile.output_usd)
                            / 1e6
                    );
                }
                input_total += input;
                output_total += output as i64;
            }
            let error = failed_call.then_some("the model server answered 503 three times");
            spans.push(None, Some(&step_id), "chat", now + 3_000_000, call_end, call, error);
            self.busy.push((now + 3_000_000, call_end, spans.random.between(0.75, 1.0)));
            now = call_end + 1_000_000;
            if !last {
                let name = if agent == "code" { "python_interpreter" } else { task.tool };
                let tool_end = now + (spans.random.between(2.0, 180.0) * 1e6) as i64;
                let attributes = json!({
                    "openinference.span.kind": "TOOL", "tool.name": name,
                    "input.value": task.arguments, "output.value": task.answer,
                });
                spans.push(None, Some(&step_id), name, now, tool_end, attributes, None);
                tools_used.push(name);
                now = tool_end + 1_000_000;
            }
            let attributes = json!({ "openinference.span.kind": "CHAIN" });
            spans.push(
                Some(&step_id),
                Some(&runner),
                &format!("Step {step}"),
                step_start,
                now,
                attributes,
                error,
            );
            prompt_tokens += output + spans.random.between(40.0, 160.0);
            now += 2_000_000;
        }
        let error = breaks.then_some("the model server answered 503 three times");
        let attributes = json!({
            "openinference.span.kind": "AGENT",
            // The agent repeats its calls' sum, as real instrumentations do.
            "llm.token_count.prompt": input_total, "llm.token_count.completion": output_total,
        });
        let name = if agent == "code" { "CodeAgent.run" } else { "ToolCallingAgent.run" };
        spans.push(Some(&runner), Some(&root), name, start + 1_000_000, now, attributes, error);
        now += 1_000_000;
        let uid = format!("{agent}:{}", task.id);
        let attributes = json!({
            "test.id": task.id, "test.case_uid": uid, "test.difficulty": task.difficulty, "agent.type": agent,
            "prompt": task.prompt,
        });
        spans.push(Some(&root), None, "test_evaluation", start, now, attributes, error);
        let (trace_id, written) = spans.finish();
        self.traces.push(json!({
            "trace_id": trace_id, "run_id": self.run_id, "root_span_id": root, "test_ids": [task.id],
            "test_case_uids": [uid], "agent_type": agent, "spans": written,
        }));
        self.results.push(json!({
            "model": self.profile.model, "task_id": task.id, "test_case_uid": uid, "agent_type": agent,
            "difficulty": task.difficulty, "category": task.category, "prompt": task.prompt,
            "expected_tool": task.tool, "success": passes, "tool_called": !tools_used.is_empty(),
            "correct_tool": tools_used.contains(&task.tool) || agent == "code",
            "final_answer_called": !breaks, "response_correct": passes, "tools_used": tools_used,
            "steps": steps,
            "response": if breaks { Value::Null } else if passes { json!(task.answer) } else { json!("I could not find out.") },
            "error": error, "stop_reason": if breaks { "error" } else { "final_answer" }, "timed_out": false,
            "trace_id": trace_id, "span_id": root, "run_id": self.run_id,
        }));
        now
    }

    fn big_trace(&mut self, count: u32) {
        let mut spans = SpanWriter::new(&mut self.random, &self.run_id);
        let root = spans.id();
        let mut parents = vec![root.clone()];
        let step = 2_000_000;
        let mut now = self.start;
        for index in 1..count.max(1) {
            let id = spans.id();
            // Ten children a parent, mostly near the end of what is there: deep and wide at once.
            let parent = parents[parents.len() - 1 - spans.random.below(parents.len().min(10))].clone();
            let (kind, name) = match index % 5 {
                0 => ("CHAIN", "plan"),
                1 | 2 => ("LLM", "chat"),
                _ => ("TOOL", "search"),
            };
            let mut attributes = json!({ "openinference.span.kind": kind });
            if kind == "LLM" {
                attributes["gen_ai.usage.input_tokens"] = json!(100 + index % 50);
                attributes["gen_ai.usage.output_tokens"] = json!(20);
            }
            spans.push(Some(&id), Some(&parent), name, now, now + step, attributes, None);
            if index % 10 == 0 {
                parents.push(id);
            }
            now += step / 2;
        }
        let attributes = json!({ "test.id": "big", "agent.type": "tool" });
        spans.push(Some(&root), None, "test_evaluation", self.start, now + step, attributes, None);
        let (trace_id, written) = spans.finish();
        self.end = now + step;
        self.busy.push((self.start, self.end, 0.9));
        self.traces.push(json!({ "trace_id": trace_id, "run_id": self.run_id, "root_span_id": root,
            "test_ids": ["big"], "agent_type": "tool", "spans": written }));
        self.results.push(json!({ "model": self.profile.model, "task_id": "big", "agent_type": "tool",
            "difficulty": "hard", "prompt": "a trace of many spans", "success": true, "tools_used": ["search"],
            "steps": count, "response": "done", "trace_id": trace_id, "run_id": self.run_id }));
    }

    fn metrics(&mut self) -> Value {
        let profile = self.profile;
        let mut collections = Vec::new();
        let mut joules = vec![0.0; profile.gpus];
        let mut temperature = vec![38.0; profile.gpus];
        // One run in three lost its exporter for a while: a gap, not zeros.
        let gap = (self.round % 3 == 1).then(|| {
            let middle = self.start + (self.end - self.start) / 2;
            (middle, middle + 12 * SAMPLE_NS)
        });
        let mut time = self.start;
        while profile.gpus > 0 && time <= self.end + SAMPLE_NS {
            let (from, to) = (time - SAMPLE_NS, time);
            let busy_ns: f64 = self
                .busy
                .iter()
                .map(|&(start, end, load)| (end.min(to) - start.max(from)).max(0) as f64 * load)
                .sum();
            let load = (busy_ns / SAMPLE_NS as f64).min(1.0);
            let mut rows: [Vec<Value>; 7] = Default::default();
            for gpu in 0..profile.gpus {
                let jitter = self.random.between(0.93, 1.07);
                let watts = profile.idle_w + (profile.load_w - profile.idle_w) * load * jitter;
                if time > self.start {
                    joules[gpu] += watts * SAMPLE_NS as f64 / 1e9;
                }
                temperature[gpu] += (34.0 + watts / profile.load_w * 38.0 - temperature[gpu]) * 0.18;
                let used = profile.memory_total_mib * (0.55 + 0.2 * load + 0.01 * self.random.unit());
                let kwh = joules[gpu] / 3.6e6;
                let values = [
                    (load * 100.0 * jitter).clamp(0.0, 100.0).round(),
                    used,
                    profile.memory_total_mib,
                    temperature[gpu].round(),
                    watts,
                    kwh * GRAMS_PER_KWH,
                    kwh * USD_PER_KWH,
                ];
                for (column, value) in rows.iter_mut().zip(values) {
                    column.push(json!({
                        "attributes": [
                            { "key": "gpu_id", "value": { "stringValue": gpu.to_string() } },
                            { "key": "gpu_name", "value": { "stringValue": profile.gpu_name } },
                        ],
                        "startTimeUnixNano": self.start.to_string(),
                        "timeUnixNano": time.to_string(), "asDouble": value,
                    }));
                }
            }
            if !gap.is_some_and(|(from, to)| time > from && time < to) {
                collections.push(self.collection(rows));
            }
            time += SAMPLE_NS;
        }
        json!({ "run_id": self.run_id, "resourceMetrics": collections, "aggregates": [] })
    }

    fn collection(&self, rows: [Vec<Value>; 7]) -> Value {
        const METRICS: [(&str, &str); 7] = [
            ("gen_ai.gpu.utilization", "%"),
            ("gen_ai.gpu.memory.used", "MiB"),
            ("gen_ai.gpu.memory.total", "MiB"),
            ("gen_ai.gpu.temperature", "Cel"),
            ("gen_ai.gpu.power", "W"),
            ("gen_ai.co2.emissions", "gCO2e"),
            ("gen_ai.power.cost", "USD"),
        ];
        let metrics: Vec<Value> = METRICS
            .iter()
            .zip(rows)
            .map(|((name, unit), points)| {
                let mut metric = json!({ "name": name, "unit": unit });
                if matches!(*unit, "gCO2e" | "USD") {
                    metric["sum"] =
                        json!({ "dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true });
                } else {
                    metric["gauge"] = json!({ "dataPoints": points });
                }
                metric
            })
            .collect();
        json!({
            "resource": { "attributes": [
                { "key": "service.name", "value": { "stringValue": "smoltrace-demo" } },
                { "key": "run.id", "value": { "stringValue": self.run_id } },
                { "key": "smoltrace.simulated", "value": { "boolValue": true } },
            ] },
            "scopeMetrics": [{ "scope": { "name": "smoltrace.demo", "version": "1" }, "metrics": metrics }],
        })
    }

    fn write(mut self, dir: &Path) -> io::Result<()> {
        let timestamp = iso_micros(self.end - self.end.rem_euclid(1_000_000_000));
        let metrics = self.metrics();
        let row: Map<String, Value> = [
            ("run_id", json!(self.run_id)),
            ("model", json!(self.profile.model)),
            ("agent_type", json!("both")),
            ("provider", json!("simulated")),
            ("timestamp", json!(timestamp)),
            ("submitted_by", json!("demo")),
            ("use_case", json!("Operations")),
            ("team", json!("Demo")),
            ("purpose", json!(if self.round == 0 { "selection" } else { "regression" })),
            ("suite_version", json!("1")),
            ("hardware", json!(self.profile.hardware)),
            ("dataset_used", json!("demo/operations")),
            ("run_status", json!(if self.partial { "partial" } else { "completed" })),
            ("simulated", json!(true)),
            ("notes", json!("simulated by `smoltrace demo`; no model and no GPU was involved")),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
        let metadata = json!({ "model": self.profile.model, "agent_type": "both", "simulated": true });
        fs::create_dir_all(dir)?;
        let files = [
            ("results.json", Value::Array(self.results)),
            ("traces.json", Value::Array(self.traces)),
            ("metrics.json", metrics),
            ("leaderboard_row.json", Value::Object(row)),
            ("metadata.json", metadata),
        ];
        for (name, value) in files {
            fs::write(dir.join(name), serde_json::to_vec(&value)?)?;
        }
        Ok(())
    }
}

/// Collects the spans of one trace.
struct SpanWriter<'a> {
    random: &'a mut Random,
    trace_id: String,
    resource: Value,
    spans: Vec<Value>,
}

impl<'a> SpanWriter<'a> {
    fn new(random: &'a mut Random, run_id: &str) -> Self {
        let trace_id = random.hex(32);
        let resource = json!({ "attributes": {
            "service.name": "smoltrace-demo", "run.id": run_id, "smoltrace.simulated": true,
        } });
        Self { random, trace_id, resource, spans: Vec::new() }
    }

    fn id(&mut self) -> String {
        self.random.hex(16)
    }

    #[allow(clippy::too_many_arguments)] // a span has this many parts
    fn push(
        &mut self,
        id: Option<&str>,
        parent: Option<&str>,
        name: &str,
        start: i64,
        end: i64,
        attributes: Value,
        error: Option<&str>,
    ) {
        let id = id.map_or_else(|| self.id(), str::to_owned);
        let events = match error {
            Some(message) => json!([{ "name": "exception", "timestamp": end, "attributes": {
                "exception.type": "ServerOverloaded", "exception.message": message } }]),
            None => json!([]),
        };
        self.spans.push(json!({
            "trace_id": self.trace_id, "span_id": id, "parent_span_id": parent, "name": name,
            "start_time": start, "end_time": end, "attributes": attributes, "events": events,
            "status": { "code": if error.is_some() { "ERROR" } else { "OK" }, "description": error },
            "kind": "INTERNAL", "resource": self.resource,
        }));
    }

    fn finish(self) -> (String, Vec<Value>) {
        (self.trace_id, self.spans)
    }
}
