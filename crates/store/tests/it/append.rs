//! Appending and reading back, in one process.

use std::collections::{BTreeMap, BTreeSet};

use smoltrace_model::{
    account::account_run,
    inputs::RunInputs,
    rows::{EventRow, PointBlock, PointRow, SpanRow},
    series::SeriesSet,
};
use smoltrace_store::{Batch, Counts, MaintenanceOptions, Receipt, Store, StoreError, StoreOptions};

use crate::rows::{batch, contents, event, open, point, result, run, span, trace_id};

fn counts(written: usize, duplicates: usize) -> Counts {
    Counts { written, duplicates }
}

#[tokio::test]
async fn what_is_appended_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let rows = batch("r1", 2);
    let receipt = store.append(rows.clone()).await.unwrap();
    let expected = Receipt {
        spans: counts(6, 0),
        points: counts(20, 0),
        results: counts(2, 0),
        runs: counts(1, 0),
        ..Receipt::default()
    };
    assert_eq!(receipt, expected);

    let data = store.run_data("r1").await.unwrap();
    assert_eq!(data.run, rows.runs[0]);
    assert_eq!(data.results, rows.results);
    let spans = rows.spans.to_rows();
    assert_eq!(data.spans, spans);
    let mut points = rows.points.to_rows();
    points.sort_by_key(|p| (p.metric.clone(), p.series_id.clone(), p.time_unix_nano));
    assert_eq!(data.points, points);

    assert_eq!(store.trace("r1", &trace_id(1)).await.unwrap(), spans[3..]);
    let compact: Vec<SpanRow> = spans[3..]
        .iter()
        .cloned()
        .map(|span| SpanRow {
            attributes: "{}".into(),
            events: "[]".into(),
            links: "[]".into(),
            resource: "{}".into(),
            scope: "{}".into(),
            ..span
        })
        .collect();
    assert_eq!(store.trace_compact("r1", &trace_id(1)).await.unwrap(), compact);
    assert_eq!(store.span("r1", &trace_id(0), &spans[1].span_id).await.unwrap(), spans[1]);
    assert_eq!(store.metric_names("r1").await.unwrap(), ["gen_ai.co2.emissions", "gen_ai.gpu.power"]);
    let of_points = SeriesSet::from_points(&points);
    assert_eq!(store.series("r1", &[]).await.unwrap().series(), of_points.series());
    let one = store.series("r1", &["gen_ai.gpu.power"]).await.unwrap();
    assert_eq!(one.series().len(), 1);
    assert_eq!(one.series()[0].info.metric, "gen_ai.gpu.power");
    assert_eq!(one.series()[0].samples.len(), 10);
    // A store opened later, and one that only reads, see the same.
    let reader = Store::open_read_only(dir.path(), StoreOptions::default()).await.unwrap();
    assert_eq!(contents(&reader).await, contents(&store).await);
    assert_eq!(contents(&reader).await, [data]);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nowhere");
    let check = |result: Result<(), StoreError>, name: &str| match result {
        Err(StoreError::NotFound { what }) => assert!(what.contains(name), "{what}"),
        other => panic!("{other:?}"),
    };
    let opened = Store::open_read_only(&missing, StoreOptions::default()).await;
    check(opened.map(drop), "nowhere");
    let opened = Store::open_read_only(dir.path(), StoreOptions::default()).await;
    check(opened.map(drop), "table");
    let store = open(dir.path()).await;
    assert!(store.runs().await.unwrap().is_empty());
    assert!(store.results("no").await.unwrap().is_empty());
    check(store.run("no").await.map(drop), "`no`");
    check(store.trace("no", &trace_id(0)).await.map(drop), &trace_id(0));
    check(store.span("no", &trace_id(0), "00").await.map(drop), "`00`");
}

