//! Registries of images through the gate.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lazaret_core::Limits;
use lazaret_traffic::updates::asker::Asker;
use lazaret_traffic::updates::oci::route::Registries;

use crate::main::house::{Seen, Served, Setup};
use crate::main::hub::{Contents, Hub, Server, sha256};
use crate::main::registry::{BASIC, INDEX, MANIFEST, Registry, Wants};

fn large(word: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..50_000_u32).map(|n| u8::try_from(n % 241).unwrap()).collect();
    bytes[20_000..20_000 + word.len()].copy_from_slice(word.as_bytes());
    bytes
}

/// Proxies before a registry that goes by `reg`, over a folder that stays.
struct House {
    folder: tempfile::TempDir,
    hub: Hub,
    registry: Registry,
    setup: Setup,
}

impl House {
    fn new(wants: Wants) -> Self {
        let (folder, hub) = (tempfile::tempdir().unwrap(), Hub::start(Contents::default()));
        let registry = Registry::start(wants);
        let registries = Registries { named: [("reg".to_owned(), registry.upstream())].into(), other: None };
        Self { folder, hub, registry, setup: Setup { registries, ..Setup::default() } }
    }

    fn serve(&self) -> Served {
        Served::start(self.folder.path(), &self.hub, &self.setup)
    }

    fn serve_offline(&self) -> Served {
        Served::start(self.folder.path(), &self.hub, &Setup { offline: true, ..self.setup.clone() })
    }
}

/// The code and message of a refusal in the form of registries.
fn refused(seen: &Seen) -> String {
    let text = seen.text();
    assert!(text.starts_with("{\"errors\":[{\"code\":\"") && text.ends_with("\"}]}"), "{text}");
    text
}

#[test]
fn an_artifact_is_pulled_and_each_blob_is_fetched_once() {
    let house = House::new(Wants::Nothing);
    let (digest, blobs) = house.registry.push("org/model:v1", &[("sub/model.bin", &large("fine"))]);
    let served = house.serve();
    let base = served.get("/v2/");
    assert_eq!((base.status, base.header("docker-distribution-api-version")), (200, "registry/2.0"));

    let head = served.ask("HEAD", "/v2/reg/org/model/manifests/v1", &[], "");
    assert_eq!((head.status, head.header("docker-content-digest")), (200, digest.as_str()));
    assert_eq!((head.header("content-type"), house.registry.server.count("GET /v2/org")), (MANIFEST, 0));
    for reference in ["v1", &digest] {
        let manifest = served.get(&format!("/v2/reg/org/model/manifests/{reference}"));
        assert_eq!((manifest.status, manifest.header("content-type")), (200, MANIFEST));
        assert_eq!(manifest.header("docker-content-digest"), digest);
        assert_eq!(format!("sha256:{}", sha256(&manifest.body)), digest);
        assert_eq!(manifest.header("content-length"), head.header("content-length"));
    }

    let blob = format!("/v2/reg/org/model/blobs/{}", blobs[0]);
    let head = served.ask("HEAD", &blob, &[], "");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "50000", 0));
    assert_eq!(house.registry.cdn.count("GET"), 0, "nothing is fetched to say how long it is");
    let whole = served.get(&blob);
    assert_eq!((whole.status, whole.body == large("fine")), (200, true));
    assert_eq!(whole.header("docker-content-digest"), blobs[0]);
    let part = served.ask("GET", &blob, &[("Range", "bytes=49990-")], "");
    assert_eq!((part.status, part.body == large("fine")[49_990..]), (206, true));
    let same = served.ask("GET", &blob, &[("If-None-Match", &format!("\"{}\"", blobs[0]))], "");
    assert_eq!((same.status, house.registry.cdn.count("GET")), (304, 1));

    let pulls = served.book.pulls.lock().unwrap().clone();
    let model = format!("127.0.0.1:{}/org/model", house.registry.server.port);
    let asked: Vec<_> =
        pulls.iter().map(|pull| (pull.asked.file.as_str(), pull.asked.model.as_str())).collect();
    assert_eq!(
        asked,
        [
            ("manifest", model.as_str()),
            ("manifest", &model),
            ("sub/model.bin", &model),
            ("sub/model.bin", &model)
        ]
    );
    assert!(pulls.iter().all(|pull| pull.asked.revision.as_deref() == Some(digest.as_str())));
    assert!(pulls.iter().all(|pull| pull.asked.route == "images"));
    let sealed = served.book.seals.lock().unwrap().len();
    assert_eq!(sealed, 2, "the manifest and the blob cross once each");
}

