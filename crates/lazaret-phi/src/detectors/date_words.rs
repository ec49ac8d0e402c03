//! Finds dates said in words: holidays, `the 12th`, `Fifteenth of July`, `winter of 1926`.
//!
//! A holiday fixes a day, with or without a year. A bare ordinal is a date after `on`, `by`, `until`, `the`; three numbers
//! (`two six forty one`) after `born`, `dated`, `on`.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(C).
//!
//! Example: `Christmas Eve 2022` is found; `the 2nd toe` and `summer` are not.
//!
//! References: 5 U.S.C. 6103 (federal holidays).

use lazaret_core::Label;

use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct DateWords;

macro_rules! ordinals {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            r"(?:twenty[ -]|thirty[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)",
            $after
        )
    };
}

/// The shape of an ordinal that nothing leads.
const LONE: usize = 13;

impl ShapeDetector for DateWords {
    fn id(&self) -> &'static str {
        "phi.date.words"
    }

    fn source(&self) -> &'static str {
        include_str!("date_words.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Fell on Christmas Eve 2022.", "The 2nd toe in summer, 4th of 6 cycles.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[
            (
                Pass::Dates,
                r"\b(?:christmas(?: eve| day)?|thanksgiving(?: day)?|new year'?s(?: eve| day)?|easter(?: sunday| monday)?|good friday|palm sunday|(?:holy|maundy) thursday|ash wednesday|hallowe'?en|memorial day|labou?r day|independence day|(?:fourth|4th) of july|veterans'? day|valentine'?s day|mother'?s day|father'?s day|boxing day|canada day|anzac day|australia day|juneteenth|martin luther king day|mlk day|presidents'? day|columbus day|st\.? patrick'?s day|hanukkah|yom kippur|rosh hashanah|passover|eid al-(?:fitr|adha)|diwali|cinco de mayo|bastille day|guy fawkes night|remembrance day|(?:st\.? )?stephen'?s day|groundhog day|patriots'? day|mardi gras(?: day)?|shrove tuesday|whit monday|all saints'? day|kwanzaa|super ?bowl sunday|election day|indigenous peoples'? day|victoria day|burns night|bonfire night|michaelmas|lunar new year|chinese new year|tag der deutschen einheit|heiligabend|silvester|día de los muertos|truth (?:and|&) reconciliation day|family day|civic holiday|midsummer(?:'s)?(?: eve| day| night)|lady day|candlemas|pentecost|whit ?sunday|ascension day|corpus christi|all souls'? day|vaisakhi|holi|nowruz|songkran|purim|sukkot|shavuot|epiphany|twelfth night|three kings'? day|st\.? nicholas'? day|flag day|pioneer day|d-day|ve day|vj day|(?:queen|king)'?s birthday|melbourne cup day|waitangi day|st\.? (?:george|david|andrew|brigid|john)'?s day|(?:spring|summer|may|august) bank holiday|earth day|april fools'? day|tax day|leap day|black friday|cyber monday|d(?:i|í)a de (?:los )?muertos|navidad|nochebuena|año nuevo|semana santa|tết(?: nguyên đán)?|samhain|imbolc|be(?:altaine|ltane)|lughnasa(?:dh)?|nollaig(?: na mban)?|fête (?:du travail|nationale|du canada)|(?:la )?saint-jean-baptiste|noël|pâques|toussaint|action de grâces|jour de l'an|ramadan|eid|chanukah|navratri|dussehra|vesak|chuseok|obon|mid-autumn festival|simchat torah|tisha b'av|ashura|mothering sunday|(?:the )?feast of (?:all souls|all saints|st\.? [a-z]+|the [a-z]+)|(?:st\.? )?patrick'?s day|paddy'?s day|pancake day|hogmanay|armistice day|arbor day|matariki|grand final day|bloomsday|pearl harbor day|cesar chavez day|statehood day|king's day|sinterklaas|wigilia|(?:orthodox|coptic|greek) (?:easter|christmas)|(?:winter|summer) solstice|(?:lent|michaelmas|hilary|trinity) term)\b(?:,? (?:of )?(?:(?:19|20)\d\d|(?:nineteen|twenty) (?:oh |ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?: ?(?:one|two|three|four|five|six|seven|eight|nine)\b)?)\b)?",
            ),
            (
                Pass::Dates,
                ordinals!(
                    r"\b(?:the )?",
                    r" of (?:january|february|march|april|may|june|july|august|september|october|november|december)(?:,? \d{4}\b)?"
                ),
            ),
            (
                Pass::Dates,
                ordinals!(
                    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)(?: the)? ",
                    r"(?:,? (?:twenty|nineteen)[ -](?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|oh|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?| (?:forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|,? \d{4})?\b"
                ),
            ),
            (
                Pass::Dates,
                r"\b(?:(?:on|by|to|until|till|til|since|from|before|after|and|ends|starts|begins|due|back|recheck|returns?|again|him|her|them|see|next) )the (?:[1-9]|[12]\d|3[01])(?:st|nd|rd|th)\b",
            ),
            (
                Pass::Dates,
                ordinals!(
                    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day,? the ",
                    r"(?: of (?:january|february|march|april|may|june|july|august|september|october|november|december))?\b"
                ),
            ),
            // `the fourth of the fourth nineteen fifty eight`
            (
                Pass::Dates,
                ordinals!(
                    r"\b(?:the )?",
                    r" of the (?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)(?:,? (?:of )?(?:(?:nineteen|twenty)[ -](?:hundred|oh (?:one|two|three|four|five|six|seven|eight|nine)|(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?)|(?:forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|\d{2,4}))\b"
                ),
            ),
            (Pass::Dates, r"\b(?:the )?(?:[1-9]|[12]\d|3[01])(?:st|nd|rd|th) (?:inst|ult|prox)\b\.?"),
            (
                Pass::Dates,
                r"\b(?:the )?(?:spring|summer|autumn|fall|winter) (?:of )?(?:19|20)\d\d(?:[-/]\d\d)?\b",
            ),
            (
                Pass::Dates,
                r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)(?: of)? (?:nineteen|twenty)[ -](?:one|two|three|four|five|six|seven|eight|nine|hundred|oh[ -](?:one|two|three|four|five|six|seven|eight|nine)|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine)\b)?)\b",
            ),
            (
                Pass::Dates,
                ordinals!(
                    r"\b(?:on|since|until|till|through|from|by|before|after|(?:night|morning|evening|afternoon|day) of) the ",
                    r"\b"
                ),
            ),
            (
                Pass::Dates,
                r"\b(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\.?,? (?:the )?(?:[1-9]|[12]\d|3[01])(?:st|nd|rd|th)\b",
            ),
            (
                Pass::Dates,
                r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) slash (?:(?:twenty|thirty)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)(?: slash (?:(?:nineteen|twenty) )?(?:oh (?:one|two|three|four|five|six|seven|eight|nine)|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen))?\b",
            ),
            (
                Pass::Cues,
                r"\b(?:birth|born|dob|d o b|service|dated|admitted|admission|discharged|discharge|seen|date|on)(?: on| is| was| of)? (?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) (?:(?:twenty|thirty)[ -](?:one|two|three|four|five|six|seven|eight|nine)|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty) (?:of )?(?:(?:nineteen|twenty) )?(?:oh[ -](?:one|two|three|four|five|six|seven|eight|nine)|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine)\b)?)\b",
            ),
            (Pass::Dates, r"\bthe (?:1[3-9]|2\d|3[01])(?:st|nd|rd|th)\b"),
        ]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let mut start = hit.start;
        match hit.shape {
            10 => return weekday(hit, note, out),
            11 => return slashed(hit, note, out),
            12 => return three_numbers(hit, note, out),
            LONE => return lone(hit, note, out),
            _ => {}
        }
        if hit.shape == 9 {
            // `on the ninth of october`
            if let Some(length) = of_month(&note.after(hit.end, 24).to_ascii_lowercase()) {
                start += note.slice(hit.start, hit.end).to_ascii_lowercase().find("the ").unwrap_or(0);
                out.push(found(Label::DATE, start, hit.end + length, Evidence::Checked));
                return;
            }
            let next = note.after(hit.end, 2);
            if !(next.is_empty()
                || next.starts_with(['.', ',', ';', ')', '?'])
                || note.cue_after(hit.end, 9, "by|and|at|with|he|she|was|they|after|when|because|for|in|period|comma|number|his|her|we|i|to|had|repeat|end|but|then|there|it"))
            {
                return;
            }
            start += note.slice(hit.start, hit.end).to_ascii_lowercase().find("the ").unwrap_or(0);
        }
        if hit.shape == 3 {
            let text = note.slice(hit.start, hit.end);
            // The word before `the` stays; what follows must not make it an ordinal of things.
            start += text.to_ascii_lowercase().find("the ").unwrap_or(0);
            let next = note.after(hit.end, 2);
            let closes = next.is_empty()
                || next.starts_with(['.', ',', ';', ')', ':', '?'])
                || note.cue_after(hit.end, 8, "and|at|w/|bc|with|for|to|he|she|of");
            if !closes {
                return;
            }
            // `on the 2nd of December 2024`
            if let Some(length) = of_month(&note.after(hit.end, 24).to_ascii_lowercase()) {
                out.push(found(Label::DATE, start, hit.end + length, Evidence::Checked));
                return;
            }
        }
        // `friday december fifth`, `14 Samhain`: the weekday, or the day of a month that is a feast's too.
        let before = note.token_at(start).checked_sub(1).and_then(|at| note.tokens().get(at));
        if let Some(day) = before.filter(|t| matches!(note.slice(t.end, start), " " | ", ")) {
            let month = note.slice(start, hit.end).eq_ignore_ascii_case("samhain");
            if matches!(hit.shape, 1 | 2) && day.has(Marks::WEEKDAY) && day.len() > 3
                || month && day.digits && day.len() <= 2
            {
                start = day.start;
            }
        }
        out.push(found(Label::DATE, start, hit.end, Evidence::Checked));
    }
}

