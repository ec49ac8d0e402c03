//! The files of a model: which there are, which are left out, and their digests. On disk, links are told from files before
//! anything is opened, and links to folders are never followed.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use lazaret_core::{Limit, Limits, Source};
use lazaret_input::{FileSource, OpenError};

use super::SignatureError;
use super::hash::{BLOCK, HashKind};
use super::manifest::leads_out;
use crate::part::printed;

/// Most files and folders of a model that is signed or checked.
pub(crate) const MAX_FILES: Limit = Limit::new("signature.max_files", 1_000_000);

/// How many threads hash.
const THREADS: usize = 2;

/// What git keeps beside the files of a model.
const GIT_PATHS: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// The files of a model, wherever they lie.
pub(super) trait Files: Sync {
    /// Whether the model is one file, and no folder.
    fn is_single(&self) -> bool;

    /// Whether these are some of the model's files: that a signed one is not there is no fault then.
    fn is_part(&self) -> bool {
        false
    }

    /// Its own name.
    fn name(&self) -> String;

    /// What a name of a manifest is. The name was checked before.
    fn kind_of(&self, name: &str) -> io::Result<(Kind, u64)>;

    /// Everything in the folder that is not left out.
    fn walk(&self, left_out: &LeftOut, limits: &Limits) -> Result<Walk, SignatureError>;

    /// The digest of a file, or of a shard of one.
    fn digest(&self, job: &Job<'_>, hash: HashKind, buffer: &mut [u8]) -> Result<Vec<u8>, HashError>;
}

/// A model on disk: a folder, or one file.
pub(super) struct Model<'a> {
    path: &'a Path,
    /// The path without links, for telling what lies in it.
    real: PathBuf,
    single: bool,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    LinkToFile,
    LinkToFolder,
    /// A pipe, a device, a link to nowhere.
    Other,
}

/// An entry of a folder.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path in the model, `/` between; none if it is not UTF-8.
    pub(super) name: Option<String>,
    /// The path as it may be printed.
    pub(super) shown: String,
    pub(super) kind: Kind,
    pub(super) len: u64,
}

/// Paths that are left out, with all that is below them.
#[derive(Debug, Default, Clone)]
pub(super) struct LeftOut {
    paths: BTreeSet<String>,
}

impl LeftOut {
    /// Adds a path of the model; one that is no path within it, or is the model itself, leaves out nothing.
    pub(super) fn add(&mut self, path: &str) {
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
        if !path.starts_with('/') && !steps.is_empty() && !steps.contains(&"..") {
            self.paths.insert(steps.join("/"));
        }
    }

    pub(super) fn add_git(&mut self) {
        for path in GIT_PATHS {
            self.add(path);
        }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.paths.contains(name)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.paths.iter()
    }
}

/// What was found in a folder.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) entries: Vec<Entry>,
    /// Paths that were left out and are there.
    pub(super) left_out: Vec<String>,
}

impl<'a> Model<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, SignatureError> {
        let wrong = |error: io::Error| SignatureError::Model(format!("{}: {error}", path.display()));
        let real = path.canonicalize().map_err(wrong)?;
        let single = !std::fs::metadata(&real).map_err(wrong)?.is_dir();
        Ok(Self { path, real, single })
    }

    /// The path of a file within the model, if it lies there (it need not exist, its folder must).
    pub(super) fn within(&self, file: &Path) -> Option<String> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().ok()?;
        let within = folder.join(file.file_name()?);
        let path = within.strip_prefix(&self.real).ok()?;
        let steps: Option<Vec<&str>> = path.iter().map(|step| step.to_str()).collect();
        steps.filter(|steps| !steps.is_empty()).map(|steps| steps.join("/"))
    }

    /// A path to leave out, as it was given: within the model, or relative to it.
    pub(super) fn left_out(&self, path: &Path) -> Result<String, SignatureError> {
        if let Some(within) = self.within(path) {
            return Ok(within);
        }
        let given = path.to_str().map(|path| path.trim_end_matches('/').trim_start_matches("./"));
        match given {
            Some(given) if leads_out(given).is_none() => Ok(given.to_owned()),
            _ => Err(SignatureError::Usage(format!("{}: no path within the model", path.display()))),
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        if name == "." { self.real.clone() } else { self.real.join(name) }
    }
}

