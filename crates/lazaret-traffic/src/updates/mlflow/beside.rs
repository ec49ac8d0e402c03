//! The files that went to the server beside another: one by one, so that each is judged by itself, although what a file is may
//! only be seen from those beside it (the tensors of an ONNX graph). What went is remembered by its folder, and a file is
//! judged with what is remembered there.

use std::sync::Arc;

use lazaret_core::{Sha256, Stored};

use crate::net::answer::Refusal;
use crate::updates::gate::{Asked, Gate};
use crate::updates::mlflow::server::Asking;
use crate::updates::notes::Notes;
use crate::updates::obtain::{blocking, borrowed, here};

/// Most files of a folder that are remembered; the one that went first is forgotten first.
const MOST_BESIDE: usize = 64;

/// What the files beside one are remembered under.
pub(crate) fn key(asking: &Asking, asked: &Asked) -> Vec<String> {
    ["mlflow-beside", asking.workspace(), &asked.model, folder(&asked.file)].map(str::to_owned).to_vec()
}

/// The folder of a file, in its model.
pub(crate) fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Remembers that a file went to the server.
pub(crate) async fn remember(asking: &Asking, asked: &Asked, sha256: Sha256) -> Result<(), Refusal> {
    let (notes, key, file) = (Arc::clone(&asking.updates.notes), key(asking, asked), asked.file.clone());
    // Of two that add a file, none takes the other's away.
    let turn = asking.updates.naming.lock().await;
    let put = blocking(move || {
        let note = notes.get(&borrowed(&key)).map_err(here("read what it remembers"))?;
        let mut files = parse(note.as_deref().unwrap_or_default());
        files.retain(|(_, name)| *name != file);
        files.push((sha256, file));
        let lines = files.iter().skip(files.len().saturating_sub(MOST_BESIDE));
        let lines: Vec<String> = lines.map(|(sha256, name)| format!("{sha256} {name}")).collect();
        notes.put(&borrowed(&key), &lines.join("\n")).map_err(here("remember"))
    });
    put.await.inspect(|_| drop(turn))?
}

/// The files that are remembered under a key, but for one: those that are cleared and here.
pub(crate) fn files(gate: &Gate, notes: &Notes, key: &[String], but: &str) -> Result<Vec<Stored>, Refusal> {
    let note = notes.get(&borrowed(key)).map_err(here("read what it remembers"))?;
    let mut files = Vec::new();
    for (sha256, name) in parse(note.as_deref().unwrap_or_default()) {
        if name == but {
            continue;
        }
        files.extend(gate.beside(sha256, &name).map_err(|error| error.refusal())?);
    }
    Ok(files)
}

/// The names of the files that are remembered beside one.
pub(crate) async fn names(asking: &Asking, asked: &Asked) -> Result<Vec<String>, Refusal> {
    let note = asking.updates.note(&borrowed(&key(asking, asked))).await?;
    let files = parse(note.as_deref().unwrap_or_default()).into_iter().map(|(_, name)| name);
    Ok(files.filter(|name| *name != asked.file).collect())
}

fn parse(note: &str) -> Vec<(Sha256, String)> {
    let file = |line: &str| {
        let (sha256, name) = line.split_once(' ')?;
        Some((Sha256::parse(sha256)?, name.to_owned())).filter(|(_, name)| !name.is_empty())
    };
    note.lines().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_note_is_files_that_read_the_same_again(note in "([0-9a-f]{64} [a-z ./]{0,6}\n|.{0,9}\n){0,4}") {
            let files = parse(&note);
            let lines: Vec<String> = files.iter().map(|(sha256, name)| format!("{sha256} {name}")).collect();
            prop_assert_eq!(parse(&lines.join("\n")), files);
        }
    }
}