/// Roots, spans without their parent and those of tests are whole, all others have their numbers only.
#[tokio::test]
async fn an_outline_is_whole_where_something_begins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut spans: Vec<SpanRow> = (0..5).map(|index| span("r1", 0, index)).collect();
    spans[2].parent_span_id = Some("00000000000000ff".into());
    spans[3].test_uid = Some("tool:t1".into());
    spans[4].resource = r#"{"service.name":"another"}"#.into();
    let spans: Vec<SpanRow> = spans.into_iter().map(SpanRow::sealed).collect();
    let events = vec![event("r1", 0, 0, "late"), event("r1", 0, 1, "late")];
    store.append(Batch { spans: spans.clone().into(), events, ..Batch::default() }).await.unwrap();

    let outline = store.spans_of_run_outline("r1").await.unwrap();
    let whole = store.spans_of_run("r1").await.unwrap();
    assert_eq!(outline.len(), whole.len());
    let mut resources = BTreeSet::new();
    for (index, (outline, whole)) in outline.into_iter().zip(whole).enumerate() {
        let begins = [0, 2, 3].contains(&index);
        resources.extend(Some(outline.resource.clone()).filter(|resource| resource != "{}"));
        let expected = SpanRow {
            attributes: if begins { whole.attributes.clone() } else { "{}".into() },
            events: if begins { whole.events.clone() } else { "[]".into() },
            links: "[]".into(),
            scope: "{}".into(),
            resource: outline.resource.clone(),
            ..whole
        };
        assert_eq!(outline, expected, "span {index}");
    }
    assert_eq!(resources, spans.iter().map(|span| span.resource.clone()).collect());
}

/// Also of spans that name each other, or themselves, as their parent.
#[tokio::test]
async fn an_outline_is_accounted_as_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let parents =
        [(0, None), (0, Some(0)), (1, Some(1)), (1, Some(0)), (2, Some(0)), (2, Some(0)), (3, Some(9))];
    let spans = parents.iter().enumerate().map(|(index, (trace, parent))| {
        let of = |index| span("r1", *trace, index).span_id;
        let nth = parents[..index].iter().filter(|(other, _)| other == trace).count();
        SpanRow {
            parent_span_id: parent.map(of),
            attributes: format!(r#"{{"prompt":"of span {nth} of trace {trace}"}}"#),
            ..span("r1", *trace, nth)
        }
        .sealed()
    });
    store.append(Batch { spans: spans.collect(), ..Batch::default() }).await.unwrap();
    let accounted = |spans| account_run(&RunInputs { run_id: "r1".into(), spans, ..RunInputs::default() });
    let whole = accounted(store.spans_of_run("r1").await.unwrap());
    assert!(whole.results.iter().all(|result| result.prompt.is_some()), "{:?}", whole.results);
    assert_eq!(accounted(store.spans_of_run_outline("r1").await.unwrap()), whole);
}

#[tokio::test]
async fn events_are_read_with_their_spans_whichever_came_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let rows = batch("r1", 2);
    let early = event("r1", 0, 1, "early");
    let events = |events: &[&EventRow]| Batch {
        events: events.iter().copied().cloned().collect(),
        ..Batch::default()
    };
    let other = event("r2", 0, 1, "of another run");
    store.append(events(&[&early, &early, &other])).await.unwrap();
    store.append(rows.clone()).await.unwrap();
    let late = event("r1", 0, 1, "late");
    assert_eq!(store.append(events(&[&late, &early])).await.unwrap().events, counts(1, 1));

    let spans = rows.spans.to_rows();
    let span = store.span("r1", &trace_id(0), &spans[1].span_id).await.unwrap();
    let names = |span: &SpanRow| -> Vec<String> {
        let events: Vec<serde_json::Value> = serde_json::from_str(&span.events).unwrap();
        events.iter().filter_map(|event| Some(event["name"].as_str()?.to_owned())).collect()
    };
    let found = names(&span);
    assert!(found.contains(&"early".to_owned()) && found.contains(&"late".to_owned()), "{found:?}");
    assert!(!found.contains(&"of another run".to_owned()), "{found:?}");
    let whole = store.trace("r1", &trace_id(0)).await.unwrap();
    assert_eq!(whole.iter().find(|other| other.span_id == span.span_id), Some(&span));
    assert_eq!(store.spans_of_run("r1").await.unwrap().iter().filter(|s| names(s).len() >= 2).count(), 1);
    let second = store.span("r1", &trace_id(1), &spans[4].span_id).await.unwrap();
    assert_eq!(second, spans[4]);
}

