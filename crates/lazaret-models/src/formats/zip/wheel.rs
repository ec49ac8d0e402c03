//! Wheels: packages of Python, ready to be installed (binary distribution format,
//! <https://packaging.python.org/specifications/binary-distribution-format/>).
//!
//! What lies in it is looked at as in any archive; what it says of itself is read here: its list of files, the packages that it
//! needs, and what Python runs at every start once it is installed.

use std::collections::BTreeSet;

use lazaret_core::FormatId;
use lazaret_input::base64;
use rustc_hash::FxHashMap;

use super::{Members, ZipKind, ending};
use crate::formats::{packages, text};
use crate::look::{Looking, is_known};
use crate::part::{MAX_WHOLE, Part, Unread, printed};
use crate::rules;
use crate::signature::HashKind;

/// A wheel.
pub(super) struct Wheel;

/// What names of plain text end in that packages carry and nobody runs.
const TEXTS: &[&str] =
    &["pyi", "typed", "txt", "md", "rst", "pxd", "pyx", "h", "c", "css", "po", "pot", "in", "tmpl", "j2"];

impl ZipKind for Wheel {
    fn id(&self) -> FormatId {
        FormatId("wheel")
    }

    fn about(&self) -> &'static str {
        "wheel: a package of Python, ready to be installed"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        let Some(info) = names.iter().find_map(|name| info_of(name.strip_suffix("/WHEEL")?)) else {
            return false;
        };
        // One that Python runs as a whole is told as that.
        !names.contains(&"__main__.py")
            && names.contains(&format!("{info}/METADATA").as_str())
            && names.contains(&format!("{info}/RECORD").as_str())
    }

    fn member(&self, member: &Part, _: &mut Looking<'_>) -> Result<bool, Unread> {
        let name = member.name();
        let is_path_file = is_start_up(name) && ending(name) == "pth";
        let is_text = is_about(name) || TEXTS.contains(&ending(name)) || is_path_file;
        if !is_text || is_known(member) {
            return Ok(false);
        }
        text::check(member)?;
        Ok(true)
    }

    fn whole(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        let Some(info) = members.in_order().find_map(|name| info_of(name.strip_suffix("/WHEEL")?)) else {
            return;
        };
        about(&format!("{info}/METADATA"), members, part, looking);
        listed(info, members, part, looking);
        for name in members.in_order().filter(|name| is_start_up(name)) {
            start_up(name, members, part, looking);
        }
    }
}

/// A folder of what a wheel says of itself: `name-1.0.dist-info`.
fn info_of(folder: &str) -> Option<&str> {
    (folder.ends_with(".dist-info") && !folder.contains('/')).then_some(folder)
}

/// Whether a member is text about the wheel, by the names that the format gives it.
fn is_about(name: &str) -> bool {
    const ABOUT: [&str; 11] = [
        "METADATA",
        "WHEEL",
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "INSTALLER",
        "REQUESTED",
        "direct_url.json",
        "entry_points.txt",
        "top_level.txt",
        "namespace_packages.txt",
    ];
    let Some((folder, own)) = name.split_once('/') else { return false };
    let is_licence = || {
        let name = own.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let stem = name.split(['.', '-', '_']).next().unwrap_or_default();
        matches!(stem, "license" | "licence" | "copying" | "notice" | "authors")
            && matches!(ending(&name), "" | "txt" | "md" | "rst" | "mit" | "bsd" | "apache")
    };
    info_of(folder).is_some() && (ABOUT.contains(&own) || is_licence())
}

/// Whether Python reads a file at every start, once it is installed: it lies where packages are installed to, or may.
fn is_start_up(name: &str) -> bool {
    let steps: Vec<&str> = name.split('/').filter(|step| !matches!(*step, "" | ".")).collect();
    let installed = match steps.as_slice() {
        [data, "purelib" | "platlib", rest @ ..] if ending(data) == "data" => rest,
        [data, "data", .., "site-packages" | "dist-packages", own] if ending(data) == "data" => {
            std::slice::from_ref(own)
        }
        all => all,
    };
    let stem = installed.first().and_then(|first| first.split('.').next()).unwrap_or_default();
    let is_hook = matches!(stem, "sitecustomize" | "usercustomize");
    is_hook || matches!(installed, [own] if ending(own) == "pth")
}

