//! A hub, an index of packages and a server of files on the loopback interface, as their clients know them: what they send
//! beyond that (addresses of other servers, digests that lead there) is sent too, and everything asked is kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The commit of every repository.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What a client must tell to be let into `private/model`.
pub(crate) const SECRET: &str = "Bearer hf_secret";

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How much of the body is sent before the connection is cut.
    pub(crate) cut: Option<usize>,
}

impl Reply {
    pub(crate) fn ok(kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }.with("Content-Type", kind)
    }

    pub(crate) fn of(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A server on a port of its own, with everything it was asked. It ends with the test's process.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
    /// Whether it is to end with the next that asks.
    pub(crate) stopped: Arc<AtomicBool>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            stopped: Arc::default(),
        };
        let (kept, answer) = (Arc::clone(&server.asked), Arc::new(answer));
        let stopped = Arc::clone(&server.stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let Some(asked) = read(&stream) else { return };
                    kept.lock().unwrap().push(asked.clone());
                    send(stream, &asked, &answer(&asked));
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often something was asked: `GET /x`.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|a| format!("{} {}", a.method, a.target).starts_with(beginning)).count()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len = headers.get("content-length").and_then(|len: &String| len.parse().ok()).unwrap_or(0);
    let mut body = vec![0; len];
    lines.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers })
}

