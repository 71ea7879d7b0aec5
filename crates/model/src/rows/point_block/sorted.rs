//! The points of several blocks in the order of the table.

use std::{borrow::Borrow, collections::HashMap, ops::Range, rc::Rc, sync::Arc};

use ahash::RandomState;

use super::{PointBlock, PointSeries, Points};
use crate::rows::PointRow;

/// Points in order of run, metric, series id and time. They stay in their blocks.
pub(super) struct Sorted<'a> {
    blocks: Vec<&'a PointBlock>,
    /// The block of each point, and its place there.
    order: Vec<(u32, u32)>,
    /// What the points say by their series: for points in a row of one series, with the place after the last of them.
    pub(super) stretches: Vec<(&'a PointRow, i32)>,
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
    fn add(&mut self, block: &'a PointBlock, before: Option<(&PointBlock, &Rc<[u32]>)>) -> Rc<[u32]> {
        let place_of = |series: &'a PointSeries| {
            *self.known.entry(series.0.key).or_insert_with(|| {
                self.series.push(series);
                self.points.push(0);
                (self.series.len() - 1) as u32
            })
        };
        let places = match before {
            Some((same, places)) if Arc::ptr_eq(&same.list, &block.list) => places.clone(),
            _ => block.list.series.iter().map(place_of).collect(),
        };
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

/// Series with one id, which may still say different things beside it, and where their points stand.
struct Group {
    series: usize,
    alike: usize,
    points: Range<usize>,
}

impl<'a> Sorted<'a> {
    pub(super) fn of<B: Borrow<PointBlock>>(blocks: &'a [B]) -> Self {
        let mut blocks: Vec<&PointBlock> = blocks.iter().map(Borrow::borrow).collect();
        // What came together is mostly of one time: then few series are out of order in the end.
        blocks.sort_by_key(|block| block.points.times.first().copied());
        let mut all = AllSeries::default();
        let mut places: Vec<Rc<[u32]>> = Vec::with_capacity(blocks.len());
        for (at, block) in blocks.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| (blocks[before], &places[before]));
            places.push(all.add(block, before));
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut group_of = vec![0; all.series.len()];
        for series in all.in_order() {
            let start = groups.last().map_or(0, |group| group.points.end);
            match groups.last_mut() {
                Some(group) if sort_key(all.series[group.series]) == sort_key(all.series[series]) => {
                    group.alike += 1;
                }
                _ => groups.push(Group { series, alike: 1, points: start..start }),
            }
            group_of[series] = groups.len() - 1;
            groups[group_of[series]].points.end += all.points[series];
        }
        let points = groups.last().map_or(0, |group| group.points.end);
        let mut sorted =
            Self { order: vec![(0, 0); points], stretches: Vec::with_capacity(groups.len()), blocks };
        let mut next: Vec<usize> = groups.iter().map(|group| group.points.start).collect();
        for (at, (block, places)) in sorted.blocks.iter().zip(&places).enumerate() {
            for (place, series) in block.points.series.iter().enumerate() {
                let to = &mut next[group_of[places[*series as usize] as usize]];
                sorted.order[*to] = (at as u32, place as u32);
                *to += 1;
            }
        }
        for group in groups {
            sorted.sort_by_time(group.points.clone());
            if group.alike == 1 {
                sorted.stretches.push((all.series[group.series].head(), group.points.end as i32));
                continue;
            }
            for at in group.points {
                let (block, place) = sorted.order[at];
                let series = sorted.blocks[block as usize].points.series[place as usize];
                let head = all.series[places[block as usize][series as usize] as usize].head();
                match sorted.stretches.last_mut() {
                    Some((same, end)) if std::ptr::eq(*same, head) => *end = at as i32 + 1,
                    _ => sorted.stretches.push((head, at as i32 + 1)),
                }
            }
        }
        sorted
    }

    /// How many points.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Something of each point: of the points of its block, and its place there.
    pub(super) fn each<T>(&self, of: impl Fn(&'a Points, usize) -> T) -> impl ExactSizeIterator<Item = T> {
        self.order.iter().map(move |(block, place)| of(&self.blocks[*block as usize].points, *place as usize))
    }

    /// Whether any point has a detail.
    pub(super) fn has_details(&self) -> bool {
        self.blocks.iter().any(|block| !block.points.details.is_empty())
    }

    /// Sorts points; those of one time stay as they are.
    fn sort_by_time(&mut self, points: Range<usize>) {
        let blocks = &self.blocks;
        let time = |(block, place): &(u32, u32)| blocks[*block as usize].points.times[*place as usize];
        let order = &mut self.order[points];
        if !order.is_sorted_by_key(time) {
            order.sort_by_key(time);
        }
    }
}
