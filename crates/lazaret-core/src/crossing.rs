//! A crossing: who sends what from where to where, through which gate, for which purpose, on which legal basis.

use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{CareCritical, Mode, Override, Random, RandomError, RecordedFile, Sensitive, Timestamp};

/// The id of a crossing: a UUIDv7 (RFC 9562, 5.7), so ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrossingId(Uuid);

impl CrossingId {
    /// A new id from the time and ten random bytes.
    pub fn new(now: Timestamp, random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0_u8; 10];
        random.fill(&mut bytes)?;
        Ok(Self(uuid::Builder::from_unix_timestamp_millis(now.millis(), &bytes).into_uuid()))
    }

    /// Reads the hyphenated form.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// When the crossing began, as the id tells it.
    pub fn when(&self) -> Timestamp {
        let millis =
            self.as_bytes().iter().take(6).fold(0_u64, |millis, byte| millis << 8 | u64::from(*byte));
        Timestamp::from_millis(millis)
    }

    /// From the sixteen bytes, as a store kept them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for CrossingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl Serialize for CrossingId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who sends: a person or a service, with a role. Not a patient.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Actor {
    /// A user name or service account.
    pub id: String,
    /// The role the policy looks at.
    pub role: String,
}

/// One of the five gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    /// Clinical records entering the lake.
    Ingest,
    /// Model files entering the registry.
    Models,
    /// Prompts to AI, and calls to inference APIs.
    Traffic,
    /// What leaves: statistics, models, audits.
    Release,
    /// The AI workloads themselves.
    Posture,
}

impl Gate {
    /// The word: crate, configuration table, Cedar entity and page all bear it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Models => "models",
            Self::Traffic => "traffic",
            Self::Release => "release",
            Self::Posture => "posture",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the data is for (45 CFR 164.501, 164.506, 164.512).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Care of the patient.
    Treatment,
    /// Billing.
    Payment,
    /// Health care operations.
    Operations,
    /// Research under a protocol.
    Research {
        /// The protocol's number.
        protocol: String,
    },
    /// Public health.
    PublicHealth,
}

impl Purpose {
    /// Reads `treatment`, `payment`, `operations`, `research:PROTOCOL`, `public-health`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "treatment" => Self::Treatment,
            "payment" => Self::Payment,
            "operations" => Self::Operations,
            "public-health" => Self::PublicHealth,
            _ => {
                let protocol = text.strip_prefix("research:").filter(|protocol| !protocol.is_empty())?;
                Self::Research { protocol: protocol.to_owned() }
            }
        })
    }

    /// The word without the protocol.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Payment => "payment",
            Self::Operations => "operations",
            Self::Research { .. } => "research",
            Self::PublicHealth => "public-health",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Research { protocol } => write!(f, "research:{protocol}"),
            _ => f.write_str(self.name()),
        }
    }
}

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The legal basis on which the data crosses (45 CFR 164.514).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// 164.514(b)(2): what is detected of the 18 identifiers is removed.
    SafeHarbor,
    /// 164.514(b)(1): what the expert's report allows.
    Expert,
    /// 164.514(e): dates, town, state, ZIP stay; still PHI.
    LimitedDataSet,
    /// Identified data under a purpose or an authorisation.
    Identified,
}

impl Basis {
    /// All four.
    pub const ALL: [Self; 4] = [Self::SafeHarbor, Self::Expert, Self::LimitedDataSet, Self::Identified];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SafeHarbor => "safe-harbor",
            Self::Expert => "expert",
            Self::LimitedDataSet => "limited-data-set",
            Self::Identified => "identified",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.name() == text)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Special protection that the record itself claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Substance use disorder treatment (42 CFR Part 2).
    Part2,
    /// Psychotherapy notes (45 CFR 164.501) and mental health.
    Psychotherapy,
    /// HIV and sexually transmitted disease.
    Hiv,
    /// Genetic information.
    Genetic,
    /// Minors.
    Minor,
    /// Labelled restricted or very restricted, without saying why.
    Restricted,
}

impl Sensitivity {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Part2 => "part2",
            Self::Psychotherapy => "psychotherapy",
            Self::Hiv => "hiv",
            Self::Genetic => "genetic",
            Self::Minor => "minor",
            Self::Restricted => "restricted",
        }
    }
}

