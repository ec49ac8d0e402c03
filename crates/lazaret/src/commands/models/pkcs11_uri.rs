//! The URI of a key in a token (RFC 7512): `pkcs11:token=Models;object=registry?module-path=/usr/lib/…`.

/// What a URI says. Attributes that are not here are refused, so that none is passed over that would tell keys apart.
#[derive(Default)]
pub(super) struct Uri {
    /// The token's label.
    pub(super) token: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) slot_id: Option<u64>,
    /// The key's label.
    pub(super) object: Option<String>,
    /// The key's id.
    pub(super) id: Option<Vec<u8>>,
    /// A file with the PIN.
    pub(super) pin_source: Option<String>,
    /// The library of the token's maker.
    pub(super) module_path: Option<String>,
}

impl Uri {
    /// Reads a URI. An error says what is wrong, and never repeats a value.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("pkcs11:").ok_or("it does not begin with `pkcs11:`")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for pair in path.split(';').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("an attribute has no value")?;
            match name {
                "token" => once(&mut uri.token, utf8(value)?)?,
                "serial" => once(&mut uri.serial, utf8(value)?)?,
                "manufacturer" => once(&mut uri.manufacturer, utf8(value)?)?,
                "model" => once(&mut uri.model, utf8(value)?)?,
                "object" => once(&mut uri.object, utf8(value)?)?,
                "id" => once(&mut uri.id, decoded(value)?)?,
                "slot-id" => {
                    once(&mut uri.slot_id, value.parse().map_err(|_| "its `slot-id` is no number")?)?;
                }
                "type" if value == "private" => {}
                "type" => return Err("its `type` is not `private`"),
                _ => return Err("it has an attribute that is not known here"),
            }
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("an attribute has no value")?;
            match name {
                "pin-source" => once(&mut uri.pin_source, utf8(value)?)?,
                "module-path" => once(&mut uri.module_path, utf8(value)?)?,
                "pin-value" => {
                    return Err(
                        "a `pin-value` can be seen by others on this machine: set LAZARET_PKCS11_PIN, or name a file by `pin-source`",
                    );
                }
                "module-name" => return Err("a `module-name` is not looked for: give `module-path`"),
                _ => return Err("it has an attribute that is not known here"),
            }
        }
        Ok(uri)
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), &'static str> {
    if place.replace(value).is_some() { Err("it has an attribute twice") } else { Ok(()) }
}

fn utf8(text: &str) -> Result<String, &'static str> {
    String::from_utf8(decoded(text)?).map_err(|_| "an attribute is not UTF-8")
}

/// Bytes, of which some are written as `%` and two digits.
fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let value = digit().zip(digit()).and_then(|(a, b)| u8::try_from(a << 4 | b).ok());
                value.ok_or("a `%` in it is not followed by two digits")?
            }
            byte => byte,
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn uris_say_what_they_say() {
        let uri = Uri::read(
            "pkcs11:token=My%20Models;object=r%C3%A9g;id=%01%fF;type=private?module-path=/lib/x.so&pin-source=file:/p",
        );
        let uri = uri.unwrap();
        assert_eq!((uri.token.as_deref(), uri.object.as_deref()), (Some("My Models"), Some("rég")));
        assert_eq!((uri.id, uri.slot_id), (Some(vec![1, 0xff]), None));
        assert_eq!(
            (uri.module_path.as_deref(), uri.pin_source.as_deref()),
            (Some("/lib/x.so"), Some("file:/p"))
        );
        for (wrong, why) in [
            ("token=x", "begin"),
            ("pkcs11:token", "no value"),
            ("pkcs11:token=a;token=b", "twice"),
            ("pkcs11:token=%4", "two digits"),
            ("pkcs11:object=%ff", "UTF-8"),
            ("pkcs11:slot-id=x", "number"),
            ("pkcs11:type=cert", "private"),
            ("pkcs11:library-version=3", "not known"),
            ("pkcs11:object=x?pin-value=1234", "LAZARET_PKCS11_PIN"),
        ] {
            let error = Uri::read(wrong).err().unwrap();
            assert!(error.contains(why) && !error.contains("1234"), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "\\PC{0,60}") {
            let _ = Uri::read(&text);
            let _ = Uri::read(&format!("pkcs11:{text}"));
        }
    }
}
