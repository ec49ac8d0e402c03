//! Finds the names of picture files.
//!
//! A file name that ends as pictures, scans and films do: it often holds the name, and leads to the picture.
//!
//! Why: 45 CFR 164.514(b)(2)(i)(Q).
//!
//! Example: `IMG_4471_w.jpg` is found; `photo taken` gives nothing.
//!
//! References: 45 CFR 164.514(b)(2)(i)(Q).

use lazaret_core::Label;

use crate::overlap::{Evidence, Found};
use crate::registry::{Hit, Pass, ShapeDetector, found};
use crate::view::Note;

/// See the page above.
pub(crate) struct Photo;

impl ShapeDetector for Photo {
    fn id(&self) -> &'static str {
        "phi.photo"
    }

    fn source(&self) -> &'static str {
        include_str!("photo.rs")
    }

    fn examples(&self) -> (&'static str, &'static str) {
        ("Saved as IMG_4471_w.jpg today.", "Photo taken, .jpg wanted.")
    }

    fn shapes(&self) -> &'static [(Pass, &'static str)] {
        &[(
            Pass::Signs,
            r"\.(?:jpe?g|png|heic|heif|tiff?|gif|bmp|dcm|mp4|mov|avi|webp|raw|nef|cr2|cr3|arw|dng|svs|ndpi|mrxs|scn|nii|mpe?g|m4v|m4a|wav|mp3|dicom|iso|e2e|fds|oct|edf|rec|stl|ply|webm|wmv|mkv|3gp|aac|ogg|flac|avif|jfif|jp2|psd)\b",
        )]
    }

    fn judge(&self, hit: Hit, note: &Note<'_>, out: &mut Vec<Found>) {
        let mut start = hit.start;
        while hit.start - start < 120 {
            let before = note.byte_before(start);
            // `IMG_4410(1)`, `face+shin`, `hand~2`: signs inside a name, with letters or digits on their left.
            let inside =
                matches!(before, b'_' | b'-' | b'.' | b'+' | b'&' | b'~' | b'(' | b')' | b'@' | b'=')
                    && start - 1 > 0
                    && (matches!(before, b'_' | b'-' | b'.')
                        || note.byte_before(start - 1).is_ascii_alphanumeric()
                        || before == b')' && note.byte_before(start - 1) == b')');
            if !(before.is_ascii_alphanumeric() || before >= 0x80 || inside) {
                break;
            }
            start -= 1;
        }
        if hit.start - start >= 3 && note.text().is_char_boundary(start) {
            out.push(found(Label::PHOTO, start, hit.end, Evidence::Checked));
        }
    }
}