/// Who receives what crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipient {
    /// Inside the hospital.
    Internal,
    /// A vendor with a business associate agreement (45 CFR 164.504(e)).
    BusinessAssociate,
    /// Anyone else: a public AI service.
    Public,
}

/// What a person orders done with something kept back or hidden, with a key, or with what detectors go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ordered {
    /// A held record crosses after all, with the profile's edits.
    Release,
    /// A held record never crosses.
    Reject,
    /// A held record's content is looked at.
    Look,
    /// A token's value is looked at.
    Reveal,
    /// A subject's secret is destroyed.
    Shred,
    /// A subject may not be shredded from now on.
    LegalHold,
    /// A subject's legal hold ends.
    LiftLegalHold,
    /// Keys of datasets leave the vault, so that others can read columns of the lake.
    ExportKeys,
    /// The data keys are wrapped under a new key-encryption key.
    RotateKeys,
    /// A key that signs models is made in the vault.
    MakeModelKey,
    /// A proposed entry joins the hospital's knowledge.
    ApproveKnowledge,
    /// A proposed entry does not.
    RejectKnowledge,
    /// Somebody asks for a model that policy holds.
    RequestModel,
    /// A model crosses although policy holds it, until a day.
    AdmitModel,
    /// A model that was asked for does not cross.
    RefuseModel,
    /// An admission ends.
    RevokeModel,
}

/// A person's order, which is a crossing of its own: recorded before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// What is to be done.
    pub what: Ordered,
    /// With what: a hold's id, a token, a keyed digest of a subject or an entry, the ids of keys, a model file's SHA-256.
    /// Never a value, never a key.
    pub object: String,
    /// Who orders it.
    pub by: String,
    /// The second person, where two are needed.
    pub second: Option<String>,
    /// Why, in the person's words. Must hold no patient data: the help says so.
    pub reason: String,
    /// Until when it holds, where it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Who sends what from where to where, for what, on which basis, when.
#[derive(Debug, Clone)]
pub struct Crossing {
    /// Its id.
    pub id: CrossingId,
    /// Who sends.
    pub actor: Actor,
    /// Through which gate.
    pub gate: Gate,
    /// The source: a path or address. Hospitals put record numbers into file names, so it is never printed
    /// elsewhere than on the operator's own terminal; the ledger holds its keyed digest.
    pub from: Sensitive<String>,
    /// The source system that patient ids belong to: two systems may both have a `Patient/1`.
    pub system: String,
    /// The destination's configured name.
    pub to: String,
    /// The one destination that bears the name now, where the destination can tell: it may be deleted and made
    /// again, and what crossed to the one before is not in it. A record's identity holds this instead of the name.
    pub to_id: Option<String>,
    /// Who receives there.
    pub recipient: Recipient,
    /// The route's configured name, for modes and care-critical routes.
    pub route: String,
    /// For what.
    pub purpose: Purpose,
    /// On which basis.
    pub basis: Basis,
    /// When it began.
    pub started: Timestamp,
    /// Joins a request and its answer.
    pub exchange: Option<CrossingId>,
    /// Whether the verdict is enforced or only recorded.
    pub mode: Mode,
    /// The route was declared care-critical and signed by two.
    pub care_critical: Option<CareCritical>,
    /// Break-glass.
    pub override_by: Option<Override>,
    /// A person's order that this crossing carries out.
    pub order: Option<Order>,
    /// The model that crosses, if it is one.
    pub model: Option<ModelOrigin>,
}

/// A model that crosses: what it is called, and where it comes from as far as its sender says or its attestations prove.
/// All of it is recorded as it stands: it must hold no patient data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ModelOrigin {
    /// Its name in the registry: `radiology/chest-xray`.
    pub name: String,
    /// Its revision there: a commit, a version, a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The datasets it was trained on, by the serial numbers of their bills of materials or their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<String>,
    /// The commit of the code that trained it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The run that trained it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Who asked for it through a proxy or sent it there, as far as they say: `user:NAME`, `token:` and a keyed digest, or
    /// `address:`. Nobody here has checked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Who signed it: a key's digest, or an identity and who vouches for it. Only what was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Who built it, by a provenance statement that was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// Files of it that crossed before, and that were read where one that crosses now asked for them: one of a model that
    /// crosses file by file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<RecordedFile>,
}
