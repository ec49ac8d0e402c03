//! Clinical content that looks like something that identifies: drugs and herbs that are also given names, what someone is
//! allergic to, scores with their points, doses shaped like dates, the power of a lens before its serial number.
//!
//! Only what the form or word lists claimed is doubted, and only where the words beside it say what it is. What a cue
//! names, or the record knows, is never let go.

mod dose;

use std::sync::LazyLock;

use lazaret_core::{Kind, Label};

use crate::clinical::sentence;
use crate::cue::{Cues, is_one_of};
use crate::lexicon::{Lexicon, Marks, WordSet};
use crate::overlap::{Evidence, Found};
use crate::view::{Case, Note, Token};

/// Of the claims from one on, drops those on clinical content, and moves those that only begin with it.
pub(crate) fn clinical_stays(note: &Note<'_>, claims: &mut Vec<Found>, from: usize) {
    for claim in claims.iter_mut().skip(from).filter(|claim| claim.label.kind == Kind::Phone) {
        let power = lens_power(note.slice(claim.start, claim.end));
        if power > 0 {
            // What follows the power of a lens is its serial number.
            *claim = Found { label: Label::DEVICE, start: claim.start + power, ..*claim };
        }
    }
    let mut number = 0;
    claims.retain(|claim| {
        number += 1;
        if number <= from {
            return true;
        }
        if claim.evidence > Evidence::Checked {
            return claim.label.kind != Kind::Name || !Words::of(note, claim).titled_eponym();
        }
        !stays(note, claim)
    });
}

fn stays(note: &Note<'_>, claim: &Found) -> bool {
    let words = Words::of(note, claim);
    match claim.label.kind {
        Kind::Date => dose::says_how_much(note, claim, &words) || words.phrase(),
        Kind::Name | Kind::Hospital if words.phrase() || words.germ() || words.part() => true,
        _ if claim.evidence > Evidence::Shape => false,
        Kind::Name | Kind::Hospital => words.thing(claim),
        Kind::Location => {
            words.thing(claim) || words.phrase() || words.germ() || words.part() || words.no_address(claim)
        }
        Kind::Phone => note.cue_before(claim.start, 24, "perio|probing|pockets|pocket depths"),
        _ => false,
    }
}

/// How many bytes the power of a lens takes at the start: `+21.5 20418876` is a power and a serial number.
fn lens_power(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let Some(number) = text.strip_prefix('+') else { return 0 };
    let whole = digits(number);
    let Some(rest) = number.get(whole..).and_then(|rest| rest.strip_prefix('.')) else { return 0 };
    let part = digits(rest);
    let ends = rest.as_bytes().get(part) == Some(&b' ');
    if (1..=2).contains(&whole) && (1..=2).contains(&part) && ends { 1 + whole + 1 + part + 1 } else { 0 }
}

/// The words of a claim and those beside it.
struct Words<'a> {
    note: &'a Note<'a>,
    first: usize,
    last: usize,
    /// The word behind the claim, where a single blank or the `'s` of a possessive stands between.
    after: Option<&'a Token>,
}

impl<'a> Words<'a> {
    fn of(note: &'a Note<'a>, claim: &Found) -> Self {
        let first = note.token_at(claim.start);
        let last = note.token_at(claim.end.saturating_sub(1)).max(first);
        let at = |index: usize| note.tokens().get(index);
        let after =
            at(last).zip(at(last + 1)).and_then(|(this, next)| match note.slice(this.end, next.start) {
                " " => Some(next),
                "'" if note.word(next) == "s" => {
                    at(last + 2).filter(|after| note.slice(next.end, after.start) == " ")
                }
                _ => None,
            });
        Self { note, first, last, after }
    }