/// What Python does with it at every start: of a path file it runs the lines that begin with `import`.
fn start_up(name: &str, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(member) = members.open(name, part, looking) else { return };
    let at = member.place();
    if ending(name) != "pth" {
        looking.find(&rules::START_UP_CODE, at, "Python runs it at every start, once it is installed");
        return;
    }
    let bytes = match member.whole(looking.limits.get(MAX_WHOLE)) {
        Ok(bytes) => bytes,
        Err(unread) => return looking.unread(&member, &unread),
    };
    let text = String::from_utf8_lossy(&bytes);
    // All that any version of Python takes for the end of a line, and a mark of byte order at the beginning.
    let lines =
        text.trim_start_matches('\u{feff}').split(|c: char| c.is_control() && c != '\t' || is_line_end(c));
    let runs = |line: &&str| line.starts_with("import ") || line.starts_with("import\t");
    if let Some(line) = lines.into_iter().find(runs) {
        let message = format!("Python runs `{}` at every start, once it is installed", printed(line));
        looking.find(&rules::START_UP_CODE, at, message);
    }
}

const fn is_line_end(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The packages that it needs.
fn about(name: &str, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(member) = members.open(name, part, looking) else { return };
    let bytes = match member.whole(looking.limits.get(MAX_WHOLE)) {
        Ok(bytes) => bytes,
        Err(unread) => return looking.unread(&member, &unread),
    };
    let text = String::from_utf8_lossy(&bytes);
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if let Some(needs) = line.strip_prefix("Requires-Dist:") {
            packages::required(needs.trim(), member.inner("Requires-Dist"), "Requires-Dist", looking);
        }
    }
}

/// Whether its files are those that its own list has. Installers do not look.
fn listed(info: &str, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
    let name = format!("{info}/RECORD");
    let Some(record) = members.open(&name, part, looking) else { return };
    let bytes = match record.whole(looking.limits.get(MAX_WHOLE)) {
        Ok(bytes) => bytes,
        Err(unread) => return looking.unread(&record, &unread),
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: FxHashMap<String, Option<String>> = text.lines().filter_map(line_of_record).collect();
    let is_own = |name: &str| {
        name.strip_prefix(info).is_some_and(|rest| matches!(rest, "/RECORD" | "/RECORD.jws" | "/RECORD.p7s"))
    };
    let names: BTreeSet<&str> = members.in_order().filter(|name| !is_own(name)).collect();
    for name in names {
        match lines.get(name) {
            None => looking.find(
                &rules::RECORD_MISMATCH,
                part.inner(name),
                "the wheel's list of files does not have it",
            ),
            Some(None) => {}
            Some(Some(digest)) => {
                let Some(member) = members.open(name, part, looking) else { continue };
                // Members may share their bytes, so those that lie there as they are count as well.
                if let Err(reached) = looking.unpacked(member.len()) {
                    return looking.unread(&member, &reached.into());
                }
                match sha256_of(&member) {
                    Ok(is) if is == *digest => {}
                    Ok(_) => {
                        let message =
                            "its SHA-256 is not the one in the wheel's list of files: it was changed since";
                        looking.find(&rules::RECORD_MISMATCH, member.place(), message);
                    }
                    Err(unread) => looking.unread(&member, &unread),
                }
            }
        }
    }
}

/// `path,sha256=digest,size`: the path, and its SHA-256 if it has one. A path with a comma stands in quotes.
fn line_of_record(line: &str) -> Option<(String, Option<String>)> {
    let (path, rest) = if let Some(quoted) = line.strip_prefix('"') {
        let (path, rest) = quoted.rsplit_once("\",")?;
        (path.replace("\"\"", "\""), rest)
    } else {
        let (path, rest) = line.split_once(',')?;
        (path.to_owned(), rest)
    };
    let digest = rest.split(',').next().unwrap_or_default().strip_prefix("sha256=");
    Some((path, digest.map(|digest| digest.trim_end_matches('=').to_owned())))
}

/// The SHA-256 of a member as the list writes it: Base64 for addresses, without padding.
fn sha256_of(member: &Part) -> Result<String, Unread> {
    let digest = HashKind::Sha256.of(member.as_source().as_ref(), 0, member.len(), &mut vec![0; 1 << 16])?;
    Ok(base64::encode(&digest).trim_end_matches('=').replace('+', "-").replace('/', "_"))
}
