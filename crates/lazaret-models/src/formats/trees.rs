//! Boosted trees as text and documents: XGBoost's JSON, LightGBM's text, CatBoost's binary. They hold numbers and names
//! of features; their readers run nothing.

use lazaret_core::{FormatId, Likeness};
use lazaret_input::json::{JsonKind as Kind, Node};

use super::text;
use crate::formats::json::JsonKind;
use crate::look::{Head, Looking};
use crate::part::{Part, Unread};
use crate::registry::{Depth, ModelFormat};
use crate::rules;

/// XGBoost's JSON.
pub(crate) struct XgboostJson;

impl JsonKind for XgboostJson {
    fn id(&self) -> FormatId {
        FormatId("xgboost-json")
    }

    fn about(&self) -> &'static str {
        "XGBoost model (JSON)"
    }

    fn recognise(&self, root: Node<'_, '_>, _: &str) -> bool {
        root.get("learner").is_some_and(|learner| learner.kind() == Kind::Object)
            && root.get("version").is_some()
    }

    fn read(&self, _: Node<'_, '_>, _: &Part, _: &mut Looking<'_>) {}
}

/// Within how many of its last bytes a LightGBM text says that its trees or parameters end.
const END_WITHIN: usize = 1 << 20;

/// LightGBM's text.
pub(crate) struct LightGbm;

impl ModelFormat for LightGbm {
    fn id(&self) -> FormatId {
        FormatId("lightgbm")
    }

    fn about(&self) -> &'static str {
        "LightGBM model (text)"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt", "lgb", "model"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        let begins =
            head.bytes.starts_with(b"tree\nversion=v") || head.bytes.starts_with(b"tree\r\nversion=v");
        if begins { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let from = part.len().saturating_sub(END_WITHIN as u64);
        let last = part.bytes(from, END_WITHIN.min(usize::try_from(part.len()).unwrap_or(END_WITHIN)))?;
        // What the Python library writes last, in a line.
        if let Some(begins) = memchr::memmem::rfind(&last, b"\npandas_categorical:") {
            let rest = last.get(begins.saturating_add(1)..).unwrap_or_default();
            let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let end = begins.saturating_add(line).saturating_add(2) as u64;
            looking.tail(part, from.saturating_add(end).min(part.len()));
        }
        text::check(part)?;
        let has = |words: &[u8]| memchr::memmem::find(&last, words).is_some();
        if !has(b"\nend of trees") || (has(b"\nparameters:") && !has(b"\nend of parameters")) {
            return Err(Unread::cut_off(part.len()));
        }
        Ok(self.id())
    }
}

/// CatBoost's binary.
pub(crate) struct CatBoost;

impl ModelFormat for CatBoost {
    fn id(&self) -> FormatId {
        FormatId("catboost")
    }

    fn about(&self) -> &'static str {
        "CatBoost model"
    }

    fn depth(&self) -> Depth {
        Depth::Header
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["cbm"]
    }

    fn runs_nothing(&self) -> bool {
        true
    }

    fn recognise(&self, head: &Head<'_>) -> Likeness {
        if head.bytes.starts_with(b"CBM1") { Likeness::Certain } else { Likeness::No }
    }

    fn read(&self, part: &Part, looking: &mut Looking<'_>) -> Result<FormatId, Unread> {
        let size = u32::from_le_bytes(part.array(4)?);
        let left = part.len().saturating_sub(8);
        if u64::from(size) > left {
            let says = format!("its model has {size} bytes by its header, {left} follow");
            looking.find(&rules::CLAIMED_SIZE, part.at(4), says);
            return Ok(self.id());
        }
        // Parts of the model for text and categories may follow, each with a name and a length of its own.
        let end = u64::from(size).saturating_add(8);
        looking.passed_over(part, end, part.len().saturating_sub(end));
        Ok(self.id())
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::protobuf::tests::{scan, told};

    #[test]
    fn a_lightgbm_text_that_is_cut_off_or_goes_on_is_told() {
        let whole = "tree\nversion=v4\n\nTree=0\nnum_leaves=1\n\nend of trees\n\nparameters:\nend of parameters\n\npandas_categorical:null\n";
        assert_eq!(told(&scan(whole, "m.txt")), [""; 0]);
        for cut in [45, whole.len() - 40] {
            assert_eq!(
                told(&scan(whole.as_bytes()[..cut].to_vec(), "m.txt")),
                [format!("format.malformed m.txt@{cut}")]
            );
        }
        let glued = format!("{whole}cposix\nsystem\n(S'true'\ntR.");
        let found = told(&scan(glued, "m.txt"));
        assert!(found.iter().any(|told| told.starts_with("pickle.dangerous-call m.txt@")), "{found:?}");
    }

    #[test]
    fn what_follows_a_catboost_model_is_looked_at() {
        let glued = [b"CBM1\x04\0\0\0\0\0\0\0".as_slice(), b"cposix\nsystem\n(S'true'\ntR."].concat();
        let found = told(&scan(glued, "m.cbm"));
        assert!(found.iter().any(|told| told.starts_with("pickle.dangerous-call m.cbm@")), "{found:?}");
    }
}
