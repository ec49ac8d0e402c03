//! A model file from the inside, for the page of a file: read again as it lies in the registry, in bounded time, or put
//! together from what was found in it, where it is kept back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lazaret_core::{Hint, Sha256, Source, SourceError};
use lazaret_input::{FileSource, find_blob};
use lazaret_ledger::FindingWords;
use lazaret_models::{Inside, NoFolder, Terms, look_by};

use crate::exit::CliError;
use crate::server::answer::Trouble;
use crate::server::words::{Count, Size, named};
use crate::server::{Models, Rooms};

/// Longest time that a file is read for one page, and the most bytes of it.
const MOST_TIME: Duration = Duration::from_secs(4);
const MOST_READ: u64 = 256 << 20;
/// Limits of readers that are lower for a page.
const LOWERED: [(&str, u64); 2] = [("models.max_expanded", 128 << 20), ("models.max_parts", 20_000)];
/// Parts, names of one part and findings of one part that are shown.
const MOST_SHOWN: usize = 400;
const MOST_USES: usize = 60;
const MOST_FINDINGS: usize = 40;

/// What a page shows of the inside of a file.
pub(super) struct Shown {
    pub(super) lines: Vec<Part>,
    /// Parts that are not shown.
    pub(super) more: Count,
    pub(super) from: From,
}

/// Where it was read from.
pub(super) enum From {
    /// From the file, all of it.
    File,
    /// From the file, as far as time and bytes for a page went.
    FileInPart,
    /// From the places of what was found: the file is kept back.
    Places,
    /// Nothing: other pages are reading files.
    Busy,
    /// Nothing: it is kept back, and nothing was found in it that has a place.
    Nothing,
}

/// A part, as a line of a tree.
pub(super) struct Part {
    pub(super) name: String,
    /// What it is; empty where it is read with what it lies in, or only known by its place.
    pub(super) formats: Vec<&'static str>,
    pub(super) bytes: Option<Size>,
    pub(super) uses: Vec<UseLine>,
    pub(super) more_uses: Count,
    pub(super) findings: Vec<FindingLine>,
    pub(super) more_findings: Count,
    /// Parts of it that are not shown.
    pub(super) more_parts: Count,
    /// The list of what lies in it begins behind it.
    pub(super) opens: bool,
    /// So many lists end behind it.
    pub(super) closes: usize,
}

pub(super) struct UseLine {
    pub(super) how: &'static str,
    pub(super) name: String,
    pub(super) does: &'static str,
    pub(super) severity: Option<String>,
    pub(super) times: Count,
    pub(super) often: bool,
}

pub(super) struct FindingLine {
    pub(super) id: String,
    pub(super) severity: String,
    pub(super) at: String,
    pub(super) message: String,
}

/// The inside of a file: from the registry where it is there, else from the places of its findings.
pub(super) fn of(
    rooms: &Rooms,
    file: Sha256,
    name: &str,
    findings: &[FindingWords],
) -> Result<Shown, Trouble> {
    let found = find_blob(&rooms.models.store, file);
    match found.map_err(|error| CliError::failed("the store of models", error))? {
        Some(source) => Ok(read(&rooms.models, source, name)),
        None => Ok(of_places(findings)),
    }
}

/// Reads a file as far as a page may.
fn read(models: &Models, source: FileSource, name: &str) -> Shown {
    let Ok(_turn) = models.turns.try_acquire() else {
        return Shown { lines: Vec::new(), more: Count(0), from: From::Busy };
    };
    let len = source.len();
    let bounded = Arc::new(Bounded {
        source,
        left: AtomicU64::new(MOST_READ),
        until: Instant::now().checked_add(MOST_TIME),
        ended: AtomicU64::new(0),
    });
    let mut limits = models.limits.clone();
    for (key, most) in LOWERED {
        limits.set(key, most);
    }
    let terms = Terms { own: Arc::clone(&models.own), inside: true, ..Terms::default() };
    let own = name.rsplit('/').next().unwrap_or(name);
    let report = look_by(Arc::clone(&bounded) as Arc<dyn Source>, len, own, &NoFolder, &limits, &terms);
    // What reaches a limit names it.
    let reached = |(key, _)| report.findings.iter().any(|finding| finding.message.contains(key));
    let in_part = bounded.ended.load(Ordering::Relaxed) > 0 || LOWERED.into_iter().any(reached);
    let from = if in_part { From::FileInPart } else { From::File };
    let mut shown = Shown { lines: Vec::new(), more: Count(0), from };
    if let Some(inside) = report.inside {
        let all = count(&inside);
        add(inside, 0, &mut shown.lines);
        shown.more = Count(all.saturating_sub(shown.lines.len() as u64));
    }
    close(&mut shown.lines);
    shown
}

/// How many parts there are that could be shown.
fn count(inside: &Inside) -> u64 {
    inside.parts.iter().map(count).fold(1, u64::saturating_add)
}

/// The depth of a line is kept in `closes` until all are there.
fn add(part: Inside, depth: usize, lines: &mut Vec<Part>) {
    if lines.len() >= MOST_SHOWN {
        return;
    }
    let uses = part.uses.iter().take(MOST_USES).map(|used| UseLine {
        how: used.how.name(),
        name: named(&used.name),
        does: used.does.unwrap_or(""),
        severity: used.severity.map(|severity| severity.to_string()),
        times: Count(used.times),
        often: used.times > 1,
    });
    let findings = part.findings.iter().take(MOST_FINDINGS).map(|finding| FindingLine {
        id: finding.id.to_owned(),
        severity: finding.severity.to_string(),
        at: named(finding.at.as_str()),
        message: named(&finding.message),
    });
    let more_uses = part.uses.iter().skip(MOST_USES);
    let more_uses = more_uses.fold(part.more_uses, |sum, used| sum.saturating_add(used.times));
    lines.push(Part {
        name: named(&part.name),
        formats: part.formats.iter().map(|format| format.0).collect(),
        bytes: Some(Size(part.bytes)),
        uses: uses.collect(),
        more_uses: Count(more_uses),
        findings: findings.collect(),
        more_findings: Count(part.findings.len().saturating_sub(MOST_FINDINGS) as u64),
        more_parts: Count(part.more_parts),
        opens: false,
        closes: depth,
    });
    for inner in part.parts {
        add(inner, depth.saturating_add(1), lines);
    }
}

