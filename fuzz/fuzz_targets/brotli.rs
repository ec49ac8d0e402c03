//! Brotli, which only a name gives away: any bytes end.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let hint = lazaret_core::Hint { extension: Some("br".into()), media_type: None };
    let source = lazaret_input::MemorySource::new(bytes, hint);
    let limits = lazaret_core::Limits::default();
    if let Ok((source, _)) = lazaret_input::decompress::unpack(std::sync::Arc::new(source), &limits) {
        drop(std::io::copy(&mut lazaret_input::SourceReader::new(source), &mut std::io::sink()));
    }
});
