//! A model that was received: who of those whom the hospital trusts has signed it, and who built it, checked against the bytes
//! that were received.

#[cfg(test)]
mod tests;

use std::io;

use lazaret_core::{DETECTOR_FAILED, Finding, Limit, Limits, Locator, ModelOrigin, Severity, Stored, chain};
use lazaret_input::json;
use memchr::memmem;

use super::SignatureError;
use super::bundle::{Bundle, Material, is_bare};
use super::folder::{Entry, Files, HashError, Job, Kind, LeftOut, Walk};
use super::hash::HashKind;
use super::manifest::Manifest;
use super::provenance::{Builder, Proven};
use super::verify::{Check, How, Signer, Trust, Verification};
use crate::part::{MAX_WHOLE, printed};
use crate::rules;

/// Bytes in which a document begins.
const HEAD: usize = 64;
/// Most signatures and statements of provenance of a model.
pub(crate) const MAX_ATTESTATIONS: Limit = Limit::fixed("signature.max_attestations", 16);
/// What their names end in. No loader reads a file of such a name; one of another name is a file of the model, whatever it holds.
const ENDINGS: [&str; 6] = [".sig", ".sigstore", ".sigstore.json", ".intoto.json", ".intoto.jsonl", ".att"];

/// Whom a hospital trusts to sign models, and to build them.
#[derive(Debug, Default)]
pub struct Signatories {
    /// Who may sign, by the names that the hospital gives them.
    pub signers: Vec<(String, Trust)>,
    /// Who may say how a model was built.
    pub builders: Vec<(String, Builder)>,
}

/// What is proven of a model that was received.
#[derive(Default)]
pub(crate) struct Standing {
    /// Who signed it, if all of its files are as somebody trusted has signed them.
    signer: Option<(String, Signer)>,
    /// Who built it, and the number of the file that proves it.
    built: Option<(usize, Proven)>,
    /// What was found, with the number of the file that it concerns.
    findings: Vec<(usize, Finding)>,
}

/// What a signature came to.
enum Signed<'s> {
    /// It is no signature of a model.
    Nothing,
    /// It is one of other files.
    Other,
    /// Of nobody who is trusted here.
    ByAnother,
    /// Of somebody who is, by the name that the hospital gives them; it may be broken.
    By(&'s str, Box<Verification>),
}

/// A file that is a signature or a statement of provenance, and nothing else.
struct Attestation {
    /// Its number among the files that cross and, after them, those beside them.
    number: usize,
    name: String,
    bytes: Vec<u8>,
}

impl Attestation {
    /// The file whose findings are its own: itself, or where it does not cross the first that does.
    fn file(&self, files: &[Stored]) -> usize {
        if self.number < files.len() { self.number } else { 0 }
    }
}

impl Signatories {
    /// What is proven of a model. Of one that crosses file by file, `beside` are files of it that crossed before: what they
    /// sign and attest is asked for the files that cross, and nothing is said of those that do neither. A check that
    /// fails is a finding of every file: nothing passes by it unseen.
    pub(crate) fn standing(&self, files: &[Stored], beside: &[Stored], limits: &Limits) -> Standing {
        let mut standing = Standing::default();
        if self.signers.is_empty() && self.builders.is_empty() {
            return standing;
        }
        if let Err(error) = self.check(files, beside, limits, &mut standing) {
            let failed = |stored| Finding::new(&DETECTOR_FAILED, place(stored), chain(&error));
            let findings = files.iter().map(failed).enumerate().collect();
            return Standing { findings, ..Standing::default() };
        }
        standing
    }

