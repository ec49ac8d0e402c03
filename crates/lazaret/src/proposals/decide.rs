//! An approval or a rejection: recorded in the ledger, then carried out. The ledger holds the entry's kind, scope and keyed
//! digest, never its text.
//!
//! The order of an approval, so that a kill at any moment loses nothing and doubles nothing: the store says that the
//! entry is being approved under a receipt; the crossing of this receipt is sealed; the file gets the entry; the store
//! says that it has it. What is left half done is ended by who comes next: where the file has the lines, or the ledger
//! the seal, it is carried out; else it is open again.

use lazaret_core::{Clock as _, CrossingId, Ordered, SystemClock, Vault as _};
use lazaret_input::rewrite_durably;
use lazaret_phi::{Answers, with_lines};

use super::{Decision, Kept, Proposal, Proposals, Refused, State, Weighed, digest_of, no_such, not_ours};
use crate::cli::one_line;
use crate::compose::{Crossings, Data};
use crate::exit::CliError;
use crate::persons::is_one_person;

/// What somebody says of a proposal.
pub(crate) struct Word<'a> {
    /// Who.
    pub(crate) by: &'a str,
    /// Why. It stands in the ledger.
    pub(crate) reason: &'a str,
    /// That it shall be done although the gold gets worse, or there is none.
    pub(crate) despite: bool,
    /// What they looked at, if they tell ([`super::View::seen`]).
    pub(crate) seen: Option<&'a str>,
}

/// What was done.
pub(crate) struct Decided {
    pub(crate) proposal: Proposal,
    /// The digests of the knowledge before and after; none of a rejection.
    pub(crate) knowledge: Option<(String, String)>,
    pub(crate) weighed: Option<Weighed>,
}

impl Proposals {
    /// A second person agrees: the entry joins the file.
    pub(crate) fn approve(&self, id: u64, word: &Word<'_>, data: &Data) -> Result<Decided, Refused> {
        let mut kept = self.store.lock()?;
        self.end_cut_short(&mut kept, data)?;
        let proposal = to_decide(&kept, id, word)?;
        if is_one_person(&proposal.by, word.by) {
            return Err(Refused::Wrong(format!("{} proposed it; another person approves it", proposal.by)));
        }
        let file = self.file()?;
        let lines = lines_of(&proposal, word.by)?;
        let view = self.weigh(&file, lines.clone())?;
        if word.seen.is_some_and(|seen| seen != view.seen) {
            let why = "the knowledge or the gold was changed meanwhile; look at what the entry does now";
            return Err(Refused::Conflict(why.to_owned()));
        }
        confirmed(view.weighed.as_ref(), word.despite)?;
        let after = with_lines(&file, &lines);
        let knowledge = (digest_of(file.as_bytes()), digest_of(after.as_bytes()));
        let what = told(&proposal, &knowledge, view.weighed.as_ref());
        let object =
            format!("proposal {id}: {}; entry {}; {what}", scope(&proposal), keyed(&proposal, data)?);
        let order =
            Crossings::order(Ordered::ApproveKnowledge, &object, &proposal.by, Some(word.by), word.reason);
        let crossing = self.crossings()?.ordered(order)?;
        let decision = decision(word, crossing.id);
        set(&mut kept, id, State::Approving, Some(decision.clone()))?;
        if let Err(error) = data.carry_out(crossing) {
            set(&mut kept, id, State::Open, None)?;
            return Err(error.into());
        }
        let knowledge = self.join(&mut kept, id)?;
        let proposal = kept.get(id)?.clone();
        Ok(Decided { proposal, knowledge: Some(knowledge), weighed: view.weighed })
    }

    /// Somebody does not agree, or takes their own back: the entry never joins the file.
    pub(crate) fn reject(&self, id: u64, word: &Word<'_>, data: &Data) -> Result<Decided, Refused> {
        let mut kept = self.store.lock()?;
        self.end_cut_short(&mut kept, data)?;
        let proposal = to_decide(&kept, id, word)?;
        let object = format!(
            "proposal {id} of {}: {}; entry {}",
            proposal.by,
            scope(&proposal),
            keyed(&proposal, data)?
        );
        let order = Crossings::order(Ordered::RejectKnowledge, &object, word.by, None, word.reason);
        let crossing = self.crossings()?.ordered(order)?;
        let decision = decision(word, crossing.id);
        // Recorded first: killed here it is open still, and can be rejected again.
        data.carry_out(crossing)?;
        set(&mut kept, id, State::Rejected, Some(decision))?;
        let proposal = kept.get(id)?.clone();
        Ok(Decided { proposal, knowledge: None, weighed: None })
    }

