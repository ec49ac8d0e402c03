//! What archives of every kind have in common: their faults as findings, their members looked at one by one.

use lazaret_core::{Finding, Rule, Severity, UNINSPECTABLE};
use lazaret_input::archive::{ArchiveError, Fault, FaultKind, leaves_by_link};
use lazaret_input::decompress::UnpackError;
use lazaret_input::{EXPANDED_SIZE, RATIO};

use crate::look::Looking;
use crate::part::{Part, Unread, printed};
use crate::rules::{self, ModelRule};

/// Longest target of a link that is read.
const LONGEST_TARGET: u64 = 4096;

/// Says what is wrong with an archive, or with one member of it.
pub(super) fn tell(fault: &Fault, name: Option<&str>, part: &Part, looking: &mut Looking<'_>) {
    let (rule, whole): (&'static ModelRule, bool) = match fault.kind {
        FaultKind::Mismatch => (&rules::HEADER_MISMATCH, true),
        FaultKind::Escapes => (&rules::PATH_ESCAPES, true),
        FaultKind::Duplicate => (&rules::DUPLICATE_MEMBER, true),
        FaultKind::Hidden => (&rules::HIDDEN_MEMBER, true),
        FaultKind::Link => (&rules::LINK, true),
        FaultKind::Special => (&rules::SPECIAL_FILE, true),
        FaultKind::Gap => (&rules::GAP, true),
        FaultKind::Encrypted => (&rules::ENCRYPTED, true),
        _ => (&rules::MEMBER_UNREADABLE, false),
    };
    if !whole {
        looking.not_whole();
    }
    match name {
        Some(name) => looking.find(rule, part.inner(name), format!("{}: {}", printed(name), fault.why)),
        None => looking.find(rule, part.at(fault.at), format!("byte {}: {}", fault.at, fault.why)),
    }
}

/// Why an archive could not be read, or not further.
pub(super) fn unread(error: ArchiveError) -> Unread {
    match error {
        ArchiveError::Malformed { at, what } => Unread::malformed(at, what),
        ArchiveError::Source(error) => error.into(),
        ArchiveError::Limit(reached) => reached.into(),
        other => Unread::of(&UNINSPECTABLE, other.to_string()),
    }
}

/// Packed bytes could not be unpacked whole. A bomb is an attack, whoever unpacks it.
pub(super) fn cut(error: &UnpackError, part: &Part, looking: &mut Looking<'_>) {
    looking.not_whole();
    let rule: &'static Rule = match error {
        UnpackError::Damaged { .. } => &rules::MEMBER_UNREADABLE.rule,
        _ => error.rule(),
    };
    let is_bomb = [RATIO.id, EXPANDED_SIZE.id].contains(&rule.id);
    let severity = if is_bomb { Severity::Critical } else { rule.severity };
    let why = if is_bomb { "it unpacks to far more than it is: " } else { "" };
    let rest = if rule.id == UNINSPECTABLE.id { "" } else { "; what follows was not inspected" };
    let message = format!("{why}{error}{rest}");
    looking.add(Finding { severity, ..Finding::new(rule, part.place(), message) });
}

/// A symbolic link: it is told, and where it leads; what it leads to is never read.
pub(super) fn link(member: &Part, looking: &mut Looking<'_>) -> Result<(), Unread> {
    let target = member.bytes(0, usize::try_from(member.len().min(LONGEST_TARGET)).unwrap_or(0))?;
    link_to(member, &String::from_utf8_lossy(&target), "symbolic link", looking);
    Ok(())
}

/// The same, of a target that is known.
pub(super) fn link_to(member: &Part, target: &str, what: &str, looking: &mut Looking<'_>) {
    let from = if what == "hard link" { "" } else { member.name() }; // a hard link counts from the top
    match leaves_by_link(from, target) {
        Some(why) => {
            let message = format!("{what} to `{}`: {why}", printed(target));
            looking.find(&rules::PATH_ESCAPES, member.place(), message);
        }
        None => {
            looking.find(&rules::LINK, member.place(), format!("{what} to `{}`", printed(target)));
        }
    }
}
