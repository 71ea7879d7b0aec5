//! What the parent and a worker say to each other: JSON in frames, a length of four bytes before each.
//!
//! A worker interprets hostile code, so the parent believes no length past `MAX_FRAME_BYTES`.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{SandboxError, SandboxLimits};

/// The longest message either way.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Forget everything and begin a session.
    Open { limits: SandboxLimits },
    /// Run code; `functions` can be called. One `Done` follows at last.
    Run { code: String, functions: Vec<String> },
    /// The answer to `Call` or `Now`.
    Answer(Answer),
    /// The answer to `Call`: nothing more of this code is to run. `Done` follows.
    Stop,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    Value(Value),
    /// Raise this Python exception.
    Raise {
        class: String,
        message: String,
    },
    TimeUnixNano(i64),
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// The session is open.
    Opened,
    Print(String),
    /// The code calls a function. `texts`: the arguments of `final_answer` as Python's `str` writes them.
    Call {
        name: String,
        arguments: Vec<Value>,
        named: Map<String, Value>,
        texts: Vec<String>,
    },
    /// What time is it?
    Now,
    Done(Done),
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Done {
    pub output: Option<Value>,
    pub output_text: Option<String>,
    pub error: Option<SandboxError>,
    /// Memory in use beyond that of a fresh worker.
    pub grown_bytes: u64,
}

/// The bytes of a message, its length before it.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("a message of {length} bytes")));
    }
    frame[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    Ok(frame)
}

/// The length that a frame's first bytes give.
pub fn length(prefix: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    Ok(length)
}

/// Writes a message, for the worker's side.
pub fn write<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    to.write_all(&encode(message)?)?;
    to.flush()
}

/// Reads a message, for the worker's side. `None` at the end of the input.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut prefix = [0; 4];
    match from.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = vec![0; length(prefix)?];
    from.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_bounded_and_whole() {
        let mut frame = encode(&FromWorker::Print("é".into())).unwrap();
        assert!(matches!(read(&mut &frame[..]), Ok(Some(FromWorker::Print(text))) if text == "é"));
        assert!(matches!(read::<FromWorker>(&mut &[][..]), Ok(None)));
        // Cut anywhere, it is an error or the end, never a message.
        for length in 0..frame.len() {
            assert!(!matches!(read::<FromWorker>(&mut &frame[..length]), Ok(Some(_))), "{length}");
        }
        // A length that is a lie gets no memory.
        frame[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read::<FromWorker>(&mut &frame[..]).is_err());
        assert!(encode(&FromWorker::Print("x".repeat(MAX_FRAME_BYTES))).is_err());
        assert!(length(1_000_000_000_u32.to_le_bytes()).is_err());
        // Nor does what is no message.
        let nonsense = [&5_u32.to_le_bytes()[..], b"[1,2]"].concat();
        assert!(read::<FromWorker>(&mut &nonsense[..]).is_err());
    }
}
