//! Who asks, and how a registry is told: the dance of tokens (Docker's token authentication, which registries speak), done here
//! for the client. What the client says of itself goes to its registry, and to the server of tokens that this registry names
//! and may send to; to nobody else.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use lazaret_core::{Limit, Limits, Sensitive};
use lazaret_input::base64::{self, Whitespace};
use lazaret_input::json;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::digest::{SHA256, digest};

use crate::net::answer::Refusal;
use crate::net::client::{Answer, Call};
use crate::net::headers::one;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;
use crate::net::url::Url;
use crate::updates::Updates;
use crate::updates::obtain::refusal;
use crate::updates::oci::challenge::{Challenge, challenges};
use crate::updates::oci::route::{Registries, Repository};

/// Most logins that are kept at once.
pub const MAX_LOGINS: Limit = Limit::new("updates.max_logins", 1_000);
/// Longest answer with a token.
pub const MAX_TOKEN: Limit = Limit::new("updates.max_token", 64 << 10);

/// Longest name and password.
pub const MAX_PAIR: Limit = Limit::fixed("updates.max_pair", 8 << 10);

/// What a token given out here begins with: it says again what the client said, in the form of a token.
const OWN: &str = "lazaret.";
/// How long a login is kept whose end nobody says: as the standard has it.
const USUAL: u64 = 60;
/// The longest that a login is kept, and that what a registry wants is remembered.
const LONGEST: u64 = 300;
/// How long before its end a token is used no more.
const BEFORE: u64 = 5;

/// What a client says of itself.
#[derive(Clone)]
pub(crate) enum Caller {
    /// Nothing.
    Nobody,
    /// A name and a password, as its header.
    Basic(HeaderValue),
    /// A token of the registry's own.
    Bearer(HeaderValue),
}

impl Caller {
    /// Of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(said) = one(headers, AUTHORIZATION) else { return Self::Nobody };
        let (scheme, rest) = said.trim().split_once(' ').unwrap_or((said, ""));
        let rest = rest.trim();
        let pair = |pair: &str| match secret(&format!("Basic {pair}")) {
            Some(said) if !matches!(pair, "" | "Og==") => Self::Basic(said), // `:`, nobody without a password
            _ => Self::Nobody,
        };
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => pair(rest),
            "bearer" => match rest.strip_prefix(OWN) {
                Some(own) => pair(own),
                None => secret(&format!("Bearer {rest}")).map_or(Self::Nobody, Self::Bearer),
            },
            _ => Self::Nobody,
        }
    }

    /// A token that says the same, for clients that speak of tokens alone.
    pub(crate) fn token(&self) -> Option<String> {
        let (Self::Basic(said) | Self::Bearer(said)) = self else { return Some(OWN.to_owned()) };
        let said = said.to_str().ok()?;
        match said.split_once(' ')? {
            ("Basic", pair) => Some(format!("{OWN}{pair}")),
            (_, token) => Some(token.to_owned()),
        }
    }

    /// The name and the password, if it says both.
    pub(crate) fn pair(&self) -> Option<(String, Sensitive<String>)> {
        let Self::Basic(said) = self else { return None };
        let pair = Sensitive::new(decoded(said.to_str().ok()?.strip_prefix("Basic ")?)?);
        let (name, password) = pair.expose().split_once(':')?;
        Some((name.to_owned(), password.to_owned().into()))
    }

    /// What it says, without the word that says in which form.
    pub(crate) fn secret(&self) -> Option<Sensitive<String>> {
        let (Self::Basic(said) | Self::Bearer(said)) = self else { return None };
        Some(said.to_str().ok()?.split_once(' ')?.1.to_owned().into())
    }

    /// What of it is for a registry. Clients keep one login for this host, whatever registry lies behind it: where there are
    /// several, the name before a `/` of the user says for which it is, and one without such a name is for the registry of all
    /// other repositories. Nobody's password goes to a registry that it is not for.
    fn to(&self, of: &Repository, registries: &Registries) -> Self {
        let places: BTreeSet<String> = registries.all().map(|registry| registry.base().to_string()).collect();
        if places.len() <= 1 {
            return self.clone();
        }
        let is_other = registries.other.as_ref().is_some_and(|other| Arc::ptr_eq(other, &of.registry));
        let own = registries.named.iter().find(|(_, registry)| Arc::ptr_eq(registry, &of.registry));
        let user = match self {
            Self::Basic(said) => said.to_str().ok().and_then(|said| decoded(said.strip_prefix("Basic ")?)),
            Self::Nobody | Self::Bearer(_) => None,
        };
        let named = user.as_deref().and_then(|user| user.split_once('/'));
        let meant = named.filter(|(name, _)| registries.named.contains_key(*name));
        match (meant, own) {
            (Some((name, rest)), Some((own, _))) if name == own => {
                let pair = base64::encode(rest.as_bytes());
                secret(&format!("Basic {pair}")).map_or(Self::Nobody, Self::Basic)
            }
            (None, _) if is_other => self.clone(),
            _ => Self::Nobody,
        }
    }

    fn said(&self) -> &[u8] {
        match self {
            Self::Nobody => b"",
            Self::Basic(said) | Self::Bearer(said) => said.as_bytes(),
        }
    }
}

