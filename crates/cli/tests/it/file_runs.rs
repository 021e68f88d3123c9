//! What a replication file asks for, run against a pretend account into SQLite.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use serde_json::Value;

use crate::program::{Account, Ended, Place, numbers};

/// A place with `streams` of a file, `env` behind them, and an account of 50 contacts.
struct Rig {
    account: Account,
    place: Place,
}

impl Rig {
    fn new() -> Rig {
        let account = Account::start(&["--contacts", "50", "--rate", "off"]);
        let place = Place::with_account(&account.url);
        Rig { account, place }
    }

    fn write(&self, name: &str, streams: &str) {
        let text = format!(
            "source: SHOP\ntarget: LAKE\ndefaults: {{object: '{{stream_name}}', mode: full-refresh}}\nstreams:\n{streams}"
        );
        self.place.write(name, &text);
    }

    /// Writes the file and runs it with `flags`.
    fn run_with(&self, streams: &str, flags: &[&str]) -> Ended {
        self.write("r.yaml", streams);
        self.place.run(&[&["run", "-r", "r.yaml"], flags].concat())
    }

    fn run(&self, streams: &str) -> Ended {
        let ended = self.run_with(streams, &[]);
        assert_eq!(ended.code, Some(0), "{streams}: {}", ended.stderr);
        ended
    }

    fn numbers(&self, queries: &[&str]) -> Vec<i64> {
        numbers(&self.place.path("lake.db"), queries)
    }
}

#[test]
fn each_mode_lands_as_it_says() {
    let rig = Rig::new();
    let streams = "  tags: {mode: snapshot}\n  lists: {mode: truncate}\n  deal_stages: {mode: incremental, primary_key: id}\n  \
        campaigns: {mode: full-refresh}\n";
    let stages = rig.account.requests();
    rig.run(streams);
    assert!(rig.account.requests() > stages);
    let counts =
        ["select count(*) from lists", "select count(*) from deal_stages", "select count(*) from campaigns"];
    let once = rig.numbers(&counts);
    assert!(once.iter().all(|&count| count > 0), "{once:?}");
    rig.run(streams);

    assert_eq!(rig.numbers(&counts), once);
    let snapshots = ["select count(*) from tags", "select count(distinct _sling_loaded_at) from tags"];
    assert_eq!(rig.numbers(&snapshots), [80, 2], "a snapshot appends");
}

#[test]
fn definition_only_makes_tables_without_asking() {
    let rig = Rig::new();
    let before = rig.account.requests();
    rig.run("  tags: {mode: definition-only}\n");
    assert_eq!(rig.account.requests() - before, 0);
    assert_eq!(rig.numbers(&["select count(*) from tags"]), [0]);
}

#[test]
fn backfill_reads_its_range_and_leaves_the_cursor() {
    let rig = Rig::new();
    rig.run(
        "  contacts: {mode: backfill, source_options: {range: '2000-01-01,2100-01-01', chunk_size: 3650d}}\n",
    );
    assert_eq!(rig.numbers(&["select count(*) from contacts"]), [50]);
    rig.run("  contacts: {mode: backfill, object: none, source_options: {range: '2000-01-01,2000-02-01'}}\n");
    assert_eq!(rig.numbers(&["select count(*) from sqlite_master where name = 'none'"]), [0]);
}

#[test]
fn values_are_shaped_on_their_way() {
    let rig = Rig::new();
    rig.run(
        "  tags:\n    columns: {id: string, tag: 'string(200) not_null | length(value) > 0', tagType: text index}\n    \
         transforms: {tag: [upper, trim_space], description: hash_md5}\n    select: ['@columns', description, 'cdate as made']\n",
    );
    let queries = [
        "select count(*) from tags where typeof(id) = 'text'",
        "select count(*) from tags where tag <> upper(tag)",
        "select count(*) from tags where length(description) not in (32)",
        "select count(*) from pragma_table_info('tags')",
        "select count(*) from pragma_table_info('tags') where name = 'made' and cid = 4",
        "select count(*) from sqlite_master where type = 'index' and tbl_name = 'tags'",
    ];
    assert_eq!(rig.numbers(&queries), [40, 0, 0, 5, 1, 1]);
}

#[test]
fn whole_record_lands_in_one_column() {
    let rig = Rig::new();
    rig.run("  tags: {source_options: {flatten: false}}\n");
    let queries = [
        "select count(*) from tags where json_extract(data, '$.id') is not null",
        "select count(*) from pragma_table_info('tags')",
    ];
    assert_eq!(rig.numbers(&queries), [40, 1]);
}

#[test]
fn nested_members_become_columns_by_depth() {
    let rig = Rig::new();
    rig.run("  tags: {source_options: {flatten: 2}}\n");
    let nested = "select count(*) from pragma_table_info('tags') where name like 'links\\_\\_%' escape '\\'";
    assert!(rig.numbers(&[nested])[0] > 0);
}

