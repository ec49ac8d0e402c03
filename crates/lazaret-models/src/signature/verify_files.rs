//! The second half of a check: the files of a model against a statement that is signed.

use std::collections::{BTreeMap, BTreeSet};

use lazaret_core::{Severity, hex};
use lazaret_input::OpenError;
use rustc_hash::{FxHashMap, FxHashSet};

use super::SignatureError;
use super::folder::{HashError, Job, Kind, LeftOut, digests};
use super::hash::HashKind;
use super::manifest::{Manifest, Method};
use super::verify::Check;
use crate::part::printed;
use crate::rules;

impl Check<'_> {
    pub(super) fn check_files(&mut self, manifest: &Manifest) -> Result<(), SignatureError> {
        let left_out = self.left_out(manifest);
        // What each signed file is on disk; a file that is not as it should be is found once, not for each shard.
        let mut files: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        let is_here = |path: &str| {
            let missing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
            !self.model.is_part() || !self.model.kind_of(path).is_err_and(missing)
        };
        let here: Vec<_> = manifest.resources.iter().filter(|resource| is_here(&resource.path)).collect();
        for resource in here {
            if !files.contains_key(resource.path.as_str()) {
                let len = self.signed_file(&resource.path)?;
                files.insert(&resource.path, len);
            }
        }
        let resources: Vec<_> = manifest
            .resources
            .iter()
            .filter(|resource| matches!(files.get(resource.path.as_str()), Some(Some(_))))
            .collect();
        let jobs: Vec<Job<'_>> =
            resources.iter().map(|resource| Job { name: &resource.path, shard: resource.shard }).collect();
        let digests = digests(self.model, &jobs, manifest.hash);
        let mut changed: FxHashSet<&str> = FxHashSet::default();
        let mut covered: FxHashMap<&str, u64> = FxHashMap::default();
        for (resource, digest) in resources.iter().zip(digests) {
            if let Some((_, end)) = resource.shard {
                let most = covered.entry(&resource.path).or_default();
                *most = end.max(*most);
            }
            let why = match digest {
                Ok(digest) if digest == resource.digest => continue,
                Ok(digest) => {
                    let hash = manifest.hash.name();
                    format!("its {hash} is {}, signed was {}", hex(&digest), hex(&resource.digest))
                }
                Err(HashError::Shorter) => "it is shorter than the signed shards".to_owned(),
                Err(HashError::Open(OpenError::NotAFile(what))) => format!("it is {what}, not a file"),
                Err(error) => {
                    return Err(SignatureError::Unreadable {
                        what: printed(&resource.path),
                        cause: error.into_io(),
                    });
                }
            };
            if changed.insert(&resource.path) {
                self.find(
                    &rules::DIGEST_MISMATCH,
                    &self.place(&resource.path),
                    format!("the file was changed: {why}"),
                );
            }
        }
        for (path, end) in covered {
            let longer = matches!(files.get(path), Some(Some(len)) if *len > end);
            if longer && changed.insert(path) {
                let message = format!("the file was changed: signed were {end} bytes, and more follow");
                self.find(&rules::DIGEST_MISMATCH, &self.place(path), message);
            }
        }
        let right = files.iter().filter(|(path, len)| len.is_some() && !changed.contains(*path)).count();
        self.files = right as u64;
        self.check_others(manifest, &files, &left_out)
    }

    /// The SHA-256 of every signed file: from the statement where it has them, else of the files, which are as they were signed.
    pub(super) fn sha256_of_files(
        &self,
        manifest: &Manifest,
    ) -> Result<Vec<(String, Vec<u8>)>, SignatureError> {
        if manifest.hash == HashKind::Sha256 && manifest.method == Method::Files {
            let files = manifest.resources.iter();
            return Ok(files.map(|file| (file.path.clone(), file.digest.clone())).collect());
        }
        let names: BTreeSet<&str> =
            manifest.resources.iter().map(|resource| resource.path.as_str()).collect();
        let jobs: Vec<Job<'_>> = names.iter().map(|name| Job { name, shard: None }).collect();
        let mut files = Vec::new();
        for (name, digest) in names.iter().zip(digests(self.model, &jobs, HashKind::Sha256)) {
            let unreadable =
                |error: HashError| SignatureError::Unreadable { what: printed(name), cause: error.into_io() };
            files.push(((*name).to_owned(), digest.map_err(unreadable)?));
        }
        Ok(files)
    }

    /// Paths that are left out: as the signature says, as the caller says, and the signature itself.
    fn left_out(&self, manifest: &Manifest) -> LeftOut {
        let mut left_out = LeftOut::default();
        for path in manifest.ignore_paths.iter().chain(&self.how.ignore_paths).chain(&self.how.own) {
            left_out.add(path);
        }
        if self.how.ignore_git_paths {
            left_out.add_git();
        }
        left_out
    }

    /// The length of a signed file, or a finding that says why it is not there.
    fn signed_file(&mut self, name: &str) -> Result<Option<u64>, SignatureError> {
        let at = self.place(name);
        if self.model.is_single() != (name == ".") {
            let message = "the model given is one file, and a folder was signed: give the folder";
            self.find(&rules::MISSING_FILE, &at, message);
            return Ok(None);
        }
        match self.model.kind_of(name) {
            Ok((Kind::File, len)) => return Ok(Some(len)),
            Ok((Kind::LinkToFile, len)) if self.how.allow_symlinks => return Ok(Some(len)),
            Ok((Kind::LinkToFile, _)) => {
                self.find(
                    &rules::SIGNATURE_SYMLINK,
                    &at,
                    "it is a link: it was not opened (--allow-symlinks follows links to files)",
                );
            }
            Ok((Kind::LinkToFolder, _)) => {
                self.find(&rules::SIGNATURE_SYMLINK, &at, "a folder on its way is a link: it was not opened");
            }
            Ok((Kind::Other, _)) => self.find(&rules::MISSING_FILE, &at, "it is signed and no regular file"),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                self.find(&rules::MISSING_FILE, &at, "it is signed and not there");
            }
            Err(cause) => return Err(SignatureError::Unreadable { what: at, cause }),
        }
        Ok(None)
    }

    /// Files that no signature covers, and paths that are left out.
    fn check_others(
        &mut self,
        manifest: &Manifest,
        signed: &BTreeMap<&str, Option<u64>>,
        left_out: &LeftOut,
    ) -> Result<(), SignatureError> {
        let walk = self.model.walk(left_out, self.limits)?;
        let own = self.how.own.clone();
        for path in walk.left_out.iter().filter(|path| Some(*path) != own.as_ref()) {
            let by = if manifest.ignore_paths.iter().any(|ignored| ignored == path) {
                "the signature"
            } else {
                "the caller"
            };
            self.find(
                &rules::IGNORED_PATH,
                &printed(path),
                format!("left out as {by} says: it was not checked"),
            );
        }
        for entry in walk.entries {
            if entry.name.as_deref().is_some_and(|name| signed.contains_key(name)) {
                continue;
            }
            let (is_shards, is_empty) = (manifest.method != Method::Files, entry.len == 0);
            match entry.kind {
                Kind::LinkToFile if !self.how.allow_symlinks => {
                    self.unsigned(&entry.shown, "it is a link that no signature covers");
                }
                Kind::File | Kind::LinkToFile if is_shards && is_empty => {
                    let message = "an empty file: signatures of shards cover none";
                    self.find_as(Severity::Info, &rules::UNSIGNED_FILE, &entry.shown, message);
                }
                Kind::File | Kind::LinkToFile => self.unsigned(&entry.shown, "no signature covers it"),
                Kind::LinkToFolder => {
                    self.unsigned(
                        &entry.shown,
                        "it is a link to a folder: no signature covers what is in it",
                    );
                }
                Kind::Other => {
                    self.unsigned(&entry.shown, "it is no regular file, and no signature covers it");
                }
            }
        }
        Ok(())
    }

    fn unsigned(&mut self, at: &str, message: &str) {
        let severity =
            if self.how.ignore_unsigned_files { Severity::Info } else { rules::UNSIGNED_FILE.rule.severity };
        self.find_as(severity, &rules::UNSIGNED_FILE, at, message);
    }

    /// A file's place: its path in the model.
    fn place(&self, name: &str) -> String {
        if name == "." { printed(&self.model.name()) } else { printed(name) }
    }
}
