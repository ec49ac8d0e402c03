//! Models that were received with signatures and provenance: right, of others, changed, and hidden in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazaret_core::{Hint, OwnFile, Sha256};
use lazaret_input::MemorySource;
use serde_json::{Value, json};

use super::*;
use crate::signature::provenance::tests::{COMMIT, envelope, slsa_1};
use crate::signature::tests::{keys, model, sign};
use crate::signature::{PrivateKey, Sign};

fn stored(name: &str, bytes: &[u8]) -> Stored {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let sha256 = Sha256(digest.as_ref().try_into().unwrap());
    let hint = Hint { name: Some(name.to_owned()), ..Hint::default() };
    let file = OwnFile { path: PathBuf::new(), len: bytes.len() as u64, sha256 };
    Stored { source: Arc::new(MemorySource::new(bytes.to_vec(), hint)), file }
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own file")]
fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn received(folder: &Path, below: &str, files: &mut Vec<Stored>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true if name == ".git" => {}
            true => received(&path, &format!("{name}/"), files),
            false => files.push(stored(&name, &bytes_of(&path))),
        }
    }
}

struct Place {
    _work: tempfile::TempDir,
    model: PathBuf,
    key: PrivateKey,
    subject: String,
}

impl Place {
    /// A model with its signature in its folder.
    fn new() -> Self {
        let (work, model) = model();
        let [key, ..] = keys();
        let signed = sign(&model, &model.join("model.sig"), &key).unwrap();
        Self { _work: work, model, key, subject: signed.subject }
    }

    fn files(&self) -> Vec<Stored> {
        let mut files = Vec::new();
        received(&self.model, "", &mut files);
        files
    }

    fn signatories(&self) -> Signatories {
        let trust = || Trust::Key(self.key.public().clone());
        let builder = Builder {
            trust: trust(),
            builder_id: Some("https://hospital.example/pipeline".to_owned()),
            source_uri: None,
        };
        Signatories { signers: vec![("ci".to_owned(), trust())], builders: vec![("ci".to_owned(), builder)] }
    }
}

