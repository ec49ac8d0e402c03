//! The line reader: no byte is lost.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut lines = lazaret_input::Lines::new(bytes, &lazaret_core::Limits::default());
    while let Ok(Some(_)) = lines.next() {}
    assert_eq!(lines.offset(), bytes.len() as u64);
});
