//! What PostgreSQL's SQLSTATE codes mean; <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use achub_core::{Code, Error};
use sqlx::postgres::PgDatabaseError;

use crate::sql::{Fault, quoted, session::RowFault};

/// What a failed statement means. The server's own words are in the message; `user` is for the statement that grants
/// what is missing.
pub(crate) fn fault(doing: &str, user: &str, cause: sqlx::Error) -> Fault {
    let Some(said) = cause.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
    else {
        let message = format!("{doing}: the connection failed");
        return Error::new(Code::TargetUnreachable, message).with_source(cause).into();
    };
    let state = said.code().to_owned();
    let words = said.message().to_owned();
    let row = (state.starts_with("22") || state.starts_with("23")).then(|| {
        let column = said.column().or(said.constraint()).unwrap_or_default().to_owned();
        Box::new(RowFault { column, reason: words.clone() })
    });
    let mut error = Error::new(meaning(&state), format!("{doing}: {words}"));
    if state == "42501" {
        error = error.with_hint(grant(&words, user));
    }
    Fault { error: error.with_source(cause), row }
}

fn meaning(state: &str) -> Code {
    match state {
        // No such database reads like a wrong connection, too.
        "3D000" => Code::TargetSignIn,
        "42501" => Code::MissingGrant,
        "53100" => Code::DiskFull,
        "53300" => Code::TargetCrowded,
        // Something depends on it, or it is not there, or has another shape.
        "2BP01" | "42P01" | "42703" | "42P07" | "42804" | "3F000" => Code::TableChanged,
        // A lock was not to be had in time, or a statement took longer than somebody allows.
        "55P03" => Code::GaveWay,
        "57014" => Code::TookTooLong,
        _ => match state.get(..2) {
            // Deadlocks, and what isolation does not allow beside somebody else.
            Some("40") => Code::GaveWay,
            Some("28") => Code::TargetSignIn,
            Some("08" | "53" | "57") => Code::TargetUnreachable,
            Some("22" | "23") => Code::ValueRefused,
            _ => Code::TargetRefused,
        },
    }
}

/// The statement that grants what the server's words say is missing.
fn grant(words: &str, user: &str) -> String {
    let user = quoted(user);
    let missing = |what: &str| {
        words
            .strip_prefix(&format!("permission denied for {what} "))
            .map(|name| quoted(name.trim_matches('"')))
    };
    if let Some(schema) = missing("schema") {
        format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}")
    } else if let Some(table) = missing("table") {
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {table} TO {user}")
    } else if let Some(database) = missing("database") {
        format!("GRANT CREATE, TEMPORARY ON DATABASE {database} TO {user}")
    } else if let Some(table) = words.strip_prefix("must be owner of table ") {
        format!("ALTER TABLE {} OWNER TO {user}", quoted(table))
    } else {
        format!("grant what is missing to {user}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_name_the_grant() {
        let cases = [
            ("permission denied for schema crm", r#"GRANT USAGE, CREATE ON SCHEMA "crm" TO "me""#),
            (
                "permission denied for table deals",
                r#"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "deals" TO "me""#,
            ),
            ("must be owner of table deals", r#"ALTER TABLE "deals" OWNER TO "me""#),
        ];
        for (words, expected) in cases {
            assert_eq!(grant(words, "me"), expected);
        }
    }

    #[test]
    fn states_map_to_codes() {
        let cases = [
            ("28P01", Code::TargetSignIn),
            ("53100", Code::DiskFull),
            ("53200", Code::TargetUnreachable),
            ("53300", Code::TargetCrowded),
            ("57P01", Code::TargetUnreachable),
            ("23514", Code::ValueRefused),
            ("2BP01", Code::TableChanged),
            ("42601", Code::TargetRefused),
            ("40P01", Code::GaveWay),
            ("40001", Code::GaveWay),
            ("57014", Code::TookTooLong),
        ];
        for (state, code) in cases {
            assert_eq!(meaning(state), code, "{state}");
        }
    }
}
