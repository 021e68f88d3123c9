//! The account: its collections, its clock, and every change made to it.

pub(crate) mod extra;
pub(crate) mod ids;
pub(crate) mod table;
pub(crate) mod tally;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use achub_api::{
    stream::{Read, Stream},
    streams,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use table::Change;
pub(crate) use table::{Origin, Table, number};

use crate::{
    chance::Dice,
    clock::{Clock, Zone},
    seed::{Scope, contact_of_email},
    settings::Settings,
    switches::Switches,
};
use tally::Tally;

/// Rows found by looking at all of a collection: what was asked, the revision, the ids.
type Found = (String, u64, Arc<Vec<u64>>);

/// The whole account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) scope: Scope,
    pub(crate) zone: Zone,
    pub(crate) clock: Clock,
    pub(crate) switches: Switches,
    /// One more with every change of any row.
    pub(crate) revision: u64,
    pub(crate) tally: Tally,
    /// Chance for what the account decides by itself, such as `hash` of a new deal.
    pub(crate) dice: Dice,
    /// Rows found by a filter, by what was asked, for the revision they were found in; the newest few.
    pub(crate) found: RefCell<VecDeque<Found>>,
    /// The sums of the last question about deals, with the revision they were summed in.
    pub(crate) sums: RefCell<Option<(String, u64, Value)>>,
    /// When the evaluation of a segment began, by segment and order.
    pub(crate) segments_started: RefCell<HashMap<String, i64>>,
    /// Runs of `segmentMatchAll`: the segment, and how often the run was looked at.
    pub(crate) match_runs: RefCell<HashMap<String, (u64, u32)>>,
    tables: Vec<Table>,
    named: HashMap<&'static str, usize>,
    /// Collections by their address below `/api/3/`.
    addressed: HashMap<&'static str, usize>,
    /// Addresses that a write gave to a contact, in lower case.
    emails: HashMap<String, u64>,
}

impl Account {
    /// The account of `settings` as it is at the start.
    pub(crate) fn new(settings: &Settings) -> Account {
        let mut tables: Vec<Table> = Vec::new();
        for stream in streams::all().chain(extra::EXTRA) {
            // Streams that are views of another collection have no rows of their own.
            if !matches!(stream.read, Read::SegmentMatch { .. }) {
                tables.push(Table::new(stream, settings.contacts));
            }
        }
        let named = tables.iter().enumerate().map(|(at, table)| (table.envelope(), at)).collect();
        let addressed = tables.iter().enumerate().map(|(at, table)| (address(table.stream), at)).collect();
        let scope = Scope { seed: settings.seed, anchor: day(settings.start), contacts: settings.contacts };
        let mut account = Account {
            tally: Tally::default(),
            dice: Dice::new(settings.seed),
            zone: Zone::central(),
            clock: Clock::new(settings.start),
            switches: settings.switches.clone(),
            revision: 0,
            found: RefCell::default(),
            sums: RefCell::default(),
            segments_started: RefCell::default(),
            match_runs: RefCell::default(),
            emails: HashMap::new(),
            scope,
            tables,
            named,
            addressed,
        };
        account.tally = Tally::count(&account);
        if let Some(step) = settings.gap_every {
            let gone: Vec<u64> = (1..=settings.contacts).filter(|id| id.is_multiple_of(step.get())).collect();
            account.delete_contacts(&gone);
            account.revision = 0;
        }
        account
    }

    /// Behaves as `switches` say from now on. What was found under other switches no longer holds.
    pub(crate) fn switch(&mut self, switches: Switches) {
        self.switches = switches;
        self.revision += 1;
    }

    /// The collection whose array has the key `envelope`, if the account has one.
    pub(crate) fn find(&self, envelope: &str) -> Option<&Table> {
        self.named.get(envelope).map(|at| &self.tables[*at])
    }

    /// The collection at an address below `/api/3/`.
    pub(crate) fn at(&self, address: &str) -> Option<&Table> {
        self.addressed.get(address).map(|at| &self.tables[*at])
    }

    /// The collection `envelope`, which the stream table is known to have.
    pub(crate) fn table(&self, envelope: &'static str) -> &Table {
        self.find(envelope).unwrap_or_else(|| panic!("the stream table has no {envelope}"))
    }

