//! Keeping the account between starts: what has changed since the seed, as one JSON file.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Account, table::Change},
    error::Error,
    serve::Shared,
    settings::Settings,
    switches::Switches,
};

/// The file inside the folder of `--data`.
const FILE: &str = "account.json";

/// An account as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    contacts: u64,
    seed: u64,
    gap_every: u64,
    /// The moment the seeded history ends; the wall clock of a later start is another matter.
    anchor: Timestamp,
    revision: u64,
    switches: Switches,
    tables: BTreeMap<String, StoredTable>,
}

/// What has changed in one collection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTable {
    newest: u64,
    gaps: Vec<u64>,
    changes: BTreeMap<u64, Change>,
}

/// The account of `settings`: the stored one where there is one, else a fresh one.
pub(crate) fn load(settings: &Settings) -> Result<Account, Error> {
    let Some(path) = file(settings) else { return Ok(Account::new(settings)) };
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Account::new(settings)),
        Err(source) => return Err(Error::Data { path, source }),
    };
    let stored: Stored =
        serde_json::from_slice(&text).map_err(|source| Error::Stored { path: path.clone(), source })?;
    let gap_every = settings.gap_every.map_or(0, std::num::NonZeroU64::get);
    for (name, stored, asked) in [
        ("contacts", stored.contacts, settings.contacts),
        ("seed", stored.seed, settings.seed),
        ("gap_every", stored.gap_every, gap_every),
    ] {
        if stored != asked {
            return Err(Error::OtherAccount { path, name, stored, asked });
        }
    }
    Ok(restored(settings, stored))
}

fn restored(settings: &Settings, stored: Stored) -> Account {
    let seeded =
        Settings { start: stored.anchor, switches: stored.switches, gap_every: None, ..settings.clone() };
    let mut account = Account::new(&seeded);
    account.clock = crate::clock::Clock::new(settings.start);
    for (envelope, table) in stored.tables {
        account.restore(&envelope, table.newest, &table.gaps, table.changes);
    }
    account.restored(stored.revision);
    account
}

/// Stores the account where the settings name a folder.
///
/// Written beside and renamed: a file that is there is whole.
pub(crate) fn save(shared: &Shared) -> Result<(), Error> {
    let Some(path) = file(&shared.settings) else { return Ok(()) };
    let account = shared.account();
    let text = serde_json::to_vec(&snapshot(&shared.settings, &account))
        .expect("an account holds nothing JSON cannot");
    // Held until the file is in place, or an older state could be written last.
    let written = write(&path, &text);
    drop(account);
    written.map_err(|source| Error::Data { path, source })
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn file(settings: &Settings) -> Option<PathBuf> {
    settings.data.as_ref().map(|folder| folder.join(FILE))
}

fn snapshot(settings: &Settings, account: &Account) -> Stored {
    let changed =
        account.tables().iter().filter(|table| !table.changes.is_empty() || !table.ids.gaps().is_empty());
    let tables = changed.map(|table| {
        let changes = table.changes.iter().map(|(id, change)| (*id, change.clone())).collect();
        (
            table.envelope().to_owned(),
            StoredTable { newest: table.ids.newest(), gaps: table.ids.gaps().to_vec(), changes },
        )
    });
    Stored {
        contacts: settings.contacts,
        seed: settings.seed,
        gap_every: settings.gap_every.map_or(0, std::num::NonZeroU64::get),
        anchor: Timestamp::from_second(account.scope.anchor).expect("the anchor came from a timestamp"),
        revision: account.revision,
        switches: account.switches.clone(),
        tables: tables.collect(),
    }
}
