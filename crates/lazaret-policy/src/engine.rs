//! The policy port, decided by Cedar: asks for `Allow`, then `Tokenise`, `Redact`, `Quarantine` until one is
//! permitted. Whatever fails on the way is an error, and nothing crosses.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid};
use cedar_policy::{ParseErrors, PolicySet, Request, RestrictedExpression, Schema};
use lazaret_core::{Crossing, Decision, FindingSummary, Limits, Policy, PolicyError, Verdict, hex};
use ring::digest::{SHA256, digest};

use crate::cache::Cache;
use crate::load::{Compiled, PolicyText, compile, embedded, read_folder};
use crate::nesting::with_stack;
use crate::question::{mode, rank, recipient};
use crate::{Diagnostic, Effect, Level, PoliciesRefused, PolicyNote, Question, SCHEMA};

/// Stands in a decision for "no policy permits any form of crossing".
pub const DEFAULT_DENY: &str = "default-deny";

/// A checked set of Cedar policies. One that exists is valid.
#[derive(Debug)]
pub struct CedarPolicy {
    set: PolicySet,
    schema: Schema,
    notes: Vec<PolicyNote>,
    places: HashMap<String, usize>,
    words: Words,
    version: String,
    cache: Cache,
}

impl CedarPolicy {
    /// The default policies, built in.
    pub fn embedded() -> Result<Self, PoliciesRefused> {
        Self::from_texts(&embedded())
    }

    /// All `*.cedar` of a folder, sorted by name, within the limits of files, their length and answers kept.
    pub fn load(folder: &Path, limits: &Limits) -> Result<Self, PoliciesRefused> {
        let texts = read_folder(folder, limits).map_err(|diagnostics| PoliciesRefused { diagnostics })?;
        Self::made(&texts, limits)
    }

    /// Policies from texts.
    pub fn from_texts(texts: &[PolicyText]) -> Result<Self, PoliciesRefused> {
        Self::made(texts, &Limits::default())
    }

    fn made(texts: &[PolicyText], limits: &Limits) -> Result<Self, PoliciesRefused> {
        let Compiled { set, schema, notes } =
            with_stack(|| compile(texts)).map_err(|diagnostics| PoliciesRefused { diagnostics })?;
        let words = Words::new().map_err(|error| PoliciesRefused {
            diagnostics: vec![Diagnostic::whole(Level::Error, SCHEMA.name, error.to_string())],
        })?;
        let places = notes.iter().enumerate().map(|(place, note)| (note.id.clone(), place)).collect();
        Ok(Self { set, schema, notes, places, words, version: version(texts), cache: Cache::new(limits) })
    }

    /// The policies, in the order of files and lines.
    pub fn notes(&self) -> &[PolicyNote] {
        &self.notes
    }

    /// Answers a question without looking at earlier answers or keeping this one.
    pub fn answer(&self, question: &Question) -> Result<Decision, PolicyError> {
        with_stack(|| self.answer_here(question))
    }

    fn answer_here(&self, question: &Question) -> Result<Decision, PolicyError> {
        let asking = self.asking(question)?;
        let (mut decided, mut nobody_forbade) = (Vec::new(), false);
        for verdict in Verdict::ASKED {
            let ruling = asking.ask(verdict)?;
            if ruling.permitted {
                decided.extend(ruling.deciding);
                return Ok(self.decision(verdict, decided, false));
            }
            // The last form short of blocking: if no policy forbids it, it is missing a permit.
            if verdict == Verdict::Quarantine {
                nobody_forbade = ruling.deciding.is_empty();
            }
            decided.extend(ruling.deciding);
        }
        Ok(self.decision(Verdict::Block, decided, nobody_forbade))
    }

    /// A verdict with the policies that ruled out what is less intrusive, then those that permit it.
    fn decision(&self, verdict: Verdict, mut decided: Vec<usize>, by_default: bool) -> Decision {
        let effect = |place: &usize| self.notes.get(*place).map(|note| note.effect);
        decided.sort_unstable_by_key(|place| (effect(place) != Some(Effect::Forbid), *place));
        decided.dedup();
        let ids = decided.iter().filter_map(|place| self.notes.get(*place)).map(|note| note.id.clone());
        Decision { verdict, policies: ids.chain(by_default.then(|| DEFAULT_DENY.to_owned())).collect() }
    }

    /// Makes ready to ask about one record.
    pub(crate) fn asking(&self, question: &Question) -> Result<Asking<'_>, PolicyError> {
        let words = &self.words;
        let role = RestrictedExpression::new_string(question.actor.role.clone());
        let principal = uid(&words.actor, &question.actor.id);
        let actor = Entity::new(principal.clone(), [("role".to_owned(), role)].into(), HashSet::new());
        let entities = actor
            .map_err(|error| error.to_string())
            .and_then(|actor| Entities::from_entities([actor], None).map_err(|error| error.to_string()))
            .map_err(|reason| PolicyError { reason })?;
        Ok(Asking {
            policy: self,
            principal,
            resource: uid(&words.gate, question.gate.name()),
            context: words.context(question)?,
            entities,
        })
    }
}

