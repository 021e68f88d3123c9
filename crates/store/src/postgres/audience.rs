//! Audiences.

use achub_core::{
    AudienceName, Error,
    person::PersonId,
    port::audiences::{Audience, AudienceKind, AudienceQuery, AudienceStore},
};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::PgConnection;

use super::{PostgresStore, text};
use crate::{
    audience::{Columns, audience, check_static, gone, key, selected, stored_count, unknown},
    stored::nanoseconds,
};

/// People of a static audience that was filled are counted as they are now: who was forgotten has left.
const AUDIENCES: &str = "
    SELECT name, kind, source, definition, status,
           CASE WHEN kind = 'static' AND member_count IS NOT NULL
                THEN (SELECT count(*) FROM audience_member WHERE audience = name_key)
                ELSE member_count END,
           created_ns, updated_ns
      FROM audience WHERE $1::text IS NULL OR name_key = $1";

const PUT: &str = "
    INSERT INTO audience (name_key, name, kind, source, definition, status, member_count, created_ns, updated_ns)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (name_key) DO UPDATE
       SET name = excluded.name, kind = excluded.kind, source = excluded.source, definition = excluded.definition,
           status = excluded.status, created_ns = excluded.created_ns, updated_ns = excluded.updated_ns,
           member_count = CASE WHEN excluded.kind = 'static' AND EXISTS
                                    (SELECT 1 FROM audience_member WHERE audience = excluded.name_key)
                               THEN coalesce(audience.member_count, 0)
                               ELSE excluded.member_count END";

const KIND: &str = "SELECT kind FROM audience WHERE name_key = $1";

/// Editors of one audience come one after the other: each will write its row.
const KIND_TO_EDIT: &str = "SELECT kind FROM audience WHERE name_key = $1 FOR UPDATE";

const EMPTY: &str = "DELETE FROM audience_member WHERE audience = $1";

const ADD: &str = "
    INSERT INTO audience_member (audience, person)
    SELECT $1, unnest($2::bigint[]) ON CONFLICT DO NOTHING";

const TAKE_OUT: &str = "
    DELETE FROM audience_member WHERE audience = $1 AND person = ANY ($2::bigint[])";

const TOUCH: &str =
    "UPDATE audience SET member_count = coalesce(member_count, 0), updated_ns = $2 WHERE name_key = $1";

const MEMBERS: &str = "
    SELECT person FROM audience_member WHERE audience = $1 AND person > $2 ORDER BY person LIMIT $3";

#[async_trait]
impl AudienceStore for PostgresStore {
    async fn put_audience(&self, audience: &Audience) -> Result<(), Error> {
        let failed = |cause| self.broken("keep an audience", cause);
        let key = stored_key(&audience.name);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        sqlx::query(PUT)
            .bind(&*key)
            .bind(text::stored(audience.name.as_str()))
            .bind(audience.kind.word())
            .bind(audience.definition.source().word())
            .bind(text::stored(audience.definition.text()))
            .bind(audience.status.word())
            .bind(stored_count(audience.member_count))
            .bind(nanoseconds(audience.created_at)?)
            .bind(nanoseconds(audience.updated_at)?)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        // The row of the audience comes first, as it does for whoever edits: in one order nobody waits in a circle.
        if audience.kind == AudienceKind::Dynamic {
            sqlx::query(EMPTY).bind(&*key).execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn audience(&self, name: &AudienceName) -> Result<Option<Audience>, Error> {
        Ok(self.read_audiences(Some(stored_key(name))).await?.pop())
    }

    async fn audiences(&self, query: &AudienceQuery) -> Result<Vec<Audience>, Error> {
        Ok(selected(self.read_audiences(None).await?, query))
    }

    async fn remove_audience(&self, name: &AudienceName) -> Result<bool, Error> {
        let done = sqlx::query("DELETE FROM audience WHERE name_key = $1")
            .bind(stored_key(name))
            .execute(&self.pool)
            .await
            .map_err(|cause| self.broken("remove an audience", cause))?;
        Ok(done.rows_affected() > 0)
    }

    async fn add_members(
        &self,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error> {
        self.edit(ADD, name, people, at).await
    }

    async fn remove_members(
        &self,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error> {
        self.edit(TAKE_OUT, name, people, at).await
    }

    async fn members(
        &self,
        name: &AudienceName,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, Error> {
        let failed = |cause| self.broken("read an audience", cause);
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        self.check_static(&mut connection, KIND, name).await?;
        let people: Vec<i64> = sqlx::query_scalar(MEMBERS)
            .bind(stored_key(name))
            .bind(after.map_or(i64::MIN, |after| after.0))
            .bind(i64::from(limit))
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        Ok(people.into_iter().map(PersonId).collect())
    }
}

impl PostgresStore {
    async fn read_audiences(&self, key: Option<String>) -> Result<Vec<Audience>, Error> {
        let rows: Vec<Columns> = sqlx::query_as(AUDIENCES)
            .bind(key)
            .fetch_all(&self.pool)
            .await
            .map_err(|cause| self.broken("read audiences", cause))?;
        rows.into_iter().map(|row| audience(read(row)).map_err(|cause| self.unreadable(cause))).collect()
    }

    async fn check_static(
        &self,
        connection: &mut PgConnection,
        kind: &'static str,
        name: &AudienceName,
    ) -> Result<(), Error> {
        let kind: Option<String> = sqlx::query_scalar(kind)
            .bind(stored_key(name))
            .fetch_optional(connection)
            .await
            .map_err(|cause| self.broken("read an audience", cause))?;
        let kind = kind.ok_or_else(|| unknown(name))?;
        check_static(name, AudienceKind::find(&kind).unwrap_or(AudienceKind::Dynamic))
    }

    async fn edit(
        &self,
        change: &'static str,
        name: &AudienceName,
        people: &[PersonId],
        at: Timestamp,
    ) -> Result<u64, Error> {
        let failed = |cause| self.broken("change the people of an audience", cause);
        let numbers: Vec<i64> = people.iter().map(|person| person.0).collect();
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        self.check_static(&mut transaction, KIND_TO_EDIT, name).await?;
        let changed = sqlx::query(change)
            .bind(stored_key(name))
            .bind(&numbers)
            .execute(&mut *transaction)
            .await
            .map_err(|cause| if is_foreign_key(&cause) { gone() } else { failed(cause) })?;
        sqlx::query(TOUCH)
            .bind(stored_key(name))
            .bind(nanoseconds(at)?)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(changed.rows_affected())
    }
}

/// What an audience is found by, as it is stored.
fn stored_key(name: &AudienceName) -> String {
    text::stored(&key(name)).into_owned()
}

/// A row with its texts as they were.
fn read((name, kind, source, definition, status, count, created, updated): Columns) -> Columns {
    (text::read(name), kind, source, text::read(definition), status, count, created, updated)
}

fn is_foreign_key(cause: &sqlx::Error) -> bool {
    cause.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
}
