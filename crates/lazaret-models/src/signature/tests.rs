//! Signatures of other makers and our own, right and tampered with.

use std::path::{Path, PathBuf};

use lazaret_core::{Finding, Limits, Severity};
use lazaret_input::json;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use super::*;

pub(super) fn upstream(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/oms").join(path)
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own file")]
pub(super) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

pub(super) fn verify(model: &Path, signature: &Path, trust: Trust) -> Verify {
    Verify {
        model: model.to_owned(),
        signature: signature.to_owned(),
        trust,
        ignore_paths: Vec::new(),
        ignore_git_paths: true,
        ignore_unsigned_files: false,
        allow_symlinks: false,
        provenance: None,
    }
}

fn their_key() -> Trust {
    Trust::Key(PublicKey::from_pem(&text(&upstream("keys/signing-key-pub.pem"))).unwrap())
}

fn their_root() -> Trust {
    Trust::Certificates(Trusted::from_pem([text(&upstream("keys/ca-cert.pem")).as_str()]).unwrap())
}

pub(super) fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.id).collect()
}

/// A key of each curve, made for this test alone.
pub(crate) fn keys() -> [PrivateKey; 3] {
    let made = |algorithm| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        PrivateKey::from_pem(&der::pem("PRIVATE KEY", pkcs8.as_ref())).unwrap()
    };
    // SEC 1 of P-521, its public half left out: version, secret, curve.
    let mut sec1 = vec![0x30, 0x50, 0x02, 0x01, 0x01, 0x04, 66, 0x01];
    sec1.extend_from_slice(&[7; 65]);
    sec1.extend_from_slice(&[0xa0, 0x07, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]);
    let parameters = "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIw==\n-----END EC PARAMETERS-----\n";
    let p521 = PrivateKey::from_pem(&format!("{parameters}{}", der::pem("EC PRIVATE KEY", &sec1))).unwrap();
    [made(&ECDSA_P256_SHA256_ASN1_SIGNING), made(&ECDSA_P384_SHA384_ASN1_SIGNING), p521]
}

pub(super) fn sign(model: &Path, signature: &Path, key: &dyn SigningKey) -> Result<Signed, SignatureError> {
    let (model, signature) = (model.to_owned(), signature.to_owned());
    let sign = Sign {
        model,
        signature,
        key,
        chain: None,
        ignore_paths: Vec::new(),
        ignore_git_paths: true,
        allow_symlinks: false,
    };
    sign.run(&Limits::default())
}

/// A model of three files.
pub(super) fn model() -> (tempfile::TempDir, PathBuf) {
    let work = tempfile::tempdir().unwrap();
    let model = work.path().join("model");
    std::fs::create_dir_all(model.join("sub/.git")).unwrap();
    std::fs::create_dir_all(model.join(".git")).unwrap();
    for (name, content) in
        [("weights.bin", &b"\0\x01\x02"[..]), ("sub/config.json", b"{}"), (".git/HEAD", b"x"), ("empty", b"")]
    {
        std::fs::write(model.join(name), content).unwrap();
    }
    std::fs::write(work.path().join("outside.txt"), "outside").unwrap();
    (work, model)
}

/// Signs a statement as it is given.
pub(super) fn sign_statement(key: &PrivateKey, statement: &Value, signature: &Path) {
    let payload = statement.to_string().into_bytes();
    let signed = key.sign(&dsse::encoded(&payload)).unwrap();
    std::fs::write(signature, bundle::written(key.public(), None, &payload, &signed)).unwrap();
}

/// A statement over these names, each with the digest of its content.
fn statement(resources: &[(&str, &[u8])]) -> Value {
    let sha = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut root = Vec::new();
    let mut list = Vec::new();
    for (name, content) in resources {
        let digest = sha(content);
        root.extend_from_slice(digest.as_ref());
        list.push(
            json!({ "name": name, "algorithm": "sha256", "digest": lazaret_core::hex(digest.as_ref()) }),
        );
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "model", "digest": { "sha256": lazaret_core::hex(sha(&root).as_ref()) } }],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": { "method": "files", "hash_type": "sha256", "allow_symlinks": false },
            "resources": list,
        },
    })
}