/// A name and a password.
fn decoded(pair: &str) -> Option<String> {
    String::from_utf8(base64::decode(pair, Whitespace::Refused, MAX_PAIR).ok()?).ok()
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

type Key = [u8; 32];

/// Logins that are still good, and whether registries want one.
#[derive(Default)]
pub(crate) struct Logins {
    kept: Mutex<HashMap<Key, (HeaderValue, Instant)>>,
    wanted: Mutex<HashMap<String, (bool, Instant)>>,
}

impl Logins {
    fn get(&self, key: &Key) -> Option<HeaderValue> {
        let kept = lock(&self.kept);
        kept.get(key).filter(|(_, until)| *until > Instant::now()).map(|(said, _)| said.clone())
    }

    fn keep(&self, key: Key, login: &Login, most: Limit) {
        let mut kept = lock(&self.kept);
        let now = Instant::now();
        kept.retain(|_, (_, until)| *until > now);
        if most.check((kept.len() as u64).saturating_add(1)).is_err() {
            kept.clear(); // each is had again for one question
        }
        if let Some(until) = now.checked_add(login.good_for) {
            kept.insert(key, (login.said.clone(), until));
        }
    }

    fn forget(&self, key: &Key) {
        lock(&self.kept).remove(key);
    }
}

/// What a registry is told of who asks, and how long that is good.
struct Login {
    said: HeaderValue,
    good_for: Duration,
}

/// Asks a registry about a repository for a client; gives what it was told of who asks, too. An answer that it wants to know
/// who asks is a refusal.
pub(crate) async fn ask(
    updates: &Updates,
    of: &Repository,
    caller: &Caller,
    call: Call,
) -> Result<(Answer, Option<HeaderValue>), Refusal> {
    let logins = &updates.logins;
    let caller = &caller.to(of, &updates.upstreams.registries);
    let key = key(of, caller);
    let said = match caller {
        Caller::Bearer(said) => Some(said.clone()),
        Caller::Nobody | Caller::Basic(_) => logins.get(&key),
    };
    let answer = send(updates, of, &call, said.clone()).await?;
    if !is_challenge(of, &answer) {
        return Ok((answer, said));
    }
    logins.forget(&key);
    let login = match caller {
        Caller::Bearer(_) => None,
        Caller::Nobody | Caller::Basic(_) => login(updates, of, caller, &answer).await?,
    };
    let Some(login) = login else { return Err(wants_login(of)) };
    let answer = send(updates, of, &call, Some(login.said.clone())).await?;
    if is_challenge(of, &answer) {
        return Err(wants_login(of));
    }
    logins.keep(key, &login, updates.limits.get(MAX_LOGINS));
    Ok((answer, Some(login.said)))
}

/// Whether a registry wants to know who asks before it is asked for anything: then clients must be told so first, or they
/// never say it. One that cannot be asked wants nothing.
pub(crate) async fn wants_to_know(updates: &Updates, registry: &Upstream) -> bool {
    let name = registry.base().to_string();
    let known = lock(&updates.logins.wanted).get(&name).copied();
    if let Some((wants, _)) = known.filter(|(_, until)| *until > Instant::now()) {
        return wants;
    }
    let Ok(url) = registry.base().below("v2/", None) else { return false };
    if updates.unreached.is(registry) {
        return false;
    }
    let answer = updates.client.stay(registry, Call::new(Method::GET, url)).await;
    let answer = answer.inspect_err(|trouble| updates.unreached.note(registry, trouble));
    let Ok(answer) = answer else { return false };
    let wants = answer.response.status() == StatusCode::UNAUTHORIZED;
    if let Some(until) = Instant::now().checked_add(Duration::from_secs(LONGEST)) {
        lock(&updates.logins.wanted).insert(name, (wants, until));
    }
    wants
}

/// One of a registry, a repository and what a client says: nobody uses the login of another.
fn key(of: &Repository, caller: &Caller) -> Key {
    let mut text = format!("{}\n{}\n", of.registry.base(), of.name).into_bytes();
    text.extend_from_slice(caller.said());
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(digest(&SHA256, &text).as_ref()) {
        *to = *from;
    }
    key
}

async fn send(
    updates: &Updates,
    of: &Repository,
    call: &Call,
    said: Option<HeaderValue>,
) -> Result<Answer, Refusal> {
    updates.unreached.check(&of.registry)?;
    let call = call.clone().with(AUTHORIZATION, said);
    updates.client.follow(&of.registry, call).await.map_err(|trouble| {
        updates.unreached.note(&of.registry, &trouble);
        refusal(&trouble)
    })
}

/// Whether the registry itself, and none of the servers that it sent on to, wants to know who asks.
fn is_challenge(of: &Repository, answer: &Answer) -> bool {
    answer.response.status() == StatusCode::UNAUTHORIZED && answer.url.is_same_server(of.registry.base())
}

fn wants_login(of: &Repository) -> Refusal {
    let host = of.registry.base().host();
    let why = format!(
        "{host} lets nobody read {} who does not say who asks, or not this one: log in to lazaret with the name and password \
         of {host}",
        of.name
    );
    Refusal::new(StatusCode::UNAUTHORIZED, why)
}

/// A login as a registry wants it; none if it wants more than the client says.
async fn login(
    updates: &Updates,
    of: &Repository,
    caller: &Caller,
    answer: &Answer,
) -> Result<Option<Login>, Refusal> {
    let headers = answer.response.headers().get_all(WWW_AUTHENTICATE).iter();
    let wanted: Vec<Challenge> =
        headers.filter_map(|header| header.to_str().ok()).flat_map(challenges).collect();
    if let Some(bearer) = wanted.iter().find(|wanted| wanted.scheme == "bearer") {
        return token(updates, of, caller, bearer).await;
    }
    let basic = wanted.iter().any(|wanted| wanted.scheme == "basic");
    Ok(match caller {
        Caller::Basic(said) if basic => {
            Some(Login { said: said.clone(), good_for: Duration::from_secs(LONGEST) })
        }
        _ => None,
    })
}

/// A token from where the registry says that they are given.
async fn token(
    updates: &Updates,
    of: &Repository,
    caller: &Caller,
    wanted: &Challenge,
) -> Result<Option<Login>, Refusal> {
    let host = of.registry.base().host().to_owned();
    let strange = |what| refusal(&Trouble::Answer { host: host.clone(), what });
    let realm = wanted.one("realm").ok_or_else(|| strange("wants a token and does not say from where"))?;
    let realm =
        Url::parse(realm).map_err(|source| refusal(&Trouble::Address { host: host.clone(), source }))?;
    let scope = format!("repository:{}:pull", of.name);
    let scope = wanted.one("scope").unwrap_or(&scope);
    let asked = [("service", wanted.one("service")), ("scope", Some(scope))];
    let asked = asked.into_iter().filter_map(|(name, value)| {
        Some(format!("{name}={}", utf8_percent_encode(value?, NON_ALPHANUMERIC)))
    });
    let query = realm.query().map(str::to_owned).into_iter().chain(asked).collect::<Vec<_>>().join("&");
    let url = realm.join(&format!("?{query}"));
    let url = url.map_err(|source| refusal(&Trouble::Address { host: host.clone(), source }))?;
    let said = match caller {
        Caller::Basic(said) => Some(said.clone()),
        Caller::Nobody | Caller::Bearer(_) => None,
    };
    let call = Call::new(Method::GET, url).with(AUTHORIZATION, said);
    let answer = updates.client.stay(&of.registry, call).await.map_err(|trouble| refusal(&trouble))?;
    match answer.response.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(None),
        status => {
            return Err(refusal(&Trouble::Status { host: answer.url.host().to_owned(), status }));
        }
    }
    let page = answer.page(updates.limits.get(MAX_TOKEN)).await.map_err(|trouble| refusal(&trouble))?;
    let login = read_token(&page, &updates.limits);
    login.map(Some).ok_or_else(|| strange("sends for a token to where none was given"))
}

