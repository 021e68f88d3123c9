//! One commit of a walk: pages become rows of staging tables, and of tables where they are merged as the walk goes.

use std::collections::BTreeMap;

use achub_core::{
    Code, Error, FieldType, Outcomes, failpoint,
    port::{
        source::{Page, Part},
        target::{Evolution, LoadMode, Written},
    },
};

use crate::{
    landing::{RefusedRow, member},
    sql::{
        Fault, RowSink, Session, Shape,
        absence::{self, Found},
        bisect,
        encode::{self, Encoded, Writer},
        evolution, making,
        merge::Range,
        missing::Sightings,
        plan::actual_type,
        quarantine, staging,
        state::{self, TableProgress},
        walk::{LoadingTable, WalkLoad},
    },
};

/// Parents written by one statement.
const PARENTS_PER_STATEMENT: usize = 1000;

impl<S: Session> WalkLoad<S> {
    /// Refuses to go on after a call that did not come to its end.
    pub(crate) fn enter(&mut self) -> Result<(), Error> {
        if self.is_spoiled {
            return Err(Error::new(Code::Bug, "a load was used again after a call that failed"));
        }
        self.is_spoiled = true;
        Ok(())
    }

    /// The call came to its end and is durable.
    pub(crate) fn leave(&mut self) {
        self.is_spoiled = false;
    }

    /// Writes `pages` inside the transaction of `session`. The caller commits.
    pub(crate) async fn write(&mut self, session: &mut S, pages: &[Page]) -> Result<Written, Fault> {
        let mut written = Written::default();
        let mut put_aside = Vec::new();
        for (table, progress) in self.tables.iter_mut().zip(&mut self.progress.tables) {
            let stream = &progress.stream;
            let parts: Vec<&Part> =
                pages.iter().flat_map(|page| &page.parts).filter(|part| part.stream == *stream).collect();
            if parts.is_empty() {
                continue;
            }
            let writer = Writer { run: &self.spec.run, started_at: self.spec.started_at };
            let rows = table.write(session, progress, &parts, writer, &mut put_aside).await?;
            if table.has_sightings && table.plan.as_you_go() {
                let (place, replication) = (&self.missing, &self.spec.replication);
                Sightings { place, replication, plan: &table.plan }.forget_shown(session).await?;
            }
            if table.plan.as_you_go() {
                session.empty(&table.plan.staging).await?;
            }
            *written.rows.entry(progress.stream.clone()).or_default() += rows;
        }
        quarantine::put(session, &self.quarantine, &self.spec.replication, &self.spec.run, &put_aside)
            .await?;
        written.quarantined = put_aside.into_iter().map(|row| row.about).collect();
        if let Some(last) = pages.last() {
            self.progress.position = Some(last.position.clone());
        }
        state::put_walk(session, &self.state, &self.spec.replication, &self.spec.walk, &self.progress)
            .await?;
        Ok(written)
    }
}

impl<S: Session> LoadingTable<S> {
    /// Writes the parts of one stream, gives the rows that were taken.
    async fn write(
        &mut self,
        session: &mut S,
        progress: &mut TableProgress,
        parts: &[&Part],
        writer: Writer<'_>,
        put_aside: &mut Vec<RefusedRow>,
    ) -> Result<u64, Fault> {
        let scope = encode::scope_column(&self.plan, parts)?;
        self.add_members(session, progress, parts).await?;
        let first = progress.seq + 1;
        let mut encoded =
            encode::encode(&self.plan, &mut self.rows, &self.seen, &mut progress.seq, parts, writer)?;
        failpoint::pass("before-upsert");
        if self.plan.as_you_go() && self.rows.len() > 0 {
            self.make(session).await?;
        }
        let staged = self.ingest(session, parts, writer, first, &mut encoded).await?;
        progress.outcomes.refused += encoded.refused_new;
        put_aside.append(&mut encoded.refused);
        let mut rows = staged;
        if self.plan.as_you_go() {
            let range = Range { first, last: progress.seq };
            let merged = self.merge(session, scope, range, &encoded, writer, put_aside).await?;
            progress.outcomes += merged;
            rows = rows.saturating_sub(merged.refused);
            encoded.key_list.into_iter().for_each(|key| self.seen.insert(key));
        } else {
            progress.staged += staged;
            if let Some(column) = scope {
                progress.scope = Some(self.plan.columns[column].name.clone());
                self.put_parents(session, column, &encoded.scopes).await?;
            }
        }
        Ok(rows)
    }

