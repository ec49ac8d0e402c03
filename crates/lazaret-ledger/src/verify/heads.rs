//! Bodies, read as far as anything is indexed of them.

use std::borrow::Cow;

use lazaret_core::Sha256;
use serde::Deserialize;

use crate::read::SealedBody;

/// What a body is, as far as it is indexed.
pub(super) enum Body<'b> {
    Opened(OpenedHead<'b>),
    Sealed(Box<SealedBody>),
    /// An event, and the file that it is about.
    Event(Option<&'b str>),
}

impl<'b> Body<'b> {
    /// None if the body is not of the kind stored beside it.
    pub(super) fn read(kind: &[u8], body: &'b str) -> Option<Self> {
        match kind {
            b"opened" => {
                let opened: OpenedLeaf<'b> = serde_json::from_str(body).ok()?;
                (opened.kind == "opened").then_some(Self::Opened(opened.opened))
            }
            b"sealed" => {
                let sealed: SealedBody = serde_json::from_str(body).ok()?;
                (sealed.kind == "sealed").then(|| Self::Sealed(Box::new(sealed)))
            }
            _ => {
                let other: Head<'b> = serde_json::from_str(body).ok()?;
                (other.kind.as_bytes() == kind).then_some(Self::Event(other.about))
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Head<'b> {
    pub(super) kind: &'b str,
    pub(super) about: Option<&'b str>,
}

#[derive(Deserialize)]
pub(super) struct OpenedLeaf<'b> {
    pub(super) kind: &'b str,
    #[serde(borrow)]
    pub(super) opened: OpenedHead<'b>,
}

#[derive(Deserialize)]
pub(super) struct OpenedHead<'b> {
    pub(super) crossing: &'b str,
    pub(super) started: &'b str,
    pub(super) gate: &'b str,
    pub(super) to_id: Option<&'b str>,
    #[serde(borrow)]
    pub(super) order: Option<OrderHead<'b>>,
    #[serde(borrow)]
    pub(super) model: Option<ModelHead<'b>>,
}

impl OpenedHead<'_> {
    /// The model's file that its order is about.
    pub(super) fn about(&self) -> Option<Sha256> {
        let order = self.order.as_ref().filter(|order| order.what.ends_with("-model"))?;
        Sha256::parse(&order.object)
    }
}

#[derive(Deserialize)]
pub(super) struct ModelHead<'b> {
    #[serde(borrow)]
    pub(super) name: Cow<'b, str>,
}

#[derive(Deserialize)]
pub(super) struct OrderHead<'b> {
    what: &'b str,
    /// Escaped, where it is a name.
    #[serde(borrow)]
    object: Cow<'b, str>,
}

#[derive(Deserialize)]
pub(super) struct EntryHead<'b> {
    pub(super) record: u64,
    pub(super) identity: &'b str,
    pub(super) digest_out: Option<&'b str>,
    pub(super) held: Option<&'b str>,
    pub(super) again: Option<&'b str>,
    #[serde(borrow)]
    pub(super) file: Option<FileHead<'b>>,
}

#[derive(Deserialize)]
pub(super) struct FileHead<'b> {
    pub(super) sha256: &'b str,
}

impl EntryHead<'_> {
    pub(super) fn went_out(&self) -> bool {
        self.held.is_none() && self.again.is_none() && self.digest_out.is_some()
    }
}
