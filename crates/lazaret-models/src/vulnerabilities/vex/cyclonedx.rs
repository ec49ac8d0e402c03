//! CycloneDX with `vulnerabilities` (1.4 to 1.7): the analysis of each, for the components that `affects` refers to.

use std::collections::BTreeMap;

use lazaret_core::Limit;
use lazaret_input::json::Node;

use super::{
    Product, Statement, Status, VexDocument, VexError, items, justification, kept, names, text, time, wrong,
};

pub(super) fn read(root: Node<'_, '_>, most: Limit) -> Result<VexDocument, VexError> {
    let version = text(root, &["specVersion"]).unwrap_or_default();
    if !["1.4", "1.5", "1.6", "1.7"].contains(&version) {
        return wrong("specVersion", "only 1.4 to 1.7 are known");
    }
    let head = root.get("metadata");
    let person = head.and_then(|head| head.get("authors")).and_then(|authors| authors.items().next());
    let author = person.and_then(|person| text(person, &["name"]));
    let author = author.or_else(|| {
        let company = |key| head.and_then(|head| text(head, &[key, "name"]));
        company("supplier").or_else(|| company("manufacturer")).or_else(|| company("manufacture"))
    });
    let Some(author) = author else {
        return wrong("metadata.authors", "nobody says it: an author, supplier or manufacturer is needed");
    };
    let (author, id) =
        (kept(author), kept(text(root, &["serialNumber"]).unwrap_or("CycloneDX without a serial number")));
    let mut components = BTreeMap::new();
    let outermost = head.and_then(|head| head.get("component"));
    let mut open: Vec<Node<'_, '_>> = outermost.into_iter().chain(items(root, "components", most)?).collect();
    let mut seen = 0_u64;
    while let Some(node) = open.pop() {
        seen = seen.saturating_add(1);
        most.check(seen).or_else(|reached| wrong("components", reached.to_string()))?;
        if let (Some(reference), Some(product)) = (text(node, &["bom-ref"]), product(node)) {
            components.insert(reference, product);
        }
        open.extend(items(node, "components", most)?);
    }
    let (mut statements, mut left_out) = (Vec::new(), 0_u64);
    for (n, node) in items(root, "vulnerabilities", most)?.into_iter().enumerate() {
        let at = format!("vulnerabilities[{n}]");
        // One without an analysis is listed, and nothing is said of it.
        let Some(analysis) = node.get("analysis") else { continue };
        let status = match text(analysis, &["state"]) {
            Some("not_affected" | "false_positive") => Status::NotAffected,
            Some("resolved" | "resolved_with_pedigree") => Status::Fixed,
            Some("exploitable") => Status::Affected,
            Some("in_triage") => Status::UnderInvestigation,
            None => continue,
            Some(_) => return wrong(format!("{at}.analysis.state"), "it is none of the six"),
        };
        let others = items(node, "references", most)?.into_iter().filter_map(|other| text(other, &["id"]));
        let names = names(text(node, &["id"]).into_iter().chain(others));
        if names.is_empty() {
            return wrong(format!("{at}.id"), "it has no name");
        }
        let mut products = Vec::new();
        for affects in items(node, "affects", most)? {
            let reference = text(affects, &["ref"]).unwrap_or_default();
            // A BOM-Link ends in the reference; a package URL may stand for itself.
            let reference = reference.rsplit_once('#').map_or(reference, |(_, reference)| reference);
            let product = components.get(reference).cloned().or_else(|| Product::of_purl(reference));
            let Some(product) = product else { continue };
            let versions = items(affects, "versions", most)?;
            if versions.is_empty() {
                products.push(product);
                continue;
            }
            let of = |version: &str| Product { version: Some(version.to_owned()), ..product.clone() };
            products.extend(versions.into_iter().filter_map(|version| text(version, &["version"])).map(of));
        }
        if products.is_empty() {
            left_out = left_out.saturating_add(1);
            continue;
        }
        let dated = ["lastUpdated", "firstIssued"].iter().find_map(|key| text(analysis, &[key]));
        let dated = dated.or_else(|| head.and_then(|head| text(head, &["timestamp"])));
        let detail = text(analysis, &["detail"]).map(kept);
        let says_action = matches!(status, Status::Affected | Status::UnderInvestigation);
        statements.push(Statement {
            names,
            products,
            status,
            justification: text(analysis, &["justification"]).and_then(justification),
            impact: detail.clone().filter(|_| !says_action),
            action: text(node, &["recommendation"]).map(kept).or_else(|| detail.filter(|_| says_action)),
            author: author.clone(),
            at: time(dated, &format!("{at}.analysis"))?,
            document: id.clone(),
            owner: None,
            until: None,
        });
    }
    Ok(VexDocument { id, format: "CycloneDX", author, statements, left_out })
}

fn product(component: Node<'_, '_>) -> Option<Product> {
    let hashes = component.get("hashes");
    let mut hashes = hashes.into_iter().flat_map(|hashes| hashes.items());
    let digest = hashes.find(|hash| text(*hash, &["alg"]) == Some("SHA-256"));
    let digest = digest.and_then(|hash| text(hash, &["content"])).and_then(Product::of_sha256);
    let purl = text(component, &["purl"]).and_then(Product::of_purl);
    // A package is compared by its URL: the digest is that of its archive, and no model's.
    purl.or(digest)
}
