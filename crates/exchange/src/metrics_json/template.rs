//! Elements that say the same as an earlier one but for times and values.
//!
//! A metrics file repeats one element per scrape. What an element says beside its numbers (keys,
//! resource, names, attributes) is kept as literal text with holes; a later element that has the same
//! text around its holes has the same points in the same series, so that only the holes are read.
//! Anything else is a miss and is read the long way. A template never decides what is right: it says
//! what the long way said of the same text.

use smoltrace_model::series::Sample;

use super::collect::Collector;
use super::element::{Raw, Skipped};
use super::number::{self, NULL, Reading};

/// Templates kept; a file that mixes more kinds of element is read the long way.
const KEPT: usize = 8;
/// The longest element that is kept as a template, in bytes.
const LONGEST: usize = 1 << 20;
/// A scalar longer than this is no number.
const LONGEST_SCALAR: usize = 64;

/// What stands in a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Start,
    Time,
    Int,
    Double,
    /// A value that is not read.
    Any,
}

/// A field of a point, as the text that it was read from.
pub(super) struct Hole<'a> {
    pub role: Role,
    pub text: &'a str,
}

/// What is learnt while an element is read the long way.
pub(super) struct Sketch<'a> {
    text: &'a [u8],
    holes: Vec<Placed>,
    without_value: u64,
    distributions: u64,
    spoilt: bool,
}

struct Placed {
    start: usize,
    end: usize,
    role: Role,
    /// Slot of the point that is complete with this hole.
    completes: Option<u32>,
}

impl<'a> Sketch<'a> {
    /// A sketch of the element that begins `text`.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, holes: Vec::new(), without_value: 0, distributions: 0, spoilt: false }
    }

    /// A point of the series at `slot`.
    pub fn point<'p>(&mut self, slot: u32, holes: impl IntoIterator<Item = Hole<'p>>) {
        let first = self.holes.len();
        for hole in holes {
            self.hole(hole.role, hole.text);
        }
        match self.holes.get_mut(first..) {
            Some(holes) if !holes.is_empty() => {
                holes.sort_unstable_by_key(|hole| hole.start);
                holes[holes.len() - 1].completes = Some(slot);
            }
            // Nothing that could ever hold a value.
            _ => self.without_value += 1,
        }
    }

    /// A point that says of itself that it has no value.
    pub fn flagged(&mut self) {
        self.without_value += 1;
    }

    /// A histogram or its like.
    pub fn distribution(&mut self, raw: Raw<'_>) {
        self.distributions += 1;
        self.hole(Role::Any, raw.text());
    }

    /// Where the first hole begins.
    pub fn first_hole(&self) -> usize {
        self.holes.iter().map(|hole| hole.start).min().unwrap_or(self.text.len())
    }

    /// This element is not to be repeated from memory.
    pub fn spoil(&mut self) {
        self.spoilt = true;
    }

    fn hole(&mut self, role: Role, text: &str) {
        // Raw texts are borrowed from the element; how far from its start says where they stand.
        let start = (text.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let end = start.wrapping_add(text.len());
        if start >= end || end >= self.text.len() {
            self.spoilt = true;
            return;
        }
        let readable = role == Role::Any || number::scalar_end(&self.text[start..]) == Some(text.len());
        self.spoilt |= !readable || text.len() > LONGEST_SCALAR && role != Role::Any;
        self.holes.push(Placed { start, end, role, completes: None });
    }

    /// The template of an element of `len` bytes.
    fn template(mut self, len: usize) -> Option<Template> {
        if self.spoilt || len > LONGEST || self.holes.is_empty() {
            return None;
        }
        self.holes.sort_by_key(|hole| hole.start);
        let mut template = Template {
            literals: Vec::with_capacity(len),
            steps: Vec::with_capacity(self.holes.len()),
            last: 0,
            without_value: self.without_value,
            distributions: self.distributions,
        };
        let mut at = 0;
        for hole in self.holes {
            template.literals.extend_from_slice(self.text.get(at..hole.start)?);
            let literal_end = template.literals.len();
            template.steps.push(Step { literal_end, role: hole.role, completes: hole.completes });
            at = hole.end;
        }
        template.literals.extend_from_slice(self.text.get(at..len)?);
        template.last = template.literals.len();
        Some(template)
    }
}

/// What trying a text against templates gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The points are added; the element is so many bytes long.
    Hit(usize),
    Miss,
    /// So far it fits, but the text ends.
    Incomplete,
}