/// The token of an answer, and how long it is good.
fn read_token(page: &[u8], limits: &Limits) -> Option<Login> {
    let parsed = json::parse(page, limits);
    let document = parsed.document.filter(|_| parsed.faults.is_empty())?;
    let root = document.root();
    let token = root.get("token").or_else(|| root.get("access_token"))?.as_str()?;
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let seconds = root.get("expires_in").and_then(|seconds| seconds.as_number()?.parse().ok());
    let seconds = u64::min(seconds.unwrap_or(USUAL), LONGEST).saturating_sub(BEFORE);
    let said = secret(&format!("Bearer {token}")).filter(|_| is_token)?;
    Some(Login { said, good_for: Duration::from_secs(seconds) })
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_the_registry_that_it_is_for() {
        let at = |host: &str| {
            let base = Url::parse(&format!("https://{host}/")).unwrap();
            Arc::new(Upstream::new(base, [], "x"))
        };
        let (ghcr, quay, other) = (at("ghcr.example"), at("quay.example"), at("other.example"));
        let named = [("ghcr".to_owned(), Arc::clone(&ghcr)), ("quay".to_owned(), Arc::clone(&quay))];
        let registries = Registries { named: named.into(), other: Some(Arc::clone(&other)) };
        let caller = |pair: &str| {
            let mut headers = HeaderMap::new();
            let said = format!("Basic {}", base64::encode(pair.as_bytes()));
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&said).unwrap());
            Caller::of(&headers)
        };
        let told = |pair: &str, registry: &Arc<Upstream>, registries: &Registries| {
            let of = Repository {
                registry: Arc::clone(registry),
                name: "org/model".to_owned(),
                asked_as: "x/org/model".to_owned(),
            };
            match caller(pair).to(&of, registries) {
                Caller::Basic(said) => decoded(said.to_str().unwrap().strip_prefix("Basic ").unwrap()),
                _ => None,
            }
        };
        assert_eq!(told("ghcr/joe:secret", &ghcr, &registries).as_deref(), Some("joe:secret"));
        for registry in [&quay, &other] {
            assert_eq!(told("ghcr/joe:secret", registry, &registries), None);
        }
        assert_eq!(told("joe:secret", &ghcr, &registries), None);
        assert_eq!(told("joe:se/cret", &other, &registries).as_deref(), Some("joe:se/cret"));
        let one = Registries { named: [("ghcr".to_owned(), Arc::clone(&ghcr))].into(), other: None };
        assert_eq!(told("joe:secret", &ghcr, &one).as_deref(), Some("joe:secret"));
    }

    fn caller(said: &str) -> Caller {
        Caller::of(&[(AUTHORIZATION, said.parse().unwrap())].into_iter().collect())
    }

    #[test]
    fn a_token_given_out_here_says_what_the_client_said() {
        let basic = caller("Basic dTpw");
        let token = basic.token().unwrap();
        assert_eq!(token, "lazaret.dTpw");
        let again = caller(&format!("Bearer {token}"));
        assert!(matches!(&again, Caller::Basic(said) if said == "Basic dTpw"));
        assert_eq!(Caller::Nobody.token().unwrap(), "lazaret.");
        for nobody in ["Bearer lazaret.", "Basic Og==", "Basic", "Digest x", "Bearer lazaret.Og=="] {
            assert!(matches!(caller(nobody), Caller::Nobody), "{nobody}");
        }
        assert!(matches!(caller("bearer eyJ.x"), Caller::Bearer(said) if said == "Bearer eyJ.x"));
    }

    #[test]
    fn a_token_is_read_with_its_end() {
        let read = |page: &str| {
            let login = read_token(page.as_bytes(), &Limits::default())?;
            Some((login.said.to_str().unwrap().to_owned(), login.good_for.as_secs()))
        };
        assert_eq!(read(r#"{"token":"a.b","expires_in":100}"#), Some(("Bearer a.b".to_owned(), 95)));
        assert_eq!(read(r#"{"access_token":"x"}"#), Some(("Bearer x".to_owned(), 55)));
        assert_eq!(read(r#"{"token":"x","expires_in":99999999}"#), Some(("Bearer x".to_owned(), 295)));
        for none in [r#"{"token":"a b"}"#, r#"{"token":""}"#, "{}", "[", r#"{"token":"x","token":"y"}"#] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn no_more_logins_are_kept_than_may_be() {
        let (logins, most) = (Logins::default(), Limit::new("x", 3));
        let login = Login { said: HeaderValue::from_static("Bearer x"), good_for: Duration::from_mins(1) };
        for number in 0..10 {
            logins.keep([number; 32], &login, most);
            assert!(lock(&logins.kept).len() <= 3 && logins.get(&[number; 32]).is_some());
        }
        let over = Login { good_for: Duration::ZERO, ..login };
        logins.keep([1; 32], &over, most);
        assert!(logins.get(&[1; 32]).is_none());
    }
}
