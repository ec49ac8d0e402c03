//! What a model is made of and was made with: the packages it names, with the versions it declares. Facts, no findings:
//! `vulnerabilities` judges them.

use lazaret_core::{Limit, Locator};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// Most components of one file; where there are more, a finding says so.
pub(crate) const MAX_COMPONENTS: Limit = Limit::new("models.max_components", 10_000);
/// Longest name or version that is taken for one.
const MOST_TEXT: usize = 256;

/// Where packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Python's index.
    PyPi,
    /// Packages of conda. Advisories name those of Python's index, which mostly bear the same name.
    Conda,
    /// Programs that are in no index of packages: R, Python itself.
    Generic,
}

impl Ecosystem {
    /// As OSV names the ecosystem in which advisories are sought.
    pub const fn osv(self) -> &'static str {
        match self {
            Self::PyPi | Self::Conda => "PyPI",
            Self::Generic => "",
        }
    }

    const fn purl_type(self) -> &'static str {
        match self {
            Self::PyPi => "pypi",
            Self::Conda => "conda",
            Self::Generic => "generic",
        }
    }
}

/// The version that is declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Declared {
    /// This one.
    Exact(String),
    /// Any that the clauses allow, as written: `>=2,<3`.
    Range(String),
    /// None is said.
    Unknown,
}

/// What the package is to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The model declares that it is to be installed.
    Required,
    /// It wrote the file. What loads it may be another version.
    WrittenBy,
    /// Loading the file runs its code.
    CodeOf,
}

impl Role {
    /// As reports and fingerprints name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::WrittenBy => "written-by",
            Self::CodeOf => "code-of",
        }
    }
}

/// A package that a file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Component {
    /// Where it comes from.
    pub ecosystem: Ecosystem,
    /// Its name, in the form in which names are compared (PEP 503 for Python).
    pub name: String,
    /// The version.
    pub declared: Declared,
    /// What it is to the model.
    pub role: Role,
    /// Where that stands.
    pub at: Locator,
    /// What says it: `requirements`, `_sklearn_version`.
    pub because: &'static str,
}

impl Component {
    /// A package of Python; nothing if the name can be none.
    pub(crate) fn python(
        name: &str,
        declared: Declared,
        role: Role,
        at: Locator,
        because: &'static str,
    ) -> Option<Self> {
        Some(Self { ecosystem: Ecosystem::PyPi, name: normalised(name)?, declared, role, at, because })
    }

    /// Its package URL without a version (<https://github.com/package-url/purl-spec>): the same for every version.
    pub fn purl(&self) -> String {
        format!("pkg:{}/{}", self.ecosystem.purl_type(), percent(&self.name))
    }

    /// Its package URL, with its version where one is pinned.
    pub fn purl_with_version(&self) -> String {
        match &self.declared {
            Declared::Exact(version) => format!("{}@{}", self.purl(), percent(version)),
            Declared::Range(_) | Declared::Unknown => self.purl(),
        }
    }
}

impl Serialize for Component {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (version, range) = match &self.declared {
            Declared::Exact(version) => (Some(version), None),
            Declared::Range(range) => (None, Some(range)),
            Declared::Unknown => (None, None),
        };
        let mut fields = serializer.serialize_struct("Component", 7)?;
        fields.serialize_field("purl", &self.purl_with_version())?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("version", &version)?;
        fields.serialize_field("range", &range)?;
        fields.serialize_field("role", self.role.name())?;
        fields.serialize_field("at", &self.at)?;
        fields.serialize_field("because", self.because)?;
        fields.end()
    }
}

/// A declared version, as far as it is one.
pub(crate) fn exact(version: &str) -> Declared {
    let version = version.trim();
    let fine = !version.is_empty()
        && version.len() <= MOST_TEXT
        && version.starts_with(|c: char| c.is_ascii_digit() || c == 'v')
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_!".contains(&byte));
    if fine { Declared::Exact(version.to_owned()) } else { Declared::Unknown }
}

/// The name of a Python package as PEP 503 compares it: lower case, a `-` for every run of `-`, `_` and `.`; nothing if it
/// can be none.
pub fn normalised(name: &str) -> Option<String> {
    let fine = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= MOST_TEXT
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !fine {
        return None;
    }
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    Some(words.collect::<Vec<_>>().join("-").to_ascii_lowercase())
}

/// The package of Python's index that brings a module; most bear the module's name.
pub(crate) fn package_of_module(module: &str) -> &str {
    let top = module.split('.').next().unwrap_or_default();
    match top {
        "sklearn" => "scikit-learn",
        "skimage" => "scikit-image",
        "cv2" => "opencv-python",
        "PIL" => "pillow",
        "yaml" => "pyyaml",
        "pytorch_lightning" => "pytorch-lightning",
        "pyspark" => "pyspark",
        top => top,
    }
}

