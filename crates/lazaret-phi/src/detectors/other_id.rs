//! Finds other numbers and codes that identify: accession, case, claim, order, badge and run numbers.
//!
//! A number that one of many cues names (`accession`, `specimen`, `claim`, `ref`, `badge`, `Rx no.`). A cue that is
//! also a common word needs a sign between it and the number (`case #`, `order no.`, `job:`). Accession numbers
//! are found by their form too (letters, a year, a serial number), and so are capitals and digits in groups with hyphens
//! (`R884-20071`) and what a FHIR `reference` leads to.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(R).
//!
//! Example: `accession RA-24-1190342` gives the number; `case of 3 patients` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(R).

use lazaret_core::Label;

use crate::calendar;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::value::{begin, digits, id_at, named, unit_follows};
use crate::view::Note;

/// See the page above.
pub(crate) struct OtherId;

impl ShapeDetector for OtherId {
    fn id(&self) -> &'static str {
        "phi.other-id"
    }

    fn source(&self) -> &'static str {
        include_str!("other_id.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("ACCESSION: RA-24-1190342", "A case of 3 patients, order of 12, BRCA1 and ICD C50.911.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Cues,
                r"\b(?:acc(?:ession)?(?: ?(?:no\b\.?|number|#))?:|accession(?: (?:no\b\.?|number|#))?|acc ?#|specimen(?: (?:id|no\b\.?|number|#))?|spec(?:imen)? ?#|wo|our nos?\b\.?|their nos?\b\.?|lab nos?\b\.?|path nos?\b\.?)",
            ),
            (
                Pass::Cues,
                r"\b(?:claim|emp(?:loyee)?|payroll|doc|ref(?:erence)?|badge|run|case|file|order|job|batch|confirm(?:ation)?|report|docket|waybill|tracking|barcode|family|enrol?l?ment|census|registry|study|subject|encounter|enc|visit|rx|script|item|interpreter|request|ticket|auth(?:orization)?|certificate|cert|kit|incident|pcr|lot and serial|trial subject)(?: (?:no\b\.?|nos\b\.?|number|id\b|ref\b|case)|-id\b|\.? ?#|:| ?id:)(?: ?#)?",
            ),
            (
                Pass::Cues,
                r"\x22id\x22: ?\x22|\b(?:claim|badge|run|docket|waybill|job|seal|bands|terminal|workstation|crn|case worker id|inmate|booking|parcel|ssi case|interpreter id|wristband|band|enr|case ref|call|rpt|tix|key|auth|citation|occurrence|prisoner no\b\.?|din|cin|histology (?:no\b\.?|number)|bracelet(?: no\b\.?)?|peer-to-peer|donor|eob ?#|s#|hang tag|prov ?#|register|our ref|your ref|e-script id|death cert(?:ificate)? no\b\.?|tribal enrol?lment no\b\.?|request id|subj(?:ect)?|ref|pedigree|toe tag|evidence(?: bag| tag)?|belongings(?: bag| tag)?|property(?: bag| tag)|fob|cause(?: no\b\.?)?|tin|ein|fein|blue badge|session(?: id)?|meeting id|call id|conf(?:erence)? id|authority no\b\.?|warrant|police report|incident report|passport|visa|locker|gate code|door code|keypad|passcode|pin|voucher|permit|control (?:no\b\.?|number)|me no\b\.?|dna no\b\.?|req(?:uisition)? ?#|reg'?d no\b\.?|warranty|loan|lease|sample id|cassette|tcn|asset|envelope(?: id)?|fbi(?:/ucn)?|ucn|sid|unos(?: id)?|optn(?: id)?|donor id|recipient id|match run|acc claim|abha|aadhaar|nric|hkid|curp|bsn|pesel|codice fiscale|personnummer|cnic|bvn|nin no\b\.?|teudat zehut|emirates id|civil id|iqama|mykad|philhealth|transaction(?: id)?|trace (?:no\b\.?|number)|message id|lunch pin|lockbox|kindred|proband|bus ?#?)\b[.:]?",
            ),
            (
                Pass::Cues,
                r"\b(?:no\.|nr\.|(?:id|rx|case|order|ref|reference|report|file|kit|item|barcode|labell?ed(?: only)?|code|box|system|console|device|monitor|analyzer|pump|machine|ventilator|concentrator|bipap|cpap|dialyzer|lead|series|host|chart|band|insert|member)\b)",
            ),
            (
                Pass::Numbers,
                r"\b(?:[A-Z]{1,4}-?\d{2}-\d{4,8}(?:-[A-Z]?\d{1,2}|-[A-Z])?|[A-Z]{1,2}\d{2}-\d{4,7})\b",
            ),
            (
                Pass::Numbers,
                r"\b(?:[A-Z]{1,6}-?\d{6,10}(?:[A-Z]|-[A-Z0-9]{1,4})?|(?-i:[A-Z]{2,4}) \d{6,8}|[A-Z]{1,5}(?:-[A-Z]{2,4})?-\d{4,8}(?:-[A-Z0-9]{1,6})?|[A-Z]{2,4}-\d{3,6}-\d{4,6}|[A-Z]{2,4}\d{2}-\d{4,6}(?:-\d{1,2})?|\d{2}(?:-\d{2}){3}|\d{2,3}-\d{3,5}-\d{3,6}|\d{2}-\d{6,8}|20\d{2}-\d{5,8}|(?-i:[A-Z])\d{4} \d{3}|\d{6,8}-(?:\d{1,6}|[A-Z])|\d{2}-\d{5,6}-\d{2}|\d{3}-\d{2}-\d{6}-\d{3}|[A-Z]\d{4}-\d{4}|[A-Z]{1,3}-?\d{2}:\d{4,6})\b",
            ),
            (Pass::Numbers, r"\b1Z(?: ?[A-Z0-9]{2,4}){3,6}\b"),
            (Pass::Numbers, r"\b[A-Z0-9]{1,8}(?:-[A-Z0-9]{1,8}){1,5}\b"),
            (
                Pass::Cues,
                r"\x22reference\x22 ?: ?\x22(?:Patient|Person|RelatedPerson|Practitioner|PractitionerRole|Encounter|Location|Device|Group)/",
            ),
            (
                Pass::Numbers,
                r"\b[A-Z]{1,4}/\d{2}/\d{3,6}(?:/\d{3,6})?\b|\b[A-Z]{1,4}(?:/[A-Z]{1,4})?/?\d{0,2}/\d{4,7}\b",
            ),
            (Pass::Signs, r"#\d{4,10}\b"),
            (Pass::Cues, r"\x22value\x22 ?: ?\x22"),
            (Pass::Numbers, r"\b[0-2](?:\.\d{1,20}){5,30}\b"),
            (Pass::Numbers, r"\b(?:\d{7,14}[A-Z]?|\d{2}[A-Z]\d{4,6})\b"),
            (
                Pass::Cues,
                r"\x22[a-z_]{0,16}(?:id|icn|number|acct|account|trace|mrn|bed|room|serial|accession|username|user)\x22 ?: ?\x22",
            ),
            // A word run into the number that it names.
            (Pass::Numbers, r"\b(?-i:Subj|Subject|Case|Ref|Order|Spec|Enc|Pt|Acc)(?-i:[A-Z]{1,4})-\d{3,8}\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        match hit.shape {
            0 => {
                named(note, hit, 5, Label::OTHER_ID.sub("accession"), out);
            }
            1 | 2 => {
                // `badge 318`
                let badge = note.slice(hit.start, hit.end).to_ascii_lowercase().starts_with("badge");
                named(note, hit, if badge { 3 } else { 4 }, Label::OTHER_ID, out);
            }
            3 => {
                // `"code":"74400008"`: what something is, not whose.
                if note.byte_before(hit.start) == b'"' && note.byte(hit.end) == b'"' {
                    return;
                }
                // Words so common name a number only if it is long, or letters and digits joined, and follows at once.
                let at = begin(note, hit.end);
                if at > hit.end + 4 || id_at(note, at, 5).is_none() {
                    return;
                }
                let mut claims = Vec::new();
                named(note, hit, 5, Label::OTHER_ID, &mut claims);
                claims
                    .retain(|claim| serial(note.slice(claim.start, claim.end)) && claim.start - hit.end <= 3);
                out.extend(claims.into_iter().map(|claim| Found { evidence: Evidence::Shape, ..claim }));
            }
            4 => out.push(found(Label::OTHER_ID.sub("accession"), hit.start, hit.end, Evidence::Shape)),
            6 => out.push(found(Label::OTHER_ID, hit.start, hit.end, Evidence::Checked)),
            7 if !grouped(note.slice(hit.start, hit.end)) => {}
            8 => {
                let value = note.after(hit.end, 64).split('"').next().unwrap_or("");
                if digits(value) > 0 {
                    out.push(found(Label::OTHER_ID, hit.end, hit.end + value.len(), Evidence::Named));
                }
            }
            10 => {
                // `VVA #88120`; `#120` of tablets is shorter, `disp #1000` names them.
                if !note.cue_before(
                    hit.start,
                    10,
                    "disp|dispense|qty|quantity|count|tabs|caps|tab|sig|issue|take",
                ) && !note.byte_before(hit.start).is_ascii_alphanumeric()
                    && !unit_follows(note, hit.end)
                {
                    out.push(found(Label::OTHER_ID, hit.start, hit.end, Evidence::Likely));
                }
            }
            11 => json_value(hit, note, out),
            12 => object_identifier(hit, note, out),
            13 => long_number(hit, note, out),
            14 => json_key(hit, note, out),
            15 => {
                let text = note.slice(hit.start, hit.end);
                if let Some(word) = text.bytes().skip(1).position(|b| b.is_ascii_uppercase()) {
                    out.push(found(Label::OTHER_ID, hit.start + word + 1, hit.end, Evidence::Shape));
                }
            }
            _ => uncued(hit, note, out),
        }
    }
}