#[tokio::test]
async fn appending_twice_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let rows = batch("r1", 3);
    store.append(rows.clone()).await.unwrap();
    let before = contents(&store).await;
    // In the same process, and in one that has to look it up.
    for store in [store, open(dir.path()).await] {
        let receipt = store.append(rows.clone()).await.unwrap();
        let expected = Receipt {
            spans: counts(0, 9),
            points: counts(0, 20),
            results: counts(0, 3),
            runs: counts(0, 1),
            ..Receipt::default()
        };
        assert_eq!(receipt, expected);
        assert_eq!(contents(&store).await, before);
    }
}

/// What is known of runs is bounded; what was forgotten is looked up again.
#[tokio::test]
async fn duplicates_are_recognised_however_little_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { known_rows: 8, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    let other = open(dir.path()).await;
    for round in 0..3 {
        for id in ["r1", "r2", "r3", "r4"] {
            // Two stores that each have to learn what the other wrote.
            for (place, store) in [&store, &other].into_iter().enumerate() {
                let receipt = store.append(batch(id, 2)).await.unwrap();
                let new = if round == 0 && place == 0 { 29 } else { 0 };
                assert_eq!(receipt.written(), new, "{id} in round {round}, store {place}");
            }
        }
    }
    let again = Batch { runs: vec![run("r1", "second")], ..Batch::default() };
    assert_eq!(other.append(again.clone()).await.unwrap().runs, counts(1, 0));
    assert_eq!(store.append(again).await.unwrap().runs, counts(0, 1));
    assert_eq!(store.run("r1").await.unwrap().version, 2);
}

/// In and out of order of time, by several processes, with files merged between: what is new is written,
/// and nothing twice.
#[tokio::test]
async fn a_row_is_known_again_however_old_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { known_rows: 60, ..StoreOptions::default() };
    let open = async || Store::open(dir.path(), options.clone()).await.unwrap();
    let merge = MaintenanceOptions { small_files: 2, ..MaintenanceOptions::default() };
    let mut stores = [open().await, open().await];
    let mut there = BTreeSet::new();
    let mut seed = 7_usize;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..40 {
        let run = ["r1", "r2"][next(2)];
        // Mostly at the end of what is there, sometimes far back.
        let first = if next(4) > 0 { round * 5 } else { next(round * 5 + 1) };
        let rows: Vec<(usize, usize)> = (0..1 + next(30)).map(|_| (next(2), first + next(12))).collect();
        let new = rows.iter().filter(|(gpu, tick)| there.insert((run, *gpu, *tick))).count();
        let points: PointBlock = rows.iter().map(|(gpu, tick)| point(run, *gpu, *tick)).collect();
        let spans = rows.iter().map(|(gpu, tick)| span(run, *tick, *gpu)).collect();
        let place = next(2);
        let receipt = stores[place].append(Batch { points, spans, ..Batch::default() }).await.unwrap();
        let expected = counts(new, rows.len() - new);
        assert_eq!((receipt.points, receipt.spans), (expected, expected), "round {round}");
        match next(8) {
            0 => drop(stores[1 - place].maintain(&merge).await.unwrap()),
            1 => stores[place] = open().await,
            _ => {}
        }
    }
    for run in ["r1", "r2"] {
        let expected = there.iter().filter(|(of, ..)| *of == run).count();
        assert_eq!(stores[0].points(run).await.unwrap().len(), expected);
        let spans = stores[0].spans_of_run(run).await.unwrap();
        assert_eq!(spans.len(), expected);
        let mut traces: BTreeMap<&str, Vec<&SpanRow>> = BTreeMap::new();
        spans.iter().for_each(|span| traces.entry(&span.trace_id).or_default().push(span));
        for (trace, spans) in traces {
            let found = stores[0].trace(run, trace).await.unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), spans);
            let found = stores[1].span(run, trace, &spans[0].span_id).await.unwrap();
            assert_eq!(&found, spans[0]);
        }
    }
}