    fn check(
        &self,
        files: &[Stored],
        beside: &[Stored],
        limits: &Limits,
        standing: &mut Standing,
    ) -> Result<(), SignatureError> {
        let attestations = attestations(files.iter().chain(beside), limits)?;
        let is_part = !beside.is_empty();
        let is_attestation = |number: usize| attestations.iter().any(|one| one.number == number);
        let model = || (0..).zip(files).filter(|(number, _)| !is_attestation(*number)).map(|(_, file)| file);
        // Nothing that they speak of is here: they are on their way before it.
        if model().next().is_none() {
            return Ok(());
        }
        let (mut subject, mut left_out) = (None, Vec::<String>::new());
        let mut why = "the model brings no signature".to_owned();
        for one in &attestations {
            let received = |single| Received { files: model().map(named).collect(), single, is_part };
            let name = one.name.clone();
            let (signatory, verification) = match self.signed(&received, &name, &one.bytes, limits)? {
                Signed::Nothing => continue,
                Signed::Other => {
                    why = format!("`{}` does not name it", printed(&name));
                    continue;
                }
                Signed::ByAnother => {
                    why = format!("`{}` is a signature of nobody who is trusted here", printed(&name));
                    continue;
                }
                Signed::By(signatory, verification) => (signatory, *verification),
            };
            let Verification { verified, signer, subject: signed, findings, .. } = verification;
            let ignored = findings.iter().filter(|finding| finding.id == rules::IGNORED_PATH.rule.id);
            left_out = ignored.map(|finding| finding.at.to_string()).collect();
            standing.take(files, one.file(files), findings);
            if let Some(signer) = signer.filter(|_| verified) {
                standing.signer = Some((signatory.to_owned(), signer));
                subject = signed;
                why = format!("`{}` leaves it out", printed(&name));
                break;
            }
            why = format!("what `{}` signs does not hold", printed(&name));
        }
        for (number, stored) in files.iter().enumerate().filter(|(number, _)| !is_attestation(*number)) {
            let is_signed = standing.signer.is_some() && !left_out.iter().any(|path| is_below(path, stored));
            if !is_signed && !self.signers.is_empty() {
                let message = format!("no signer who is trusted here vouches for it: {why}");
                standing.findings.push((number, Finding::new(&rules::UNSIGNED.rule, place(stored), message)));
            }
        }
        let digests: Vec<_> =
            model().map(|stored| (name_of(stored), stored.file.sha256.0.to_vec())).collect();
        for one in &attestations {
            self.built(files, one, subject.as_deref(), &digests, limits, standing)?;
        }
        Ok(())
    }

    /// Checks a signature by those who may have made it.
    fn signed<'s, 'f>(
        &'s self,
        received: &dyn Fn(bool) -> Received<'f>,
        name: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Signed<'s>, SignatureError> {
        let Ok(bundle) = Bundle::read(bytes, limits) else { return Ok(Signed::Nothing) };
        let Ok(manifest) = Manifest::read(&bundle.payload, limits) else { return Ok(Signed::Nothing) };
        let model = received(manifest.resources.iter().all(|resource| resource.path == "."));
        if !model.is_named(&manifest, name) {
            return Ok(Signed::Other);
        }
        let mut broken = Signed::ByAnother;
        for (signatory, trust) in self.signers.iter().filter(|(_, trust)| may_be_of(&bundle.material, trust))
        {
            let how = How {
                trust: Some(trust),
                own: None,
                ignore_paths: Vec::new(),
                ignore_git_paths: true,
                ignore_unsigned_files: false,
                allow_symlinks: false,
                provenance: None,
            };
            let verification = Check::new(how, &model, printed(name), limits).run(bytes)?;
            if verification.verified {
                return Ok(Signed::By(signatory, Box::new(verification)));
            }
            let is_first = matches!(broken, Signed::ByAnother);
            if is_first && !is_of_another(&verification, &bundle.material) {
                broken = Signed::By(signatory, Box::new(verification));
            }
        }
        Ok(broken)
    }

    /// Checks a statement of provenance by those who may have made it.
    fn built(
        &self,
        files: &[Stored],
        one: &Attestation,
        subject: Option<&str>,
        digests: &[(String, Vec<u8>)],
        limits: &Limits,
        standing: &mut Standing,
    ) -> Result<(), SignatureError> {
        let Ok(bundle) = Bundle::read_or_envelope(&one.bytes, limits) else { return Ok(()) };
        let fits = |trust: &Trust| may_be_of(&bundle.material, trust);
        for (_, builder) in self.builders.iter().filter(|(_, builder)| fits(&builder.trust)) {
            // Somebody else's says nothing of the model, and what is no provenance neither.
            let Ok(attested) = builder.attested(&one.bytes, limits)? else { continue };
            let faults = match attested.of_model(subject, digests) {
                Ok(proven) => {
                    let faults = builder.faults(&proven);
                    if faults.is_empty() {
                        standing.built = standing.built.take().or(Some((one.file(files), proven)));
                        return Ok(());
                    }
                    faults
                }
                Err(fault) => vec![fault],
            };
            let at = |at: &str| [printed(&one.name).as_str(), at].join("!").trim_end_matches('!').to_owned();
            let findings = faults
                .into_iter()
                .map(|fault| Finding::new(&fault.rule.rule, Locator::printed(at(&fault.at)), fault.message));
            standing.take(files, one.file(files), findings.collect());
        }
        Ok(())
    }
}

