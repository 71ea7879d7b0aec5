//! How deeply the schema in a Parquet footer is nested, found without recursion: the decoder
//! builds the schema recursively, so a file made for it could exhaust the stack.
//!
//! Reads just enough of Thrift's compact protocol; all else is left to the decoder.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes of the largest footer that is read.
const MAX_FOOTER: u64 = 64 << 20;
/// Levels of values within values outside of the schema.
const MAX_SKIP: usize = 32;

/// Levels of the schema of a file; `None` when its end is not that of a Parquet file.
pub(super) fn schema_depth(file: &mut File) -> std::io::Result<Option<usize>> {
    let length = file.seek(SeekFrom::End(0))?;
    if length < 12 {
        return Ok(None);
    }
    let mut tail = [0; 8];
    file.seek(SeekFrom::Start(length - 8))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    if &magic != b"PAR1" || size > MAX_FOOTER || size > length - 12 {
        return Ok(None);
    }
    let mut footer = vec![0; usize::try_from(size).unwrap_or(0)];
    file.seek(SeekFrom::Start(length - 8 - size))?;
    file.read_exact(&mut footer)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(depth(&mut Compact { rest: &footer }))
}

/// Depth of the list of schema elements, field 2 of the file's metadata.
fn depth(thrift: &mut Compact<'_>) -> Option<usize> {
    let mut field = 0;
    loop {
        let kind = thrift.field(&mut field)?;
        match (kind, field) {
            (STOP, _) => return None,
            (LIST, 2) => break,
            (kind, _) => thrift.skip(kind, 0)?,
        }
    }
    let (count, kind) = thrift.list()?;
    if kind != STRUCT {
        return None;
    }
    // Children still to come at each open level.
    let mut open: Vec<i64> = Vec::new();
    let mut deepest = 0;
    for _ in 0..count {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(children) = open.last_mut() {
            *children -= 1;
        }
        deepest = deepest.max(open.len() + 1);
        let children = thrift.children()?;
        if children > 0 {
            open.push(children);
        }
    }
    Some(deepest)
}

const STOP: u8 = 0;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

struct Compact<'a> {
    rest: &'a [u8],
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The kind of the next field, [`STOP`] at the end; `id` becomes the field's.
    fn field(&mut self, id: &mut i64) -> Option<u8> {
        let byte = self.byte()?;
        if byte & 0x0f == STOP {
            return Some(STOP);
        }
        *id = match byte >> 4 {
            0 => self.zigzag()?,
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(byte & 0x0f)
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let byte = self.byte()?;
        let count = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
        Some((count, byte & 0x0f))
    }

    /// Reads a schema element; returns the number of its children, field 5.
    fn children(&mut self) -> Option<i64> {
        let (mut id, mut children) = (0, 0);
        loop {
            match self.field(&mut id)? {
                STOP => return Some(children),
                4..=6 if id == 5 => children = self.zigzag()?,
                kind => self.skip(kind, 0)?,
            }
        }
    }

    fn bytes(&mut self, count: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    /// Skips an item of a list or map, where a truth value takes a byte: each item takes some.
    fn item(&mut self, kind: u8, level: usize) -> Option<()> {
        if kind <= 2 { self.bytes(1) } else { self.skip(kind, level + 1) }
    }

    fn skip(&mut self, kind: u8, level: usize) -> Option<()> {
        if level > MAX_SKIP {
            return None;
        }
        match kind {
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let count = self.varint()?;
                self.bytes(count)
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.item(kind, level))
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.item(kinds >> 4, level)?;
                    self.item(kinds & 0x0f, level)
                })
            }
            STRUCT => {
                let mut id = 0;
                loop {
                    match self.field(&mut id)? {
                        STOP => return Some(()),
                        kind => self.skip(kind, level + 1)?,
                    }
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_open_groups() {
        // A root of two children, of which the first has one.
        let group = |children: u8| [0x48, 1, b'g', 0x15, children * 2, 0];
        let leaf = [0x15, 2, 0x25, 0, 0x18, 1, b'l', 0];
        let mut footer = vec![0x15, 2, 0x19, 0x4c];
        footer.extend(group(2));
        footer.extend(group(1));
        footer.extend(leaf);
        footer.extend(leaf);
        assert_eq!(depth(&mut Compact { rest: &footer }), Some(3));
        assert_eq!(depth(&mut Compact { rest: &footer[..footer.len() - 3] }), None);
        assert_eq!(depth(&mut Compact { rest: &[0x15, 2, 0] }), None);
    }
}