/// `Saturday the 22nd`, `TUES 11TH`; `sat 4th in line` is none.
fn weekday(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let first = note.tokens().get(note.token_at(hit.start));
    let month = of_month(&note.after(hit.end, 24).to_ascii_lowercase()).unwrap_or(0);
    if first.is_some_and(|t| t.capitalised() || t.len() > 3) {
        out.push(found(Label::DATE, hit.start, hit.end + month, Evidence::Checked));
    }
}

/// `one slash twenty nine`, not `three slash six`, which is a murmur's, and `four slash five`, a strength.
fn slashed(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let text = note.slice(hit.start, hit.end).to_ascii_lowercase();
    let parts: Vec<&str> = text.split(" slash ").collect();
    let day = parts.get(1).is_some_and(|day| {
        day.contains("teen")
            || day.contains("twenty-")
            || day.contains("twenty ")
            || day.starts_with("thirty ")
    });
    if parts.len() == 3 || day {
        out.push(found(Label::DATE, hit.start, hit.end, Evidence::Checked));
    }
}

/// `born two six forty one`: from the month on.
fn three_numbers(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    let months =
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let first = note
        .tokens()
        .iter()
        .skip(note.token_at(hit.start))
        .take(5)
        .find(|t| months.contains(&note.word(t).to_ascii_lowercase().as_str()));
    if let Some(first) = first {
        let label = if note.cue_before(first.start, 20, "birth|born|dob|d o b") {
            Label::BIRTH_DATE
        } else {
            Label::DATE
        };
        out.push(found(label, first.start, hit.end, Evidence::Checked));
    }
}

