//! SMOLTRACE run folders of every age.

use std::path::Path;

use serde_json::{Map, Value, json};
use smoltrace_exchange::InputErrorKind;
use smoltrace_model::{account::account_run, inputs::RunInputs, trace::summarize};

use crate::support::{fixture, import, vectors};

#[test]
fn the_recorded_run_has_its_totals() {
    let runs = import(&fixture("smoltrace_run_two_gpus")).unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    let vectors = vectors("traces.json");
    let expected = &vectors["recordings"][0];
    assert_eq!(run.run_id, expected["run"]["run_id"]);
    assert_eq!(run.origin, "smoltrace-json");
    assert!(run.declared.notes.is_empty(), "{:?}", run.declared.notes);
    assert_eq!(run.declared.leaderboard_row["total_tokens"], 78006);
    assert_eq!(run.declared.aggregates.len(), 6);
    assert_eq!((run.spans.len(), run.results.len()), (117, 12));
    assert!(run.spans.iter().all(|span| span.run_id == run.run_id && span.row_id.len() == 32));

    let traces = summarize(&run.spans);
    for (uid, expected) in expected["tests"].as_object().unwrap() {
        let result = run.results.iter().find(|result| result.test_uid == *uid).unwrap();
        let trace = traces.iter().find(|t| Some(&t.trace_id) == result.trace_id.as_ref()).unwrap();
        assert_eq!(trace.test_uid.as_ref(), Some(uid));
        assert_eq!(trace.usage.total_tokens.unwrap_or(0), expected["tokens"].as_i64().unwrap(), "{uid}");
        let duration = trace.duration_ms;
        assert!((duration - expected["duration_ms"].as_f64().unwrap()).abs() < 0.001, "{uid}: {duration}");
    }
    let row = account_run(run).run;
    assert_eq!((row.total_tests, row.successful_tests), (12, 9));
    assert_eq!((row.total_tokens, row.total_duration_ms), (Some(26_002), Some(34_363.52)));
    assert_eq!((row.co2_emissions_g, row.power_cost_total_usd, row.gpu_count), (1.8413, 0.000465, 2));
}

/// A run folder in memory: file name and content.
type Files = Map<String, Value>;