#[test]
fn broken_constraints_warn_skip_or_abort() {
    let rig = Rig::new();
    let streams = |what: &str| {
        format!(
            "  tags: {{columns: {{id: 'bigint | value > 10'}}}}\nenv: {{SLING_ON_CONSTRAINT_FAILURE: {what}}}\n"
        )
    };
    rig.run(&streams("warn"));
    assert_eq!(rig.numbers(&["select count(*) from tags"]), [40]);
    rig.run(&streams("skip"));
    assert_eq!(rig.numbers(&["select count(*) from tags"]), [30]);
    let aborted = rig.run_with(&streams("abort"), &[]);
    assert_eq!(aborted.code, Some(1), "{}", aborted.stderr);
    assert!(
        aborted.stderr.contains("RN-108") && aborted.stderr.contains("does not meet `value > 10`"),
        "{}",
        aborted.stderr
    );
    assert_eq!(rig.numbers(&["select count(*) from tags"]), [30], "the table is as it was");
}

#[test]
fn merge_strategies_meet_known_keys() {
    let rig = Rig::new();
    let run = |strategy: &str, mutate: &str| {
        rig.run(&format!(
            "  tags: {{mode: incremental, primary_key: id, target_options: {{merge_strategy: {strategy}}}}}\n"
        ));
        if !mutate.is_empty() {
            rig.account.mutate(mutate);
        }
    };
    let count = ["select count(*) from tags"];
    run("update_insert", r#"{"collection": "tags", "create": 3}"#);
    assert_eq!(rig.numbers(&count), [40]);
    run("update", "");
    assert_eq!(rig.numbers(&count), [40], "new keys are left alone");
    run("insert", "");
    assert_eq!(rig.numbers(&count), [43]);
    run("delete_insert", r#"{"collection": "tags", "change": 5}"#);
    assert_eq!(rig.numbers(&count), [43]);
    rig.run("  tags: {mode: incremental, object: versions, primary_key: id, target_options: {merge_strategy: history_insert}}\n");
    rig.account.mutate(r#"{"collection": "tags", "change": 5, "seed": 2}"#);
    rig.run("  tags: {mode: incremental, object: versions, primary_key: id, target_options: {merge_strategy: history_insert}}\n");
    let versions = ["select count(distinct id) from versions", "select count(*) > 43 from versions"];
    assert_eq!(rig.numbers(&versions), [43, 1]);
}

/// Requirement SL-20.
#[test]
fn missing_rows_are_marked_or_deleted() {
    for (how, left, marked) in [("soft", 40, 4), ("hard", 36, 0)] {
        let rig = Rig::new();
        let streams = format!(
            "  tags: {{mode: incremental, primary_key: id, target_options: {{delete_missing: {how}}}}}\n"
        );
        rig.run(&streams);
        rig.account.mutate(r#"{"collection": "tags", "delete": 4}"#);
        rig.run(&streams);
        assert_eq!(rig.numbers(&["select count(*) from tags"]), [40], "{how}: once is no proof");
        rig.run(&streams);

        assert_eq!(rig.numbers(&["select count(*) from tags"]), [left], "{how}");
        let column = "select count(*) from pragma_table_info('tags') where name = '_sling_deleted_at'";
        assert_eq!(rig.numbers(&[column]), [i64::from(marked > 0)], "{how}");
        if marked > 0 {
            assert_eq!(
                rig.numbers(&["select count(*) from tags where _sling_deleted_at is not null"]),
                [marked]
            );
        }
    }
}

#[test]
fn statements_run_around_the_load() {
    let rig = Rig::new();
    rig.place.write("after.sql", "update {object_table} set tag = 'x' where id <= 2");
    rig.run(
        "  tags: {target_options: {pre_sql: 'create table if not exists seen (n integer)', post_sql: after.sql, \
         table_keys: {unique: [id]}}}\n",
    );
    let queries = [
        "select count(*) from sqlite_master where name = 'seen'",
        "select count(*) from tags where tag = 'x'",
        "select count(*) from pragma_index_list('tags') where \"unique\" = 1",
    ];
    assert_eq!(rig.numbers(&queries), [1, 2, 1]);
}

#[test]
fn system_columns_are_filled() {
    let rig = Rig::new();
    rig.run(
        "  tags:\nenv: {SLING_EXEC_ID_COLUMN: true, SLING_ROW_ID_COLUMN: true, SLING_ROW_NUM_COLUMN: true, \
         SLING_SYNCED_AT_COLUMN: true, SLING_LOADED_AT_COLUMN: unix}\n",
    );
    let queries = [
        "select count(distinct _sling_exec_id) from tags",
        "select count(distinct _sling_row_id) from tags",
        "select max(_sling_row_num) from tags",
        "select count(*) from tags where _sling_synced_op = 'I' and _sling_synced_at is not null",
        "select count(*) from tags where typeof(_sling_loaded_at) = 'integer'",
        "select count(*) from pragma_table_info('tags') where name = '_sling_loaded_at' and cid = \
         (select max(cid) from pragma_table_info('tags'))",
    ];
    assert_eq!(rig.numbers(&queries), [1, 40, 40, 40, 40, 1]);
}

#[test]
fn dry_run_prints_the_plan_only() {
    let rig = Rig::new();
    let ended = rig.run("  tags:\nenv: {SLING_DRY_RUN: true}\n");
    assert!(ended.stdout.contains("tags"), "{}", ended.stdout);
    assert!(ended.stderr.contains("Nothing was written"), "{}", ended.stderr);
    assert!(!rig.place.path("lake.db").exists(), "not even the file was made");
}

#[test]
fn missed_figures_fail_a_run() {
    let rig = Rig::new();
    rig.run("  tags:\nenv: {SLING_STREAM_CNT: 1, SLING_ROW_CNT: '>39', SLING_TOTAL_BYTES: '>100', SLING_CONSTRAINT_FAILS: 0}\n");
    let ended = rig.run_with("  tags:\nenv: {SLING_ROW_CNT: 41}\n", &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("SLING_ROW_CNT: expected 41, got 40"), "{}", ended.stderr);
}

#[test]
fn words_are_objects_where_asked() {
    let rig = Rig::new();
    let ended = rig.run("  tags:\nenv: {SLING_LOGGING: JSON}\n");
    let lines: Vec<Value> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|text| text.contains("tags: inserted 40 rows")))
    );
}

#[test]
fn folder_runs_its_files_in_order() {
    let rig = Rig::new();
    std::fs::create_dir_all(rig.place.path("files/more")).unwrap();
    rig.write("files/1.yaml", "  tags: {object: a}\n");
    rig.write("files/2.yml", "  lists: {object: b, selct: x}\n");
    rig.write("files/more/3.yaml", "  lists: {object: c, mode: change-capture}\n");
    rig.place.write("files/other.yaml", "a: 1\n");
    let ended = rig.place.run(&["run", "files"]);

    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for what in [
        "files/other.yaml is passed over",
        "file 1 of 3: files/1.yaml",
        "file 3 of 3: files/more/3.yaml",
        "3 files: 2 done, 1 failed",
        "mode change-capture is not done",
    ] {
        assert!(ended.stderr.contains(what), "{what}: {}", ended.stderr);
    }
    assert_eq!(rig.numbers(&["select count(*) from a"]), [40]);
    assert_eq!(rig.numbers(&["select count(*) from sqlite_master where name in ('b', 'c')"]), [1]);

    std::fs::create_dir(rig.place.path("empty")).unwrap();
    assert_eq!(rig.place.run(&["run", "empty"]).code, Some(2));
}

#[test]
fn rows_go_to_standard_output() {
    let rig = Rig::new();
    let ad_hoc = [
        "run",
        "--src-conn",
        "shop",
        "--src-stream",
        "tags",
        "--stdout",
        "--limit",
        "3",
        "--select",
        "id,tag",
    ];
    let text = rig.place.good(&ad_hoc);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("id,tag", 4), "{text}");

    let json = rig.place.good(&[&ad_hoc[..], &["--json"]].concat());
    let rows: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["tag"].is_string()), "{json}");
}

