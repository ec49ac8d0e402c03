//! The thread that looks after `vault.db` until the vault is gone: it commits a transaction that nobody commits,
//! since another process waits for it, and it copies a long write-ahead log into the file beside the work.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::VaultFailure;
use crate::database::{Database, MOST_AGE, copy_log};

pub(crate) struct Keeper {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(database: &Arc<Mutex<Database>>, file: PathBuf) -> Result<Self, VaultFailure> {
        let database = Arc::downgrade(database);
        let (wake, woken) = sync_channel(1);
        let keep = move || {
            loop {
                match woken.recv_timeout(MOST_AGE / 2) {
                    Ok(()) => copy_log(&file),
                    Err(RecvTimeoutError::Timeout) => {
                        let Some(database) = database.upgrade() else { return };
                        let Ok(mut database) = database.lock() else { return };
                        database.commit_if_old();
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        let thread = std::thread::Builder::new().name("vault-keeper".to_owned()).spawn(keep);
        let thread = thread.map_err(VaultFailure::file("watched"))?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Has the write-ahead log copied soon.
    pub(crate) fn copy_log(&self) {
        if let Some(wake) = &self.wake {
            let _ = wake.try_send(()); // it is about to be done already
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there is of no more consequence
        }
    }
}