fn recorded() -> Files {
    ["results", "traces", "metrics", "leaderboard_row", "metadata"]
        .iter()
        .map(|name| {
            let path = fixture("smoltrace_run_two_gpus").join(format!("{name}.json"));
            ((*name).to_owned(), serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        })
        .collect()
}

fn write(folder: &Path, files: &Files) {
    for (name, content) in files {
        std::fs::write(folder.join(format!("{name}.json")), content.to_string()).unwrap();
    }
}

fn imported(files: &Files) -> RunInputs {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let mut runs = import(folder.path()).unwrap();
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

fn each(list: &mut Value, mut change: impl FnMut(&mut Map<String, Value>)) {
    for item in list.as_array_mut().unwrap() {
        change(item.as_object_mut().unwrap());
    }
}

fn each_span(traces: &mut Value, mut change: impl FnMut(&mut Map<String, Value>)) {
    each(traces, |trace| each(trace.get_mut("spans").unwrap(), &mut change));
}

/// Attributes as OTLP's key/value list.
fn key_values(attributes: &Value) -> Value {
    let pairs = attributes.as_object().unwrap().iter().map(|(key, value)| {
        let tagged = match value {
            Value::String(_) => json!({"stringValue": value}),
            Value::Bool(_) => json!({"boolValue": value}),
            Value::Number(n) if n.is_f64() => json!({"doubleValue": value}),
            Value::Number(n) => json!({"intValue": n.to_string()}),
            _ => json!({"stringValue": value.to_string()}),
        };
        json!({"key": key, "value": tagged})
    });
    Value::Array(pairs.collect())
}

/// Whatever the spelling, the totals are those of the recording.
#[test]
fn every_age_and_spelling_gives_the_same_totals() {
    let check = |what: &str, change: &dyn Fn(&mut Files)| {
        let mut files = recorded();
        change(&mut files);
        let run = imported(&files);
        let row = account_run(&run).run;
        assert_eq!(row.total_tokens, Some(26_002), "{what}: {:?}", run.declared.notes);
        assert_eq!(row.total_duration_ms, Some(34_363.52), "{what}");
        assert_eq!((row.total_tests, row.successful_tests), (12, 9), "{what}");
        assert!(run.declared.notes.is_empty(), "{what}: {:?}", run.declared.notes);
    };
    check("as it is", &|_| ());
    check("test_id for task_id, no uid, run id or trace ids", &|files| {
        each(&mut files["results"], |result| {
            let id = result.remove("task_id").unwrap();
            result.insert("test_id".into(), id);
            for key in ["test_case_uid", "run_id", "trace_id", "span_id", "enhanced_trace_info"] {
                result.remove(key);
            }
        });
    });
    check("trace ids in enhanced_trace_info only", &|files| {
        each(&mut files["results"], |result| {
            result.remove("trace_id");
            result.insert("span_id".into(), Value::Null);
        });
    });
    check("results by agent type", &|files| {
        let mut by_agent = json!({"tool": [], "code": []});
        for result in files["results"].as_array().unwrap() {
            let agent = result["agent_type"].as_str().unwrap();
            by_agent[agent].as_array_mut().unwrap().push(result.clone());
        }
        files["results"] = by_agent;
    });
    check("kinds and statuses as Python prints them", &|files| {
        each_span(&mut files["traces"], |span| {
            span["kind"] = "SpanKind.INTERNAL".into();
            let code = format!("StatusCode.{}", span["status"]["code"].as_str().unwrap());
            span["status"] = code.into();
        });
    });
    check("attributes as key/value lists, a flat resource, times as text", &|files| {
        each_span(&mut files["traces"], |span| {
            let list = key_values(&span["attributes"]);
            span["attributes"] = list;
            let flat = span["resource"]["attributes"].clone();
            span["resource"] = flat;
            for key in ["start_time", "end_time"] {
                let text = span[key].to_string();
                span[key] = text.into();
            }
        });
    });
    check("spans as JSON text", &|files| {
        each(&mut files["traces"], |trace| {
            let text = trace["spans"].to_string();
            trace["spans"] = text.into();
        });
    });
    check("no metrics, metadata or own row", &|files| {
        files.retain(|name, _| ["results", "traces"].contains(&name.as_str()));
    });
    check("metrics as a bare list of aggregates", &|files| {
        let aggregates = files["metrics"]["aggregates"].clone();
        files["metrics"] = aggregates;
    });
    check("metrics as a bare list of resourceMetrics", &|files| {
        let list = files["metrics"]["resourceMetrics"].clone();
        files["metrics"] = list;
    });
    check("an empty list of metrics", &|files| files["metrics"] = json!([]));
}

#[test]
fn bare_nan_of_python_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &recorded());
    let path = folder.path().join("results.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("\"cost_usd\":0.0007752", "\"cost_usd\":NaN");
    assert!(text.contains(":NaN"));
    std::fs::write(&path, text).unwrap();
    let run = import(folder.path()).unwrap().remove(0);
    assert_eq!(run.results.len(), 12);
    assert!(run.results[0].declared.contains(r#""cost_usd":"NaN""#));
}

#[test]
fn aggregates_alone_are_kept() {
    let mut files = recorded();
    files["metrics"] = files["metrics"]["aggregates"].clone();
    let run = imported(&files);
    assert_eq!((run.points.len(), run.declared.aggregates.len()), (0, 6));
}

#[test]
fn the_run_id_comes_from_whatever_names_it() {
    const ID: &str = "5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11";
    let check = |what: &str, expected: Option<&str>, change: &dyn Fn(&mut Files)| {
        let mut files = recorded();
        change(&mut files);
        let run = imported(&files);
        match expected {
            Some(expected) => assert_eq!(run.run_id, expected, "{what}"),
            None => {
                let hex =
                    run.run_id.strip_prefix("import-").unwrap_or_else(|| panic!("{what}: {}", run.run_id));
                assert!(hex.len() == 12 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{what}");
            }
        }
        assert!(run.spans.iter().all(|span| span.run_id == run.run_id), "{what}");
        assert!(run.results.iter().all(|result| result.run_id == run.run_id), "{what}");
    };
    let forget = |files: &mut Files| {
        files["metrics"].as_object_mut().unwrap().remove("run_id");
        each(&mut files["traces"], |trace| drop(trace.remove("run_id")));
        each(&mut files["results"], |result| result["run_id"] = Value::Null);
    };
    let nameless = |files: &mut Files| {
        forget(files);
        files.remove("metrics");
        each_span(&mut files["traces"], |span| {
            let resource = span["resource"]["attributes"].as_object_mut().unwrap();
            resource.remove("run.id");
        });
    };
    check("its own row", Some("mine"), &|files| files["leaderboard_row"]["run_id"] = "mine".into());
    check("metrics", Some(ID), &|_| ());
    check("results", Some("of-results"), &|files| {
        forget(files);
        each(&mut files["results"], |result| result["run_id"] = "of-results".into());
    });
    check("resources", Some(ID), &|files| forget(files));
    check("content", None, &|files| nameless(files));

    // The same content is the same run, wherever it lies and however it is spaced.
    let mut files = recorded();
    nameless(&mut files);
    let first = imported(&files);
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in &files {
        let path = folder.path().join(format!("{name}.json"));
        std::fs::write(path, serde_json::to_string_pretty(content).unwrap()).unwrap();
    }
    assert_eq!(import(folder.path()).unwrap(), vec![first.clone()]);
    each(&mut files["results"], |result| result["response"] = "other".into());
    assert_ne!(imported(&files).run_id, first.run_id);
}

#[test]
fn what_is_bad_is_left_out_and_named() {
    let mut files = recorded();
    files["traces"][0]["spans"][1]["span_id"] = "no hex".into();
    files["traces"][0]["spans"][2]["start_time"] = json!({});
    files["traces"][3]["spans"] = json!(17);
    files["results"][2] = json!("not a result");
    files["results"][4].as_object_mut().unwrap().retain(|key, _| key == "success");
    files["metrics"]["resourceMetrics"][0] = json!([]);
    let run = imported(&files);
    let lost = 2 + recorded()["traces"][3]["spans"].as_array().unwrap().len();
    assert_eq!((run.spans.len(), run.results.len()), (117 - lost, 10));
    let expected = [
        "traces.json: [0].spans[1]: `no hex` is not a hexadecimal id; the span is left out",
        "traces.json: [0].spans[2]: startTimeUnixNano {} is not a time in Unix nanoseconds; the span is left out",
        "traces.json: [3]: the trace has no spans; it is left out",
        "metrics.json: resourceMetrics[0]: [] is not an object; it is left out",
        "results.json: [2]: is not an object; the result is left out",
        "results.json: [4]: it names no test (test_case_uid, test_id or task_id); the result is left out",
    ];
    for note in expected {
        assert!(run.declared.notes.iter().any(|line| line == note), "{note}\n{:#?}", run.declared.notes);
    }
    assert_eq!(run.declared.notes.len(), expected.len(), "{:#?}", run.declared.notes);
}

#[test]
fn what_the_results_say_beyond_the_columns_is_kept() {
    let run = import(&fixture("smoltrace_run_two_gpus")).unwrap().remove(0);
    let declared: Value = serde_json::from_str(&run.results[0].declared).unwrap();
    assert_eq!(declared["total_tokens"], 6924);
    assert_eq!(declared["execution_time_ms"], 18079.690035000003);
    assert_eq!(declared["pass_at_1_passed"], true);
    assert!(declared.get("model").is_none() && declared.get("run_id").is_none());
}

#[test]
fn folders_of_folders_import_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = recorded();
    for id in ["one", "two", "three"] {
        let run = folder.path().join("runs").join(id);
        std::fs::create_dir_all(&run).unwrap();
        files["leaderboard_row"]["run_id"] = id.into();
        write(&run, &files);
    }
    let mut ids: Vec<String> = import(folder.path()).unwrap().into_iter().map(|run| run.run_id).collect();
    ids.sort();
    assert_eq!(ids, ["one", "three", "two"]);
}

#[test]
fn errors_name_file_place_and_fix() {
    let check = |name: &str, text: &str, kind: InputErrorKind, place: Option<(u64, u64)>| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &recorded());
        std::fs::write(folder.path().join(name), text).unwrap();
        let error = import(folder.path()).unwrap_err();
        assert_eq!((error.kind, error.place.line_column), (kind, place), "{error}");
        assert!(error.input.ends_with(name) && !error.help.is_empty(), "{error}");
    };
    check("traces.json", "[{\"trace_id\": \"0x1\", \"spa", InputErrorKind::Syntax, Some((1, 25)));
    check("results.json", "", InputErrorKind::Empty, None);
    check("results.json", "[\n nonsense\n]", InputErrorKind::Syntax, Some((2, 3)));
    check("metadata.json", "[1, 2]", InputErrorKind::WrongType, None);
    check("metrics.json", &"[".repeat(5000), InputErrorKind::TooDeep, Some((1, 128)));

    let empty = tempfile::tempdir().unwrap();
    let error = import(empty.path()).unwrap_err();
    assert_eq!(error.kind, InputErrorKind::Empty);
    assert!(error.help.contains("results.json"), "{error}");
    assert_eq!(import(&empty.path().join("nowhere")).unwrap_err().kind, InputErrorKind::NotFound);
}
