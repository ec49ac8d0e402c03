//! Finds certificate and licence numbers: NPI, DEA, state and driver licences, laboratory certificates.
//!
//! Numbers that a cue names: `NPI`, `DEA`, `lic`, `DL`, `CLIA`, `GMC`, `CPSO`, or that stand after letters of a
//! profession (`RN #204417`). A check digit (NPI: Luhn over the number with 80840 before it; DEA: the last digit) is
//! asked for only where no cue stands: a number with a typing error still names a person.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(K).
//!
//! Example: `DEA AB1234567` gives the number; `licensed since 2019` gives nothing.
//!
//! References: 45 CFR 162.406; 21 CFR 1301.13.

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{digit_values, digits, id_at, luhn, named, unit_follows};
use crate::view::{Case, Note};

/// See the page above.
pub(crate) struct License;

impl ShapeDetector for License {
    fn id(&self) -> &'static str {
        "phi.license"
    }

    fn source(&self) -> &'static str {
        include_str!("license.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("NPI 1234567890, phone below.", "Licensed in Ohio, glucose 104 mg/dL. BUN 14, HDL 45.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (Pass::Cues, r"\bnpi\b(?: (?:is|no\b\.?|number))?"),
            (Pass::Cues, r"\bdea\b(?: (?:no\b\.?|number|#))?"),
            (
                Pass::Cues,
                r"\b(?:(?:state |medical |med\. ?|driver'?s? ?)?lic(?:en[cs]e|'?s)?\b\.?(?: (?:no\b\.?|number|#))?(?: expired)?|cdl|dl ?#|dl\b|clia|nabp|gmc|cpso|nmc|mcrn|imc no|nmbi|hcpc\b|gphc|cpsm|pin no|ahpra|prov(?:ider)?\.? no\b\.?|prescriber no\b\.?|billing no\b\.?|cert(?:ificate|ification)?\b\.?(?: (?:no\b\.?|number|#))?|twic|ncpdp(?: id)?|imc|rcvs|passport(?: (?:no\b\.?|number))?|ccn\b|mcnz|ncnz|pcnz|permis|cmq|mci (?:reg|no)\b\.?(?: no\b\.?)?|nrcme(?: (?:no\b\.?|id))?|fmcsa(?: registry)?(?: (?:no\b\.?|id))?|nrp(?: no\b\.?)|national registry(?: (?:no\b\.?|id|#))?|registration (?:no\b\.?|number|#))",
            ),
            (Pass::Numbers, r"\b[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}\b"),
            (Pass::Numbers, r"\b[12]\d{9}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => {
                named(note, hit, 6, Label::LICENSE.sub("npi"), out);
            }
            1 => {
                named(note, hit, 6, Label::LICENSE.sub("dea"), out);
            }
            2 if is_quantity(note, hit) => {}
            2 => {
                let before = out.len();
                // `DL AR 918840027`: the state that gave it is read over, and taken in.
                let state = note.tokens().get(note.token_at(hit.end)).filter(|t| {
                    let gap = note.slice(hit.end, t.start);
                    matches!(gap, " " | "# " | ": ")
                        && t.case == Case::Upper
                        && t.len() == 2
                        && t.has(Marks::STATE)
                });
                let hit = state.map_or(hit, |t| Hit { end: t.end, ..hit });
                named(note, hit, 5, Label::LICENSE, out);
                if let (Some(state), Some(claim)) = (state, out.get_mut(before))
                    && note.slice(state.end, claim.start) == " "
                {
                    claim.start = state.start;
                }
                out.truncate(
                    out.iter().skip(before).take_while(|claim| is_licence(note, claim)).count() + before,
                );
            }
            4 if luhn(&format!("80840{}", note.slice(hit.start, hit.end))) => {
                out.push(found(Label::LICENSE.sub("npi"), hit.start, hit.end, Evidence::Checked));
            }
            3 if dea_holds(note.slice(hit.start, hit.end)) => {
                out.push(found(Label::LICENSE.sub("dea"), hit.start, hit.end, Evidence::Checked));
            }
            _ => {}
        }
    }

    fn read(&self, note: &Note<'_>, out: &mut Vec<Found>) {
        for (index, token) in note.cues(Marks::CREDENTIAL) {
            if token.case != Case::Lower && token.len() > 1 {
                after_credential(note, index, out);
            }
        }
    }
}

/// `RPSGT #22781`, `RN 1144820`, `LISW I.2201884`: a number of a roll after letters of a profession. Letters that are a
/// state's too (`MD 21201`) want a sign between.
fn after_credential(note: &Note<'_>, index: usize, out: &mut Vec<Found>) {
    let (Some(token), Some(next)) = (note.tokens().get(index), note.tokens().get(index + 1)) else { return };
    let gap = note.slice(token.end, next.start);
    let signed = matches!(gap, " #" | "#" | ", #" | " (#" | ": #" | ". #");
    let plain = matches!(gap, " " | ": ") && !token.has(Marks::STATE) && token.len() > 2
        || gap == " " && note.word(token) == "RN";
    let numbered = matches!(next.case, Case::Number | Case::Mixed)
        || next.case == Case::Initial && note.byte(next.end) == b'.';
    if !(signed || plain) || !numbered {
        return;
    }
    let Some((start, end)) = id_at(note, next.start, 4) else { return };
    let text = note.slice(start, end);
    let long = digits(text) >= if signed { 3 } else { 5 };
    if long
        && !text.contains(['/', ':', ' '])
        && !unit_follows(note, end)
        && crate::calendar::parse(text).is_none()
    {
        out.push(found(Label::LICENSE, start, end, Evidence::Checked));
    }
}

/// `2.4 dL`: a volume.
fn is_quantity(note: &Note<'_>, hit: Hit) -> bool {
    let before = note.before(hit.start, 4);
    let number = before.trim_end_matches([' ', '-']);
    note.slice(hit.start, hit.end).eq_ignore_ascii_case("dl")
        && number.len() + 1 == before.len()
        && number.ends_with(|c: char| c.is_ascii_digit())
}

/// A licence has three digits or more; after letters that stand alone, which may be a laboratory value's, five.
fn is_licence(note: &Note<'_>, claim: &Found) -> bool {
    let text = note.slice(claim.start, claim.end);
    let apart = text.split_once(' ').is_some_and(|(head, tail)| {
        head.bytes().all(|b| b.is_ascii_alphabetic()) && !tail.bytes().any(|b| b.is_ascii_alphabetic())
    });
    let count = digits(text);
    count >= if apart { 5 } else { 3 } || (count == 0 && text.contains(' '))
}

/// The last digit is that of the first, third and fifth with twice the second, fourth and sixth.
fn dea_holds(text: &str) -> bool {
    let digits: Vec<u32> = digit_values(text).collect();
    match digits.as_slice() {
        [head @ .., check] if head.len() == 6 => {
            let sum: u32 =
                head.iter().zip([1, 2].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
            sum % 10 == *check
        }
        _ => false,
    }
}
