//! Names of attributes. The spans of a request have few, in few orders: what follows from a name or from an order is found
//! once in a request.

use std::{collections::HashMap, rc::Rc};

use smoltrace_model::normalize::Meaning;

use crate::json::is_escaped;

/// Attributes of one span that have a place here, beside those that are made of its other fields.
const MOST: usize = 4_096;
/// Names that are kept from span to span ...
const KEPT_NAMES: usize = 1_024;
/// ... and orders of them.
const KEPT_ORDERS: usize = 64;

/// A name, and what follows from it.
pub(crate) struct Name<'a> {
    pub(crate) text: &'a str,
    pub(crate) meaning: Option<Meaning>,
    /// Whether it stands in JSON as it is.
    pub(crate) plain: bool,
    /// The one that came after it last.
    next: u16,
}

/// Places of a span's attributes by their names, each name once: of one that comes twice, the last.
type Order = Rc<[u16]>;

/// The names of a request, and those of the span that is being read.
#[derive(Default)]
pub(crate) struct Names<'a> {
    all: Vec<Name<'a>>,
    numbers: HashMap<&'a str, u16, ahash::RandomState>,
    /// The one that a span began with last.
    first: u16,
    orders: HashMap<Box<[u16]>, Order, ahash::RandomState>,
    /// Numbers of the names of this span.
    span: Vec<u16>,
}

impl<'a> Names<'a> {
    /// Begins a span.
    pub(crate) fn begin(&mut self) {
        self.span.clear();
        if self.all.len() > KEPT_NAMES || self.orders.len() > KEPT_ORDERS {
            self.all.clear();
            self.numbers.clear();
            self.orders.clear();
        }
    }

    /// The name of the next attribute. `None` when it is not UTF-8, or the span has too many.
    pub(crate) fn push(&mut self, name: &'a [u8]) -> Option<()> {
        if self.span.len() == MOST {
            return None;
        }
        let number = self.number(name)?;
        self.add(number);
        Some(())
    }

    /// The name of one more attribute, unless the span has one of this name. Says whether it was added.
    pub(crate) fn push_missing(&mut self, name: &'static str) -> bool {
        let missing = self.number(name.as_bytes()).filter(|number| !self.span.contains(number));
        missing.is_some_and(|number| {
            self.add(number);
            true
        })
    }

    /// The number of the name that comes next; `None` when it is not UTF-8.
    fn number(&mut self, name: &'a [u8]) -> Option<u16> {
        // Mostly it is the one that came here in the span before.
        let likely = self.span.last().map_or(self.first, |last| self.all[usize::from(*last)].next);
        match self.all.get(usize::from(likely)) {
            Some(known) if known.text.as_bytes() == name => return Some(likely),
            _ => {}
        }
        let (all, text) = (&mut self.all, str::from_utf8(name).ok()?);
        let number = self.numbers.entry(text).or_insert_with(|| {
            let plain = !text.bytes().any(is_escaped);
            all.push(Name { text, meaning: Meaning::of(text), plain, next: 0 });
            (all.len() - 1) as u16
        });
        Some(*number)
    }

    fn add(&mut self, number: u16) {
        match self.span.last() {
            Some(last) => self.all[usize::from(*last)].next = number,
            None => self.first = number,
        }
        self.span.push(number);
    }

    /// The name of the attribute at a place of this span.
    pub(crate) fn at(&self, place: usize) -> &Name<'a> {
        &self.all[usize::from(self.span[place])]
    }

    /// The places of this span's attributes in order.
    pub(crate) fn order(&mut self) -> Order {
        if let Some(known) = self.orders.get(self.span.as_slice()) {
            return known.clone();
        }
        let mut places: Vec<u16> = (0..self.span.len() as u16).rev().collect();
        places.sort_by_key(|place| self.at(usize::from(*place)).text);
        places.dedup_by_key(|place| self.span[usize::from(*place)]);
        let order: Order = places.into();
        self.orders.insert(self.span.as_slice().into(), order.clone());
        order
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Names and last places of them, in order.
    fn ordered(names: &[String]) -> Vec<(&str, u16)> {
        let last: std::collections::BTreeMap<&str, u16> =
            names.iter().zip(0..).map(|(name, place)| (name.as_str(), place)).collect();
        last.into_iter().collect()
    }

    proptest! {
        #[test]
        fn an_order_is_that_of_the_names(spans in vec(vec("[a-c]{0,2}", 0..9), 1..40)) {
            let mut names = Names::default();
            for span in &spans {
                names.begin();
                for name in span {
                    prop_assert_eq!(names.push(name.as_bytes()), Some(()));
                }
                let order = names.order();
                let found: Vec<(&str, u16)> =
                    order.iter().map(|place| (names.at(usize::from(*place)).text, *place)).collect();
                prop_assert_eq!(found, ordered(span));
            }
        }
    }

    #[test]
    fn names_are_kept_within_bounds() {
        let many: Vec<String> = (0..3 * KEPT_NAMES).map(|number| number.to_string()).collect();
        let mut names = Names::default();
        for name in &many {
            names.begin();
            assert_eq!(names.push(name.as_bytes()), Some(()));
            assert_eq!(*names.order(), [0]);
            assert!(names.push_missing("") && !names.push_missing(""));
            assert!(names.all.len() <= KEPT_NAMES + 2 && names.orders.len() <= KEPT_ORDERS + 1);
        }
        names.begin();
        assert!((0..MOST).all(|_| names.push(b"again").is_some()));
        assert_eq!(names.push(b"again"), None);
        assert!(names.push_missing("one more") && !names.push_missing("again"));
        assert_eq!(*names.order(), [MOST as u16 - 1, MOST as u16]);
        names.begin();
        assert_eq!(names.push(b"\xff"), None);
    }
}
