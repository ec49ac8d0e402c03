//! What a question asks for, by its words: an answer is of that kind, whatever stands in it. And ages above 89,
//! which are a characteristic of few (45 CFR 164.514(b)(2)(i)(C)).

use lazaret_core::Label;
use lazaret_input::json::Node;

use super::nodes::{items, text};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// An age: what is above 89 identifies.
    Age,
    /// An identifier of this label.
    For(Label),
}

/// The elements whose ranges and quantities of time are ages.
pub(crate) const AGES: &[&str] = &["onset", "abatement", "age", "deceased", "performed", "when"];

/// The shapes that ask.
pub(crate) const ASKING: &[&str] = &[
    "QuestionnaireResponse.item",
    "Parameters.parameter",
    "Observation",
    "Observation.component",
    "Group.characteristic",
];

/// What the object of a shape asks for: a question by its text or link, an observation by its code.
pub(crate) fn asked(shape: &str, node: Node<'_, '_>) -> Option<Asked> {
    match shape {
        "QuestionnaireResponse.item" => {
            text(node, "text").and_then(by_words).or_else(|| text(node, "linkId").and_then(by_words))
        }
        "Parameters.parameter" => text(node, "name").and_then(by_words),
        _ => node.get("code").is_some_and(says_age).then_some(Asked::Age),
    }
}

/// LOINC codes of ages and SNOMED CT codes of ages.
const AGE_CODES: &[&str] = &[
    "30525-0",
    "21611-9",
    "21612-7",
    "29553-5",
    "35659-2",
    "39016-1",
    "63900-5",
    "397669002",
    "424144002",
    "445518008",
];

fn says_age(concept: Node<'_, '_>) -> bool {
    let says = |words: Option<&str>| words.and_then(by_words) == Some(Asked::Age);
    says(text(concept, "text"))
        || items(concept, "coding").any(|coding| {
            says(text(coding, "display"))
                || text(coding, "code").is_some_and(|code| AGE_CODES.contains(&code))
        })
}

/// Things that have names and are nobody.
const THINGS: &[&str] = &[
    "allergen",
    "brand",
    "condition",
    "device",
    "diagnosis",
    "disease",
    "drug",
    "drugs",
    "food",
    "form",
    "generic",
    "ingredient",
    "lab",
    "medication",
    "medications",
    "medicine",
    "medicines",
    "panel",
    "procedure",
    "product",
    "program",
    "study",
    "substance",
    "supplement",
    "test",
    "trade",
    "vaccine",
];

/// What a number is called.
const NUMBER: &[&str] = &["number", "no", "id", "identifier", "nr"];

fn by_words(question: &str) -> Option<Asked> {
    let words = words(question);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let pair = |first: &str, second: &str| {
        words.windows(2).any(|two| matches!(two, [a, b] if a == first && b == second))
    };
    let is_number = has(NUMBER);
    let numbers = |of: &[&str]| of.iter().any(|of| NUMBER.iter().any(|number| pair(of, number)));
    let label = if has(&["ssn"]) || pair("social", "security") {
        Label::SSN
    } else if has(&["mrn"]) || pair("medical", "record") || numbers(&["patient", "chart", "record"]) {
        Label::MRN
    } else if has(&["email", "emails"]) || pair("e", "mail") {
        Label::EMAIL
    } else if has(&["fax"]) {
        Label::FAX
    } else if has(&["phone", "phones", "telephone", "cellphone", "tel", "pager"])
        || is_number && has(&["mobile", "cell", "contact"])
    {
        Label::PHONE
    } else if pair("ip", "address") {
        Label::IP
    } else if has(&["website", "homepage", "url"]) {
        Label::URL
    } else if has(&["zip", "zipcode", "postcode"]) || pair("postal", "code") {
        Label::ZIP
    } else if has(&["dob", "birthdate", "birthday"]) || has(&["birth"]) && has(&["date", "day", "year"]) {
        Label::BIRTH_DATE
    } else if has(&["birthplace"]) || has(&["birth"]) && has(&["place"]) {
        Label::LOCATION
    } else if has(&["born"]) {
        if has(&["where"]) { Label::LOCATION } else { Label::BIRTH_DATE }
    } else if has(&["address", "addresses", "street"]) {
        Label::STREET
    } else if has(&["city", "town", "village"]) {
        Label::CITY
    } else if has(&["county"]) {
        Label::COUNTY
    } else if is_number && has(&["insurance", "policy", "member", "subscriber", "beneficiary", "medicare"]) {
        Label::HEALTH_PLAN
    } else if has(&["iban", "account"]) {
        Label::ACCOUNT
    } else if has(&["vin"]) || has(&["plate"]) && has(&["license", "licence", "number"]) {
        Label::VEHICLE
    } else if has(&["license", "licence", "passport"]) {
        Label::LICENSE
    } else if has(&["employer"]) {
        Label::HOSPITAL
    } else if has(&[
        "surname",
        "surnames",
        "firstname",
        "lastname",
        "fullname",
        "forename",
        "nickname",
        "maiden",
    ]) || has(&["name", "names", "alias"]) && !has(THINGS)
    {
        Label::NAME
    } else if has(&["age", "aged", "ages"]) || pair("how", "old") || pair("years", "old") {
        return Some(Asked::Age);
    } else {
        return None;
    };
    Some(Asked::For(label))
}

