//! One record of a database of vulnerabilities in the OSV format (<https://ossf.github.io/osv-schema/>, 1.x): what is kept of
//! it, and how it is read. A record that breaks the format is refused whole, with the reason: half of one could say that a
//! version is safe which is not.

use lazaret_core::{Limit, Limits};
use lazaret_input::json::{self, JsonKind, Node};
use serde::{Deserialize, Serialize};

/// Most bytes of one record. The longest of 20,000 about Python's packages has less than a million.
pub const MAX_RECORD: Limit = Limit::new("vulns.max_record", 16 << 20);
/// Most other names of one record.
pub const MAX_ALIASES: Limit = Limit::new("vulns.max_aliases", 200);
/// Most packages that one record says are affected.
pub const MAX_AFFECTED: Limit = Limit::new("vulns.max_affected", 20_000);
/// Most events of one range.
pub const MAX_EVENTS: Limit = Limit::new("vulns.max_events", 10_000);

/// Longest summary that is kept, in characters; a longer one ends in `…`.
const MOST_SUMMARY: usize = 200;
/// Longest id, version or name.
const MOST_TEXT: usize = 512;

/// One record: a fault, and the packages that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id: `GHSA-53q9-r3pm-6pq6`.
    pub id: String,
    /// When it was last changed (RFC 3339, UTC).
    pub modified: String,
    /// When it was published; where that is not said, when it was last changed.
    pub published: String,
    /// When it was withdrawn: it then says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// Other names of the same fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The fault in a line; its beginning where that is long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// How grave, as CVSS vectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<String>,
    /// How grave in a word of the database's own: `HIGH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// The packages.
    pub affected: Vec<Affected>,
}

/// One package that has the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// Its ecosystem: `PyPI`.
    pub ecosystem: String,
    /// Its name, normalised where the ecosystem compares names so.
    pub name: String,
    /// Ranges of versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Versions, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// How grave it is in this package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<String>,
}

/// A range of versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// By what its versions are ordered.
    pub kind: RangeKind,
    /// What happens at which version, as written.
    pub events: Vec<Event>,
}

/// By what the versions of a range are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RangeKind {
    /// SemVer 2.0.
    Semver,
    /// The ecosystem's own order.
    Ecosystem,
    /// Commits of a repository. No file of a model names one, so these match nothing.
    Git,
}

/// What happens at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The fault comes in; `0` is before everything.
    Introduced(String),
    /// It is gone.
    Fixed(String),
    /// The last version that has it.
    LastAffected(String),
    /// Nothing is said from here on.
    Limit(String),
}

/// Why a record was refused: where in it, and what is wrong; without content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub struct OsvError {
    /// The path in the record.
    pub at: String,
    /// What is wrong.
    pub why: String,
}

fn wrong<T>(at: impl Into<String>, why: impl Into<String>) -> Result<T, OsvError> {
    Err(OsvError { at: at.into(), why: why.into() })
}

impl Record {
    /// Reads one record.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, OsvError> {
        limits
            .get(MAX_RECORD)
            .check(bytes.len() as u64)
            .or_else(|reached| wrong(".", reached.to_string()))?;
        let parsed = json::parse(bytes, limits);
        // Of equal keys readers take the first or the last: such a record says two things.
        if let Some(fault) = parsed.faults.first() {
            return wrong(format!("@{}", fault.offset), fault.message.clone());
        }
        let Some(document) = &parsed.document else { return wrong(".", "it is no JSON") };
        Self::of(document.root(), limits)
    }

    /// Reads one record of a document.
    pub(crate) fn of(root: Node<'_, '_>, limits: &Limits) -> Result<Self, OsvError> {
        if root.kind() != JsonKind::Object {
            return wrong(".", format!("an object is expected, {} found", root.kind()));
        }
        let schema = optional(root, "schema_version")?.unwrap_or_default();
        if !schema.is_empty() && !schema.starts_with("1.") {
            return wrong("schema_version", "only versions 1.x of the format are known");
        }
        let id = required(root, "id")?;
        if !is_id(&id) {
            return wrong("id", "it is no id");
        }
        let modified = time(&required(root, "modified")?, "modified")?;
        let published = optional(root, "published")?.map(|text| time(&text, "published")).transpose()?;
        let withdrawn = optional(root, "withdrawn")?.map(|text| time(&text, "withdrawn")).transpose()?;
        let mut aliases = texts(root, "aliases", limits.get(MAX_ALIASES))?;
        if let Some(alias) = aliases.iter().position(|alias| !is_id(alias)) {
            return wrong(format!("aliases[{alias}]"), "it is no id");
        }
        aliases.retain(|alias| *alias != id);
        aliases.sort_unstable();
        aliases.dedup();
        let mut affected = Vec::new();
        for (n, one) in items(root, "affected", limits.get(MAX_AFFECTED))?.into_iter().enumerate() {
            affected.extend(package(one, n, limits)?);
        }
        Ok(Self {
            id,
            published: published.unwrap_or_else(|| modified.clone()),
            modified,
            withdrawn,
            aliases,
            summary: shortened(root.get("summary").and_then(|text| text.as_str()).unwrap_or_default()),
            vectors: vectors(root, "severity")?,
            word: root
                .get("database_specific")
                .and_then(|own| own.get("severity"))
                .and_then(|word| word.as_str())
                .filter(|word| word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_alphabetic()))
                .map(str::to_ascii_uppercase),
            affected,
        })
    }

    /// The fault's names: the id and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// The name of a package as it is compared: normalised for Python's index.
