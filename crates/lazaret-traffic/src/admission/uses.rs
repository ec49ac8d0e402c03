//! Which models an object of Kubernetes uses, and whose object it is.
//!
//! | object | where |
//! |---|---|
//! | any | the annotation `lazaret.io/models`, of the object and of its pods |
//! | pods, and what has a template of them | image volumes, images of containers, `KServe`'s annotation on its pods |
//! | `serving.kserve.io` | `storageUri`, `storageUris`, `uri` and `storage.path` anywhere in `spec`; images and image volumes |
//!
//! What a program in a container fetches by itself stands nowhere in its object: that is what the proxies are for.

use lazaret_core::{Limit, LimitExceeded};
use lazaret_input::json::{JsonKind, Node, NodeId};

use super::named::{Named, Open, annotated, container_image, image, storage};
use super::review::Review;

/// Most texts of one object that may name models.
pub const MAX_MODELS: Limit = Limit::new("admission.max_models", 200);

/// The annotation that names models: `sha256:…` and `NAME@REVISION`, with commas or spaces between.
pub const ANNOTATION: &str = "lazaret.io/models";
/// What `KServe` writes on a pod whose model it fetches.
const KSERVE_SOURCE: &str = "internal.serving.kserve.io/storage-initializer-sourceuri";
/// The group of `KServe`'s kinds.
const KSERVE: &str = "serving.kserve.io";
/// The keys that hold where a model is fetched from.
const STORAGE_KEYS: [&str; 4] = ["storageUri", "storageURI", "uri", "sourceModelUri"];
/// How deep the walk through an object goes; JSON that nests deeper is refused before.
const MAX_DEPTH: usize = 200;
/// Longest place that is told.
const LONGEST_PLACE: usize = 120;

/// A text that names a model, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Where it stands: `spec.volumes[0].image.reference`.
    pub at: String,
    /// As it is written.
    pub text: String,
    /// What it names.
    pub named: Named,
}

/// The texts of an object that name models, each once.
pub fn uses(review: &Review<'_>, object: Node<'_, '_>, most: Limit) -> Result<Vec<Use>, LimitExceeded> {
    let mut found = Found { uses: Vec::new(), object: object.id(), most };
    found.annotations(object)?;
    let spec = object.get("spec");
    match (review.group, review.kind) {
        ("", "Pod") => found.pod(spec)?,
        (KSERVE, _) => {
            if let Some(spec) = spec {
                found.walk(spec, MAX_DEPTH)?;
            }
        }
        ("batch", "CronJob") => {
            let job = spec.and_then(|spec| spec.get("jobTemplate"));
            if let Some(job) = job {
                found.annotations(job)?;
                found.template(job.get("spec").and_then(|spec| spec.get("template")))?;
            }
        }
        ("", "PodTemplate") => found.template(object.get("template"))?,
        _ => found.template(spec.and_then(|spec| spec.get("template")))?,
    }
    // Who says which models lie in a place has named them.
    let said = found.uses.iter().any(|used| is_said(used) && !matches!(used.named, Named::Open(_)));
    if said {
        found.uses.retain(|used| used.named != Named::Open(Open::Place));
    }
    Ok(found.uses)
}

fn is_said(used: &Use) -> bool {
    used.at.ends_with(ANNOTATION)
}

struct Found {
    uses: Vec<Use>,
    object: NodeId,
    most: Limit,
}

impl Found {
    fn template(&mut self, template: Option<Node<'_, '_>>) -> Result<(), LimitExceeded> {
        let Some(template) = template else { return Ok(()) };
        self.annotations(template)?;
        self.pod(template.get("spec"))
    }

    fn annotations(&mut self, of: Node<'_, '_>) -> Result<(), LimitExceeded> {
        let Some(annotations) = of.get("metadata").and_then(|metadata| metadata.get("annotations")) else {
            return Ok(());
        };
        if let Some(node) = annotations.get(ANNOTATION) {
            let words = node.as_str().unwrap_or_default().split([',', ' ', '\n', '\t']);
            for word in words.filter(|word| !word.is_empty()) {
                self.add(node, word, annotated(word))?;
            }
        }
        if let Some(node) = annotations.get(KSERVE_SOURCE) {
            let text = node.as_str().unwrap_or_default();
            self.add(node, text, storage(text))?;
        }
        Ok(())
    }

