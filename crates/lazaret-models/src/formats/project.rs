//! `pyproject.toml`: what building the package runs, and what it is built from and needs. Lock files (`uv.lock`, `poetry.lock`,
//! `pdm.lock`, `Pipfile.lock`): where its packages come from.

use lazaret_core::{FormatId, Severity};
use lazaret_input::json::{JsonKind as Kind, Node};

use super::json::{JsonKind, Walk, path_of};
use super::{packages, requirements};
use crate::look::Looking;
use crate::part::{Part, printed};
use crate::rules;

/// Settings of a package of Python.
pub(crate) struct PythonProject;

/// Build systems that are packages of their own.
const BACKENDS: &[&str] = &[
    "flit.buildapi",
    "flit_core.buildapi",
    "flit_scm:buildapi",
    "hatchling.build",
    "jupyter_packaging.build_api",
    "maturin",
    "mesonpy",
    "pbr.build",
    "pdm.backend",
    "pdm.pep517.api",
    "poetry.core.masonry.api",
    "poetry.masonry.api",
    "poetry_dynamic_versioning.backend",
    "py_build_cmake.build",
    "scikit_build_core.build",
    "scikit_build_core.setuptools.build_meta",
    "setuptools.build_meta",
    "setuptools.build_meta:__legacy__",
    "sipbuild.api",
    "uv_build",
    "whey",
];

/// Where tools are told to run code of the folder when the package is built, and what does.
const RUNS: &[(&[&str], &str)] = &[
    (&["build-system", "backend-path"], "the build system lies in the folder itself"),
    (&["tool", "setuptools", "cmdclass"], "a command of setuptools is a class of the package"),
    (&["tool", "hatch", "build", "hooks", "custom"], "hatch runs a hook of the folder"),
    (&["tool", "hatch", "metadata", "hooks", "custom"], "hatch runs a hook of the folder"),
    (&["tool", "pdm", "build", "custom-hook"], "PDM runs a hook of the folder"),
    (&["tool", "pdm", "build", "run-setuptools"], "PDM runs the `setup.py` of the folder"),
    (&["tool", "poetry", "build"], "Poetry runs a script of the folder"),
];

/// Keys whose texts are requirements of pip, in a list or in lists by name.
const REQUIRED: &[&[&str]] = &[
    &["build-system", "requires"],
    &["project", "dependencies"],
    &["project", "optional-dependencies"],
    &["dependency-groups"],
    &["tool", "uv", "dev-dependencies"],
    &["tool", "pdm", "dev-dependencies"],
];

/// Tables of tools that say where packages come from: each is a list of addresses by these keys.
const SOURCES: &[&[&str]] =
    &[&["tool", "poetry", "source"], &["tool", "pdm", "source"], &["tool", "uv", "index"], &["source"]];

impl JsonKind for PythonProject {
    fn id(&self) -> FormatId {
        FormatId("python-project")
    }

    fn about(&self) -> &'static str {
        "settings of a Python package (pyproject.toml), lock files"
    }

    fn recognise(&self, root: Node<'_, '_>, file_name: &str) -> bool {
        file_name == "pyproject.toml"
            || locked(root).next().is_some()
            || at(root, &["_meta", "sources"]).is_some()
            || root.get("build-system").is_some_and(|system| system.kind() == Kind::Object)
    }

    fn read(&self, root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
        backend(root, part, looking);
        for (path, says) in RUNS {
            if let Some(node) = at(root, path) {
                looking.find(
                    &rules::BUILD_CODE,
                    part.inner(&path_of(node)),
                    format!("{says}: a build runs it"),
                );
            }
        }
        computed(root, part, looking);
        for node in REQUIRED.iter().filter_map(|path| at(root, path)) {
            for text in Walk::new(node).filter(|node| node.as_str().is_some()) {
                required(text, part, looking);
            }
        }
        for node in SOURCES.iter().filter_map(|path| at(root, path)).flat_map(|list| list.items()) {
            index(node.get("url"), part, looking);
        }
        for key in ["index-url", "extra-index-url"] {
            let node = at(root, &["tool", "uv", key]);
            node.into_iter().flat_map(Walk::new).for_each(|node| index(Some(node), part, looking));
        }
        for node in at(root, &["_meta", "sources"]).into_iter().flat_map(|list| list.items()) {
            index(node.get("url"), part, looking);
        }
        tables(root, part, looking);
        for source in locked(root) {
            is_from(source, part, looking);
        }
    }
}

