//! The lakes of a data directory: each has a name of its own, for datasets, keys and bills bear it. Which lake a
//! folder holds is written in the folder; which folders hold lakes is written in `lakes.json`.

use std::path::{Path, PathBuf};

use lazaret_core::Limit;
use lazaret_ingest::lake::{LakeError, LakeIdentity};
use serde::{Deserialize, Serialize};

use crate::exit::{CliError, read_text};

/// The list of lakes, in the data directory.
pub(crate) const LIST: &str = "lakes.json";
/// Its longest.
pub(crate) const MAX_LIST: Limit = Limit::fixed("lake.max_list", 4 << 20);

/// One lake of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    folder: PathBuf,
    #[serde(flatten)]
    lake: LakeIdentity,
}

impl Listed {
    /// Whether it is still where it was.
    fn is_there(&self) -> bool {
        let there = LakeIdentity::read(&self.folder);
        there.is_ok_and(|there| there.is_some_and(|there| there.id == self.lake.id))
    }
}

/// Which lake a folder holds, or will hold. A lake that was taken away is not the one that is made in its place:
/// what crossed to the one crosses to the other again. `filled` says whether anything was ever written to a lake of
/// a name. Nothing is written here.
pub(crate) fn settle(
    data: &Path,
    folder: &Path,
    name: Option<&str>,
    filled: &dyn Fn(&str) -> Result<bool, CliError>,
) -> Result<LakeIdentity, CliError> {
    if let Some(file) = folder.ancestors().find(|above| above.exists() && !above.is_dir()) {
        return Err(CliError::Usage(format!("{} is a file: a lake is a folder", file.display())));
    }
    let failed = |error| failed(folder, error);
    let here = LakeIdentity::read(folder).map_err(failed)?;
    let empty = LakeIdentity::is_empty(folder).map_err(failed)?;
    let by_folder = name_of(folder);
    let named = match (name, &here) {
        (Some(name), _) => name,
        (None, Some(here)) => &here.name,
        (None, None) => &by_folder,
    };
    let bad_name = |error: LakeError| match error {
        LakeError::Name => CliError::Usage(format!("--name: {error}")),
        error => failed(error),
    };
    let fresh = || LakeIdentity::fresh(named).map_err(bad_name);
    let others: Vec<Listed> =
        list(data)?.into_iter().filter(|listed| listed.folder != place(folder)).collect();
    let other = |is: &dyn Fn(&Listed) -> bool| others.iter().find(|listed| is(listed) && listed.is_there());
    let lake = match &here {
        Some(here) if empty && filled(&here.name)? => fresh()?,
        Some(here) => here.called(named).map_err(bad_name)?,
        None if empty => fresh()?,
        // A lake of before lakes had ids. If another was first to be known by its name, a new name makes it its own.
        None if name.is_some() && other(&|listed| listed.lake.id == by_folder).is_some() => fresh()?,
        None => LakeIdentity::by_name(&by_folder, named).map_err(bad_name)?,
    };
    if let Some(copy) = other(&|listed| here.is_some() && listed.lake.id == lake.id) {
        return Err(CliError::Usage(format!(
            "{} is a copy of the lake {}, which is still there: write to that one, or take it away first",
            folder.display(),
            copy.folder.display()
        )));
    }
    if let Some(other) = other(&|listed| listed.lake.name == lake.name) {
        return Err(CliError::Usage(format!(
            "{} cannot be called `{}`: the lake {} is called that, and datasets, keys and bills bear the name; give this one another with `lazaret ingest --name NAME`",
            folder.display(),
            lake.name,
            other.folder.display()
        )));
    }
    Ok(lake)
}

/// Writes down which lake a folder holds, in the folder first.
pub(crate) fn keep(data: &Path, folder: &Path, lake: &LakeIdentity) -> Result<(), CliError> {
    if LakeIdentity::read(folder).map_err(|error| failed(folder, error))?.as_ref() != Some(lake) {
        lake.write(folder).map_err(|error| failed(folder, error))?;
    }
    let place = place(folder);
    let now = Listed { folder: place, lake: lake.clone() };
    let before = list(data)?;
    if before.contains(&now) {
        return Ok(());
    }
    // A lake that was moved is no longer where it was, and one that is gone gives its name away.
    let stays = |listed: &Listed| {
        listed.folder != now.folder && listed.lake.id != lake.id && listed.lake.name != lake.name
    };
    let mut lakes: Vec<Listed> = before.into_iter().filter(stays).collect();
    lakes.push(now);
    lakes.sort_by(|one, two| one.lake.name.cmp(&two.lake.name));
    // Those beside the data directory are named from there, so that a copy of all of it knows its own.
    let beside = beside(data);
    for listed in &mut lakes {
        if let Ok(near) = listed.folder.strip_prefix(&beside) {
            listed.folder = near.to_owned();
        }
    }
    let failed = |error| CliError::failed("the list of lakes", error);
    let text =
        serde_json::to_vec_pretty(&lakes).map_err(|error| CliError::failed("the list of lakes", error))?;
    lazaret_input::write_durably(&data.join(LIST), &text).map_err(failed)
}

fn list(data: &Path) -> Result<Vec<Listed>, CliError> {
    let file = data.join(LIST);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(&file, MAX_LIST)?;
    let mut lakes: Vec<Listed> = serde_json::from_str(&text)
        .map_err(|error| CliError::failed(format!("{} is damaged", file.display()), error))?;
    let beside = beside(data);
    for listed in &mut lakes {
        listed.folder = beside.join(&listed.folder);
    }
    Ok(lakes)
}

/// The folder that the data directory is in.
fn beside(data: &Path) -> PathBuf {
    let data = place(data);
    data.parent().map_or_else(|| data.clone(), Path::to_owned)
}

/// The folder without links and dots, so that one place has one name.
fn place(folder: &Path) -> PathBuf {
    let absolute = || std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder.canonicalize().unwrap_or_else(|_| absolute())
}

/// As its folder is called; where that is no name a dataset may have, `lake`.
fn name_of(folder: &Path) -> String {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if LakeIdentity::by_name(name, name).is_ok() { name.to_owned() } else { "lake".to_owned() }
}

fn failed(folder: &Path, error: LakeError) -> CliError {
    CliError::failed(format!("the lake {}", folder.display()), error)
}
