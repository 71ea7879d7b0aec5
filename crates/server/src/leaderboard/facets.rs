//! What the runs can be filtered by, and how many runs each choice would leave.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FILTERS, Filter, RunIndex};

/// A value of a field and the runs that have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FacetValue {
    pub value: String,
    /// Runs with this value among those that the other fields' filters leave.
    pub count: i64,
}

macro_rules! facet_lists {
    ($($field:ident),* $(,)?) => {
        /// The values of every filter field, most frequent first. Runs without a value are not
        /// counted; a field's own filter does not narrow its list.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Facets { $(pub $field: Vec<FacetValue>,)* }

        /// Counts the facets of the runs that `filter` leaves.
        pub fn facets(index: &RunIndex, filter: &Filter) -> Facets {
            let test = filter.compile(index);
            let of = |name: &str| match FILTERS.iter().position(|field| field.name == name) {
                Some(at) => count(index, at, |row| test.passes_but(row, at)),
                None => Vec::new(),
            };
            Facets { $($field: of(stringify!($field)),)* }
        }
    };
}
facet_lists!(
    model,
    agent_type,
    provider,
    hardware,
    dataset_used,
    use_case,
    team,
    purpose,
    suite_version,
    submitted_by,
    status,
    simulated,
);

fn count(index: &RunIndex, at: usize, passes: impl Fn(usize) -> bool) -> Vec<FacetValue> {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for row in (0..index.rows().len()).filter(|&row| passes(row)) {
        if let Some(value) = (FILTERS[at].value)(&index.rows()[row]) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut counts: Vec<FacetValue> =
        counts.into_iter().map(|(value, count)| FacetValue { value: value.to_owned(), count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    counts
}