impl Standing {
    /// Says in a model's origin what is proven of it. What its sender says otherwise is a finding.
    pub(crate) fn prove(&mut self, files: &[Stored], origin: &mut ModelOrigin) {
        origin.signer = self.signer.as_ref().map(|(name, signer)| format!("{name}: {signer}"));
        let Some((number, proven)) = &self.built else { return };
        origin.builder = Some(proven.builder.clone());
        if let (Some(said), Some(commit)) = (&origin.code, &proven.commit)
            && !said.eq_ignore_ascii_case(commit)
        {
            let message =
                format!("its sender says it is from `{}`, its builder from `{commit}`", printed(said));
            let at = files.get(*number).map_or_else(|| Locator::printed(""), place);
            self.findings.push((*number, Finding::new(&rules::PROVENANCE_WRONG_SOURCE.rule, at, message)));
        }
        origin.code = origin.code.take().or_else(|| proven.commit.clone());
        origin.run = origin.run.take().or_else(|| proven.invocation.clone());
    }

    /// What was found of a file.
    pub(crate) fn of_file(&self, number: usize) -> Vec<Finding> {
        let own = self.findings.iter().filter(|(of, _)| *of == number);
        own.map(|(_, finding)| finding.clone()).collect()
    }

    /// Takes findings of a check to the files that they concern; what concerns none that is here stays with the signature.
    fn take(&mut self, files: &[Stored], signature: usize, findings: Vec<Finding>) {
        for finding in findings {
            let at = finding.at.to_string();
            let concerned = files.iter().enumerate().filter_map(|(number, stored)| {
                let name = printed(&name_of(stored));
                let rest = at.strip_prefix(&name)?;
                (rest.is_empty() || rest.starts_with('!')).then_some((number, name.len()))
            });
            let Some((number, _)) = concerned.max_by_key(|(_, len)| *len) else {
                self.findings.push((signature, finding));
                continue;
            };
            // Places begin with a file's own name.
            let folder = files.get(number).map(|stored| printed(&name_of(stored)));
            let folder = folder.and_then(|name| name.rfind('/')).map_or(0, |slash| slash.saturating_add(1));
            let at = Locator::printed(at.get(folder..).unwrap_or_default());
            self.findings.push((number, Finding { at, ..finding }));
        }
    }
}

/// Whether a signature may have been made by someone: it is of that kind, and names that key if it names one.
fn may_be_of(material: &Material, trust: &Trust) -> bool {
    match (material, trust) {
        (Material::Key { hint }, Trust::Key(key)) => hint.as_ref().is_none_or(|hint| *hint == key.hint()),
        (Material::Certificates(_), Trust::Certificates(_)) | (Material::Sigstore(_), Trust::Sigstore(_)) => {
            true
        }
        _ => false,
    }
}

/// Whether a check only told that somebody else has signed.
fn is_of_another(verification: &Verification, material: &Material) -> bool {
    let nameless = matches!(material, Material::Key { hint: None });
    let tells = |finding: &&Finding| finding.severity >= Severity::Medium;
    let mut told = verification.findings.iter().filter(tells).map(|finding| finding.id).peekable();
    let of_another = |id: &str| {
        id == rules::UNTRUSTED_CERTIFICATE.rule.id
            || id == rules::SIGNATURE_WRONG_IDENTITY.rule.id
            || (nameless && id == rules::SIGNATURE_INVALID.rule.id)
    };
    told.peek().is_some() && told.all(of_another)
}

/// The files that are signatures or statements of provenance and nothing else, by their names and by what is in them. Two of the
/// same bytes are checked once.
fn attestations<'s>(
    files: impl Iterator<Item = &'s Stored>,
    limits: &Limits,
) -> Result<Vec<Attestation>, SignatureError> {
    let mut found: Vec<Attestation> = Vec::new();
    for (number, stored) in files.enumerate() {
        let name = name_of(stored);
        if !attests(&name) || limits.get(MAX_WHOLE).check(stored.file.len).is_err() {
            continue;
        }
        let unreadable = |error: lazaret_core::SourceError| SignatureError::Unreadable {
            what: printed(&name_of(stored)),
            cause: error.cause,
        };
        let mut bytes = vec![0; HEAD];
        let read = stored.source.read_at(0, &mut bytes).map_err(unreadable)?;
        let head = bytes.get(..read).unwrap_or_default().trim_ascii_start();
        if !head.starts_with(b"{") {
            continue;
        }
        bytes.resize(usize::try_from(stored.file.len).unwrap_or(usize::MAX), 0);
        let read = stored.source.read_at(0, &mut bytes).map_err(unreadable)?;
        bytes.truncate(read);
        let holds = |word: &str| memmem::find(&bytes, word.as_bytes()).is_some();
        if holds("dsseEnvelope") || holds("payloadType") {
            let parsed = json::parse(&bytes, limits);
            let is_one =
                parsed.faults.is_empty() && parsed.document.is_some_and(|document| is_bare(document.root()));
            if is_one {
                let known = found.iter().any(|one| one.bytes == bytes);
                found.push(Attestation { number, name, bytes: if known { Vec::new() } else { bytes } });
                MAX_ATTESTATIONS.check(found.len() as u64)?;
            }
        }
    }
    Ok(found)
}

