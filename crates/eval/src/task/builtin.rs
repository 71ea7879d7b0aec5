//! The task sets that come with smoltrace. All texts are our own.

use super::TaskSet;

/// Their names and what they are.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("quick", "13 tasks for the tools that are always there: weather, arithmetic, time"),
    ("operations", "24 tasks of running services, on sample files"),
];

/// The built-in task set of a name.
pub fn built_in(name: &str) -> Option<TaskSet> {
    let lines = match name {
        "quick" => include_bytes!("../../data/tasks/quick.jsonl").as_slice(),
        "operations" => include_bytes!("../../data/tasks/operations.jsonl"),
        _ => return None,
    };
    let set = TaskSet::parse("tasks.jsonl", lines, "train").expect("the bundled tasks are valid");
    Some(TaskSet { name: name.into(), ..set })
}
