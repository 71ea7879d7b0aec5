#![no_main]
//! Requests in JSON.

use libfuzzer_sys::fuzz_target;
use smoltrace_fuzz::decode_all;
use smoltrace_otlp::Encoding;

fuzz_target!(|body: &[u8]| decode_all(Encoding::Json, body));
