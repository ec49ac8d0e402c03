//! What a disk holds after a power cut: a folder and the journal of the shim in, the folder as it would be found
//! out. Names are kept by a sync of their folder, contents by a sync of their file.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a journal that makes no sense is a failed test")]

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use super::Dice;

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsynced {
    /// It is there: the process was killed, and the machine runs on.
    Kept,
    /// It is gone, and a new name with it until its folder was synced: the least that POSIX promises.
    Gone,
    /// It is gone; but a sync of anything keeps all names so far, as on file systems with one journal.
    GoneNamesJournalled,
    /// Any of it may have reached the disk, in any order: each write by the toss of a coin.
    AnyOfIt,
}

type Name = (usize, OsString);

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

enum NameChange {
    Made { name: Name, node: usize },
    Removed { name: Name },
    Renamed { from: Name, to: Name, node: usize },
}

#[derive(Default)]
struct Node {
    folder: bool,
    safe: Vec<u8>,
    since: Vec<Change>,
}

/// The folder: what programs see, what is safe, what is in between.
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    inodes: HashMap<u64, usize>,
    seen: BTreeMap<Name, usize>,
    safe: BTreeMap<Name, usize>,
    since: Vec<NameChange>,
    unsynced: Unsynced,
}

impl Disk {
    /// A folder as it is, all of it safe.
    pub(super) fn load(root: &Path, unsynced: Unsynced) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            nodes: Vec::new(),
            inodes: HashMap::new(),
            seen: BTreeMap::new(),
            safe: BTreeMap::new(),
            since: Vec::new(),
            unsynced,
        };
        disk.load_node(root);
        disk.safe = disk.seen.clone();
        disk
    }

    fn load_node(&mut self, path: &Path) -> usize {
        let about = std::fs::metadata(path).unwrap();
        let node = self.node(about.ino(), about.is_dir());
        if about.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let inside = self.load_node(&entry.path());
                self.seen.insert((node, entry.file_name()), inside);
            }
        } else {
            self.nodes[node].safe = std::fs::read(path).unwrap();
        }
        node
    }

    fn node(&mut self, inode: u64, folder: bool) -> usize {
        self.nodes.push(Node { folder, ..Node::default() });
        self.inodes.insert(inode, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// The place of a path: its folder and its name there.
    fn name(&self, path: Vec<u8>) -> Name {
        let path = PathBuf::from(OsString::from_vec(path));
        let path = path.strip_prefix(&self.root).unwrap();
        let names: Vec<_> = path.components().filter(|part| *part != Component::CurDir).collect();
        let (last, folders) = names.split_last().unwrap();
        let folder = folders.iter().fold(0, |folder, part| self.seen[&(folder, part.as_os_str().to_owned())]);
        (folder, last.as_os_str().to_owned())
    }

    /// Goes through a journal; gives how many changes and syncs it holds. A record cut short ends it.
    pub(super) fn replay(&mut self, mut journal: &[u8]) -> u64 {
        let mut count = 0;
        while let Some((head, rest)) = journal.split_first_chunk::<25>() {
            let long = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
            let short = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap()) as usize;
            let (a, b) = (short(17), short(21));
            if rest.len() < a + b {
                break;
            }
            let (first, second) = (rest[..a].to_vec(), rest[a..a + b].to_vec());
            journal = &rest[a + b..];
            self.change(head[0], long(1), usize::try_from(long(9)).unwrap(), first, second);
            count += 1;
        }
        count
    }

    fn change(&mut self, kind: u8, inode: u64, number: usize, a: Vec<u8>, b: Vec<u8>) {
        match kind {
            b'C' | b'D' => {
                let name = self.name(a);
                let node = self.node(inode, kind == b'D');
                self.seen.insert(name.clone(), node);
                self.since.push(NameChange::Made { name, node });
            }
            b'W' => self.nodes[self.inodes[&inode]].since.push(Change::Write { at: number, bytes: a }),
            b'T' => self.nodes[self.inodes[&inode]].since.push(Change::Length(number)),
            b'S' => self.sync(self.inodes[&inode]),
            b'R' => {
                let (from, to) = (self.name(a), self.name(b));
                let node = self.seen.remove(&from).unwrap();
                self.seen.insert(to.clone(), node);
                self.since.push(NameChange::Renamed { from, to, node });
            }
            b'U' => {
                let name = self.name(a);
                self.seen.remove(&name).unwrap();
                self.since.push(NameChange::Removed { name });
            }
            other => panic!("no kind of record: {other}"),
        }
    }

    fn sync(&mut self, node: usize) {
        let journalled = self.unsynced == Unsynced::GoneNamesJournalled;
        if self.nodes[node].folder || journalled {
            let mut waiting: Vec<NameChange> = Vec::new();
            for change in std::mem::take(&mut self.since) {
                if !journalled && !change.touches(node) {
                    waiting.push(change);
                    continue;
                }
                if let NameChange::Renamed { node, .. } = change {
                    // Its first name, if that was not safe yet, never will be.
                    waiting.retain(
                        |before| !matches!(before, NameChange::Made { node: made, .. } if *made == node),
                    );
                }
                change.apply(&mut self.safe);
            }
            self.since = waiting;
        }
        let Node { safe, since, .. } = &mut self.nodes[node];
        since.drain(..).for_each(|change| change.apply(safe));
    }

    /// The power is cut: the folder becomes what is safe.
    pub(super) fn cut(mut self, dice: &mut Dice) {
        if self.unsynced == Unsynced::Kept {
            return;
        }
        if self.unsynced == Unsynced::AnyOfIt {
            for node in &mut self.nodes {
                let kept = std::mem::take(&mut node.since).into_iter().filter(|_| dice.below(2) == 0);
                kept.for_each(|change| change.apply(&mut node.safe));
            }
            // Names reach a disk in their order; how many, nobody knows.
            let reached = usize::try_from(dice.below(self.since.len() as u64 + 1)).unwrap();
            self.since.drain(..reached).for_each(|change| change.apply(&mut self.safe));
        }
        for entry in std::fs::read_dir(&self.root).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        }
        self.write(0, &self.root);
    }

    fn write(&self, folder: usize, path: &Path) {
        let inside = self.safe.range((folder, OsString::new())..).take_while(|((of, _), _)| *of == folder);
        for ((_, name), node) in inside {
            let path = path.join(name);
            let Node { folder, safe, .. } = &self.nodes[*node];
            if *folder {
                std::fs::create_dir(&path).unwrap();
                self.write(*node, &path);
            } else if !name.to_string_lossy().ends_with("-shm") {
                std::fs::write(&path, safe).unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }
}

impl Change {
    fn apply(self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[at..end].copy_from_slice(&bytes);
            }
            Self::Length(length) => content.resize(length, 0),
        }
    }
}

impl NameChange {
    fn touches(&self, folder: usize) -> bool {
        match self {
            Self::Made { name, .. } | Self::Removed { name } => name.0 == folder,
            Self::Renamed { from, to, .. } => from.0 == folder || to.0 == folder,
        }
    }

    fn apply(self, names: &mut BTreeMap<Name, usize>) {
        match self {
            Self::Made { name, node } => {
                names.insert(name, node);
            }
            Self::Removed { name } => {
                names.remove(&name);
            }
            Self::Renamed { from, to, node } => {
                if names.get(&from) == Some(&node) {
                    names.remove(&from);
                }
                names.insert(to, node);
            }
        }
    }
}
