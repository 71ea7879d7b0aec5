//! `smoltrace eval` on tasks from a dataset of the Hub, served by the test.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
    thread,
};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::support::{Smoltrace, check_failure};

const TOKEN: &str = "hf_anAccessTokenOfSomeLength";
const COMMIT: &str = "00112233445566778899aabbccddeeff00112233";

/// A Hub with the dataset `our/tasks`.
struct Hub {
    address: SocketAddr,
    /// Of its main branch.
    commit: Arc<Mutex<String>>,
}

impl Hub {
    fn with(files: BTreeMap<&'static str, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let commit = Arc::new(Mutex::new(COMMIT.to_owned()));
        let (files, main) = (Arc::new(files), commit.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, main) = (files.clone(), main.clone());
                thread::spawn(move || answer(stream, &files, &main));
            }
        });
        Self { address, commit }
    }

    fn eval(&self, smoltrace: &Smoltrace, args: &[&str]) -> Output {
        let mut command =
            smoltrace.command(&[&["eval", "--model", "replay:quick", "--agent-type", "tool"], args].concat());
        command.env("HF_ENDPOINT", format!("http://{}", self.address)).env("HF_TOKEN", TOKEN);
        command.env_remove("HF_HUB_OFFLINE").output().expect("the binary runs")
    }
}