/// Where packages of a lock file come from: `source` is a table in those of uv and Poetry.
fn locked<'d, 'a>(root: Node<'d, 'a>) -> impl Iterator<Item = Node<'d, 'a>> {
    let packages = root.get("package").into_iter().flat_map(|packages| packages.items());
    packages.filter_map(|package| package.get("source")).filter(|source| source.kind() == Kind::Object)
}

/// Judges where a package of a lock file comes from. Paths are of the folder that is locked.
fn is_from(source: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let of_poetry = source.get("type").and_then(|kind| kind.as_str());
    for member in source.members() {
        let address = member.value.as_str().unwrap_or_default();
        let line = match (member.key, of_poetry) {
            ("registry", _) | ("url", Some("legacy")) if address.contains("://") => {
                format!("--index-url {address}")
            }
            ("git", _) | ("url", Some("git")) => format!("git+{address}"),
            ("url", None | Some("url")) => address.to_owned(),
            _ => continue,
        };
        requirements::comes_from(&line, || part.inner(&path_of(member.value)), looking);
    }
}

/// What stands below these keys.
fn at<'d, 'a>(root: Node<'d, 'a>, path: &[&str]) -> Option<Node<'d, 'a>> {
    path.iter().try_fold(root, |node, key| node.get(key))
}

fn backend(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let Some(node) = at(root, &["build-system", "build-backend"]) else { return };
    let name = node.as_str().unwrap_or_default();
    if !BACKENDS.contains(&name) {
        let says = format!("the package is built by `{}`, which is no usual build system", printed(name));
        looking.find_as(Severity::Medium, &rules::BUILD_CODE, part.inner(&path_of(node)), says);
    }
}

/// Values that a build takes from code.
fn computed(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let dynamic = at(root, &["tool", "setuptools", "dynamic"]);
    let attributes = dynamic.into_iter().flat_map(|table| table.members());
    for node in attributes.filter_map(|member| member.value.get("attr")) {
        let says = "setuptools takes it from an attribute, and may import the package for it".to_owned();
        looking.find_as(Severity::Low, &rules::BUILD_CODE, part.inner(&path_of(node)), says);
    }
    for (tool, key) in [("hatch", "source"), ("pdm", "source")] {
        let source = at(root, &["tool", tool, "version", key]);
        let source = source.filter(|source| matches!(source.as_str(), Some("code" | "call")));
        if let Some(node) = source {
            let says = "the version is what code of the folder says when the package is built".to_owned();
            looking.find(&rules::BUILD_CODE, part.inner(&path_of(node)), says);
        }
    }
}

fn required(node: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let line = node.as_str().unwrap_or_default();
    let place = || part.inner(&path_of(node));
    packages::required(line, place(), "pyproject", looking);
    requirements::comes_from(line, place, looking);
}

/// The address of an index of packages.
fn index(node: Option<Node<'_, '_>>, part: &Part, looking: &mut Looking<'_>) {
    let Some((node, address)) = node.and_then(|node| Some((node, node.as_str()?))) else { return };
    let line = format!("--index-url {address}");
    requirements::comes_from(&line, || part.inner(&path_of(node)), looking);
}

