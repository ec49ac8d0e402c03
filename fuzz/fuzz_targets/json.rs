//! The JSON reader: any bytes end.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drop(lazaret_input::json::parse(bytes, &lazaret_core::Limits::default()));
});