/// So many at once that deltalake, which walks a list of values by recursion, could not be asked for them one by one.
#[tokio::test]
async fn many_rows_are_known_again_that_are_older_than_what_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { known_rows: 60, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    const ROWS: usize = 30_000;
    let rows = |from: usize, to: usize| {
        let points: PointBlock = (from..to).map(|tick| point("r1", 0, tick)).collect();
        Batch { points, ..Batch::default() }
    };
    assert_eq!(store.append(rows(0, ROWS)).await.unwrap().points, counts(ROWS, 0));
    for many in [400, 15_000, ROWS] {
        assert_eq!(store.append(rows(0, many)).await.unwrap().points, counts(0, many));
    }
    assert_eq!(store.append(rows(10, ROWS + 10)).await.unwrap().points, counts(10, ROWS - 10));
}

#[tokio::test]
async fn the_same_row_twice_in_a_batch_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let spans = vec![span("r1", 0, 0), span("r1", 0, 1), span("r1", 0, 0), span("r2", 0, 0)];
    let points = vec![point("r1", 0, 0), point("r1", 0, 0)];
    let receipt =
        store.append(Batch { spans: spans.into(), points: points.into(), ..Batch::default() }).await.unwrap();
    assert_eq!((receipt.spans, receipt.points), (counts(3, 1), counts(1, 1)));
    assert_eq!(store.spans_of_run("r1").await.unwrap().len(), 2);
    // The same span of another run is another row.
    assert_eq!(store.spans_of_run("r2").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_version_is_written_only_when_content_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let append = async |notes: &str, success: bool| {
        let rows = Batch {
            runs: vec![run("r1", notes)],
            results: vec![result("r1", 0, Some(success))],
            ..Batch::default()
        };
        store.append(rows).await.unwrap();
        let data = store.run_data("r1").await.unwrap();
        assert_eq!(data.results.len(), 1);
        (data.run.version, data.run.notes.unwrap(), data.results[0].version, data.results[0].success.unwrap())
    };
    assert_eq!(append("a", true).await, (1, "a".into(), 1, true));
    assert_eq!(append("a", true).await, (1, "a".into(), 1, true));
    assert_eq!(append("b", true).await, (2, "b".into(), 1, true));
    assert_eq!(append("b", false).await, (2, "b".into(), 2, false));
    // Back to what it was is a change, too.
    assert_eq!(append("a", false).await, (3, "a".into(), 2, false));
}

#[tokio::test]
async fn a_span_sent_twice_with_other_content_is_shown_as_it_ended_last() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let open_span = span("r1", 0, 0);
    let mut ended = open_span.clone();
    ended.end_time_unix_nano += 1_000;
    let ended = ended.sealed();
    for spans in [vec![ended.clone()], vec![open_span]] {
        store.append(Batch { spans: spans.into(), ..Batch::default() }).await.unwrap();
    }
    assert_eq!(store.spans_of_run("r1").await.unwrap(), [ended]);
}

#[tokio::test]
async fn rows_without_ids_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let check = async |rows: Batch, of: &str, cause: &str| match store.append(rows).await {
        Err(error @ StoreError::InvalidRow { table, row: 1, .. }) => {
            assert_eq!(table, of);
            assert!(error.to_string().contains(cause), "{error}");
        }
        other => panic!("{other:?}"),
    };
    let nameless = SpanRow { run_id: String::new(), ..span("r1", 0, 1) };
    let spans = vec![span("r1", 0, 0), nameless].into();
    check(Batch { spans, ..Batch::default() }, "spans", "run_id").await;
    let nameless = PointRow { run_id: String::new(), ..point("r1", 0, 1) };
    let points = vec![point("r1", 0, 0), nameless].into();
    check(Batch { points, ..Batch::default() }, "points", "run_id").await;
    for (change, cause) in [
        ((|row| row.row_id.clear()) as fn(&mut EventRow), "row_id"),
        (|row| row.row_id.replace_range(0..1, "x"), "row_id"),
        (|row| row.run_id.clear(), "run_id"),
    ] {
        let mut bad = event("r1", 0, 1, "bad");
        change(&mut bad);
        let events = vec![event("r1", 0, 0, "good"), bad];
        check(Batch { events, ..Batch::default() }, "events", cause).await;
    }
    assert!(store.spans_of_run("r1").await.unwrap().is_empty());
}

