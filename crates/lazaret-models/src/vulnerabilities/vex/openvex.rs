//! OpenVEX 0.2.0 (<https://github.com/openvex/spec>): statements, with the document's author and time where a statement has
//! none.

use lazaret_core::Limit;
use lazaret_input::json::Node;

use super::{
    Product, Statement, Status, VexDocument, VexError, is_of_openvex, items, justification, kept, names,
    product, text, time, wrong,
};

pub(super) fn read(root: Node<'_, '_>, most: Limit) -> Result<VexDocument, VexError> {
    let Some(author) = text(root, &["author"]) else {
        return wrong("author", "nobody says it: an author is needed");
    };
    let Some(id) = text(root, &["@id"]) else { return wrong("@id", "it is missing") };
    let (author, id) = (kept(author), kept(id));
    let (mut statements, mut left_out) = (Vec::new(), 0_u64);
    for (n, node) in items(root, "statements", most)?.into_iter().enumerate() {
        let at = format!("statements[{n}]");
        let status = match text(node, &["status"]) {
            Some("not_affected") => Status::NotAffected,
            Some("fixed") => Status::Fixed,
            Some("affected") => Status::Affected,
            Some("under_investigation") => Status::UnderInvestigation,
            _ => return wrong(format!("{at}.status"), "it is none of the four"),
        };
        let fault = node.get("vulnerability");
        let aliases = fault.and_then(|fault| fault.get("aliases"));
        let aliases =
            aliases.into_iter().flat_map(|aliases| aliases.items()).filter_map(|alias| alias.as_str());
        let name = fault.and_then(|fault| fault.as_str().or_else(|| text(fault, &["name"])));
        let names = names(name.into_iter().chain(aliases));
        if names.is_empty() {
            return wrong(format!("{at}.vulnerability"), "it has no name");
        }
        let stated = ["last_updated", "timestamp"].iter().find_map(|key| text(node, &[key]));
        let dated = ["last_updated", "timestamp"].iter().find_map(|key| text(root, &[key]));
        let products =
            products(node, most).or_else(|error| wrong(format!("{at}.{}", error.at), error.why))?;
        let word = text(node, &["justification"]);
        let why = word.filter(|word| is_of_openvex(word)).and_then(justification);
        if word.is_some() && why.is_none() {
            return wrong(format!("{at}.justification"), "it is none of the five");
        }
        if products.is_empty() {
            left_out = left_out.saturating_add(1);
            continue;
        }
        statements.push(Statement {
            names,
            products,
            status,
            justification: why,
            impact: text(node, &["impact_statement"]).map(kept),
            action: text(node, &["action_statement"]).map(kept),
            author: author.clone(),
            at: time(stated.or(dated), &format!("{at}.timestamp"))?,
            document: id.clone(),
            owner: None,
            until: None,
        });
    }
    Ok(VexDocument { id, format: "OpenVEX", author, statements, left_out })
}

/// The products that can be compared: packages, files, and packages in files. A product that is neither (an image, an
/// appliance) with a package in it is not meant: what holds in there need not hold here.
fn products(node: Node<'_, '_>, most: Limit) -> Result<Vec<Product>, VexError> {
    let mut products = Vec::new();
    for one in items(node, "products", most)? {
        let own = product::of_openvex(one);
        let inner = if one.as_str().is_some() { Vec::new() } else { items(one, "subcomponents", most)? };
        if inner.is_empty() {
            products.extend(own);
        } else if let Some(file) = own.filter(|own| own.file.is_some()) {
            products.extend(
                inner.into_iter().filter_map(product::of_openvex).map(|part| part.within(Some(&file))),
            );
        }
    }
    Ok(products)
}
