//! A registry of images on the loopback interface, with a server of its blobs and one of its tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lazaret_traffic::net::upstream::Upstream;
use lazaret_traffic::net::url::Url;

use crate::main::hub::{Asked, Reply, Server, sha256};

/// `user` and `password`, as a client says them.
pub(crate) const BASIC: &str = "Basic dXNlcjpwYXNzd29yZA==";
/// The media type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a list of them.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What a registry wants to know of who asks.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Wants {
    Nothing,
    Basic,
    /// A token; nobody gets one for `private/…`.
    Token,
}

/// What it holds.
pub(crate) struct Held {
    /// `org/model:tag`, its media type and bytes; each is found by its digest too.
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    /// By digests.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) wants: Wants,
    /// Where it says that tokens are given; its own server of tokens if this is empty.
    pub(crate) realm: String,
}

/// A registry.
pub(crate) struct Registry {
    pub(crate) server: Server,
    pub(crate) cdn: Server,
    pub(crate) tokens: Server,
    pub(crate) held: Arc<Mutex<Held>>,
}

impl Registry {
    pub(crate) fn start(wants: Wants) -> Self {
        let (manifests, blobs, realm) = (BTreeMap::new(), BTreeMap::new(), String::new());
        let held = Arc::new(Mutex::new(Held { manifests, blobs, wants, realm }));
        let of_cdn = Arc::clone(&held);
        let cdn = Server::start(move |asked| {
            let name = asked.target.trim_start_matches("/blob/").split('?').next().unwrap_or_default();
            let bytes = of_cdn.lock().unwrap().blobs.get(name).cloned();
            bytes.map_or(Reply::of(404), |bytes| Reply::ok("application/octet-stream", bytes))
        });
        let tokens = Server::start(|asked| {
            let said = asked.headers.get("authorization").map_or("", String::as_str);
            let is_known = said == BASIC || (said.is_empty() && !asked.target.contains("private"));
            let token = if said == BASIC { "known" } else { "nobody" };
            let page = format!("{{\"token\":\"{token}\",\"expires_in\":300}}");
            if is_known { Reply::ok("application/json", page) } else { Reply::of(401) }
        });
        let (of_server, to, realm) = (Arc::clone(&held), cdn.url(), tokens.url());
        let server = Server::start(move |asked| answer(&of_server.lock().unwrap(), asked, &to, &realm));
        Self { server, cdn, tokens, held }
    }

    /// As an upstream that may send to its other servers.
    pub(crate) fn upstream(&self) -> Arc<Upstream> {
        let hosts = [&self.cdn, &self.tokens].map(|server| format!("127.0.0.1:{}", server.port));
        let base = Url::parse(&format!("{}/", self.server.url())).unwrap();
        Arc::new(Upstream::new(base, hosts, "gates.models.registries.reg"))
    }

    /// Pushes a blob; gives its digest.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let digest = format!("sha256:{}", sha256(bytes));
        self.held.lock().unwrap().blobs.insert(digest.clone(), bytes.to_vec());
        digest
    }

    /// Pushes a manifest as it is; gives its digest.
    pub(crate) fn manifest(&self, name: &str, kind: &str, text: &str) -> String {
        let bytes = text.as_bytes().to_vec();
        self.held.lock().unwrap().manifests.insert(name.to_owned(), (kind.to_owned(), bytes));
        format!("sha256:{}", sha256(text.as_bytes()))
    }

    /// Pushes an artifact of files by their names; gives the digest of its manifest and those of the files.
    pub(crate) fn push(&self, name: &str, files: &[(&str, &[u8])]) -> (String, Vec<String>) {
        let digests: Vec<String> = files.iter().map(|(_, bytes)| self.blob(bytes)).collect();
        let config = self.blob(b"{}");
        let layers = files.iter().zip(&digests).map(|((name, bytes), digest)| {
            format!(
                "{{\"mediaType\":\"application/vnd.cncf.model.weight.v1.raw\",\"digest\":\"{digest}\",\"size\":{},\
                 \"annotations\":{{\"org.cncf.model.filepath\":\"{name}\"}}}}",
                bytes.len()
            )
        });
        let layers = layers.collect::<Vec<_>>().join(",");
        let text = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{{\"mediaType\":\
             \"application/vnd.cncf.model.config.v1+json\",\"digest\":\"{config}\",\"size\":2}},\"layers\":[{layers}]}}"
        );
        (self.manifest(name, MANIFEST, &text), digests)
    }
}

fn answer(held: &Held, asked: &Asked, cdn: &str, tokens: &str) -> Reply {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let said = asked.headers.get("authorization").map_or("", String::as_str);
    let realm = if held.realm.is_empty() { format!("{tokens}/token?a=b") } else { held.realm.clone() };
    match held.wants {
        Wants::Basic if said != BASIC => {
            return Reply::of(401).with("WWW-Authenticate", "Basic realm=\"a registry\"");
        }
        Wants::Token
            if !(said == "Bearer known" || (said == "Bearer nobody" && !path.contains("private"))) =>
        {
            let scope = path.trim_start_matches("/v2/").split("/manifests").next().unwrap_or_default();
            let scope = scope.split("/blobs").next().unwrap_or_default();
            let challenge =
                format!("Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:{scope}:pull\"");
            return Reply::of(401).with("WWW-Authenticate", challenge);
        }
        _ => {}
    }
    let steps: Vec<&str> = path.trim_start_matches("/v2/").split('/').collect();
    match steps.as_slice() {
        [""] => Reply::ok("application/json", "{}"),
        [name @ .., "manifests", reference] => {
            let wanted = format!("{}:{reference}", name.join("/"));
            let found = held.manifests.get(&wanted).or_else(|| {
                let of_name = format!("{}:", name.join("/"));
                let mut all = held.manifests.iter().filter(|(key, _)| key.starts_with(&of_name));
                all.find(|(_, (_, bytes))| format!("sha256:{}", sha256(bytes)) == *reference).map(|(_, v)| v)
            });
            found.map_or(Reply::of(404), |(kind, bytes)| {
                Reply::ok(kind, bytes.clone())
                    .with("Docker-Content-Digest", format!("sha256:{}", sha256(bytes)))
            })
        }
        [.., "blobs", digest] if held.blobs.contains_key(*digest) => {
            Reply::of(307).with("Location", format!("{cdn}/blob/{digest}?signature=for-a-while"))
        }
        ["org", "model", "tags", "list"] if query.contains("last=a") => {
            Reply::ok("application/json", "{\"name\":\"org/model\",\"tags\":[\"b\"]}")
        }
        ["org", "model", "tags", "list"] => {
            Reply::ok("application/json", "{\"name\":\"org/model\",\"tags\":[\"a\"]}")
                .with("Link", "</v2/org/model/tags/list?last=a&n=1&x=y>; rel=\"next\"")
        }
        ["org", "model", "referrers", _] => {
            let index = format!("{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[]}}");
            Reply::ok(INDEX, index).with("OCI-Filters-Applied", "artifactType")
        }
        _ => Reply::of(404),
    }
}