#[tokio::test]
async fn concurrent_appends_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let appends = (0..40).map(|n| store.append(batch(&format!("r{n:02}"), 1)));
    for receipt in futures::future::join_all(appends).await {
        assert_eq!(receipt.unwrap().spans, counts(3, 0));
    }
    let all = contents(&store).await;
    assert_eq!(all.len(), 40);
    assert!(all.iter().all(|run| run.spans.len() == 3 && run.points.len() == 20));
    let commits = std::fs::read_dir(dir.path().join("spans/_delta_log")).unwrap().count();
    assert!(commits < 40, "{commits} commits for 40 appends made at once");
}

#[tokio::test]
async fn the_same_rows_appended_at_once_are_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let receipts = futures::future::join_all((0..8).map(|_| store.append(batch("r1", 2)))).await;
    let written: usize = receipts.into_iter().map(|receipt| receipt.unwrap().spans.written).sum();
    assert_eq!(written, 6);
    assert_eq!(store.run("r1").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { queue_rows: 30, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    // One batch larger than the queue passes; what comes while it is written does not.
    let (first, second) = tokio::join!(store.append(batch("r1", 10)), store.append(batch("r2", 1)));
    assert_eq!(first.unwrap().runs, counts(1, 0));
    assert!(
        matches!(second, Err(StoreError::Busy { retry_after, .. }) if !retry_after.is_zero()),
        "{second:?}"
    );
    store.append(batch("r2", 1)).await.unwrap();
    assert_eq!(store.run_ids().await.unwrap(), ["r1", "r2"]);
}

#[tokio::test]
async fn a_reader_sees_each_commit_at_once_and_never_half() {
    let dir = tempfile::tempdir().unwrap();
    let writer = open(dir.path()).await;
    let reader = Store::open_read_only(dir.path(), StoreOptions::default()).await.unwrap();
    let write = async {
        for n in 0..10 {
            let id = format!("r{n}");
            writer.append(batch(&id, 2)).await.unwrap();
            // Acknowledged to one store means visible to another.
            assert_eq!(reader.run(&id).await.unwrap().run_id, id);
        }
    };
    let read = async {
        loop {
            let ids = reader.run_ids().await.unwrap();
            for id in &ids {
                // A run row implies its data.
                let data = reader.run_data(id).await.unwrap();
                assert_eq!((data.spans.len(), data.points.len(), data.results.len()), (6, 20, 2));
            }
            if ids.len() == 10 {
                break;
            }
        }
    };
    tokio::join!(write, read);
    assert!(matches!(reader.append(batch("x", 1)).await, Err(StoreError::ReadOnly { .. })));
}

#[tokio::test]
async fn any_name_of_a_folder_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("a folder/mit „Ümlaut“ %20 #1 + [x] 数据");
    let store = open(&odd).await;
    store.append(batch("run/with ünusual 'id' \"x\" %", 1)).await.unwrap();
    assert_eq!(contents(&open(&odd).await).await, contents(&store).await);
    assert_eq!(contents(&store).await.len(), 1);
}

/// A store has its own threads, so it works on any executor and may be dropped anywhere.
#[test]
fn it_works_without_a_runtime_of_the_caller() {
    let dir = tempfile::tempdir().unwrap();
    futures::executor::block_on(async {
        let store = open(dir.path()).await;
        store.append(batch("r1", 1)).await.unwrap();
        assert_eq!(store.run_ids().await.unwrap(), ["r1"]);
    });
}