/// From the depth of each line, which lists begin and end behind it.
fn close(lines: &mut [Part]) {
    let depths: Vec<usize> = lines.iter().map(|line| line.closes).collect();
    let next = depths.iter().copied().skip(1).chain([0]);
    for ((line, depth), next) in lines.iter_mut().zip(&depths).zip(next) {
        line.opens = next > *depth;
        line.closes = depth.saturating_sub(next);
    }
}

/// A tree of the places of findings: archive, member, and what lies in that. Steps are parted by `!`, offsets stand after `@`.
fn of_places(findings: &[FindingWords]) -> Shown {
    let mut lines: Vec<(Vec<&str>, Part)> = Vec::new();
    let mut sorted: Vec<(Vec<&str>, &FindingWords)> =
        findings.iter().map(|finding| (steps(&finding.at), finding)).collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut more = 0_u64;
    for (path, finding) in sorted {
        for depth in 1..=path.len() {
            let step = path.get(..depth).unwrap_or_default();
            if lines.iter().any(|(known, _)| known == step) {
                continue;
            }
            if lines.len() < MOST_SHOWN {
                lines.push((step.to_vec(), place(step.last().copied().unwrap_or_default(), depth - 1)));
            } else {
                more = more.saturating_add(1);
            }
        }
        let Some((_, part)) = lines.iter_mut().find(|(known, _)| *known == path) else { continue };
        if part.findings.len() < MOST_FINDINGS {
            let (id, severity) = (finding.id.clone(), finding.severity.clone());
            part.findings.push(FindingLine { id, severity, at: named(&finding.at), message: String::new() });
        } else {
            part.more_findings = Count(part.more_findings.0.saturating_add(1));
        }
    }
    let mut lines: Vec<Part> = lines.into_iter().map(|(_, part)| part).collect();
    close(&mut lines);
    let from = if lines.is_empty() { From::Nothing } else { From::Places };
    Shown { lines, more: Count(more), from }
}

/// The parts in which a place lies. The document itself is `.`.
fn steps(at: &str) -> Vec<&str> {
    const MOST_DEEP: usize = 12;
    let place = at.rsplit_once('@').map_or(at, |(place, offset)| {
        if offset.bytes().all(|byte| byte.is_ascii_digit()) { place } else { at }
    });
    place.split('!').take(MOST_DEEP).collect()
}

fn place(name: &str, depth: usize) -> Part {
    Part {
        name: named(name),
        formats: Vec::new(),
        bytes: None,
        uses: Vec::new(),
        more_uses: Count(0),
        findings: Vec::new(),
        more_findings: Count(0),
        more_parts: Count(0),
        opens: false,
        closes: depth,
    }
}

/// A file that is read no longer and no further than a page may.
struct Bounded {
    source: FileSource,
    left: AtomicU64,
    until: Option<Instant>,
    /// How many reads were refused.
    ended: AtomicU64,
}

impl Source for Bounded {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let wanted = buffer.len() as u64;
        let has_time = self.until.is_some_and(|until| Instant::now() < until);
        let take = |left: u64| left.checked_sub(wanted).filter(|_| has_time);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            self.ended.fetch_add(1, Ordering::Relaxed);
            let why = "a page reads no further; `lazaret models show` does";
            return Err(SourceError { at: offset, cause: std::io::Error::other(why) });
        }
        self.source.read_at(offset, buffer)
    }

    fn hint(&self) -> Hint {
        self.source.hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(at: &str) -> FindingWords {
        FindingWords {
            id: "pickle.dangerous-call".to_owned(),
            severity: "critical".to_owned(),
            at: at.to_owned(),
        }
    }

    /// The names of a tree, each with what begins and ends behind it.
    fn drawn(shown: &Shown) -> Vec<String> {
        let ends = |line: &Part| if line.opens { "(".to_owned() } else { ")".repeat(line.closes) };
        shown.lines.iter().map(|line| format!("{}{}", line.name, ends(line))).collect()
    }

    #[test]
    fn a_tree_is_made_of_places() {
        let found = ["m.pt!a/data.pkl@17", "m.pt!a/data.pkl@90", "m.pt", "m.pt!b.zip!c@x"].map(finding);
        let shown = of_places(&found);
        assert_eq!(drawn(&shown), ["m.pt(", "a/data.pkl", "b.zip(", "c@x))"]);
        let counts: Vec<usize> = shown.lines.iter().map(|line| line.findings.len()).collect();
        assert_eq!(counts, [1, 2, 0, 1]);
        assert!(matches!(of_places(&[]).from, From::Nothing));
    }

    #[test]
    fn a_tree_of_places_ends() {
        let many: Vec<_> = (0..2_000).map(|n| finding(&format!("m.zip!{n}"))).collect();
        let shown = of_places(&many);
        assert_eq!((shown.lines.len(), shown.more), (MOST_SHOWN, Count(1_601)));
        let deep = finding(&vec!["x"; 5_000].join("!"));
        assert!(of_places(&[deep]).lines.len() < 20);
    }
}