    fn at(&self, index: usize) -> Option<&'a Token> {
        self.note.tokens().get(index)
    }

    fn before(&self) -> Option<&'a Token> {
        self.first.checked_sub(1).and_then(|at| self.at(at))
    }

    /// The only word of the claim.
    fn single(&self, claim: &Found) -> Option<&'a Token> {
        self.at(self.first)
            .filter(|token| self.first == self.last && token.start == claim.start && token.end == claim.end)
    }

    /// Whether two or three words, of which the claim is a part, are one drug, device or eponym of the lists.
    fn phrase(&self) -> bool {
        let lexicon = Lexicon::get();
        (self.first.saturating_sub(2)..=self.first).any(|from| {
            let Some(first) = self.at(from).filter(|token| lexicon.begins_phrase(token.hash)) else {
                return false;
            };
            (self.last.max(from + 1)..from + 3).any(|to| {
                let Some(last) = self.at(to).filter(|last| last.end - first.start <= PHRASE) else {
                    return false;
                };
                let words = self.note.slice(first.start, last.end);
                let marks = lexicon.marks_in_any_case(words);
                marks.has(Marks::CLINICAL) && !marks.has(Marks::CITY.or(Marks::PERSON))
            })
        })
    }

    /// `C. freundii`, `Salmonella Quillby`: the claim ends in a germ's name, or is the serovar of the genus before it.
    fn germ(&self) -> bool {
        let germ = |token: &Token| token.has(Marks::ORGANISM);
        let ends = self.last <= self.first + 1 && self.at(self.last).is_some_and(germ);
        let serovar = self.first == self.last
            && self.before().zip(self.at(self.first)).is_some_and(|(genus, own)| {
                let gap = self.note.slice(genus.end, own.start);
                germ(genus) && genus.len() > 3 && gap == " " && !own.has(Marks::TITLE)
            });
        ends || serovar
    }

    /// `pouch of Quillby`: a part of the body that is named after whoever described it.
    fn part(&self) -> bool {
        let Some([part, of]) =
            self.first.checked_sub(2).and_then(|at| self.note.tokens().get(at..self.first)?.first_chunk())
        else {
            return false;
        };
        let joined = self.at(self.first).is_some_and(|own| {
            own.capitalised() && self.note.slice(part.end, own.start).eq_ignore_ascii_case(" of ")
        });
        joined && of.len() == 2 && is_one_of(&self.note.word(part).to_ascii_lowercase(), PARTS)
    }

    /// `Sister Mary Joseph nodule`: the title is the eponym's own, and its thing follows.
    fn titled_eponym(&self) -> bool {
        let (Some(title), Some(next)) = (self.before(), self.after) else { return false };
        next.has(Marks::EPONYM_HEAD)
            && Lexicon::get().begins_phrase(title.hash)
            && self.at(self.last).is_some_and(|last| {
                let words = self.note.slice(title.start, last.end.min(title.start + PHRASE));
                Lexicon::get().marks_in_any_case(words).has(Marks::EPONYM)
            })
    }

    /// Whether the words beside the claim make it a thing.
    fn thing(&self, claim: &Found) -> bool {
        match self.single(claim) {
            Some(token) => {
                self.herb(token)
                    || self.measured(token)
                    || self.scored(token)
                    || self.allergens(claim)
                    || self.among_drugs(token)
                    || self.among_scores(token)
                    || self.counted(token)
                    || self.gauged(token)
                    || self.among_devices(token)
                    || self.headed()
                    || self.spoken(token)
                    || token.len() > 1 && roman(self.note.word(token))
                    || claim.evidence <= Evidence::Likely
                        && token.case == Case::Lower
                        && token.has(Marks::EPONYM_HEAD)
                    || self.made_by(token)
            }
            None => self.allergens(claim) || self.named_class() || self.headed(),
        }
    }

    /// `Sanders II`, `Barcelona C`, `May I`, `Heather honey`: where the claim takes the class, the verb's person or the thing in.
    fn named_class(&self) -> bool {
        let (Some(first), Some(last)) = (self.at(self.first), self.at(self.last)) else { return false };
        let word = self.note.word(last);
        let class = last.case == Case::Initial
            && matches!(word, "A" | "B" | "C" | "D")
            && is_one_of(self.note.word(first), SCORES);
        self.last == self.first + 1
            && (roman(word)
                && (self.grades(first) || first.marks == Marks::default() && word.ends_with(['a', 'b', 'c']))
                || class
                || word == "I" && first.has(Marks::MONTH)
                || last.case == Case::Lower && ALLERGENS.has(last.hash))
    }

    /// `lens Quarco SA60AT`: the maker of a device, before its model.
    fn made_by(&self, token: &Token) -> bool {
        let model = self.after.is_some_and(|next| next.case == Case::Mixed && next.len() >= 4);
        model && token.case == Case::Capital && self.note.cue_before(token.start, 32, DEVICES)
    }

    /// `Bermuda grass`, `heather honey`; `Melissa tea`, `Camila pill` where nobody is given it.
    fn herb(&self, token: &Token) -> bool {
        let Some(next) = self.after.filter(|next| next.case == Case::Lower || token.case == Case::Upper)
        else {
            return false;
        };
        ALLERGENS.has(next.hash) || TAKEABLE.has(next.hash) && (self.begins_item() || self.taken())
    }

    /// `Zorvex 50 mg`, `Timothy 7 mm`: a quantity behind a word that begins an item of a list.
    fn measured(&self, token: &Token) -> bool {
        let Some(number) = self.after.filter(|next| next.digits) else { return false };
        let rest = self.note.after(number.end, 12);
        let decimals =
            rest.strip_prefix('.').map_or(0, |rest| 1 + rest.bytes().take_while(u8::is_ascii_digit).count());
        let unit = rest.get(decimals..).unwrap_or("").trim_start_matches([' ', '-']);
        let unit = unit.split(|c: char| !(c.is_alphabetic() || c == '%')).next().unwrap_or("");
        let named = token.has(Marks::GIVEN_FREQUENT) && !token.has(Marks::COMMON);
        is_one_of(&unit.to_ascii_lowercase(), UNITS)
            && (!token.has(Marks::PERSON) || self.begins_item() || self.taken() && !named)
    }

    /// `Norton 12`, `Crowe II`, `Geneva 6`: a score or class with its points.
    fn scored(&self, token: &Token) -> bool {
        let Some(next) = self.after.filter(|_| self.grades(token)) else { return false };
        // `told Marsh 3 weeks ago`: how often or how long.
        let counts = self.note.cue_after(next.end, 8, "times|weeks|week|days|day|months|hours|years|more");
        let points = next.digits && next.len() <= 3 && !counts;
        points || roman(self.note.word(next)) || next.case == Case::Mixed && next.len() <= 4
    }

    /// Whether a score or class is called so.
    fn grades(&self, token: &Token) -> bool {
        token.has(Marks::EPONYM) || token.case == Case::Capital && is_one_of(self.note.word(token), SCORES)
    }

    /// `Allergies: Sage, Ginger`: common words, or words of no list, that stand as items where allergies are listed.
    fn allergens(&self, claim: &Found) -> bool {
        let item = |index: usize| {
            self.at(index).is_some_and(|token| {
                if token.digits || and_or(self.note.word(token)) {
                    return true;
                }
                let listed = token.has(Marks::COMMON) || token.marks == Marks::default() && token.len() > 3;
                listed && (index == self.last || !self.runs_on(index))
            })
        };
        // The look back is the dear part, so it comes last.
        self.last - self.first < ITEMS
            && (self.first..=self.last).all(item)
            && self.ends_item(claim.end)
            && self.begins_item()
            && Cues::with(ALLERGIES, |cues| cues.stand_in(sentence(self.note.before(claim.start, 160))))
    }

    /// Whether the word at an index is joined to the next one of the same item.
    fn runs_on(&self, index: usize) -> bool {
        self.at(index).zip(self.at(index + 1)).is_some_and(|(this, next)| {
            matches!(self.note.slice(this.end, next.start), " " | "-")
                && !next.digits
                && !and_or(self.note.word(next))
        })
    }

    /// Whether an item of a list ends here: no further word of a name follows, and nothing that a person does or has.
    fn ends_item(&self, at: usize) -> bool {
        let rest = self.note.after(at, 8);
        // `Jasmine - daughter -`
        if self
            .at(self.last + 1)
            .is_some_and(|next| next.has(Marks::RELATION) && self.note.slice(at, next.start) == " - ")
        {
            return false;
        }
        rest.is_empty()
            || rest.starts_with([',', ';', '.', ')', '/', '|', '&'])
            || rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
            || [" (", " -", " /", " +", " &", " =", " and ", " or ", " per ", ": "]
                .iter()
                .any(|end| rest.starts_with(end))
            || self.at(self.last + 1).is_some_and(|next| {
                self.note.slice(at, next.start) == " "
                    && is_one_of(&self.note.word(next).to_lowercase(), REACTIONS)
            })
    }

    /// `Plavix, Zorvex, Cozaar`, `Lasix 40 mg, Zorvex 5`: a word of no list right after a drug, its dose and a comma.
    fn among_drugs(&self, token: &Token) -> bool {
        if token.marks != Marks::default()
            || token.len() < 4
            || !matches!(token.case, Case::Capital | Case::Upper)
        {
            return false;
        }
        let drug = |other: &Token| other.has(Marks::DRUG) && !other.has(Marks::PERSON);
        let parted = |gap: &str| matches!(gap, ", " | "/" | " + ");
        let dose = |other: &&Token| {
            other.digits
                || matches!(other.case, Case::Mixed | Case::Number)
                || is_one_of(&self.note.word(other).to_lowercase(), UNITS)
        };
        let last = (self.first.saturating_sub(DOSE)..self.first)
            .rev()
            .filter_map(|at| self.at(at))
            .find(|t| !dose(t));
        let after_drug = self.before().is_some_and(|before| parted(self.note.slice(before.end, token.start)))
            && last.is_some_and(drug);
        let next = self.at(self.last + 1);
        let before_drug =
            next.is_some_and(|next| parted(self.note.slice(token.end, next.start)) && drug(next));
        let closes = matches!(self.note.byte(token.end), b',' | b';' | b'.' | b'\n' | b')' | 0)
            || self.after.is_some_and(|next| next.digits);
        after_drug && closes || before_drug && self.begins_item()
    }

    /// `Westley 5, Zorven 4`: scores of a list that no list knows. Children are told of so by their given names.
    fn among_scores(&self, token: &Token) -> bool {
        let points = |token: &Token| token.digits && token.len() <= 2 || roman(self.note.word(token));
        let Some(own) = self.after.filter(|own| points(own)) else { return false };
        let closes = matches!(self.note.byte(own.end), b',' | b';' | b'.' | b'/' | 0);
        let before = self.before().is_some_and(|before| points(before) || before.has(Marks::EPONYM));
        let next = (self.last + 2..self.last + 4).any(|at| {
            let word = self.at(at).filter(|word| word.has(Marks::EPONYM) && !word.has(Marks::GIVEN));
            word.is_some() && self.at(at + 1).is_some_and(points)
        });
        token.case == Case::Capital
            && !token.has(Marks::GIVEN)
            && closes
            && self.begins_item()
            && (before || next)
    }

    /// `2 Hub`: how a drug is counted, in languages whose nouns are written so.
    fn counted(&self, token: &Token) -> bool {
        self.before().is_some_and(|before| before.digits && self.note.slice(before.end, token.start) == " ")
            && is_one_of(self.note.word(token), COUNTED)
    }

    /// `19 Fr Blake`: a drain or tube behind its width.
    fn gauged(&self, token: &Token) -> bool {
        let width = self.first.checked_sub(2).and_then(|at| self.at(at)).is_some_and(|width| width.digits);
        let unit =
            || self.before().is_some_and(|unit| is_one_of(self.note.word(unit), "Fr|French|FR|fr|G|gauge"));
        width && token.has(Marks::DEVICE.or(Marks::EPONYM)) && unit()
    }

    /// `Foley and Hickman in`, `Fontan, Quillby, Bentall`: devices or eponyms in a row, though surnames each.
    fn among_devices(&self, token: &Token) -> bool {
        let joined =
            |from: usize, to: usize| matches!(self.note.slice(from, to), " and " | " & " | ", " | "/");
        let device = |other: &Token| other.has(Marks::DEVICE) && !other.has(Marks::GIVEN_FREQUENT);
        let eponym = |other: &Token| other.has(Marks::EPONYM) && !other.has(Marks::GIVEN_FREQUENT);
        // An eponym says so of its neighbour where it is nothing but one.
        let tells = |other: &Token| {
            device(token) && device(other)
                || eponym(token) && eponym(other) && !other.has(Marks::PERSON.or(Marks::CITY))
        };
        let near = |at: Option<usize>| at.and_then(|at| self.at(at)).filter(|other| tells(other));
        // `Drs. Foley and Hickman`: people.
        let titled = |step: usize| {
            let title = self.first.checked_sub(step + 1).and_then(|at| self.at(at));
            title.is_some_and(|title| title.has(Marks::TITLE))
        };
        let before = [1, 2].iter().any(|step| {
            near(self.first.checked_sub(*step))
                .is_some_and(|other| joined(other.end, token.start) && !titled(*step))
        });
        let after = [1, 2]
            .iter()
            .any(|step| near(Some(self.last + step)).is_some_and(|other| joined(token.end, other.start)));
        // `Hickman in,`
        let rest = self.note.after(token.end, 5);
        let placed = device(token)
            && [" in", " out"]
                .iter()
                .any(|place| rest.strip_prefix(place).is_some_and(|rest| rest.starts_with([',', '.', ';'])));
        before || after || placed
    }

    /// Whether the claim begins a line or an item of a list.
    fn begins_item(&self) -> bool {
        let Some(first) = self.at(self.first) else { return false };
        let before = self.note.before(first.start, 6).trim_end_matches([' ', '"', '(', '*', '\t']);
        let word = self.before().map_or("", |token| self.note.word(token));
        before.is_empty() && self.note.before(first.start, 6).len() < 6
            || before.ends_with([',', ':', ';', '.', '-', '/', '+', '&', '|', '>'])
            || matches!(word, "and" | "or" | "to" | "plus" | "except" | "AND" | "OR" | "TO")
    }

    /// `Quillby's Disease`, `Quillby Forceps` in a heading: what no person is followed by, after the claim or at its end.
    fn headed(&self) -> bool {
        let head = |token: &Token| {
            token.case == Case::Capital
                && token.has(Marks::EPONYM_HEAD)
                && is_one_of(&self.note.word(token).to_ascii_lowercase(), HEADS)
        };
        let ends =
            self.last > self.first && self.last <= self.first + 2 && self.at(self.last).is_some_and(head);
        ends || self.first == self.last && self.after.is_some_and(head)
    }

    /// `speaks Quill`, `Quill interpreter`, `Preferred language: Quill`: a language.
    fn spoken(&self, token: &Token) -> bool {
        if token.case != Case::Capital {
            return false;
        }
        let lead = self.note.before(token.start, 24);
        let field = lead.trim_end().strip_suffix([':', '=']).is_some_and(|key| {
            let key = key.trim_end();
            ["language", "languages", "interpreter used"].iter().any(|end| ends_with(key, end))
        });
        let verb = || ["speaks ", "spoken ", "speak "].iter().any(|verb| ends_with(lead, verb));
        let after = || self.after.is_some_and(|next| next.case == Case::Lower && SPOKEN.has(next.hash));
        field || verb() || after()
    }

    /// Whether someone takes or stops it.
    fn taken(&self) -> bool {
        let word = self.before().map_or("", |token| self.note.word(token));
        is_one_of(&word.to_ascii_lowercase(), TAKEN)
    }

    /// `Bili 212`, `0 Zorvex, 5-0`: one word with numbers behind it that the model took for a street though no word of an
    /// address is there.
    fn no_address(&self, claim: &Found) -> bool {
        if claim.label != Label::STREET || claim.evidence > Evidence::Likely || self.last - self.first > 6 {
            return false;
        }
        let mut words =
            (self.first..=self.last).filter_map(|index| self.at(index)).filter(|token| !token.digits);
        let (Some(word), None) = (words.next(), words.next()) else { return false };
        let lower = self.note.word(word).to_lowercase();
        let number = |index: usize| self.at(index).is_some_and(|token| token.digits);
        let leads = !number(self.first);
        number(self.last)
            && !word.has(Marks::STREET)
            && (leads || !word.has(Marks::PERSON.or(Marks::CITY)))
            && !is_one_of(&lower, UNITS_OF_HOUSES)
            && !STREETS_ABROAD.iter().any(|ending| lower.ends_with(ending))
    }
}

