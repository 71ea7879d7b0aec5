//! Protobuf's wire format, read in place: fields of a message as slices of it.
//!
//! Knows no message. Nothing is copied and nothing is allocated, so that what a hostile request can cost
//! is bounded by its bytes.

use std::fmt;

/// Fields of one message, in the order they were written.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    /// The bytes of a string, bytes or a message.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// The bytes are no protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const CUT: Malformed = Malformed("a field is cut off");

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field with its number; `None` at the end.
    #[inline]
    pub fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed("a field number is too large"))?;
        if number == 0 {
            return Err(Malformed("a field has the number 0"));
        }
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.take()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| CUT)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.take()?)),
            _ => return Err(Malformed("a field has a wire type that is not in use")),
        };
        Ok(Some((number, field)))
    }

    /// How many bytes of the message are still to be read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(CUT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        match self.rest {
            // Most numbers are small.
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    return Err(Malformed("a number has more than 64 bits"));
                }
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { CUT } else { Malformed("a number has more than 10 bytes") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u32, Field<'_>)>, Malformed> {
        let mut fields = Fields::of(bytes);
        let mut all = Vec::new();
        while let Some(field) = fields.next()? {
            all.push(field);
        }
        Ok(all)
    }

    #[test]
    fn every_wire_type_is_read() {
        assert_eq!(read(&[]), Ok(vec![]));
        assert_eq!(read(&[0x08, 0x96, 0x01]), Ok(vec![(1, Field::Varint(150))]));
        assert_eq!(read(&[0x12, 2, b'h', b'i']), Ok(vec![(2, Field::Bytes(b"hi"))]));
        assert_eq!(read(&[0x19, 1, 0, 0, 0, 0, 0, 0, 0]), Ok(vec![(3, Field::Fixed64(1))]));
        assert_eq!(read(&[0x25, 7, 0, 0, 0]), Ok(vec![(4, Field::Fixed32(7))]));
        let largest = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(read(&largest), Ok(vec![(1, Field::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let check = |bytes: &[u8], cause: &str| {
            assert_eq!(read(bytes).map_err(|error| error.to_string()), Err(cause.into()), "{bytes:?}");
        };
        check(&[0x08], "a field is cut off");
        check(&[0x08, 0x80], "a field is cut off");
        check(&[0x12, 3, b'h', b'i'], "a field is cut off");
        check(&[0x19, 1, 0], "a field is cut off");
        check(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "a field is cut off");
        check(&[0x00, 0x01], "a field has the number 0");
        check(&[0x0b], "a field has a wire type that is not in use");
        check(
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            "a number has more than 64 bits",
        );
        check(
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            "a number has more than 10 bytes",
        );
    }
}
