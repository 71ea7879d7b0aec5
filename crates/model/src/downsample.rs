//! Fewer points of a curve that still shows its extremes and its gaps. Knows no metric.

/// A point of a curve: (time, value); no value is a gap. Times in any unit, ascending.
pub type CurvePoint = (i64, Option<f64>);

/// Puts a gap between neighbours further apart than `max_gap`, at the moment `max_gap` after
/// the earlier one.
pub fn mark_gaps(points: &[(i64, f64)], max_gap: i64) -> Vec<CurvePoint> {
    let mut curve = Vec::with_capacity(points.len());
    let mut previous = None;
    for (time, value) in points {
        if let Some(previous) = previous.replace(*time)
            && time.saturating_sub(previous) > max_gap
        {
            curve.push((previous.saturating_add(max_gap), None));
        }
        curve.push((*time, Some(*value)));
    }
    curve
}

/// At most `max_points` of the points, in order: the first and the last, and of each of a number
/// of equal buckets between them the least and the greatest value and a gap if it has one. The
/// extremes of the whole curve are among them for `max_points` of 4 and more (5 with gaps).
pub fn min_max(points: &[CurvePoint], max_points: usize) -> Vec<CurvePoint> {
    if points.len() <= max_points {
        return points.to_vec();
    }
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    match max_points {
        0 => return Vec::new(),
        1 => return vec![*last],
        _ => {}
    }
    let inner = &points[1..points.len() - 1];
    let per_bucket = if inner.iter().any(|(_, value)| value.is_none()) { 3 } else { 2 };
    let buckets = (max_points - 2) / per_bucket;

    let mut kept = Vec::with_capacity(max_points);
    kept.push(*first);
    for bucket in 0..buckets {
        let place = |bucket: usize| bucket * inner.len() / buckets;
        let range = &inner[place(bucket)..place(bucket + 1)];
        let mut picks = [least(range), greatest(range), range.iter().position(|(_, value)| value.is_none())];
        picks.sort_unstable();
        let mut before = None;
        for pick in picks.into_iter().flatten() {
            if before.replace(pick) != Some(pick) {
                kept.push(range[pick]);
            }
        }
    }
    kept.push(*last);
    kept
}

/// Where the least value is, the first of several.
fn least(range: &[CurvePoint]) -> Option<usize> {
    extreme(range, |value, held| value < held)
}

/// Where the greatest value is, the first of several.
fn greatest(range: &[CurvePoint]) -> Option<usize> {
    extreme(range, |value, held| value > held)
}

fn extreme(range: &[CurvePoint], beats: impl Fn(f64, f64) -> bool) -> Option<usize> {
    let mut held: Option<(usize, f64)> = None;
    for (place, (_, value)) in range.iter().enumerate() {
        if let Some(value) = value
            && held.is_none_or(|(_, held)| beats(*value, held))
        {
            held = Some((place, *value));
        }
    }
    held.map(|(place, _)| place)
}