/// The value of an `Identifier` of FHIR: `{"system":"urn:oid:…","value":"94813109"}`, but for codes and telephones.
fn json_value(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let before = note.before(hit.start, 160);
    let object = before.rsplit('{').next().unwrap_or("");
    let telecom = object.contains("\"phone\"") || object.contains("\"email\"") || object.contains("\"fax\"");
    let value = note.after(hit.end, 64).split('"').next().unwrap_or("");
    if !object.contains("\"system\"") && !before.contains("\"identifier\"")
        || telecom
        || digits(value) < 4
        || value.len() >= 64
    {
        return;
    }
    let social = object.contains("2.16.840.1.113883.4.1\"") || object.contains("us-ssn");
    let label = if social { Label::SSN } else { Label::OTHER_ID };
    out.push(found(label, hit.end, hit.end + value.len(), Evidence::Shape));
}

/// Seven digits or more that nothing names: no measure of a patient has so many, but a code for a thing may.
fn long_number(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    const CODES: &str = "snomed|sct|dm+d|loinc|rxcui|rxnorm|ndc|pmid|pmcid|doi|gtin|upc|ref|model|catalog|cat|code|codes|coding|version|build|icd|cpt|hcpcs|omim|umls|cui|orpha|mesh|platelets|plt|wbc|count|counts|copies|iu|cfu|units|lot|lote|charge|batch|exp|gene|chr|position|hg19|hg38|grch37|grch38|rs|clinvar|taxon|unii";
    let joins = |b: u8| {
        matches!(b, b'-' | b'.' | b'/' | b'_' | b'+' | b'>' | b'<' | b',' | b'$' | b'=' | b':' | b'%')
    };
    let joined = joins(note.byte_before(hit.start)) && note.byte_before(hit.start) != b'='
        || joins(note.byte(hit.end)) && note.byte(hit.end + 1).is_ascii_alphanumeric();
    let coded = note.cue_before(hit.start, 24, CODES)
        || note.byte(hit.end) == b'^'
        || note.before(hit.start, 16).contains("\"code\"")
        || note.cue_after(hit.end, 10, "copies|cells|cfu|iu|units|platelets");
    if !joined && !coded && !unit_follows(note, hit.end) {
        out.push(found(Label::OTHER_ID, hit.start, hit.end, Evidence::Likely));
    }
}

