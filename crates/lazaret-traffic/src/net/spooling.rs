//! Bytes that arrive, into a spool: written by a thread that may wait, while more arrive.

use std::io::Write as _;

use axum::body::Bytes;
use lazaret_core::Stored;
use lazaret_input::Spool;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::net::trouble::Trouble;

/// Blocks that wait to be written.
const WAITING: usize = 8;

/// A spool that is being written.
pub struct Spooling {
    send: mpsc::Sender<Bytes>,
    writer: JoinHandle<std::io::Result<Spool>>,
}

impl Spooling {
    /// Begins to write.
    pub fn into(spool: Spool) -> Self {
        let (send, mut received) = mpsc::channel::<Bytes>(WAITING);
        let writer = tokio::task::spawn_blocking(move || {
            let mut spool = spool;
            while let Some(bytes) = received.blocking_recv() {
                spool.write_all(&bytes)?;
            }
            Ok(spool)
        });
        Self { send, writer }
    }

    /// Writes more. An error means that nobody takes it: the writer failed, and [`Spooling::end`] says why.
    pub async fn write(&self, bytes: Bytes) -> Result<(), Trouble> {
        self.send.send(bytes).await.map_err(|_| Trouble::Ended)
    }

    /// Ends the file under its name, if what brought its bytes ended well. The writer's own failure is why nobody takes
    /// what is sent, so it is told first.
    pub async fn end<E: From<Trouble>>(self, name: String, brought: Result<(), E>) -> Result<Stored, E> {
        drop(self.send);
        let written = self.writer.await.map_err(|_| Trouble::Ended)?;
        let spool = written.map_err(Trouble::here("write the file"))?;
        brought?;
        let finished = tokio::task::spawn_blocking(move || spool.finish(&name)).await;
        Ok(finished.map_err(|_| Trouble::Ended)?.map_err(Trouble::here("write the file"))?)
    }
}
