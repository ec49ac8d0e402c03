//! Bundles of Sigstore: those of others, and each part of them changed.

use std::path::{Path, PathBuf};

use lazaret_core::Limits;
use serde_json::{Value, json};

use super::*;
use crate::signature::tests::{ids, text, upstream, verify};
use crate::signature::{Signer, Trust, Verification};

const SIGNER: &str = "stefanb@us.ibm.com";
const PROVIDER: &str = "https://sigstore.verify.ibm.com/oauth2";

fn other(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/sigstore").join(name)
}

fn trust(root: &Value, identity: &str, provider: &str) -> SigstoreTrust {
    let root = TrustRoot::read(root.to_string().as_bytes(), &Limits::default()).unwrap();
    SigstoreTrust { root, identity: identity.to_owned(), identity_provider: provider.to_owned() }
}

fn public_good() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue/models/sigstore_trusted_root.json");
    serde_json::from_str(&text(Path::new(path))).unwrap()
}

fn check_upstream(release: &str, signature: &Path, trust: SigstoreTrust) -> Verification {
    let model = upstream(&format!("{release}-sigstore"));
    let mut check = verify(&model, signature, Trust::Sigstore(Box::new(trust)));
    check.ignore_paths = vec!["ignore-me".into(), "model.sig".into()];
    check.run(&Limits::default()).unwrap()
}