/// Whether a file of this name may be a signature or a statement of provenance.
pub(crate) fn attests(name: &str) -> bool {
    of_one_file(name).is_some()
}

/// The file that a signature of this name signs, if it signs one alone.
pub(crate) fn of_one_file(name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| {
        let (rest, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        end.eq_ignore_ascii_case(ending).then_some(rest)
    })
}

fn name_of(stored: &Stored) -> String {
    stored.source.hint().name.unwrap_or_default()
}

fn named(stored: &Stored) -> (String, &Stored) {
    (name_of(stored), stored)
}

/// Whether a file is at a path that was left out, or below it.
fn is_below(path: &str, stored: &Stored) -> bool {
    let name = printed(&name_of(stored));
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A file's place: its own name.
fn place(stored: &Stored) -> Locator {
    let name = name_of(stored);
    Locator::printed(printed(name.rsplit('/').next().unwrap_or_default()))
}

/// The files of a model that was received, but for what signs it.
struct Received<'a> {
    files: Vec<(String, &'a Stored)>,
    /// One file was signed, and no folder.
    single: bool,
    /// They are not all files of the model.
    is_part: bool,
}

impl Received<'_> {
    /// Whether a signature of that name says something of what crosses of the model; of a whole one it always does.
    fn is_named(&self, manifest: &Manifest, signature: &str) -> bool {
        let of_one = of_one_file(signature);
        !self.is_part
            || self.files.iter().any(|(name, _)| {
                let is_among = || manifest.resources.iter().any(|resource| resource.path == *name);
                if self.single { of_one == Some(name) } else { is_among() }
            })
    }

    fn find(&self, name: &str) -> Option<&Stored> {
        match (self.single, self.files.as_slice()) {
            (true, [(_, one)]) if name == "." => Some(one),
            _ => self.files.iter().find(|(known, _)| known == name).map(|(_, stored)| *stored),
        }
    }
}

impl Files for Received<'_> {
    fn is_single(&self) -> bool {
        self.single && self.files.len() == 1
    }

    fn is_part(&self) -> bool {
        self.is_part
    }

    fn name(&self) -> String {
        self.files.first().map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn kind_of(&self, name: &str) -> io::Result<(Kind, u64)> {
        let stored = self.find(name).ok_or(io::ErrorKind::NotFound)?;
        Ok((Kind::File, stored.file.len))
    }

    fn walk(&self, left_out: &LeftOut, _: &Limits) -> Result<Walk, SignatureError> {
        let mut walk = Walk::default();
        for (name, stored) in self.files.iter().filter(|_| !self.is_single()) {
            let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
            let mut above = ends.filter_map(|end| name.get(..end));
            match above.find(|path| left_out.contains(path)) {
                Some(path) => walk.left_out.push(path.to_owned()),
                None => walk.entries.push(Entry {
                    name: Some(name.clone()),
                    shown: printed(name),
                    kind: Kind::File,
                    len: stored.file.len,
                }),
            }
        }
        walk.left_out.sort();
        walk.left_out.dedup();
        Ok(walk)
    }

    fn digest(&self, job: &Job<'_>, hash: HashKind, buffer: &mut [u8]) -> Result<Vec<u8>, HashError> {
        let gone = || HashError::Read(io::ErrorKind::NotFound.into());
        let Stored { source, file } = self.find(job.name).ok_or_else(gone)?;
        // It was told while the file was received.
        if hash == HashKind::Sha256 && job.shard.is_none() {
            return Ok(file.sha256.0.to_vec());
        }
        hash.of_shard(source.as_ref(), file.len, job.shard, buffer)
    }
}