    /// Whether an approval was cut short.
    pub(crate) fn is_any_left(&self) -> Result<bool, CliError> {
        Ok(self.all()?.iter().any(|one| one.state == State::Approving))
    }

    /// Ends approvals that were cut short.
    pub(crate) fn end_left(&self, data: &Data) -> Result<(), Refused> {
        self.end_cut_short(&mut self.store.lock()?, data)
    }

    fn end_cut_short(&self, kept: &mut Kept<'_>, data: &Data) -> Result<(), Refused> {
        let left: Vec<u64> =
            kept.proposals.iter().filter(|one| one.state == State::Approving).map(|one| one.id).collect();
        for id in left {
            let receipt = kept.get(id)?.decision.as_ref().map(|decision| decision.receipt.clone());
            let receipt = receipt.and_then(|receipt| CrossingId::parse(&receipt)).ok_or_else(not_ours)?;
            let sealed = data
                .ledger
                .is_sealed_complete(receipt)
                .map_err(|error| CliError::failed("the ledger", error))?;
            if sealed {
                self.join(kept, id)?;
            } else {
                set(kept, id, State::Open, None)?;
            }
        }
        Ok(())
    }

    /// Puts an entry whose approval is recorded at the end of the file as it is now, if it is not there yet. Gives the
    /// file's digest before and after.
    fn join(&self, kept: &mut Kept<'_>, id: u64) -> Result<(String, String), Refused> {
        let proposal = kept.get(id)?.clone();
        let by = proposal.decision.as_ref().map(|decision| decision.by.as_str()).ok_or_else(not_ours)?;
        let lines = lines_of(&proposal, by)?;
        let file = self.file()?;
        let mut digests = (digest_of(file.as_bytes()), digest_of(file.as_bytes()));
        if !file.contains(&lines) {
            let after = with_lines(&file, &lines);
            digests.1 = digest_of(after.as_bytes());
            // Somebody may have changed it since it was weighed; what they wrote stays.
            self.parse(&after)?;
            rewrite_durably(&self.knowledge, after.as_bytes())
                .map_err(|error| CliError::failed(self.knowledge.display().to_string(), error))?;
        }
        set(kept, id, State::Approved, proposal.decision)?;
        Ok(digests)
    }

    fn crossings(&self) -> Result<Crossings, CliError> {
        Crossings::new(&self.config, "knowledge", None, None, None)
    }
}

/// A proposal that waits, and a person who says why.
fn to_decide(kept: &Kept<'_>, id: u64, word: &Word<'_>) -> Result<Proposal, Refused> {
    one_line(word.reason)
        .map_err(|_| Refused::Wrong("a decision has a reason: one line that says something".to_owned()))?;
    let proposal = kept.proposals.iter().find(|one| one.id == id).ok_or_else(|| no_such(id))?.clone();
    if proposal.state != State::Open {
        return Err(Refused::Conflict(format!("proposal {id} was {} already", proposal.state.name())));
    }
    if proposal.entry.entry().ok_or_else(not_ours)?.is_told_by(word.reason) {
        let why = "the reason stands in the ledger and may not repeat the entry's text, ward or author";
        return Err(Refused::Wrong(why.to_owned()));
    }
    Ok(proposal)
}

/// Whether it may be done without more.
fn confirmed(weighed: Option<&Weighed>, despite: bool) -> Result<(), Refused> {
    let why = match weighed {
        Some(weighed) if weighed.worse => {
            format!("the gold gets worse: {}", weighed.sentence())
        }
        Some(_) => return Ok(()),
        None => "what it does is not known: `phi.gold` names no gold".to_owned(),
    };
    if despite { Ok(()) } else { Err(Refused::Unconfirmed(why)) }
}

/// The lines in the file, with who agreed.
fn lines_of(proposal: &Proposal, approver: &str) -> Result<String, Refused> {
    let entry = proposal.entry.entry().ok_or_else(not_ours)?;
    let answers = Answers { owner: &proposal.by, approver, reason: &proposal.reason };
    Ok(format!("# proposal {}, {}\n{}", proposal.id, proposal.at, entry.lines(&answers)))
}

fn scope(proposal: &Proposal) -> String {
    proposal.entry.kind_and_scope()
}

/// The keyed digest of an entry, whoever answers for it.
fn keyed(proposal: &Proposal, data: &Data) -> Result<String, Refused> {
    let entry = proposal.entry.entry().ok_or_else(not_ours)?;
    let lines = entry.lines(&Answers { owner: "", approver: "", reason: "" });
    let digest = data.vault.digest(None, lines.as_bytes());
    Ok(digest.map_err(|error| CliError::failed("the vault", error))?.to_string())
}