/// Checks one of the releases with its bundle and what is trusted changed.
fn changed(release: &str, bundle: impl Fn(&mut Value), root: impl Fn(&mut Value)) -> Verification {
    let signature = upstream(&format!("{release}-sigstore")).join("model.sig");
    let mut json: Value = serde_json::from_str(&text(&signature)).unwrap();
    bundle(&mut json);
    let mut trusted = public_good();
    root(&mut trusted);
    let work = tempfile::tempdir().unwrap();
    let signature = work.path().join("model.sig");
    std::fs::write(&signature, json.to_string()).unwrap();
    check_upstream(release, &signature, trust(&trusted, SIGNER, PROVIDER))
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

#[test]
fn signatures_of_every_release_are_verified_without_a_network() {
    for (release, at) in [
        ("v0.3.1", "2025-05-03 01:10:02 UTC"),
        ("v1.0.0", "2025-05-03 01:34:46 UTC"),
        ("v1.0.1", "2025-10-07 15:33:48 UTC"),
        ("v1.1.0", "2025-10-10 02:12:20 UTC"),
    ] {
        let root = TrustRoot::public_good(&Limits::default()).unwrap();
        let trust =
            SigstoreTrust { root, identity: SIGNER.to_owned(), identity_provider: PROVIDER.to_owned() };
        let signature = upstream(&format!("{release}-sigstore")).join("model.sig");
        let checked = check_upstream(release, &signature, trust);
        assert!(checked.verified && checked.files == 2, "{release}: {checked:?}");
        let Some(Signer::Sigstore { identity, signed_at, .. }) = checked.signer else {
            panic!("{checked:?}")
        };
        assert_eq!((identity.as_str(), signed_at.as_str()), (SIGNER, at));
    }
}

#[test]
fn someone_else_is_not_who_is_to_have_signed() {
    let signature = upstream("v1.1.0-sigstore").join("model.sig");
    for (identity, provider, why) in [
        ("someone@example.org", PROVIDER, "signed by `stefanb@us.ibm.com`"),
        ("stefanb@us.ibm.co", PROVIDER, "signed by"),
        ("", PROVIDER, "signed by"),
        (SIGNER, "https://accounts.google.com", "known to `https://sigstore.verify.ibm.com/oauth2`"),
    ] {
        let checked = check_upstream("v1.1.0", &signature, trust(&public_good(), identity, provider));
        assert_eq!((checked.verified, ids(&checked.findings)), (false, vec!["signature.wrong-identity"]));
        assert!(checked.findings[0].message.contains(why), "{checked:?}");
        assert!(checked.signer.is_none() && checked.subject.is_none());
    }
}

#[test]
fn every_part_of_the_bundle_counts() {
    let swapped: Value = serde_json::from_str(&text(&upstream("v1.0.0-sigstore").join("model.sig"))).unwrap();
    let stamp: Value = serde_json::from_str(&text(&upstream("v1.1.0-sigstore").join("model.sig"))).unwrap();
    let is = |release: &str, rule: &str, why: &str, change: &dyn Fn(&mut Value)| {
        let checked = changed(release, change, |_| {});
        assert_eq!((checked.verified, ids(&checked.findings)), (false, vec![rule]), "{why}: {checked:?}");
        assert!(checked.findings[0].message.contains(why), "{why}: {checked:?}");
    };
    let log = "signature.log-entry";
    is("v0.3.1", log, "other content", &|bundle| {
        *entry(bundle) = swapped["verificationMaterial"]["tlogEntries"][0].clone();
    });
    is("v0.3.1", log, "no entry", &|bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]));
    is("v0.3.1", log, "proof of inclusion", &|bundle| {
        entry(bundle)["inclusionProof"]["logIndex"] = json!("84437786");
    });
    is("v0.3.1", log, "proof of inclusion", &|bundle| {
        entry(bundle)["inclusionProof"]["hashes"].as_array_mut().unwrap().pop();
    });
    is("v0.3.1", log, "no proof", &|bundle| {
        entry(bundle).as_object_mut().unwrap().remove("inclusionProof");
    });
    is("v0.3.1", log, "of another tree", &|bundle| {
        let other = &swapped["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"];
        entry(bundle)["inclusionProof"]["checkpoint"] = other.clone();
    });
    is("v0.3.1", log, "not signed by that log", &|bundle| {
        let note = &mut entry(bundle)["inclusionProof"]["checkpoint"]["envelope"];
        *note = note.as_str().unwrap().replacen("84437788", "84437789", 1).into();
    });
    is("v0.3.1", log, "not signed for this entry", &|bundle| {
        entry(bundle)["integratedTime"] = json!("1746234603");
    });
    is("v0.3.1", log, "not signed for this entry", &|bundle| entry(bundle)["logIndex"] = json!("1"));
    is("v0.3.1", log, "none that is trusted", &|bundle| entry(bundle)["logId"]["keyId"] = json!("AAAA"));
    is("v0.3.1", log, "not a `dsse 0.0.2`", &|bundle| {
        entry(bundle)["kindVersion"]["version"] = json!("0.0.2");
    });
    is("v0.3.1", "signature.timestamp", "nobody has signed for the time", &|bundle| {
        entry(bundle).as_object_mut().unwrap().remove("inclusionPromise");
    });
    is("v0.3.1", "signature.timestamp", "of another signature", &|bundle| {
        bundle["verificationMaterial"]["timestampVerificationData"] =
            stamp["verificationMaterial"]["timestampVerificationData"].clone();
    });
    is("v1.1.0", "signature.timestamp", "not of RFC 3161", &|bundle| {
        let stamps = &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
        stamps[0]["signedTimestamp"] = json!("MAA=");
    });
    is("v0.3.1", log, "another certificate", &|bundle| {
        bundle["verificationMaterial"]["certificate"] =
            swapped["verificationMaterial"]["certificate"].clone();
    });
    is("v0.3.1", log, "another signature", &|bundle| {
        bundle["dsseEnvelope"]["signatures"] = swapped["dsseEnvelope"]["signatures"].clone();
    });
    is("v0.3.1", log, "other content", &|bundle| {
        bundle["dsseEnvelope"]["payload"] = swapped["dsseEnvelope"]["payload"].clone();
    });
    is("v0.3.1", "signature.malformed", "no whole number", &|bundle| entry(bundle)["logIndex"] = json!("-1"));
    is("v0.3.1", "signature.malformed", "more hashes", &|bundle| {
        let hash = entry(bundle)["inclusionProof"]["hashes"][0].clone();
        entry(bundle)["inclusionProof"]["hashes"] = vec![hash; 65].into();
    });
    // The log's promise is enough for the time; with both, both hold.
    assert!(changed("v1.1.0", |_| {}, |_| {}).verified);
    let without =
        |bundle: &mut Value| bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
    assert!(changed("v1.1.0", without, |_| {}).verified);
    let stamp_alone = |bundle: &mut Value| {
        entry(bundle).as_object_mut().unwrap().remove("inclusionPromise");
    };
    assert!(changed("v1.1.0", stamp_alone, |_| {}).verified);
}