#[test]
fn signatures_of_every_release_are_verified() {
    let limits = Limits::default();
    for release in ["v0.2.0", "v0.3.1", "v1.0.0", "v1.0.1", "v1.1.0"] {
        let model = upstream(&format!("{release}-certificate"));
        let mut check = verify(&model, &model.join("model.sig"), their_root());
        check.ignore_paths = vec!["ignore-me".into()];
        let checked = check.run(&limits).unwrap();
        assert!(checked.verified && checked.files == 2, "{release}: {checked:?}");
        let legacy = checked.findings.iter().any(|finding| finding.id == "signature.legacy");
        assert_eq!(legacy, release == "v0.2.0", "{release}: {:?}", checked.findings);
        assert!(matches!(checked.signer, Some(Signer::Certificate { .. })));
    }
    for release in ["v0.3.1", "v1.0.0", "v1.0.1", "v1.1.0"] {
        let folder = upstream(&format!("{release}-elliptic-key"));
        let model = if release < "v1.0.1" { folder.join("signme-1") } else { folder.clone() };
        let mut check = verify(&model, &folder.join("model.sig"), their_key());
        if release == "v1.0.1" {
            // That release did not yet write down what it left out.
            assert_eq!(
                ids(&check.run(&limits).unwrap().findings),
                ["signature.legacy", "signature.unsigned-file"]
            );
            check.ignore_paths = vec!["ignore-me".into()];
        }
        let checked = check.run(&limits).unwrap();
        let left = checked.findings.iter().filter(|finding| finding.severity >= Severity::Medium).count();
        assert!(checked.verified && left == 0, "{release}: {checked:?}");
    }
}

#[test]
fn what_cannot_be_checked_says_what_is_missing() {
    let limits = Limits::default();
    let model = upstream("v1.1.0-sigstore");
    let error = verify(&model, &model.join("model.sig"), their_key()).run(&limits).unwrap_err();
    assert!(error.to_string().contains("--identity"), "{error}");
    let model = upstream("v1.1.0-certificate");
    let error = verify(&model, &model.join("model.sig"), their_key()).run(&limits).unwrap_err();
    assert!(error.to_string().contains("--certificate-chain"), "{error}");
    let error = verify(&model, &model.join("nowhere.sig"), their_key()).run(&limits).unwrap_err();
    assert!(matches!(error, SignatureError::Signature(_)));
    for (wrong, why) in [
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "CERTIFICATE"),
        ("", "no PEM"),
        (
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----",
            "no Ed25519",
        ),
    ] {
        let error = PublicKey::from_pem(wrong).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----";
    assert!(PrivateKey::from_pem(encrypted).unwrap_err().to_string().contains("decrypt"));
}

#[test]
fn a_chain_that_does_not_lead_to_trust_is_refused() {
    let limits = Limits::default();
    let model = upstream("v1.1.0-certificate");
    // The end of the chain is trusted; or its middle; or the signing certificate itself.
    for (file, verified) in [("ca-cert.pem", true), ("int-ca-cert.pem", true), ("signing-key-cert.pem", true)]
    {
        let trust = Trusted::from_pem([text(&upstream("keys").join(file)).as_str()]).unwrap();
        let checked =
            verify(&model, &model.join("model.sig"), Trust::Certificates(trust)).run(&limits).unwrap();
        assert_eq!(checked.verified, verified, "{file}: {:?}", checked.findings);
    }
    // The signing certificate alone, without the one between it and the root.
    let mut bundle: Value = serde_json::from_str(&text(&model.join("model.sig"))).unwrap();
    let chain = &mut bundle["verificationMaterial"]["x509CertificateChain"]["certificates"];
    chain.as_array_mut().unwrap().truncate(1);
    let work = tempfile::tempdir().unwrap();
    let signature = work.path().join("short.sig");
    std::fs::write(&signature, bundle.to_string()).unwrap();
    let checked = verify(&model, &signature, their_root()).run(&limits).unwrap();
    assert!(!checked.verified && checked.signer.is_none() && checked.files == 0);
    assert_eq!(ids(&checked.findings), ["signature.untrusted-certificate"]);
    // A byte of the signing certificate is another.
    let own = text(&upstream("keys/signing-key-cert.pem"));
    let mut leaf = der::blocks(&own)[0].bytes(keys::MAX_KEY).unwrap();
    let Trust::Certificates(root) = their_root() else { unreachable!() };
    let between = text(&upstream("keys/int-ca-cert.pem"));
    let between = der::blocks(&between)[0].bytes(keys::MAX_KEY).unwrap();
    assert!(certificates::check(&[leaf.clone(), between.clone()], &root).is_ok());
    let serial = 20;
    leaf[serial] ^= 1;
    assert!(certificates::check(&[leaf, between.clone()], &root).is_err());
    // An authority is no signing certificate.
    assert!(certificates::check(&[between], &root).err().unwrap().contains("may not be used for signatures"));
}