/// Rows leave while the rest is read: who wants one line gets it, goes away, and nothing is wrong.
#[test]
fn printed_rows_end_quietly_with_their_reader() {
    let account = Account::start(&["--contacts", "3000", "--rate", "off"]);
    let place = Place::with_account(&account.url);
    let flags =
        ["run", "--src-conn", "shop", "--src-stream", "contacts", "--stdout", "--mode", "full-refresh"];
    let mut child = place.command(&flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut header = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut header).unwrap();

    let ended = child.wait_with_output().unwrap();

    assert!(header.contains("email"), "{header}");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    assert!(!said.contains("error"), "{said}");
}

#[test]
fn flags_narrow_and_shape_a_file() {
    let rig = Rig::new();
    let flags = [
        "--streams",
        "tag:crm",
        "--offset",
        "5",
        "--columns",
        "{\"tag\": \"string(300)\"}",
        "--transforms",
        "[upper]",
        "--tgt-options",
        "{column_casing: upper}",
        "-d",
    ];
    let ended = rig.run_with("  tags: {tags: [crm]}\n  lists:\n", &flags);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let queries = [
        "select count(*) from tags",
        "select count(*) from tags where tag <> upper(tag)",
        "select count(*) from pragma_table_info('tags') where name = 'ID'",
        "select count(*) from sqlite_master where name = 'lists'",
    ];
    assert_eq!(rig.numbers(&queries), [35, 0, 1, 0]);
}
