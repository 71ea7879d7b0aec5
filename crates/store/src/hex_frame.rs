//! Hex digits as a Zstandard frame, which any reader unpacks, made of the bytes that the digits are of.
//!
//! Sixteen symbols that come equally often have codes of four bits each: in the order of the symbols these are the
//! digits' values, so that what Huffman coding makes of the text is the bytes themselves, last one first. Nothing is
//! counted and nothing looked up. See RFC 8878 for the format. Knows no column.

/// Bytes that one block holds the digits of: a block unpacks to at most 128 KiB.
const BLOCK_BYTES: usize = 65_536;
/// Fewer bytes are written as digits: with its table of codes a block would be longer than its text.
const LEAST_BYTES: usize = 256;
/// A block's digits are in four streams of whole bytes.
const STREAMS: usize = 4;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// One segment, its size in four bytes.
const DESCRIPTOR: u8 = 0b1010_0000;
const RAW: u32 = 0;
const COMPRESSED: u32 = 2;
const HEADER_BYTES: usize = 3;
/// No sequences: literals are all there is.
const NO_SEQUENCES: u8 = 0;
/// The weights of all symbols up to the last digit, which goes without saying: 1 for a digit, 0 for any other byte.
const TABLE: [u8; 1 + b'f' as usize / 2] = {
    let mut table = [0; 1 + b'f' as usize / 2];
    table[0] = 127 + b'f';
    let mut symbol = 0;
    while symbol < b'f' {
        if symbol.is_ascii_hexdigit() && !symbol.is_ascii_uppercase() {
            // Two to a byte, the first one in its upper half.
            table[1 + symbol as usize / 2] |= 1 << (4 * (1 - symbol % 2));
        }
        symbol += 1;
    }
    table
};
/// Sizes of the streams but the last one.
const JUMPS: usize = 2 * (STREAMS - 1);

/// What a frame takes beside `head` and `bytes`, at most.
pub(crate) fn overhead(bytes: usize) -> usize {
    const BLOCK: usize = HEADER_BYTES + 5 + TABLE.len() + JUMPS + STREAMS + 1;
    MAGIC.len() + 5 + HEADER_BYTES + LEAST_BYTES + (bytes / BLOCK_BYTES + 1) * BLOCK
}

/// Appends a frame of `head` as it is and then the lower-case hex digits of `bytes`.
///
/// # Panics
/// When there is neither head nor bytes, the head is longer than 128 KiB, or both together unpack to 4 GiB.
pub(crate) fn push(head: &[u8], bytes: &[u8], out: &mut Vec<u8>) {
    let size = u32::try_from(head.len() + 2 * bytes.len()).expect("less than 4 GiB");
    assert!(size > 0 && head.len() <= 2 * BLOCK_BYTES, "a frame has blocks, and none is too long");
    out.extend_from_slice(&MAGIC);
    out.push(DESCRIPTOR);
    out.extend_from_slice(&size.to_le_bytes());
    let (whole, rest) = match bytes.len() % BLOCK_BYTES {
        // What cannot be cut in four, or is too little for it, ends the frame as text.
        0 => (bytes, &[][..]),
        last if last >= LEAST_BYTES => bytes.split_at(bytes.len() - last % STREAMS),
        last => bytes.split_at(bytes.len() - last),
    };
    if !head.is_empty() {
        push_block(RAW, bytes.is_empty(), head, out);
    }
    for (at, block) in whole.chunks(BLOCK_BYTES).enumerate() {
        push_digits(block, rest.is_empty() && (at + 1) * BLOCK_BYTES >= whole.len(), out);
    }
    if !rest.is_empty() {
        let mut digits = Vec::with_capacity(2 * rest.len());
        smoltrace_model::ids::push_hex(rest, &mut digits);
        push_block(RAW, true, &digits, out);
    }
}

fn push_header(kind: u32, last: bool, size: usize, out: &mut Vec<u8>) {
    let header = u32::from(last) | kind << 1 | (size as u32) << 3;
    out.extend_from_slice(&header.to_le_bytes()[..HEADER_BYTES]);
}

fn push_block(kind: u32, last: bool, content: &[u8], out: &mut Vec<u8>) {
    push_header(kind, last, content.len(), out);
    out.extend_from_slice(content);
}

/// A block of the digits of bytes that can be cut in four.
fn push_digits(bytes: &[u8], last: bool, out: &mut Vec<u8>) {
    // A stream ends with a bit that says where it ends.
    let stream = bytes.len() / STREAMS + 1;
    let literals = TABLE.len() + JUMPS + STREAMS * stream;
    // Compressed literals in four streams, their sizes in 18 bits each.
    let sizes = 0b1110 | (2 * bytes.len() as u64) << 4 | (literals as u64) << 22;
    push_header(COMPRESSED, last, 5 + literals + 1, out);
    out.extend_from_slice(&sizes.to_le_bytes()[..5]);
    out.extend_from_slice(&TABLE);
    (1..STREAMS).for_each(|_| out.extend_from_slice(&(stream as u16).to_le_bytes()));
    for part in bytes.chunks(bytes.len() / STREAMS) {
        let start = out.len();
        out.extend_from_slice(part);
        out[start..].reverse();
        out.push(1);
    }
    out.push(NO_SEQUENCES);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smoltrace_model::ids::hex;

    use super::*;

    fn check(head: &[u8], bytes: &[u8]) -> Result<(), TestCaseError> {
        let mut frame = Vec::new();
        push(head, bytes, &mut frame);
        prop_assert!(frame.len() <= head.len() + bytes.len() + overhead(bytes.len()));
        let text = zstd::stream::decode_all(&*frame).expect("a frame");
        let expected = [head, hex(bytes).as_bytes()].concat();
        prop_assert!(text == expected, "{} bytes", bytes.len());
        // Unpacked at once, the decoder knows the sizes beforehand.
        let text = zstd::bulk::decompress(&frame, expected.len()).expect("a frame");
        prop_assert!(text == expected, "{} bytes", bytes.len());
        Ok(())
    }

    proptest! {
        #[test]
        fn digits_are_unpacked(
            head in prop::collection::vec(any::<u8>(), 1..100),
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            check(&head, &bytes)?;
        }
    }

    #[test]
    fn blocks_of_every_length_around_their_limits_are_unpacked() {
        let bytes: Vec<u8> =
            (0..3 * BLOCK_BYTES as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let lengths =
            [1, LEAST_BYTES - 1, LEAST_BYTES, LEAST_BYTES + 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1];
        let more = [BLOCK_BYTES + LEAST_BYTES + 2, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES - 3, 3 * BLOCK_BYTES];
        for length in lengths.into_iter().chain(more) {
            check(b"", &bytes[..length]).unwrap();
            check(b"head", &bytes[..length]).unwrap();
        }
    }
}
