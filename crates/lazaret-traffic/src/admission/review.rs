//! `AdmissionReview` of `admission.k8s.io/v1`: what the API server asks, and what it is answered.
//!
//! A request is read strictly: what is no review, has a key twice, or is longer or deeper than the limits is refused whole,
//! with what is wrong and never with content.

use lazaret_core::{Limit, Limits};
use lazaret_input::json::{Document, Node, parse};
use serde::Serialize;

/// Longest review: an object of the API server's most, twice, with what JSON adds.
pub const MAX_REVIEW: Limit = Limit::new("admission.max_review", 8 << 20);

/// The one version that is spoken.
pub const API_VERSION: &str = "admission.k8s.io/v1";
/// Longest id of a request.
const LONGEST_UID: usize = 128;
/// Longest name of Kubernetes.
const LONGEST_NAME: usize = 253;
/// A warning that is longer is cut off by the API server.
const LONGEST_WARNING: usize = 256;
/// Warnings of one answer: beyond 4,096 characters the API server leaves the rest out.
const MOST_WARNINGS: usize = 12;
/// Longest message of a refusal.
const LONGEST_MESSAGE: usize = 2_048;

/// Why something is no review.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// It is no JSON, or a limit was reached.
    #[error("no JSON that can be read: at byte {offset}: {why}")]
    Json {
        /// Where.
        offset: u64,
        /// What is wrong, without content.
        why: String,
    },
    /// It is something else.
    #[error("no AdmissionReview of admission.k8s.io/v1: {0}")]
    Other(&'static str),
}

/// What is done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Something is connected to it.
    Connect,
}

/// What the API server asks.
#[derive(Debug, Clone, Copy)]
pub struct Review<'d> {
    /// The request's id, which the answer repeats.
    pub uid: &'d str,
    /// What is done.
    pub operation: Operation,
    /// The group of the object's kind: empty for the core's.
    pub group: &'d str,
    /// Its kind.
    pub kind: &'d str,
    /// A part of the object that is asked about by itself: `scale`, `status`.
    pub part: &'d str,
    /// Its namespace; empty for what is the cluster's.
    pub namespace: &'d str,
    /// Nothing may be recorded or done.
    pub dry_run: bool,
    /// The object as it would be.
    pub object: Option<Node<'d, 'd>>,
    /// The object as it is.
    pub old: Option<Node<'d, 'd>>,
}

/// Reads the JSON of a review.
pub fn document<'a>(body: &'a [u8], limits: &Limits) -> Result<Document<'a>, ReviewError> {
    let parsed = parse(body, limits);
    if let Some(fault) = parsed.faults.first() {
        return Err(ReviewError::Json { offset: fault.offset, why: fault.message.clone() });
    }
    parsed.document.ok_or(ReviewError::Other("it is empty"))
}

