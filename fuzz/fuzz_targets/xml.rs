//! The XML reader: any bytes end.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drop(lazaret_input::xml::events_of_bytes(bytes, &lazaret_core::Limits::default(), |_| {
        lazaret_core::Flow::On
    }));
});
