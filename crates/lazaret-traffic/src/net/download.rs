//! A file of an upstream's, into a spool: whole or not at all. A connection that breaks off is taken up again where it broke
//! off, if the server says that the file is still the same.

use std::time::Duration;

use axum::http::header::{CONTENT_RANGE, ETAG, IF_RANGE, RANGE, TRANSFER_ENCODING};
use axum::http::{HeaderValue, StatusCode};
use lazaret_core::{Limit, Sha256, Stored};
use lazaret_input::Spool;

use crate::net::client::{Answer, Call, Client};
use crate::net::range::content_range;
use crate::net::room::Room;
use crate::net::spooling::Spooling;
use crate::net::trouble::Trouble;
use crate::net::upstream::Upstream;

/// How often a download that breaks off is taken up again.
pub const MAX_BREAKS: Limit = Limit::new("traffic.max_breaks", 5);
/// Largest file that is fetched.
pub const MAX_FILE: Limit = Limit::new("traffic.max_file", 256 << 30);

/// How long is waited before a download is taken up again.
const PAUSE: Duration = Duration::from_millis(500);

/// What was announced of a file.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Its SHA-256.
    pub sha256: Option<Sha256>,
    /// Its length in bytes.
    pub len: Option<u64>,
}

/// Bounds of downloads.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Largest file.
    pub file: Limit,
    /// How often one that broke off is taken up again.
    pub breaks: Limit,
    /// Where it comes to.
    pub room: Room,
}

/// Fetches a file into a spool, under its name.
pub async fn download(
    client: &Client,
    upstream: &Upstream,
    call: Call,
    spool: Spool,
    name: String,
    expected: &Expected,
    bounds: Bounds,
) -> Result<Stored, Trouble> {
    let host = call.url.host().to_owned();
    let to = Spooling::into(spool);
    let fetched =
        Fetching { client, upstream, call, bounds, at: 0, tag: None, to: &to }.whole(expected).await;
    let stored = to.end(name, fetched).await?;
    if expected.sha256.is_some_and(|announced| announced != stored.file.sha256) {
        return Err(Trouble::Other { host, what: "SHA-256" });
    }
    Ok(stored)
}

struct Fetching<'a> {
    client: &'a Client,
    upstream: &'a Upstream,
    call: Call,
    bounds: Bounds,
    /// Bytes that came so far.
    at: u64,
    /// The strong tag that the file has, for `If-Range`.
    tag: Option<HeaderValue>,
    to: &'a Spooling,
}

impl Fetching<'_> {
    async fn whole(mut self, expected: &Expected) -> Result<(), Trouble> {
        let mut breaks = 0_u64;
        loop {
            match self.on(expected).await {
                Err(trouble) if trouble.is_break() && (self.at == 0 || self.tag.is_some()) => {
                    breaks = breaks.saturating_add(1);
                    if self.bounds.breaks.check(breaks).is_err() {
                        return Err(trouble);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    /// From where it is to the end.
    async fn on(&mut self, expected: &Expected) -> Result<(), Trouble> {
        let mut call = self.call.clone();
        if self.at > 0 {
            let from = HeaderValue::try_from(format!("bytes={}-", self.at)).ok();
            call = call.with(RANGE, from).with(IF_RANGE, self.tag.clone());
        }
        let mut answer = self.client.follow(self.upstream, call).await?;
        let host = answer.url.host().to_owned();
        let len = match (answer.response.status(), self.at) {
            (StatusCode::OK, 0) => answer.announced(),
            (StatusCode::PARTIAL_CONTENT, at) if at > 0 => {
                let part = answer.header(CONTENT_RANGE).and_then(content_range);
                let Some((_, len)) = part.filter(|(from, _)| *from == at) else {
                    return Err(Trouble::Answer {
                        host,
                        what: "goes on with another part than was asked for",
                    });
                };
                Some(len)
            }
            (StatusCode::OK, _) => {
                return Err(Trouble::Answer { host, what: "broke off and begins anew; ask again" });
            }
            (status, _) => return Err(Trouble::Status { host, status }),
        };
        if len.or(expected.len).is_none() && expected.sha256.is_none() && !says_its_end(&answer) {
            return Err(no_length(host));
        }
        for len in [len, expected.len].into_iter().flatten() {
            self.bounds.file.check(len).map_err(|limit| Trouble::limit(&answer.url, "a file", limit))?;
            self.bounds.room.check(len.saturating_sub(self.at))?;
        }
        if self.at == 0 {
            self.tag =
                answer.response.headers().get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\"")).cloned();
        }
        read(&mut answer, self.to, &mut self.at, &self.bounds).await?;
        let is_whole = |len: Option<u64>| len.is_none_or(|len| len == self.at);
        if is_whole(len) && is_whole(expected.len) {
            return Ok(());
        }
        Err(Trouble::Other { host, what: "length" })
    }
}

/// What an answer gives of a file that is taken whole or not at all.
pub async fn receive(
    mut answer: Answer,
    spool: Spool,
    name: String,
    bounds: &Bounds,
) -> Result<Stored, Trouble> {
    let host = answer.url.host().to_owned();
    let len = answer.announced();
    if len.is_none() && !says_its_end(&answer) {
        return Err(no_length(host));
    }
    bounds.file.check(len.unwrap_or(0)).map_err(|limit| Trouble::limit(&answer.url, "a file", limit))?;
    bounds.room.check(len.unwrap_or(0))?;
    let to = Spooling::into(spool);
    let mut at = 0;
    let read = read(&mut answer, &to, &mut at, bounds).await;
    let read = read.and_then(|()| {
        let is_whole = len.is_none_or(|len| len == at);
        if is_whole { Ok(()) } else { Err(Trouble::Other { host, what: "length" }) }
    });
    to.end(name, read).await
}

/// The rest of an answer, from where a file is.
async fn read(answer: &mut Answer, to: &Spooling, at: &mut u64, bounds: &Bounds) -> Result<(), Trouble> {
    while let Some(bytes) = answer.next().await? {
        *at = at.saturating_add(bytes.len() as u64);
        bounds.file.check(*at).map_err(|limit| Trouble::limit(&answer.url, "a file", limit))?;
        bounds.room.check_as_it_comes(*at, bytes.len() as u64)?;
        to.write(bytes).await?;
    }
    Ok(())
}

/// Whether a body says where it ends. One that ends where the connection does may have been cut: then nothing says that it
/// is whole.
fn says_its_end(answer: &Answer) -> bool {
    answer.response.headers().contains_key(TRANSFER_ENCODING)
}

fn no_length(host: String) -> Trouble {
    Trouble::Answer { host, what: "does not say how long the file is" }
}