#[test]
fn of_a_blocked_layer_no_byte_leaves_and_the_client_is_told_why() {
    let house = House::new(Wants::Nothing);
    let (_, blobs) =
        house.registry.push("org/model:v1", &[("good.bin", &large("fine")), ("bad.bin", &large("EVIL"))]);
    let served = house.serve();
    assert_eq!(served.get("/v2/reg/org/model/manifests/v1").status, 200);
    assert_eq!(served.get(&format!("/v2/reg/org/model/blobs/{}", blobs[0])).status, 200);
    let blocked = served.get(&format!("/v2/reg/org/model/blobs/{}", blobs[1]));
    let told = refused(&blocked);
    assert_eq!((blocked.status, blocked.header("content-type")), (403, "application/json"));
    assert!(
        told.contains("\"DENIED\"") && told.contains("fake.evil (critical) at bad.bin@20000. Receipt 0"),
        "{told}"
    );
    let of_it = &large("EVIL")[1000..1016];
    assert!(blocked.raw.len() < 2500 && !blocked.raw.windows(16).any(|window| window == of_it));
    // A manifest that is itself held is not given either.
    let text = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{INDEX}\",\"manifests\":[],\"annotations\":{{\"a\":\"EVIL\"}}}}"
    );
    house.registry.manifest("org/model:bad", INDEX, &text);
    assert!(refused(&served.get("/v2/reg/org/model/manifests/bad")).contains("lazaret blocked manifest of"));
}

#[test]
fn what_is_not_passed_on_is_refused_by_name_in_the_form_of_registries() {
    let house = House::new(Wants::Nothing);
    let served = house.serve();
    let digest = format!("sha256:{}", "0".repeat(64));
    for (method, target, status, told) in [
        ("POST", "/v2/reg/org/model/blobs/uploads/", 405, "nothing is pushed or deleted"),
        ("PUT", "/v2/reg/org/model/manifests/v1", 405, "\"UNSUPPORTED\""),
        ("DELETE", "/v2/reg/org/model/manifests/v1", 405, "nothing is pushed or deleted"),
        ("GET", "/v2/reg/org/model/blobs/uploads/1", 405, "nothing is pushed"),
        ("GET", "/v2/_catalog", 405, "does not list the repositories"),
        ("GET", "/v2/reg/org/model/blobs/sha512:00", 400, "named by its SHA-256"),
        (
            "GET",
            "/v2/other/org/model/manifests/v1",
            403,
            "asks no registry `other`: there are reg; to allow one",
        ),
        ("GET", "/v2/org/model/manifests/v1?ns=evil.example", 403, "no registry `evil.example`"),
        ("GET", "/v2/reg/org/model/manifests/none", 404, "\"MANIFEST_UNKNOWN\""),
        ("GET", &format!("/v2/reg/org/model/blobs/{digest}"), 404, "\"BLOB_UNKNOWN\""),
    ] {
        let seen = served.ask(method, target, &[], "");
        let text = refused(&seen);
        assert!(seen.status == status && text.contains(told), "{method} {target}: {} {text}", seen.status);
    }
    let (nobody, no_setup) = (House::new(Wants::Nothing), Setup::default());
    let served = Served::start(nobody.folder.path(), &nobody.hub, &no_setup);
    assert!(refused(&served.get("/v2/")).contains("none is configured"));
}