fn send(mut stream: TcpStream, asked: &Asked, reply: &Reply) {
    let mut head = format!(
        "HTTP/1.1 {} x\r\nConnection: close\r\nContent-Length: {}\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    let body =
        if asked.method == "HEAD" { &[][..] } else { &reply.body[..reply.cut.unwrap_or(reply.body.len())] };
    let _gone = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(body));
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The first characters of a digest: a tag that is not the digest.
fn first(digest: &str, count: usize) -> String {
    digest.chars().take(count).collect()
}

/// What a hub holds: `org/model/file` and its bytes; files of more than a thousand bytes are large (LFS).
#[derive(Clone, Default)]
pub(crate) struct Contents {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Files of `/simple/PROJECT/`, as `project/file`.
    pub(crate) packages: BTreeMap<String, Vec<u8>>,
    /// Where the first answers with a large file are cut.
    pub(crate) cuts: Vec<usize>,
    /// Whether the index speaks JSON.
    pub(crate) json: bool,
    /// Whether the hub tells nobody which files it has.
    pub(crate) no_list: bool,
}

/// A hub and the server of its large files.
pub(crate) struct Hub {
    pub(crate) server: Server,
    pub(crate) cdn: Server,
    pub(crate) contents: Arc<Mutex<Contents>>,
}

impl Hub {
    pub(crate) fn start(contents: Contents) -> Self {
        let contents = Arc::new(Mutex::new(contents));
        let of_cdn = Arc::clone(&contents);
        let cdn = Server::start(move |asked| blob(&mut of_cdn.lock().unwrap(), asked));
        let (of_hub, to) = (Arc::clone(&contents), cdn.url());
        let server = Server::start(move |asked| answer(&of_hub.lock().unwrap(), asked, &to));
        Self { server, cdn, contents }
    }
}

fn blob(contents: &mut Contents, asked: &Asked) -> Reply {
    let path = asked.target.split('?').next().unwrap_or("");
    let wanted = path.strip_prefix("/blob/").unwrap_or("");
    let Some(bytes) = contents.files.values().find(|bytes| sha256(bytes) == wanted).cloned() else {
        return Reply::of(404);
    };
    let cut = (asked.method == "GET" && !contents.cuts.is_empty()).then(|| contents.cuts.remove(0));
    let tag = format!("\"{}\"", first(wanted, 16));
    let from = asked
        .headers
        .get("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let reply = match from {
        Some(from) if asked.headers.get("if-range") == Some(&tag) => {
            Reply { status: 206, body: bytes[from..].to_vec(), ..Reply::default() }
                .with("Content-Range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len()))
        }
        _ => Reply::ok("application/octet-stream", bytes),
    };
    Reply { cut, ..reply.with("ETag", tag) }
}

pub(crate) fn answer(contents: &Contents, asked: &Asked, cdn: &str) -> Reply {
    let path = asked.target.split('?').next().unwrap_or("");
    let steps: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let private = path.contains("private/model")
        && asked.headers.get("authorization").map(String::as_str) != Some(SECRET);
    if private {
        return Reply::of(401)
            .with("X-Error-Code", "RepoNotFound")
            .with("X-Error-Message", "Repository not found");
    }
    match steps.as_slice() {
        ["api", "models" | "datasets", org, model, rest @ ..] => {
            let files = of(contents, &format!("{org}/{model}"));
            if files.is_empty() || contents.no_list {
                return Reply::of(404)
                    .with("X-Error-Code", "RepoNotFound")
                    .with("X-Error-Message", "Repository not found");
            }
            match rest {
                [] | ["revision", _] => {
                    let names = files.iter().map(|(name, _)| format!("{{\"rfilename\":\"{name}\"}}"));
                    let names = names.collect::<Vec<_>>().join(",");
                    let info = format!(
                        "{{\"id\":\"{org}/{model}\",\"sha\":\"{COMMIT}\",\"xetEnabled\":true,\"siblings\":[{names}]}}"
                    );
                    Reply::ok("application/json", info)
                }
                _ => {
                    let entries =
                        files.iter().map(|(name, bytes)| entry(name, bytes)).collect::<Vec<_>>().join(",");
                    Reply::ok("application/json", format!("[{entries}]")).with(
                        "Link",
                        format!("<http://{}/api/next?cursor=1>; rel=\"prev\"", asked.headers["host"]),
                    )
                }
            }
        }
        ["simple", project, ""] => index(contents, project),
        ["packages" | "plain", file] => {
            match contents.packages.iter().find(|(name, _)| name.ends_with(&format!("/{file}"))) {
                Some((_, bytes)) => Reply::ok("application/zip", bytes.clone())
                    .with("ETag", format!("\"{}\"", first(&sha256(bytes), 9))),
                None => Reply::of(404),
            }
        }
        [org, model, "resolve", _, file @ ..] => {
            let Some(bytes) =
                contents.files.get(&format!("{org}/{model}/{}", file.join("/").replace("%20", " ")))
            else {
                return Reply::of(404)
                    .with("X-Error-Code", "EntryNotFound")
                    .with("X-Error-Message", "Entry not found");
            };
            let digest = sha256(bytes);
            let reply = if bytes.len() > 1000 {
                Reply::of(302)
                    .with("Location", format!("{cdn}/blob/{digest}?signature=for-a-while"))
                    .with("X-Linked-Etag", format!("\"{digest}\""))
                    .with("X-Linked-Size", bytes.len().to_string())
            } else {
                Reply::ok("text/plain", bytes.clone())
            };
            reply
                .with("ETag", format!("\"{}\"", first(&digest, 40)))
                .with("X-Repo-Commit", COMMIT)
                .with("X-Xet-Hash", "ab".repeat(32))
                .with("Link", format!("<{cdn}/xet-read-token>; rel=\"xet-auth\""))
        }
        _ => Reply::of(404),
    }
}

fn of(contents: &Contents, model: &str) -> Vec<(String, Vec<u8>)> {
    let files = contents.files.iter();
    files
        .filter_map(|(name, b)| Some((name.strip_prefix(model)?.strip_prefix('/')?.to_owned(), b.clone())))
        .collect()
}

fn entry(name: &str, bytes: &[u8]) -> String {
    let (digest, size) = (sha256(bytes), bytes.len());
    let lfs = if size > 1000 {
        format!(
            ",\"lfs\":{{\"oid\":\"{digest}\",\"size\":{size},\"pointerSize\":130}},\"xetHash\":\"{digest}\""
        )
    } else {
        String::new()
    };
    format!(
        "{{\"type\":\"file\",\"path\":\"{name}\",\"size\":{size},\"oid\":\"{}\"{lfs}}}",
        first(&digest, 40)
    )
}

fn index(contents: &Contents, project: &str) -> Reply {
    let files = contents
        .packages
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix(project)?.strip_prefix('/')?, bytes)));
    if contents.json {
        let files = files.map(|(name, bytes)| {
            format!(
                "{{\"filename\":\"{name}\",\"url\":\"../../packages/{name}\",\"hashes\":{{\"sha256\":\"{}\"}},\
                 \"core-metadata\":{{\"sha256\":\"00\"}},\"size\":{}}}",
                sha256(bytes),
                bytes.len()
            )
        });
        let files = files.collect::<Vec<_>>().join(",");
        let page =
            format!("{{\"meta\":{{\"api-version\":\"1.1\"}},\"name\":\"{project}\",\"files\":[{files}]}}");
        return Reply::ok("application/vnd.pypi.simple.v1+json", page);
    }
    let links = files.map(|(name, bytes)| {
        format!(
            "<a href=\"../../packages/{name}#sha256={}\" data-dist-info-metadata=\"sha256=00\" data-requires-python=\"&gt;=3.6\">\
             {name}</a><br/>",
            sha256(bytes)
        )
    });
    Reply::ok("text/html", format!("<!DOCTYPE html><html><body>{}</body></html>", links.collect::<String>()))
}
