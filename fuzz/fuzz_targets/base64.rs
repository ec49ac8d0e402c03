//! Base64: what decodes encodes to the same text.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let most = lazaret_core::Limit::new("fuzz.max", 1 << 20);
    let Ok(decoded) = lazaret_input::base64::decode(text, lazaret_input::base64::Whitespace::Refused, most)
    else {
        return;
    };
    assert_eq!(lazaret_input::base64::encode(&decoded), text);
});