pub fn compared_name(ecosystem: &str, name: &str) -> String {
    let normalised = (ecosystem == "PyPI").then(|| crate::components::normalised(name)).flatten();
    normalised.unwrap_or_else(|| name.to_owned())
}

/// One affected package; none where only a repository is named, which no model declares.
fn package(node: Node<'_, '_>, n: usize, limits: &Limits) -> Result<Option<Affected>, OsvError> {
    let at = format!("affected[{n}]");
    if node.kind() != JsonKind::Object {
        return wrong(at, "an object is expected");
    }
    let ranges = ranges(node, &at, limits)?;
    let versions = texts(node, "versions", MAX_RECORD)
        .or_else(|error| wrong(format!("{at}.{}", error.at), error.why))?;
    let vectors =
        vectors(node, "severity").or_else(|error| wrong(format!("{at}.{}", error.at), error.why))?;
    let Some(package) = node.get("package") else { return Ok(None) };
    let text = |key| required(package, key).or_else(|error| wrong(format!("{at}.package.{key}"), error.why));
    let (ecosystem, name) = (text("ecosystem")?, text("name")?);
    if ecosystem.is_empty() || name.is_empty() {
        return wrong(format!("{at}.package"), "its name or ecosystem is empty");
    }
    let name = compared_name(&ecosystem, &name);
    Ok(Some(Affected { ecosystem, name, ranges, versions, vectors }))
}

fn ranges(node: Node<'_, '_>, at: &str, limits: &Limits) -> Result<Vec<Range>, OsvError> {
    let inside = |error: OsvError| OsvError { at: format!("{at}.{}", error.at), ..error };
    let mut ranges = Vec::new();
    for (n, range) in items(node, "ranges", limits.get(MAX_EVENTS)).map_err(inside)?.into_iter().enumerate() {
        let at = format!("{at}.ranges[{n}]");
        let kind = match range.get("type").and_then(|kind| kind.as_str()) {
            Some("SEMVER") => RangeKind::Semver,
            Some("ECOSYSTEM") => RangeKind::Ecosystem,
            Some("GIT") => RangeKind::Git,
            _ => return wrong(format!("{at}.type"), "it is none of SEMVER, ECOSYSTEM, GIT"),
        };
        let mut events = Vec::new();
        let listed = items(range, "events", limits.get(MAX_EVENTS));
        let listed = listed.map_err(|error| OsvError { at: format!("{at}.{}", error.at), ..error })?;
        for (n, event) in listed.into_iter().enumerate() {
            events.push(self::event(event).or_else(|why| wrong(format!("{at}.events[{n}]"), why))?);
        }
        if !events.iter().any(|event| matches!(event, Event::Introduced(_))) {
            return wrong(format!("{at}.events"), "no event says where the fault comes in");
        }
        if kind != RangeKind::Git {
            ranges.push(Range { kind, events });
        }
    }
    Ok(ranges)
}

fn event(node: Node<'_, '_>) -> Result<Event, &'static str> {
    let mut members = node.members();
    let (Some(member), None) = (members.next(), members.next()) else {
        return Err("an event says one thing");
    };
    let version = member.value.as_str().ok_or("a version is a text")?.to_owned();
    if version.is_empty() || version.len() > MOST_TEXT {
        return Err("it is no version");
    }
    match member.key {
        "introduced" => Ok(Event::Introduced(version)),
        "fixed" => Ok(Event::Fixed(version)),
        "last_affected" => Ok(Event::LastAffected(version)),
        "limit" => Ok(Event::Limit(version)),
        _ => Err("it is none of introduced, fixed, last_affected, limit"),
    }
}

/// CVSS vectors of a list of severities; other kinds (`Ubuntu`) are passed over.
fn vectors(node: Node<'_, '_>, key: &str) -> Result<Vec<String>, OsvError> {
    let mut vectors = Vec::new();
    for severity in items(node, key, MAX_ALIASES)? {
        let kind = severity.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
        let score = severity.get("score").and_then(|score| score.as_str());
        if let Some(score) = score.filter(|score| kind.starts_with("CVSS_V") && score.len() <= MOST_TEXT) {
            vectors.push(score.to_owned());
        }
    }
    Ok(vectors)
}

fn required(node: Node<'_, '_>, key: &str) -> Result<String, OsvError> {
    optional(node, key)?.map_or_else(|| wrong(key, "it is missing"), Ok)
}

fn optional(node: Node<'_, '_>, key: &str) -> Result<Option<String>, OsvError> {
    match node.get(key) {
        None => Ok(None),
        Some(value) if value.kind() == JsonKind::Null => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) if text.len() <= MOST_TEXT => Ok(Some(text.to_owned())),
            Some(_) => wrong(key, "it is too long"),
            None => wrong(key, format!("a text is expected, {} found", value.kind())),
        },
    }
}