#[test]
fn what_is_signed_here_is_verified_and_every_change_is_found() {
    let limits = Limits::default();
    for key in keys() {
        let (_work, model) = model();
        let signature = model.join("model.sig");
        let signed = sign(&model, &signature, &key).unwrap();
        assert_eq!((signed.files, signed.left_out.len(), signed.name.as_str()), (3, 1, "model"));
        // Signing again leaves out the signature that is there.
        assert_eq!(sign(&model, &signature, &key).unwrap().subject, signed.subject);
        let trust = || Trust::Key(PublicKey::from_pem(&key.public().pem()).unwrap());
        let run = |check: Verify| check.run(&limits).unwrap();
        let checked = run(verify(&model, &signature, trust()));
        assert!(checked.verified, "{checked:?}");
        assert_eq!((checked.files, checked.subject.as_deref()), (3, Some(signed.subject.as_str())));
        assert_eq!(ids(&checked.findings), ["signature.ignored-path"]);
        assert!(matches!(checked.signer, Some(Signer::Key { ref hint, .. }) if *hint == signed.hint));

        std::fs::write(model.join("weights.bin"), b"\0\x01\x03").unwrap();
        std::fs::remove_file(model.join("sub/config.json")).unwrap();
        std::fs::write(model.join("code.py"), "").unwrap();
        let mut check = verify(&model, &signature, trust());
        check.ignore_unsigned_files = true;
        let checked = run(check);
        assert!(!checked.verified);
        let found: Vec<_> = checked
            .findings
            .iter()
            .map(|finding| (finding.id, finding.at.as_str(), finding.severity))
            .collect();
        assert!(
            found.contains(&("signature.digest-mismatch", "weights.bin", Severity::Critical)),
            "{found:?}"
        );
        assert!(
            found.contains(&("signature.missing-file", "sub/config.json", Severity::Critical)),
            "{found:?}"
        );
        assert!(found.contains(&("signature.unsigned-file", "code.py", Severity::Info)), "{found:?}");
        std::fs::write(model.join("weights.bin"), b"\0\x01\x02").unwrap();
        std::fs::write(model.join("sub/config.json"), b"{}").unwrap();
        let checked = run(verify(&model, &signature, trust()));
        assert!(
            !checked.verified && ids(&checked.findings).contains(&"signature.unsigned-file"),
            "{checked:?}"
        );
        let mut check = verify(&model, &signature, trust());
        check.ignore_paths = vec!["code.py".into()];
        assert!(run(check).verified);

        let [other, ..] = keys();
        let checked = run(verify(&model, &signature, Trust::Key(other.public().clone())));
        assert_eq!((checked.verified, ids(&checked.findings)), (false, vec!["signature.invalid"]));
    }
}

/// Their signing key is not known, so a certificate is made here that signed itself: the shape is theirs.
fn own_certificate(key: &PrivateKey, usage: u8) -> Vec<u8> {
    use der::{BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, wrapped};
    let sequence = |parts: &[Vec<u8>]| wrapped(SEQUENCE, &parts.concat());
    let algorithm = sequence(&[wrapped(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])]);
    let common = sequence(&[wrapped(OID, &[0x55, 0x04, 0x03]), wrapped(der::UTF8_STRING, b"registry")]);
    let name = sequence(&[wrapped(SET, &common)]);
    let validity = sequence(&[wrapped(0x17, b"250101000000Z"), wrapped(0x17, b"350101000000Z")]);
    let public = der::blocks(&key.public().pem())[0].bytes(MAX_KEY).unwrap();
    let usage = wrapped(OCTET_STRING, &wrapped(BIT_STRING, &[0, usage]));
    let usage = sequence(&[wrapped(OID, &[0x55, 0x1d, 0x0f]), usage]);
    let tbs = sequence(&[
        wrapped(0xa0, &[2, 1, 2]),
        wrapped(INTEGER, &[1]),
        algorithm.clone(),
        name.clone(),
        validity,
        name,
        public,
        wrapped(0xa3, &sequence(&[usage])),
    ]);
    let signature = [&[0][..], &key.sign(&tbs).unwrap()].concat();
    sequence(&[tbs, algorithm, wrapped(BIT_STRING, &signature)])
}

