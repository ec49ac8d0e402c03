//! Provenance that was made here and by others, right, of something else, and changed.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::signature::tests::{ids, keys, model, sign, verify};
use crate::signature::{PrivateKey, TrustRoot, Verification, sigstore::SigstoreTrust};

pub(crate) const COMMIT: &str = "f0b49a04e5a62250e0f60fb128004a73110fe311";

pub(crate) fn slsa_1(subjects: &[&str]) -> Value {
    let subjects: Vec<Value> =
        subjects.iter().map(|sha256| json!({ "name": "x", "digest": { "sha256": sha256 } })).collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": SLSA_1,
        "predicate": {
            "buildDefinition": {
                "buildType": "https://hospital.example/build/v1",
                "externalParameters": { "source": "https://git.hospital.example/models/sepsis" },
                "resolvedDependencies": [
                    { "uri": "pkg:pypi/torch", "digest": { "sha256": "00" } },
                    { "uri": "git+https://git.hospital.example/models/sepsis.git@refs/heads/main", "digest": { "gitCommit": COMMIT } },
                ],
            },
            "runDetails": {
                "builder": { "id": "https://hospital.example/pipeline" },
                "metadata": { "invocationId": "run-7" },
            },
        },
    })
}

fn slsa_0_2(subjects: &[&str]) -> Value {
    let mut statement = slsa_1(subjects);
    statement["_type"] = json!("https://in-toto.io/Statement/v0.1");
    statement["predicateType"] = json!(SLSA_0_2);
    statement["predicate"] = json!({
        "builder": { "id": "https://hospital.example/pipeline" },
        "buildType": "https://hospital.example/build/v1",
        "invocation": { "configSource": { "uri": "git+https://git.hospital.example/models/sepsis@refs/heads/main", "digest": { "sha1": COMMIT } } },
        "metadata": { "buildInvocationId": "run-7" },
    });
    statement
}

pub(crate) fn envelope(statement: &Value, key: &PrivateKey) -> Value {
    let payload = statement.to_string().into_bytes();
    let signature = key.sign(&dsse::encoded(&payload)).unwrap();
    json!({
        "payload": lazaret_input::base64::encode(&payload),
        "payloadType": dsse::PAYLOAD_TYPE,
        "signatures": [{ "sig": lazaret_input::base64::encode(&signature) }],
    })
}

/// A signed model, and what its provenance comes to.
struct Place {
    _work: tempfile::TempDir,
    model: PathBuf,
    key: PrivateKey,
    /// The SHA-256 of the model, and of its files.
    digests: Vec<String>,
}

impl Place {
    fn new() -> Self {
        let (work, model) = model();
        let [key, ..] = keys();
        let signed = sign(&model, &model.join("../model.sig"), &key).unwrap();
        let mut digests = vec![signed.subject];
        for content in [&b""[..], b"{}", b"\0\x01\x02"] {
            let digest = ring::digest::digest(&ring::digest::SHA256, content);
            digests.push(lazaret_core::hex(digest.as_ref()));
        }
        Self { _work: work, model, key, digests }
    }

