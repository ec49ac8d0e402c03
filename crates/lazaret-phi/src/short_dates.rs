//! Day and month alone (`6/9`) in a note that has other dates of the same month.
//!
//! Two numbers and a stroke are a date or a fraction, and mostly nothing beside them says which. A note is written within
//! days of what it tells: where it has a date of June, `cx 6/9` is another. What scores, strengths and murmurs look like
//! stays, whatever the month.

use lazaret_core::{Kind, Label};

use crate::calendar;
use crate::cue::is_one_of;
use crate::lexicon::Marks;
use crate::overlap::{Evidence, Found};
use crate::registry::found;
use crate::value::unit_follows;
use crate::view::{Case, Note};

/// Words before a fraction or a score.
const BEFORE: &str = "pain|score|scored|scale|rates|rated|rating|strength|motor|power|murmur|gcs|apgar|apgars|reflexes|dtr|dtrs|va|od|os|ou|vision|acuity|bp|mmse|moca|phq|gad|frax|stage|grade|of|station|dilated|cm|sve|ratio|peep|pip|bims|braden|morse|day|days|cycle|dose|part|page|visit|step|hct|hgb|h|teeth|w|fev|reps|sets|intensity|severity|p|pg|rev|ed|edition|form|version|revised|ishihara|allred|gleason|jaeger";
/// Words after one.
const AFTER: &str = "pain|strength|sem|murmur|systolic|diastolic|holosystolic|sbm|sm|throughout|bilaterally|bilat|intensity|in|on|severity|power|motor|tabs|tab|cycles|doses|days|blood|bottles|sets|patients|of|weeks|x|points|scale|hyperreflexia|reflexes|dtrs|distally|proximally|cores|nodes|positive|negative|neg|pos|plates|ue|le|rue|lue|rle|lle|wnl";

/// Short forms in capitals that a day follows.
const DATED: &str = "CXR|MRI|CT|CTA|US|EEG|ECG|EKG|TTE|TEE|PET|EGD|KUB|BMP|CBC|CMP|LFTS|INR|A1C|UA|UCX|BCX|PAP|DEXA|VQ|MRA|EMG|NCS|RTC|FU|ED|ICU|OR|SNF|PCP|DC|RN|MD|NP|PA|LPN|CM|SW|PM|AM";

/// Adds days and months that other dates of the note make likely.
pub(crate) fn seek(note: &Note<'_>, out: &mut Vec<Found>) {
    let months = months(note, out);
    if months == 0 {
        return;
    }
    let tokens = note.tokens();
    let mut dates = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let short = first.digits && second.digits && first.len() <= 2 && second.len() <= 2;
        if !short || second.start != first.end + 1 || note.byte(first.end) != b'/' {
            continue;
        }
        let text = note.slice(first.start, second.end);
        let month = calendar::parse(text).and_then(|date| date.month());
        if month.is_some_and(|month| months & (1 << month) != 0)
            && is_free(note, index, first.start, second.end)
        {
            dates.push(found(Label::DATE, first.start, second.end, Evidence::Likely));
        }
    }
    out.append(&mut dates);
}

/// All twelve months.
const ALL: u16 = 0x1ffe;

/// The months of the note's dates, a bit each.
fn months(note: &Note<'_>, claims: &[Found]) -> u16 {
    let sure = claims.iter().filter(|claim| {
        claim.label.kind == Kind::Date
            && claim.label != Label::BIRTH_DATE
            && claim.evidence >= Evidence::Shape
    });
    let month =
        |claim: &Found| calendar::parse(note.slice(claim.start, claim.end)).and_then(|date| date.month());
    let mut months = 0;
    for claim in sure {
        months |= month(claim).map_or(0, |month| 1 << month);
        // In a long text all of them are soon there.
        if months == ALL {
            break;
        }
    }
    months
}

/// Whether nothing beside two numbers, of which the first is the word at `index`, makes a fraction or a part of something
/// longer of them.
pub(crate) fn is_free(note: &Note<'_>, index: usize, start: usize, end: usize) -> bool {
    let joins =
        |b: u8| matches!(b, b'/' | b'-' | b'.' | b'+' | b'%' | b':' | b'_' | b'#' | b'>' | b'<' | b'=');
    let (before, after) = (note.byte_before(start), note.byte(end));
    if joins(before)
        || before.is_ascii_alphanumeric()
        || after.is_ascii_alphanumeric()
        || joins(after) && (after != b'.' && after != b':' || note.byte(end + 1).is_ascii_digit())
        || unit_follows(note, end)
    {
        return false;
    }
    let tokens = note.tokens();
    let near = index.checked_sub(1).and_then(|at| tokens.get(at)).filter(|t| start - t.end <= 2);
    let next = tokens.get(index + 2).filter(|t| t.start - end <= 2);
    let clinical = Marks::DRUG.or(Marks::EPONYM).or(Marks::EPONYM_HEAD).or(Marks::DEVICE);
    let led = near.is_some_and(|t| {
        let word = note.word(t);
        t.has(clinical) && !t.has(Marks::PERSON)
            || is_one_of(&word.to_ascii_lowercase(), BEFORE)
            // `CAS 3/7`: a score by its letters, but for pictures and tests that have a day.
            || t.case == Case::Upper && t.len() <= 4 && !is_one_of(word, DATED)
            // `DTR 2/4, 3/4`: a row of fractions.
            || t.digits && note.byte_before(t.start) == b'/'
    });
    let followed = next.is_some_and(|t| is_one_of(&note.word(t).to_ascii_lowercase(), AFTER));
    !led && !followed
        && !note.cue_before(
            start,
            24,
            "pain|strength|motor|murmur|score|scale|rates|vision|gcs|reflexes|apgar|apgars",
        )
}