fn answer(stream: TcpStream, files: &BTreeMap<&str, Vec<u8>>, main: &Mutex<String>) -> Option<()> {
    let mut write = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let first = lines.next()?.ok()?;
        let mut known = false;
        for line in lines.by_ref() {
            let line = line.ok()?;
            known |= line == format!("authorization: Bearer {TOKEN}");
            if line.is_empty() {
                break;
            }
        }
        let path = first.split(' ').nth(1)?.split('?').next()?.to_owned();
        let commit = main.lock().ok()?.clone();
        let tree =
            || files.iter().map(|(path, bytes)| json!({"type": "file", "path": path, "size": bytes.len()}));
        let content = |path: &str| {
            files.get(path.strip_prefix(&format!("/datasets/our/tasks/resolve/{commit}/"))?).cloned()
        };
        let body = match path.strip_prefix("/api/datasets/our/tasks/") {
            Some("revision/main") => Some(json!({"sha": commit}).to_string().into_bytes()),
            Some(tree_of) if tree_of == format!("tree/{commit}") => {
                Some(Value::from_iter(tree()).to_string().into_bytes())
            }
            Some(revision) if revision == format!("revision/{commit}") => {
                Some(json!({"sha": commit}).to_string().into_bytes())
            }
            _ => content(&path),
        };
        let (status, body) = match body {
            Some(body) if known => ("200 OK", body),
            _ => ("404 Not Found\r\nx-error-code: RevisionNotFound", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        write.write_all(&[head.as_bytes(), &body].concat()).ok()?;
    }
}

/// Two tasks of the quick set, which the bundled recording knows, as text by field.
fn rows() -> Vec<(String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../eval/data/tasks/quick.jsonl");
    let lines = fs::read_to_string(path).expect("the bundled tasks");
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let rows = lines.lines().take(2).map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.map(|row| (text(&row, "id"), text(&row, "prompt"), text(&row, "expected_tool"))).collect()
}

fn parquet(rows: &[(String, String, String)]) -> Vec<u8> {
    let schema = Arc::new(Schema::new(
        ["id", "prompt", "expected_tool"].map(|name| Field::new(name, DataType::Utf8, false)).to_vec(),
    ));
    let column = |of: fn(&(String, String, String)) -> &String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let columns = vec![column(|row| &row.0), column(|row| &row.1), column(|row| &row.2)];
    let batch = RecordBatch::try_new(schema.clone(), columns).expect("a batch");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    bytes
}

#[test]
fn tasks_of_a_dataset_are_run_and_its_commit_is_recorded() {
    let rows = rows();
    let object = |(id, prompt, tool): &(String, String, String)| json!({"id": id, "prompt": prompt, "expected_tool": tool});
    let objects: Vec<Value> = rows.iter().map(object).collect();
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let cells = rows.iter().map(|(id, prompt, tool)| format!("{id},{},{tool}\n", quoted(prompt)));
    let csv = format!("id,prompt,expected_tool\n{}", cells.collect::<String>());
    let hub = Hub::with(BTreeMap::from([
        ("data/train-00000-of-00001.parquet", parquet(&rows)),
        ("lines.jsonl", lines.join("\n").into_bytes()),
        ("list.json", Value::from(objects).to_string().into_bytes()),
        ("cells.csv", csv.into_bytes()),
        ("bad.parquet", b"PAR1 and no more".to_vec()),
        ("bad.jsonl", b"{\"id\": 1}\n".to_vec()),
    ]));
    let smoltrace = Smoltrace::new();
    let check = |args: &[&str], name: &str, file: &str| {
        let output = hub.eval(&smoltrace, &[args, &["--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            (told["run"]["total_tests"].as_i64(), told["run"]["successful_tests"].as_i64()),
            (Some(2), Some(2))
        );
        assert_eq!(
            told["run"]["dataset_used"].as_str(),
            Some(format!("hf://our/tasks@{COMMIT}{name}").as_str())
        );
        let declared: Value =
            serde_json::from_str(told["run"]["declared"].as_str().expect("text")).expect("JSON");
        let dataset = &declared["metadata"]["dataset"];
        assert_eq!(dataset["commit"].as_str(), Some(COMMIT));
        assert_eq!(dataset["files"], json!([file]));
        assert_eq!(declared["metadata"]["planned_tests"], json!(2));
        told["run_id"].as_str().expect("an id").to_owned()
    };
    let whole = check(&["--tasks", "hf://our/tasks"], "", "data/train-00000-of-00001.parquet");
    // As smoltrace-eval has it.
    let flags = ["--dataset-name", "our/tasks", "--dataset-revision", COMMIT];
    check(&flags, "", "data/train-00000-of-00001.parquet");
    for file in ["lines.jsonl", "list.json", "cells.csv"] {
        check(&["--tasks", &format!("hf://our/tasks@main/{file}")], &format!("/{file}"), file);
    }
    let fails = |args: &[&str], code: i32, parts: &[&str]| {
        let output = hub.eval(&smoltrace, args);
        check_failure(&output, code, parts);
        assert!(!String::from_utf8_lossy(&output.stderr).contains(TOKEN));
    };
    fails(&["--tasks", "hf://our"], 2, &["--tasks hf://our: expected hf://ORG/NAME"]);
    fails(&["--tasks", "hf://our/tasks@v1", "--dataset-revision", "v2"], 2, &["another revision than v2"]);
    fails(&["--tasks", "our/tasks"], 2, &["hf://ORG/NAME@REVISION"]);
    fails(&["--tasks", "hf://our/tasks@v9"], 2, &["hf://our/tasks@v9: it has no such revision"]);
    fails(&["--tasks", "hf://our/tasks/bad.jsonl"], 3, &["bad.jsonl, row 1, field `prompt`"]);
    fails(&["--tasks", "hf://our/tasks/bad.parquet"], 3, &["/bad.parquet"]);

    // A branch that went on is another set of tasks: a run does not go on with it.
    *hub.commit.lock().expect("no panic") = "f".repeat(40);
    let before = format!("give --tasks hf://our/tasks@{COMMIT}");
    fails(&["--tasks", "hf://our/tasks", "--resume", &whole], 2, &["cannot go on", &before]);

    // The token is nowhere in the tables.
    let mut folders = vec![smoltrace.data.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            match entry.file_type().expect("a type").is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let bytes = fs::read(entry.path()).expect("read");
                    assert!(
                        !bytes.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()),
                        "{:?}",
                        entry.path()
                    );
                }
            }
        }
    }
}