#[test]
fn what_is_signed_with_a_certificate_is_verified() {
    let limits = Limits::default();
    let (_work, model) = model();
    let [key, other, _] = keys();
    let signature = model.join("model.sig");
    let pem = |usage: u8| der::pem("CERTIFICATE", &own_certificate(&key, usage));
    let own = pem(0x80);
    let more = text(&upstream("keys/int-ca-cert.pem"));
    let chain = SigningChain::from_pem(&own, [more.as_str()], key.public()).unwrap();
    let sign = Sign {
        model: model.clone(),
        signature: signature.clone(),
        key: &key,
        chain: Some(&chain),
        ignore_paths: Vec::new(),
        ignore_git_paths: true,
        allow_symlinks: false,
    };
    assert_eq!(sign.run(&limits).unwrap().certificate.as_deref(), Some("registry"));
    let trust = Trust::Certificates(Trusted::from_pem([own.as_str()]).unwrap());
    let checked = verify(&model, &signature, trust).run(&limits).unwrap();
    assert!(checked.verified && checked.files == 3, "{checked:?}");
    assert!(matches!(checked.signer, Some(Signer::Certificate { ref name, .. }) if name == "registry"));
    let checked = verify(&model, &signature, their_root()).run(&limits).unwrap();
    assert_eq!(ids(&checked.findings), ["signature.untrusted-certificate"]);

    let refused =
        |signing: &str, key: &PublicKey| SigningChain::from_pem(signing, [], key).unwrap_err().to_string();
    assert!(refused(&own, other.public()).contains("of another key"));
    assert!(refused(&pem(0x04), key.public()).contains("may not be used for signatures"));
    assert!(refused(&[own.as_str(), &own].concat(), key.public()).contains("more than one"));
    assert!(refused("", key.public()).contains("no certificate"));
}

/// A token whose signatures are of something else.
#[derive(Debug)]
struct Faulty(PrivateKey);

impl SigningKey for Faulty {
    fn public(&self) -> &PublicKey {
        self.0.public()
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.0.sign(b"other")
    }
}

#[test]
fn a_signature_that_does_not_hold_is_not_written() {
    let (_work, model) = model();
    let [key, ..] = keys();
    let signature = model.join("model.sig");
    let error = sign(&model, &signature, &Faulty(key)).unwrap_err();
    assert!(error.to_string().contains("does not hold") && !signature.exists(), "{error}");
}

#[test]
fn keys_and_signatures_of_tokens_are_read() {
    for key in keys() {
        let curve = key.public().curve();
        let spki = der::blocks(&key.public().pem())[0].bytes(MAX_KEY).unwrap();
        let mut info = der::Der::only(&spki, der::SEQUENCE).unwrap();
        let mut algorithm = info.open(der::SEQUENCE).unwrap();
        algorithm.take(der::OID).unwrap();
        let oid = algorithm.take(der::OID).unwrap().whole;
        let point = info.bits().unwrap();
        let wrapped = der::wrapped(der::OCTET_STRING, point);
        for point in [point, wrapped.as_slice()] {
            assert_eq!(PublicKey::from_parts(oid, point).unwrap(), *key.public());
        }
        assert!(PublicKey::from_parts(oid, &point[1..]).is_err());
        assert!(PublicKey::from_parts(&[6, 1, 1], point).is_err());

        // The halves of a signature, taken out of its DER and put in again.
        let signed = key.sign(b"message").unwrap();
        let mut parts = der::Der::only(&signed, der::SEQUENCE).unwrap();
        let width = match curve {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        };
        let mut halves = Vec::new();
        for _ in 0..2 {
            let number = parts.take(der::INTEGER).unwrap().body;
            let digits = number.strip_prefix(&[0]).unwrap_or(number);
            halves.extend(std::iter::repeat_n(0, width - digits.len()).chain(digits.iter().copied()));
        }
        assert_eq!(key.public().der_of_halves(&halves).unwrap(), signed);
        assert!(key.public().der_of_halves(&halves[1..]).is_err());
    }
}