/// A line of a list of requirements (PEP 508), without its comment: the name and what it declares. Nothing for options,
/// addresses and paths.
pub(crate) fn requirement(line: &str) -> Option<(String, Declared)> {
    let line = line.split(" #").next().unwrap_or_default().trim();
    let line = line.split(" --").next().unwrap_or_default();
    // Markers say when, which the host decides: the requirement is taken as it stands.
    let line = line.split(';').next().unwrap_or_default().trim();
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    let name = normalised(name)?;
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    if let Some(address) = rest.strip_prefix('@') {
        return address.contains(['/', ':']).then_some((name, Declared::Unknown));
    }
    let rest = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest).trim();
    if rest.is_empty() {
        return Some((name, Declared::Unknown));
    }
    let specifiers = super::vulnerabilities::specifiers(rest)?;
    Some((name, specifiers.pin().map_or_else(|| range(rest), exact)))
}

fn range(text: &str) -> Declared {
    if text.len() > MOST_TEXT { Declared::Unknown } else { Declared::Range(text.to_owned()) }
}

/// A dependency of a conda environment: `numpy=1.26.*`, `python>=3.9`, `conda-forge::torch=2.1=py39_0`.
pub(crate) fn conda_dependency(text: &str) -> Option<(String, Declared)> {
    let text = text.rsplit_once("::").map_or(text, |(_, rest)| rest).trim();
    let end = text.find(['=', '<', '>', '!', '~', ' ', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let name = normalised(name)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Some((name, Declared::Unknown));
    }
    // `=1.26` is any 1.26, `==1.26` this one; a build may follow.
    let declared = match rest.strip_prefix("==") {
        Some(pin) => exact(pin.split('=').next().unwrap_or_default()),
        None => match rest.strip_prefix('=') {
            Some(loose) => {
                let (version, build) =
                    loose.split_once('=').map_or((loose, ""), |(version, build)| (version, build));
                let stem = version.trim_end_matches(".*").trim_end_matches('*');
                if !build.is_empty() && stem == version {
                    exact(version)
                } else {
                    range(&format!("=={stem}.*"))
                }
            }
            None => range(rest),
        },
    };
    Some((name, declared))
}

fn percent(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            shown.push(char::from(byte));
        } else {
            shown.push('%');
            shown.push_str(&lazaret_core::hex(&[byte]).to_ascii_uppercase());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        let (name, declared) = requirement(line)?;
        Some(match declared {
            Declared::Exact(version) => format!("{name} = {version}"),
            Declared::Range(range) => format!("{name} in {range}"),
            Declared::Unknown => name,
        })
    }

    #[test]
    fn requirements_are_read_as_pip_reads_them() {
        for (line, expected) in [
            ("torch==2.1.0 --hash=sha256:abc", Some("torch = 2.1.0")),
            ("Scikit_Learn>=1.0,<2  # why", Some("scikit-learn in >=1.0,<2")),
            ("transformers[torch] ~= 4.30 ; python_version < '3.9'", Some("transformers in ~= 4.30")),
            ("pyyaml", Some("pyyaml")),
            ("torch == 2.1.0+cu118", Some("torch = 2.1.0+cu118")),
            ("zope.interface (>=5)", Some("zope-interface in >=5")),
            ("x @ https://a/x.whl", Some("x")),
            ("x===2", Some("x = 2")),
            ("-r base.txt", None),
            ("./wheel.whl", None),
            ("https://a/x.whl", None),
            ("torch=2.1", None),
            ("", None),
        ] {
            assert_eq!(said(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn dependencies_of_conda() {
        let exactly = |version: &str| Declared::Exact(version.to_owned());
        let within = |range: &str| Declared::Range(range.to_owned());
        for (text, name, declared) in [
            ("python=3.9.18", "python", within("==3.9.18.*")),
            ("numpy==1.26.4", "numpy", exactly("1.26.4")),
            ("conda-forge::pytorch=2.1.0=py3.9_cuda", "pytorch", exactly("2.1.0")),
            ("pip", "pip", Declared::Unknown),
            ("scikit-learn >=1.0", "scikit-learn", within(">=1.0")),
        ] {
            assert_eq!(conda_dependency(text), Some((name.to_owned(), declared)), "{text}");
        }
    }

    #[test]
    fn package_urls_are_escaped() {
        let at = Locator::document();
        let torch = Component::python("Torch", exact("2.1.0+cu118"), Role::Required, at, "test").unwrap();
        assert_eq!(torch.purl_with_version(), "pkg:pypi/torch@2.1.0%2Bcu118");
        assert_eq!(torch.purl(), "pkg:pypi/torch");
        assert_eq!(normalised("a..b__c"), Some("a-b-c".to_owned()));
        assert_eq!((normalised("-a"), normalised("a b")), (None, None));
    }
}