/// `"claimId":"25233EK6767"`, `"bed": "7C-22"`: what a key of JSON says is someone's number, bed or login.
fn json_key(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let key = note.slice(hit.start, hit.end).to_ascii_lowercase();
    let value = note.after(hit.end, 48).split('"').next().unwrap_or("");
    let name = key.split('"').nth(1).unwrap_or("");
    let is = |end: &str| name.ends_with(end);
    let place = is("bed") || is("room");
    let login = is("user") || is("username");
    let fits = if place {
        digits(value) >= 1 && value.len() <= 10
    } else if login {
        value.len() >= 4
    } else {
        digits(value) >= 5
    };
    let url = value.contains("//") || value.contains(' ') && !place && digits(value) < 6;
    if !fits || url || value.len() >= 48 || calendar::parse(value).is_some() {
        return;
    }
    let label = if is("mrn") {
        Label::MRN
    } else if is("acct") || is("account") {
        Label::ACCOUNT
    } else if is("serial") {
        Label::DEVICE
    } else if place {
        Label::OTHER_ID.sub("room")
    } else if login {
        Label::OTHER_ID.sub("username")
    } else {
        Label::OTHER_ID
    };
    out.push(found(label, hit.end, hit.end + value.len(), Evidence::Shape));
}

/// Roots of object identifiers that name codes, classes and kinds, not things of someone's: HL7, DICOM, and the internet.
const ROOTS: [&str; 5] = ["2.16.840.1.113883.", "1.2.840.10008.", "1.3.6.1.", "1.2.840.113619.", "2.16.756."];

