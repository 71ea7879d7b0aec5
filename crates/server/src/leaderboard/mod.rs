//! The leaderboard over the runs in memory: filter, rank, sort, page, facets, summary.
//!
//! Pure functions over rows; knows neither the store nor HTTP.

mod facets;
mod filter;
mod index;
pub(crate) mod params;
mod summary;
pub(crate) mod time;

pub use facets::{FacetValue, Facets, facets};
pub use filter::{FILTERS, Filter};
pub use index::RunIndex;
pub use summary::{Summary, summarize};

use std::cmp::Ordering;

use smoltrace_model::rows::RunRow;

use crate::{
    columns::{self, Cell, SortTerm},
    error::ApiError,
    run_columns::{RANK, RUN_COLUMNS},
};

/// A run that passed the filter, with its rank among those that did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Index into the rows.
    pub row: usize,
    /// From 1.
    pub rank: i64,
}

/// The runs that pass `filter`, best first.
pub fn select(index: &RunIndex, filter: &Filter) -> Vec<Ranked> {
    let test = filter.compile(index);
    index
        .best_first()
        .filter(|&row| test.passes(row))
        .zip(1..)
        .map(|(row, rank)| Ranked { row, rank })
        .collect()
}

/// The order when none is asked for.
pub const DEFAULT_SORT: &str = "-success_rate";

/// How to order the runs: a comma list of columns or `rank`, each with `-` for descending.
/// Nulls come last either way; ties go newest first, then by run id.
pub struct Sort(Vec<Term>);

enum Term {
    Rank { descending: bool },
    Column(SortTerm<RunRow>),
}

impl Sort {
    /// Parses the `sort` parameter. None, and an empty one, are best first.
    pub fn parse(text: Option<&str>) -> Result<Self, ApiError> {
        let text = text.unwrap_or_default();
        // Alone, this is what the rank says, ties included.
        if text == DEFAULT_SORT {
            return Ok(Self(Vec::new()));
        }
        let terms = text.split(',').map(str::trim).filter(|term| !term.is_empty());
        terms
            .map(|term| match term {
                "rank" => Ok(Term::Rank { descending: false }),
                "-rank" => Ok(Term::Rank { descending: true }),
                _ => SortTerm::parse(RUN_COLUMNS, &[RANK], term).map(Term::Column),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Orders a selection in place; `selection` comes best first.
    pub fn apply(&self, index: &RunIndex, selection: &mut [Ranked]) {
        if matches!(self.0.as_slice(), [] | [Term::Rank { descending: false }, ..]) {
            return;
        }
        // Each row is read once: rows are wide, and comparing them in place would fetch them
        // from memory over and over.
        let mut keyed: Vec<(Vec<Cell<'_>>, Ranked)> =
            selection.iter().map(|ranked| (self.key(index, *ranked), *ranked)).collect();
        keyed.sort_by(|(a, x), (b, y)| {
            let terms = self.0.iter().zip(a.iter().zip(b));
            terms
                .map(|(term, (a, b))| a.compare_nulls_last(b, term.descending()))
                .find(|order| *order != Ordering::Equal)
                .unwrap_or_else(|| index.age(x.row).cmp(&index.age(y.row)))
        });
        for (place, (_, ranked)) in selection.iter_mut().zip(keyed) {
            *place = ranked;
        }
    }

    fn key<'a>(&self, index: &'a RunIndex, ranked: Ranked) -> Vec<Cell<'a>> {
        let row = &index.rows()[ranked.row];
        let cell = |term: &Term| match term {
            Term::Rank { .. } => Cell::Int(ranked.rank),
            Term::Column(term) => (term.column.get)(row),
        };
        self.0.iter().map(cell).collect()
    }
}

impl Term {
    fn descending(&self) -> bool {
        match self {
            Self::Rank { descending } => *descending,
            Self::Column(term) => term.descending,
        }
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Page {
    /// From 1.
    pub page: usize,
    pub page_size: usize,
}

impl Page {
    pub const DEFAULT_SIZE: usize = 100;
    pub const MAX_SIZE: usize = 10_000;

    /// Parses `page` and `page_size`.
    pub fn parse(page: Option<&str>, page_size: Option<&str>) -> Result<Self, ApiError> {
        Ok(Self {
            page: number("page", page, 1, u32::MAX as usize, 1)?,
            page_size: number("page_size", page_size, 1, Self::MAX_SIZE, Self::DEFAULT_SIZE)?,
        })
    }

    /// The page of a list; empty beyond its end.
    pub fn of<'a, T>(&self, list: &'a [T]) -> &'a [T] {
        let start = (self.page - 1).saturating_mul(self.page_size).min(list.len());
        let end = start.saturating_add(self.page_size).min(list.len());
        &list[start..end]
    }
}

/// A whole number within bounds, or an error that names them.
pub fn number(
    name: &str,
    text: Option<&str>,
    min: usize,
    max: usize,
    default: usize,
) -> Result<usize, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(default) };
    text.parse().ok().filter(|value| (min..=max).contains(value)).ok_or_else(|| {
        ApiError::invalid(format!("`{name}` must be a whole number from {min} to {max}, not `{text}`"))
    })
}

/// Splits repeated and comma-separated values into single names.
pub fn comma_list(values: &[String]) -> Vec<&str> {
    values.iter().flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// The columns of a run that `fields` asks for, and whether its rank is among them.
pub fn run_fields(fields: &[String]) -> Result<(Vec<&'static columns::Column<RunRow>>, bool), ApiError> {
    let fields = comma_list(fields);
    let columns = columns::select(RUN_COLUMNS, &[RANK], &fields)?;
    Ok((columns, fields.is_empty() || fields.contains(&RANK)))
}

#[cfg(test)]
mod tests;
