//! Models signed with keys that are in no file: of the vault, and in a token.
//!
//! The token is `SoftHSM`'s, the module that `LAZARET_SOFTHSM` names. Without it the test says that it was skipped, and fails
//! where `CI` is true.

use std::path::Path;
use std::process::{Command, Output};

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use super::cli::Place;

fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.0.path().join("model")).unwrap();
    place.write("model/weights.bin", "weights");
    place
}

#[test]
fn a_key_of_the_vault_signs_and_its_making_is_recorded() {
    let place = place();
    let make =
        ["keys", "model-signing-key", "registry", "--make", "--by", "ana", "--reason", "models of ward 7"];
    assert!(place.ends(2, &make[..3]).contains("--make"));
    assert!(
        place.ends(2, &["models", "sign", "--vault-key", "registry", "model"]).contains("model-signing-key")
    );
    let public = place.clear(&make);
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{public}");
    let orders = place.orders();
    assert_eq!((&orders[0]["what"], &orders[0]["by"]), (&"make-model-key".into(), &"ana".into()));
    assert_eq!(orders[0]["object"], "registry");
    assert!(place.ends(2, &make).contains("already"));
    let mut wrong = make;
    wrong[2] = "Not a name";
    assert!(place.ends(2, &wrong).contains("small letters"));
    assert_eq!(place.orders().len(), orders.len(), "what is refused is no order");
    assert_eq!(place.clear(&make[..3]), public);
    let json = place.json(0, &make[..3]);
    assert_eq!((&json["public_key"], &json["curve"]), (&public.clone().into(), &"P-256".into()));

    place.write("registry-pub.pem", &public);
    place.clear(&["models", "sign", "--vault-key", "registry", "model"]);
    let verify = ["models", "verify", "--public-key", "registry-pub.pem", "model"];
    let checked = place.clear(&verify);
    assert!(checked.contains(json["hint"].as_str().unwrap()), "{checked}");
    place.write("model/weights.bin", "other");
    assert!(place.ends(1, &verify).contains("signature.digest-mismatch"));
    let both = ["models", "sign", "--vault-key", "registry", "--private-key", "x.pem", "model"];
    place.ends(2, &both);
    assert!(place.ends(2, &["models", "sign", "model"]).contains("--vault-key"));
    assert!(
        place
            .ends(2, &["models", "sign", "sigstore", "--vault-key", "registry", "model"])
            .contains("network")
    );
    let args = ["models", "sign", "pkcs11-key", "--vault-key", "registry", "model"];
    assert!(place.ends(2, &args).contains("--pkcs11-uri"));
}

const PIN: &str = "739184";

struct Token {
    place: Place,
    module: String,
}

impl Token {
    /// A token with one key; none where there is no module.
    fn new() -> Option<Self> {
        let Some(module) = std::env::var("LAZARET_SOFTHSM").ok().filter(|path| Path::new(path).exists())
        else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "LAZARET_SOFTHSM must name SoftHSM's module"
            );
            return None;
        };
        let place = place();
        std::fs::create_dir(place.0.path().join("tokens")).unwrap();
        let tokens = place.0.path().join("tokens");
        place.write(
            "softhsm.conf",
            &format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display()),
        );
        let token = Self { place, module };
        token.tool(&["--init-token", "--free", "--label", "Models", "--pin", PIN, "--so-pin", "59317"]);
        token.import("registry", "01");
        Some(token)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.place.0.path();
        command.current_dir(folder).env("SOFTHSM2_CONF", folder.join("softhsm.conf"));
        command.env_remove("LAZARET_PKCS11_PIN");
        command
    }

    fn tool(&self, args: &[&str]) {
        let done = self.command("softhsm2-util").args(args).output().unwrap();
        assert!(done.status.success(), "{args:?} {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Puts a new key in.
    fn import(&self, label: &str, id: &str) {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let text = lazaret_input::base64::encode(pkcs8.as_ref());
        self.place
            .write("key.pem", &format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"));
        self.tool(&["--import", "key.pem", "--token", "Models", "--label", label, "--id", id, "--pin", PIN]);
    }

    fn uri(&self, key: &str, more: &str) -> String {
        format!("pkcs11:{key}?module-path={}{more}", self.module)
    }

    fn sign(&self, uri: &str, pin: Option<&str>) -> Output {
        let mut command = self.command(env!("CARGO_BIN_EXE_lazaret"));
        command.args(["models", "sign", "pkcs11-key", "--pkcs11_uri", uri, "--json", "model"]);
        command.envs(pin.map(|pin| ("LAZARET_PKCS11_PIN", pin))).output().unwrap()
    }

    fn refuses(&self, why: &str, uri: &str, pin: Option<&str>) {
        let done = self.sign(uri, pin);
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(2) && text.contains(why), "{uri}: {:?} {text}", done.status);
        assert!(!text.contains(PIN) && !text.contains("000000"), "{text}");
        assert!(!self.place.0.path().join("model.sig").exists());
    }
}

#[test]
fn a_key_in_a_token_signs_and_never_leaves_it() {
    let Some(token) = Token::new() else {
        println!("skipped: LAZARET_SOFTHSM names no module of SoftHSM; scripts/test installs it");
        return;
    };
    let place = &token.place;
    let right = token.uri("token=Models;object=registry;id=%01;type=private", "");
    token.refuses("LAZARET_PKCS11_PIN", &right, None);
    token.refuses("took no login", &right, Some("000000"));
    token.refuses("no token", &token.uri("token=Other;object=registry", ""), Some(PIN));
    token.refuses("no private key", &token.uri("token=Models;object=other", ""), Some(PIN));
    token.refuses("no private key", &token.uri("token=Models;object=registry;id=%02", ""), Some(PIN));
    token.refuses("names no key", &token.uri("token=Models", ""), Some(PIN));
    token.refuses(
        "pin-source",
        &token.uri("token=Models;object=registry", &format!("&pin-value={PIN}")),
        None,
    );
    token.refuses("module-path", "pkcs11:token=Models;object=registry", Some(PIN));
    token.refuses("not absolute", "pkcs11:object=registry?module-path=x.so", Some(PIN));
    token.refuses("could not be loaded", "pkcs11:object=registry?module-path=/nowhere/x.so", Some(PIN));

    let signs = |uri: &str, pin: Option<&str>| {
        let done = token.sign(uri, pin);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::fs::rename(place.0.path().join("model.sig"), place.0.path().join("signed.sig")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()["hint"].clone()
    };
    let hint = signs(&right, Some(PIN));
    // The same key from its file gives the public half that the signature is checked by.
    place.clear(&["models", "sign", "--private-key", "key.pem", "--signature", "file.sig", "model"]);
    let of_file =
        place.json(0, &["models", "sign", "--private-key", "key.pem", "--signature", "file.sig", "model"]);
    assert_eq!(hint, of_file["hint"]);
    place.write("pin", &format!("{PIN}\n"));
    let source = format!("&pin-source=file:{}", place.0.path().join("pin").display());
    assert_eq!(signs(&token.uri("token=Models;object=registry", &source), None), hint);
    token.import("registry", "02");
    token.refuses("more than one private key", &token.uri("token=Models;object=registry", ""), Some(PIN));
    let second = signs(&token.uri("token=Models;id=%02", ""), Some(PIN));
    assert_ne!(second, hint);
}
