//! A simple index and servers of files through the gate.

use crate::main::house::{Served, Setup};
use crate::main::hub::{Contents, Hub, sha256};

fn hub(json: bool) -> Hub {
    let good = [b"good".as_slice(), &[7; 2000]].concat();
    let packages = [
        ("torch/torch-1.0-py3-none-any.whl", good),
        ("torch/torch-2.0-py3-none-any.whl", b"EVIL".to_vec()),
        ("torch/torch-0.1.tar.gz", b"old".to_vec()),
    ];
    let packages = packages.map(|(name, bytes)| (name.to_owned(), bytes)).into();
    Hub::start(Contents { packages, json, ..Contents::default() })
}

#[test]
fn an_index_is_passed_on_with_its_files_turned_to_the_gate() {
    for json in [false, true] {
        let (folder, hub) = (tempfile::tempdir().unwrap(), hub(json));
        let served = Served::start(folder.path(), &hub, &Setup::default());
        let html = served.get("/-/pypi/simple/Torch/");
        assert!(html.header("content-type").starts_with("text/html"));
        let digest = sha256(&hub.contents.lock().unwrap().packages["torch/torch-1.0-py3-none-any.whl"]);
        let link = format!("<a href=\"../../files/torch/torch-1.0-py3-none-any.whl#sha256={digest}\"");
        assert!(html.text().contains(&link) && !html.text().contains("metadata"), "{}", html.text());
        let accept = "application/vnd.pypi.simple.v1+json, text/html; q=0.01";
        let page = served.ask("GET", "/-/pypi/simple/torch/", &[("Accept", accept)], "");
        assert_eq!(page.header("content-type"), "application/vnd.pypi.simple.v1+json");
        assert!(
            page.text().contains("\"url\":\"../../files/torch/torch-0.1.tar.gz\"")
                && !page.text().contains("core-metadata")
        );

        let good = served.get("/-/pypi/files/torch/torch-1.0-py3-none-any.whl");
        assert_eq!((good.status, sha256(&good.body)), (200, digest));
        let bad = served.get("/-/pypi/files/torch/torch-2.0-py3-none-any.whl");
        assert_eq!(bad.status, 403);
        assert!(
            bad.reason.contains("fake.evil (critical)") && bad.reason.contains("Receipt"),
            "{}",
            bad.reason
        );
        assert_eq!(served.get("/-/pypi/files/torch/torch-1.0-py3-none-any.whl.metadata").status, 404);
        assert_eq!(served.get("/-/pypi/files/torch/other.whl").status, 404);
        assert_eq!(served.get("/-/pypi/simple/none/").status, 200, "an empty list");
        assert_eq!(served.get("/-/pypi/simple/").status, 404);
        assert_eq!(served.ask("PUT", "/-/pypi/simple/torch/", &[], "").status, 404);
        drop(served);

        let served = Served::start(folder.path(), &hub, &Setup { offline: true, ..Setup::default() });
        let page = served.get("/-/pypi/simple/torch/").text();
        assert!(
            page.contains("torch-1.0") && !page.contains("torch-2.0") && !page.contains("torch-0.1"),
            "{page}"
        );
        assert!(served.get("/-/pypi/files/torch/torch-1.0-py3-none-any.whl").body == good.body);
        assert_eq!(served.get("/-/pypi/files/torch/torch-2.0-py3-none-any.whl").status, 404);
        assert_eq!(served.get("/-/pypi/simple/numpy/").status, 404);
    }
}