/// `recheck the 15th.`, `the 14th March 2024`: higher ordinals count little else, where nothing follows that they could count.
fn lone(hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
    if let Some(length) = of_month(&note.after(hit.end, 24).to_ascii_lowercase()) {
        out.push(found(Label::DATE, hit.start, hit.end + length, Evidence::Checked));
        return;
    }
    let month = note.tokens().get(note.token_at(hit.end));
    if let Some(month) = month.filter(|t| t.start == hit.end + 1 && t.has(Marks::MONTH) && t.capitalised()) {
        let year = note.after(month.end, 5);
        let year = year
            .strip_prefix(' ')
            .is_some_and(|year| year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit()));
        out.push(found(Label::DATE, hit.start, month.end + if year { 5 } else { 0 }, Evidence::Checked));
        return;
    }
    let rest = note.after(hit.end, 4);
    let closes = rest.is_empty()
        || rest.starts_with(['.', ',', ';', ')', '\n', '?', '!'])
        || rest.starts_with(" -")
        || rest.starts_with(" \u{2013}")
        || rest.starts_with(" \u{2014}");
    if closes {
        out.push(found(Label::DATE, hit.start, hit.end, Evidence::Shape));
    }
}

/// How long ` of december 2024` is at the head of a text in small letters.
fn of_month(rest: &str) -> Option<usize> {
    let month = rest.strip_prefix(" of ")?;
    let word: String = month.chars().take_while(char::is_ascii_alphabetic).collect();
    crate::calendar::month_of(&word)?;
    let year = month.get(word.len()..).unwrap_or("").trim_start_matches([',', ' ']);
    let digits = year.bytes().take_while(u8::is_ascii_digit).count();
    let blank = month.len() - word.len() - year.len();
    Some(4 + word.len() + if digits == 4 { blank + 4 } else { 0 })
}
