//! Unpacking: any bytes end, under the limits.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let source = lazaret_input::MemorySource::new(bytes, lazaret_core::Hint::default());
    let limits = lazaret_core::Limits::default();
    if let Ok((source, _)) = lazaret_input::decompress::unpack(std::sync::Arc::new(source), &limits) {
        drop(std::io::copy(&mut lazaret_input::SourceReader::new(source), &mut std::io::sink()));
    }
});
