//! `tfrecord` of `src/lib.rs`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lazaret_fuzz::tfrecord(bytes);
});
