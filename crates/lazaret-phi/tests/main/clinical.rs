//! What is medicine and no person: labs, vitals, units, scores, drugs and devices stay as they were written, and the
//! numbers that the same cues do name are still found.

use lazaret_phi::Scanner;

fn found(text: &str) -> Vec<(String, &'static str)> {
    let found = Scanner::new().unwrap().scan(text, None).unwrap();
    found.iter().map(|d| (text[d.span.start..d.span.end].to_owned(), d.label.kind.name())).collect()
}

fn stays(lines: &[&str]) {
    for line in lines {
        assert_eq!(found(line), [], "{line}");
    }
}

#[test]
fn labs_and_vitals_name_no_one() {
    stays(&[
        "glucose 104 mg/dL. BUN 14, creatinine 1.2 mg/dL. AST 34 U/L, LDL 132 mg/dL, HDL 45 mg/dL",
        "Hgb 9.8 g/dL WBC 7.2 K/uL, PLT 204 K/uL; calcium 8.9 mg/dL - ALT 55, ALP 120 IU/L",
        "Ammonia 32 umol/L, bilirubin 12 umol/dl. INR 2.13 PTT 34.5",
        "glu 99 mg/dl\nCRP 12.4 mg/dl\nESR 1000 mm",
        "Transfused 2.4 dL. HCT 33.1 after.",
        "Na 138 (ref 135-145), WBC 8100 (ref: 4000-11000), K 4.1 (reference 3.5-5.1)",
        "Report: WBC 12.3, Hgb 9.8. Study: EF 55-60%. Visit: BP 120/80, HR 88",
        "Rx: ASA 325 mg daily. Rx: 1000 mg metformin. Order: KCL 20 mEq",
        "Case: ASA 3, EBL 250 mL. Encounter: 132/84, pulse 71",
        "Card: HR 102, no murmur. Pt no HR 102.",
        "Social history: quit smoking 2015. Social: drinks 2 beers since 2011",
        "Last four BP readings 1402 hours. Last 4 weeks 1500 calories.",
        "Knee ext 120, flex 90. Ext 0-120. Wrist extension 4/5.",
        "White cell 1200, T cell 450, red cell 4500; urine out 1000 mL/ext 200",
        "I 1200 O 900 IP 4 SN 12.4 MR 2 PT 14.2 ID 3 FAX",
    ]);
}

#[test]
fn what_the_same_cues_name_is_still_found() {
    for (line, value, kind) in [
        ("DL 48291763 shown", "48291763", "LICENSE"),
        ("id/DL D1234567 shown", "D1234567", "LICENSE"),
        ("DL: TL 419288.", "TL 419288", "LICENSE"),
        ("MRN PT 44021 seen", "PT 44021", "MRN"),
        ("Pt no HN 7714 0036", "HN 7714 0036", "MRN"),
        ("Name/MRN: 00482913", "00482913", "MRN"),
        ("our ref 4471-9920", "4471-9920", "OTHER_ID"),
        ("social ends in 4417", "4417", "SSN"),
        ("cell 614 555 0137", "614 555 0137", "PHONE"),
        ("nurse ext 4127", "4127", "PHONE"),
    ] {
        let all = found(line);
        assert!(all.iter().any(|(text, of)| text.contains(value) && *of == kind), "{line}: {all:?}");
    }
}

#[test]
fn temperatures_scores_drugs_and_devices_stay() {
    stays(&[
        "Temp 101F, fever to 102 F",
        "Tmax 101.4 F, T 99 F overnight, temp of 103F.",
        "Fever 104 °F, 100F at home, 98F this am",
        "101 F (38.3 C) tympanic; febrile to 105F, spiked 103 F",
        "HR is now 110, temp is now 101 F",
        "Pain 3-4/10, then 7-8/10",
        "VAS 1-2/10, rated 2-3/10 at rest and 9-10/10 in motion. GCS 10-12/15.",
        "TREMOR GONE. ENOXAPARIN 40 MG SQ. UP TO CHAIR. HEPARIN 5000 UNITS SQ TID",
        "Norco 5-325 prn, Tylenol-Codeine 300-30, Percocet 10-325",
        "On MS Contin 15 mg BID and a Jackson-Pratt drain.",
        "Jackson Pratt bulb emptied, JP drain out. Austin Moore prosthesis, Kay Ciel 20 mEq.",
        "Zithromax Z-Pak, Pepto Bismol, Alka Seltzer, Opana ER, Belbuca.",
        "Brown-Adson forceps, Miller-Abbott tube, Smith-Petersen nail, Crowe-Davis gag.",
    ]);
}

#[test]
fn ages_dates_and_names_beside_them_are_still_found() {
    for (line, value, kind) in [
        ("101F with COPD and fever.", "101", "AGE"),
        ("Fever in a 98F from home.", "98", "AGE"),
        ("She is now 101 and lives alone.", "101", "AGE"),
        ("Her sister, aged 102, telephones.", "102", "AGE"),
        ("Temp 99.1. 95F presents from home.", "95", "AGE"),
        ("Seen 10-12-15 for pain.", "10-12-15", "DATE"),
        ("Seen 3/4/10 for pain.", "3/4/10", "DATE"),
        ("MS Jackson called.", "Jackson", "NAME"),
        ("Ms. Pratt has a drain.", "Pratt", "NAME"),
        ("Lic TX L-7719.", "L-7719", "LICENSE"),
    ] {
        let all = found(line);
        assert!(all.iter().any(|(text, of)| text.contains(value) && *of == kind), "{line}: {all:?}");
    }
}
