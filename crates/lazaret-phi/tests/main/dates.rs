//! The shapes that dates are written in, and what is written alike and is none.

use lazaret_phi::Scanner;

/// Each is found whole in the middle of a sentence.
const SHAPES: [&str; 92] = [
    "03/14/2025",
    "3/14/25",
    "03-14-2025",
    "3-14-25",
    "03.14.2025",
    "14.03.2025",
    "14.3.25",
    "14/03/2025",
    "2025-03-14",
    "2025/03/14",
    "2025.03.14",
    "20250314",
    "2025-03-14T08:15:00Z",
    "2025-03-14T08:15:00-05:00",
    "2025-03-14 08:15:00",
    "20250314081512",
    "14MAR2025",
    "14Mar25",
    "14-MAR-2025",
    "14-Mar-25",
    "14 Mar 2025",
    "14 March 2025",
    "14 Mar '25",
    "14th March 2025",
    "14th of March",
    "14th of March, 2025",
    "March 14, 2025",
    "March 14th, 2025",
    "March 14th",
    "March 14",
    "Mar 14",
    "Mar. 14, 2025",
    "Mar 14 '25",
    "MARCH 14, 2025",
    "march 14th 2025",
    "2025-Mar-14",
    "2025 March 14",
    "March 2025",
    "Mar. 2025",
    "March of 2025",
    "Mar '25",
    "03/2025",
    "Friday, March 14",
    "Fri 3/14",
    "Friday, 03/14/2025",
    "Fri., Mar 14",
    "Fri 14 Mar",
    "3/14",
    "the 14th of March",
    "Fourteenth of March, 2025",
    "March fourteenth",
    "March the fourteenth",
    "March fourteenth twenty twenty five",
    "3rd inst.",
    "Christmas Eve 2024",
    "Christmas",
    "New Year's Eve",
    "Thanksgiving 2023",
    "Labor Day",
    "Easter Monday",
    "Good Friday",
    "Boxing Day",
    "Canada Day",
    "Halloween",
    "Hallowe'en",
    "Stephen's Day 2024",
    "Yom Kippur",
    "Memorial Day",
    "Valentine's Day",
    "MLK Day",
    "Juneteenth",
    "winter of 1926",
    "spring 2019",
    "Febuary 3, 2025",
    "Setpember 9, 2024",
    "Ocotber 4, 2024",
    "Decemeber 1, 2024",
    "monday the ninth",
    "friday the twenty first",
    "14. März 2025",
    "14. Okt. 2024",
    "18. Nov.",
    "6 août 2024",
    "mardi le 6 août",
    "6 de agosto",
    "23 février 2024",
    "5 enero 2025",
    "05.11.2024",
    "31.12.",
    "11/23",
    "12/9/24",
    "01/05/1990",
];

/// None of these has a date in it.
const OTHERS: [&str; 24] = [
    "BP 120/80",
    "pain 3/10",
    "pain 4-5/10",
    "strength 4/5",
    "vision 20/40",
    "24/7 care",
    "T4-5",
    "C3/4 level",
    "ratio 3:4",
    "1/2 tablet",
    "2/6 murmur",
    "GCS 10-12/15",
    "5-325 mg",
    "70/30 insulin",
    "since 2019",
    "in May",
    "on Monday",
    "may 2 tabs",
    "grade 3/4",
    "10.2.14.3",
    "at 08:15",
    "W1DR01",
    "the 2nd toe",
    "march on",
];

fn found(text: &str) -> Vec<(String, &'static str)> {
    let found = Scanner::new().unwrap().scan(text, None).unwrap();
    found.iter().map(|d| (text[d.span.start..d.span.end].to_owned(), d.label.kind.name())).collect()
}

#[test]
fn dates_of_every_shape_are_found_whole() {
    let mut wrong = Vec::new();
    for shape in SHAPES {
        for text in [format!("Seen {shape}, then sent home."), format!("It was done on {shape} by him.")] {
            let all = found(&text);
            let whole =
                all.iter().any(|(part, kind)| *kind == "DATE" && part.contains(shape.trim_end_matches('.')));
            if !whole {
                wrong.push(format!("{text}: {all:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fractions_scores_and_verbs_are_no_dates() {
    for other in OTHERS {
        let all = found(&format!("Noted: {other}, unchanged."));
        assert!(all.iter().all(|(_, kind)| *kind != "DATE"), "{other}: {all:?}");
    }
}
