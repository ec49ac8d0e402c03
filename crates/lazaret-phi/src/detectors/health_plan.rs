//! Finds health plan beneficiary numbers.
//!
//! Member, subscriber, group and policy numbers that a cue or the name of a payer names (words of its plan may stand
//! between: `Tricare Prime DBN 00418 7729`), or that follow `ins` and a name of no list (`ins Quill Care A20 771 844`);
//! Medicare Beneficiary Identifiers by their form: eleven signs, digits and letters in fixed places, without S, L, O, I,
//! B, Z.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(I).
//!
//! Example: `MBI 1EG4-TE5-MK72` gives the number; `Medicare pending` gives nothing.
//!
//! References: CMS, Understanding the Medicare Beneficiary Identifier (MBI) Format.

use std::sync::LazyLock;

use lazaret_core::Label;

use crate::lexicon::{Marks, WordSet};
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{digits, id_at, named};
use crate::view::{Case, Note};

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
                r"\b(?:mbi|hicn?|(?:subscriber|member|beneficiary|policy)_?(?:id|number)|(?:member|subscriber|beneficiary|insurance|ins|insured|plan|policy|burial policy|group|grp|medicaid|medicare|medi-cal|tricare|state)\b\.?(?: |-)?(?:id\b|no\b\.?|number|nr|#)(?: (?:no\b\.?|number))?|(?:member|subscriber|policy|grp|group|insurance|medicaid|medicare|mcaid|mcare|hcn|gms(?: no\b\.?| number)?|dpp|ohip|phn|dva|ihi|rin|ahcccs id|ramq|msp|ahcip|mcp no\b\.?|kv-nr\.?|versicherten-?nr\.?|health ?card(?: no\b\.?)?)\b:?|member [a-z][a-z' .-]{2,40}, id)",
            ),
            (
                Pass::Cues,
                r"\b(?:aetna|aet|cigna|humana|anthem|bcbs|blue cross|uhc|unitedhealthcare|kaiser|tricare|ucare|molina|centene|wellcare|amerigroup|highmark|harvard pilgrim|tufts|vhi|laya|irish life|bupa|axa|medibank|nib|hcf|teachers health|aok|barmer|insurance)\b\)?",
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
                let before = out.len();
                named(note, hit, 5, Label::HEALTH_PLAN, out);
                // `2950 44187 3 / 2`: the person's place on the card.
                if let Some(claim) = out.get_mut(before)
                    && let Some(tail) = [" / ", "/", " - ", " ref "]
                        .iter()
                        .find(|tail| note.after(claim.end, 5).starts_with(**tail))
                    && note.byte(claim.end + tail.len()).is_ascii_digit()
                    && !note.byte(claim.end + tail.len() + 1).is_ascii_alphanumeric()
                    && digits(note.slice(claim.start, claim.end)) >= 9
                {
                    claim.end += tail.len() + 1;
                }
            }
            _ => out.push(found(Label::HEALTH_PLAN, hit.start, hit.end, Evidence::Checked)),
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.tokens().iter().enumerate() {
            if matches!(token.case, Case::Number | Case::Mixed) {
                continue;
            }
            let plan = token.case == Case::Upper
                && token.len() == 3
                && matches!(note.word(token), "PPO" | "HMO" | "EPO");
            if token.has(Marks::PAYER) && token.capitalised() || plan {
                after_payer(note, index, out);
            } else if LEADS.has(token.hash) {
                after_lead(note, index, 5, out);
            } else if token.case == Case::Capital && LAST.has(token.hash) {
                after_lead(note, index, 1, out);
            }
        }
    }
}

/// What the name of a plan ends with: the number follows at once.
static LAST: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "dental",
        "care",
        "health",
        "healthcare",
        "advantage",
        "mutual",
        "vision",
        "cross",
        "shield",
        "medicaid",
        "medicare",
        "senior",
        "sr",
        "gold",
        "plus",
        "choice",
    ])
});

/// What stands before the name of a plan.
static LEADS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "ins",
        "insurance",
        "insurer",
        "insured",
        "plan",
        "payer",
        "payor",
        "coverage",
        "carrier",
        "insurers",
    ])
});

/// `ins Quill Care A20 771 834`, `Plan QHP 88 20417 01`: up to four capitalised words of no list, then an id with a letter.
fn after_lead(note: &Note<'_>, index: usize, most: usize, out: &mut Vec<Found>) {
    let tokens = note.tokens();
    let Some(lead) = tokens.get(index) else { return };
    let mut end = lead.end;
    for (count, token) in tokens.iter().skip(index + 1).take(most).enumerate() {
        let gap = note.slice(end, token.start);
        if !matches!(gap, " " | ": " | " - " | ", " | " (" | " of " | ":") || count > 0 && gap == ", " {
            return;
        }
        let prefixed = token.case == Case::Upper
            && token.len() <= 4
            && note.byte(token.end) == b' '
            && note.byte(token.end + 1).is_ascii_digit();
        if matches!(token.case, Case::Number | Case::Mixed) || prefixed {
            let Some((start, stop)) = id_at(note, token.start, 7) else { return };
            let text = note.slice(start, stop);
            let joined = text.contains(' ') || text.bytes().any(|b| b.is_ascii_uppercase());
            if digits(text) >= 5
                && joined
                && !text.contains(['/', ':', '.'])
                && crate::calendar::parse(text).is_none()
            {
                out.push(found(Label::HEALTH_PLAN, start, stop, Evidence::Named));
            }
            return;
        }
        if !token.capitalised() && !PLANS.split('|').any(|plan| plan == note.word(token))
            || token.has(Marks::CALENDAR)
        {
            return;
        }
        end = token.end;
    }
}

/// Words for a plan that may stand between a payer and the number.
const PLANS: &str = "ppo|hmo|epo|pos|mco|plan|plus|gold|silver|bronze|sr|senior|advantage|choice|complete|care|preferred|select|basic|primary|secondary|supplement|pdp|of|health|healthcare|insurance|id|no|number|member|policy|dbn|grp|group|blue|cross|shield";

/// `Tricare DBN 00418 7729`, `Highmark PPO H0441 887`: seven signs or more, five digits among them.
fn after_payer(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let Some(payer) = note.tokens().get(index) else { return };
    let mut end = payer.end;
    for token in note.tokens().iter().skip(index + 1).take(3) {
        let gap = note.slice(end, token.start);
        if !matches!(gap, " " | ": " | " #" | " - " | ", " | " (" | ". ") {
            return;
        }
        let word = note.word(token);
        let prefix = token.case == Case::Upper
            && token.len() <= 4
            && note.byte(token.end) == b' '
            && note.byte(token.end + 1).is_ascii_digit();
        if matches!(token.case, Case::Number | Case::Mixed) || prefix {
            if let Some((start, stop)) = id_at(note, token.start, 7)
                && digits(note.slice(start, stop)) >= 5
                && !note.slice(start, stop).contains(['/', ':', '.'])
                && gap != ". "
            {
                out.push(found(Label::HEALTH_PLAN, start, stop, Evidence::Named));
            }
            return;
        }
        if !PLANS.split('|').any(|plan| plan.eq_ignore_ascii_case(word)) {
            return;
        }
        end = token.end;
    }
}
