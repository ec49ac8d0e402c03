//! The hub through the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lazaret_core::{Limits, Sha256};
use lazaret_traffic::updates::asker::Asker;

use crate::main::house::{Served, Setup};
use crate::main::hub::{COMMIT, Contents, Hub, Reply, SECRET, Server, answer, sha256};

fn large(word: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 241).unwrap()).collect();
    bytes[200_000..200_000 + word.len()].copy_from_slice(word.as_bytes());
    bytes
}

fn hub() -> Hub {
    let files = [
        ("org/model/config.json", b"{\"a\": 1}".to_vec()),
        ("org/model/sub/good one.bin", large("fine")),
        ("org/model/bad.bin", large("EVIL")),
        ("org/data/x.csv", b"a,b".to_vec()),
        ("private/model/w.bin", large("ours")),
    ];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes)).into();
    Hub::start(Contents { files, ..Contents::default() })
}

const GOOD: &str = "/org/model/resolve/main/sub/good%20one.bin";
const BAD: &str = "/org/model/resolve/main/bad.bin";

#[test]
fn head_tells_what_a_client_needs_without_a_download() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let head = served.ask("HEAD", GOOD, &[("Accept-Encoding", "identity")], "");
    let digest = sha256(&large("fine"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("x-repo-commit"), COMMIT);
    assert_eq!(
        (head.header("etag"), head.header("x-linked-etag")),
        (&*format!("\"{digest}\""), &*format!("\"{digest}\""))
    );
    assert_eq!((head.header("content-length"), head.header("x-linked-size")), ("300000", "300000"));
    let names =
        head.headers.keys().filter(|name| name.contains("xet") || *name == "link" || *name == "location");
    assert_eq!(names.count(), 0, "{head:?}");
    let small = served.ask("HEAD", "/org/model/resolve/main/config.json", &[], "");
    assert_eq!((small.header("content-length"), small.header("x-linked-etag")), ("8", ""));
    assert_eq!((hub.cdn.count(""), hub.server.count("GET"), hub.server.count("HEAD")), (0, 0, 2));
    assert!(served.book.pulls.lock().unwrap().is_empty());
}

#[test]
fn a_cleared_file_is_given_whole_and_in_parts_and_fetched_once() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let whole = served.get(GOOD);
    assert_eq!((whole.status, whole.body == large("fine")), (200, true));
    assert_eq!((whole.header("x-repo-commit"), whole.header("accept-ranges")), (COMMIT, "bytes"));
    let tag = whole.header("etag").to_owned();
    let part = served.ask("GET", GOOD, &[("Range", "bytes=299990-"), ("If-Range", &tag)], "");
    assert_eq!((part.status, part.body == large("fine")[299_990..]), (206, true));
    assert_eq!(part.header("content-range"), "bytes 299990-299999/300000");
    let last = served.ask("GET", GOOD, &[("Range", "bytes=-3")], "");
    assert_eq!((last.status, last.body.len()), (206, 3));
    assert_eq!(served.ask("GET", GOOD, &[("Range", "bytes=300000-")], "").status, 416);
    let same = served.ask("GET", GOOD, &[("If-None-Match", &tag)], "");
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(hub.cdn.count("GET"), 1);
    let (seals, pulls) = (served.book.seals.lock().unwrap().len(), served.book.pulls.lock().unwrap().len());
    assert_eq!((seals, pulls), (1, 4), "one crossing, and each answer with bytes is recorded");
    let pull = served.book.pulls.lock().unwrap()[0].clone();
    assert_eq!((pull.asked.model.as_str(), pull.asked.file.as_str()), ("org/model", "sub/good one.bin"));
    assert_eq!(pull.asked.revision.as_deref(), Some(COMMIT));
}