#[test]
fn a_manifest_that_lies_or_leads_elsewhere_is_not_passed_on() {
    let house = House::new(Wants::Nothing);
    let served = house.serve();
    let blob = |more: &str| {
        format!("{{\"mediaType\":\"x/y\",\"digest\":\"sha256:{}\",\"size\":3{more}}}", "a".repeat(64))
    };
    let manifest =
        |layer: &str| format!("{{\"schemaVersion\":2,\"config\":{},\"layers\":[{layer}]}}", blob(""));
    for (kind, text, why) in [
        (MANIFEST, manifest(&blob(",\"urls\":[\"https://x.example/\"]")), "sends clients to other servers"),
        (MANIFEST, manifest("").replace("\"layers\"", "\"config\""), "json.duplicate-key"),
        (INDEX, manifest(""), "not the one it was sent as"),
        ("application/vnd.docker.distribution.manifest.v1+json", manifest(""), "schema 1"),
        ("text/html", "<html>".to_owned(), "no JSON"),
    ] {
        house.registry.manifest("org/model:x", kind, &text);
        let seen = served.get("/v2/reg/org/model/manifests/x");
        let told = refused(&seen);
        assert!(seen.status == 403 && told.contains(why), "{why}: {told}");
    }
    // A registry that gives another manifest than was asked for, and a blob of other bytes than its name.
    house.registry.manifest("org/model:x", MANIFEST, &manifest(""));
    let (other, of_other) = house.registry.push("org/model:y", &[("a", &large("fine"))]);
    house
        .registry
        .held
        .lock()
        .unwrap()
        .manifests
        .insert(format!("org/model:{other}"), (MANIFEST.to_owned(), manifest("").into_bytes()));
    assert_eq!(served.get(&format!("/v2/reg/org/model/manifests/{other}")).status, 502);
    house.registry.held.lock().unwrap().blobs.insert(of_other[0].clone(), large("liar"));
    let liar = served.get(&format!("/v2/reg/org/model/blobs/{}", of_other[0]));
    assert!(liar.status == 502 && refused(&liar).contains("SHA-256 is not the one announced"));
    let mut few = Limits::default();
    few.set("updates.max_manifest", 20);
    let other = tempfile::tempdir().unwrap();
    let served = Served::start(other.path(), &house.hub, &Setup { limits: few, ..house.setup.clone() });
    let long = refused(&served.get("/v2/reg/org/model/manifests/y"));
    assert!(long.contains("updates.max_manifest"), "{long}");
    assert_eq!(served.book.seals.lock().unwrap().len(), 0);
}

#[test]
fn nobody_is_given_a_token_for_what_all_may_see_and_it_is_used_again() {
    let house = House::new(Wants::Token);
    let (_, blobs) = house.registry.push("org/model:v1", &[("model.bin", &large("fine"))]);
    let served = house.serve();
    assert_eq!(served.get("/v2/reg/org/model/manifests/v1").status, 200);
    assert!(served.get(&format!("/v2/reg/org/model/blobs/{}", blobs[0])).body == large("fine"));
    let tokens = house.registry.tokens.asked.lock().unwrap().clone();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert_eq!(tokens[0].target, "/token?a=b&service=reg&scope=repository%3Aorg%2Fmodel%3Apull");
    let cdn = house.registry.cdn.asked.lock().unwrap().clone();
    assert!(!cdn.is_empty() && cdn.iter().all(|asked| !asked.headers.contains_key("authorization")));
}

