//! Files of servers that are configured by name (`/-/fetch/NAME/PATH`): checkpoints of `torch.hub`, archives of git hosts,
//! files of NGC. A server that is not configured is refused by name.

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, ETAG};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;

use crate::net::answer::{Refusal, Told, with_bytes, without_bytes};
use crate::net::client::{Answer, Call};
use crate::net::download::Expected;
use crate::net::headers::tag;
use crate::net::trouble::Trouble;
use crate::updates::Updates;
use crate::updates::asker::Asker;
use crate::updates::gate::Asked;
use crate::updates::obtain::{Obtained, Wanted, refusal};
use crate::updates::path::encoded_path;

/// Answers a request for a file of a server.
pub(crate) async fn answer(
    updates: &Arc<Updates>,
    name: &str,
    file: &str,
    request: &Parts,
) -> Result<Response, Refusal> {
    let server = updates.upstreams.servers.get(name).ok_or_else(|| unknown(updates, name))?;
    let url = server.base().below(&encoded_path(file), request.uri.query());
    let url = url.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let key = ["file", name, &url.target()].map(str::to_owned).to_vec();
    let asked = Asked {
        by: Asker::of(request),
        route: "files",
        from: url.clone(),
        model: format!("{name}/{file}"),
        revision: None,
        file: file.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    if updates.upstreams.offline {
        return Ok(given(request, None, updates.offline(key, asked).await?));
    }
    let secret = request.headers.get(AUTHORIZATION).cloned();
    let call = Call::new(Method::HEAD, url).with(AUTHORIZATION, secret.clone());
    let answer = updates.client.follow(server, call).await.map_err(|trouble| refusal(&trouble))?;
    let (len, tag) = facts(&answer)?;
    if let (Some(len), Some(tag)) = (len, &tag) {
        let told = Told { len, tag: tag.clone(), headers: HeaderMap::new() };
        if let Some(answer) = without_bytes(&request.method, &request.headers, &told) {
            return Ok(answer);
        }
    }
    let wanted = Wanted {
        asked,
        upstream: Arc::clone(server),
        secret,
        expected: Expected { sha256: None, len },
        tag: tag.clone(),
        is_large: false,
        key,
        within: None,
    };
    Ok(given(request, tag, updates.obtain(wanted).await?))
}

fn given(request: &Parts, tag: Option<String>, obtained: Obtained) -> Response {
    let tag = tag.unwrap_or_else(|| obtained.sha256.to_string());
    let told = Told { len: obtained.len, tag, headers: HeaderMap::new() };
    let answer = without_bytes(&request.method, &request.headers, &told);
    answer.unwrap_or_else(|| with_bytes(&request.headers, &told, obtained.file))
}

/// What a server says of a file: its length and its tag, where it says them. One that answers no `HEAD` says nothing.
fn facts(answer: &Answer) -> Result<(Option<u64>, Option<String>), Refusal> {
    let status = answer.response.status();
    let host = answer.url.host().to_owned();
    match status.as_u16() {
        200 => Ok((answer.announced(), answer.header(ETAG).and_then(tag).map(str::to_owned))),
        405 | 501 => Ok((None, None)),
        401 | 403 | 404 | 410 | 429 => Err(Refusal::new(status, format!("{host} answered {status}"))),
        _ => Err(refusal(&Trouble::Status { host, status })),
    }
}

fn unknown(updates: &Updates, name: &str) -> Refusal {
    let known: Vec<&str> = updates.upstreams.servers.keys().map(String::as_str).collect();
    let known =
        if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) };
    let why = format!(
        "lazaret fetches from no server `{name}`: {known}; to allow one, whoever runs lazaret gives it a name under \
         [gates.models.servers]"
    );
    Refusal::new(StatusCode::FORBIDDEN, why)
}