impl Files for Model<'_> {
    fn is_single(&self) -> bool {
        self.single
    }

    /// The last step of its path.
    fn name(&self) -> String {
        let name = self.path.file_name().or_else(|| self.real.file_name());
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn kind_of(&self, name: &str) -> io::Result<(Kind, u64)> {
        if name == "." {
            return kind_of(&self.real);
        }
        let mut place = self.real.clone();
        let mut steps = name.split('/').peekable();
        while let Some(step) = steps.next() {
            place.push(step);
            if steps.peek().is_some() && std::fs::symlink_metadata(&place)?.is_symlink() {
                return Ok((Kind::LinkToFolder, 0));
            }
        }
        kind_of(&place)
    }

    fn walk(&self, left_out: &LeftOut, limits: &Limits) -> Result<Walk, SignatureError> {
        let most = limits.get(MAX_FILES);
        let mut walk = Walk::default();
        let mut count = 0_u64;
        let mut open = if self.single { Vec::new() } else { vec![(self.real.clone(), Some(String::new()))] };
        while let Some((folder, above)) = open.pop() {
            let unreadable =
                |cause: io::Error| SignatureError::Unreadable { what: shown(&self.real, &folder), cause };
            for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                count = count.saturating_add(1);
                most.check(count)?;
                let path = entry.path();
                let step = entry.file_name();
                let name = above.as_deref().zip(step.to_str()).map(|(above, step)| {
                    if above.is_empty() { step.to_owned() } else { format!("{above}/{step}") }
                });
                if let Some(name) = name.as_ref().filter(|name| left_out.contains(name)) {
                    walk.left_out.push(name.clone());
                } else if entry.file_type().map_err(unreadable)?.is_dir() {
                    open.push((path, name));
                } else {
                    let (kind, len) = kind_of(&path).map_err(unreadable)?;
                    walk.entries.push(Entry { name, shown: shown(&self.real, &path), kind, len });
                }
            }
        }
        walk.entries.sort_by(|a, b| a.shown.cmp(&b.shown));
        walk.left_out.sort();
        Ok(walk)
    }

    fn digest(&self, job: &Job<'_>, hash: HashKind, buffer: &mut [u8]) -> Result<Vec<u8>, HashError> {
        let file = FileSource::open(&self.place(job.name)).map_err(HashError::Open)?;
        hash.of_shard(&file, file.len(), job.shard, buffer)
    }
}

/// Digests of files or shards of them, in the order given. Bounded memory: one block a thread.
pub(super) fn digests(
    files: &dyn Files,
    jobs: &[Job<'_>],
    hash: HashKind,
) -> Vec<Result<Vec<u8>, HashError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut buffer = vec![0; BLOCK];
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(number) else { return done };
            done.push((number, files.digest(job, hash, &mut buffer)));
        }
    };
    let mut all: Vec<Option<Result<Vec<u8>, HashError>>> = jobs.iter().map(|_| None).collect();
    let done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    for (number, result) in done {
        if let Some(place) = all.get_mut(number) {
            *place = Some(result);
        }
    }
    all.into_iter().map(|result| result.unwrap_or(Err(HashError::Stopped))).collect()
}

/// A file, or a shard of one, that is hashed.
pub(super) struct Job<'a> {
    pub(super) name: &'a str,
    pub(super) shard: Option<(u64, u64)>,
}

/// Why a file was not hashed.
#[derive(Debug)]
pub(super) enum HashError {
    Open(OpenError),
    Read(io::Error),
    /// It ends before the shard does.
    Shorter,
    /// The thread that hashed it came to an end.
    Stopped,
}

impl HashKind {
    /// The digest of a file of so many bytes, or of a shard of it.
    pub(super) fn of_shard(
        self,
        file: &dyn Source,
        len: u64,
        shard: Option<(u64, u64)>,
        buffer: &mut [u8],
    ) -> Result<Vec<u8>, HashError> {
        let (from, to) = shard.unwrap_or((0, len));
        if to > len {
            return Err(HashError::Shorter);
        }
        self.of(file, from, to, buffer).map_err(|error| HashError::Read(error.cause))
    }
}

