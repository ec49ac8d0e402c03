//! What a blob is called: the names of files that its manifest gives it, by which it is inspected, since what a file does
//! depends on what it is taken for.

use std::collections::BTreeSet;

use crate::updates::path::is_file;

/// The annotations that give a file's name: of ModelPack, of its former name, and of ORAS and others.
const NAMED_BY: [&str; 3] =
    ["org.cncf.model.filepath", "org.cnai.model.filepath", "org.opencontainers.image.title"];

/// Media types whose blobs have no name of their own, with one that says what they are.
const UNNAMED: [(&str, &str); 13] = [
    ("application/vnd.ollama.image.model", "model.gguf"),
    ("application/vnd.ollama.image.adapter", "adapter"),
    ("application/vnd.ollama.image.projector", "projector.gguf"),
    ("application/vnd.ollama.image.template", "template.gotmpl"),
    ("application/vnd.ollama.image.prompt", "prompt.txt"),
    ("application/vnd.ollama.image.system", "system.txt"),
    ("application/vnd.ollama.image.license", "license.txt"),
    ("application/vnd.ollama.image.params", "params.json"),
    ("application/vnd.ollama.image.messages", "messages.json"),
    ("application/vnd.docker.ai.gguf.v3", "model.gguf"),
    ("application/vnd.docker.ai.mmproj", "projector.gguf"),
    ("application/vnd.docker.ai.license", "license.txt"),
    ("application/vnd.docker.ai.chat.template.jinja", "chat_template.jinja"),
];

/// The endings of media types that are archives, with those of names.
const PACKED: [(&str, &str); 6] = [
    ("tar+gzip", ".tar.gz"),
    ("tar.gzip", ".tar.gz"), // Docker's layers
    ("tar+zstd", ".tar.zst"),
    ("tar.zstd", ".tar.zst"),
    ("tar+gz", ".tar.gz"),
    ("tar", ".tar"),
];

/// The names that clients may take a blob for: each annotation's, and one that says what its media type does, else its
/// digest.
pub(crate) fn names_of<'a>(
    media_type: &str,
    annotation: impl Fn(&str) -> Option<&'a str>,
    digest: &str,
) -> BTreeSet<String> {
    let given = given_names(media_type, annotation, digest);
    if !given.is_empty() {
        return given;
    }
    let (media_type, packed) = of_media_type(media_type);
    let digest = digest.replace(':', "-");
    BTreeSet::from([if media_type.starts_with("text/") {
        format!("{digest}.txt")
    } else if media_type.ends_with("+json") || media_type == "application/json" {
        format!("{digest}.json")
    } else {
        whole(&digest, packed)
    }])
}

/// Those of them that do not come from its digest: which each annotation gives it, and its media type.
pub fn given_names<'a>(
    media_type: &str,
    annotation: impl Fn(&str) -> Option<&'a str>,
    digest: &str,
) -> BTreeSet<String> {
    let (media_type, packed) = of_media_type(media_type);
    let given = NAMED_BY.iter().filter_map(|key| annotation(key));
    // Some clients go by the media type alone, whatever the annotations say.
    let known = UNNAMED.iter().find(|(of, _)| *of == media_type).map(|(_, name)| (*name).to_owned());
    given.map(|name| whole(&plain(name, digest), packed)).chain(known).collect()
}

/// A media type without its parameters, and with what the names of its archives end, if it is one of archives.
fn of_media_type(media_type: &str) -> (String, Option<&'static str>) {
    let media_type = super::manifest::essence(media_type);
    let packed = PACKED.iter().find(|(ending, _)| media_type.ends_with(ending)).map(|(_, ending)| *ending);
    (media_type, packed)
}

/// An archive is named as the file or folder within it.
fn whole(name: &str, packed: Option<&str>) -> String {
    match packed {
        Some(ending) if !name.to_ascii_lowercase().ends_with(ending) => format!("{name}{ending}"),
        _ => name.to_owned(),
    }
}

/// A name as it may stand in the ledger: as it is given where it is a path of a file, else what is left of its last step.
fn plain(name: &str, digest: &str) -> String {
    let name = name.trim_start_matches("./").trim_matches('/');
    if is_file(name) {
        return name.to_owned();
    }
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let last: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if is_file(&last) { last } else { digest.replace(':', "-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(media_type: &str, annotations: &[(&str, &str)]) -> Vec<String> {
        let annotation = |key: &str| annotations.iter().find(|(of, _)| *of == key).map(|(_, value)| *value);
        names_of(media_type, annotation, "sha256:00ff").into_iter().collect()
    }

    #[test]
    fn a_blob_goes_by_the_names_that_clients_give_its_file() {
        let [path, former, title] = NAMED_BY;
        let raw = "application/vnd.cncf.model.weight.v1.raw";
        assert_eq!(names(raw, &[(path, "a/model.safetensors")]), ["a/model.safetensors"]);
        assert_eq!(names(raw, &[(path, "a.md"), (title, "b.pkl")]), ["a.md", "b.pkl"], "by either of them");
        assert_eq!(names(raw, &[(former, "evil.py"), (title, "a.md")]), ["a.md", "evil.py"]);
        let template = "application/vnd.ollama.image.template";
        assert_eq!(
            names(template, &[(title, "a.md")]),
            ["a.md", "template.gotmpl"],
            "clients do not look at the title"
        );
        let packed = "application/vnd.cncf.model.weight.v1.tar+gzip";
        assert_eq!(names(packed, &[(path, "model.bin")]), ["model.bin.tar.gz"]);
        assert_eq!(names(packed, &[(title, "layer.TAR.GZ")]), ["layer.TAR.GZ"]);
        assert_eq!(names("application/vnd.kitops.modelkit.model.v1.tar", &[]), ["sha256-00ff.tar"]);
        assert_eq!(names("application/vnd.docker.image.rootfs.diff.tar.gzip", &[]), ["sha256-00ff.tar.gz"]);
        assert_eq!(names("application/vnd.ollama.image.model", &[]), ["model.gguf"]);
        assert_eq!(names("application/vnd.oci.image.config.v1+json", &[]), ["sha256-00ff.json"]);
        assert_eq!(names("Text/Plain; charset=utf-8", &[]), ["sha256-00ff.txt"]);
        assert_eq!(names("application/x", &[]), ["sha256-00ff"]);
    }

    #[test]
    fn a_name_that_climbs_or_hides_is_its_last_step() {
        let named = |name: &str| plain(name, "sha256:00ff");
        assert_eq!((named("./a/b.pkl"), named("/a/b")), ("a/b.pkl".to_owned(), "a/b".to_owned()));
        assert_eq!(named("../../etc/cron.d/x"), "x");
        assert_eq!(named("a\\b\u{0}.pkl"), "b.pkl");
        assert_eq!(
            (named(".."), named(""), named("a/../..")),
            ("sha256-00ff".into(), "sha256-00ff".into(), "sha256-00ff".into())
        );
        assert_eq!(named(&"n".repeat(5000)).len(), 200);
    }
}
