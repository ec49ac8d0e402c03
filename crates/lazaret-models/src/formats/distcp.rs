//! Distributed checkpoints of PyTorch (`torch.distributed.checkpoint`): files in which each tensor and each object lies as a
//! file of its own. Where, the pickle `.metadata` beside them says.

use lazaret_core::{FormatId, Likeness, Limit};

use super::pickle;
use crate::look::{Head, Looking};
use crate::part::{MAX_WHOLE, Part, Unread};
use crate::registry::ModelFormat;
use crate::rules;

/// Most parts of a checkpoint in one file.
pub(crate) const MAX_PARTS: Limit = Limit::new("distcp.max_parts", 50_000);

/// The file that says where parts lie.
const METADATA: &str = ".metadata";
/// How the name of a file of parts ends.
pub(crate) const ENDING: &str = "distcp";

/// A file of such a checkpoint.
pub(crate) struct DistCp;

impl ModelFormat for DistCp {
    fn id(&self) -> FormatId {
        FormatId("torch-distcp")
    }

    fn about(&self) -> &'static str {
        "parts of a distributed checkpoint of PyTorch, told by the `.metadata` beside them"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[ENDING]
    }

    /// A part of it is what `torch.save` wrote: one after the other they end as an archive of zip does.
    fn takes_apart(&self, other: FormatId) -> bool {
        other.0 == "zip"
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let metadata =
            Some(head).filter(|head| head.extension == ENDING).and_then(|head| head.beside(METADATA));
        match metadata {
            Some(metadata) if names(&metadata, name_of(head.part)) => Likeness::Certain,
            _ => Likeness::No,
        }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let most = looking.limits.get(MAX_PARTS);
        let metadata = looking.beside(part, METADATA);
        let places = metadata.map(|metadata| pickle::places(&metadata, name_of(part), most, looking.limits));
        let (mut places, is_partial) = match places {
            Some(Ok(places)) => (places.list, places.is_partial),
            Some(Err(_)) | None => (Vec::new(), true),
        };
        if is_partial {
            let why = match most.check((places.len() as u64).saturating_add(1)) {
                Err(limit) => format!("not all of its parts are looked at: {limit}"),
                Ok(()) => {
                    format!(
                        "the `{METADATA}` beside it does not say of all its parts where they lie, in words that are known"
                    )
                }
            };
            looking.unread(part, &Unread::of(&lazaret_core::UNINSPECTABLE, why));
        }
        places.sort_unstable();
        places.dedup();
        let (mut end, mut again) = (0, 0_u64);
        for (from, len) in places {
            if from > end {
                between(part, end, from, looking);
            } else if from < end {
                let message = format!("byte {from}: two parts of the checkpoint have the same bytes");
                looking.find(&rules::MALFORMED, part.at(from), message);
                // Each byte is read twice, not once for each place that is said of it.
                again = again.saturating_add(len);
                if again > part.len() {
                    let why = "its parts have the same bytes again and again; not all were looked at";
                    looking.unread(part, &Unread::malformed(from, why));
                    break;
                }
            }
            let after = from.checked_add(len).filter(|after| *after <= part.len());
            let Some(after) = after else {
                let message = format!("byte {from}: a part of the checkpoint ends beyond the file");
                looking.find(&rules::MALFORMED, part.at(from.min(part.len())), message);
                continue;
            };
            looking.inside(&part.rest(from, len));
            end = end.max(after);
        }
        looking.tail(part, end);
        Ok(self.id())
    }
}

/// Bytes that belong to no part.
fn between(part: &Part, from: u64, to: u64, looking: &mut Looking<'_>) {
    let len = to.min(part.len()).saturating_sub(from);
    let message = format!("byte {from}: {len} bytes belong to no part of the checkpoint");
    looking.find(&rules::WEIGHTS_UNUSED, part.at(from), message);
    looking.passed_over(part, from, len);
}

/// Whether the name of a file stands in what may be the metadata of a checkpoint. What is too long to hold is read.
fn names(metadata: &Part, name: &str) -> bool {
    metadata.whole(MAX_WHOLE).map_or(true, |bytes| {
        let has = |text: &str| memchr::memmem::find(&bytes, text.as_bytes()).is_some();
        has("torch.distributed.checkpoint") && has(name)
    })
}