fn items<'d, 'a>(node: Node<'d, 'a>, key: &str, most: Limit) -> Result<Vec<Node<'d, 'a>>, OsvError> {
    let Some(list) = node.get(key) else { return Ok(Vec::new()) };
    match list.kind() {
        JsonKind::Array => {
            most.check(list.len() as u64).or_else(|reached| wrong(key, reached.to_string()))?;
            Ok(list.items().collect())
        }
        JsonKind::Null => Ok(Vec::new()),
        kind => wrong(key, format!("a list is expected, {kind} found")),
    }
}

fn texts(node: Node<'_, '_>, key: &str, most: Limit) -> Result<Vec<String>, OsvError> {
    let items = items(node, key, most)?.into_iter().enumerate();
    items
        .map(|(n, item)| match item.as_str() {
            Some(text) if text.len() <= MOST_TEXT => Ok(text.to_owned()),
            _ => wrong(format!("{key}[{n}]"), "a short text is expected"),
        })
        .collect()
}

fn is_id(id: &str) -> bool {
    (2..=MOST_TEXT).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+".contains(&byte))
}

/// A time as OSV writes it: RFC 3339 in UTC, so that texts compare as times do once fractions are cut off.
fn time(text: &str, key: &str) -> Result<String, OsvError> {
    match utc(text) {
        Some(seconds) => Ok(seconds),
        None => wrong(key, "it is no time in UTC (RFC 3339)"),
    }
}

/// A time in UTC to the second: `2025-04-18T15:30:44Z`.
pub(crate) fn utc(text: &str) -> Option<String> {
    let (head, rest) = text.split_at_checked(19)?;
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = head.bytes().zip(shape).all(|(byte, wanted)| match wanted {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't'),
        wanted => byte == *wanted,
    });
    let fraction = rest.strip_prefix('.').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let zone = fraction.unwrap_or(rest);
    (fits && matches!(zone, "Z" | "z" | "+00:00")).then(|| format!("{}Z", head.to_ascii_uppercase()))
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MOST_SUMMARY) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Record, OsvError> {
        Record::read(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn what_breaks_the_format_is_refused_with_its_place() {
        let with = |affected: &str| {
            format!(r#"{{"id":"A-1","modified":"2025-01-01T00:00:00Z","affected":[{affected}]}}"#)
        };
        let range = |events: &str| {
            with(&format!(
                r#"{{"package":{{"ecosystem":"PyPI","name":"x"}},"ranges":[{{"type":"ECOSYSTEM","events":[{events}]}}]}}"#
            ))
        };
        for (text, at) in [
            ("[]".to_owned(), "."),
            ("{}".to_owned(), "id"),
            (r#"{"id":"A-1","modified":"yesterday"}"#.to_owned(), "modified"),
            (r#"{"id":"A-1","modified":"2025-01-01T00:00:00+02:00"}"#.to_owned(), "modified"),
            (r#"{"id":"A 1","modified":"2025-01-01T00:00:00Z"}"#.to_owned(), "id"),
            (r#"{"id":"A-1","id":"A-2","modified":"2025-01-01T00:00:00Z"}"#.to_owned(), "@12"),
            (
                r#"{"schema_version":"2.0","id":"A-1","modified":"2025-01-01T00:00:00Z"}"#.to_owned(),
                "schema_version",
            ),
            (with("7"), "affected[0]"),
            (with(r#"{"package":{"name":"x"}}"#), "affected[0].package.ecosystem"),
            (range(""), "affected[0].ranges[0].events"),
            (range(r#"{"fixed":"1"}"#), "affected[0].ranges[0].events"),
            (range(r#"{"introduced":"0","fixed":"1"}"#), "affected[0].ranges[0].events[0]"),
            (range(r#"{"introduced":"0"},{"repaired":"1"}"#), "affected[0].ranges[0].events[1]"),
            (range(r#"{"introduced":0}"#), "affected[0].ranges[0].events[0]"),
        ] {
            assert_eq!(read(&text).map_err(|error| error.at), Err(at.to_owned()), "{text}");
        }
        let record = read(&range(r#"{"introduced":"0"},{"fixed":"1"}"#)).unwrap();
        assert_eq!(record.affected[0].ranges[0].events.len(), 2);
        assert_eq!(record.published, "2025-01-01T00:00:00Z");
        assert_eq!(utc("2025-01-01T00:00:00.123456Z").as_deref(), Some("2025-01-01T00:00:00Z"));
    }

    #[test]
    fn limits_are_named() {
        let mut limits = Limits::default();
        limits.set(MAX_ALIASES.key(), 1);
        let text = br#"{"id":"A-1","modified":"2025-01-01T00:00:00Z","aliases":["B-1","C-1"]}"#;
        let error = Record::read(text, &limits).unwrap_err();
        assert!(error.at == "aliases" && error.why.contains("vulns.max_aliases"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[\\[\\]{}\":,a-z0-9.\\-]{0,200}") {
            let _read = read(&text);
        }
    }
}