struct Template {
    /// All literal text, one piece after the other.
    literals: Vec<u8>,
    steps: Vec<Step>,
    /// End of the piece after the last hole.
    last: usize,
    without_value: u64,
    distributions: u64,
}

/// A piece of literal text and the hole behind it.
struct Step {
    literal_end: usize,
    role: Role,
    completes: Option<u32>,
}

/// Templates, the latest used first.
#[derive(Default)]
pub(super) struct Templates {
    templates: Vec<Template>,
    /// Samples of the element at hand: nothing is added before all of it fits.
    staged: Vec<(u32, Sample)>,
}

impl Templates {
    /// Adds the points of the element that begins `text` if it fits a template. `last`: no text
    /// follows.
    pub fn apply(&mut self, text: &[u8], last: bool, into: &mut Collector) -> Match {
        for place in 0..self.templates.len() {
            let template = &self.templates[place];
            let mut without_value = template.without_value;
            match template.fit(text, last, &mut self.staged, &mut without_value) {
                Match::Miss => continue,
                Match::Incomplete => return Match::Incomplete,
                Match::Hit(len) => {
                    for (slot, sample) in &self.staged {
                        into.set.push(*slot as usize, *sample);
                    }
                    into.left_out.without_value += without_value;
                    into.left_out.distributions += template.distributions;
                    self.templates[..=place].rotate_right(1);
                    return Match::Hit(len);
                }
            }
        }
        Match::Miss
    }

    /// Keeps what was sketched of an element of `len` bytes.
    pub fn learn(&mut self, sketch: Sketch<'_>, len: usize) {
        if let Some(template) = sketch.template(len) {
            self.templates.truncate(KEPT - 1);
            self.templates.insert(0, template);
        }
    }
}

/// The fields of the point at hand.
struct Fields<'a> {
    start: i64,
    time: i64,
    as_int: &'a [u8],
    as_double: &'a [u8],
}

impl Fields<'_> {
    const NONE: Self = Self { start: 0, time: 0, as_int: NULL, as_double: NULL };
}

impl Template {
    fn fit(
        &self,
        text: &[u8],
        last: bool,
        staged: &mut Vec<(u32, Sample)>,
        without_value: &mut u64,
    ) -> Match {
        staged.clear();
        let (mut at, mut literal) = (0, 0);
        let mut point = Fields::NONE;
        // The points of one scrape share their time.
        let mut known_time: (&[u8], i64) = (NULL, 0);
        for step in &self.steps {
            let piece = &self.literals[literal..step.literal_end];
            literal = step.literal_end;
            match begins(&text[at..], piece, last) {
                Match::Hit(len) => at += len,
                other => return other,
            }
            let Some(len) = hole_len(&text[at..], step.role) else {
                let may_go_on = !last && (text.len() - at < LONGEST_SCALAR || step.role == Role::Any);
                return if may_go_on { Match::Incomplete } else { Match::Miss };
            };
            let raw = &text[at..at + len];
            at += len;
            match step.role {
                Role::Start | Role::Time => {
                    if raw != known_time.0 {
                        let Ok(nanos) = number::time(raw) else { return Match::Miss };
                        known_time = (raw, nanos);
                    }
                    *(if step.role == Role::Time { &mut point.time } else { &mut point.start }) =
                        known_time.1;
                }
                Role::Int => point.as_int = raw,
                Role::Double => point.as_double = raw,
                Role::Any => {}
            }
            if let Some(slot) = step.completes {
                let Fields { start, time, as_int, as_double } = std::mem::replace(&mut point, Fields::NONE);
                match number::reading(as_int, as_double) {
                    Ok(Reading::Number(value)) => staged
                        .push((slot, Sample { start_time_unix_nano: start, time_unix_nano: time, value })),
                    Ok(Reading::Missing) => *without_value += 1,
                    Err(_) => return Match::Miss,
                }
            }
        }
        match begins(&text[at..], &self.literals[literal..self.last], last) {
            Match::Hit(len) => Match::Hit(at + len),
            other => other,
        }
    }
}

fn begins(text: &[u8], piece: &[u8], last: bool) -> Match {
    match text.get(..piece.len()) {
        Some(head) if head == piece => Match::Hit(piece.len()),
        None if !last && piece.starts_with(text) => Match::Incomplete,
        _ => Match::Miss,
    }
}

fn hole_len(text: &[u8], role: Role) -> Option<usize> {
    if role != Role::Any {
        return number::scalar_end(text);
    }
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Skipped>();
    match values.next() {
        Some(Ok(_)) => Some(values.byte_offset()),
        _ => None,
    }
}
