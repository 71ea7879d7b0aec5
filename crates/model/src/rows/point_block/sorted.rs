//! The points of several blocks in the order of the table.

use std::{borrow::Borrow, collections::HashMap, ops::Range, sync::Arc};

use ahash::RandomState;

use super::{PointBlock, PointSeries};
use crate::rows::PointRow;

/// Points in order of run, metric, series id and time, as columns.
pub(super) struct Sorted<'a> {
    /// What the series say that points are of, in order.
    heads: Vec<&'a PointRow>,
    /// Of each point, the place of its head.
    keys: Vec<i32>,
    pub(super) ids: Vec<u128>,
    pub(super) starts: Vec<Option<i64>>,
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
    /// Empty when no point has any.
    pub(super) details: Vec<Option<&'a str>>,
}

/// The series of several blocks, each once.
#[derive(Default)]
struct AllSeries<'a> {
    series: Vec<&'a PointSeries>,
    /// Points of each.
    points: Vec<usize>,
    known: HashMap<u128, u32, RandomState>,
}

impl<'a> AllSeries<'a> {
    /// The places of the series of a block. `before` are those of another one, which mostly has the same series.
    fn add(&mut self, block: &'a PointBlock, before: Option<(&PointBlock, &[u32])>) -> Vec<u32> {
        let place_of = |(at, series): (usize, &'a PointSeries)| {
            let same = before.and_then(|(block, places)| Some((block.series.get(at)?, places[at])));
            match same {
                Some((same, place)) if Arc::ptr_eq(&same.0, &series.0) => place,
                _ => *self.known.entry(series.0.key).or_insert_with(|| {
                    self.series.push(series);
                    self.points.push(0);
                    (self.series.len() - 1) as u32
                }),
            }
        };
        let places: Vec<u32> = block.series.iter().enumerate().map(place_of).collect();
        for series in &block.points.series {
            self.points[places[*series as usize] as usize] += 1;
        }
        places
    }

    /// Places of the series that have points, in the order of the table.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.series.len()).filter(|place| self.points[*place] > 0).collect();
        order.sort_by_key(|place| sort_key(self.series[*place]));
        order
    }
}

/// What orders the points of different series.
fn sort_key(series: &PointSeries) -> (&str, &str, &str) {
    let head = series.head();
    (&head.run_id, &head.metric, &head.series_id)
}

impl<'a> Sorted<'a> {
    pub(super) fn of<B: Borrow<PointBlock>>(blocks: &'a [B]) -> Self {
        let mut blocks: Vec<&PointBlock> = blocks.iter().map(Borrow::borrow).collect();
        // What came together is mostly of one time: then few series are out of order in the end.
        blocks.sort_by_key(|block| block.points.times.first().copied());
        let mut all = AllSeries::default();
        let mut places: Vec<Vec<u32>> = Vec::with_capacity(blocks.len());
        for (at, block) in blocks.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| (blocks[before], &*places[before]));
            places.push(all.add(block, before));
        }
        let order = all.in_order();
        let mut rank = vec![0_i32; all.series.len()];
        // Series with one id may still say different things beside it: together they are one group, whose points
        // begin at a place.
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut group_of = vec![0; all.series.len()];
        let mut last = None;
        for (nth, place) in order.iter().enumerate() {
            rank[*place] = nth as i32;
            let key = sort_key(all.series[*place]);
            if last.replace(key) != Some(key) {
                let end = groups.last().map_or(0, |group| group.end);
                groups.push(end..end);
            }
            group_of[*place] = groups.len() - 1;
            groups[group_of[*place]].end += all.points[*place];
        }
        let mut sorted = Self::blank(
            order.iter().map(|place| all.series[*place].head()).collect(),
            groups.last().map_or(0, |group| group.end),
            blocks.iter().any(|block| !block.points.details.is_empty()),
        );
        let mut next: Vec<usize> = groups.iter().map(|group| group.start).collect();
        for (block, places) in blocks.iter().zip(&places) {
            let points = &block.points;
            let mut details = points.details.iter().peekable();
            for (at, series) in points.series.iter().enumerate() {
                let series = places[*series as usize] as usize;
                let to = &mut next[group_of[series]];
                sorted.keys[*to] = rank[series];
                sorted.ids[*to] = points.ids[at];
                sorted.starts[*to] = points.starts[at];
                sorted.times[*to] = points.times[at];
                sorted.values[*to] = points.values[at];
                if let Some((_, detail)) = details.next_if(|(place, _)| *place == at) {
                    sorted.details[*to] = Some(detail);
                }
                *to += 1;
            }
        }
        groups.into_iter().for_each(|group| sorted.sort_by_time(group));
        sorted
    }

    /// What the points say by their series, in stretches: each with the place of the point after its last.
    pub(super) fn stretches(&self) -> Vec<(&'a PointRow, i32)> {
        let mut end = 0;
        let stretches = self.keys.chunk_by(|one, next| one == next);
        stretches
            .map(|keys| {
                end += keys.len() as i32;
                (self.heads[keys[0] as usize], end)
            })
            .collect()
    }

    fn blank(heads: Vec<&'a PointRow>, points: usize, details: bool) -> Self {
        Self {
            heads,
            keys: vec![0; points],
            ids: vec![0; points],
            starts: vec![None; points],
            times: vec![0; points],
            values: vec![0.0; points],
            details: if details { vec![None; points] } else { Vec::new() },
        }
    }

    /// Sorts the points of a group; those of one time stay as they are.
    fn sort_by_time(&mut self, group: Range<usize>) {
        fn arrange<T: Copy>(column: &mut [T], order: &[usize]) {
            let arranged: Vec<T> = order.iter().map(|at| column[*at]).collect();
            column.copy_from_slice(&arranged);
        }
        let times = &mut self.times[group.clone()];
        if times.is_sorted() {
            return;
        }
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by_key(|at| times[*at]);
        arrange(times, &order);
        arrange(&mut self.keys[group.clone()], &order);
        arrange(&mut self.ids[group.clone()], &order);
        arrange(&mut self.starts[group.clone()], &order);
        arrange(&mut self.values[group.clone()], &order);
        if !self.details.is_empty() {
            arrange(&mut self.details[group], &order);
        }
    }
}
