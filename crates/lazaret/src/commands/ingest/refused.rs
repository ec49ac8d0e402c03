//! Files refused whole: kept in the quarantine as they came, or said to stay where they lie.

use std::path::Path;

use lazaret_core::{Checkpoint, Crossing, Fate, Limits, Refused, Verdict};
use lazaret_ingest::formats::refused::{self, MAX_REFUSED};
use lazaret_input::{FileSource, ReadError};

use super::report::FileReport;
use crate::exit::{CliError, chain};
use crate::report::refusal;

/// A file refused whole came all the same. It is kept in the quarantine as it came, by a crossing of its own; one
/// that is too large for that stays where it lies, and its crossing is recorded as cut.
pub(super) fn keep(
    checkpoint: &Checkpoint,
    crossing: Crossing,
    path: &Path,
    refused: &Refused,
    limits: &Limits,
) -> Result<FileReport, CliError> {
    let mut report = FileReport::refused(path, refused);
    report.receipt = Some(crossing.id.to_string());
    let bytes = FileSource::open(path)
        .map_err(ReadError::from)
        .and_then(|source| source.whole(limits.get(MAX_REFUSED)));
    let opened = checkpoint.open(crossing);
    let mut passage = opened.map_err(|stopped| CliError::failed(path.display().to_string(), stopped))?;
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            report.refused = Some(stays(&error));
            // If the cut cannot be recorded now, the next start does.
            let _cut = passage.cut(&format!("the source was not opened: {}", refused.rule));
            return Ok(report);
        }
    };
    let kept = passage
        .feed(refused::record(bytes, refusal(refused)))
        .and_then(|fate| passage.seal(Vec::new()).map(|(_, sealed)| (fate, sealed)));
    match kept {
        Ok((Fate::Held(hold), sealed)) => {
            report.counts = sealed.seal.counts;
            report.kept = Some(hold);
            report.verdicts = report.counts.verdicts.keys().map(|verdict| (None, *verdict)).collect();
        }
        Ok(_) => report.stopped = Some("a file that cannot be read was not held".to_owned()),
        Err(stopped) => report.stopped = Some(chain(&stopped)),
    }
    Ok(report)
}

/// What [`keep`] would do, where nothing is written.
pub(super) fn would_be_kept(path: &Path, refused: &Refused, limits: &Limits) -> FileReport {
    let mut report = FileReport::refused(path, refused);
    let source = FileSource::open(path).map_err(ReadError::from);
    let fits = source.and_then(|source| Ok(limits.get(MAX_REFUSED).check(source.len())?));
    match fits {
        Ok(()) => {
            report.counts.records = 1;
            report.counts.verdicts.insert(Verdict::Quarantine, 1);
            report.counts.findings.insert(refused.rule.to_owned(), 1);
            report.verdicts.push((None, Verdict::Quarantine));
        }
        Err(error) => report.refused = Some(stays(&error)),
    }
    report
}

/// Why a file is not kept.
fn stays(error: &ReadError) -> String {
    format!("not kept, it stays where it lies: {}", chain(error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Body, Findings, FormatId, Payload, Reading, Record, RecordPlace};
    use lazaret_vault::HoldFilter;

    use super::super::{Passed, pass};
    use super::*;
    use crate::compose::{Crossings, Data, Told};
    use crate::config::Config;

    /// A record that cannot be read.
    struct Broken([u8; 2]);

    impl Record for Broken {
        fn place(&self) -> RecordPlace {
            RecordPlace { number: u16::from_be_bytes(self.0).into(), line: None }
        }

        fn format(&self) -> FormatId {
            FormatId("broken")
        }

        fn body(&self) -> Body<'_> {
            Body::Held(&self.0)
        }

        fn read<'r>(&'r self, _: &Limits, _: &mut Findings) -> Option<Box<dyn Reading + 'r>> {
            None
        }
    }

    /// Records, then the source fails: the file changed after it was surveyed.
    struct Changed(u16);

    impl Payload for Changed {
        fn next(&mut self) -> Result<Option<Arc<dyn Record>>, Refused> {
            let number = self.0;
            self.0 += 1;
            if number >= 1_000 {
                return Err(Refused::new("input.uninspectable", "it became shorter"));
            }
            Ok(Some(Arc::new(Broken(number.to_be_bytes()))))
        }

        fn position(&self) -> u64 {
            0
        }
    }

    #[test]
    fn a_file_that_changes_while_it_passes_is_cut_and_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let flags = [
            ("data", Some(place("data"))),
            ("keys.file", Some(place("key"))),
            ("workers.width", Some("1".to_owned())),
        ];
        let flags = flags.each_ref().map(|(key, value)| (*key, value.as_deref()));
        let config = Config::load(None, &[], |_| None, &flags).unwrap();
        let data = Data::init(&config, false).unwrap();
        let lake = data.lake(&folder.path().join("lake"), None, None).unwrap();
        let checkpoint = data.checkpoint(Told::default()).unwrap();
        let crossings = Crossings::new(&config, lake.name(), None, None, None).unwrap();
        let path = folder.path().join("a.ndjson");
        std::fs::write(&path, b"as it is now").unwrap();
        let crossing = crossings.next(&path).unwrap();
        let (id, to) = (crossing.id, lake.passage(crossing.id));
        let passed = pass(&checkpoint, crossing, Box::new(Changed(0)), to, &path);
        let Passed::Refused(refused, cut) = passed else { panic!("it passed") };
        assert_eq!(cut, Some(id));
        let kept =
            keep(&checkpoint, crossings.next(&path).unwrap(), &path, &refused, &data.limits()).unwrap();
        assert_eq!(
            (kept.counts.records, kept.counts.held(), &kept.refused, &kept.stopped),
            (1, 1, &None, &None)
        );
        let held = data.vault.holds(&HoldFilter::default()).unwrap();
        assert!(held.iter().filter(|record| record.id.crossing == id).count() > 100);
        let whole: Vec<_> = held.iter().filter(|record| record.id.crossing != id).collect();
        assert_eq!(whole.iter().map(|record| Some(record.id)).collect::<Vec<_>>(), [kept.kept]);
        assert_eq!(data.vault.open_hold(whole[0].id).unwrap().expose().as_slice(), b"as it is now");
        assert!(!data.ledger.is_sealed_complete(id).unwrap());
    }
}