/// Whether a text ends so, in any case.
fn ends_with(text: &str, end: &str) -> bool {
    let from = text.len().checked_sub(end.len());
    from.and_then(|from| text.as_bytes().get(from..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

/// Joins the last item of a list.
fn and_or(word: &str) -> bool {
    matches!(word, "and" | "or" | "AND" | "OR")
}

/// `II`, `IIIa`, `Ib`: a class in Roman numerals.
fn roman(word: &str) -> bool {
    if !word.starts_with(['I', 'V']) {
        return false;
    }
    let numeral = word.trim_end_matches(['a', 'b', 'c', 'A', 'B', 'C']);
    (1..=3).contains(&numeral.len()) && numeral.bytes().all(|b| matches!(b, b'I' | b'V'))
}

/// Most words of a dose between two drugs.
const DOSE: usize = 5;
/// Most items of one claim.
const ITEMS: usize = 6;
/// Most bytes of a phrase.
const PHRASE: usize = 40;
static ALLERGENS: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "grass",
        "pollen",
        "cheese",
        "honey",
        "thistle",
        "nuts",
        "mould",
        "dander",
        "weed",
        "ragweed",
        "ants",
        "moss",
        "mint",
        "balsam",
        "hose",
        "resurfacing",
        "serovar",
        "booster",
    ])
});
/// What a language's name is followed by.
static SPOKEN: LazyLock<WordSet> =
    LazyLock::new(|| WordSet::new(&["interpreter", "interpreters", "interpreting", "speaking", "dialect"]));