impl HashError {
    /// As an error of the system.
    pub(super) fn into_io(self) -> io::Error {
        match self {
            Self::Open(OpenError::System(error)) | Self::Read(error) => error,
            Self::Open(other) => io::Error::other(other),
            Self::Shorter => io::ErrorKind::UnexpectedEof.into(),
            Self::Stopped => io::Error::other("hashing stopped"),
        }
    }
}

fn kind_of(path: &Path) -> io::Result<(Kind, u64)> {
    let own = std::fs::symlink_metadata(path)?;
    if own.is_file() {
        return Ok((Kind::File, own.len()));
    }
    if !own.is_symlink() {
        return Ok((Kind::Other, 0));
    }
    Ok(match std::fs::metadata(path) {
        Ok(target) if target.is_file() => (Kind::LinkToFile, target.len()),
        Ok(target) if target.is_dir() => (Kind::LinkToFolder, 0),
        _ => (Kind::Other, 0),
    })
}

fn shown(model: &Path, path: &Path) -> String {
    let within = path.strip_prefix(model).unwrap_or(path);
    printed(&within.to_string_lossy())
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    use super::super::tests::{ids, keys, model, sign, verify};
    use super::super::{Sign, SignatureError, Trust};
    use super::*;

    #[test]
    fn what_is_left_out_lies_within_and_is_never_the_whole_model() {
        let mut left_out = LeftOut::default();
        for path in [".", "", "./", "/", "/etc", "../x", "a/../..", "a/b/", "./c"] {
            left_out.add(path);
        }
        assert_eq!(left_out.paths().collect::<Vec<_>>(), ["a/b", "c"]);
        let (_work, path) = model();
        let model = Model::open(&path).unwrap();
        assert_eq!(model.left_out(&path.join("sub")).unwrap(), "sub");
        assert_eq!(model.left_out(Path::new("sub/x/")).unwrap(), "sub/x");
        for outside in ["../x", "/etc/hostname", ""] {
            assert!(matches!(model.left_out(Path::new(outside)), Err(SignatureError::Usage(_))), "{outside}");
        }
        let mut few = Limits::default();
        few.set(MAX_FILES.key(), 2);
        assert!(matches!(model.walk(&left_out, &few), Err(SignatureError::Limit(_))));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_only_where_that_is_allowed() {
        let limits = Limits::default();
        let (_work, model) = model();
        let [key, ..] = keys();
        let signature = model.join("../s.sig");
        let trust = || Trust::Key(key.public().clone());
        sign(&model, &signature, &key).unwrap();
        std::fs::remove_file(model.join("weights.bin")).unwrap();
        std::fs::write(model.join("../weights"), b"\0\x01\x02").unwrap();
        symlink("../weights", model.join("weights.bin")).unwrap();
        let checked = verify(&model, &signature, trust()).run(&limits).unwrap();
        assert!(!checked.verified && ids(&checked.findings).contains(&"signature.symlink"), "{checked:?}");
        assert!(sign(&model, &signature, &key).unwrap_err().to_string().contains("link"));
        let mut check = verify(&model, &signature, trust());
        check.allow_symlinks = true;
        assert!(check.run(&limits).unwrap().verified);
        // Nor does the signer decide what is followed here.
        let signing = Sign {
            model: model.clone(),
            signature: signature.clone(),
            key: &key,
            chain: None,
            ignore_paths: Vec::new(),
            ignore_git_paths: true,
            allow_symlinks: true,
        };
        signing.run(&limits).unwrap();
        let checked = verify(&model, &signature, trust()).run(&limits).unwrap();
        assert!(!checked.verified && ids(&checked.findings).contains(&"signature.symlink"), "{checked:?}");
        // A folder that is a link is never entered.
        std::fs::rename(model.join("sub"), model.join("../sub")).unwrap();
        symlink("../sub", model.join("sub")).unwrap();
        let mut check = verify(&model, &signature, trust());
        check.allow_symlinks = true;
        let checked = check.run(&limits).unwrap();
        assert!(!checked.verified && ids(&checked.findings).contains(&"signature.symlink"), "{checked:?}");
    }
}
