//! The body of a request: read in time and within bounds, and unpacked.

use std::io::Read;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use crate::receiver::{Held, Receiver, Refusal};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// The encodings that are understood, as a header lists them.
    pub(super) const NAMES: &'static str = "gzip, zstd, identity";

    pub(super) fn of(name: Option<&str>) -> Result<Self, Refusal> {
        match name.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Ok(Self::None),
            Some("gzip") => Ok(Self::Gzip),
            Some("zstd") => Ok(Self::Zstd),
            Some(other) => {
                let other: String = other.chars().take(64).collect();
                Err(Refusal::Unsupported(format!(
                    "the encoding {other:?} is not understood; send {}",
                    Self::NAMES
                )))
            }
        }
    }
}

/// Memory that is set aside for a body on its sender's word, at most.
const RESERVED_BYTES: usize = 512 << 10;

/// Reads a body as it was sent.
pub(super) async fn read(receiver: &Receiver, body: Body, held: &mut Held) -> Result<Bytes, Refusal> {
    let limits = receiver.limits();
    let read = read_frames(body, limits.body_bytes, held);
    match tokio::time::timeout(limits.read_timeout, read).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::Slow(format!(
            "the request did not arrive within {} seconds",
            limits.read_timeout.as_secs_f64()
        ))),
    }
}

async fn read_frames(mut body: Body, limit: usize, held: &mut Held) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX).min(RESERVED_BYTES);
    // Until there is memory for it, the body stays with its sender.
    if let Err(refusal) = held.set_aside(announced).await {
        pass_over(body, limit).await;
        return Err(refusal);
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::Malformed(format!("the body was cut off: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        if let Err(refusal) = held.add(data.len()) {
            let left = limit - whole.len() - data.len();
            drop(whole);
            held.release();
            pass_over(body, left).await;
            return Err(refusal);
        }
        if whole.is_empty() {
            if body.is_end_stream() {
                return Ok(data);
            }
            whole.reserve(announced.max(data.len()));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Reads what is left of a body, if that is not too much: a client that is cut off while it sends does not hear the answer.
async fn pass_over(mut body: Body, mut left: usize) {
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

pub(super) fn too_large(limit: usize) -> Refusal {
    Refusal::TooLarge(format!("the body has more than {limit} bytes; send smaller batches"))
}

/// Unpacks a body.
pub(super) async fn unpack(
    receiver: &Receiver,
    compression: Compression,
    packed: Bytes,
    mut held: Held,
) -> Result<(Bytes, Held), Refusal> {
    let limit = receiver.limits().decoded_bytes;
    if compression == Compression::None {
        return Ok((packed, held));
    }
    let work = move || {
        let unpacked = match compression {
            Compression::Gzip => {
                unpack_within(flate2::read::MultiGzDecoder::new(&packed[..]), limit, &mut held)
            }
            _ => match zstd::stream::read::Decoder::new(&packed[..]) {
                Ok(decoder) => unpack_within(decoder, limit, &mut held),
                Err(error) => Err(Refusal::Malformed(format!("the body cannot be decompressed: {error}"))),
            },
        };
        unpacked.map(|bytes| (bytes, held))
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Refusal::Malformed("the body cannot be decompressed".into()))?
}

fn unpack_within(mut source: impl Read, limit: usize, held: &mut Held) -> Result<Bytes, Refusal> {
    const STEP: usize = 64 * 1024;
    let mut unpacked = Vec::new();
    loop {
        let start = unpacked.len();
        held.add(STEP)?;
        let read = source.by_ref().take(STEP as u64).read_to_end(&mut unpacked);
        read.map_err(|error| Refusal::Malformed(format!("the body cannot be decompressed: {error}")))?;
        if unpacked.len() > limit {
            return Err(Refusal::TooLarge(format!(
                "the body unpacks to more than {limit} bytes; send smaller batches"
            )));
        }
        if unpacked.len() == start {
            return Ok(unpacked.into());
        }
    }
}
