//! Who asks, as far as a request says. Nobody here has checked it: the server that is asked does, and what it does not let in
//! gets nothing. It is recorded beside who is configured (`actor.id`), and never in its place: policies do not go by it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use lazaret_core::Sensitive;

use crate::updates::oci::login::Caller;

/// Longest name that is recorded as it stands.
const MOST_NAME: usize = 64;
/// Longest run of letters and digits, with both in it, in a name that is not taken for a key.
const MOST_RUN: usize = 16;

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

/// Whether a text is the name of a person or a service, and no key: many servers take keys in place of names.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@+/\\".contains(&byte);
    let is_key = |run: &str| {
        run.len() > MOST_RUN
            && run.bytes().any(|byte| byte.is_ascii_digit())
            && run.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    !text.is_empty()
        && text.len() <= MOST_NAME
        && text.bytes().all(is_plain)
        && !text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_key)
}

/// Whether a password is one: where the name is the key there is none, or a word that says so.
fn is_password(text: &str) -> bool {
    !matches!(text, "" | "x-oauth-basic" | "x")
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
        for name in ["alice", "ghcr/al.ice", "svc-mlops_2@hospital.example", "HOSPITAL\\alice"] {
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