#[test]
fn who_says_who_asks_is_let_in_and_nobody_else_gets_what_is_here() {
    for wants in [Wants::Basic, Wants::Token] {
        let house = House::new(wants);
        let (digest, blobs) = house.registry.push("private/model:v1", &[("model.bin", &large("ours"))]);
        let (served, ours) = (house.serve(), large("ours"));
        let manifest = "/v2/reg/private/model/manifests/v1";
        let blob = format!("/v2/reg/private/model/blobs/{}", blobs[0]);

        // As skopeo and docker do: told at the base to say who asks, they take a token, and use it.
        let base = served.get("/v2/");
        let port = served.port;
        let realm = format!("Bearer realm=\"http://127.0.0.1:{port}/-/oci/token\",service=\"lazaret\"");
        assert_eq!((base.status, base.header("www-authenticate")), (401, realm.as_str()));
        let token = |headers: &[(&str, &str)]| {
            let given = served.ask("GET", "/-/oci/token?service=lazaret", headers, "");
            assert_eq!((given.status, given.header("cache-control")), (200, "no-store"));
            let text = given.text();
            text.split('"').find(|word| word.starts_with("lazaret.")).unwrap().to_owned()
        };
        let known = format!("Bearer {}", token(&[("Authorization", BASIC)]));
        let nobody = format!("Bearer {}", token(&[]));
        assert_eq!(served.ask("GET", "/v2/", &[("Authorization", &nobody)], "").status, 200);

        for said in [known.as_str(), BASIC] {
            assert_eq!(served.ask("GET", manifest, &[("Authorization", said)], "").status, 200);
            assert!(served.ask("GET", &blob, &[("Authorization", said)], "").body == large("ours"));
        }
        assert_eq!(house.registry.cdn.count("GET"), 1);
        let pulls =
            served.book.pulls.lock().unwrap().iter().map(|pull| pull.asked.by.clone()).collect::<Vec<_>>();
        assert_eq!(pulls, vec![Asker::Named("user".to_owned()); 4]);
        for headers in
            [&[][..], &[("Authorization", nobody.as_str())], &[("Authorization", "Basic d3Jvbmc6eA==")]]
        {
            for target in [manifest, &blob] {
                let seen = served.ask("GET", target, headers, "");
                assert!(refused(&seen).contains("\"UNAUTHORIZED\""), "{}", seen.text());
                let challenge = format!("{realm},scope=\"repository:reg/private/model:pull\"");
                assert_eq!((seen.status, seen.header("www-authenticate")), (401, challenge.as_str()));
                assert!(!seen.raw.windows(9).any(|part| part == &ours[100..109]));
            }
        }
        for server in [&house.registry.cdn, &house.hub.server] {
            let asked = server.asked.lock().unwrap();
            assert!(asked.iter().all(|asked| !asked.headers.contains_key("authorization")));
        }
        // A token of the registry's own is passed on as it is.
        if wants == Wants::Token {
            assert_eq!(served.ask("GET", manifest, &[("Authorization", "Bearer known")], "").status, 200);
            assert_eq!(served.ask("GET", manifest, &[("Authorization", "Bearer other")], "").status, 401);
        }
        drop(served);
        let offline = house.serve_offline();
        assert_eq!(offline.get("/v2/").status, 200);
        assert_eq!(offline.get(&format!("/v2/reg/private/model/manifests/{digest}")).status, 200);
    }
}

#[test]
fn what_a_client_says_goes_to_no_server_of_tokens_that_the_registry_may_not_send_to() {
    let house = House::new(Wants::Token);
    house.registry.push("org/model:v1", &[]);
    let evil = Registry::start(Wants::Nothing);
    house.registry.held.lock().unwrap().realm = format!("{}/token", evil.tokens.url());
    let served = house.serve();
    let seen = served.ask("GET", "/v2/reg/org/model/manifests/v1", &[("Authorization", BASIC)], "");
    assert_eq!(seen.status, 403);
    assert!(refused(&seen).contains("add it to `gates.models.registries.reg`"), "{}", seen.text());
    assert_eq!(evil.tokens.asked.lock().unwrap().len(), 0);
}

#[test]
fn offline_what_was_cleared_is_given_and_nobody_is_asked() {
    let house = House::new(Wants::Nothing);
    let files = [("good.bin", &*large("fine")), ("bad.bin", &*large("EVIL"))];
    let (digest, blobs) = house.registry.push("org/model:v1", &files);
    let served = house.serve();
    // As containerd does: what the tag means, then that.
    assert_eq!(served.ask("HEAD", "/v2/reg/org/model/manifests/v1", &[], "").status, 200);
    let online = served.get(&format!("/v2/reg/org/model/manifests/{digest}"));
    let [good, bad] = [0, 1].map(|at| format!("/v2/reg/org/model/blobs/{}", blobs[at]));
    assert_eq!((served.get(&good).status, served.get(&bad).status), (200, 403));
    assert_eq!(served.get("/v2/reg/org/model/tags/list").status, 200);
    // What the tag means by now is not cleared yet.
    house.registry.push("org/model:v1", &[("other.bin", b"other")]);
    assert_eq!(served.ask("HEAD", "/v2/reg/org/model/manifests/v1", &[], "").status, 200);
    drop(served);
    let asked = house.registry.server.asked.lock().unwrap().len();
    let served = house.serve_offline();
    let by_digest = served.get(&format!("/v2/reg/org/model/manifests/{digest}"));
    assert!(by_digest.body == online.body && by_digest.header("content-type") == MANIFEST);
    let by_tag = served.get("/v2/reg/org/model/manifests/v1");
    assert!(by_tag.body == online.body, "what it meant last of what was cleared: {}", by_tag.text());
    let whole = served.get(&good);
    assert!(whole.body == large("fine") && whole.header("docker-content-digest") == blobs[0]);
    assert_eq!(served.ask("HEAD", &good, &[], "").header("content-length"), "50000");
    let never = refused(&served.get(&bad));
    assert!(never.contains("lazaret is offline and bad.bin of"), "{never}");
    assert!(served.get("/v2/reg/org/model/tags/list").text().contains("[\"a\"]"));
    assert_eq!(served.get(&format!("/v2/reg/org/model/referrers/{digest}")).status, 403);
    assert_eq!(house.registry.server.asked.lock().unwrap().len(), asked);
}

