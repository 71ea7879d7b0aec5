#![no_main]
//! Requests in protobuf.

use libfuzzer_sys::fuzz_target;
use smoltrace_fuzz::{decode_all, same_as_a_file};
use smoltrace_otlp::Encoding;

fuzz_target!(|body: &[u8]| {
    decode_all(Encoding::Protobuf, body);
    same_as_a_file(body);
});