    fn pod(&mut self, spec: Option<Node<'_, '_>>) -> Result<(), LimitExceeded> {
        let Some(spec) = spec else { return Ok(()) };
        for volume in spec.get("volumes").iter().flat_map(Node::items) {
            self.volume(volume)?;
        }
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            for container in spec.get(list).iter().flat_map(Node::items) {
                self.container(container)?;
            }
        }
        Ok(())
    }

    fn volume(&mut self, volume: Node<'_, '_>) -> Result<(), LimitExceeded> {
        let reference = volume.get("image").and_then(|image| image.get("reference"));
        match reference.and_then(|node| Some((node, node.as_str()?))) {
            Some((node, text)) => self.add(node, text, image(text)),
            None => Ok(()),
        }
    }

    fn container(&mut self, container: Node<'_, '_>) -> Result<(), LimitExceeded> {
        let Some(node) = container.get("image") else { return Ok(()) };
        let Some(text) = node.as_str() else { return Ok(()) };
        container_image(text).map_or(Ok(()), |named| self.add(node, text, named))
    }

    /// Everything below a value of `KServe`, whose kinds grow with each of its versions.
    fn walk(&mut self, node: Node<'_, '_>, depth: usize) -> Result<(), LimitExceeded> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        match node.kind() {
            JsonKind::Array => {
                for item in node.items() {
                    if node.key() == Some("volumes") {
                        self.volume(item)?;
                    }
                    if node.key() == Some("storageUris")
                        && let Some(text) = item.as_str()
                    {
                        self.add(item, text, storage(text))?;
                    }
                    self.walk(item, depth)?;
                }
            }
            JsonKind::Object => {
                self.container(node)?;
                for member in node.members() {
                    let path = (member.key == "storage").then(|| member.value.get("path")).flatten();
                    if let Some(path) = path {
                        self.add(path, path.as_str().unwrap_or_default(), Named::Open(Open::Place))?;
                    }
                    if STORAGE_KEYS.contains(&member.key)
                        && let Some(text) = member.value.as_str()
                    {
                        self.add(member.value, text, storage(text))?;
                    }
                    self.walk(member.value, depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, node: Node<'_, '_>, text: &str, named: Named) -> Result<(), LimitExceeded> {
        if self.uses.iter().any(|used| used.text == text && used.named == named) {
            return Ok(());
        }
        self.most.check((self.uses.len() as u64).saturating_add(1))?;
        let at = place(node, self.object);
        self.uses.push(Use { at, text: text.to_owned(), named });
        Ok(())
    }
}

/// Where a value stands in an object. Keys that no kind has may be anybody's words: what is not plain in them is left out.
fn place(node: Node<'_, '_>, object: NodeId) -> String {
    let mut steps = Vec::new();
    let mut node = node;
    while node.id() != object {
        let plain = |key: &str| {
            let keep = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_');
            key.chars().filter(keep).take(LONGEST_PLACE).collect::<String>()
        };
        steps.push(
            node.key()
                .map_or_else(|| format!("[{}]", node.index_in_parent()), |key| format!(".{}", plain(key))),
        );
        let Some(parent) = node.parent() else { break };
        node = parent;
    }
    let place: String = steps.iter().rev().map(String::as_str).collect();
    let place = place.trim_start_matches('.');
    let skip = place.len().saturating_sub(LONGEST_PLACE);
    place.get(skip..).unwrap_or_default().to_owned()
}

/// Something that runs in a cluster and is more than one of its pods.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workload {
    /// Its namespace; empty for what is the cluster's.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether the object itself is it, and not a part that something else made for it.
    pub is_itself: bool,
}

impl Workload {
    /// What an object is a part of: what made it, if something did. None where no name is one that Kubernetes takes.
    pub fn of(review: &Review<'_>, object: Node<'_, '_>) -> Option<Self> {
        let metadata = object.get("metadata")?;
        let word = |node: Node<'_, '_>, key: &str| {
            node.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
        };
        let owner = metadata
            .get("ownerReferences")
            .iter()
            .flat_map(Node::items)
            .find(|owner| owner.get("controller").and_then(|is| is.as_bool()) == Some(true))
            .map(|owner| (word(owner, "kind"), word(owner, "name")));
        let is_itself = owner.is_none();
        let (kind, name) = if let Some((kind, name)) = owner {
            let hash = metadata.get("labels").map(|labels| word(labels, "pod-template-hash"));
            above(kind, name, &hash.unwrap_or_default())
        } else {
            let name = word(metadata, "name");
            let made = || word(metadata, "generateName").trim_end_matches('-').to_owned();
            (review.kind.to_owned(), if name.is_empty() { made() } else { name })
        };
        let is_kind = |kind: &str| {
            (1..=63).contains(&kind.len()) && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let fits =
            is_kind(&kind) && is_name(&name) && (review.namespace.is_empty() || is_name(review.namespace));
        fits.then(|| Self { namespace: review.namespace.to_owned(), kind, name, is_itself })
    }
}

/// What stands above the maker of a pod, as far as names tell: a deployment above its replica sets, a cron job above its jobs.
/// Else each rollout and each run would be another workload.
fn above(kind: String, name: String, hash: &str) -> (String, String) {
    let stem = name.rsplit_once('-').map(|(stem, end)| (stem.to_owned(), end));
    match (kind.as_str(), stem) {
        ("ReplicaSet", Some((stem, end))) if !hash.is_empty() && end == hash => {
            ("Deployment".to_owned(), stem)
        }
        ("Job", Some((stem, end))) if end.len() >= 8 && end.bytes().all(|byte| byte.is_ascii_digit()) => {
            ("CronJob".to_owned(), stem)
        }
        _ => (kind, name),
    }
}

/// Whether Kubernetes takes a text as the name of an object (RFC 1123: a subdomain).
pub fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        bytes.iter().all(|byte| plain(byte) || *byte == b'-')
            && bytes.first().is_some_and(plain)
            && bytes.last().is_some_and(plain)
    };
    text.len() <= 253 && text.split('.').all(label)
}
