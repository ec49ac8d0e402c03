//! A webhook on another host than the ledger: it fetches the list of verdicts, keeps the last good one on disk, and hands over
//! what it noted. It answers while the server is not reached, and after its own restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, HeaderValue, IF_NONE_MATCH};
use axum::http::{Method, StatusCode};
use lazaret_core::{Limit, Limits};
use lazaret_input::{read_file, write_durably};
use lazaret_ledger::note::VerifierKey;
use lazaret_traffic::admission::copy::{Copied, MAX_LIST};
use lazaret_traffic::admission::notes::Waiting;
use lazaret_traffic::admission::share::MOST_NOTES;
use lazaret_traffic::net::client::{Answer, Call, Client, Waits};
use lazaret_traffic::net::sent::Sent;
use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::Url;

use crate::admission::list::believed;
use crate::config::Config;
use crate::exit::{CliError, chain, read_text};

/// Longest file of a secret.
pub(crate) const MAX_SECRET: Limit = Limit::fixed("admission.max_secret", 4_096);

/// How often the list is asked for, and notes handed over.
const PAUSE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(100);
/// Of who shares what, for redirects; there are none.
const SETTING: &str = "gates.models.verdicts_from";

/// Fetches and hands over, on a thread of its own.
pub(crate) struct Replica {
    ended: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What is spoken to.
struct Server {
    client: Client,
    upstream: Upstream,
    secret: HeaderValue,
    trusted: VerifierKey,
    file: PathBuf,
    limits: Limits,
}

/// The secret by which verdicts are shared.
pub(crate) fn secret(config: &Config) -> Result<String, CliError> {
    let file = config.path("gates.models.verdicts_secret");
    let text = read_text(&file, MAX_SECRET)?;
    let secret = text.trim();
    if secret.len() < 32 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CliError::Usage(format!(
            "{}: a secret is one word of 32 characters at least (`openssl rand -hex 32`)",
            file.display()
        )));
    }
    Ok(secret.to_owned())
}

impl Replica {
    /// Begins, with what was kept.
    pub(crate) fn start(
        config: &Config,
        copied: Arc<Copied>,
        waiting: Arc<Waiting>,
    ) -> Result<Self, CliError> {
        let server = Server::new(config)?;
        if let Err(why) = server.kept(&copied) {
            tracing::warn!(cause = why, "no verdicts were kept");
        }
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| CliError::failed("verdicts cannot be fetched", error))?;
        let work = move || {
            let mut tag = String::new();
            while !told.load(Ordering::Acquire) {
                runtime.block_on(async {
                    server.fetch(&copied, &mut tag).await;
                    server.hand_over(&waiting).await;
                });
                let mut waited = Duration::ZERO;
                while waited < PAUSE && !told.load(Ordering::Acquire) {
                    std::thread::sleep(STEP);
                    waited = waited.saturating_add(STEP);
                }
            }
            runtime.block_on(server.hand_over(&waiting)); // what cannot be taken now is sent at the next start
        };
        let thread = std::thread::Builder::new().name("replica".into()).spawn(work);
        let thread = thread.map_err(|error| CliError::failed("verdicts cannot be fetched", error))?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _broke_off = thread.join();
        }
    }
}

impl Server {
    fn new(config: &Config) -> Result<Self, CliError> {
        let wrong = |key: &str, why: String| CliError::Usage(format!("`{key}`: {why}"));
        let base = Url::parse(config.text(SETTING)).map_err(|error| wrong(SETTING, error.to_string()))?;
        if base.scheme() != lazaret_traffic::net::url::Scheme::Https {
            return Err(wrong(SETTING, "verdicts are fetched over TLS: https://…".to_owned()));
        }
        let key = config.text("gates.models.verdicts_key");
        let trusted =
            VerifierKey::parse(key).map_err(|error| wrong("gates.models.verdicts_key", chain(&error)))?;
        let mut secret = HeaderValue::try_from(format!("Bearer {}", self::secret(config)?))
            .map_err(|error| wrong("gates.models.verdicts_secret", chain(&error)))?;
        secret.set_sensitive(true);
        let authorities = config.path("gates.models.authorities");
        let authorities = Some(authorities.as_path()).filter(|file| !file.as_os_str().is_empty());
        let waits = Waits {
            connect: config.time("gates.models.wait_connect")?,
            read: config.time("gates.models.wait_read")?,
        };
        let client = Client::new(authorities, [base.host().to_owned()], waits, config.limits())
            .map_err(|error| wrong("gates.models.authorities", chain(&error)))?;
        Ok(Self {
            client,
            upstream: Upstream::new(base, [], SETTING),
            secret,
            trusted,
            file: config.path("data").join("admission").join("verdicts"),
            limits: config.limits(),
        })
    }