    /// All collections in the order of the stream table.
    pub(crate) fn tables(&self) -> &[Table] {
        &self.tables
    }

    pub(crate) fn table_mut(&mut self, envelope: &str) -> &mut Table {
        let at = self.named[envelope];
        &mut self.tables[at]
    }

    /// Whether row `id` of a collection is there.
    pub(crate) fn has(&self, envelope: &'static str, id: u64) -> bool {
        self.table(envelope).ids.contains(id)
    }

    pub(crate) fn value(&self, envelope: &'static str, id: u64, field: &str) -> Value {
        self.table(envelope).value(&self.scope, &self.zone, id, field).unwrap_or(Value::Null)
    }

    pub(crate) fn pointer(&self, envelope: &'static str, id: u64, field: &str) -> u64 {
        self.table(envelope).pointer(&self.scope, id, field)
    }

    /// The living rows of `envelope` whose `field` holds `parent`.
    pub(crate) fn children(&self, envelope: &'static str, field: &'static str, parent: u64) -> Vec<u64> {
        self.table(envelope).children(&self.scope, field, parent)
    }

    /// Sets fields of a living row.
    pub(crate) fn change(&mut self, envelope: &'static str, id: u64, values: Map<String, Value>) {
        if envelope == "contacts" {
            self.remember_email(id, &values);
        }
        self.tally_row(envelope, id, -1);
        self.revision += 1;
        let revision = self.revision;
        self.table_mut(envelope).change(id, revision, values);
        self.tally_row(envelope, id, 1);
    }

    /// Makes a row and returns its id.
    pub(crate) fn create(
        &mut self,
        envelope: &'static str,
        origin: Origin,
        values: Map<String, Value>,
    ) -> u64 {
        self.revision += 1;
        let revision = self.revision;
        let email = values.get("email").and_then(Value::as_str).map(str::to_lowercase);
        let id = self.table_mut(envelope).create(origin, revision, values);
        if let (Some(email), "contacts") = (email, envelope) {
            self.emails.insert(email, id);
        }
        self.tally_row(envelope, id, 1);
        id
    }

    /// Removes rows, and with a contact, tag, list or field everything that hangs off it.
    pub(crate) fn delete(&mut self, envelope: &'static str, gone: &[u64]) {
        match envelope {
            "contacts" => return self.delete_contacts(gone),
            "tags" => self.delete_pointing("contactTags", "tag", gone),
            "lists" => self.delete_pointing("contactLists", "list", gone),
            "fields" => {
                self.delete_pointing("fieldValues", "field", gone);
                self.delete_pointing("fieldOptions", "field", gone);
                self.delete_pointing("fieldRels", "field", gone);
            }
            "accounts" => self.delete_pointing("accountContacts", "account", gone),
            "deals" => {
                for (of, field) in
                    [("contactDeals", "deal"), ("dealCustomFieldData", "dealId"), ("dealActivities", "deal")]
                {
                    let rows: Vec<u64> = gone.iter().flat_map(|id| self.children(of, field, *id)).collect();
                    self.delete_rows(of, &rows);
                }
            }
            "dealGroups" => self.delete_pointing("dealStages", "group", gone),
            _ => {}
        }
        self.delete_rows(envelope, gone);
    }

    /// Removes every row whose `field` points at one of `gone`. Looks at all rows of the collection once.
    fn delete_pointing(&mut self, envelope: &'static str, field: &str, gone: &[u64]) {
        let table = self.table(envelope);
        let rows: Vec<u64> =
            table.ids.iter().filter(|id| gone.contains(&table.pointer(&self.scope, *id, field))).collect();
        self.delete_rows(envelope, &rows);
    }

    fn delete_contacts(&mut self, gone: &[u64]) {
        let owned =
            OWNED.iter().chain(self.switches.contact_delete_takes_deals.then_some(&("deals", "contact")));
        for (envelope, field) in owned {
            let rows: Vec<u64> = gone.iter().flat_map(|id| self.children(envelope, field, *id)).collect();
            self.delete_rows(envelope, &rows);
        }
        self.emails.retain(|_, id| !gone.contains(id));
        self.delete_rows("contacts", gone);
    }