/// What the ledger is told of an approval beside the entry.
fn told(proposal: &Proposal, knowledge: &(String, String), weighed: Option<&Weighed>) -> String {
    let (before, after) = knowledge;
    let files = format!("proposed {}; knowledge {before} to {after}", proposal.at);
    let Some(weighed) = weighed else { return format!("{files}; not measured, confirmed") };
    let Weighed { gold, worse, before: was, after: is, lost, found, masked, freed, .. } = weighed;
    format!(
        "{files}; gold {gold}: recall {}/{} to {}/{}, precision {}/{} to {}/{}, characters left {} to {} of {}, \
         lost {lost}, found {found}, masked {masked}, freed {freed}{}",
        was.found,
        was.gold,
        is.found,
        is.gold,
        was.right,
        was.predicted,
        is.right,
        is.predicted,
        was.left,
        is.left,
        is.characters,
        if *worse { "; worse, confirmed" } else { "" }
    )
}

fn decision(word: &Word<'_>, receipt: CrossingId) -> Decision {
    Decision {
        by: word.by.to_owned(),
        at: SystemClock.now().to_string(),
        reason: word.reason.to_owned(),
        receipt: receipt.to_string(),
    }
}

fn set(kept: &mut Kept<'_>, id: u64, state: State, decision: Option<Decision>) -> Result<(), Refused> {
    let proposal = kept.get(id)?;
    (proposal.state, proposal.decision) = (state, decision);
    kept.save()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lazaret_core::{Label, Limits};
    use lazaret_phi::{EntryKind, Knowledge, NewEntry};

    use super::*;
    use crate::config::Config;

    struct Place {
        folder: tempfile::TempDir,
        config: Config,
        data: Data,
    }

    fn entry(text: &str) -> NewEntry {
        NewEntry {
            kind: EntryKind::Deny,
            text: text.to_owned(),
            label: Some(Label::OTHER_ID),
            after: Vec::new(),
            ward: None,
            author: None,
            section: None,
            until: None,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the test's own file")]
    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name).display().to_string();
            std::fs::write(path("knowledge.toml"), "# ours\nversion = 1").unwrap();
            let (knowledge, data) = (path("knowledge.toml"), path("data"));
            let flags = [("phi.knowledge", Some(knowledge.as_str())), ("data", Some(data.as_str()))];
            let config = Config::load(None, &[], |_| None, &flags).unwrap();
            let data = Data::init(&config, false).unwrap();
            Self { folder, config, data }
        }

        fn proposals(&self) -> Proposals {
            Proposals::open(&self.config).unwrap()
        }

        fn file(&self) -> String {
            read(&self.folder.path().join("knowledge.toml"))
        }

        fn edit(&self, text: &str) {
            std::fs::write(self.folder.path().join("knowledge.toml"), text).unwrap();
        }
    }

    const BEN: Word<'_> = Word { by: "ben", reason: "checked", despite: true, seen: None };

    fn state(proposals: &Proposals, id: u64) -> State {
        proposals.one(id).unwrap().state
    }

    #[test]
    fn another_person_approves_and_the_file_keeps_all_it_had() {
        let place = Place::new();
        let proposals = place.proposals();
        proposals.propose("ana", &entry("bay seven"), "one bed").unwrap();
        for by in ["ana", " ANA "] {
            let word = Word { by, ..BEN };
            let refused = proposals.approve(1, &word, &place.data).err().unwrap();
            assert!(refused.to_string().contains("another person"), "{refused}");
        }
        let unmeasured = Word { despite: false, ..BEN };
        assert!(matches!(proposals.approve(1, &unmeasured, &place.data), Err(Refused::Unconfirmed(_))));
        for reason in ["", "a\nb", "the Bay  Seven it is"] {
            let word = Word { reason, ..BEN };
            assert!(matches!(proposals.approve(1, &word, &place.data), Err(Refused::Wrong(_))), "{reason}");
        }
        assert_eq!(place.file(), "# ours\nversion = 1");
        let decided = proposals.approve(1, &BEN, &place.data).unwrap();
        assert!(place.file().starts_with("# ours\nversion = 1\n\n# proposal 1, 20"), "{}", place.file());
        let now = digest_of(place.file().as_bytes());
        assert_eq!(decided.knowledge.unwrap().1, now);
        assert!(matches!(proposals.approve(1, &BEN, &place.data), Err(Refused::Conflict(_))));
        assert!(matches!(proposals.reject(1, &BEN, &place.data), Err(Refused::Conflict(_))));
        assert!(matches!(proposals.approve(7, &BEN, &place.data), Err(Refused::Wrong(_))));
    }

    #[test]
    fn a_file_changed_by_hand_is_a_conflict_for_who_looked_before_and_keeps_what_was_written() {
        let place = Place::new();
        let proposals = place.proposals();
        let (_, view) = proposals.propose("ana", &entry("bay seven"), "one bed").unwrap();
        place.edit("version = 1\n[[ward]]\nnames = ['Tansy East']\n");
        let word = Word { seen: Some(&view.seen), ..BEN };
        let refused = proposals.approve(1, &word, &place.data).err().unwrap();
        assert!(matches!(&refused, Refused::Conflict(why) if why.contains("changed meanwhile")), "{refused}");
        assert_eq!(state(&proposals, 1), State::Open);
        place.edit("version = 7\n");
        assert!(matches!(proposals.approve(1, &BEN, &place.data), Err(Refused::Failed(_))));
        // The file's own form leaves no room for a table of this name.
        place.edit("version = 1\ndeny = []\n");
        assert!(matches!(proposals.approve(1, &BEN, &place.data), Err(Refused::Wrong(_))));
        assert_eq!((place.file().as_str(), state(&proposals, 1)), ("version = 1\ndeny = []\n", State::Open));
        place.edit("version = 1\n[[ward]]\nnames = ['Tansy East']\n");
        proposals.approve(1, &BEN, &place.data).unwrap();
        let read = Knowledge::read(&place.file(), "", SystemClock.now(), &Limits::default()).unwrap();
        assert_eq!(read.size(), (2, 0));
    }

    /// As a kill leaves it, at each step of an approval.
    #[test]
    fn what_was_cut_short_is_carried_out_if_it_is_recorded_and_open_again_if_not() {
        let place = Place::new();
        let proposals = place.proposals();
        for text in ["bay seven", "bay eight", "bay nine"] {
            proposals.propose("ana", &entry(text), "one bed").unwrap();
        }
        let approving = |id: u64, sealed: bool| {
            let crossings = proposals.crossings().unwrap();
            let order = Crossings::order(Ordered::ApproveKnowledge, "o", "ana", Some("ben"), "checked");
            let crossing = crossings.ordered(order).unwrap();
            let decision = decision(&BEN, crossing.id);
            set(&mut proposals.store.lock().unwrap(), id, State::Approving, Some(decision)).unwrap();
            if sealed {
                place.data.carry_out(crossing).unwrap();
            }
        };
        approving(1, false);
        approving(2, true);
        approving(3, true);
        let nine = lines_of(&proposals.one(3).unwrap(), "ben").unwrap();
        place.edit(&with_lines("version = 1\n", &nine));
        // Another process comes next.
        let proposals = place.proposals();
        proposals.end_left(&place.data).unwrap();
        let states = [1, 2, 3].map(|id| state(&proposals, id));
        assert_eq!(states, [State::Open, State::Approved, State::Approved]);
        let file = place.file();
        assert_eq!([1, 2, 3].map(|id| file.matches(&format!("# proposal {id},")).count()), [0, 1, 1]);
        proposals.end_left(&place.data).unwrap();
        assert_eq!(place.file(), file);
    }

    #[test]
    fn two_processes_that_decide_at_once_lose_and_double_nothing() {
        let place = Place::new();
        for number in 0..6 {
            place.proposals().propose("ana", &entry(&format!("bay number {number}")), "one bed").unwrap();
        }
        let done = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let proposals = place.proposals();
                        (1..=6).filter(|id| proposals.approve(*id, &BEN, &place.data).is_ok()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(done, 6);
        let read = Knowledge::read(&place.file(), "", SystemClock.now(), &Limits::default()).unwrap();
        assert_eq!((read.size(), place.file().matches("[[deny]]").count()), ((6, 0), 6));
    }

    #[test]
    fn the_same_entry_waits_once() {
        let place = Place::new();
        let proposals = place.proposals();
        proposals.propose("ana", &entry("bay seven"), "one bed").unwrap();
        let again = proposals.propose("cy", &entry("bay seven"), "one bed").err().unwrap();
        assert!(again.to_string().contains("proposal 1 says the same"), "{again}");
        proposals.reject(1, &BEN, &place.data).unwrap();
        let (second, _) = proposals.propose("cy", &entry("bay seven"), "one bed").unwrap();
        assert_eq!((second.id, state(&proposals, 1)), (2, State::Rejected));
    }
}
