//! What stands in the slots of the templates: names from the lists of `catalogue/phi`, made-up ones, and words that look
//! like names and are none.

use crate::words::{ENDS, FIRMS, LANGUAGES, ORDINARY, PLACES, ROADS, SHORTENED, STEMS, SYLLABLES};
use lazaret_phi::model::{Lesson, Tag};

/// Numbers that look random and are the same each time (xorshift).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % u64::try_from(most.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    pub(crate) fn of(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or("")
    }

    pub(crate) fn number(&mut self, from: usize, to: usize) -> String {
        (from + self.below(to - from)).to_string()
    }
}

macro_rules! lists {
    ($($name:ident $file:literal)*) => {
        /// The lists.
        pub(crate) struct Lists { $($name: Vec<&'static str>,)* }
        impl Lists {
            pub(crate) fn new() -> Self {
                Self { $($name: include_str!(concat!("../../../../catalogue/phi/", $file)).lines().collect(),)* }
            }
        }
    };
}

lists! {
    given_frequent "given-frequent.txt" given "given.txt" surnames_frequent "surnames-frequent.txt" surnames "surnames.txt"
    cities "cities.txt" counties "counties.txt" common "common-words.txt" drugs "drugs.txt" eponyms "eponyms.txt"
    heads "eponym-heads.txt" devices "devices.txt" medical "medical-words.txt" relations "relations.txt"
    acquaintances "acquaintances.txt" staff "staff.txt" states "states.txt" countries "countries.txt" function "function-words.txt" payers "payers.txt"
}

pub(crate) fn capital(word: &str) -> String {
    let mut out = String::new();
    let mut start = true;
    for c in word.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        start = matches!(c, ' ' | '-' | '\'');
    }
    out
}

/// Fills slots.
pub(crate) struct Writer<'a> {
    pub(crate) lists: &'a Lists,
    pub(crate) dice: Dice,
}