    fn check(&self, file: &Value, change: impl Fn(&mut Provenance)) -> Verification {
        let path = self.model.join("../provenance.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let trust = Trust::Key(self.key.public().clone());
        let mut provenance = Provenance {
            file: path,
            builder: Builder { trust: trust.clone(), builder_id: None, source_uri: None },
        };
        change(&mut provenance);
        let mut verify = verify(&self.model, &self.model.join("../model.sig"), trust);
        verify.provenance = Some(provenance);
        verify.run(&Limits::default()).unwrap()
    }

    fn finds(&self, rule: &str, why: &str, file: &Value, change: impl Fn(&mut Provenance)) {
        let checked = self.check(file, change);
        let found: Vec<_> =
            checked.findings.iter().filter(|finding| finding.id != "signature.ignored-path").collect();
        assert!(!checked.verified && checked.provenance.is_none(), "{why}: {checked:?}");
        assert!(
            found.len() == 1 && found[0].id == rule && found[0].message.contains(why),
            "{why}: {found:?}"
        );
        assert!(found[0].at.as_str().starts_with("provenance.json"), "{found:?}");
    }
}

#[test]
fn what_is_proven_names_builder_source_and_run() {
    let place = Place::new();
    let all: Vec<&str> = place.digests.iter().map(String::as_str).collect();
    for statement in [slsa_1(&all[..1]), slsa_1(&all[1..]), slsa_0_2(&all[..1])] {
        let file = envelope(&statement, &place.key);
        let checked = place.check(&file, |provenance| {
            provenance.builder.builder_id = Some("https://hospital.example/pipeline".to_owned());
            provenance.builder.source_uri = Some(format!("git.hospital.example/models/sepsis@{COMMIT}"));
        });
        assert!(checked.verified, "{checked:?}");
        let proven = checked.provenance.unwrap();
        assert_eq!(proven.builder, "https://hospital.example/pipeline");
        assert_eq!(repository_of(proven.source.as_deref().unwrap()), "git.hospital.example/models/sepsis");
        assert_eq!((proven.commit.as_deref(), proven.invocation.as_deref()), (Some(COMMIT), Some("run-7")));
        assert_eq!(proven.build_type.as_deref(), Some("https://hospital.example/build/v1"));
        assert!(matches!(proven.signer, Signer::Key { .. }));
    }
}

#[test]
fn what_is_otherwise_than_asked_for_is_found() {
    let place = Place::new();
    let all: Vec<&str> = place.digests.iter().map(String::as_str).collect();
    let right = envelope(&slsa_1(&all[..1]), &place.key);
    let builder = |id: &'static str| {
        move |provenance: &mut Provenance| provenance.builder.builder_id = Some(id.to_owned())
    };
    let source = |uri: &'static str| {
        move |provenance: &mut Provenance| provenance.builder.source_uri = Some(uri.to_owned())
    };
    place.finds(
        "provenance.wrong-builder",
        "not by `https://hospital.example/`",
        &right,
        builder("https://hospital.example/"),
    );
    place.finds(
        "provenance.wrong-source",
        "at f0b49a",
        &right,
        source("https://git.hospital.example/models/sepsis-fork"),
    );
    place.finds(
        "provenance.wrong-source",
        "at f0b49a",
        &right,
        source("https://git.hospital.example/models/sepsis@0000"),
    );
    let mut silent = slsa_1(&all[..1]);
    silent["predicate"]["buildDefinition"]["externalParameters"] = json!({});
    place.finds(
        "provenance.wrong-source",
        "does not say",
        &envelope(&silent, &place.key),
        source("https://git.hospital.example/models/sepsis"),
    );

    let part = envelope(&slsa_1(&all[2..]), &place.key);
    place.finds("provenance.wrong-subject", "1 of the model's 3 files", &part, |_| {});
    let none = envelope(&slsa_1(&[]), &place.key);
    place.finds("provenance.wrong-subject", "3 of the model's 3 files", &none, |_| {});

    let [other, ..] = keys();
    place.finds("provenance.invalid", "no signature", &envelope(&slsa_1(&all), &other), |_| {});
    let mut forged = right.clone();
    forged["payload"] = envelope(&slsa_1(&all), &other)["payload"].clone();
    place.finds("provenance.invalid", "no signature", &forged, |_| {});
    let mut several = envelope(&slsa_1(&all), &other);
    let ours = envelope(&slsa_1(&all), &place.key)["signatures"][0].clone();
    several["signatures"].as_array_mut().unwrap().push(ours);
    assert!(place.check(&several, |_| {}).verified, "one signature of several is that of who is asked for");

    let other_kind = |change: &dyn Fn(&mut Value)| {
        let mut statement = slsa_1(&all[..1]);
        change(&mut statement);
        envelope(&statement, &place.key)
    };
    let malformed = "provenance.malformed";
    place.finds(
        malformed,
        "not SLSA provenance",
        &other_kind(&|it| it["predicateType"] = json!("https://spdx.dev/Document")),
        |_| {},
    );
    place.finds(malformed, "no in-toto statement", &other_kind(&|it| it["_type"] = json!("x")), |_| {});
    place.finds(
        malformed,
        "names no builder",
        &other_kind(&|it| it["predicate"]["runDetails"] = json!({})),
        |_| {},
    );
    place.finds(malformed, "it is not", &json!({ "mediaType": "x" }), |_| {});
}

#[test]
fn provenance_of_sigstore_is_checked_as_signatures_are() {
    let place = Place::new();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/models/sigstore/sigstore-js-2.0.0-provenance.json"
    );
    let file: Value = serde_json::from_str(&crate::signature::tests::text(Path::new(path))).unwrap();
    let workflow = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";
    let by = |identity: &'static str| {
        move |provenance: &mut Provenance| {
            provenance.builder.trust = Trust::Sigstore(Box::new(SigstoreTrust {
                root: TrustRoot::public_good(&Limits::default()).unwrap(),
                identity: identity.to_owned(),
                identity_provider: "https://token.actions.githubusercontent.com".to_owned(),
            }));
        }
    };
    place.finds("signature.wrong-identity", "release.yml", &file, by("https://github.com/hospital/model"));
    // It is of an npm package, and of that by SHA-512.
    place.finds("provenance.wrong-subject", "3 of the model's 3 files", &file, by(workflow));
    let limits = Limits::default();
    let bundle = Bundle::read_or_envelope(file.to_string().as_bytes(), &limits).unwrap();
    let signer = Signer::Key { curve: "P-256", hint: String::new() };
    let proven = Attested::read(&bundle.payload, signer, &limits).unwrap().proven;
    assert_eq!(proven.source.as_deref(), Some("https://github.com/sigstore/sigstore-js"));
    assert_eq!(
        (proven.commit.as_deref(), proven.builder.as_str()),
        (Some(COMMIT), "https://github.com/actions/runner/github-hosted")
    );
}

#[test]
fn a_model_that_is_not_as_it_was_signed_has_no_provenance() {
    let place = Place::new();
    let all: Vec<&str> = place.digests.iter().map(String::as_str).collect();
    let right = envelope(&slsa_1(&all), &place.key);
    std::fs::write(place.model.join("weights.bin"), b"other").unwrap();
    let checked = place.check(&right, |_| {});
    assert!(ids(&checked.findings).contains(&"signature.digest-mismatch") && checked.provenance.is_none());
}

#[test]
fn repositories_are_told_from_their_commits() {
    for (uri, repository, commit) in [
        ("git+https://github.com/a/b.git@refs/heads/main", "github.com/a/b", Some("refs/heads/main")),
        ("https://github.com/a/b/", "github.com/a/b", None),
        ("https://user@git.example/a", "user@git.example/a", None),
        ("git@git.example:a/b", "git@git.example:a/b", None),
        ("github.com/a/b@f0b49a", "github.com/a/b", Some("f0b49a")),
    ] {
        let (found, of) = repository_and_commit(uri);
        assert_eq!((repository_of(found), of), (repository, commit), "{uri}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..100), uri in "\\PC{0,40}") {
        let limits = Limits::default();
        let _ = Bundle::read_or_envelope(&bytes, &limits);
        let _ = Attested::read(&bytes, Signer::Key { curve: "P-256", hint: String::new() }, &limits);
        repository_of(repository_and_commit(&uri).0);
    }
}