static TAKEABLE: LazyLock<WordSet> = LazyLock::new(|| {
    WordSet::new(&[
        "tea",
        "teas",
        "tisane",
        "infusion",
        "root",
        "leaf",
        "tincture",
        "extract",
        "oil",
        "syrup",
        "lozenges",
        "pill",
        "pills",
        "minipill",
        "ocp",
        "ocps",
        "coc",
        "cocp",
        "contraceptive",
    ])
});
/// What is named after people and follows no person's name.
const HEADS: &str = "anomaly|bodies|bursa|catheter|clamp|classification|contracture|criteria|cyst|deformity|disease|duct|dystrophy|fascia|forceps|fracture|gangrene|hernia|incision|ligament|lymphoma|malformation|maneuver|manoeuvre|murmur|neuroma|nodes|nodule|nodules|osteotomy|palsy|paralysis|phenomenon|prosthesis|reflex|retractor|sarcoma|scissors|sign|speculum|splint|syndrome|tumor|tumour|ulcer";
/// Parts of the body that are said to be someone's, not a patient's.
const PARTS: &str = "ampulla|angle|annulus|aqueduct|arcade|artery|bundle|canal|canals|capsule|cave|circle|cistern|column|columns|crypt|crypts|duct|ducts|ductus|fascia|fibers|fibres|fissure|foramen|foramina|fossa|ganglion|gland|glands|hiatus|islet|islets|ligament|lobe|loop|membrane|nerve|node|nodes|nucleus|papilla|pentalogy|plexus|pouch|recess|sinus|sphincter|tetralogy|tract|triangle|trilogy|tubercle|valve|valves|vein|veins";
/// What follows an allergen.
const REACTIONS: &str = "rash|hives|itch|itching|swelling|anaphylaxis|pollen|scent|soap|sting|stings|bite|nausea|wheeze|flushing|allergy|reaction";
const COUNTED: &str = "Hub|Hübe|Tabl|Tablette|Tabletten|Tropfen|Beutel|Amp|Ampullen|Kapseln|Einheiten|Stück";
const TAKEN: &str = "takes|take|taking|took|uses|use|using|used|drinks|drank|drinking|on|started|start|stopped|stop|\
                     continue|continued|cont|hold|held|restart|increase|decrease|wean|tried|trial|of|some|like|no|daily|rx|sig";