/// An object identifier of a study or picture (DICOM PS3.5 section 9): long, and of no root for codes.
fn object_identifier(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let text = note.slice(hit.start, hit.end);
    let joined = note.byte_before(hit.start) == b'.'
        || note.byte(hit.end) == b'.' && note.byte(hit.end + 1).is_ascii_digit();
    let root = ROOTS.iter().any(|root| text.starts_with(root))
        && !note.cue_before(hit.start, 24, "uid|suid|study|series|sop");
    if digits(text) >= 16 && !joined && !root {
        out.push(found(Label::OTHER_ID, hit.start, hit.end, Evidence::Shape));
    }
}

/// Four digits and a letter or hyphen, or six digits.
fn serial(text: &str) -> bool {
    let count = digits(text);
    let joined = text.bytes().any(|b| b.is_ascii_uppercase() || b == b'-');
    (count >= 6 || (count >= 4 && joined)) && !text.contains(['.', ',', '/', ':']) && !coded(text)
}

/// Codes that say what, not who: trials, classifications, accession numbers of sequences, papers, the number of an issuer.
fn coded(text: &str) -> bool {
    const CODES: [&str; 36] = [
        "VCV", "RCV", "SCV", "NC_", "NG_", "NM_", "NP_", "XM_", "ENST", "ENSG", "ENSP", "LRG", "NCT", "BIN ",
        "PCN ", "ICD", "CPT", "NM", "NP", "RS", "HCPCS", "ISRCTN", "GRCH", "DSM", "ISO", "COVID", "PMID",
        "PMC", "OMIM", "MIM ", "ORPHA", "SNOMED", "LOINC", "RXCUI", "UNII", "CMS-",
    ];
    CODES.iter().any(|code| text.get(..code.len()).is_some_and(|head| head.eq_ignore_ascii_case(code)))
}

/// Groups joined by hyphens that no one would write for anything but a number of someone's: capitals and five digits or
/// more, or four in three groups (`TPQ-CT-25-0919`, `R884-20071`).
fn grouped(text: &str) -> bool {
    let count = digits(text);
    let groups = text.split('-').count();
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    // `IL-6`, `T4-5`, `2019-2024`: what has few digits, or no letter, is none.
    // `5515-F-502`: a maker's number of an article.
    let article = matches!(text.as_bytes(), [a, b, c, d, b'-', letter, b'-', ..]
        if [a, b, c, d].iter().all(|b| b.is_ascii_digit()) && letter.is_ascii_alphabetic());
    letters
        && !article
        && (count >= 5 || count >= 4 && groups >= 3)
        && text.split('-').any(|group| digits(group) >= 3)
}

/// A serial number that no word names: capitals with six digits or more, or digits in hyphened groups.
fn uncued(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let text = note.slice(hit.start, hit.end);
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let edge = |b: u8| matches!(b, b'-' | b'.' | b'/' | b'_' | b'+' | b'>');
    let inner = edge(note.byte_before(hit.start))
        || (edge(note.byte(hit.end)) && note.byte(hit.end + 1).is_ascii_alphanumeric());
    let code = || {
        note.cue_before(hit.start, 20, "snomed|loinc|cpt|icd|ndc|rxcui|code|codes|model|ref|clone|clones|advisory|version|software|hcpcs|platelets|wbc|lot|umls|mesh")
            || note.cue_before(hit.start, 8, "na|cl|plt|bg|bgs|glu|glucose|glucoses|fsbs|cbg|ck|trop|crp|ldh|sodium|sugars")
    };
    // `form QLH-4410`: a paper's number is short.
    let paper = || {
        digits(text) <= 4 && note.cue_before(hit.start, 12, "form|leaflet|brochure|sop|protocol|directive")
    };
    let bare = letters == 0 && !text.contains('-');
    let upper = !text.bytes().any(|b| b.is_ascii_lowercase());
    if !inner
        && !coded(text)
        && !bare
        && (upper || text.starts_with(|c: char| c.is_ascii_lowercase()) && letters == 1)
        && !paper()
        && !code()
    {
        out.push(found(Label::OTHER_ID, hit.start, hit.end, Evidence::Likely));
    }
}
