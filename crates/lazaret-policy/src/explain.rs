//! Why a verdict is what it is: which policies permitted or forbade each form, in their writers' words.

use std::fmt;

use lazaret_core::{Decision, PolicyError, Verdict};
use serde::Serialize;

use crate::engine::DEFAULT_DENY;
use crate::{CedarPolicy, Effect, PolicyNote, Question};

/// The policy's answer for one form of crossing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The form asked for.
    pub verdict: Verdict,
    /// Whether it is permitted.
    pub permitted: bool,
    /// The policies that decided this: permits if it is permitted, forbids if it is forbidden, none if no
    /// policy permits it.
    pub policies: Vec<PolicyNote>,
}

/// A decision with all that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What was asked.
    pub question: Question,
    /// The verdict.
    pub verdict: Verdict,
    /// The ids of the policies that decided.
    pub policies: Vec<String>,
    /// The answer for each form, least intrusive first.
    pub answers: Vec<Answer>,
    /// Which policy set was asked.
    pub version: String,
}

impl CedarPolicy {
    /// Explains what these policies decide, and why.
    pub fn explain(&self, question: &Question) -> Result<Explanation, PolicyError> {
        let Decision { verdict, policies } = self.answer(question)?;
        let asking = self.asking(question)?;
        let mut answers = Vec::new();
        for verdict in Verdict::ASKED {
            let ruling = asking.ask(verdict)?;
            let policies =
                ruling.deciding.iter().filter_map(|place| self.notes().get(*place).cloned()).collect();
            answers.push(Answer { verdict, permitted: ruling.permitted, policies });
        }
        Ok(Explanation {
            question: question.clone(),
            verdict,
            policies: policies.to_vec(),
            answers,
            version: lazaret_core::Policy::version(self),
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.verdict, self.policies.join(", "))?;
        for answer in &self.answers {
            // Block needs no permission, so it is worth a line only if a policy names it or nothing else is left.
            if answer.verdict == Verdict::Block
                && self.verdict != Verdict::Block
                && answer.policies.is_empty()
            {
                continue;
            }
            write!(f, "  {}: ", answer.verdict)?;
            match (answer.permitted, answer.policies.is_empty(), answer.verdict) {
                (true, ..) => writeln!(f, "permitted")?,
                (false, false, _) => writeln!(f, "forbidden")?,
                (false, true, Verdict::Block) => writeln!(f, "what remains when nothing else is permitted")?,
                (false, true, _) => writeln!(f, "no policy permits it ({DEFAULT_DENY})")?,
            }
            for note in &answer.policies {
                let by = if note.effect == Effect::Permit { "by" } else { "because of" };
                writeln!(f, "    {by} {} ({}:{}): {}", note.id, note.file, note.line, note.why)?;
            }
        }
        Ok(())
    }
}
