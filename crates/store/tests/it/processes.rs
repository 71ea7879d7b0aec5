//! Several processes on one data directory, and processes that are killed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Child,
};

use smoltrace_store::RunData;

use crate::{
    child::{appending, appending_until, run_id},
    rows::{batch, contents, open},
};

#[tokio::test]
async fn two_processes_append_to_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    // They also create the tables at the same time, and half of their runs are the same.
    let mut children = [appending(dir.path(), 0, 16), appending(dir.path(), 8, 24)];
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let clean = tempfile::tempdir().unwrap();
    let expected = open(clean.path()).await;
    for number in 0..24 {
        expected.append(batch(&run_id(number), 2)).await.unwrap();
    }
    let store = open(dir.path()).await;
    assert_eq!(contents(&store).await, contents(&expected).await);
    // Not even the tables themselves hold a row twice.
    for number in 0..24 {
        let receipt = store.append(batch(&run_id(number), 2)).await.unwrap();
        assert_eq!(receipt.spans.written + receipt.runs.written, 0);
    }
}

async fn appended_once(runs: usize) -> Vec<RunData> {
    let clean = tempfile::tempdir().unwrap();
    let once = open(clean.path()).await;
    for number in 0..runs {
        once.append(batch(&run_id(number), 2)).await.unwrap();
    }
    contents(&once).await
}

/// Numbers of the runs that a child acknowledged, `most` of them at most.
fn acknowledged(child: &mut Child, most: usize) -> Vec<usize> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let numbers = lines
        .map_while(Result::ok)
        .filter_map(|line| Some(line.split_once("acknowledged ")?.1.parse().unwrap()));
    numbers.take(most).collect()
}

/// Nothing acknowledged is lost, and repeating the work gives the same tables as doing it once.
async fn assert_whole(dir: &Path, acknowledged: &[usize], expected: &[RunData], moment: &str) {
    let store = open(dir).await;
    for number in acknowledged {
        let data = store.run_data(&run_id(*number)).await.unwrap();
        assert_eq!(data, expected[*number], "killed {moment}");
    }
    for number in 0..expected.len() {
        store.append(batch(&run_id(number), 2)).await.unwrap();
    }
    assert_eq!(contents(&store).await, expected, "killed {moment}");
}

#[tokio::test]
async fn killed_at_any_operation_on_the_disk() {
    let expected = appended_once(2).await;
    let mut died = 0;
    for die_at in (0..200).step_by(3) {
        let dir = tempfile::tempdir().unwrap();
        let mut child = appending_until(dir.path(), 0, 2, die_at);
        let acknowledged = acknowledged(&mut child, usize::MAX);
        if child.wait().unwrap().success() {
            assert_eq!(acknowledged, [0, 1]);
            break;
        }
        died += 1;
        assert_whole(dir.path(), &acknowledged, &expected, &format!("at operation {die_at}")).await;
    }
    assert!(died > 12, "died only {died} times");
}

#[tokio::test]
async fn killed_from_outside_while_appending() {
    let expected = appended_once(6).await;
    for until in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let mut child = appending(dir.path(), 0, 6);
        let acknowledged = acknowledged(&mut child, until);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_whole(dir.path(), &acknowledged, &expected, &format!("after {until} runs")).await;
    }
}