#[test]
fn of_a_blocked_file_no_byte_leaves_and_the_client_is_told_why() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let of_it = &large("EVIL")[1000..1016];
    for headers in [&[][..], &[("Range", "bytes=0-9")], &[("Range", "bytes=200000-")]] {
        let blocked = served.ask("GET", BAD, headers, "");
        assert_eq!((blocked.status, blocked.header("x-error-code")), (403, "GatedRepo"));
        let message = blocked.header("x-error-message").to_owned();
        assert!(message.starts_with(
            "lazaret blocked bad.bin of org/model: fake.evil (critical) at bad.bin@200000. Receipt 0"
        ));
        assert_eq!(blocked.reason, message);
        assert!(blocked.raw.len() < 2000 && !blocked.raw.windows(16).any(|window| window == of_it));
    }
    let left = walk(folder.path()).into_iter().filter(|path| path.metadata().unwrap().len() > 10_000);
    assert_eq!(left.count(), 0, "nothing of it stays here");
    assert!(served.book.pulls.lock().unwrap().is_empty());
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn two_that_ask_for_the_same_file_share_one_download() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let seen: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6).map(|_| scope.spawn(|| served.get(GOOD))).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(seen.iter().all(|seen| seen.status == 200 && seen.body == large("fine")));
    assert_eq!(hub.cdn.count("GET"), 1);
}

#[test]
fn a_download_that_breaks_off_is_taken_up_and_one_that_is_not_whole_does_not_cross() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    hub.contents.lock().unwrap().cuts = vec![1000, 150_000];
    assert!(served.get(GOOD).body == large("fine"));
    let ranges: Vec<String> = hub
        .cdn
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|asked| asked.headers.get("range").cloned().unwrap_or_default())
        .collect();
    assert_eq!(ranges, ["", "bytes=1000-", "bytes=151000-"]);
    let mut few = Limits::default();
    few.set("traffic.max_breaks", 1);
    let other = tempfile::tempdir().unwrap();
    let served = Served::start(other.path(), &hub, &Setup { limits: few, ..Setup::default() });
    hub.contents.lock().unwrap().cuts = vec![1000, 1000, 1000];
    let broken = served.get(GOOD);
    assert_eq!(broken.status, 502, "{}", broken.text());
    assert!(served.book.seals.lock().unwrap().is_empty());
}

#[test]
fn what_is_not_what_was_announced_does_not_cross() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    // The server of large files gives other bytes of the same length under the digest that the hub announced.
    let cdn = Server::start(|_| Reply::ok("x/y", large("liar")));
    let (port, digest) = (cdn.port, sha256(&large("fine")));
    let lying = Server::start(move |_| {
        Reply::of(302)
            .with("Location", format!("http://127.0.0.1:{port}/f"))
            .with("X-Linked-Etag", format!("\"{digest}\""))
            .with("X-Linked-Size", "300000")
            .with("X-Repo-Commit", COMMIT)
    });
    let served =
        Served::start(folder.path(), &Hub { server: lying, cdn, contents: hub.contents }, &Setup::default());
    let refused = served.get(GOOD);
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("SHA-256 is not the one announced"), "{}", refused.text());
    assert!(served.book.seals.lock().unwrap().is_empty());
}

#[test]
fn nothing_is_given_where_recording_fails() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    served.book.fails.store(true, Ordering::SeqCst);
    assert_eq!(served.get(GOOD).status, 503);
    served.book.fails.store(false, Ordering::SeqCst);
    assert_eq!(served.get(GOOD).status, 200);
    served.book.fails.store(true, Ordering::SeqCst);
    let refused = served.get(GOOD); // it is cleared and here, and that it goes out is not recorded
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("it could not be recorded who asks"), "{}", refused.text());
}

