//! Charsets: what decodes comes back as the same bytes.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for label in [None, Some("latin1"), Some("utf-16"), Some("gb18030"), Some("iso-2022-jp")] {
        let Ok((text, charset)) = lazaret_input::charset::decode(bytes, label) else { continue };
        assert_eq!(charset.encode(&text).as_deref(), Ok(bytes));
    }
});