#[test]
fn lists_name_what_this_proxy_is_asked_for() {
    let house = House::new(Wants::Nothing);
    let served = house.serve();
    let tags = served.get("/v2/reg/org/model/tags/list?n=1&evil=1");
    assert_eq!(tags.text(), "{\"name\":\"reg/org/model\",\"tags\":[\"a\"]}");
    assert_eq!(tags.header("link"), "</v2/reg/org/model/tags/list?last=a&n=1>; rel=\"next\"");
    let next = served.get("/v2/reg/org/model/tags/list?last=a&n=1");
    assert!(next.text().contains("[\"b\"]") && next.header("link").is_empty());
    assert_eq!(house.registry.server.count("GET /v2/org/model/tags/list?n=1"), 1);
    let digest = format!("sha256:{}", "0".repeat(64));
    let referrers = served.get(&format!("/v2/reg/org/model/referrers/{digest}?artifactType=x%2Fy"));
    assert_eq!((referrers.status, referrers.header("content-type")), (200, INDEX));
    assert_eq!(referrers.header("oci-filters-applied"), "artifactType");
    let none = served.get(&format!("/v2/reg/org/other/referrers/{digest}"));
    assert_eq!(none.status, 404, "then a client asks for a tag instead");
}

#[test]
fn a_blob_is_inspected_under_every_name_that_a_manifest_has_for_it() {
    let house = House::new(Wants::Nothing);
    let (first, blobs) = house.registry.push("org/model:a", &[("readme.md", &large("fine"))]);
    house.registry.push("org/model:b", &[("run.py", &large("fine"))]);
    let served = house.serve();
    let blob = format!("/v2/reg/org/model/blobs/{}", blobs[0]);
    assert_eq!(served.get(&blob).status, 200);
    let unnamed = served.book.pulls.lock().unwrap()[0].asked.clone();
    assert_eq!((unnamed.file, unnamed.revision), (blobs[0].replace(':', "-"), None));
    for (tag, looked_at) in [("a", 2), ("b", 3), ("a", 3)] {
        assert_eq!(served.get(&format!("/v2/reg/org/model/manifests/{tag}")).status, 200);
        assert_eq!((served.get(&blob).status, house.registry.cdn.count("GET")), (200, looked_at), "{tag}");
    }
    let last = served.book.pulls.lock().unwrap().last().unwrap().asked.clone();
    assert_eq!((last.file.as_str(), last.revision.as_deref()), ("readme.md", Some(first.as_str())));
    let mut few = Limits::default();
    few.set("updates.max_layer_names", 1);
    let other = tempfile::tempdir().unwrap();
    let served = Served::start(other.path(), &house.hub, &Setup { limits: few, ..house.setup.clone() });
    assert_eq!(served.get("/v2/reg/org/model/manifests/a").status, 200);
    let told = refused(&served.get("/v2/reg/org/model/manifests/b"));
    assert!(told.contains("updates.max_layer_names"), "{told}");
    // Nothing of a manifest that is refused stays.
    let (_, of_c) = house.registry.push("org/model:c", &[("x.bin", b"other"), ("run.py", &large("fine"))]);
    assert_eq!(served.get("/v2/reg/org/model/manifests/c").status, 403);
    let other = of_c.iter().find(|digest| **digest != blobs[0]).unwrap();
    assert_eq!(served.get(&format!("/v2/reg/org/model/blobs/{other}")).status, 200);
    let last = served.book.pulls.lock().unwrap().last().unwrap().asked.clone();
    assert_eq!((last.file, last.revision), (other.replace(':', "-"), None));
    // The oldest name goes once the blob is cleared under it; under the new one it is looked at.
    let fetched = house.registry.cdn.count("GET");
    assert_eq!((served.get(&blob).status, house.registry.cdn.count("GET")), (200, fetched + 1));
    assert_eq!(served.get("/v2/reg/org/model/manifests/b").status, 200);
    assert_eq!((served.get(&blob).status, house.registry.cdn.count("GET")), (200, fetched + 2));
    // One under which it is held stays, whatever comes after.
    let (_, bad) = house.registry.push("org/model:d", &[("bad.bin", &large("EVIL"))]);
    house.registry.push("org/model:e", &[("fine.bin", &large("EVIL"))]);
    assert_eq!(served.get("/v2/reg/org/model/manifests/d").status, 200);
    assert_eq!(served.get(&format!("/v2/reg/org/model/blobs/{}", bad[0])).status, 403);
    assert_eq!(served.get("/v2/reg/org/model/manifests/e").status, 403);
}

