//! Makes `catalogue/fhir/r4.table` from the official definitions and holds that the committed file is the same.
//! `LAZARET_UPDATE=1` rewrites it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use lazaret_ingest::formats::fhir::{NOT_EVALUATED, evaluated_constraints};
use serde_json::Value;

#[test]
fn fhir_table_is_what_the_definitions_give() {
    let made = Definitions::read().table();
    let path = catalogue().join("r4.table");
    if std::env::var_os("LAZARET_UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let mut committed = String::new();
    #[expect(clippy::disallowed_methods, reason = "a committed file, read by a test")]
    File::open(&path).unwrap().read_to_string(&mut committed).unwrap();
    assert!(committed == made, "r4.table is stale: run this test with LAZARET_UPDATE=1");
    assert!(made.len() < 400_000, "the table is meant to be small: {} bytes", made.len());
}

#[test]
fn every_constraint_of_severity_error_is_evaluated_or_said_not_to_be() {
    let mut asked = BTreeSet::from(["mqty-1".to_owned(), "sqty-1".to_owned()]); // of the two profiles of Quantity
    for structure in Definitions::read().structures {
        for element in structure["snapshot"]["element"].as_array().unwrap() {
            for constraint in element["constraint"].as_array().into_iter().flatten() {
                if constraint["severity"] == "error" {
                    asked.insert(text(constraint, "key").to_owned());
                }
            }
        }
    }
    let elsewhere = ["ele-1", "txt-1", "txt-2"];
    let answered: BTreeSet<String> = evaluated_constraints()
        .chain(NOT_EVALUATED.iter().copied())
        .chain(elsewhere)
        .map(str::to_owned)
        .collect();
    assert_eq!(asked.difference(&answered).collect::<Vec<_>>(), Vec::<&String>::new(), "neither");
    assert_eq!(
        answered.difference(&asked).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not in the definitions"
    );
}

fn catalogue() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../catalogue/fhir")
}

/// The entries of one of the official files.
fn entries(name: &str) -> Vec<Value> {
    let mut text = String::new();
    let file = File::open(catalogue().join(name)).unwrap();
    #[expect(
        clippy::disallowed_types,
        clippy::disallowed_methods,
        reason = "committed definitions, read by a test"
    )]
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let Value::Array(entries) = bundle["entry"].take() else { panic!("no entries in {name}") };
    entries.into_iter().map(|mut entry| entry["resource"].take()).collect()
}

struct Definitions {
    structures: Vec<Value>,
    value_sets: BTreeMap<String, Value>,
    code_systems: BTreeMap<String, Value>,
}

impl Definitions {
    fn read() -> Self {
        let structures = entries("profiles-types.json.gz")
            .into_iter()
            .chain(entries("profiles-resources.json.gz"))
            .filter(|entry| entry["resourceType"] == "StructureDefinition")
            .filter(|entry| matches!(text(entry, "kind"), "resource" | "complex-type"))
            .filter(|entry| entry["derivation"] != "constraint")
            .collect();
        let mut value_sets = BTreeMap::new();
        let mut code_systems = BTreeMap::new();
        for entry in entries("valuesets.json.gz") {
            let url = text(&entry, "url").to_owned();
            match text(&entry, "resourceType") {
                "ValueSet" => value_sets.insert(url, entry),
                _ => code_systems.insert(url, entry),
            };
        }
        Self { structures, value_sets, code_systems }
    }

    fn table(&self) -> String {
        let mut shapes = String::new();
        let mut bound: BTreeMap<String, (String, bool)> = BTreeMap::new(); // name -> url, whether systems matter
        for structure in &self.structures {
            Self::shape(structure, &mut shapes, &mut bound);
        }
        let mut out = String::from("lazaret-fhir-r4\t1\n");
        for (name, (url, systems)) in &bound {
            match self.expand(url) {
                None => writeln!(out, "V\t{name}\topen").unwrap(),
                Some(codes) if *systems => {
                    let codes: Vec<String> = codes.into_iter().map(|(s, c)| format!("{s}|{c}")).collect();
                    writeln!(out, "V\t{name}\tsystems\t{}", codes.join("\t")).unwrap();
                }
                Some(codes) => {
                    let codes: BTreeSet<String> = codes.into_iter().map(|(_, code)| code).collect();
                    let codes: Vec<String> = codes.into_iter().collect();
                    writeln!(out, "V\t{name}\tcodes\t{}", codes.join("\t")).unwrap();
                }
            }
        }
        out + &shapes
    }

    /// One structure: its own shape, then one for each element that has children.
    fn shape(structure: &Value, out: &mut String, bound: &mut BTreeMap<String, (String, bool)>) {
        let elements = structure["snapshot"]["element"].as_array().unwrap();
        let paths: Vec<&str> = elements.iter().map(|element| text(element, "path")).collect();
        let root = paths[0];
        let base = text(structure, "baseDefinition").rsplit('/').next().unwrap_or("");
        let kind = match (structure["abstract"] == true, text(structure, "kind")) {
            (true, _) => 'A',
            (false, "resource") => 'R',
            (false, _) => 'T',
        };
        let base = match base {
            "MetadataResource" => "DomainResource",
            "Quantity" => "Element", // Age, Count, Distance, Duration repeat what they have of Quantity
            "" => "-",
            other => other,
        };
        let mut names = vec![(root, kind, base)];
        if root == "Quantity" {
            names.push(("SimpleQuantity", 'T', base));
            names.push(("MoneyQuantity", 'T', base));
        }
        for (name, kind, base) in names {
            writeln!(out, "S\t{kind}\t{name}\t{base}").unwrap();
            Self::elements(root, base, elements, out, bound);
        }
        for (path, element) in paths.iter().zip(elements).skip(1) {
            if !has_children(&paths, path) {
                continue;
            }
            let base = element["type"][0]["code"].as_str().unwrap();
            writeln!(out, "S\tB\t{path}\t{base}").unwrap();
            Self::elements(path, base, elements, out, bound);
        }
    }

