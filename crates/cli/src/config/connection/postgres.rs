//! A PostgreSQL database.

use achub_core::{Code, Error, Secret};
use url::Url;

use crate::config::{
    keys::{Keys, Origin},
    yaml::Node,
};

/// How a database is reached.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// `postgres://user:password@host:port/database?…`, complete, without what the server does not know.
    pub url: Secret,
    /// The schema of tables whose object names none; `None`: `public`.
    pub schema: Option<String>,
    /// The role taken on after sign-in.
    pub role: Option<String>,
    /// Host and database, for people.
    pub place: String,
}

const ENTRY: &[&str] = &[
    "type",
    "url",
    "host",
    "port",
    "user",
    "password",
    "database",
    "schema",
    "sslmode",
    "role",
    "ssh_tunnel",
    "ssh_private_key",
    "ssh_passphrase",
];
const SSL_MODES: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
const PARTS: &[&str] = &["host", "port", "user", "password", "database"];

impl Postgres {
    pub(super) fn read(origin: &Origin, what: String, node: &Node) -> Result<Postgres, Error> {
        let keys = Keys::of(origin, Code::BadConnection, what, node, ENTRY)?;
        for key in ["ssh_tunnel", "ssh_private_key", "ssh_passphrase"] {
            if keys.get(key).is_some() {
                return Err(keys
                    .error_at(key, "is not done by this version")
                    .with_hint("open the tunnel yourself and name its local end as host and port"));
            }
        }
        let mut url = match keys.get("url") {
            Some(_) => given(&keys)?,
            None => composed(&keys)?,
        };
        let from_url = |url: &Url, key: &str| {
            url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
        };
        let schema = keys.text("schema")?.map(str::to_owned).or_else(|| from_url(&url, "schema"));
        let role = keys.text("role")?.map(str::to_owned).or_else(|| from_url(&url, "role"));
        let mode = keys.text("sslmode")?.map(str::to_owned);
        if let Some(mode) = mode.clone().or_else(|| from_url(&url, "sslmode"))
            && !SSL_MODES.contains(&mode.as_str())
        {
            let key = if keys.get("sslmode").is_some() { "sslmode" } else { "url" };
            return Err(keys
                .error_at(key, format!("has an unknown sslmode {mode:?}"))
                .with_hint(format!("modes: {}", SSL_MODES.join(", "))));
        }
        keep_parameters(&mut url, mode.as_deref());
        let place = place(&url);
        Ok(Postgres { url: Secret::new(String::from(url)), schema, role, place })
    }
}

fn given(keys: &Keys<'_>) -> Result<Url, Error> {
    if let Some(part) = PARTS.iter().find(|part| keys.get(part).is_some()) {
        return Err(keys.error_at(part, "and `url` cannot both be given"));
    }
    let text = keys.needed("url")?;
    let hint = "write it like postgres://user:password@host:5432/database";
    // The text may hold a password: it is never repeated in a message.
    let url = Url::parse(text)
        .map_err(|error| keys.error_at("url", format!("is not a URL: {error}")).with_hint(hint))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(keys.error_at("url", format!("has the scheme {:?}", url.scheme())).with_hint(hint));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(keys.error_at("url", "names no host").with_hint(hint));
    }
    if url.path().trim_matches('/').is_empty() {
        return Err(keys.error_at("url", "names no database").with_hint(hint));
    }
    Ok(url)
}

