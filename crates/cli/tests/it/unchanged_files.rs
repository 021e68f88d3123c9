//! The three files that users bring along, run as they are, by each way to name the connection.
//!
//! They stand in the format's description and stay there: where it is missing the tests say so and pass.

use achub_testkit::postgres::FreshDatabase;
use sqlx::{PgConnection, Row as _};

use crate::program::{Account, Ended, Place};

const FORMAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/replication-config.md");

/// The file called `letter` in the description.
fn file(letter: char) -> Option<String> {
    let Ok(text) = std::fs::read_to_string(FORMAT) else {
        println!("skipped: the description of the format is not there");
        return None;
    };
    let beginning = format!("# {letter}: ");
    let block = text.split("```yaml\n").find(|block| block.starts_with(&beginning));
    let (file, _) =
        block.expect("the description has the file").split_once("```").expect("blocks are closed");
    Some(file.to_owned())
}

/// How a connection is named.
#[derive(Debug, Clone, Copy)]
enum Way {
    EnvYaml,
    Variable,
    Dotenv,
}

/// A place where ACTIVECAMPAIGN is the account and MY_POSTGRES the database.
fn place(way: Way, account: &Account, database: &FreshDatabase) -> Place {
    let place = Place::new()
        .variable("MY_POSTGRES", &database.url())
        .variable("TARGET_SCHEMA", "crm")
        .variable("ACHUB_ALLOW_PRIVATE_ADDRESSES", "1");
    let map = format!(
        "{{type: api, spec: activecampaign, secrets: {{api_key: \"demo\", base_url: \"{}\"}}}}",
        account.url
    );
    match way {
        Way::EnvYaml => {
            let text = format!(
                "connections:\n  ACTIVECAMPAIGN:\n    type: api\n    spec: activecampaign\n    secrets:\n      \
                 api_key: ${{AC_API_KEY}}\n      base_url: {}\n    inputs:\n      anchor_date: '2000-01-01T00:00:00Z'\n",
                account.url
            );
            place.write("env.yaml", &text);
            place.variable("AC_API_KEY", "demo")
        }
        Way::Variable => place.variable("ACTIVECAMPAIGN", &map),
        Way::Dotenv => {
            place.write(".env.sling", &format!("# connections\nACTIVECAMPAIGN='{map}'\n"));
            place
        }
    }
}

fn run(place: &Place, text: &str) -> Ended {
    place.write("r.yaml", text);
    place.run(&["run", "-r", "r.yaml"])
}

async fn number(connection: &mut PgConnection, query: &str) -> i64 {
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(connection).await;
    row.unwrap_or_else(|error| panic!("{query}: {error}")).get(0)
}

/// Requirements SL-3, SL-9, SL-11.
#[tokio::test]
async fn first_file_lands_by_each_way() {
    let Some(text) = file('a') else { return };
    let account = Account::start(&["--contacts", "60", "--rate", "off"]);
    for way in [Way::EnvYaml, Way::Variable, Way::Dotenv] {
        let database = FreshDatabase::create().await;
        let ended = run(&place(way, &account, &database), &text);
        assert_eq!(ended.code, Some(0), "{way:?}: {}", ended.stderr);

        let mut connection = database.connect().await;
        let tags = "select count(*) from activecampaign.tags where _sling_loaded_at is not null";
        assert_eq!(number(&mut connection, tags).await, 40, "{way:?}");
        assert!(number(&mut connection, "select count(*) from activecampaign.contacts").await > 0, "{way:?}");
        let last = "select count(*) from information_schema.columns a where table_schema = 'activecampaign' \
            and table_name = 'tags' and column_name = '_sling_loaded_at' and ordinal_position = \
            (select max(ordinal_position) from information_schema.columns b where b.table_schema = a.table_schema \
             and b.table_name = a.table_name)";
        assert_eq!(number(&mut connection, last).await, 1, "it is the last column");
    }
}

/// Requirement SL-11.
#[tokio::test]
async fn second_file_lands_with_its_state() {
    let Some(text) = file('b') else { return };
    let account = Account::start(&["--contacts", "60", "--rate", "off"]);
    let database = FreshDatabase::create().await;
    let place = place(Way::EnvYaml, &account, &database);
    for _ in 0..2 {
        let ended = run(&place, &text);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    let mut connection = database.connect().await;
    let count = |table: &str| {
        format!(
            "select count(*) from information_schema.tables where table_schema = 'crm' and table_name = '{table}'"
        )
    };
    assert_eq!(number(&mut connection, &count("ac_users")).await, 0, "disabled");
    assert_eq!(number(&mut connection, "select count(*) from crm.ac_contacts").await, 60);
    assert_eq!(number(&mut connection, "select count(*) from crm.ac_deal_stages").await, 12);
    let empty = "select count(*) from crm.ac_contacts where phone = '' or first_name = ''";
    assert_eq!(number(&mut connection, empty).await, 0, "empty texts are null, names are snake case");
    let state = "select count(*) from information_schema.tables where table_schema = 'ops' and table_name = '_achub_state'";
    assert_eq!(number(&mut connection, state).await, 1);
}

/// Requirement SL-11.
#[tokio::test]
async fn third_file_reads_its_range_only() {
    let Some(text) = file('c') else { return };
    let account = Account::start(&["--contacts", "60", "--rate", "off"]);
    let database = FreshDatabase::create().await;
    let place = place(Way::Variable, &account, &database);
    // The pretend account lives elsewhere in time; everything but the year stays.
    let wide = text.replace("2025-01-01,2025-06-30", "2000-01-01,2100-06-30");
    let ended = run(&place, &wide);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut connection = database.connect().await;
    assert_eq!(number(&mut connection, "select count(*) from crm.contacts").await, 60);

    let columns = "select string_agg(column_name || ' ' || data_type || coalesce(' ' || character_maximum_length, ''), ', ' \
        order by ordinal_position) from information_schema.columns where table_schema = 'crm' and table_name = 'contacts' \
        and column_name in ('id', 'email', 'first_name', 'phone', 'sentcnt', 'links')";
    let row = sqlx::query(columns).fetch_one(&mut connection).await.unwrap();
    let expected = "id bigint, email text, first_name text, phone character varying 50, sentcnt integer";
    assert_eq!(row.get::<String, _>(0), expected);
    let key = "select count(*) from information_schema.table_constraints where table_schema = 'crm' \
        and table_name = 'contacts' and constraint_type = 'PRIMARY KEY'";
    assert_eq!(number(&mut connection, key).await, 1);

    sqlx::query("drop table crm.contacts").execute(&mut connection).await.unwrap();
    let ended = run(&place, &text.replace("2025-01-01,2025-06-30", "2000-01-01,2000-06-30"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("stream contacts: no rows came"), "{}", ended.stderr);
    let table = "select count(*) from information_schema.tables where table_schema = 'crm' and table_name = 'contacts'";
    assert_eq!(number(&mut connection, table).await, 0, "without rows no table is made");
}