impl Policy for CedarPolicy {
    fn decide(&self, crossing: &Crossing, findings: &FindingSummary) -> Result<Decision, PolicyError> {
        let key = self.cache.key(crossing, findings);
        if let Some(decision) = self.cache.get(key, crossing, findings) {
            return Ok(decision);
        }
        let question = Question::from((crossing, findings));
        let decision = self.answer(&question)?;
        self.cache.put(key, question, decision.clone());
        Ok(decision)
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}

/// One record's question, ready to be asked for each verdict.
pub(crate) struct Asking<'a> {
    policy: &'a CedarPolicy,
    principal: EntityUid,
    resource: EntityUid,
    context: Context,
    entities: Entities,
}

/// Cedar's answer for one verdict.
pub(crate) struct Ruling {
    pub(crate) permitted: bool,
    /// Places in the notes of the policies that decided: the permits of what is permitted, the forbids of what
    /// is forbidden, none where nothing permits.
    pub(crate) deciding: Vec<usize>,
}

impl Asking<'_> {
    /// Asks for one verdict. If any policy cannot be evaluated, the whole answer is an error.
    pub(crate) fn ask(&self, verdict: Verdict) -> Result<Ruling, PolicyError> {
        let policy = self.policy;
        let action = policy
            .words
            .actions
            .iter()
            .find(|(asked, _)| *asked == verdict)
            .map(|(_, action)| action.clone())
            .ok_or_else(|| PolicyError { reason: format!("`{verdict}` is not asked for") })?;
        let request = Request::new(
            self.principal.clone(),
            action,
            self.resource.clone(),
            self.context.clone(),
            Some(&policy.schema),
        )
        .map_err(|error| PolicyError { reason: format!("the question does not fit the schema: {error}") })?;
        let response = with_stack(|| Authorizer::new().is_authorized(&request, &policy.set, &self.entities));
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(PolicyError { reason: error.to_string() });
        }
        let mut deciding = Vec::new();
        for id in response.diagnostics().reason() {
            let id: &str = id.as_ref();
            let place = policy.places.get(id).copied();
            deciding.push(
                place.ok_or_else(|| PolicyError { reason: format!("an unknown policy `{id}` decided") })?,
            );
        }
        deciding.sort_unstable();
        Ok(Ruling { permitted: response.decision() == cedar_policy::Decision::Allow, deciding })
    }
}

/// The names of the schema, parsed once.
#[derive(Debug)]
struct Words {
    actor: EntityTypeName,
    gate: EntityTypeName,
    destination: EntityTypeName,
    recipient: EntityTypeName,
    purpose: EntityTypeName,
    basis: EntityTypeName,
    sensitivity: EntityTypeName,
    label: EntityTypeName,
    mode: EntityTypeName,
    actions: [(Verdict, EntityUid); 5],
}

impl Words {
    fn new() -> Result<Self, Box<ParseErrors>> {
        let action = EntityTypeName::from_str("Action")?;
        let asked = |verdict: Verdict, name: &str| (verdict, uid(&action, name));
        Ok(Self {
            actor: EntityTypeName::from_str("Actor")?,
            gate: EntityTypeName::from_str("Gate")?,
            destination: EntityTypeName::from_str("Destination")?,
            recipient: EntityTypeName::from_str("Recipient")?,
            purpose: EntityTypeName::from_str("Purpose")?,
            basis: EntityTypeName::from_str("Basis")?,
            sensitivity: EntityTypeName::from_str("Sensitivity")?,
            label: EntityTypeName::from_str("Label")?,
            mode: EntityTypeName::from_str("Mode")?,
            actions: [
                asked(Verdict::Allow, "Allow"),
                asked(Verdict::Tokenise, "Tokenise"),
                asked(Verdict::Redact, "Redact"),
                asked(Verdict::Quarantine, "Quarantine"),
                asked(Verdict::Block, "Block"),
            ],
        })
    }

    /// A question as Cedar's context.
    fn context(&self, question: &Question) -> Result<Context, PolicyError> {
        use RestrictedExpression as Value;
        let entity = |kind: &EntityTypeName, id: &str| Value::new_entity_uid(uid(kind, id));
        let text = |text: &str| Value::new_string(text.to_owned());
        let pairs = [
            ("rules", Value::new_set(question.rules.iter().map(|rule| text(rule)))),
            ("highest", Value::new_long(rank(question.highest))),
            ("labels", Value::new_set(question.labels.iter().map(|kind| entity(&self.label, kind.name())))),
            (
                "sensitivity",
                Value::new_set(
                    question.sensitivity.iter().map(|kind| entity(&self.sensitivity, kind.name())),
                ),
            ),
            ("recordKind", text(&question.record_kind)),
            ("destination", entity(&self.destination, &question.to)),
            ("recipient", entity(&self.recipient, recipient(question.recipient))),
            ("route", text(&question.route)),
            ("purpose", entity(&self.purpose, question.purpose.name())),
            ("protocol", text(question.protocol())),
            ("basis", entity(&self.basis, question.basis.name())),
            ("mode", entity(&self.mode, mode(question.mode))),
            ("careCritical", Value::new_bool(question.care_critical)),
        ];
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))
            .map_err(|error| PolicyError { reason: error.to_string() })
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// A digest over the schema and the policies' texts, each with its length, in their order.
fn version(texts: &[PolicyText]) -> String {
    let mut all = Vec::new();
    for text in [SCHEMA.text].into_iter().chain(texts.iter().map(|text| text.text.as_str())) {
        all.extend_from_slice(&(text.len() as u64).to_be_bytes());
        all.extend_from_slice(text.as_bytes());
    }
    format!("sha256:{}", hex(digest(&SHA256, &all).as_ref()))
}
