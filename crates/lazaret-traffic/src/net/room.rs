//! Room on the disk that files come to: a reserve of it is left free, since a full disk stops the ledger, too.

use std::path::PathBuf;

use lazaret_input::free_room;

use crate::net::trouble::Trouble;

/// Bytes after which the room is looked at again while a file comes.
const LOOK_AGAIN: u64 = 64 << 20;

/// The disk of a folder, and how much of it stays free.
#[derive(Debug, Clone)]
pub struct Room {
    /// Where files come to.
    pub folder: PathBuf,
    /// Bytes that stay free.
    pub reserve: u64,
}

impl Room {
    /// Whether a file that is so long, or is longer by so much, leaves the reserve free.
    pub fn check(&self, len: u64) -> Result<(), Trouble> {
        let free = free_room(&self.folder).map_err(Trouble::here("tell how full its disk is"))?;
        if free >= self.reserve.saturating_add(len) {
            return Ok(());
        }
        Err(Trouble::Full { free, len, reserve: self.reserve })
    }

    /// The same of a file as it comes: `len` bytes of it are here, the last of them `new`. Not looked at each time.
    pub fn check_as_it_comes(&self, len: u64, new: u64) -> Result<(), Trouble> {
        let turns = |len: u64| len.checked_div(LOOK_AGAIN);
        if turns(len) == turns(len.saturating_sub(new)) { Ok(()) } else { self.check(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_leaves_too_little_is_refused_before_and_while_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let room = |reserve| Room { folder: folder.path().to_owned(), reserve };
        assert!(room(0).check(1).is_ok());
        let told = room(0).check(1 << 62).unwrap_err();
        assert_eq!(told.status().as_u16(), 507);
        assert!(told.line().contains("`gates.models.reserve`"), "{}", told.line());
        let full = room(1 << 62);
        assert!(full.check(0).is_err() && full.check_as_it_comes(10, 10).is_ok());
        assert!(full.check_as_it_comes(LOOK_AGAIN + 5, 10).is_err());
        assert!(room(0).check_as_it_comes(LOOK_AGAIN + 5, 10).is_ok());
    }
}