/// Dependencies as tables have them: `torch = "^2.1"`, `x = { git = "https://…" }`.
fn tables(root: Node<'_, '_>, part: &Part, looking: &mut Looking<'_>) {
    let poetry = at(root, &["tool", "poetry"]);
    let groups =
        poetry.and_then(|poetry| poetry.get("group")).into_iter().flat_map(|groups| groups.members());
    let tables = groups
        .filter_map(|group| group.value.get("dependencies"))
        .chain(["dependencies", "dev-dependencies"].iter().filter_map(|key| poetry?.get(key)))
        .chain(at(root, &["tool", "uv", "sources"]))
        .chain(["packages", "dev-packages", "default", "develop"].iter().filter_map(|key| root.get(key)));
    for node in tables.flat_map(Walk::new) {
        let line = match (node.key(), node.as_str()) {
            (Some("git"), Some(address)) => format!("git+{address}"),
            (Some("url" | "path" | "file"), Some(address)) if !address.contains("://") => {
                format!("./{address}")
            }
            (Some("url" | "path" | "file"), Some(address)) => address.to_owned(),
            _ => continue,
        };
        requirements::comes_from(&line, || part.inner(&path_of(node)), looking);
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    const USUAL: &str = "[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\
        [project]\nname = \"a\"\nversion = \"1\"\ndependencies = [\"torch==2.1.0\"]\n\
        [project.scripts]\na = \"a.cli:main\"\n[tool.poe.tasks]\ntest.cmd = \"python -m pytest -q\"\n[tool.poetry.dependencies]\ntorch = \"^2.1\"\n\
        [[tool.uv.index]]\nname = \"pytorch\"\nurl = \"https://download.pytorch.org/whl/cpu\"\n";

    #[test]
    fn usual_settings_pass_and_code_of_the_folder_is_told() {
        let report = scan(USUAL, "pyproject.toml");
        assert_eq!((report.format.0, told(&report)), ("python-project", Vec::new()));
        assert!(report.components.iter().any(|component| component.name == "torch"));
        for (more, says) in [
            (
                "[tool.setuptools.cmdclass]\nbuild = \"a.Build\"\n",
                "package.build-code pyproject.toml!tool.setuptools.cmdclass",
            ),
            (
                "[tool.setuptools.dynamic]\nversion = {attr = \"a.v\"}\n",
                "package.build-code pyproject.toml!tool.setuptools.dynamic.version.attr",
            ),
            (
                "[tool.hatch.build.hooks.custom]\n",
                "package.build-code pyproject.toml!tool.hatch.build.hooks.custom",
            ),
            (
                "[tool.hatch.version]\nsource = \"code\"\n",
                "package.build-code pyproject.toml!tool.hatch.version.source",
            ),
            (
                "[dependency-groups]\ndev = [\"x @ git+https://a/x\"]\n",
                "requirements.foreign-source pyproject.toml!dependency-groups.dev[0]",
            ),
            (
                "[tool.poetry.group.dev.dependencies]\nx = {git = \"https://a/x\"}\n",
                "requirements.foreign-source pyproject.toml!tool.poetry.group.dev.dependencies.x.git",
            ),
            (
                "[[tool.poetry.source]]\nurl = \"https://a/simple\"\n",
                "requirements.foreign-source pyproject.toml!tool.poetry.source[0].url",
            ),
        ] {
            assert_eq!(told(&scan(format!("{USUAL}{more}"), "pyproject.toml")), [says], "{more}");
        }
    }

    #[test]
    fn where_locked_packages_come_from_is_told() {
        let uv = |source: &str| {
            format!("version = 1\n[[package]]\nname = \"x\"\nversion = \"1\"\nsource = {{ {source} }}\n")
        };
        let poetry = |kind: &str, url: &str| {
            format!(
                "[[package]]\nname = \"x\"\nversion = \"1\"\n[package.source]\ntype = \"{kind}\"\nurl = \"{url}\"\n[metadata]\nlock-version = \"2.0\"\n"
            )
        };
        for (text, name) in [
            (uv("url = \"https://a/x.whl\""), "uv.lock"),
            (uv("git = \"https://a/x?rev=1\""), "uv.lock"),
            (uv("registry = \"https://a/simple\""), "uv.lock"),
            (poetry("legacy", "https://a/simple"), "poetry.lock"),
            (poetry("git", "https://a/x.git"), "poetry.lock"),
            (poetry("url", "http://a/x.whl"), "poetry.lock"),
            (
                r#"{"_meta": {"sources": [{"name": "a", "url": "https://a/simple"}]}, "default": {}}"#
                    .to_owned(),
                "Pipfile.lock",
            ),
            (
                r#"{"_meta": {"sources": []}, "default": {"x": {"file": "https://a/x.whl"}}}"#.to_owned(),
                "Pipfile.lock",
            ),
        ] {
            let report = scan(text.clone(), name);
            let found: Vec<_> = report.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(found, ["requirements.foreign-source"], "{text}");
        }
        for (text, name) in [
            (uv("registry = \"https://pypi.org/simple\""), "uv.lock"),
            (uv("editable = \".\""), "uv.lock"),
            (r#"{"_meta": {"sources": [{"url": "https://pypi.org/simple"}]}, "default": {"x": {"version": "==1"}}}"#.to_owned(), "Pipfile.lock"),
        ] {
            assert_eq!(told(&scan(text.clone(), name)), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_build_system_of_the_folder_is_told() {
        let text = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
        let found = told(&scan(text, "pyproject.toml"));
        let places = ["build-backend", "backend-path"];
        assert_eq!(
            found,
            places.map(|place| format!("package.build-code pyproject.toml!build-system.{place}"))
        );
    }
}
