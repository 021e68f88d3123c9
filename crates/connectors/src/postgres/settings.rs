//! How to reach a PostgreSQL database.

use std::str::FromStr;

use achub_core::{Code, Error, Secret};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};

/// Where a database is and who asks; what is `None` is taken from the URL, else from PostgreSQL's own defaults and
/// `PG…` variables.
#[derive(Debug, Clone, Default)]
pub struct PostgresSettings {
    /// `postgresql://user:password@host:port/database?sslmode=…`; a `schema` parameter is taken as [`Self::schema`].
    pub url: Option<Secret>,
    /// Host name, address, or folder of the socket.
    pub host: Option<String>,
    /// Port; 5432 where nothing is said.
    pub port: Option<u16>,
    /// Who signs in.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
    /// Which database.
    pub database: Option<String>,
    /// `disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub ssl_mode: Option<String>,
    /// The schema of objects that name none; `public` where nothing is said.
    pub schema: Option<String>,
    /// The role to work as after signing in.
    pub role: Option<String>,
}

impl PostgresSettings {
    /// The settings as the driver takes them, and the default schema.
    ///
    /// Errors: `CF-103` where a part is not understood. The URL is not repeated, it may hold a password.
    pub(crate) fn resolve(&self) -> Result<(PgConnectOptions, String), Error> {
        let (mut options, url_schema) = match &self.url {
            Some(url) => from_url(url.expose())?,
            None => (PgConnectOptions::new(), None),
        };
        if let Some(host) = &self.host {
            options = if host.starts_with('/') { options.socket(host) } else { options.host(host) };
        }
        if let Some(port) = self.port {
            options = options.port(port);
        }
        if let Some(user) = &self.user {
            options = options.username(user);
        }
        if let Some(password) = &self.password {
            options = options.password(password.expose());
        }
        if let Some(database) = &self.database {
            options = options.database(database);
        }
        if let Some(mode) = &self.ssl_mode {
            let mode = PgSslMode::from_str(mode).map_err(|_| {
                bad(format!("sslmode {mode:?} is unknown"))
                    .with_hint("use disable, allow, prefer, require, verify-ca or verify-full")
            })?;
            options = options.ssl_mode(mode);
        }
        let schema = self.schema.clone().or(url_schema).unwrap_or_else(|| "public".to_owned());
        Ok((options.disable_statement_logging(), schema))
    }
}

/// Takes the `schema` parameter out, which the server would refuse.
fn from_url(url: &str) -> Result<(PgConnectOptions, Option<String>), Error> {
    let (base, query) = url.trim().split_once('?').unwrap_or((url.trim(), ""));
    let (schema, rest): (Vec<&str>, Vec<&str>) =
        query.split('&').filter(|part| !part.is_empty()).partition(|part| part.starts_with("schema="));
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(bad("the url of a PostgreSQL database begins with postgresql://"));
    }
    let options = url.parse().map_err(|_| bad("the url of the PostgreSQL database is not understood"))?;
    Ok((options, schema.last().map(|part| part["schema=".len()..].to_owned())))
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BadConnection, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(url: &str) -> Result<(PgConnectOptions, String), Error> {
        PostgresSettings { url: Some(Secret::new(url)), ..PostgresSettings::default() }.resolve()
    }

    #[test]
    fn schema_parameter_becomes_default_schema() {
        let (options, schema) =
            resolved("postgres://me:pw@db:5433/sales?schema=crm&sslmode=disable").expect("a good url");
        assert_eq!((options.get_host(), options.get_port()), ("db", 5433));
        assert_eq!((options.get_database(), schema.as_str()), (Some("sales"), "crm"));
    }

    #[test]
    fn bad_urls_do_not_show_the_password() {
        for url in ["mysql://me:hunter2@db/x", "postgres://me:hunter2@db:port/x"] {
            let error = resolved(url).expect_err("a bad url");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