    fn elements(
        parent: &str,
        base: &str,
        elements: &[Value],
        out: &mut String,
        bound: &mut BTreeMap<String, (String, bool)>,
    ) {
        let paths: Vec<&str> = elements.iter().map(|element| text(element, "path")).collect();
        for element in elements {
            let path = text(element, "path");
            let Some(name) = path.strip_prefix(parent).and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            if name.contains('.') || (base != "-" && is_inherited(element, parent)) {
                continue;
            }
            let types = types(element, path, has_children(&paths, path));
            let set = Self::binding(element, &types, bound);
            let (min, max) = (element["min"].as_u64().unwrap(), text(element, "max"));
            writeln!(out, "e\t{name}\t{min}\t{max}\t{}\t{set}", types.join(",")).unwrap();
        }
    }

    /// The name of the value set an element is bound to as required, or `-`.
    fn binding(element: &Value, types: &[String], bound: &mut BTreeMap<String, (String, bool)>) -> String {
        let binding = &element["binding"];
        if text(binding, "strength") != "required" {
            return "-".to_owned();
        }
        let url = text(binding, "valueSet").split('|').next().unwrap().to_owned();
        let name = url.rsplit('/').next().unwrap().to_owned();
        let systems = types.iter().any(|name| name == "CodeableConcept" || name == "Coding");
        let known = bound.entry(name.clone()).or_insert_with(|| (url.clone(), systems));
        assert_eq!(known.0, url, "two value sets are called {name}");
        assert_eq!(known.1, systems, "{name} is bound to codes and to concepts");
        name
    }

    /// The system and code of every concept in a value set; none if the definitions do not enumerate it.
    fn expand(&self, url: &str) -> Option<BTreeSet<(String, String)>> {
        let compose = &self.value_sets.get(url)?["compose"];
        assert!(compose.get("exclude").is_none(), "{url} excludes");
        let mut out = BTreeSet::new();
        for include in compose["include"].as_array()? {
            if include.get("filter").is_some() {
                return None;
            }
            let system = text(include, "system").to_owned();
            if let Some(concepts) = include["concept"].as_array() {
                out.extend(concepts.iter().map(|concept| (system.clone(), text(concept, "code").to_owned())));
            } else if !system.is_empty() {
                let code_system = self.code_systems.get(&system)?;
                if text(code_system, "content") != "complete" {
                    return None;
                }
                concepts(&system, code_system, &mut out);
            }
            for nested in include["valueSet"].as_array().into_iter().flatten() {
                out.extend(self.expand(nested.as_str().unwrap().split('|').next().unwrap())?);
            }
        }
        Some(out)
    }
}

fn concepts(system: &str, of: &Value, out: &mut BTreeSet<(String, String)>) {
    for concept in of["concept"].as_array().into_iter().flatten() {
        out.insert((system.to_owned(), text(concept, "code").to_owned()));
        concepts(system, concept, out);
    }
}

/// Whether an element comes from the shape's base and so need not be written again.
fn is_inherited(element: &Value, parent: &str) -> bool {
    let base = text(&element["base"], "path");
    ["Resource.", "DomainResource.", "Element.", "BackboneElement."]
        .iter()
        .any(|prefix| base.starts_with(prefix))
        && !["Resource", "DomainResource", "Element", "BackboneElement"].contains(&parent)
        || ["DomainResource", "BackboneElement"].contains(&parent)
            && (base.starts_with("Resource.") || base.starts_with("Element."))
}

fn types(element: &Value, path: &str, has_children: bool) -> Vec<String> {
    if let Some(reference) = element["contentReference"].as_str() {
        return vec![format!("@{}", reference.trim_start_matches('#'))];
    }
    if has_children {
        return vec![format!("@{path}")];
    }
    let types = element["type"].as_array().unwrap();
    types.iter().map(|of| one_type(of, element, path)).collect()
}

fn one_type(of: &Value, element: &Value, path: &str) -> String {
    let code = text(of, "code");
    if code.starts_with("http://hl7.org/fhirpath/System.") {
        if text(&element["base"], "path") == "Resource.id" || path == "Resource.id" {
            return "id".to_owned();
        }
        let extension = of["extension"].as_array().unwrap();
        return extension.iter().find_map(|extension| extension["valueUrl"].as_str()).unwrap().to_owned();
    }
    let last = |url: &Value| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    match code {
        "Quantity" => of["profile"].as_array().map_or(code.to_owned(), |profiles| last(&profiles[0])),
        "Reference" => {
            let targets: Vec<String> =
                of["targetProfile"].as_array().into_iter().flatten().map(last).collect();
            if targets.is_empty() || targets.iter().any(|target| target == "Resource") {
                code.to_owned()
            } else {
                format!("Reference({})", targets.join("|"))
            }
        }
        _ => code.to_owned(),
    }
}

fn has_children(paths: &[&str], path: &str) -> bool {
    paths.iter().any(|other| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}
