//! Sniffing: any bytes are something.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    lazaret_input::sniff::sniff(bytes);
});