#[test]
fn what_is_trusted_counts_and_when_it_was() {
    let is = |release: &str, rule: &str, why: &str, root: &dyn Fn(&mut Value)| {
        let checked = changed(release, |_| {}, root);
        assert_eq!((checked.verified, ids(&checked.findings)), (false, vec![rule]), "{why}: {checked:?}");
        assert!(checked.findings[0].message.contains(why), "{why}: {checked:?}");
    };
    let untrusted = "signature.untrusted-certificate";
    // Authority, log of certificates, log and authority of time, each ended before the signature was made.
    let end = json!("2025-01-01T00:00:00Z");
    is("v1.1.0", untrusted, "no authority was trusted", &|root| {
        root["certificateAuthorities"][1]["validFor"]["end"] = end.clone();
    });
    is("v1.1.0", untrusted, "not trusted when it signed", &|root| {
        root["ctlogs"][1]["publicKey"]["validFor"]["end"] = end.clone();
    });
    is("v1.1.0", "signature.log-entry", "not trusted then", &|root| {
        root["tlogs"][0]["publicKey"]["validFor"]["end"] = end.clone();
    });
    is("v1.1.0", "signature.timestamp", "no authority of time", &|root| {
        root["timestampAuthorities"][0]["validFor"]["start"] = json!("2026-01-01T00:00:00Z");
    });
    is("v1.1.0", untrusted, "no trusted log of certificates", &|root| root["ctlogs"] = json!([]));
    is("v1.1.0", untrusted, "has signed the one of", &|root| {
        let old = root["certificateAuthorities"][0]["certChain"].clone();
        root["certificateAuthorities"][1]["certChain"] = old;
    });
    is("v1.1.0", untrusted, "log of certificates has not signed", &|root| {
        let other = root["ctlogs"][0]["publicKey"]["rawBytes"].clone();
        root["ctlogs"][1]["publicKey"]["rawBytes"] = other;
    });
    is("v1.1.0", "signature.log-entry", "not signed by that log", &|root| {
        let other = root["ctlogs"][0]["publicKey"]["rawBytes"].clone();
        root["tlogs"][0]["publicKey"]["rawBytes"] = other;
    });
}

#[test]
fn a_file_of_trust_is_read_whole_or_refused() {
    let read = |json: &Value| TrustRoot::read(json.to_string().as_bytes(), &Limits::default());
    let config = json!({
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": public_good(),
        "signingConfig": {},
    });
    assert_eq!(read(&config).unwrap().logs.len(), 2);
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut root = public_good();
        change(&mut root);
        read(&root).unwrap_err().to_string()
    };
    for (change, why) in [
        (&(|root: &mut Value| root["mediaType"] = json!("x")) as &dyn Fn(&mut Value), "mediaType"),
        (&|root| root["tlogs"] = json!([]), "nothing could be checked"),
        (&|root| root["tlogs"][0]["publicKey"]["validFor"] = json!({}), "validFor.start"),
        (&|root| root["tlogs"][0]["publicKey"]["validFor"]["start"] = json!("2021"), "no time in UTC"),
        (&|root| root["tlogs"][1]["logId"] = json!({}), "tlogs[1].logId.keyId"),
        (
            &|root| {
                root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] = json!("AAAA");
            },
            "RFC 5280",
        ),
        (
            &|root| root["certificateAuthorities"][0]["certChain"]["certificates"] = json!([]),
            "no certificates",
        ),
    ] {
        let message = wrong(change);
        assert!(message.contains(why), "{message}");
    }
    assert!(TrustRoot::read(b"{", &Limits::default()).is_err());
}

/// A bundle that is not of a model: everything but its statement is checked.
fn proven(name: &str, trust: &SigstoreTrust) -> Result<Signer, String> {
    trust.signer_of(text(&other(name)).as_bytes(), &Limits::default())
}

#[test]
fn other_kinds_of_entries_and_logs_are_checked_too() {
    let workflow = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";
    let github = trust(&public_good(), workflow, "https://token.actions.githubusercontent.com");
    let signer = proven("sigstore-js-2.0.0-provenance.json", &github).unwrap();
    assert!(matches!(signer, Signer::Sigstore { signed_at, .. } if signed_at == "2023-08-18 16:05:35 UTC"));
    // The log's second version: Ed25519, no promise; the time is from an authority alone.
    let staging: Value = serde_json::from_str(&text(&other("staging_trusted_root.json"))).unwrap();
    let someone = |root: &Value| trust(root, "jku@goto.fi", "https://github.com/login/oauth");
    proven("rekor2.json", &someone(&staging)).unwrap();
    let why = proven("rekor2.json", &someone(&public_good())).unwrap_err();
    assert!(why.contains("has signed the one of `sigstore-tsa`"), "{why}");
    let key = upstream("v1.1.0-elliptic-key").join("model.sig");
    let why = github.signer_of(text(&key).as_bytes(), &Limits::default()).unwrap_err();
    assert!(why.contains("no bundle of Sigstore"), "{why}");
}