    /// Sends the encoded rows to the staging table, gives how many it took.
    async fn ingest(
        &mut self,
        session: &mut S,
        parts: &[&Part],
        writer: Writer<'_>,
        first: i64,
        encoded: &mut Encoded,
    ) -> Result<u64, Fault> {
        let count = self.rows.len();
        if count == 0 {
            return Ok(0);
        }
        let columns: Vec<&str> = self.plan.columns.iter().map(|column| column.name.as_str()).collect();
        let refused =
            session.ingest(&self.plan.staging, &columns, self.plan.as_you_go(), &mut self.rows).await?;
        let taken = count - refused.len();
        for (index, fault) in refused {
            let (part, row) = encoded.places[index];
            let view = writer.view(&self.plan, parts[part], row, first + index as i64)?;
            encoded.refused.push(encode::refused_row(&self.plan, &view, fault));
            encoded.refused_new += 1;
        }
        Ok(taken as u64)
    }

    /// Merges the rows of this commit into the table.
    async fn merge(
        &mut self,
        session: &mut S,
        scope: Option<usize>,
        range: Range,
        encoded: &Encoded,
        writer: Writer<'_>,
        put_aside: &mut Vec<RefusedRow>,
    ) -> Result<Outcomes, Fault> {
        if !self.is_made {
            // Not a row has come yet, and the table is not to be made for nothing.
            return Ok(Outcomes::default());
        }
        let has_key = !self.plan.key.is_empty();
        if has_key && encoded.may_repeat {
            session.execute(&staging::drop_earlier_versions(&self.plan), &[]).await?;
        }
        let absent = match scope {
            Some(column) => self.prepare_removal(session, column, encoded).await?,
            None => None,
        };
        let mut gone = Found::default();
        if let Some(column) = absent.filter(|_| !has_key) {
            gone.removed += absence::clear_sets(session, &self.plan, &self.plan.columns[column]).await?;
        }
        let mut outcomes = bisect::move_rows(session, &self.plan, range, put_aside).await?.outcomes;
        if let Some(column) = absent.filter(|_| has_key) {
            let parent = &self.plan.columns[column];
            gone += absence::of_sets(session, &self.plan, parent, writer.started_at).await?;
        }
        outcomes.removed += gone.removed;
        outcomes.held += gone.held;
        if absent.is_some() {
            session.empty(&self.plan.parents).await?;
        }
        Ok(outcomes)
    }

    /// Writes down the parents whose absent children are to be removed, and gives their column; `None` where nothing
    /// can be there to remove: the table began empty, and these parents are met for the first time.
    async fn prepare_removal(
        &mut self,
        session: &mut S,
        column: usize,
        encoded: &Encoded,
    ) -> Result<Option<usize>, Fault> {
        let mut are_new = self.was_empty;
        for &parent in encoded.scopes.iter().flat_map(|(parents, _)| parents) {
            are_new &= !self.parents_seen.contains(parent);
            self.parents_seen.insert(parent);
        }
        if are_new {
            return Ok(None);
        }
        let plan = &self.plan;
        if !self.is_indexed && plan.has_unique_key() {
            session.make_index(&plan.table, &plan.columns[column].name).await?;
            self.is_indexed = true;
        }
        self.put_parents(session, column, &encoded.scopes).await?;
        let outdated = staging::drop_outdated_children(&self.plan, &self.plan.columns[column]);
        session.execute(&outdated, &[]).await?;
        Ok(Some(column))
    }