#[test]
fn pages_are_the_hubs_without_what_leads_round_the_gate() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let info = served.get("/api/models/org/model/revision/main?blobs=true");
    assert!(
        info.text().contains(COMMIT) && info.text().contains("good one.bin") && !info.text().contains("xet")
    );
    let tree = served.get(&format!("/api/models/org/model/tree/{COMMIT}?recursive=true"));
    assert!(tree.text().contains("\"lfs\"") && !tree.text().contains("xetHash"));
    assert_eq!(tree.header("link"), "");
    let paths = served.ask(
        "POST",
        "/api/models/org/model/paths-info/main",
        &[("Content-Type", "application/json")],
        "{\"paths\":[]}",
    );
    assert_eq!(paths.status, 200);
    let nobody = served.get("/api/models/org/none");
    assert_eq!((nobody.status, nobody.header("x-error-code")), (404, "RepoNotFound"));
    let no_file = served.get("/org/model/resolve/main/none.txt");
    assert_eq!((no_file.status, no_file.header("x-error-code")), (404, "EntryNotFound"));
}

#[test]
fn what_is_not_passed_on_is_refused_by_name() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let data = served.get("/datasets/org/data/resolve/main/x.csv");
    assert_eq!(data.status, 403);
    assert!(
        data.header("x-error-message")
            .contains("datasets/org/data is refused; to allow them, set `gates.models.hub_datasets`")
    );
    for (method, target, status) in [
        ("GET", "/api/models/org/model/xet-read-token/main", 404),
        ("GET", "/api/whoami-v2", 404),
        ("POST", "/api/repos/create", 404),
        ("PUT", GOOD, 405),
        ("POST", GOOD, 405),
        ("GET", "/api/models/org/model/paths-info/main", 405),
        ("GET", "/org/model/resolve/main/..%2f..%2fx", 400),
    ] {
        assert_eq!(served.ask(method, target, &[], "").status, status, "{method} {target}");
    }
    assert_eq!(hub.server.asked.lock().unwrap().len(), 0);
    let refused =
        Served::start(&folder.path().join("2"), &hub, &Setup { no_cdn: true, ..Setup::default() }).get(GOOD);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("add it to `gates.models.hub_hosts`"), "{}", refused.text());
}

#[test]
fn what_a_client_tells_the_hub_stays_with_the_hub_and_who_may_not_see_a_file_is_not_given_it() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let ours = "/private/model/resolve/main/w.bin";
    let told = [("Authorization", SECRET), ("Cookie", "session=1")];
    assert_eq!(served.ask("GET", ours, &told, "").status, 200);
    assert_eq!(served.ask("GET", ours, &[], "").status, 401, "cleared and here, and still not for everyone");
    for server in [&hub.server, &hub.cdn] {
        let asked = server.asked.lock().unwrap();
        assert!(asked.iter().all(|asked| !asked.headers.contains_key("cookie")));
    }
    assert!(hub.cdn.asked.lock().unwrap().iter().all(|asked| !asked.headers.contains_key("authorization")));
    assert_eq!(served.get(GOOD).status, 200);
    let token = Asker::Secret(SECRET.strip_prefix("Bearer ").unwrap().to_owned().into());
    let expected = [token, Asker::At([127, 0, 0, 1].into())];
    let pulled =
        served.book.pulls.lock().unwrap().iter().map(|pull| pull.asked.by.clone()).collect::<Vec<_>>();
    let crossed =
        served.book.asked.lock().unwrap().iter().map(|(asked, _)| asked.by.clone()).collect::<Vec<_>>();
    assert_eq!((pulled, crossed), (expected.to_vec(), expected.to_vec()));
}

