//! Task files: what is read, and what is said of what is not.

use smoltrace_eval::task::{BUILT_IN, TaskAgents, TaskSet, built_in, sample_files};

fn parse(name: &str, text: &str) -> Result<TaskSet, String> {
    TaskSet::parse(name, text.as_bytes(), "train").map_err(|error| error.to_string())
}

#[test]
fn every_form_gives_the_same_tasks() {
    let json = r#"[{"id": 7, "prompt": "p", "agent_type": "tool", "expected_keywords": ["a", "b"], "expected_tool_calls": 2.0,
        "expected_answer": "x", "match": {"type": "regex"}, "max_steps": null}]"#;
    let lines = r#"{"id": 7, "prompt": "p", "agent_type": "tool", "expected_keywords": ["a", "b"], "expected_tool_calls": 2, "expected_answer": "x", "match": "regex"}

"#;
    let csv = "\u{feff}id,prompt,agent_type,expected_keywords,expected_tool_calls,expected_answer,match\n7,p,tool,a; b,2,x,regex\n";
    let split = format!("{{\"test\": [], \"train\": {json}}}");
    let expected = parse("t.json", json).expect("valid").tasks;
    assert_eq!(expected.len(), 1);
    assert_eq!(expected[0].id, "7");
    assert_eq!(expected[0].agents, TaskAgents::Tool);
    for (name, text) in
        [("t.jsonl", lines), ("t.csv", csv), ("t.json", split.as_str()), ("tasks", json), ("tasks", lines)]
    {
        assert_eq!(parse(name, text).expect(name).tasks, expected, "{name}");
    }
}

