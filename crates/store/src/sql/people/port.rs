//! The port over a store that hands out transactions: which of them reads, which one writes.

/// Implements `PeopleStore` for a store that is a `Door`.
macro_rules! people_store {
    ($store:ty) => {
        const _: () = {
            use achub_core::{
                ConnectionName, Error, JobName, RunId,
                condition::Condition,
                failpoint,
                person::{Company, CompanyId, CustomField, List, Person, PersonId, Tag},
                port::{
                    incoming::{Catalogue, ShownCompany},
                    people::{
                        Adopted, Author, ChangeBatch, Found, HistoryLine, ImportEnd, ImportProgress,
                        Lookup, OutboxRow, PageMark, PeopleQuery, PeopleStore, RefusedPerson,
                        Suppression, Undone,
                    },
                },
            };

            use $crate::sql::{people as sql, session::Door};

            /// Does something within a transaction that only reads.
            macro_rules! reads {
                ($door:ident, $attempt:literal, $session:ident => $work:expr) => {{
                    let mut opened = sql::read($door, $attempt).await?;
                    let $session = opened.as_mut();
                    $work.await.map_err(|fault| $door.told($attempt, fault))
                }};
            }

            /// Does something within a transaction that is committed if nothing fails.
            macro_rules! writes {
                ($door:ident, $attempt:literal, $session:ident => $work:expr) => {{
                    let mut opened = sql::write($door, $attempt).await?;
                    let $session = opened.as_mut();
                    let done = $work.await.map_err(|fault| $door.told($attempt, fault))?;
                    opened.commit().await.map_err(|fault| $door.told($attempt, fault))?;
                    Ok(done)
                }};
            }

            #[async_trait::async_trait]
            impl PeopleStore for $store {
                async fn adopt(
                    &self,
                    connection: &ConnectionName,
                    catalogue: &Catalogue,
                    _author: &Author,
                ) -> Result<Adopted, Error> {
                    writes!(self, "adopt lists and fields", session =>
                        sql::catalogue::adopt(session, connection, catalogue))
                }

                async fn would_adopt(
                    &self,
                    connection: &ConnectionName,
                    catalogue: &Catalogue,
                ) -> Result<Adopted, Error> {
                    reads!(self, "read lists and fields", session =>
                        sql::catalogue::would_adopt(session, connection, catalogue))
                }

                async fn tag(&self, name: &str) -> Result<Tag, Error> {
                    writes!(self, "make a tag", session => sql::catalogue::tag(session, name))
                }

                async fn companies(
                    &self,
                    connection: &ConnectionName,
                    shown: &[ShownCompany],
                ) -> Result<Vec<CompanyId>, Error> {
                    if shown.is_empty() {
                        return Ok(Vec::new());
                    }
                    writes!(self, "store companies", session =>
                        sql::company::settle(session, connection, shown))
                }

                async fn find(&self, lookups: &[Lookup]) -> Result<Vec<Found>, Error> {
                    reads!(self, "find people", session => sql::load::find(session, lookups))
                }

                async fn apply(&self, batch: &ChangeBatch) -> Result<Vec<PersonId>, Error> {
                    let done: Result<Vec<PersonId>, Error> = writes!(self, "change people", session =>
                        sql::apply::apply(session, batch));
                    if done.is_ok() {
                        failpoint::pass("import-between-batches");
                    }
                    done
                }

                async fn import_progress(&self, job: &JobName) -> Result<ImportProgress, Error> {
                    reads!(self, "read where an import stands", session =>
                        sql::import::progress(session, job))
                }

                async fn end_import(&self, end: &ImportEnd) -> Result<(), Error> {
                    writes!(self, "end an import", session => sql::import::end(session, end))
                }

                async fn forget_import(&self, job: &JobName) -> Result<(), Error> {
                    writes!(self, "forget an import", session => sql::import::forget(session, job))
                }

                async fn refused(
                    &self,
                    run: &RunId,
                    skip: u64,
                    limit: u32,
                ) -> Result<(Vec<RefusedPerson>, u64), Error> {
                    reads!(self, "read who was refused", session =>
                        sql::import::refused(session, run, skip, limit))
                }

                async fn undo(&self, run: &RunId, author: &Author) -> Result<Undone, Error> {
                    loop {
                        let portion: Result<(Undone, bool), Error> =
                            writes!(self, "take a run back", session =>
                                sql::undo::portion(session, run, author));
                        if let (undone, true) = portion? {
                            return Ok(undone);
                        }
                    }
                }

                async fn person(&self, id: PersonId) -> Result<Option<Person>, Error> {
                    let people: Result<Vec<Person>, Error> = reads!(self, "read a person", session =>
                        sql::load::people(session, &[id]));
                    Ok(people?.pop())
                }

                async fn people(
                    &self,
                    query: &PeopleQuery,
                ) -> Result<(Vec<Person>, Option<PageMark>), Error> {
                    reads!(self, "list people", session => sql::page::people(session, query))
                }

                async fn count(&self, condition: &Condition) -> Result<u64, Error> {
                    reads!(self, "count people", session => sql::page::count(session, condition))
                }

                async fn history(&self, id: PersonId, limit: u32) -> Result<Vec<HistoryLine>, Error> {
                    reads!(self, "read a history", session => sql::history::history(session, id, limit))
                }

                async fn lists(&self) -> Result<Vec<List>, Error> {
                    reads!(self, "read the lists", session => sql::catalogue::lists(session))
                }

                async fn tags(&self) -> Result<Vec<Tag>, Error> {
                    reads!(self, "read the tags", session => sql::catalogue::tags(session))
                }

                async fn fields(&self) -> Result<Vec<CustomField>, Error> {
                    reads!(self, "read the fields", session => sql::catalogue::fields(session))
                }

                async fn companies_of(&self, ids: &[CompanyId]) -> Result<Vec<Company>, Error> {
                    reads!(self, "read companies", session => sql::company::of(session, ids))
                }

                async fn outbox(&self, number: i64, limit: u32) -> Result<Vec<OutboxRow>, Error> {
                    reads!(self, "read the outbox", session =>
                        sql::history::outbox(session, number, limit))
                }

                async fn suppress(
                    &self,
                    suppression: &Suppression,
                    _author: &Author,
                ) -> Result<(), Error> {
                    writes!(self, "suppress an address", session =>
                        sql::suppression::suppress(session, suppression))
                }

                async fn suppressed(
                    &self,
                    hashes: &[Vec<String>],
                ) -> Result<Vec<Option<Suppression>>, Error> {
                    reads!(self, "look for suppressed addresses", session =>
                        sql::suppression::suppressed(session, hashes))
                }

                async fn suppressions(&self, limit: u32) -> Result<Vec<Suppression>, Error> {
                    reads!(self, "read suppressions", session =>
                        sql::suppression::newest(session, limit))
                }

                async fn forget(
                    &self,
                    id: PersonId,
                    suppression: &Suppression,
                    author: &Author,
                ) -> Result<(), Error> {
                    let done: Result<(), Error> = writes!(self, "forget a person", session =>
                        sql::suppression::forget(session, id, suppression, author));
                    done?;
                    self.scrub().await.map_err(|fault| self.told("overwrite what was forgotten", fault))
                }
            }
        };
    };
}

pub(crate) use people_store;
