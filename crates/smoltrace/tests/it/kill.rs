//! `kill -9` during an import loses nothing that was acknowledged and doubles nothing afterwards.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{Smoltrace, assert_same_tables, path, recording};

const KILLS: u32 = 50;

#[test]
fn killed_imports_then_one_more_give_the_tables_of_a_clean_import() {
    let clean = Smoltrace::new();
    let begun = Instant::now();
    clean.ok(&["import", path(&recording())]);
    let whole = begun.elapsed();
    let expected = clean.tables();
    assert!(expected[0].as_array().is_some_and(|spans| spans.len() > 100));

    // Kills spread evenly over the duration of an import hit every stage of it. Each of the data
    // directories suffers several, so that a kill also meets what an earlier one left behind.
    let mut killed = 0;
    for round in 0..10 {
        let victim = Smoltrace::new();
        for part in 0..KILLS / 10 {
            let delay = whole.mul_f64(f64::from(part * 10 + round) / f64::from(KILLS));
            let mut child = victim
                .command(&["import", path(&recording())])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the binary runs");
            wait_at_most(&mut child, delay);
            child.kill().expect("SIGKILL");
            killed += u32::from(!child.wait().expect("it ends").success());
        }
        victim.ok(&["import", path(&recording())]);
        assert_same_tables(&victim.tables(), &expected, &format!("round {round}"));
    }
    assert!(killed > KILLS / 2, "only {killed} of {KILLS} kills hit a running import");
}

/// Lets the child run for `delay`, or until it ends.
fn wait_at_most(child: &mut std::process::Child, delay: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < delay && child.try_wait().expect("a child").is_none() {
        std::thread::yield_now();
    }
}