impl Writer<'_> {
    /// A text of some lines of some templates, written in one way.
    pub(crate) fn lesson(&mut self, templates: &[&str]) -> Lesson {
        let mut lesson = Lesson { text: String::new(), spans: Vec::new() };
        for number in 0..=self.dice.below(5) {
            if number > 0 {
                lesson.text.push_str(if self.dice.of(45) { " " } else { "\n" });
            }
            let template = self.dice.pick(templates).replace("\\n", "\n").replace("\\t", "\t");
            self.fill(&template, &mut lesson);
        }
        self.in_some_way(lesson)
    }

    /// The text as it is, in small letters, in capitals or without punctuation.
    pub(crate) fn in_some_way(&mut self, mut lesson: Lesson) -> Lesson {
        let way = self.dice.below(100);
        let bare = (70..82).contains(&way);
        let mut text: String = match way {
            70..76 | 82..88 => lesson.text.to_ascii_lowercase(),
            88..95 => lesson.text.to_ascii_uppercase(),
            _ => lesson.text.clone(),
        };
        if bare {
            // Punctuation becomes blanks: the places of the names stay.
            text = text.replace([',', '.', ':', ';', '?', '!', '(', ')'], " ");
        }
        lesson.text = text;
        lesson
    }

    fn fill(&mut self, template: &str, lesson: &mut Lesson) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            lesson.text.push_str(before);
            let slot = after.split_once('}').filter(|(slot, _)| {
                slot.len() <= 3 && slot.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            });
            let Some((slot, after)) = slot else {
                lesson.text.push('{');
                rest = after;
                continue;
            };
            let (words, tag) = self.slot(slot);
            let start = lesson.text.len();
            lesson.text.push_str(&words);
            if tag != Tag::Other {
                lesson.spans.push((start, lesson.text.len(), tag));
            }
            rest = after;
        }
        lesson.text.push_str(rest);
    }

    fn slot(&mut self, slot: &str) -> (String, Tag) {
        match slot {
            "P" => (self.person(), Tag::Person),
            "B" => (self.record_name(), Tag::Person),
            "G" => (self.given(), Tag::Person),
            "S" => (self.surname(), Tag::Person),
            "C" => (self.town(), Tag::Town),
            "A" => (self.address(), Tag::Street),
            "ZP" => (self.post_code(), Tag::Street),
            "H" => (self.facility(), Tag::Organisation),
            "E" => (self.employer(), Tag::Organisation),
            _ => (self.harmless(slot), Tag::Other),
        }
    }

    fn made_up(&mut self) -> String {
        let family = SYLLABLES.get(self.dice.below(SYLLABLES.len())).copied().unwrap_or(&[]);
        let mut out = String::new();
        for _ in 0..2 + self.dice.below(2) {
            out.push_str(self.dice.pick(family));
        }
        out.push_str(self.dice.pick(&ENDS));
        capital(&out)
    }

    pub(crate) fn given(&mut self) -> String {
        match self.dice.below(100) {
            0..60 => capital(self.dice.pick(&self.lists.given_frequent)),
            60..78 => capital(self.dice.pick(&self.lists.given)),
            78..95 => self.made_up(),
            _ => format!(
                "{}-{}",
                capital(self.dice.pick(&self.lists.given_frequent)),
                capital(self.dice.pick(&self.lists.given))
            ),
        }
    }

    pub(crate) fn surname(&mut self) -> String {
        match self.dice.below(100) {
            0..35 => capital(self.dice.pick(&self.lists.surnames_frequent)),
            35..70 => capital(self.dice.pick(&self.lists.surnames)),
            70..88 => self.made_up(),
            88..91 => format!("O'{}", capital(self.dice.pick(&self.lists.surnames))),
            91..93 => format!(
                "{}-{}",
                capital(self.dice.pick(&self.lists.surnames_frequent)),
                capital(self.dice.pick(&self.lists.surnames))
            ),
            93..95 => format!(
                "{} {}",
                self.dice.pick(&["de", "van", "von", "van der", "da", "el", "de la"]),
                capital(self.dice.pick(&self.lists.surnames))
            ),
            // Words of the language that are surnames somewhere.
            _ => capital(self.dice.pick(&self.lists.common)),
        }
    }

    /// A surname of one word.
    pub(crate) fn one_surname(&mut self) -> String {
        match self.dice.below(100) {
            0..40 => capital(self.dice.pick(&self.lists.surnames_frequent)),
            40..80 => capital(self.dice.pick(&self.lists.surnames)),
            _ => self.made_up(),
        }
    }

    /// A word that a street or a place is named by.
    pub(crate) fn name_of_place(&mut self) -> String {
        match self.dice.below(4) {
            0 => capital(self.dice.pick(&self.lists.common)),
            1 => capital(self.dice.pick(&self.lists.cities)),
            _ => self.one_surname(),
        }
    }

    pub(crate) fn eponym(&mut self) -> &'static str {
        self.dice.pick(&self.lists.eponyms)
    }

    pub(crate) fn listed_drug(&mut self) -> &'static str {
        self.dice.pick(&self.lists.drugs)
    }

    pub(crate) fn is_given(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.lists.given_frequent.iter().any(|name| *name == word)
    }

    pub(crate) fn letter(&mut self) -> char {
        char::from(b'A' + u8::try_from(self.dice.below(26)).unwrap_or(0))
    }

    fn initial(&mut self) -> String {
        self.letter().to_string()
    }

    fn person(&mut self) -> String {
        let (given, surname) = (self.given(), self.surname());
        match self.dice.below(100) {
            0..60 => format!("{given} {surname}"),
            60..68 => format!("{given} {}. {surname}", self.initial()),
            68..73 => format!("{given} {} {surname}", self.initial()),
            73..79 => format!("{}. {surname}", self.initial()),
            79..83 => format!("{} {surname}", self.initial()),
            83..88 => format!("{given} {} {surname}", self.given()),
            88..91 => format!("{given} {}.", self.initial()),
            91..96 => given,
            _ => surname,
        }
    }

    fn record_name(&mut self) -> String {
        let (given, surname) = (self.given(), self.surname());
        match self.dice.below(5) {
            0 => format!("{surname}, {given}").to_ascii_uppercase(),
            1 => format!("{surname}, {given}"),
            2 => format!("{surname}, {given} {}", self.initial()),
            _ => format!("{given} {surname}"),
        }
    }

    fn town(&mut self) -> String {
        let town = self.town_name();
        // Some countries write towns of an address in capitals.
        if self.dice.of(8) { town.to_uppercase() } else { town }
    }

    pub(crate) fn town_name(&mut self) -> String {
        match self.dice.below(100) {
            0..70 => capital(self.dice.pick(&self.lists.cities)),
            70..78 => format!(
                "{} {}",
                self.dice
                    .pick(&["North", "Lake", "Port", "New", "Fort", "St.", "East", "San", "Upper", "Bad"]),
                capital(self.dice.pick(&self.lists.surnames))
            ),
            78..84 => format!(
                "{}{}",
                capital(self.dice.pick(&self.lists.surnames)),
                self.dice
                    .pick(&["ville", "ton", "burg", "field", " Falls", " Creek", " Springs", " Heights"])
            ),
            84..88 => format!("{} County", capital(self.dice.pick(&self.lists.counties))),
            _ => self.made_up(),
        }
    }

    fn road(&mut self) -> String {
        match self.dice.below(5) {
            0 => capital(self.dice.pick(&self.lists.common)),
            1 => format!("{} {}", capital(self.dice.pick(&self.lists.given_frequent)), self.surname()),
            2 => format!(
                "{} {}",
                self.dice.pick(&["Old", "North", "West", "S.", "E", "Lower", "High"]),
                capital(self.dice.pick(&self.lists.surnames))
            ),
            _ => capital(self.dice.pick(&self.lists.surnames)),
        }
    }

    fn address(&mut self) -> String {
        let (road, kind, number) = (self.road(), self.dice.pick(&ROADS), self.dice.number(1, 9999));
        let short = self.dice.number(1, 250);
        match self.dice.below(100) {
            0..48 => format!("{number} {road} {kind}"),
            48..56 => format!(
                "{number} {road} {kind}, {} {short}",
                self.dice.pick(&["Apt", "Suite", "Unit", "Apt.", "Flat"])
            ),
            56..60 => {
                format!("{} {short}, {number} {road} {kind}", self.dice.pick(&["Flat", "Unit", "Level"]))
            }
            60..64 => format!("{road} {kind} {short}"),
            64..69 => format!(
                "{}{} {short}",
                self.made_up(),
                self.dice.pick(&["straße", "strasse", "weg", "gatan", "gasse", "allee", "vej", "laan"])
            ),
            69..75 => format!(
                "{} {} {short}",
                self.dice.pick(&["Via", "Rua", "Calle", "Avenida", "Ulica", "Piazza", "Largo", "Rue"]),
                self.road()
            ),
            75..79 => format!(
                "{short} {} {}",
                self.dice.pick(&["rue", "rue de", "avenue", "route de", "place", "chemin", "boulevard"]),
                self.road()
            ),
            79..84 => format!("{} {short}", self.made_up()),
            84..86 => format!("P.O. Box {number}"),
            86 => {
                let ship = self.surname();
                match self.dice.below(3) {
                    0 => format!("PSC {short}, Box {number}\nAPO AE 0{number}"),
                    1 => format!("USS {ship}\nFPO AP 9{number}"),
                    _ => format!("Unit {number} Box {short}\nDPO AA 3{number}"),
                }
            }
            87..91 => format!("{road} {kind}"),
            _ => format!("{number} {road}"),
        }
    }

    fn post_code(&mut self) -> String {
        match self.dice.below(6) {
            0 => self.dice.number(1000, 9999),
            1 => format!("{}-{}", self.dice.number(10_000, 99_999), self.dice.number(100, 999)),
            2 => format!("{} {}", self.dice.number(100, 999), self.dice.number(10, 99)),
            3 => format!(
                "{}{} {}{}{}",
                self.initial(),
                self.dice.number(1, 30),
                self.dice.number(1, 9),
                self.initial(),
                self.initial()
            ),
            _ => self.dice.number(10_000, 99_999),
        }
    }

    fn facility(&mut self) -> String {
        let place = self.dice.pick(&PLACES);
        match self.dice.below(8) {
            6 => format!("The {} {place}", capital(self.dice.pick(&self.lists.common))),
            7 => format!("{} {place}", capital(self.dice.pick(&self.lists.common))),
            0 => format!("{} {place}", self.town()),
            1 => format!(
                "{} {} {place}",
                self.dice.pick(&["St.", "Saint", "Mount", "Good", "Holy", "Sacred"]),
                capital(self.dice.pick(&self.lists.given_frequent))
            ),
            2 => format!("{place} of {}", self.town()),
            3 => format!(
                "{} {} {place}",
                capital(self.dice.pick(&self.lists.common)),
                capital(self.dice.pick(&self.lists.common))
            ),
            4 => format!(
                "{} {} {place}",
                self.town(),
                self.dice.pick(&[
                    "Regional",
                    "Valley",
                    "County",
                    "Bay",
                    "River",
                    "Lake",
                    "Falls",
                    "Community"
                ])
            ),
            _ => format!("{} {place}", self.surname()),
        }
    }

    fn employer(&mut self) -> String {
        let name = self.surname();
        match self.dice.below(100) {
            0..14 => format!("{name} {}", self.dice.pick(&FIRMS)),
            14..24 => format!("{name}-{}", self.surname()),
            24..32 => format!("{name}, {} and {}", self.surname(), self.surname()),
            32..40 => format!("{name} and Sons"),
            40..46 => format!("{name} & {}", self.surname()),
            46..56 => format!("{} {}", capital(self.dice.pick(&self.lists.common)), self.dice.pick(&FIRMS)),
            56..66 => format!(
                "{} {} {}",
                capital(self.dice.pick(&self.lists.common)),
                capital(self.dice.pick(&self.lists.common)),
                self.dice.pick(&FIRMS)
            ),
            66..74 => format!("{} {}", self.town(), self.dice.pick(&FIRMS)),
            74..82 => self.made_up(),
            82..88 => format!(
                "{} {} {}",
                self.town(),
                capital(self.dice.pick(&self.lists.common)),
                self.dice.pick(&FIRMS)
            ),
            88..92 => format!("{name}, {}", self.surname()),
            92..94 => format!(
                "{} {} {}",
                capital(self.dice.pick(&self.lists.common)),
                self.dice.pick(&["on", "at", "by the", "&"]),
                capital(self.dice.pick(&self.lists.common))
            ),
            94..96 => format!(
                "The {} {}",
                capital(self.dice.pick(&self.lists.common)),
                capital(self.dice.pick(&self.lists.common))
            ),
            _ => capital(self.dice.pick(&self.lists.common)),
        }
    }

    fn abbreviation(&mut self) -> String {
        (0..2 + self.dice.below(3)).map(|_| self.initial()).collect()
    }

    fn medical(&mut self) -> String {
        match self.dice.below(10) {
            0..4 => self.dice.pick(&self.lists.medical).to_owned(),
            4 => self.dice.pick(&self.lists.common).to_owned(),
            _ => format!(
                "{}{}{}",
                self.dice.pick(&[
                    "hyper", "hypo", "peri", "endo", "osteo", "cardio", "hepato", "neuro", "poly", "myo",
                    "gastro", "pan", "dys", "leuko", ""
                ]),
                self.dice.pick(&[
                    "kal", "natr", "glyc", "card", "arthr", "col", "nephr", "derm", "myel", "plast", "cyt",
                    "tens", "trop", "gli"
                ]),
                self.dice.pick(&[
                    "emia", "itis", "osis", "opathy", "ectomy", "algia", "oma", "uria", "ic", "al", "ia",
                    "ostomy", "oscopy", "ism"
                ])
            ),
        }
    }

    fn common(&mut self) -> String {
        if self.dice.of(25) {
            self.dice.pick(&ORDINARY).to_lowercase()
        } else {
            self.dice.pick(&self.lists.common).to_owned()
        }
    }

    fn drug(&mut self) -> String {
        if self.dice.of(60) {
            return self.dice.pick(&self.lists.drugs).to_owned();
        }
        format!(
            "{}{}{}",
            self.dice.pick(&["zo", "ra", "be", "vi", "lo", "tri", "ome", "ce", "da", "pra"]),
            self.dice.pick(&["li", "vo", "ta", "ne", "xi", "mi", "ru", "tu"]),
            self.dice.pick(&[
                "pril", "statin", "olol", "mab", "cillin", "azole", "pine", "sartan", "tidine", "xaban",
                "nib", "gliptin", "vir", "one"
            ])
        )
    }

    #[expect(clippy::too_many_lines, reason = "one line a slot")]
    fn harmless(&mut self, slot: &str) -> String {
        match slot {
            "M" => self.medical(),
            "CM" => capital(&self.medical()),
            "UM" => self.medical().to_ascii_uppercase(),
            "W" => self.dice.pick(&self.lists.common).to_owned(),
            "CW" => capital(&self.common()),
            "UW" => self.common().to_ascii_uppercase(),
            "D" => {
                let drug = self.drug();
                if self.dice.of(35) { capital(&drug) } else { drug }
            }
            "UD" => self.drug().to_ascii_uppercase(),
            "X" => format!(
                "{} {}",
                capital(self.dice.pick(&self.lists.eponyms)),
                self.dice.pick(&self.lists.heads)
            ),
            "XP" => capital(self.dice.pick(&self.lists.eponyms)),
            "FW" => self.dice.pick(&self.lists.function).to_owned(),
            "CF" => capital(self.dice.pick(&self.lists.function)),
            "VB" => {
                let stem = self.dice.pick(&STEMS);
                format!("{stem}{}", self.dice.pick(&["s", "ed", "", "ed", "s"]))
            }
            "PY" => capital(self.dice.pick(&self.lists.payers)),
            "LG" => self.dice.pick(&LANGUAGES).to_owned(),
            "JB" => format!(
                "{} {}",
                self.dice.pick(&["Sales", "Account", "Senior", "Junior", "Field", "Lead", "Chief", "Head"]),
                self.dice.pick(&[
                    "manager", "engineer", "driver", "clerk", "Officer", "Analyst", "cook", "teacher"
                ])
            ),
            "TH" => format!(
                "{} {}",
                self.dice.pick(&[
                    "Toyota",
                    "Ford",
                    "Subaru",
                    "Kia",
                    "Nissan",
                    "Chevrolet",
                    "Philips",
                    "Siemens",
                    "Microsoft",
                    "Dell",
                    "Canon",
                    "Omron",
                    "Medtronic",
                    "Stryker"
                ]),
                capital(self.dice.pick(&self.lists.common))
            ),
            "AB" => self.dice.pick(&SHORTENED).to_owned(),
            "UX" => format!("{} {}", self.dice.pick(&self.lists.eponyms), self.dice.pick(&self.lists.heads))
                .to_ascii_uppercase(),
            "V" => self.dice.pick(&self.lists.devices).to_owned(),
            "CV" => capital(self.dice.pick(&self.lists.devices)),
            "R" => {
                if self.dice.of(75) {
                    self.dice.pick(&self.lists.relations).to_owned()
                } else {
                    self.dice.pick(&self.lists.acquaintances).to_owned()
                }
            }
            "CR" => capital(self.dice.pick(&self.lists.relations)),
            "F" => self.dice.pick(&self.lists.staff).to_owned(),
            "I" => self
                .dice
                .pick(&["Mr", "Mr.", "Mrs", "Mrs.", "Ms", "Ms.", "Dr", "Dr.", "Miss", "Prof."])
                .to_owned(),
            "Q" => self
                .dice
                .pick(&[
                    "MD", "RN", "DO", "NP", "PA-C", "LPN", "PharmD", "PhD", "FRCP", "MSW", "PT", "OT", "CNM",
                ])
                .to_owned(),
            "L" => {
                let state = self.dice.pick(&self.lists.states);
                if state.len() == 2 { state.to_ascii_uppercase() } else { capital(state) }
            }
            "Y" => capital(self.dice.pick(&self.lists.countries)),
            "O" => self
                .dice
                .pick(&[
                    "January",
                    "February",
                    "March",
                    "April",
                    "May",
                    "June",
                    "July",
                    "August",
                    "September",
                    "October",
                    "November",
                    "December",
                    "spring",
                    "autumn",
                    "summer",
                ])
                .to_owned(),
            "DAY" => self
                .dice
                .pick(&[
                    "Monday",
                    "Tuesday",
                    "Wednesday",
                    "Thursday",
                    "Friday",
                    "Saturday",
                    "Sunday",
                    "Mon",
                    "Tue",
                    "Thu",
                ])
                .to_owned(),
            "N" => self.dice.number(1, 400),
            "Z" => self.dice.number(1950, 2026),
            "Z5" => self.dice.number(10_000, 99_999),
            "K" => format!("{}:{}", self.dice.number(1, 24), self.dice.number(10, 60)),
            "T" => match self.dice.below(3) {
                0 => format!(
                    "{}/{}/{}",
                    self.dice.number(1, 13),
                    self.dice.number(1, 29),
                    self.dice.number(2001, 2026)
                ),
                1 => format!(
                    "{}-0{}-{}",
                    self.dice.number(2001, 2026),
                    self.dice.number(1, 10),
                    self.dice.number(10, 29)
                ),
                _ => format!(
                    "{} {}",
                    self.dice.pick(&["Jan", "March", "June", "Oct", "December"]),
                    self.dice.number(1, 29)
                ),
            },
            "U" => self.abbreviation(),
            // Initials that sign a line are too short to be told from other letters.
            "J" => self.abbreviation().to_ascii_lowercase(),
            _ => String::new(),
        }
    }
}