#[test]
fn errors_name_the_place() {
    let check = |name: &str, text: &str, expected: &str| {
        let error = parse(name, text).expect_err(text);
        assert!(error.contains(expected), "{error}");
    };
    check("t.json", "[{]", "t.json: no valid JSON");
    check("t.json", "{\"rows\": []}", "expected a list, or an object with a list `train`");
    check("t.json", "[]", "there are no tasks in it");
    check("t.json", "[3]", "t.json, row 1: expected an object");
    check("t.jsonl", "{\"id\":\"a\",\"prompt\":\"p\"}\n\n{\"id\":", "t.jsonl, row 3: no valid JSON");
    check("t.json", r#"[{"prompt": "p"}]"#, "t.json, row 1, field `id`: every task needs one");
    check("t.json", r#"[{"id": "a", "prompt": " "}]"#, "row 1, field `prompt`");
    check(
        "t.json",
        r#"[{"id":"a","prompt":"p"},{"id":"a","prompt":"q"}]"#,
        "row 2, field `id`: `a` is already the id of row 1",
    );
    check(
        "t.json",
        r#"[{"id":"a","prompt":"p","agent_type":"robot"}]"#,
        "expected tool, code or both, found `robot`",
    );
    check(
        "t.json",
        r#"[{"id":"a","prompt":"p","max_steps":0}]"#,
        "field `max_steps`: expected a whole number of 1 or more, found 0",
    );
    check("t.json", r#"[{"id":"a","prompt":"p","timeout_s":"soon"}]"#, "expected seconds above 0");
    check(
        "t.json",
        r#"[{"id":"a","prompt":"p","expected_keywords":{"a":1}}]"#,
        "expected a list of texts, found an object",
    );
    check("t.json", r#"[{"id":"a","prompt":"p","match":"fuzzy"}]"#, "expected exact, numeric, regex");
    check("t.json", r#"[{"id":"a","prompt":"p","match":"numeric","expected_answer":"many"}]"#, "one number");
    check("t.json", r#"[{"id":"a","prompt":"p","match":"exact"}]"#, "needs `expected_answer`");
    check(
        "t.json",
        r#"[{"id":"a","prompt":"p","match":"regex","expected_answer":"("}]"#,
        "the pattern is not valid",
    );
    check("t.json", r#"[{"id":"a","prompt":"p","match":"keywords_all"}]"#, "needs `expected_keywords`");
    check("t.csv", "id,prompt\na\n", "t.csv, row 1: no valid CSV");
    check("t.bin", "\u{1}", "expected a .json, .jsonl, .csv or .parquet file");
}

#[test]
fn unknown_fields_are_told() {
    let set = parse("t.json", r#"[{"id":"a","prompt":"p","expeted_tool":"x"}]"#).expect("valid");
    assert_eq!(set.notes, ["fields that mean nothing here were passed over: expeted_tool"]);
}

#[test]
fn built_in_sets_are_whole() {
    let counts: Vec<(usize, &str)> = BUILT_IN
        .iter()
        .map(|(name, _)| {
            let set = built_in(name).expect("it is built in");
            assert_eq!(set.notes, [""; 0]);
            (set.tasks.len(), *name)
        })
        .collect();
    assert_eq!(counts, [(13, "quick"), (24, "operations")]);
    assert!(built_in("none").is_none());
}

/// The answers of the operations tasks, worked out from the files themselves.
#[test]
fn sample_files_hold_what_the_tasks_ask_for() {
    let files = sample_files();
    assert_eq!(files, sample_files());
    let file =
        |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| text.as_str()).expect(path);
    let set = built_in("operations").expect("built in");
    let check = |id: &str, found: String| {
        let task = set.tasks.iter().find(|task| task.id == id).expect(id);
        let expected = match &task.expected_answer {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => task.expected_keywords.join(","),
        };
        assert_eq!(found, expected, "{id}");
    };
    let column = |line: &str, at: usize| line.split(',').nth(at).unwrap_or_default().to_owned();
    let rows = |path: &str| file(path).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let number = |text: &str| text.parse::<f64>().expect("a number");

    let errors: Vec<&str> =
        file("logs/app.log").lines().filter(|line| line.split(' ').nth(1) == Some("ERROR")).collect();
    check("log_first_error", errors[0].split(' ').nth(2).expect("a service").into());
    check("log_count_errors", errors.len().to_string());
    let failed = |line: &&str| line.split("\" ").nth(1).is_some_and(|rest| rest.starts_with('5'));
    check("log_server_failures", file("logs/access.log").lines().filter(failed).count().to_string());
    let cpu = rows("metrics/cpu.csv");
    let last_low = cpu.iter().rposition(|row| number(&column(row, 1)) < 50.0).expect("low");
    check("metric_jump", column(&cpu[last_low + 1], 0));
    let high = rows("metrics/errors.csv").iter().filter(|row| number(&column(row, 1)) > 5.0).count();
    check("metric_error_minutes", high.to_string());
    let paths = ["billing", "ledger", "search", "gateway"];
    let port = |name: &str| {
        let text = file(&format!("config/{name}.toml"));
        text.lines().find_map(|line| line.strip_prefix("port = ")).expect("a port").to_owned()
    };
    check("config_port", port("billing"));
    let same: Vec<&str> =
        paths.into_iter().filter(|a| paths.iter().any(|b| a != b && port(a) == port(b))).collect();
    check("config_conflict", same.join(","));
    let differing: Vec<String> = file("config/gateway.production.env")
        .lines()
        .zip(file("config/gateway.staging.env").lines())
        .filter(|(a, b)| a != b)
        .map(|(a, _)| a.split('=').next().expect("a name").to_owned())
        .collect();
    assert_eq!(differing[0], "ENVIRONMENT");
    check("config_drift", differing[1..].join(","));
    let self_time = |line: &str| number(line.split_whitespace().nth(1).expect("a time"));
    let mut functions = rows("perf/profile.txt");
    functions.sort_by(|a, b| self_time(b).total_cmp(&self_time(a)));
    check("perf_hot_function", functions[0].split_whitespace().nth(2).expect("a name").into());
    let most = |rows: Vec<String>, amount: &dyn Fn(&str) -> f64| {
        rows.into_iter().max_by(|a, b| amount(a).total_cmp(&amount(b))).expect("rows")
    };
    let total = |row: &str| number(&column(row, 2)) * number(&column(row, 3));
    check("perf_query", column(&most(rows("perf/queries.csv"), &total), 0));
    let pause = |line: &str| {
        number(line.split("pause ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a pause"))
    };
    check("perf_pause", file("perf/gc.log").lines().map(pause).fold(0.0, f64::max).to_string());
    check(
        "auto_rename",
        file("automation/files.txt").lines().filter(|line| line.ends_with(".jpeg")).count().to_string(),
    );
    let starts: Vec<(&str, &str)> = file("automation/crontab")
        .lines()
        .filter(|line| !line.starts_with(['#', '*']))
        .filter_map(|line| line.split_whitespace().next().zip(line.split_whitespace().nth(1)))
        .collect();
    let twice =
        starts.iter().find(|start| starts.iter().filter(|other| other == start).count() > 1).expect("one");
    check("auto_schedule", format!("{:0>2}:{:0>2}", twice.1, twice.0));
    let mut attackers = std::collections::BTreeMap::new();
    for line in file("logs/auth.log").lines().filter(|line| line.contains("failed login")) {
        *attackers.entry(line.rsplit(' ').next().expect("an address")).or_insert(0) += 1;
    }
    check("sec_attack", attackers.into_iter().max_by_key(|(_, count)| *count).expect("one").0.into());
    let allowed: Vec<&str> = file("security/allowed.txt").lines().collect();
    let open: Vec<&str> = file("security/ports.txt").lines().filter(|port| !allowed.contains(port)).collect();
    check("sec_port", open.join(","));
    let secrets: Vec<&str> =
        files.iter().filter(|(_, text)| text.contains("PASSWORD=")).map(|(path, _)| *path).collect();
    assert_eq!(secrets, ["security/deploy/old.env"]);
    let of_request: Vec<String> =
        rows("services/spans.csv").into_iter().filter(|row| row.starts_with("req-0042,")).collect();
    check("debug_slowest_hop", column(&most(of_request, &|row| number(&column(row, 2))), 1));
    let health = rows("services/health.csv");
    let sick: Vec<String> =
        health.iter().filter(|row| column(row, 1) == "no").map(|row| column(row, 0)).collect();
    let root = health.iter().find(|row| {
        column(row, 1) == "no"
            && !column(row, 2).split(' ').any(|needed| sick.iter().any(|name| name == needed))
    });
    check("debug_root", column(root.expect("one"), 0));
    let mut teams = std::collections::BTreeMap::new();
    for row in rows("cost/bill.csv") {
        *teams.entry(column(&row, 1)).or_insert(0.0) += number(&column(&row, 3));
    }
    check("cost_team", teams.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("one").0);
    let unused: f64 = rows("cost/volumes.csv")
        .iter()
        .filter(|row| column(row, 2).is_empty())
        .map(|row| number(&column(row, 3)))
        .sum();
    check("cost_unused", unused.to_string());
}
