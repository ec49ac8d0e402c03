//! Model archives of `TorchServe`: the manifest says which member is what, and what the server imports.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::{self, Node};

use super::{Members, ZipKind, is_python};
use crate::callables::documents::{Effect, judge_by};
use crate::formats::beside::leaves;
use crate::formats::json::{MAX_SIZE, limits, path_of};
use crate::formats::recipes::HANDLERS;
use crate::formats::requirements::Requirements;
use crate::look::Looking;
use crate::own::About;
use crate::part::{Part, printed};
use crate::registry::ModelFormat;
use crate::rules;

/// A model archive.
pub(super) struct ModelArchive;

const MANIFEST: &str = "MAR-INF/MANIFEST.json";

impl ZipKind for ModelArchive {
    fn id(&self) -> FormatId {
        FormatId("mar")
    }

    fn about(&self) -> &'static str {
        "TorchServe model archive"
    }

    fn recognise(&self, names: &[&str]) -> bool {
        names.contains(&MANIFEST)
    }

    fn whole(&self, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
        if let Some(handler) = members.in_order().find(|name| is_python(name)) {
            let message = "it carries Python source: the server runs its handler when it starts";
            looking.find(&rules::HANDLER_CODE, part.inner(handler), message);
        }
        // What is wrong with the manifest was told when it was looked at by itself.
        let Some(manifest) = members.open(MANIFEST, part, looking) else { return };
        let Ok(bytes) = manifest.whole(looking.limits.get(MAX_SIZE)) else { return };
        let read = json::parse(&bytes, &limits(looking.limits));
        let Some(document) = &read.document else { return };
        let models = document.root().members().filter(|member| member.key == "model");
        for member in models.flat_map(|model| model.value.members()) {
            let Some(value) = member.value.as_str() else { continue };
            match member.key {
                "handler" => handler(value, member.value, &manifest, members, looking),
                "requirementsFile" => requirements(value, members, part, looking),
                "serializedFile" | "modelFile" | "extraFiles" | "configFile" => {}
                _ => continue,
            }
            stays(value, member.value, &manifest, looking);
        }
    }
}

/// Tells a file of the manifest that is none of the archive.
fn stays(value: &str, node: Node<'_, '_>, manifest: &Part, looking: &mut Looking<'_>) {
    for path in value.split(',').map(str::trim) {
        // A handler has its function behind the file.
        let path = if node.key() == Some("handler") { path.split(':').next().unwrap_or(path) } else { path };
        if let Some(why) = leaves(path) {
            let says = format!("TorchServe takes `{}` for a file of the archive, which {why}", printed(path));
            looking.find(&rules::HF_PATH_ESCAPE, manifest.inner(&path_of(node)), says);
        }
    }
}

/// The server imports the handler by the name of its file, wherever Python finds one.
fn handler(
    value: &str,
    node: Node<'_, '_>,
    manifest: &Part,
    members: &Members<'_>,
    looking: &mut Looking<'_>,
) {
    let (file, function) = value.split_once(':').unwrap_or((value, ""));
    let module = file.strip_suffix(".py").unwrap_or(file);
    let module = module.rsplit('/').next().unwrap_or(module);
    let path = module.replace('.', "/");
    let is_carried = [format!("{path}.py"), format!("{path}/__init__.py")]
        .iter()
        .any(|own| members.names().any(|name| name == own));
    if is_carried || HANDLERS.contains(&value) {
        return;
    }
    let shown = printed(value);
    let (severity, says) = match judge_by(looking.own, module, function) {
        Effect::Dangerous(does) => {
            (Severity::Critical, format!("TorchServe calls the handler `{shown}`: it {does}"))
        }
        Effect::Own => return,
        _ => (
            rules::HANDLER_CODE.rule.severity,
            format!(
                "TorchServe imports the handler `{shown}`, which is none of its own and is not in the archive"
            ),
        ),
    };
    let about = About::callable(module, function);
    looking.find_about(severity, &rules::HANDLER_CODE, about, manifest.inner(&path_of(node)), says);
}

/// The server has pip install what the named member lists, whatever the member is called.
fn requirements(name: &str, members: &Members<'_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(list) = members.open(name, part, looking) else { return };
    if Requirements::is_named(&list.file_name()) {
        return; // read as such by its name
    }
    if let Err(unread) = Requirements.read(&list, looking) {
        looking.unread(&list, &unread);
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};
    use crate::formats::zip::tests::zip;

    fn archive(model: &str, others: &[(&str, &str)]) -> Vec<u8> {
        let manifest = format!(
            r#"{{"createdOn":"x","runtime":"python","model":{{"modelName":"m",{model}}},"archiverVersion":"0.8"}}"#
        );
        let mut members = vec![("MAR-INF/MANIFEST.json", manifest.as_bytes())];
        members.extend(others.iter().map(|(name, text)| (*name, text.as_bytes())));
        zip(&members)
    }

    fn said(model: &str, others: &[(&str, &str)]) -> Vec<String> {
        told(&scan(archive(model, others), "m.mar"))
    }

    #[test]
    fn handlers_that_are_not_in_the_archive_are_told() {
        for name in ["evilmod:handle", "evilhandler", "a/b.py", "os.py:system"] {
            let model = format!(r#""handler":"{name}""#);
            let place = "torchserve.handler-code m.mar!MAR-INF/MANIFEST.json!model.handler";
            assert_eq!(said(&model, &[]), [place], "{name}");
        }
        assert_eq!(said(r#""handler":"image_classifier""#, &[]), [""; 0]);
        let carried = said(r#""handler":"h.py:run""#, &[("h.py", "x = 1\n")]);
        assert!(carried.iter().all(|told| !told.contains("MANIFEST")), "{carried:?}");
        let report = scan(archive(r#""handler":"os.py:system""#, &[]), "m.mar");
        assert_eq!(report.findings[0].severity, lazaret_core::Severity::Critical);
    }

    #[test]
    fn files_that_are_none_of_the_archive_are_told() {
        for key in ["serializedFile", "modelFile", "requirementsFile", "extraFiles", "configFile"] {
            let model = format!(r#""handler":"image_classifier","{key}":"a.txt,../../x""#);
            let place = format!("hf.path-escapes-model m.mar!MAR-INF/MANIFEST.json!model.{key}");
            assert_eq!(said(&model, &[]), [place], "{key}");
            let model = format!(r#""handler":"image_classifier","{key}":"a.txt,b/c.txt""#);
            assert_eq!(said(&model, &[]), [""; 0], "{key}");
        }
    }

    #[test]
    fn requirements_are_read_whatever_they_are_called() {
        let list = "--index-url http://localhost/simple\nx==1\n";
        for name in ["r.txt", "requirements.txt"] {
            let model = format!(r#""handler":"image_classifier","requirementsFile":"{name}""#);
            let told = said(&model, &[(name, list)]);
            assert_eq!(told, [format!("requirements.foreign-source m.mar!{name}")], "{name}");
            assert_eq!(said(&model, &[(name, "torch==2.1.0\n")]), [""; 0], "{name}");
        }
    }
}