    /// Takes the list that was kept.
    fn kept(&self, copied: &Copied) -> Result<(), String> {
        let bytes = read_file(&self.file, self.limits.get(MAX_LIST)).map_err(|error| chain(&error))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| chain(&error))?;
        let list = believed(text, &self.trusted).map_err(|error| chain(&error))?;
        copied.take(list.lines, list.made, false, &self.limits).map_err(|error| chain(&error))
    }

    /// Takes the list as it is now; what cannot be believed leaves the one that is here.
    async fn fetch(&self, copied: &Copied, tag: &mut String) {
        if let Err(why) = self.try_fetch(copied, tag).await {
            tracing::warn!(cause = why, "the verdicts could not be fetched; those that are here are used");
        }
    }

    async fn try_fetch(&self, copied: &Copied, tag: &mut String) -> Result<(), String> {
        let known = (!tag.is_empty()).then(|| HeaderValue::try_from(format!("\"{tag}\"")).ok()).flatten();
        let call = Call::new(Method::GET, self.at("verdicts")?).with(IF_NONE_MATCH, known);
        let answer = self.ask(call).await?;
        match answer.response.status() {
            StatusCode::NOT_MODIFIED => {
                copied.still();
                return Ok(());
            }
            StatusCode::OK => {}
            status => return Err(format!("it answered {status}")),
        }
        let page = answer.page(self.limits.get(MAX_LIST)).await.map_err(|trouble| trouble.line())?;
        let text = std::str::from_utf8(&page).map_err(|error| chain(&error))?;
        let list = believed(text, &self.trusted).map_err(|error| chain(&error))?;
        copied.take(list.lines, list.made, true, &self.limits).map_err(|error| chain(&error))?;
        list.tag.clone_into(tag);
        // Believed and in use; where it cannot be kept, a restart begins with the one before.
        write_durably(&self.file, &page).map_err(|error| format!("they could not be kept: {error}"))
    }

    /// Hands over what waits, in parts; what is not taken waits on.
    async fn hand_over(&self, waiting: &Waiting) {
        if let Err(why) = self.try_hand_over(waiting).await {
            tracing::warn!(cause = why, "where models run waits to be handed over");
        }
    }

    async fn try_hand_over(&self, waiting: &Waiting) -> Result<(), String> {
        let Some(batch) = waiting.take().map_err(|error| chain(&error))? else { return Ok(()) };
        let mut body = Vec::new();
        for note in batch.notes() {
            let line = serde_json::to_vec(note).map_err(|error| chain(&error))?;
            if body.len().saturating_add(line.len()).saturating_add(1) > MOST_NOTES {
                self.send(std::mem::take(&mut body)).await?;
            }
            body.extend_from_slice(&line);
            body.push(b'\n');
        }
        if !body.is_empty() {
            self.send(body).await?;
        }
        waiting.done(batch).map_err(|error| chain(&error))
    }

    async fn send(&self, body: Vec<u8>) -> Result<(), String> {
        let call = Call::new(Method::POST, self.at("notes")?);
        let answer = self.ask(Call { body: Sent::Bytes(Bytes::from(body)), ..call }).await?;
        match answer.response.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => Err(format!("it answered {status}")),
        }
    }

    fn at(&self, path: &str) -> Result<Url, String> {
        self.upstream.base().below(path, None).map_err(|error| chain(&error))
    }

    async fn ask(&self, call: Call) -> Result<Answer, String> {
        let call = call.with(AUTHORIZATION, Some(self.secret.clone()));
        self.client.stay(&self.upstream, call).await.map_err(|trouble| trouble.line())
    }
}