    fn delete_rows(&mut self, envelope: &'static str, gone: &[u64]) {
        if gone.is_empty() {
            return;
        }
        for id in gone {
            if self.has(envelope, *id) {
                self.tally_row(envelope, *id, -1);
            }
        }
        self.revision += 1;
        self.table_mut(envelope).remove(gone);
    }

    fn tally_row(&mut self, envelope: &'static str, id: u64, by: i64) {
        let entry = Tally::entry(self, envelope, id);
        self.tally.add(entry, by);
    }

    /// The contact that has the address, without regard to case.
    pub(crate) fn contact_by_email(&self, email: &str) -> Option<u64> {
        let email = email.trim();
        if let Some(id) = self.emails.get(&email.to_lowercase()) {
            return Some(*id).filter(|id| self.has("contacts", *id));
        }
        let id = contact_of_email(&self.scope, email)?;
        let contacts = self.table("contacts");
        let renamed = contacts.changes.get(&id).is_some_and(|change| change.values.contains_key("email"));
        (contacts.ids.contains(id) && !renamed).then_some(id)
    }

    fn remember_email(&mut self, id: u64, values: &Map<String, Value>) {
        if let Some(email) = values.get("email").and_then(Value::as_str) {
            self.emails.retain(|_, owner| *owner != id);
            self.emails.insert(email.to_lowercase(), id);
        }
    }

    /// Moves `udate` of a contact and its twins to now.
    pub(crate) fn touch_contact(&mut self, id: u64) {
        if self.has("contacts", id) {
            let values = self.changed_now();
            self.change("contacts", id, values);
        }
    }

    /// Puts the stored changes of one collection back in place; collections that no longer exist are passed over.
    pub(crate) fn restore(
        &mut self,
        envelope: &str,
        newest: u64,
        gaps: &[u64],
        changes: BTreeMap<u64, Change>,
    ) {
        let Some(at) = self.named.get(envelope).copied() else { return };
        let table = &mut self.tables[at];
        table.ids.grow_to(newest);
        table.ids.remove(gaps);
        for (id, change) in changes {
            let email = change.values.get("email").and_then(Value::as_str).map(str::to_lowercase);
            table.restore(id, change);
            if let Some(email) = email.filter(|_| envelope == "contacts") {
                self.emails.insert(email, id);
            }
        }
    }

    /// Ends restoring: counts anew and goes on at `revision`.
    pub(crate) fn restored(&mut self, revision: u64) {
        self.tally = Tally::count(self);
        self.revision = revision;
    }

    /// `udate` and its twins at now, as a contact holds them.
    pub(crate) fn changed_now(&self) -> Map<String, Value> {
        let now = self.clock.now();
        let (iso, wall) = (self.zone.iso(now), self.zone.wall(now));
        let Value::Object(values) =
            json!({"udate": iso, "updated_utc_timestamp": wall, "updated_timestamp": wall})
        else {
            unreachable!("the literal is an object")
        };
        values
    }

    /// The account's now, spelled with its offset.
    pub(crate) fn now_iso(&self) -> String {
        self.zone.iso(self.clock.now())
    }

    /// The account's now, spelled without a zone.
    pub(crate) fn now_wall(&self) -> String {
        self.zone.wall(self.clock.now())
    }
}

/// Midnight UTC before `start`: where the seeded history ends, so that starts of one day give the same rows.
fn day(start: Timestamp) -> i64 {
    const DAY_SECONDS: i64 = 86_400;
    start.as_second().div_euclid(DAY_SECONDS) * DAY_SECONDS
}

/// Where a collection is found. Rows that come with another collection have an address of their own for single ones.
fn address(stream: &'static Stream) -> &'static str {
    match stream.read {
        Read::With { .. } => stream.envelope,
        _ => stream.path.split_once("/{id}").map_or(stream.path, |(path, _)| path),
    }
}

/// What vanishes with a contact, with the field that names it.
const OWNED: &[(&str, &str)] = &[
    ("contactTags", "contact"),
    ("contactLists", "contact"),
    ("fieldValues", "contact"),
    ("accountContacts", "contact"),
    ("contactAutomations", "contact"),
    ("contactData", "contact"),
    ("bounceLogs", "contact"),
    ("geoIps", "contact"),
    ("contactGoals", "contact"),
    ("trackingLogs", "contact"),
    ("scoreValues", "contact"),
    ("plusAppend", "contact"),
    ("contactLogs", "contact"),
];