/// It answers nobody any more: its port is closed.
fn stop(server: &Server) {
    server.stopped.store(true, Ordering::SeqCst);
    while TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn while_a_registry_cannot_be_reached_nobody_waits_and_what_all_may_read_is_given_from_here() {
    let house = House::new(Wants::Token);
    let (_, blobs) = house.registry.push("org/model:v1", &[("a.bin", &large("fine"))]);
    let (_, own) = house.registry.push("private/model:v1", &[("a.bin", &large("mine"))]);
    let served = house.serve();
    let known = [("Authorization", BASIC)];
    let get = |path: &str| served.ask("GET", &format!("/v2/reg/{path}"), &known, "").status;
    let blob = |model: &str, digest: &str| format!("{model}/blobs/{digest}");
    for path in ["private/model/manifests/v1".to_owned(), blob("private/model", &own[0])] {
        assert_eq!(get(&path), 200);
    }
    for path in ["org/model/manifests/v1".to_owned(), blob("org/model", &blobs[0])] {
        assert_eq!(served.get(&format!("/v2/reg/{path}")).status, 200);
    }
    assert_eq!(served.get("/v2/reg/private/model/manifests/v1").status, 401);
    // That a tag is not there does not say that nobody may read.
    assert_eq!(served.get("/v2/reg/org/model/manifests/none").status, 404);
    stop(&house.registry.server);
    for (path, status) in [
        ("org/model/manifests/v1".to_owned(), 200),
        (blob("org/model", &blobs[0]), 200),
        ("org/model/manifests/v2".to_owned(), 502),
        ("private/model/manifests/v1".to_owned(), 502),
        (blob("private/model", &own[0]), 502),
        (blob("org/model", &own[0]), 502),
    ] {
        assert_eq!((get(&path), served.get(&format!("/v2/reg/{path}")).status), (status, status), "{path}");
    }
    let told = served.get("/v2/reg/org/model/manifests/v2").text();
    assert!(told.contains("could not be reached a moment ago"), "{told}");
}

#[test]
fn a_mirror_and_the_registry_for_all_other_names_are_asked_for_the_whole_name() {
    let mut house = House::new(Wants::Nothing);
    let (digest, _) = house.registry.push("org/model:v1", &[]);
    let host = format!("127.0.0.1%3A{}", house.registry.server.port);
    let served = house.serve();
    let mirrored = served.get(&format!("/v2/org/model/manifests/v1?ns={host}"));
    assert_eq!((mirrored.status, mirrored.header("docker-content-digest")), (200, digest.as_str()));
    drop(served);
    house.setup.registries = Registries { named: [].into(), other: Some(house.registry.upstream()) };
    let served = house.serve();
    assert_eq!(served.get("/v2/org/model/manifests/v1").header("docker-content-digest"), digest);
    assert_eq!(served.book.seals.lock().unwrap().len(), 0, "the same repository, however it is named");
}
