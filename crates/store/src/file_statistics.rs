//! What the log says of the rows of a file, by which whole files are skipped. Knows no store.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, AsArray, StringArray},
    compute::{max, max_string, min, min_string},
    datatypes::{Int32Type, Int64Type},
    record_batch::RecordBatch,
};
use parquet::file::{metadata::RowGroupMetaData, statistics::Statistics};
use serde_json::{Map, json};

use crate::layout::Layout;

/// Longer strings stand in the log without a maximum, and their minimum is cut here.
const STATS_CHARS: usize = 64;

/// The texts of a column, or those of its dictionary or its runs, all of which are in use.
fn texts(column: &dyn Array) -> Option<&StringArray> {
    if let Some(dictionary) = column.as_dictionary_opt::<Int32Type>() {
        return dictionary.values().as_string_opt::<i32>();
    }
    match column.as_run_opt::<Int32Type>() {
        Some(runs) => runs.values().as_string_opt::<i32>(),
        None => column.as_string_opt::<i32>(),
    }
}

/// What the log says of a file: Delta's per-file statistics of the layout's columns.
#[derive(Debug, Default)]
pub(crate) struct FileStatistics {
    rows: usize,
    columns: BTreeMap<&'static str, ColumnStatistics>,
}

#[derive(Debug, Default)]
struct ColumnStatistics {
    /// Some rows do not tell what their least and greatest value is.
    unknown: bool,
    nulls: usize,
    texts: Option<(String, String)>,
    numbers: Option<(i64, i64)>,
}

impl FileStatistics {
    /// Adds the rows of a batch.
    pub(crate) fn add(&mut self, layout: &Layout, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for name in layout.stats {
            let Some(column) = batch.column_by_name(name) else { continue };
            let known = self.columns.entry(name).or_default();
            known.nulls += column.logical_null_count();
            if let Some((least, most)) =
                texts(column).and_then(|values| min_string(values).zip(max_string(values)))
            {
                known.add_texts(least, most);
            } else if let Some((least, most)) =
                column.as_primitive_opt::<Int64Type>().and_then(|values| min(values).zip(max(values)))
            {
                known.add_numbers(least, most);
            }
        }
    }

    /// Adds the rows of a row group, as far as it tells of them.
    pub(crate) fn add_row_group(&mut self, layout: &Layout, group: &RowGroupMetaData) {
        self.rows += group.num_rows() as usize;
        for name in layout.stats {
            let Some(column) = group.columns().iter().find(|column| column.column_path().string() == *name)
            else {
                continue;
            };
            let known = self.columns.entry(name).or_default();
            let statistics = column.statistics();
            let nulls = statistics.and_then(Statistics::null_count_opt);
            known.nulls += nulls.unwrap_or_default() as usize;
            let text = |bytes: Option<&'_ [u8]>| {
                bytes.and_then(|bytes| str::from_utf8(bytes).ok()).map(str::to_owned)
            };
            match statistics {
                Some(Statistics::Int64(values)) => match (values.min_opt(), values.max_opt()) {
                    (Some(least), Some(most)) => known.add_numbers(*least, *most),
                    _ => known.unknown |= nulls != Some(group.num_rows() as u64),
                },
                Some(values @ Statistics::ByteArray(_)) => {
                    match (text(values.min_bytes_opt()), text(values.max_bytes_opt())) {
                        (Some(least), Some(most)) => known.add_texts(&least, &most),
                        _ => known.unknown |= nulls != Some(group.num_rows() as u64),
                    }
                }
                _ => known.unknown = true,
            }
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let (mut lowest, mut highest, mut nulls) = (Map::new(), Map::new(), Map::new());
        for (name, column) in &self.columns {
            let name = (*name).to_owned();
            nulls.insert(name.clone(), json!(column.nulls));
            if column.unknown {
                continue;
            }
            if let Some((low, high)) = &column.texts {
                lowest.insert(name.clone(), low.chars().take(STATS_CHARS).collect::<String>().into());
                // A cut maximum would be too low.
                if high.chars().count() <= STATS_CHARS {
                    highest.insert(name, high.as_str().into());
                }
            } else if let Some((low, high)) = column.numbers {
                lowest.insert(name.clone(), low.into());
                highest.insert(name, high.into());
            }
        }
        json!({ "numRecords": self.rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls })
            .to_string()
    }
}

impl ColumnStatistics {
    fn add_texts(&mut self, least: &str, most: &str) {
        match &mut self.texts {
            Some((low, high)) => {
                if least < low.as_str() {
                    *low = least.to_owned();
                }
                if most > high.as_str() {
                    *high = most.to_owned();
                }
            }
            none => *none = Some((least.to_owned(), most.to_owned())),
        }
    }

    fn add_numbers(&mut self, least: i64, most: i64) {
        let (low, high) = self.numbers.get_or_insert((least, most));
        (*low, *high) = ((*low).min(least), (*high).max(most));
    }
}