fn name_of(part: &Part) -> &str {
    part.name().rsplit(['/', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lazaret_core::{Hint, Limits, Source};
    use lazaret_input::MemorySource;
    use proptest::prelude::*;

    use crate::formats::protobuf::tests::told;
    use crate::look::{Folder, Inspected, Report, look};

    /// A folder that holds the metadata of a checkpoint.
    struct Metadata(Vec<u8>);

    impl Folder for Metadata {
        fn open(&self, path: &str) -> Option<(Arc<dyn Source>, u64)> {
            (path == ".metadata").then(|| (source(&self.0), self.0.len() as u64))
        }
    }

    fn source(bytes: &[u8]) -> Arc<dyn Source> {
        Arc::new(MemorySource::new(bytes, Hint::default()))
    }

    fn scan(bytes: &[u8], metadata: Vec<u8>) -> Report {
        look(source(bytes), bytes.len() as u64, "a.distcp", &Metadata(metadata), &Limits::default())
    }

    fn text(text: &str) -> Vec<u8> {
        [b"X", &u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// A number of eight bytes, as those are written that do not fit four.
    fn long(number: u64) -> Vec<u8> {
        [&[0x8a, 9][..], &number.to_le_bytes(), &[0]].concat()
    }

    fn number(number: u64) -> Vec<u8> {
        i32::try_from(number).map_or_else(
            |_| [&[0x8a, 8][..], &number.to_le_bytes()].concat(),
            |small| [b"J", &small.to_le_bytes()[..]].concat(),
        )
    }

    /// `_StorageInfo`s, each with a state of these keys and values.
    fn metadata(parts: &[Vec<(&str, Vec<u8>)>]) -> Vec<u8> {
        let mut bytes = b"\x80\x02ctorch.distributed.checkpoint.metadata\nMetadata\n)\x81](".to_vec();
        for state in parts {
            bytes.extend(b"ctorch.distributed.checkpoint.filesystem\n_StorageInfo\n)\x81}(");
            for (key, value) in state {
                bytes.extend([text(key), value.clone()].concat());
            }
            bytes.extend(b"ub");
        }
        [&bytes[..], b"eb."].concat()
    }

    fn places(parts: &[(u64, u64)]) -> Vec<u8> {
        let state = |(from, len): &(u64, u64)| {
            vec![("relative_path", text("a.distcp")), ("offset", number(*from)), ("length", number(*len))]
        };
        metadata(&parts.iter().map(state).collect::<Vec<_>>())
    }

    const PLAIN: &[u8] = b"\x80\x04\x8c\x01a\x8c\x01b\x86.";
    const CALL: &[u8] = b"cposix\nsystem\n(S'true'\ntR.";

    #[test]
    fn every_part_is_looked_at_where_the_metadata_says() {
        let bytes = [PLAIN, CALL, PLAIN].concat();
        let (plain, call) = (PLAIN.len() as u64, CALL.len() as u64);
        let parts = [(plain + call, plain), (0, plain), (plain, call)];
        let report = scan(&bytes, places(&parts));
        assert_eq!(report.format.0, "torch-distcp");
        let told = told(&report);
        assert!(told.contains(&format!("pickle.dangerous-call a.distcp@{plain}")), "{told:?}");
    }

    #[test]
    fn bytes_of_no_part_and_places_that_cannot_be_are_told() {
        let (plain, len) = ([PLAIN, PLAIN].concat(), PLAIN.len() as u64);
        let quiet = scan(&plain, places(&[(0, len), (len, len)]));
        // The file begins as a pickle too, which some loader may take it for.
        assert_eq!(
            (told(&quiet), quiet.inspected),
            (vec!["format.polyglot a.distcp".to_owned()], Inspected::Whole)
        );
        for (parts, says) in [
            (vec![(len, len)], "weights.unused-storage a.distcp@0"),
            (vec![(0, len)], "format.trailing-bytes a.distcp@10"),
            (vec![(0, len), (len, 200)], "format.malformed a.distcp@10"),
            (vec![(0, len), (u64::from(u32::MAX) + 5, 1)], "format.malformed a.distcp@120"),
            (vec![(0, len), (len - 1, len + 1)], "format.malformed a.distcp@9"),
        ] {
            let told = told(&scan(&[PLAIN, PLAIN, &[1; 100]].concat(), places(&parts)));
            assert!(told.contains(&says.to_owned()), "{parts:?}: {told:?}");
        }
    }

    #[test]
    fn metadata_that_hides_places_is_told() {
        let whole = PLAIN.len() as u64;
        let file = || ("relative_path", text("a.distcp"));
        let all = || vec![file(), ("offset", number(0)), ("length", number(whole))];
        let told_by = |states: &[Vec<(&str, Vec<u8>)>]| told(&scan(PLAIN, metadata(states)));
        assert!(!told_by(&[all()]).iter().any(|told| told.starts_with("input.uninspectable")));
        for odd in [
            vec![file(), ("offset", number(0))],
            vec![file(), ("offset", b"N".to_vec()), ("length", number(1))],
            vec![("relative_path", b"N".to_vec()), ("offset", number(0)), ("length", number(1))],
            vec![file(), ("offset", number(0)), ("offset", number(1)), ("length", number(1))],
            vec![file(), ("offset", long(u64::MAX)), ("length", number(1))],
            // As a second state of the same object they would move it.
            vec![("offset", number(1))],
            vec![("fqn", text("a")), ("offset", number(1))],
            vec![("fqn", text("a")), ("offset", b"L1L\n".to_vec())],
            vec![("fqn", text("a")), ("offset", b"\x8b\x01\0\0\0\x01".to_vec())],
            vec![("fqn", text("a")), ("offset", b"\x88".to_vec())],
            vec![("fqn", text("a")), ("length", number(1))],
        ] {
            let told = told_by(&[all(), odd.clone()]);
            assert!(told.contains(&"input.uninspectable a.distcp".to_owned()), "{odd:?}: {told:?}");
        }
        let index = [all(), vec![("fqn", text("a")), ("offset", b"ctorch\nSize\n(K\x00t\x85R".to_vec())]];
        assert!(!told_by(&index).contains(&"input.uninspectable a.distcp".to_owned()));
        let usual = places(&[(0, whole)]);
        let with = |call: &[u8]| [usual.strip_suffix(b".").unwrap(), b"0", call, b"."].concat();
        for (call, is_told) in [
            (&b"ctorch\nSize\n)R"[..], false),
            // Dicts that are made with something in them say places by no opcode that is seen.
            (b"ccollections\nOrderedDict\n)R", false),
            (b"ccollections\nOrderedDict\n(]t(X\x06\0\0\0offsetK\x01ta\x85R", true),
            (b"ccollections\nOrderedDict\n]\x85R", true),
            (b"ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R", false),
            (b"ccollections\ndefaultdict\nN]\x86R", true),
            (b"ccopyreg\n__newobj__\nctorch\nSize\n\x85R", true),
            (b"ctorch.distributed.checkpoint.filesystem\n_StorageInfo\nNK\x00K\x01\x87R", true),
        ] {
            let told = told(&scan(PLAIN, with(call)));
            assert_eq!(told.contains(&"input.uninspectable a.distcp".to_owned()), is_told, "{told:?}");
        }
    }

    #[test]
    fn bytes_of_many_parts_are_read_twice_at_most() {
        let bytes = [PLAIN, &[1; 1000]].concat();
        let over: Vec<(u64, u64)> = (0..400).map(|from| (from, 500)).collect();
        let report = scan(&bytes, places(&over));
        assert!(report.findings.len() < 20, "{}", report.findings.len());
        assert!(report.findings.iter().any(|found| found.message.contains("not all were looked at")));
    }

    #[test]
    fn a_path_that_leaves_the_folder_is_told_at_the_metadata() {
        let state = vec![("relative_path", text("../b")), ("offset", number(0)), ("length", number(1))];
        let bytes = metadata(&[state]);
        let report =
            look(source(&bytes), bytes.len() as u64, ".metadata", &Metadata(Vec::new()), &Limits::default());
        assert!(told(&report)[0].starts_with("hf.path-escapes-model .metadata@"), "{:?}", told(&report));
    }

    proptest! {
        #[test]
        fn any_places_end(parts in prop::collection::vec((0_u64..80, 0_u64..80), 0..12), cut in 0_usize..200, bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut metadata = places(&parts);
            scan(&bytes, metadata.clone());
            metadata.truncate(cut);
            scan(&bytes, metadata);
        }
    }
}