fn composed(keys: &Keys<'_>) -> Result<Url, Error> {
    let host = keys
        .needed("host")
        .map_err(|error| error.with_hint("give `host`, `user`, `database`, or one `url`"))?;
    let database = keys.needed("database")?;
    let user = keys.needed("user")?;
    let mut url = Url::parse("postgres://host/").expect("the text is a URL");
    let invalid = |key: &str| keys.error_at(key, "cannot be part of an address");
    // The folder of a socket stands in a URL with its slashes encoded.
    url.set_host(Some(&host.replace('/', "%2F"))).map_err(|_| invalid("host"))?;
    url.set_username(user).map_err(|()| invalid("user"))?;
    if let Some(password) = keys.text("password")? {
        url.set_password(Some(password)).map_err(|()| invalid("password"))?;
    }
    if let Some(port) = keys.number("port", u64::from(u16::MAX))? {
        url.set_port(u16::try_from(port).ok()).map_err(|()| invalid("port"))?;
    }
    url.path_segments_mut().map_err(|()| invalid("database"))?.clear().push(database);
    Ok(url)
}

/// Takes out what is ours and puts in the mode that the map names.
fn keep_parameters(url: &mut Url, mode: Option<&str>) {
    let ours = |name: &str| matches!(name, "schema" | "role") || (name == "sslmode" && mode.is_some());
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !ours(name))
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .collect();
    url.set_query(None);
    let all = kept.iter().map(|(k, v)| (k.as_str(), v.as_str())).chain(mode.map(|mode| ("sslmode", mode)));
    for (name, value) in all {
        url.query_pairs_mut().append_pair(name, value);
    }
}

fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use crate::config::{connection::Connection, keys::Origin, yaml::parse};

    fn read(text: &str) -> Result<Connection, achub_core::Error> {
        Connection::read(&Origin::new("env.yaml"), "DB", &parse(text).unwrap())
    }

    #[test]
    fn url_and_parts_give_the_same() {
        for (text, url, schema, place) in [
            (
                "postgresql://u:p%40@h:5433/d?sslmode=disable",
                "postgresql://u:p%40@h:5433/d?sslmode=disable",
                None,
                "h:5433/d",
            ),
            (
                "url: postgres://u@h/d?schema=crm&application_name=x",
                "postgres://u@h/d?application_name=x",
                Some("crm"),
                "h/d",
            ),
            (
                "{type: postgres, host: h, port: 5433, user: u, password: 'p@:/', database: d, schema: s, sslmode: require}",
                "postgres://u:p%40%3A%2F@h:5433/d?sslmode=require",
                Some("s"),
                "h:5433/d",
            ),
            (
                "{type: postgres, host: /run/pg, user: u, database: d}",
                "postgres://u@%2Frun%2Fpg/d",
                None,
                "%2Frun%2Fpg/d",
            ),
        ] {
            let Connection::Postgres(postgres) = read(text).unwrap() else { panic!("a database") };
            assert_eq!(postgres.url.expose(), url);
            assert_eq!(postgres.schema.as_deref(), schema);
            assert_eq!(postgres.place, place);
        }
    }

    #[test]
    fn wrong_databases_are_named_without_password() {
        for (text, what) in [
            ("{type: postgres, host: h, user: u}", "`database` is missing"),
            ("{type: postgres, url: 'postgres://u:geheim@h/d', host: h}", "`host` and `url` cannot both"),
            ("{type: postgres, url: 'mysql://u:geheim@h/d'}", "`url` has the scheme \"mysql\""),
            ("{type: postgres, url: 'postgres://u:geheim@h'}", "`url` names no database"),
            (
                "{type: postgres, url: 'postgres://u:geheim@h:99999/d'}",
                "`url` is not a URL: invalid port number",
            ),
            (
                "{type: postgres, host: h, user: u, database: d, port: x}",
                "`port` must be a whole number from 1 to 65535",
            ),
            ("{type: postgres, host: h, user: u, database: d, ssh_tunnel: x}", "`ssh_tunnel` is not done"),
            (
                "{type: postgres, host: h, user: u, database: d, sslmode: on}",
                "`sslmode` has an unknown sslmode",
            ),
            ("{type: postgres, pasword: geheim}", "unknown key \"pasword\""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message().contains(what), "{text}\n{}", error.message());
            assert!(!format!("{error:?}").contains("geheim"), "{text}");
        }
    }
}
