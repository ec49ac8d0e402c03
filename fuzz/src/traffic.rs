//! What clients, upstreams and clusters say to the proxies and the webhook.

use std::fmt::Write as _;

use lazaret_core::Limits;
use lazaret_traffic::admission::notes::Note as AdmissionNote;
use lazaret_traffic::admission::{review as reviews, standing, uses};
use lazaret_traffic::net::url::Url;
use lazaret_traffic::net::without::without;
use lazaret_traffic::net::{headers, range};
use lazaret_traffic::updates::hugging_face::route::Route;
use lazaret_traffic::updates::mlflow::source::Source;
use lazaret_traffic::updates::oci::challenge::challenges;
use lazaret_traffic::updates::oci::manifest::{KINDS, Manifest};
use lazaret_traffic::updates::oci::route::Route as RegistryRoute;
use lazaret_traffic::updates::path;
use lazaret_traffic::updates::pypi::simple::{Project, is_file_name};

/// A review of the API server: which models its objects use, whose they are. And lines of the verdicts and notes that travel
/// between webhooks.
pub fn admission_review(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let mut said =
        format!("{:?} {:?}; ", standing::read(bytes, &limits), AdmissionNote::read(bytes, &limits));
    let document = match reviews::document(bytes, &limits) {
        Ok(document) => document,
        Err(error) => return said + &error.to_string(),
    };
    let review = match reviews::review(&document) {
        Ok(review) => review,
        Err(error) => return said + &error.to_string(),
    };
    for object in [review.object, review.old].into_iter().flatten() {
        let found = uses::uses(&review, object, uses::MAX_MODELS);
        let workload = uses::Workload::of(&review, object);
        let _ = write!(said, "{:?} {found:?} {workload:?}; ", review.operation);
    }
    said
}

/// A page of a simple index, as HTML and as JSON: what is made of it holds plain names alone and is read the same again.
pub fn simple_index(bytes: &[u8]) -> String {
    let limits = Limits::default();
    let Ok(at) = Url::parse("https://index.example/simple/torch/") else { return String::new() };
    let html = Project::of_html("torch", &String::from_utf8_lossy(bytes), &at, &limits);
    let json = Project::of_json("torch", bytes, &at, &limits);
    let mut said = String::new();
    for read in [html, json] {
        let project = match read {
            Ok(project) => project,
            Err(error) => {
                let _fits = writeln!(said, "{error}");
                continue;
            }
        };
        assert!(project.files.iter().all(|file| is_file_name(&file.name)));
        let again = Project::of_html("torch", &project.to_html(|file| file.url.whole()), &at, &limits);
        assert_eq!(again.map(|again| again.files.len()).ok(), Some(project.files.len()));
        let again =
            Project::of_json("torch", project.to_json(|file| file.url.whole()).as_bytes(), &at, &limits);
        assert_eq!(again.as_ref().ok(), Some(&project));
        let _fits = writeln!(said, "{project:?}");
    }
    said
}

/// What a client asks of a registry of images and what a registry wants to know, a line each; and a manifest, whose blobs have
/// names that stay in their folder.
pub fn registry(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut said = String::new();
    for line in text.lines().take(100) {
        let steps = path::steps(line).unwrap_or_default();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let route = RegistryRoute::of(&steps).map_err(|refusal| refusal.message);
        let _fits = writeln!(said, "{route:?} {:?}", challenges(line));
    }
    for sent_as in ["", KINDS[0].0] {
        let read = Manifest::read(bytes, sent_as, &Limits::default());
        for name in read.iter().flat_map(|manifest| &manifest.blobs).flat_map(|blob| &blob.names) {
            assert!(path::is_file(name), "{name}");
        }
        let _fits = writeln!(said, "{read:?}");
    }
    said
}

/// What a client or an upstream says in a line: an address, a path, a range, a tag, a source of a model; and a page of the
/// hub.
pub fn update_request(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut said = String::new();
    for line in text.lines().take(100) {
        let route = path::steps(line).and_then(|steps| Route::of(&steps));
        if let Some(route) = &route {
            assert_eq!(path::steps(&route.path()).and_then(|steps| Route::of(&steps)).as_ref(), Some(route));
        }
        let url = Url::parse(line);
        let (wanted, part) = (range::wanted(Some(line), 1000), range::content_range(line));
        if let range::Wanted::Part { from, to } = wanted {
            assert!(from < to && to <= 1000);
        }
        let source = Source::parse(line);
        if let Some(Source::Artifacts(path) | Source::Run { path, .. }) = &source {
            assert!(!path.split('/').any(|step| step == ".."));
        }
        let _fits =
            writeln!(said, "{route:?} {url:?} {wanted:?} {part:?} {:?} {source:?}", headers::tag(line));
    }
    let keys = ["xetHash"];
    if let Some(page) = without(&keys, bytes, &Limits::default()) {
        assert_eq!(without(&keys, &page, &Limits::default()).as_ref(), Some(&page));
        said.push_str(&String::from_utf8_lossy(&page));
    }
    said
}