/// Reads a review.
pub fn review<'d>(document: &'d Document<'d>) -> Result<Review<'d>, ReviewError> {
    let wrong = |what| move || ReviewError::Other(what);
    let root = document.root();
    let word = |node: Node<'d, 'd>, key: &str| node.get(key).and_then(|value| value.as_str());
    if word(root, "apiVersion") != Some(API_VERSION) || word(root, "kind") != Some("AdmissionReview") {
        return Err(ReviewError::Other("`apiVersion` and `kind` say something else"));
    }
    let request = root.get("request").ok_or_else(wrong("it has no `request`"))?;
    let uid = word(request, "uid").filter(|uid| {
        (1..=LONGEST_UID).contains(&uid.len()) && uid.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let kind = request.get("kind").ok_or_else(wrong("`request` has no `kind`"))?;
    let short = |text: &&str| text.len() <= LONGEST_NAME;
    let optional = |key: &str| match request.get(key) {
        None => Ok(""),
        Some(value) => {
            value.as_str().filter(short).ok_or_else(wrong("a name of `request` is no text, or too long"))
        }
    };
    Ok(Review {
        uid: uid.ok_or_else(wrong("`request.uid` is no id"))?,
        operation: match word(request, "operation") {
            Some("CREATE") => Operation::Create,
            Some("UPDATE") => Operation::Update,
            Some("DELETE") => Operation::Delete,
            Some("CONNECT") => Operation::Connect,
            _ => return Err(ReviewError::Other("`request.operation` is none that is known")),
        },
        group: word(kind, "group").filter(short).unwrap_or_default(),
        kind: word(kind, "kind").filter(short).ok_or_else(wrong("`request.kind.kind` is no text"))?,
        part: optional("subResource")?,
        namespace: optional("namespace")?,
        dry_run: match request.get("dryRun") {
            None => false,
            Some(value) => value.as_bool().ok_or_else(wrong("`request.dryRun` is neither true nor false"))?,
        },
        object: request.get("object").filter(is_object),
        old: request.get("oldObject").filter(is_object),
    })
}

fn is_object(node: &Node<'_, '_>) -> bool {
    node.kind() == lazaret_input::json::JsonKind::Object
}

/// What the API server is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Why it is not allowed.
    pub refused: Option<String>,
    /// What whoever asked is told beside.
    pub warnings: Vec<String>,
    /// What the API server's audit log is told: key and value.
    pub audit: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    audit_annotations: std::collections::BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    reason: &'static str,
    message: String,
}

impl Answer {
    /// The answer's JSON.
    pub fn json(&self, uid: &str) -> Result<Vec<u8>, serde_json::Error> {
        let status = self.refused.as_ref().map(|why| Status {
            code: 403,
            reason: "Forbidden",
            message: cut(why, LONGEST_MESSAGE),
        });
        let mut warnings: Vec<String> =
            self.warnings.iter().take(MOST_WARNINGS).map(|warning| cut(warning, LONGEST_WARNING)).collect();
        let more = self.warnings.len().saturating_sub(MOST_WARNINGS);
        if more > 0 {
            warnings.push(format!("lazaret: and {more} more warnings"));
        }
        serde_json::to_vec(&Envelope {
            api_version: API_VERSION,
            kind: "AdmissionReview",
            response: Response {
                uid,
                allowed: self.refused.is_none(),
                status,
                warnings,
                audit_annotations: self.audit.iter().map(|(key, value)| (*key, value.as_str())).collect(),
            },
        })
    }
}

/// A text of one line, and not longer than so many characters.
fn cut(text: &str, most: usize) -> String {
    let plain = |c: char| if c.is_control() { '?' } else { c };
    if text.chars().count() <= most {
        return text.chars().map(plain).collect();
    }
    text.chars().take(most.saturating_sub(1)).map(plain).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(String, Operation, bool), String> {
        let limits = Limits::default();
        let document = document(text.as_bytes(), &limits).map_err(|error| error.to_string())?;
        let review = review(&document).map_err(|error| error.to_string())?;
        Ok((review.uid.to_owned(), review.operation, review.dry_run))
    }

    const REVIEW: &str = r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"705ab4f5","kind":{"group":"","version":"v1","kind":"Pod"},"namespace":"ward-7","operation":"CREATE","object":{},"oldObject":null,"dryRun":true}}"#;

    #[test]
    fn a_review_is_read_strictly() {
        assert_eq!(read(REVIEW).unwrap(), ("705ab4f5".to_owned(), Operation::Create, true));
        for (from, to, why) in [
            ("admission.k8s.io/v1", "admission.k8s.io/v1beta1", "say something else"),
            ("\"AdmissionReview\"", "\"Pod\"", "say something else"),
            ("\"uid\":\"705ab4f5\"", "\"uid\":\"\"", "`request.uid`"),
            ("\"uid\":\"705ab4f5\"", "\"uid\":\"a b\"", "`request.uid`"),
            ("\"uid\":\"705ab4f5\"", "\"uid\":\"a\",\"uid\":\"b\"", "at byte"),
            ("CREATE", "PATCH", "`request.operation`"),
            ("\"ward-7\"", "7", "a name of `request`"),
            ("\"dryRun\":true", "\"dryRun\":1", "`request.dryRun`"),
            ("\"request\"", "\"response\"", "no `request`"),
            ("{\"kind\":\"Adm", "[\"kind\":\"Adm", "at byte"),
        ] {
            let changed = REVIEW.replacen(from, to, 1);
            assert!(read(&changed).unwrap_err().contains(why), "{changed}");
        }
    }

    #[test]
    fn an_answer_is_within_what_the_api_server_takes() {
        let answer = Answer {
            refused: Some("é\n".repeat(5_000)),
            warnings: vec!["w".repeat(300); 40],
            audit: vec![("verdict", "refused".to_owned())],
        };
        let json: serde_json::Value =
            serde_json::from_str(std::str::from_utf8(&answer.json("u").unwrap()).unwrap()).unwrap();
        let response = &json["response"];
        assert_eq!((response["uid"].as_str(), response["allowed"].as_bool()), (Some("u"), Some(false)));
        assert!(response["status"]["message"].as_str().unwrap().starts_with("é?é?"));
        let warnings = response["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), MOST_WARNINGS + 1);
        let characters: usize = warnings.iter().map(|w| w.as_str().unwrap().chars().count()).sum();
        assert!(warnings.iter().all(|w| w.as_str().unwrap().chars().count() <= 256) && characters <= 4_096);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_review_or_refused(at in 0..REVIEW.len(), with in "[\\x00-\\xff]{0,6}", cut in 0..8_usize) {
            let (before, after) = REVIEW.split_at(at);
            let _read = read(&format!("{before}{with}{}", after.get(cut..).unwrap_or_default()));
        }
    }
}