/// What is said of each file, and of the model.
fn told(
    by: &Signatories,
    files: &[Stored],
    origin: ModelOrigin,
) -> (Vec<(String, &'static str)>, ModelOrigin) {
    let mut standing = by.standing(files, &[], &Limits::default());
    let mut origin = origin;
    standing.prove(files, &mut origin);
    let mut said = Vec::new();
    for number in 0..files.len() {
        said.extend(standing.of_file(number).iter().map(|found| (found.at.to_string(), found.id)));
    }
    (said, origin)
}

fn of<'a>(said: &'a [(String, &'static str)], id: &str) -> Vec<&'a str> {
    said.iter().filter(|(_, found)| *found == id).map(|(at, _)| at.as_str()).collect()
}

#[test]
fn a_model_that_somebody_trusted_signed_says_who() {
    let place = Place::new();
    let (said, origin) = told(&place.signatories(), &place.files(), ModelOrigin::default());
    assert_eq!(said, []);
    let signer = origin.signer.unwrap();
    assert!(signer.starts_with("ci: key: ") && signer.contains(&place.key.public().hint()), "{signer}");
    assert_eq!(origin.builder, None);
    // Without anybody who is trusted nothing is said.
    let (said, origin) = told(&Signatories::default(), &place.files(), ModelOrigin::default());
    assert_eq!((said, origin), (Vec::new(), ModelOrigin::default()));
}

#[test]
fn what_nobody_trusted_signed_is_told_of_every_file() {
    let place = Place::new();
    let mut files = place.files();
    let all = ["empty", "config.json", "weights.bin"];
    let of_another = {
        let [_, other, _] = keys();
        Signatories {
            signers: vec![("x".to_owned(), Trust::Key(other.public().clone()))],
            builders: Vec::new(),
        }
    };
    let (said, origin) = told(&of_another, &files, ModelOrigin::default());
    assert_eq!((of(&said, "signature.unsigned"), said.len()), (all.to_vec(), 3));
    assert_eq!(origin.signer, None);
    files.retain(|stored| name_of(stored) != "model.sig");
    let (said, _) = told(&place.signatories(), &files, ModelOrigin::default());
    assert_eq!((of(&said, "signature.unsigned"), said.len()), (all.to_vec(), 3));
}

type Change = fn(&mut Vec<Stored>);

#[test]
fn what_was_changed_added_or_taken_away_is_told_where_it_is() {
    let place = Place::new();
    let cases: [(&str, Change, &str, &str); 5] = [
        (
            "changed",
            |files| files[2] = stored("sub/config.json", b"{ }"),
            "signature.digest-mismatch",
            "config.json",
        ),
        ("added", |files| files.push(stored("sub/x.py", b"1")), "signature.unsigned-file", "x.py"),
        ("gone", |files| drop(files.remove(3)), "signature.missing-file", "weights.bin"),
        // A loader would read it, whatever else it is.
        (
            "hidden",
            |files| {
                let extra = r#"{"payload": "", "payloadType": "x", "signatures": [], "auto_map": {}}"#;
                files.push(stored("config.json", extra.as_bytes()));
            },
            "signature.unsigned-file",
            "config.json",
        ),
        // It has the form of an envelope, and a name that loaders read.
        (
            "in the form of one",
            |files| {
                let template = r#"{"payload": "{% x %}", "payloadType": "x", "signatures": []}"#;
                files.push(stored("chat_template.jinja", template.as_bytes()));
            },
            "signature.unsigned-file",
            "chat_template.jinja",
        ),
    ];
    for (why, change, rule, at) in cases {
        let mut files = place.files();
        change(&mut files);
        let (said, origin) = told(&place.signatories(), &files, ModelOrigin::default());
        assert_eq!(of(&said, rule), [at], "{why}: {said:?}");
        assert_eq!(origin.signer, None, "{why}");
        let model = files.iter().filter(|stored| name_of(stored) != "model.sig").count();
        assert_eq!(of(&said, "signature.unsigned").len(), model, "{why}: {said:?}");
    }
}

#[test]
fn what_a_signature_leaves_out_is_not_signed() {
    let place = Place::new();
    std::fs::remove_file(place.model.join("model.sig")).unwrap();
    let sign = Sign {
        model: place.model.clone(),
        signature: place.model.join("model.sig"),
        key: &place.key,
        chain: None,
        ignore_paths: vec![PathBuf::from("sub")],
        ignore_git_paths: true,
        allow_symlinks: false,
    };
    sign.run(&Limits::default()).unwrap();
    let (said, origin) = told(&place.signatories(), &place.files(), ModelOrigin::default());
    assert!(origin.signer.is_some(), "{said:?}");
    assert_eq!(of(&said, "signature.unsigned"), ["config.json"]);
}

#[test]
fn one_file_may_be_signed_alone() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("model.pkl");
    std::fs::write(&file, b"\x80\x04N.").unwrap();
    let [key, ..] = keys();
    sign(&file, &work.path().join("model.pkl.sig"), &key).unwrap();
    let mut files = Vec::new();
    received(work.path(), "", &mut files);
    let by = Signatories {
        signers: vec![("ci".to_owned(), Trust::Key(key.public().clone()))],
        builders: Vec::new(),
    };
    let (said, origin) = told(&by, &files, ModelOrigin::default());
    assert_eq!(said, []);
    assert!(origin.signer.is_some());
    files.push(stored("other.pkl", b"\x80\x04N."));
    let (said, origin) = told(&by, &files, ModelOrigin::default());
    assert!(origin.signer.is_none() && of(&said, "signature.unsigned").len() == 2, "{said:?}");
}

#[test]
fn a_file_that_crosses_alone_is_signed_by_what_is_beside_it() {
    let place = Place::new();
    let by = place.signatories();
    let (attestation, model): (Vec<Stored>, Vec<Stored>) =
        place.files().into_iter().partition(|stored| name_of(stored) == "model.sig");
    let said = |file: &Stored, beside: &[Stored]| {
        let files = [file.clone()];
        let mut standing = by.standing(&files, beside, &Limits::default());
        let mut origin = ModelOrigin::default();
        standing.prove(&files, &mut origin);
        let said: Vec<_> = standing.of_file(0).iter().map(|found| found.id).collect();
        (said, origin.signer.is_some())
    };
    for file in &model {
        assert_eq!(said(file, &attestation), (vec![], true), "{}", name_of(file));
        assert_eq!(said(file, &[]), (vec!["signature.unsigned"], false));
    }
    let changed = stored("sub/config.json", b"{ }");
    assert_eq!(
        said(&changed, &attestation),
        (vec!["signature.digest-mismatch", "signature.unsigned"], false)
    );
    assert_eq!(said(&stored("other.bin", b"1"), &attestation), (vec!["signature.unsigned"], false));
    for by_itself in &attestation {
        assert_eq!(said(by_itself, &[]), (vec![], false));
    }
    // That of another file alone, and its own.
    let work = tempfile::tempdir().unwrap();
    let one = work.path().join("model.pkl");
    std::fs::write(&one, b"\x80\x04N.").unwrap();
    sign(&one, &work.path().join("model.pkl.sig"), &place.key).unwrap();
    let signature = bytes_of(&work.path().join("model.pkl.sig"));
    assert_eq!(said(&stored("model.pkl.sig", &signature), &[]), (vec![], false));
    let file = stored("a/model.pkl", b"\x80\x04N.");
    assert_eq!(said(&file, &[stored("a/model.pkl.sig", &signature)]), (vec![], true));
    assert_eq!(said(&file, &[stored("b/model.pkl.sig", &signature)]), (vec!["signature.unsigned"], false));
    let built =
        stored("b.intoto.json", envelope(&slsa_1(&[&place.subject]), &place.key).to_string().as_bytes());
    let beside = [attestation[0].clone(), built];
    let standing = by.standing(&model[..1], &beside, &Limits::default());
    assert_eq!(standing.built.map(|(number, _)| number), Some(0));
}

#[test]
fn many_signatures_are_no_work_without_end() {
    let place = Place::new();
    let mut files = place.files();
    for number in 0..17 {
        files.push(stored(&format!("{number}.sig"), br#"{"payload":"","payloadType":"x","signatures":[]}"#));
    }
    let (said, origin) = told(&place.signatories(), &files, ModelOrigin::default());
    assert_eq!(of(&said, "input.detector-failed").len(), files.len());
    assert_eq!(origin.signer, None);
}

fn with_provenance(place: &Place, statement: &Value) -> Vec<Stored> {
    let mut files = place.files();
    files.push(stored("build.intoto.json", envelope(statement, &place.key).to_string().as_bytes()));
    files
}

#[test]
fn provenance_says_builder_commit_and_run() {
    let place = Place::new();
    let files = with_provenance(&place, &slsa_1(&[&place.subject]));
    let (said, origin) = told(&place.signatories(), &files, ModelOrigin::default());
    assert_eq!(said, []);
    assert_eq!(origin.builder.as_deref(), Some("https://hospital.example/pipeline"));
    assert_eq!((origin.code.as_deref(), origin.run.as_deref()), (Some(COMMIT), Some("run-7")));
    let by_sender = ModelOrigin {
        code: Some("4f1c2e9".to_owned()),
        run: Some("mlflow:7".to_owned()),
        ..ModelOrigin::default()
    };
    let (said, origin) = told(&place.signatories(), &files, by_sender);
    assert_eq!(said, [("build.intoto.json".to_owned(), "provenance.wrong-source")]);
    assert_eq!(origin.code.as_deref(), Some("4f1c2e9"));
    // Without a signature its files are to be named one by one.
    let mut files = with_provenance(&place, &slsa_1(&[&place.subject]));
    files.retain(|stored| name_of(stored) != "model.sig");
    let (said, origin) = told(&place.signatories(), &files, ModelOrigin::default());
    assert_eq!(of(&said, "provenance.wrong-subject"), ["build.intoto.json!dsseEnvelope.payload!subject"]);
    assert_eq!(origin.builder, None);
    let all: Vec<String> = files[..3].iter().map(|stored| stored.file.sha256.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut files = with_provenance(&place, &slsa_1(&all));
    files.retain(|stored| name_of(stored) != "model.sig");
    let (_, origin) = told(&place.signatories(), &files, ModelOrigin::default());
    assert!(origin.builder.is_some() && origin.signer.is_none());
}

#[test]
fn provenance_of_another_builder_or_model_proves_nothing() {
    let place = Place::new();
    let mut other = slsa_1(&[&place.subject]);
    other["predicate"]["runDetails"]["builder"]["id"] = json!("https://elsewhere.example");
    for (statement, rule) in
        [(other, "provenance.wrong-builder"), (slsa_1(&["00"]), "provenance.wrong-subject")]
    {
        let files = with_provenance(&place, &statement);
        let (said, origin) = told(&place.signatories(), &files, ModelOrigin::default());
        assert_eq!(said.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [rule]);
        assert_eq!(origin.builder, None);
        assert!(origin.signer.is_some());
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), at in 0_usize..2000) {
        let place = Place::new();
        let mut files = place.files();
        let mut signature = bytes_of(&place.model.join("model.sig"));
        let at = at.min(signature.len());
        let end = at.saturating_add(bytes.len()).min(signature.len());
        signature.splice(at..end, bytes.iter().copied());
        files[1] = stored("model.sig", &signature);
        files.push(stored("x.intoto.json", &[b"{\"payloadType\":", bytes.as_slice()].concat()));
        let (_, origin) = told(&place.signatories(), &files, ModelOrigin::default());
        assert!(origin.signer.is_none());
    }
}