#[test]
fn a_file_that_was_held_is_not_fetched_again_until_something_else_would_be_decided() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub(false));
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let target = "/-/fetch/plain/torch-2.0-py3-none-any.whl";
    let seen =
        |served: &Served| (hub.server.count("GET /plain/torch-2.0"), served.book.seals.lock().unwrap().len());
    let first = served.get(target);
    let again = served.get(target);
    assert!(first.status == 403 && first.text().contains("Receipt "), "{}", first.text());
    assert_eq!((again.status, again.text(), seen(&served)), (403, first.text(), (1, 1)), "by its record");
    "other rules".clone_into(&mut served.book.rules.lock().unwrap());
    assert_ne!(served.get(target).text(), first.text(), "other rules have a receipt of their own");
    assert_eq!((served.get(target).status, seen(&served)), (403, (2, 2)));
    served.book.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(served.get(target).status, 503, "what is decided now cannot be told");
    served.book.fails.store(false, std::sync::atomic::Ordering::SeqCst);
    // The server's file becomes another.
    let put = |bytes: &[u8]| {
        hub.contents
            .lock()
            .unwrap()
            .packages
            .insert("torch/torch-2.0-py3-none-any.whl".to_owned(), bytes.into())
    };
    put(b"EVIL again");
    assert_eq!((served.get(target).status, seen(&served)), (403, (3, 3)));
    let digest = ring::digest::digest(&ring::digest::SHA256, b"EVIL again");
    let file = lazaret_core::Sha256(digest.as_ref().try_into().unwrap());
    served.book.admitted.lock().unwrap().push(file);
    assert_eq!(
        (served.get(target).text().as_str(), seen(&served)),
        ("EVIL again", (4, 4)),
        "admitted at once"
    );
    put(b"EVIL");
    assert_eq!(served.get(target).status, 403);
    drop(served);
    let served = Served::start(
        folder.path(),
        &hub,
        &Setup { mode: Some(lazaret_core::Mode::Observe), ..Setup::default() },
    );
    assert_eq!(served.get(target).text(), "EVIL", "where nothing is held, what was held goes");
}

#[test]
fn nothing_is_fetched_that_leaves_too_little_of_the_disk() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub(false));
    let served = Served::start(folder.path(), &hub, &Setup { reserve: 1 << 60, ..Setup::default() });
    let told = served.get("/-/fetch/plain/torch-1.0-py3-none-any.whl");
    assert!(told.status == 507 && told.text().contains("`gates.models.reserve`"), "{}", told.text());
    let left = std::fs::read_dir(folder.path().join("store/incoming")).unwrap().count();
    assert_eq!((left, served.book.seals.lock().unwrap().len()), (0, 0));
}

#[test]
fn servers_of_files_are_asked_by_their_names_alone() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub(false));
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let target = "/-/fetch/plain/torch-1.0-py3-none-any.whl?x=1";
    let head = served.ask("HEAD", target, &[], "");
    assert_eq!((head.status, head.header("content-length"), hub.server.count("GET")), (200, "2004", 0));
    let good = served.get(target);
    assert_eq!((good.status, good.body.len(), good.header("etag")), (200, 2004, head.header("etag")));
    assert_eq!(served.get(target).status, 200);
    assert_eq!(hub.server.count("GET /plain/torch-1.0-py3-none-any.whl?x=1"), 1, "revalidated by its tag");
    let part = served.ask("GET", target, &[("Range", "bytes=0-3")], "");
    assert_eq!((part.status, part.text().as_str()), (206, "good"));
    let bad = served.get("/-/fetch/plain/torch-2.0-py3-none-any.whl");
    assert_eq!((bad.status, bad.reason.contains("fake.evil")), (403, true));
    assert_eq!(served.get("/-/fetch/plain/none").status, 404);
    let other = served.get("/-/fetch/ngc/models/x");
    assert_eq!(other.status, 403);
    assert!(other.text().contains("no server `ngc`: there are plain; to allow one"), "{}", other.text());
    // What was cleared is fetched anew once the server has another file under that name.
    hub.contents
        .lock()
        .unwrap()
        .packages
        .insert("torch/torch-1.0-py3-none-any.whl".to_owned(), b"EVIL".to_vec());
    assert_eq!(served.get(target).status, 403);
    drop(served);
    let served = Served::start(folder.path(), &hub, &Setup { offline: true, ..Setup::default() });
    assert_eq!(served.get(target).body.len(), 2004, "offline the file that was cleared last");
}

#[test]
fn a_request_says_once_what_lets_it_in() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub(false));
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let (target, one) = ("/-/fetch/plain/torch-0.1.tar.gz", ("Authorization", "Bearer one"));
    assert_eq!(served.ask("GET", target, &[one, ("Authorization", "Bearer two")], "").status, 400);
    assert!(served.book.seals.lock().unwrap().is_empty());
    assert_eq!(served.ask("GET", target, &[one], "").status, 200);
}
