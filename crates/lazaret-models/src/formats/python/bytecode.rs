//! The names in compiled Python: what is used must be named. The code itself is not read.

use std::collections::BTreeSet;

use super::names::{among, is_builtin};

/// Longest name that is looked at.
const MAX_NAME: usize = 64;

/// Names of what no model needs: a builtin that builds code, or a module with a function of it.
pub(super) fn dangerous(bytes: &[u8]) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut at = 0_usize;
    while let Some(tag) = bytes.get(at) {
        // Short texts: a tag (with or without the flag of being shared), a length, the text.
        let length = match tag & 0x7f {
            b'z' | b'Z' => bytes.get(at.saturating_add(1)).map(|len| (2, usize::from(*len))),
            b'a' | b'A' | b'u' | b't' | b's' => {
                let len = bytes.get(at.saturating_add(1)..).and_then(|rest| rest.first_chunk::<4>());
                len.and_then(|len| usize::try_from(u32::from_le_bytes(*len)).ok()).map(|len| (5, len))
            }
            _ => None,
        };
        let text = length.filter(|(_, len)| (2..=MAX_NAME).contains(len)).and_then(|(skip, len)| {
            let from = at.saturating_add(skip);
            let text = std::str::from_utf8(bytes.get(from..from.saturating_add(len))?).ok()?;
            text.chars().all(|c| c == '_' || c == '.' || c.is_ascii_alphanumeric()).then_some(text)
        });
        if let Some(text) = text {
            names.insert(text);
        }
        at = at.saturating_add(1);
    }
    // Of models `eval` is a method, of patterns and models `compile`: their names alone say nothing.
    let is_plain = |name: &&&str| is_builtin(name) && !matches!(**name, "eval" | "compile");
    let mut found: BTreeSet<String> = names.iter().filter(is_plain).map(|n| (*n).to_owned()).collect();
    found.extend(among(&names));
    found.into_iter().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_compiled_python_are_read() {
        let mut bytes = b"\xcb\r\r\n\0\0\0\0\0\0\0\0\0\0\0\0\xe3\0\0".to_vec();
        for name in ["os", "system"] {
            bytes.extend([0xda, u8::try_from(name.len()).unwrap()]);
            bytes.extend(name.as_bytes());
        }
        assert_eq!(dangerous(&bytes), ["os.system"]);
        assert_eq!(dangerous(b"z\x05torchz\x04eval\xdaz\x04exec\xff"), ["exec"]);
        assert_eq!(dangerous(b"z\x05torchz\x02os\xda\x04path"), Vec::<String>::new());
    }
}