#[test]
fn a_changed_statement_or_root_is_refused() {
    let limits = Limits::default();
    let (_work, model) = model();
    let [key, ..] = keys();
    let signature = model.join("../s.sig");
    let trust = || Trust::Key(key.public().clone());
    sign(&model, &signature, &key).unwrap();
    let mut bundle: Value = serde_json::from_str(&text(&signature)).unwrap();
    let forged = statement(&[("weights.bin", b"other")]).to_string();
    bundle["dsseEnvelope"]["payload"] = lazaret_input::base64::encode(forged.as_bytes()).into();
    std::fs::write(&signature, bundle.to_string()).unwrap();
    let checked = verify(&model, &signature, trust()).run(&limits).unwrap();
    assert_eq!((checked.verified, ids(&checked.findings)), (false, vec!["signature.invalid"]));

    let mut wrong = statement(&[("weights.bin", b"\0\x01\x02"), ("sub/config.json", b"{}"), ("empty", b"")]);
    wrong["subject"][0]["digest"]["sha256"] = "00".repeat(32).into();
    sign_statement(&key, &wrong, &signature);
    let checked = verify(&model, &signature, trust()).run(&limits).unwrap();
    assert_eq!((checked.verified, ids(&checked.findings)), (false, vec!["signature.invalid"]));

    for broken in ["{", "[]", "{\"mediaType\":\"x\"}", "{\"a\":1,\"a\":2}"] {
        std::fs::write(&signature, broken).unwrap();
        let checked = verify(&model, &signature, trust()).run(&limits).unwrap();
        assert_eq!(
            (checked.verified, ids(&checked.findings)),
            (false, vec!["signature.malformed"]),
            "{broken}"
        );
    }
}

#[test]
fn names_that_lead_out_are_refused_before_a_file_is_opened() {
    let limits = Limits::default();
    let (_work, model) = model();
    let [key, ..] = keys();
    let signature = model.join("../s.sig");
    let good: [(&str, &[u8]); 3] =
        [("empty", b""), ("sub/config.json", b"{}"), ("weights.bin", b"\0\x01\x02")];
    sign_statement(&key, &statement(&good), &signature);
    assert!(verify(&model, &signature, Trust::Key(key.public().clone())).run(&limits).unwrap().verified);
    for name in [
        "../outside.txt",
        "sub/../../outside.txt",
        "/etc/hostname",
        "sub\\..\\x",
        "C:x",
        "c:/x",
        "sub//config.json",
        "./weights.bin",
        "sub/.",
        "",
        "a\0b",
        "weights.bin",
        ".",
        "..",
    ] {
        let mut resources = good.to_vec();
        resources.push((name, b"outside"));
        sign_statement(&key, &statement(&resources), &signature);
        let mut check = verify(&model, &signature, Trust::Key(key.public().clone()));
        check.ignore_unsigned_files = true;
        let checked = check.run(&limits).unwrap();
        assert!(!checked.verified && checked.files == 0, "{name:?}");
        let [finding] = checked.findings.as_slice() else { panic!("{name:?}: {:?}", checked.findings) };
        assert_eq!((finding.id, finding.severity), ("signature.path-escapes-model", Severity::Critical));
        assert_eq!(finding.at.as_str(), "s.sig!dsseEnvelope.payload!predicate.resources[3].name");
    }
    let forms = statement(&[("caf\u{e9}", b""), ("cafe\u{301}", b"")]);
    let manifest = manifest::Manifest::read(forms.to_string().as_bytes(), &limits).unwrap();
    assert_eq!(manifest.names_at_fault(None).len(), 1);
    let lone = statement(&[(".", b"")]);
    let manifest = manifest::Manifest::read(lone.to_string().as_bytes(), &limits).unwrap();
    assert_eq!(
        (manifest.names_at_fault(Some(true)).len(), manifest.names_at_fault(Some(false)).len()),
        (0, 1)
    );
}

#[test]
fn one_file_is_a_model_too() {
    let limits = Limits::default();
    let (_work, model) = model();
    let [key, ..] = keys();
    let (file, signature) = (model.join("weights.bin"), model.join("../s.sig"));
    assert_eq!(sign(&file, &signature, &key).unwrap().files, 1);
    let trust = || Trust::Key(key.public().clone());
    assert!(verify(&file, &signature, trust()).run(&limits).unwrap().verified);
    assert!(!verify(&model, &signature, trust()).run(&limits).unwrap().verified);
    let other = verify(&model.join("empty"), &signature, trust()).run(&limits).unwrap();
    assert_eq!((other.verified, ids(&other.findings)), (false, vec!["signature.digest-mismatch"]));
}

