//! Runs into a DuckDB file. The library comes from `ACHUB_DUCKDB_LIBRARY`; `cargo xtask test` sets it.

use crate::program::Place;

/// A binary without DuckDB names it, and how to get one that has it.
#[cfg(not(feature = "duckdb"))]
#[test]
fn binary_without_duckdb_says_so() {
    let place = Place::new();
    let ended = place.run(&["conns", "add", "lake", "--url", "duckdb://lake.duckdb"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for words in ["error CF-105", "built without the target duckdb", "--features duckdb"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[cfg(feature = "duckdb")]
pub use with_library::{library, rows};

#[cfg(feature = "duckdb")]
mod with_library {
    use std::path::Path;

    use achub_connectors::duckdb::{Answer, DuckdbTarget, LibrarySearch};

    use super::Place;
    use crate::program::Account;

    const LIBRARY: &str = "ACHUB_DUCKDB_LIBRARY";

    /// The library's path; `None`, and said, where there is none to test with.
    pub fn library() -> Option<String> {
        let library = std::env::var(LIBRARY).ok();
        if library.is_none() {
            println!("skipped: {LIBRARY} names no library of DuckDB");
        }
        library
    }

    async fn query(file: &Path, sql: &str) -> Answer {
        let search = LibrarySearch { named: library().map(Into::into), folders: Vec::new() };
        let target = DuckdbTarget::open(file, &search).expect("the folder is there");
        target.query(sql).await.expect("the query is right")
    }

    /// All rows of a table, every column as text in the order of the table.
    pub async fn rows(file: &Path, table: &str) -> Vec<Vec<Option<String>>> {
        query(file, &format!("SELECT CAST(COLUMNS(*) AS text) FROM \"{table}\"")).await.rows
    }

    #[tokio::test]
    async fn streams_and_wide_view_land() {
        let Some(library) = library() else { return };
        let account = Account::start(&["--contacts", "300", "--rate", "off"]);
        let place = Place::with_account(&account.url).variable(LIBRARY, &library);
        let file = "source: SHOP\ntarget: duckdb://lake.duckdb\n\
            defaults: {mode: full-refresh, object: 'lake.{stream_name}'}\n\
            streams:\n  contacts: {mode: incremental}\n  tags:\n  field_values:\n";
        place.write("r.yaml", file);
        for _ in 0..2 {
            place.good(&["run", "-r", "r.yaml"]);
        }
        place.good(&["replicate", "run", "--from", "shop", "--to", "duckdb://lake.duckdb"]);

        let sql = "SELECT CAST((SELECT count(*) FROM lake.contacts) AS text), \
                   CAST((SELECT count(DISTINCT id) FROM lake.contacts) AS text), \
                   CAST((SELECT count(*) FROM lake.tags) AS text), \
                   CAST((SELECT count(*) FROM contacts_wide) AS text)";
        let answer = query(&place.path("lake.duckdb"), sql).await;
        let counts: Vec<u64> =
            answer.rows[0].iter().flatten().map(|count| count.parse().expect("a count")).collect();
        let [contacts, distinct, tags, wide] = counts[..] else { panic!("{answer:?}") };
        assert_eq!((distinct, tags, wide), (contacts, 40, 300));
        assert!(contacts > 100, "the contacts of a year are {contacts}");
    }

    /// A hook of the file and a person's own command, on the target a run has open and on one that nobody has.
    #[test]
    fn sql_of_hooks_and_commands_runs() {
        let Some(library) = library() else { return };
        let account = Account::start(&["--contacts", "60", "--rate", "off"]);
        let place = Place::with_account(&account.url).variable(LIBRARY, &library);
        let hooks = "post: [{type: query, query: 'CREATE TABLE seen AS SELECT count(*) AS n FROM tags'}]";
        let file = format!(
            "source: SHOP\ntarget: duckdb://lake.duckdb\n\
             streams:\n  tags: {{object: tags, mode: full-refresh, hooks: {{{hooks}}}}}\n"
        );
        place.write("r.yaml", &file);

        place.good(&["run", "-r", "r.yaml"]);

        let exec = |sql: &str| place.run(&["conns", "exec", "duckdb://lake.duckdb", sql, "-o", "csv"]);
        let seen = exec("SELECT n, n * 0.5 AS half FROM seen");
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(0), "n,half\n40,20.0\n"), "{}", seen.stderr);
        let touched = exec("UPDATE seen SET n = 0");
        assert!(touched.stderr.contains("1 rows touched"), "{}", touched.stderr);
        let wrong = exec("SELECT nothing FROM seen");
        assert!(wrong.stderr.contains("DB-202") && wrong.stderr.contains("Binder Error"), "{}", wrong.stderr);
        let missing = place.run(&["conns", "exec", "duckdb://none.duckdb", "SELECT 1"]);
        assert!(
            missing.stderr.contains("DB-101") && !place.path("none.duckdb").exists(),
            "{}",
            missing.stderr
        );
    }

    #[test]
    fn library_that_is_missing_is_explained() {
        let place = Place::new().variable(LIBRARY, "/nowhere/libduckdb.so");
        let ended = place.run(&["conns", "add", "lake", "--url", "duckdb://lake.duckdb"]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        for words in ["error DB-107", "/nowhere/libduckdb.so", "npm pack @duckdb/"] {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
    }
}