const UNITS: &str = "mg|mcg|ug|µg|g|ml|units|unit|iu|tabs|tab|tablet|tablets|caps|cap|capsules|puffs|puff|sachets|mm|mmol|%|bd|tds|qid|bid|tid|nocte|mane|od|qhs|q";
const ALLERGIES: &str = "allergic to|allergy|allergies|allergens|intolerances|intolerance|intolerant of|adverse reactions|\
                         adverse reaction|adrs|adr|reacts to|reaction to|reactions to|sensitive to|sensitivities|skin prick|prick test|patch test|rast|specific ige|ige|nkda except|anaphylaxis to|hives with|rash with";
const SCORES: &str = "Barcelona|Bethesda|Copenhagen|Deauville|Edinburgh|Geneva|Heidelberg|Lausanne|Leeds|Lille|Lugano|Montreal|\
                      Nottingham|Paris|Prague|Rome|Sydney|Toronto|Vienna|Centor|Crawford|Crowe|Denis|Evans|Fontaine|Forrest|\
                      Levine|Marsh|Mason|Naranjo|Norton|Rutherford|Sanders|Charlson|Karnofsky|Lansky|Morse|Berg|Katz";
const DEVICES: &str = "lens|iol|stent|stents|pacemaker|icd|implant|valve|mesh|graft|stem|cup|screw|plate|catheter|pump|generator|lead|leads";
const UNITS_OF_HOUSES: &str = "apt|apartment|flat|unit|lot|suite|ste|floor|fl|bldg|building|block|box|house|no|rr|hc|route|rte|hwy|highway|level|villa|stop|space|trailer|site|bay|shop|way";
const STREETS_ABROAD: [&str; 12] =
    ["str", "straße", "strasse", "weg", "gasse", "platz", "allee", "ring", "damm", "ufer", "berg", "hof"];

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a text.
    fn found(text: &str) -> Vec<&str> {
        let scanner = crate::Scanner::new().unwrap();
        let spans = scanner.scan(text, None).unwrap().into_iter().map(|found| found.span);
        spans.map(|span| text.get(span.start..span.end).unwrap()).collect()
    }

    #[test]
    fn parts_germs_and_languages_bear_names_that_people_bear_too() {
        for text in [
            "Free fluid in the pouch of Douglas.",
            "The vein of Galen was dilated, ductus of Botallo patent.",
            "Stool culture grew Salmonella Heidelberg and C. jejuni.",
            "MICRO: CITROBACTER FREUNDII ++",
            "Preferred language: Karen",
            "Known Andersen Disease since childhood.",
            "Has a lazy Susan on the table and Jack cheese in the fridge.",
            "HANTAAN VIRUS and Marburg virus excluded.",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
        for (text, name) in [
            ("Seen by Dr. Douglas today.", "Douglas"),
            ("Mr Marburg was seen in clinic.", "Marburg"),
            ("Told Douglas yesterday.", "Douglas"),
            ("Spoke with Dr. Susan Galen.", "Susan Galen"),
            ("Discussed with Karen Andersen today.", "Karen Andersen"),
            ("Signed: Quinton, MD", "Quinton"),
        ] {
            assert_eq!(found(text), [name], "{text}");
        }
    }

    #[test]
    fn a_power_is_no_part_of_a_number() {
        for (text, power) in [
            ("+21.5 20418876 114", 6),
            ("+9.0 114", 5),
            ("+1.614.555.0137", 0),
            ("+44 20 7946 0018", 0),
            ("+21.5", 0),
            ("21.5 1", 0),
            ("", 0),
        ] {
            assert_eq!(lens_power(text), power, "{text}");
        }
    }
}