#[test]
fn offline_what_was_cleared_is_given_and_nobody_is_asked() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let info = served.get("/api/models/org/model/revision/main").text();
    assert_eq!((served.get(GOOD).status, served.get(BAD).status), (200, 403));
    let before = served.ask("HEAD", GOOD, &[], "").headers;
    drop(served);
    let asked = hub.server.asked.lock().unwrap().len();
    let served = Served::start(folder.path(), &hub, &Setup { offline: true, ..Setup::default() });
    assert_eq!(served.get("/api/models/org/model/revision/main").text(), info);
    let mut head = served.ask("HEAD", GOOD, &[], "").headers;
    head.insert("date".into(), before["date"].clone());
    assert_eq!(head, before);
    assert!(served.get(GOOD).body == large("fine"));
    assert!(served.get(&GOOD.replace("main", COMMIT)).body == large("fine"));
    let never = served.get(BAD);
    assert_eq!((never.status, never.header("x-error-code")), (403, "GatedRepo"));
    assert!(never.text().contains("lazaret is offline and bad.bin of org/model was not cleared before"));
    assert_eq!(hub.server.asked.lock().unwrap().len(), asked);
    // A cleared file that is gone from the store is not given out by what is remembered of it.
    let digest = sha256(&large("fine"));
    std::fs::remove_file(folder.path().join("store/blobs").join(&digest[..2]).join(&digest)).unwrap();
    assert_eq!(served.get(GOOD).status, 403);
}

#[test]
fn a_file_is_known_only_under_a_name_it_was_cleared_under() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    assert_eq!(served.get(GOOD).status, 200);
    hub.contents.lock().unwrap().files.insert("org/other/run.py".to_owned(), large("fine"));
    hub.contents.lock().unwrap().files.insert("org/other/good one.bin".to_owned(), large("fine"));
    assert_eq!(served.get("/org/other/resolve/main/run.py").status, 200);
    assert_eq!(
        (hub.cdn.count("GET"), served.book.seals.lock().unwrap().len()),
        (2, 2),
        "inspected as what it is called"
    );
    assert_eq!(served.get("/org/other/resolve/main/good%20one.bin").status, 200);
    assert_eq!(hub.cdn.count("GET"), 2, "the same bytes under the same name need no second look");
}

#[test]
fn offline_a_branch_is_the_commit_that_its_page_named() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), hub());
    let served = Served::start(folder.path(), &hub, &Setup::default());
    // As a snapshot is fetched: the page of the branch, then files by their commit.
    assert_eq!(served.get("/api/models/org/model").status, 200);
    assert_eq!(served.get(&GOOD.replace("main", COMMIT)).status, 200);
    drop(served);
    let served = Served::start(folder.path(), &hub, &Setup { offline: true, ..Setup::default() });
    assert_eq!(served.get(GOOD).status, 200);
}

#[test]
fn what_a_file_is_judged_beside_is_fetched_and_let_through_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = Contents::default();
    let mut put = |name: &str, word: &str| contents.files.insert(format!("org/model/{name}"), large(word));
    // More at once than are fetched at once, each with another beside it.
    for number in 0..9 {
        put(&format!("{number}.needs"), "fine");
        put(&format!("{number}.other"), &format!("fine {number}"));
    }
    put("alone.needs", "fine alone");
    put("held.needs", "fine held");
    put("held.other", "EVIL");
    let hub = Hub::start(contents);
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let get = |name: &str| served.get(&format!("/org/model/resolve/main/{name}"));
    let seen: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..9).map(|number| scope.spawn(move || get(&format!("{number}.needs")).status)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(seen, [200; 9]);
    let known = hub.server.count("GET");
    assert_eq!(get("3.other").status, 200);
    assert_eq!(hub.server.count("GET"), known, "it was fetched for the other");
    assert_eq!(
        (get("alone.needs").status, get("held.needs").status, get("held.other").status),
        (403, 403, 403)
    );
    // What was fetched for another was given to nobody.
    let pulls = served.book.pulls.lock().unwrap();
    assert_eq!(pulls.iter().filter(|pull| pull.asked.file.ends_with("other")).count(), 1);
}

#[test]
fn what_is_beside_a_file_and_cannot_be_fetched_now_keeps_it_back() {
    let (folder, contents) = (tempfile::tempdir().unwrap(), Contents::default());
    let hub = Hub::start(contents);
    let put = |name: &str, bytes: Vec<u8>| {
        hub.contents.lock().unwrap().files.insert(format!("org/model/{name}"), bytes);
    };
    put("x.needs", large("fine"));
    put("x.other", large("other"));
    hub.contents.lock().unwrap().cuts = vec![300_000, 9, 9, 9, 9, 9, 9];
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let cut = served.get("/org/model/resolve/main/x.needs");
    assert_eq!((cut.status, served.book.seals.lock().unwrap().len()), (502, 0), "{cut:?}");
    assert_eq!(served.get("/org/model/resolve/main/x.needs").status, 200);
}

