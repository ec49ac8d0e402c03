//! Who asks, as far as a request says. Nobody here has checked it: the server that is asked does, and what it does not let in
//! gets nothing. It is recorded beside who is configured (`actor.id`), and never in its place: policies do not go by it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use lazaret_core::Sensitive;

use crate::updates::oci::login::Caller;

/// Longest name that is recorded as it stands.
const MOST_NAME: usize = 64;
/// Longest run of letters and digits in a name that is not taken for a key; shorter where both are in it.
const MOST_RUN: usize = 20;
const MOST_MIXED_RUN: usize = 16;
/// Most changes in a name between small letters, capitals and digits, and shortest that are all hexadecimal: keys are drawn by lot.
const MOST_CHANGES: usize = 5;
const SHORTEST_HEX: usize = 16;
/// How keys begin that say what they are.
const KEYS: &[&str] = &[
    "AKIA",
    "ASIA",
    "dapi",
    "dckr_",
    "dop_v1_",
    "gho_",
    "ghp_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "gldt-",
    "glpat-",
    "glrt-",
    "hf_",
    "npm_",
    "pypi-",
    "sk-",
    "xox",
];
/// Passwords that only say that the name is the key.
const NO_PASSWORD: &[&str] = &[
    "",
    "x",
    "x-oauth-basic",
    "api_token",
    "api-token",
    "apitoken",
    "api_key",
    "api-key",
    "apikey",
    "token",
    "none",
    "null",
    "unused",
    "ignored",
    "empty",
    "blank",
    "nopassword",
    "-",
];

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Asker {
    /// A name, that came with a password.
    Named(String),
    /// What it says to be let in, without a name that could be told: a token, or a key in place of a name.
    Secret(Sensitive<String>),
    /// Nothing but where it asks from.
    At(IpAddr),
    /// Nothing at all.
    #[default]
    Unknown,
}

impl Asker {
    /// Of a request.
    pub(crate) fn of(request: &Parts) -> Self {
        match Caller::of(&request.headers) {
            Caller::Nobody => request
                .extensions
                .get::<ConnectInfo<SocketAddr>>()
                .map_or(Self::Unknown, |ConnectInfo(address)| Self::At(address.ip().to_canonical())),
            caller => match caller.pair() {
                Some((name, password)) if is_name(&name) && is_password(password.expose()) => {
                    Self::Named(name)
                }
                _ => caller.secret().map_or(Self::Unknown, Self::Secret),
            },
        }
    }
}

/// Whether a text is the name of a person or a service, and no key: many servers take keys in place of names. What stands in
/// the ledger stands there for good, so a name that might be a key is told as one.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+/\\".contains(&byte);
    !text.is_empty() && text.len() <= MOST_NAME && text.bytes().all(is_plain) && !is_key(text)
}

fn is_key(text: &str) -> bool {
    let is_long = |run: &str| {
        let has = |kind: fn(&u8) -> bool| run.bytes().any(|byte| kind(&byte));
        run.len() > MOST_RUN
            || run.len() > MOST_MIXED_RUN && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    };
    // Separators do not part a key: they are drawn by lot too.
    let whole: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let is_hex = whole.len() >= SHORTEST_HEX
        && whole.iter().all(u8::is_ascii_hexdigit)
        && whole.iter().any(u8::is_ascii_digit);
    let kind = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let changes = whole.array_windows().filter(|[one, next]| {
        // A capital begins a word.
        kind(*one) != kind(*next) && !(one.is_ascii_uppercase() && next.is_ascii_lowercase())
    });
    KEYS.iter().any(|begin| text.starts_with(begin))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_long)
        || is_hex
        || changes.count() > MOST_CHANGES
}

/// Whether a password is one.
fn is_password(text: &str) -> bool {
    !NO_PASSWORD.iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::http::header::AUTHORIZATION;
    use lazaret_input::base64;
    use proptest::prelude::*;

    use super::*;

    fn asker(said: Option<&str>) -> Asker {
        let request = Request::new(());
        let (mut parts, ()) = request.into_parts();
        if let Some(said) = said {
            parts.headers.insert(AUTHORIZATION, said.parse().unwrap());
        }
        parts.extensions.insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5))));
        Asker::of(&parts)
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", base64::encode(pair.as_bytes()))
    }

    #[test]
    fn a_name_is_told_and_a_secret_never() {
        assert_eq!(asker(None), Asker::At([127, 0, 0, 1].into()));
        assert_eq!(asker(Some("Basic Og==")), Asker::At([127, 0, 0, 1].into()));
        for name in [
            "alice",
            "ghcr/al.ice",
            "svc-mlops_2@hospital.example",
            "HOSPITAL\\alice",
            "JaneDoe",
            "O.Mac-Donald3",
            "ward7.x-ray2-reader1",
        ] {
            assert_eq!(asker(Some(&basic(&format!("{name}:pa:ss")))), Asker::Named(name.to_owned()));
        }
        let token = "hf_AbCdEfGhIjKlMnOpQrStUvWx0123456789";
        for pair in [
            format!("{token}:"),
            format!("{token}:pass"),
            format!("{token}:x-oauth-basic"),
            "alice:".to_owned(),
            "alice".to_owned(),
            "al\nice:pass".to_owned(),
            format!("{}:pass", "a".repeat(65)),
            // Parted, of letters alone, with words in place of a password.
            "550e8400-e29b-41d4-a716-446655440000:api_token".to_owned(),
            "550e8400-e29b-41d4-a716-446655440000:pass".to_owned(),
            "glpat-AbC1_dEfGhIjKlMn-2x3:none".to_owned(),
            "AbC1_dEfG.hIjKlMn-2x3:pass".to_owned(),
            "AbCdEfGhIjKlMnOp:pass".to_owned(),
            "abcdefghijklmnopqrstu:pass".to_owned(),
            "dckr_pat_abc:pass".to_owned(),
            "alice:API_TOKEN".to_owned(),
            "alice:unused".to_owned(),
        ] {
            let told = asker(Some(&basic(&pair)));
            assert!(
                matches!(&told, Asker::Secret(said) if said.expose().contains(&base64::encode(pair.as_bytes())))
            );
            assert_eq!(format!("{told:?}"), "Secret([sensitive])");
        }
        let bearer = Asker::Secret(Sensitive::new(token.to_owned()));
        assert_eq!(asker(Some(&format!("Bearer {token}"))), bearer);
        assert_eq!(asker(Some(&format!("bearer   {token} "))), bearer, "the same, said otherwise");
    }

    proptest! {
        #[test]
        fn whatever_is_said_no_password_is_told(name in "[a-z]{0,8}", password in "[A-Z0-9]{3,20}", scheme in "(Basic|Bearer|Other)") {
            let pair = format!("{name}:{password}");
            let told = format!("{:?}", asker(Some(&format!("{scheme} {}", base64::encode(pair.as_bytes())))));
            prop_assert!(!told.contains(&password) && !told.contains(&base64::encode(pair.as_bytes())));
        }
    }
}