    async fn put_parents(
        &mut self,
        session: &mut S,
        column: usize,
        scopes: &[(Vec<i64>, i64)],
    ) -> Result<(), Fault> {
        let column = &self.plan.columns[column];
        session.execute(&staging::create_parents::<S>(&self.plan, column), &[]).await?;
        let as_text = column.fit.kind == FieldType::Text;
        let all: Vec<String> = scopes
            .iter()
            .flat_map(|(parents, seq)| parents.iter().map(move |parent| (parent, seq)))
            .map(
                |(parent, seq)| {
                    if as_text { format!("('{parent}', {seq})") } else { format!("({parent}, {seq})") }
                },
            )
            .collect();
        for chunk in all.chunks(PARENTS_PER_STATEMENT) {
            let sql = format!("INSERT INTO {} VALUES {}", self.plan.parents.sql(), chunk.join(", "));
            session.execute(&sql, &[]).await?;
        }
        Ok(())
    }

    /// Makes columns for members that are met for the first time.
    async fn add_members(
        &mut self,
        session: &mut S,
        progress: &mut TableProgress,
        parts: &[&Part],
    ) -> Result<(), Fault> {
        if !self.plan.load.add_columns {
            return Ok(());
        }
        let found = self.new_members(parts, &progress.left_out)?;
        if found.is_empty() {
            return Ok(());
        }
        let shape = match self.plan.load.mode {
            LoadMode::Replace => None,
            _ => session.shape(&self.plan.table).await?,
        };
        for (member, ty) in found {
            let is_there = shape
                .as_ref()
                .is_some_and(|shape| actual_type::<S>(shape, &self.plan.free_name::<S>(&member)).is_some());
            match self.plan.load.evolution {
                // A table that this walk makes gets the columns its records need.
                _ if is_there || !progress.was_there => {}
                Evolution::Keep if shape.is_some() => {
                    progress.left_out.push(member);
                    continue;
                }
                Evolution::Stop if shape.is_some() => {
                    return Err(evolution::refuse_member(&self.plan, &member).into());
                }
                _ => {}
            }
            self.add_member(session, &member, ty, shape.as_ref()).await?;
            progress.members.push((member, ty));
        }
        Ok(())
    }

    /// Makes a column for a member, in the staging table and where rows are merged at once in the table.
    async fn add_member(
        &mut self,
        session: &mut S,
        member: &str,
        ty: FieldType,
        shape: Option<&Shape>,
    ) -> Result<(), Fault> {
        self.plan.add_member::<S>(member, ty, shape);
        let column = self.plan.columns.last().expect("a column was just added");
        let (staging, staged) = (self.plan.staging.sql(), staging::staged_column::<S>(column));
        session.execute(&format!("ALTER TABLE {staging} ADD COLUMN {staged}"), &[]).await?;
        let is_lacking = shape.is_some_and(|shape| actual_type::<S>(shape, &column.name).is_none());
        if self.plan.as_you_go() && is_lacking {
            making::add_column(session, &self.plan, column).await?;
        }
        Ok(())
    }

    fn new_members(
        &self,
        parts: &[&Part],
        left_out: &[String],
    ) -> Result<BTreeMap<String, FieldType>, Error> {
        let mut found = BTreeMap::new();
        for extra in parts.iter().flat_map(|part| part.batch.rows()).filter_map(|(_, extra)| extra) {
            for (name, raw) in member::members(Some(extra))? {
                let is_known =
                    found.contains_key(&name) || self.plan.has_member(&name) || left_out.contains(&name);
                if let Some(ty) = member::column_type(raw).filter(|_| !is_known) {
                    found.insert(name, ty);
                }
            }
        }
        Ok(found)
    }
}
