//! Constraints of data types, and those of every resource that may contain others.

use std::collections::HashSet;

use lazaret_input::json::{JsonKind, Node};

use super::dates::is_after;
use super::questions::{any, needs, not_both};
use super::{Around, Constraint, UCUM, rule};
use crate::formats::fhir::nodes::{choice, has, items, number, text, truth};

const QUANTITIES: &[&str] =
    &["Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"];

pub(super) static CONSTRAINTS: &[Constraint] = &[
    // Data types
    rule("ext-1", &["Extension"], "either a value or extensions", |n, _| {
        has(n, "extension") != choice(n, "value")
    }),
    rule("qty-3", QUANTITIES, "a code needs a system", |n, _| !has(n, "code") || has(n, "system")),
    rule("sqty-1", &["SimpleQuantity"], "no comparator here", |n, _| !has(n, "comparator")),
    rule("mqty-1", &["MoneyQuantity"], "a value needs a currency of ISO 4217", |n, _| {
        (has(n, "code") || !has(n, "value")) && system_is(n, "urn:iso:std:iso:4217")
    }),
    rule("age-1", &["Age"], "a positive value with a UCUM code", |n, _| {
        unit(n) && number(n, "value").is_none_or(|value| value > 0.0)
    }),
    rule("cnt-3", &["Count"], "a whole number with the UCUM code 1", |n, _| {
        unit(n)
            && text(n, "code").is_none_or(|code| code == "1")
            && n.get("value").and_then(|v| v.as_number()).is_none_or(|value| !value.contains('.'))
    }),
    rule("dis-1", &["Distance"], "a value with a UCUM code", |n, _| unit(n)),
    rule("drt-1", &["Duration"], "a code needs UCUM and a value", |n, _| {
        !has(n, "code") || (text(n, "system") == Some(UCUM) && has(n, "value"))
    }),
    rule("att-1", &["Attachment"], "data needs a contentType", |n, _| {
        !has(n, "data") || has(n, "contentType")
    }),
    rule("cpt-2", &["ContactPoint"], "a value needs a system", |n, _| !has(n, "value") || has(n, "system")),
    rule(
        "per-1",
        &["Period"],
        "start is not after end",
        |n, _| !matches!((text(n, "start"), text(n, "end")), (Some(start), Some(end)) if is_after(start, end)),
    ),
    rule("rng-2", &["Range"], "low is not above high", |n, _| {
        let bounds = (n.get("low"), n.get("high"));
        let (Some(low), Some(high)) = bounds else { return true };
        let same_unit = text(low, "code") == text(high, "code") && text(low, "unit") == text(high, "unit");
        !matches!((number(low, "value"), number(high, "value")), (Some(a), Some(b)) if same_unit && a > b)
    }),
    rule("rat-1", &["Ratio"], "numerator and denominator both or neither", |n, _| {
        has(n, "numerator") == has(n, "denominator") && (has(n, "numerator") || has(n, "extension"))
    }),
    rule("ref-1", &["Reference"], "`#id` must be contained in the resource", |n, around| {
        text(n, "reference")
            .and_then(|reference| reference.strip_prefix('#'))
            .is_none_or(|id| id.is_empty() || around.contained.contains_key(id))
    }),
    rule("exp-1", &["Expression"], "an expression or a reference", |n, _| {
        any(n, &["expression", "reference"])
    }),
    rule("tim-1", &["Timing.repeat"], "duration needs durationUnit", |n, _| {
        needs(n, "duration", "durationUnit")
    }),
    rule("tim-2", &["Timing.repeat"], "period needs periodUnit", |n, _| needs(n, "period", "periodUnit")),
    rule("tim-4", &["Timing.repeat"], "duration is not negative", |n, _| {
        number(n, "duration").is_none_or(|d| d >= 0.0)
    }),
    rule("tim-5", &["Timing.repeat"], "period is not negative", |n, _| {
        number(n, "period").is_none_or(|d| d >= 0.0)
    }),
    rule("tim-6", &["Timing.repeat"], "periodMax needs period", |n, _| needs(n, "periodMax", "period")),
    rule("tim-7", &["Timing.repeat"], "durationMax needs duration", |n, _| {
        needs(n, "durationMax", "duration")
    }),
    rule("tim-8", &["Timing.repeat"], "countMax needs count", |n, _| needs(n, "countMax", "count")),
    rule("tim-9", &["Timing.repeat"], "offset needs a when that is no meal", |n, _| {
        let meals = ["C", "CM", "CD", "CV"];
        !has(n, "offset")
            || (has(n, "when")
                && items(n, "when").all(|w| w.as_str().is_none_or(|code| !meals.contains(&code))))
    }),
    rule("tim-10", &["Timing.repeat"], "timeOfDay or when, not both", |n, _| {
        not_both(n, "timeOfDay", "when")
    }),
    rule("drq-1", &["DataRequirement.codeFilter"], "path or searchParam", |n, _| {
        has(n, "path") != has(n, "searchParam")
    }),
    rule("drq-2", &["DataRequirement.dateFilter"], "path or searchParam", |n, _| {
        has(n, "path") != has(n, "searchParam")
    }),
    rule("trd-1", &["TriggerDefinition"], "data or timing, not both", |n, _| {
        !has(n, "data") || !choice(n, "timing")
    }),
    rule("trd-2", &["TriggerDefinition"], "condition needs data", |n, _| needs(n, "condition", "data")),
    rule("trd-3", &["TriggerDefinition"], "what the type of the trigger needs", |n, _| {
        match text(n, "type") {
            Some("named-event") => has(n, "name"),
            Some("periodic") => choice(n, "timing"),
            Some(of) if of.starts_with("data-") => has(n, "data"),
            _ => true,
        }
    }),
    rule("eld-1", &["ElementDefinition.slicing"], "a discriminator or a description", |n, _| {
        any(n, &["discriminator", "description"])
    }),
    rule("eld-4", &["ElementDefinition.type"], "aggregation is for references", |n, _| {
        !has(n, "aggregation") || is_reference(n)
    }),
    rule("eld-8", &["ElementDefinition"], "a pattern or a fixed value, not both", |n, _| {
        !choice(n, "pattern") || !choice(n, "fixed")
    }),
    rule("eld-12", &["ElementDefinition.binding"], "valueSet is an http or urn URL", |n, _| {
        text(n, "valueSet")
            .is_none_or(|url| ["http:", "https", "urn:"].iter().any(|start| url.starts_with(start)))
    }),
    rule("eld-15", &["ElementDefinition"], "a default or its meaning when missing", |n, _| {
        !choice(n, "defaultValue") || !has(n, "meaningWhenMissing")
    }),
    rule("eld-16", &["ElementDefinition"], "form of sliceName", |n, _| {
        text(n, "sliceName")
            .is_none_or(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "/-_[]@".contains(c)))
    }),
    rule("eld-17", &["ElementDefinition.type"], "targetProfile is for references", |n, _| {
        !has(n, "targetProfile") || is_reference(n)
    }),
    rule("eld-18", &["ElementDefinition"], "a modifier needs its reason", |n, _| {
        !truth(n, "isModifier") || has(n, "isModifierReason")
    }),
    rule("eld-22", &["ElementDefinition"], "sliceIsConstraining needs sliceName", |n, _| {
        needs(n, "sliceIsConstraining", "sliceName")
    }),
    // Every resource
    rule("dom-2", &["*"], "what is contained contains nothing", |n, _| {
        items(n, "contained").all(|c| !has(c, "contained"))
    }),
    rule("dom-3", &["*"], "what is contained is referred to, or refers to its container", contained_is_used),
    rule("dom-4", &["*"], "what is contained has no version and no lastUpdated", |n, _| {
        items(n, "contained")
            .all(|c| c.get("meta").is_none_or(|m| !has(m, "versionId") && !has(m, "lastUpdated")))
    }),
    rule("dom-5", &["*"], "what is contained has no security label", |n, _| {
        items(n, "contained").all(|c| c.get("meta").is_none_or(|m| !has(m, "security")))
    }),
];