#[test]
fn shards_cover_files_from_end_to_end() {
    let limits = Limits::default();
    let (_work, model) = model();
    let [key, ..] = keys();
    let signature = model.join("../s.sig");
    std::fs::remove_file(model.join("sub/config.json")).unwrap();
    let run = |resources: &[(&str, &[u8])], hash: &str| {
        let mut statement = statement(resources);
        let how = json!({ "method": "shards", "hash_type": hash, "shard_size": 2, "allow_symlinks": false });
        statement["predicate"]["serialization"] = how;
        sign_statement(&key, &statement, &signature);
        verify(&model, &signature, Trust::Key(key.public().clone())).run(&limits).unwrap()
    };
    let whole = run(&[("weights.bin:0:2", b"\0\x01"), ("weights.bin:2:3", b"\x02")], "sha256");
    assert!(whole.verified, "{whole:?}");
    for (resources, id) in [
        (&[("weights.bin:0:2", &b"\0\x01"[..])][..], "signature.digest-mismatch"),
        (&[("weights.bin:2:3", b"\x02")], "signature.malformed"),
        (&[("weights.bin:0:2", b"\0\x01"), ("weights.bin:2:4", b"\x02")], "signature.digest-mismatch"),
        (&[("weights.bin:0:3", b"\0\x01\x02")], "signature.malformed"),
        (&[("weights.bin", b"\0\x01\x02")], "signature.malformed"),
        (&[("../x:0:2", b"\0\x01")], "signature.path-escapes-model"),
        (&[("\u{e9}:0:2", b"\0\x01"), ("e\u{301}:0:1", b"\x02")], "signature.path-escapes-model"),
    ] {
        let checked = run(resources, "sha256");
        assert!(!checked.verified && ids(&checked.findings).contains(&id), "{resources:?}: {checked:?}");
    }
}

/// What the look without keys says of a document.
fn looked_at(document: &str) -> Vec<Finding> {
    let limits = Limits::default();
    let parsed = json::parse(document.as_bytes(), &limits);
    let parsed = parsed.document.unwrap();
    assert!(is_bundle(parsed.root()));
    let source =
        lazaret_input::MemorySource::new(document.as_bytes().to_vec(), lazaret_core::Hint::default());
    let part = crate::part::Part::file(std::sync::Arc::new(source), document.len() as u64, "model.sig");
    let mut looking = crate::look::Looking::new(&limits, &crate::look::NoFolder);
    look_at(parsed.root(), &part, &mut looking);
    looking.report(lazaret_core::FormatId("model-signature")).findings
}

#[test]
fn the_look_without_keys_tells_where_names_lead() {
    let (_work, model) = model();
    let [key, ..] = keys();
    let signature = model.join("../s.sig");
    sign_statement(&key, &statement(&[("a", b""), ("../outside.txt", b"")]), &signature);
    let found = looked_at(&text(&signature));
    assert_eq!(ids(&found), ["signature.path-escapes-model"]);
    assert_eq!(found[0].at.as_str(), "model.sig!dsseEnvelope.payload!predicate.resources[1].name");
    for folder in ["v0.2.0-certificate", "v0.3.1-elliptic-key", "v1.1.0-elliptic-key", "v1.1.0-sigstore"] {
        assert!(looked_at(&text(&upstream(folder).join("model.sig"))).is_empty(), "{folder}");
    }
    // A bundle that signs something else.
    let mut other = statement(&[("../a", b"")]);
    other["predicateType"] = "https://slsa.dev/provenance/v1".into();
    sign_statement(&key, &other, &signature);
    assert!(looked_at(&text(&signature)).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let limits = Limits::default();
        let _ = manifest::Manifest::read(&bytes, &limits).is_ok();
        let _ = bundle::Bundle::read(&bytes, &limits).is_ok();
        let _ = PublicKey::from_der(&bytes).is_ok();
        let Trust::Certificates(root) = their_root() else { unreachable!() };
        let own = text(&upstream("keys/signing-key-cert.pem"));
        let mut leaf = der::blocks(&own)[0].bytes(keys::MAX_KEY).unwrap();
        let place = at.index(leaf.len());
        let changed = leaf[place] != byte;
        leaf[place] = byte;
        let between = text(&upstream("keys/int-ca-cert.pem"));
        let between = der::blocks(&between)[0].bytes(keys::MAX_KEY).unwrap();
        prop_assert!(!changed || certificates::check(&[leaf, between], &root).is_err(), "byte {place}");
        let mut payload = statement(&[("a", b"x"), ("b/c", b"y")]).to_string().into_bytes();
        let place = at.index(payload.len());
        payload[place] = byte;
        if let Ok(manifest) = manifest::Manifest::read(&payload, &limits) {
            let _ = (manifest.names_at_fault(None), manifest.shards_at_fault(), manifest.computed_root());
        }
    }
}
