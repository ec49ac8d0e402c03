//! Finds health plan beneficiary numbers.
//!
//! Member, subscriber, group and policy numbers that a cue or the name of a payer names, and Medicare Beneficiary
//! Identifiers by their form: eleven signs, digits and letters in fixed places, without S, L, O, I, B, Z.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(I).
//!
//! Example: `MBI 1EG4-TE5-MK72` gives the number; `Medicare pending` gives nothing.
//!
//! References: CMS, Understanding the Medicare Beneficiary Identifier (MBI) Format.

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::named;
use crate::view::Note;

/// See the page above.
pub(crate) struct HealthPlan;

impl ShapeDetector for HealthPlan {
    fn id(&self) -> &'static str {
        "phi.health-plan"
    }

    fn source(&self) -> &'static str {
        include_str!("health_plan.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Member ID XQB108834416 verified.", "Medicare pending, copay discussed.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:mbi|hicn?|(?:member|subscriber|beneficiary|insurance|ins|insured|plan|policy|burial policy|group|grp|medicaid|medicare|medi-cal|tricare|state)\b\.?(?: |-)?(?:id\b|no\b\.?|number|nr|#)(?: (?:no\b\.?|number))?|(?:member|subscriber|policy|grp|group|insurance|medicaid|medicare|hcn|ohip|phn|dva|ihi|rin|ahcccs id|ramq|msp|ahcip|mcp no\b\.?|kv-nr\.?|versicherten-?nr\.?|health ?card(?: no\b\.?)?)\b:?|member [a-z][a-z' .-]{2,40}, id)",
            ),
            (
                Pass::Cues,
                r"\b(?:aetna|aet|cigna|humana|anthem|bcbs|blue cross|uhc|unitedhealthcare|kaiser|tricare|ucare|molina|centene|wellcare|amerigroup|highmark|harvard pilgrim|tufts|aok|barmer|insurance)\b\)?",
            ),
            (
                Pass::Numbers,
                r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d[ -]?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d[ -]?[AC-HJKMNP-RT-Y]{2}\d{2}\b",
            ),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 | 1 => {
                named(note, hit, 5, Label::HEALTH_PLAN, out);
            }
            _ => out.push(found(Label::HEALTH_PLAN, hit.start, hit.end, Evidence::Checked)),
        }
    }
}
