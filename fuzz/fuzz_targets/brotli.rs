//! Brotli, which only a name gives away: any bytes end.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let hint = lazaret_core::Hint { extension: Some("br".into()), media_type: None };
    let source = lazaret_input::MemorySource::new(bytes, hint);
    drop(lazaret_input::decompress::unpack(std::sync::Arc::new(source), &lazaret_core::Limits::default()));
});