fn unit(quantity: Node<'_, '_>) -> bool {
    (has(quantity, "code") || !has(quantity, "value")) && system_is(quantity, UCUM)
}

fn system_is(quantity: Node<'_, '_>, system: &str) -> bool {
    text(quantity, "system").is_none_or(|found| found == system)
}

fn is_reference(of_type: Node<'_, '_>) -> bool {
    matches!(text(of_type, "code"), Some("Reference" | "canonical"))
}

/// dom-3. Looks once at every string of the resource, whatever the number of contained resources.
fn contained_is_used(resource: Node<'_, '_>, _: &Around<'_, '_>) -> bool {
    let Some(contained) = resource.get("contained") else { return true };
    let mut named = HashSet::new();
    strings(resource, &mut |text| {
        if let Some(id) = text.strip_prefix('#') {
            named.insert(id);
        }
    });
    contained.items().all(|inner| {
        let mut refers_out = false;
        strings(inner, &mut |text| refers_out |= text == "#");
        refers_out || text(inner, "id").is_some_and(|id| named.contains(id))
    })
}

/// Every string below a node. Its depth is bounded by the reader's limit.
fn strings<'d>(node: Node<'d, '_>, visit: &mut dyn FnMut(&'d str)) {
    match node.kind() {
        JsonKind::String => {
            if let Some(text) = node.as_str() {
                visit(text);
            }
        }
        JsonKind::Array => node.items().for_each(|item| strings(item, visit)),
        JsonKind::Object => node.members().for_each(|member| strings(member.value, visit)),
        _ => {}
    }
}