/// The words of a question or of a link (`homePhone`, `patient.phone-number`), in lower case. A question so long
/// that it is none is read as far as questions go.
fn words(question: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in question.chars().take(1_000) {
        if c.is_alphanumeric() {
            let begins = !before.is_alphanumeric() || before.is_lowercase() && c.is_uppercase();
            match out.last_mut().filter(|_| !begins) {
                Some(word) => word.extend(c.to_lowercase()),
                None => out.push(c.to_lowercase().collect()),
            }
        }
        before = c;
    }
    out
}

/// Whether a quantity is an age above 89: its unit is one of time, or none is told.
pub(crate) fn is_over_89(value: Node<'_, '_>, quantity: Node<'_, '_>) -> bool {
    let code = text(quantity, "code");
    let unit = code.or_else(|| text(quantity, "unit")).unwrap_or("").trim().to_lowercase();
    let in_a_year = match unit.trim_end_matches("(s)") {
        "mo" | "mo_j" | "mo_g" | "mo_s" | "mos" | "month" | "months" => 12.0,
        "wk" | "wks" | "week" | "weeks" => 52.0,
        "d" | "day" | "days" => 365.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 8_760.0,
        "min" | "minute" | "minutes" => 525_600.0,
        "s" | "sec" | "second" | "seconds" => 31_536_000.0,
        "" | "a" | "a_j" | "a_g" | "a_t" | "y" | "yr" | "yrs" | "year" | "years" => 1.0,
        // A code of UCUM that is none of these is no time; a unit in words may be anybody's word for years.
        _ if code.is_some() && text(quantity, "system") == Some("http://unitsofmeasure.org") => return false,
        _ => 1.0,
    };
    over_89(value, in_a_year)
}

/// Whether a number of years is above 89.
pub(crate) fn is_years_over_89(value: Node<'_, '_>) -> bool {
    over_89(value, 1.0)
}

fn over_89(value: Node<'_, '_>, in_a_year: f64) -> bool {
    let number = value.as_number().and_then(|number| number.parse::<f64>().ok());
    number.is_none_or(|number| number / in_a_year > 89.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_say_what_they_ask_for() {
        for (question, label) in [
            ("Phone", Label::PHONE),
            ("homePhone", Label::PHONE),
            ("/patient/phone-number", Label::PHONE),
            ("What is your name?", Label::NAME),
            ("Mother's maiden name", Label::NAME),
            ("emergency_contact_name", Label::NAME),
            ("Date of birth (DD/MM/YYYY)", Label::BIRTH_DATE),
            ("When were you born?", Label::BIRTH_DATE),
            ("Where were you born?", Label::LOCATION),
            ("Home address", Label::STREET),
            ("Your e-mail, please", Label::EMAIL),
            ("Patient SSN", Label::SSN),
            ("Medical record #", Label::MRN),
            ("patientId", Label::MRN),
            ("Insurance member ID", Label::HEALTH_PLAN),
            ("Zip", Label::ZIP),
        ] {
            assert_eq!(by_words(question), Some(Asked::For(label)), "{question}");
        }
        for question in ["Age", "How old are you?", "patientAge", "Age at onset"] {
            assert_eq!(by_words(question), Some(Asked::Age), "{question}");
        }
        for question in
            ["Pain today", "Name of medication", "Dosage", "Average sleep", "Are you mobile?", "", "é"]
        {
            assert_eq!(by_words(question), None, "{question}");
        }
    }
}