#[test]
fn a_file_is_not_held_for_everybody_by_what_could_not_be_had_beside_it() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), Hub::start(Contents::default()));
    let put = |name: &str, bytes: Vec<u8>| {
        hub.contents.lock().unwrap().files.insert(format!("org/model/{name}"), bytes);
    };
    put("x.needs", large("fine"));
    put("x.other", large("other"));
    put("y.needs", large("fine y"));
    put("y.other", large("EVIL"));
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let get = |name: &str| served.get(&format!("/org/model/resolve/main/{name}")).status;
    hub.contents.lock().unwrap().no_list = true;
    assert_eq!(get("x.needs"), 403, "nobody says what lies beside it");
    hub.contents.lock().unwrap().no_list = false;
    let other = Sha256::parse(&sha256(&large("other"))).unwrap();
    served.book.stays.lock().unwrap().push(other);
    assert_eq!(get("x.needs"), 403, "what lies beside it may not leave now");
    served.book.stays.lock().unwrap().clear();
    assert_eq!(get("x.needs"), 200);
    // What lies beside it is held; once something else lies there, it is judged with that.
    assert_eq!(get("y.needs"), 403);
    put("y.other", large("good"));
    assert_eq!(get("y.needs"), 200);
}

#[test]
fn what_was_cleared_beside_others_is_known_there_alone() {
    let (folder, hub) = (tempfile::tempdir().unwrap(), Hub::start(Contents::default()));
    let put = |name: &str, word: &str| {
        hub.contents.lock().unwrap().files.insert(name.to_owned(), large(word));
    };
    put("org/model/x.needs", "fine");
    put("org/model/x.other", "other");
    put("org/alone/x.needs", "fine");
    let served = Served::start(folder.path(), &hub, &Setup::default());
    let get = |model: &str| served.get(&format!("/org/{model}/resolve/main/x.needs")).status;
    let done = || (served.book.seals.lock().unwrap().len(), hub.cdn.count("GET"));
    assert_eq!((get("model"), done()), (200, (2, 2)));
    assert_eq!((get("model"), done()), (200, (2, 2)), "from the store, without another crossing");
    assert_eq!(get("alone"), 403, "nothing lies beside it there");
}

#[test]
fn only_so_many_files_lie_here_until_what_is_beside_them_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = Contents::default();
    for number in 0..6 {
        contents.files.insert(format!("org/model/{number}.needs"), large(&format!("fine {number}")));
        contents.files.insert(format!("org/model/{number}.other"), large(&format!("other {number}")));
    }
    let Hub { cdn, contents, .. } = Hub::start(contents);
    let (goes_on, to) = (Arc::new(AtomicBool::new(false)), cdn.url());
    let (of_hub, may) = (Arc::clone(&contents), Arc::clone(&goes_on));
    let pages = Server::start(move |asked| {
        while asked.target.contains(".other") && !may.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        answer(&of_hub.lock().unwrap(), asked, &to)
    });
    let hub = Hub { server: pages, cdn, contents };
    let mut limits = Limits::default();
    limits.set("updates.max_downloads", 1);
    let served = Served::start(folder.path(), &hub, &Setup { limits, ..Setup::default() });
    let get = |number: usize| served.get(&format!("/org/model/resolve/main/{number}.needs")).status;
    let seen: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..6).map(|number| scope.spawn(move || get(number))).collect();
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(hub.cdn.count("GET"), 2, "as many as may wait");
        goes_on.store(true, Ordering::SeqCst);
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(seen, [200; 6]);
}
