//! CSAF 2.0 (OASIS) of the profile VEX: `product_status` of each vulnerability, for the products of `product_tree` that have a
//! package URL or a SHA-256.

use std::collections::BTreeMap;

use lazaret_core::Limit;
use lazaret_input::json::Node;

use super::{
    Product, Statement, Status, VexDocument, VexError, items, justification, kept, names, text, time, wrong,
};

/// How deep branches of products may lie in each other.
const MOST_DEPTH: usize = 32;

/// Which status stands under which key.
const STATUSES: &[(&str, Status)] = &[
    ("known_not_affected", Status::NotAffected),
    ("fixed", Status::Fixed),
    ("first_fixed", Status::Fixed),
    ("known_affected", Status::Affected),
    ("first_affected", Status::Affected),
    ("last_affected", Status::Affected),
    ("under_investigation", Status::UnderInvestigation),
];

pub(super) fn read(root: Node<'_, '_>, most: Limit) -> Result<VexDocument, VexError> {
    if text(root, &["document", "csaf_version"]) != Some("2.0") {
        return wrong("document.csaf_version", "only 2.0 is known");
    }
    let Some(author) = text(root, &["document", "publisher", "name"]) else {
        return wrong("document.publisher.name", "it is missing");
    };
    let (author, id) =
        (kept(author), kept(text(root, &["document", "tracking", "id"]).unwrap_or("CSAF without an id")));
    let dated = time(
        text(root, &["document", "tracking", "current_release_date"]),
        "document.tracking.current_release_date",
    )?;
    let known = products(root, most)?;
    let (mut statements, mut left_out) = (Vec::new(), 0_u64);
    for node in items(root, "vulnerabilities", most)? {
        let others = items(node, "ids", most)?.into_iter().filter_map(|other| text(other, &["text"]));
        let names = names(text(node, &["cve"]).into_iter().chain(others));
        let Some(status) = node.get("product_status") else { continue };
        if names.is_empty() {
            left_out = left_out.saturating_add(1);
            continue;
        }
        for (key, is) in STATUSES {
            for product in items(status, key, most)?.into_iter().filter_map(|product| product.as_str()) {
                let Some(found) = known.get(product) else {
                    left_out = left_out.saturating_add(1);
                    continue;
                };
                let of_product = |list: &'static str| {
                    let listed = node.get(list).into_iter().flat_map(|list| list.items());
                    listed.filter(|one| {
                        let ids = one.get("product_ids").into_iter().flat_map(|ids| ids.items());
                        ids.filter_map(|id| id.as_str()).any(|id| id == product)
                    })
                };
                let word =
                    of_product("flags").find_map(|flag| text(flag, &["label"]).and_then(justification));
                let mut impact =
                    of_product("threats").filter(|threat| text(*threat, &["category"]) == Some("impact"));
                let impact = impact.find_map(|threat| text(threat, &["details"]));
                let action = of_product("remediations").find_map(|remedy| text(remedy, &["details"]));
                most.check(statements.len() as u64)
                    .or_else(|reached| wrong("vulnerabilities", reached.to_string()))?;
                statements.push(Statement {
                    names: names.clone(),
                    products: vec![found.clone()],
                    status: *is,
                    justification: word,
                    impact: impact.map(kept),
                    action: action.map(kept),
                    author: author.clone(),
                    at: dated.clone(),
                    document: id.clone(),
                    owner: None,
                    until: None,
                });
            }
        }
    }
    Ok(VexDocument { id, format: "CSAF", author, statements, left_out })
}

/// The products that can be compared, by their ids.
fn products<'d>(root: Node<'d, '_>, most: Limit) -> Result<BTreeMap<&'d str, Product>, VexError> {
    let mut known = BTreeMap::new();
    let Some(tree) = root.get("product_tree") else { return Ok(known) };
    let mut open: Vec<(Node<'_, '_>, usize)> =
        items(tree, "branches", most)?.into_iter().map(|branch| (branch, 1)).collect();
    let mut named = items(tree, "full_product_names", most)?;
    let mut seen = 0_u64;
    while let Some((branch, depth)) = open.pop() {
        seen = seen.saturating_add(1);
        most.check(seen).or_else(|reached| wrong("product_tree.branches", reached.to_string()))?;
        if depth > MOST_DEPTH {
            return wrong("product_tree.branches", format!("they lie deeper than {MOST_DEPTH}"));
        }
        named.extend(branch.get("product"));
        open.extend(items(branch, "branches", most)?.into_iter().map(|inner| (inner, depth + 1)));
    }
    for node in named {
        if let (Some(id), Some(product)) = (text(node, &["product_id"]), product(node)) {
            known.insert(id, product);
        }
    }
    // A package as a part of a file: the file must be known by its digest.
    for relation in items(tree, "relationships", most)? {
        let part = text(relation, &["product_reference"]).and_then(|id| known.get(id)).cloned();
        let whole = text(relation, &["relates_to_product_reference"]).and_then(|id| known.get(id));
        let id = text(relation, &["full_product_name", "product_id"]);
        if let (Some(id), Some(part), Some(whole)) = (id, part, whole.filter(|whole| whole.file.is_some())) {
            let part = part.within(Some(whole));
            known.insert(id, part);
        }
    }
    Ok(known)
}

fn product(node: Node<'_, '_>) -> Option<Product> {
    let helper = node.get("product_identification_helper")?;
    let purl = text(helper, &["purl"]).and_then(Product::of_purl);
    let hashes = helper.get("hashes").into_iter().flat_map(|hashes| hashes.items());
    let mut hashes = hashes.filter_map(|hash| hash.get("file_hashes")).flat_map(|hashes| hashes.items());
    let digest = hashes.find(|hash| text(*hash, &["algorithm"]) == Some("sha256"));
    purl.or_else(|| digest.and_then(|hash| text(hash, &["value"])).and_then(Product::of_sha256))
}
