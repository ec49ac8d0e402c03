//! Unpacking: any bytes end, under the limits.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let source = lazaret_input::MemorySource::new(bytes, lazaret_core::Hint::default());
    drop(lazaret_input::decompress::unpack(std::sync::Arc::new(source), &lazaret_core::Limits::default()));
});
