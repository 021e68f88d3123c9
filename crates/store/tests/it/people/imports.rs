//! Where an import stands, whom it refused, and who may write.

use std::time::Duration;

use achub_core::{
    Code, Outcomes, RunId,
    port::{
        jobs::Fence,
        people::{Advance, ChangeBatch, ImportEnd, ImportProgress, RefusedPerson},
        source::Position,
    },
};
use serde_json::json;

use super::rig::{Store, at, batch, job, new, run};

fn advance(run: &str, position: i64, added: u64) -> Advance {
    Advance {
        job: job(),
        run: RunId::new(run),
        fence: None,
        position: Some(Position(json!({ "id": position }))),
        outcomes: Outcomes { added, ..Outcomes::default() },
    }
}

fn end(run: &str, cursor: Option<i64>, swept_at: Option<i64>) -> ImportEnd {
    ImportEnd {
        job: job(),
        run: RunId::new(run),
        fence: None,
        cursor: cursor.map(at),
        swept_at: swept_at.map(at),
    }
}

/// I4: the position is there if and only if the people are.
pub async fn position_is_stored_with_its_batch(store: impl Store) {
    assert_eq!(store.import_progress(&job()).await.unwrap(), ImportProgress::default());
    let first = advance("r-1", 100, 1);
    let changes =
        ChangeBatch { advance: Some(first.clone()), ..batch(run("r-1", 1), vec![new("a@example.com")]) };
    store.apply(&changes).await.unwrap();
    let again = ChangeBatch { advance: Some(advance("r-1", 200, 2)), ..changes };
    assert_eq!(store.apply(&again).await.unwrap_err().code(), Code::ChangedMeanwhile);

    let unfinished = store.import_progress(&job()).await.unwrap().unfinished;
    assert_eq!(unfinished, Some((first.run, first.position, first.outcomes)));
}

/// The end of a run moves what it names, and leaves the rest where it was.
pub async fn ended_import_keeps_cursor(store: impl Store) {
    let changes = ChangeBatch { advance: Some(advance("r-1", 1, 0)), ..batch(run("r-1", 1), Vec::new()) };
    store.apply(&changes).await.unwrap();
    store.end_import(&end("r-1", Some(5), Some(4))).await.unwrap();
    let progress = |cursor, swept_at| ImportProgress {
        unfinished: None,
        cursor: Some(at(cursor)),
        swept_at: Some(at(swept_at)),
    };
    assert_eq!(store.import_progress(&job()).await.unwrap(), progress(5, 4));
    store.end_import(&end("r-2", None, Some(9))).await.unwrap();
    assert_eq!(store.import_progress(&job()).await.unwrap(), progress(5, 9));
}

/// Everybody who did not get in is there with what she came with, in order, page by page.
pub async fn refused_people_are_paged(store: impl Store) {
    let refused = |number: i64| RefusedPerson {
        key: number.to_string(),
        field: String::new(),
        code: "INVALID_FIELD".to_owned(),
        reason: "is no address; mend it there".to_owned(),
        columns: "{\"email\":\"\\u0000\"}".to_owned(),
    };
    let all: Vec<RefusedPerson> = (0..300).map(refused).collect();
    for part in all.chunks(100) {
        let part = ChangeBatch { refused: part.to_vec(), ..batch(run("r-1", 1), Vec::new()) };
        store.apply(&part).await.unwrap();
    }
    let of = RunId::new("r-1");
    assert_eq!(store.refused(&of, 0, 1_000).await.unwrap(), (all.clone(), 300));
    assert_eq!(store.refused(&of, 299, 10).await.unwrap(), (all[299..].to_vec(), 300));
    assert_eq!(store.refused(&of, 300, 10).await.unwrap(), (Vec::new(), 300));
    assert_eq!(store.refused(&RunId::new("r-2"), 0, 10).await.unwrap(), (Vec::new(), 0));
}

/// J-02: whoever lost its lease writes nothing, neither people nor the end of its run.
pub async fn lost_lease_writes_nothing(store: impl Store) {
    let term = Duration::from_secs(60);
    let (first, second) = (RunId::new("r-1"), RunId::new("r-2"));
    let held = store.lease(&job(), &first, "host:1", term).await.unwrap().expect("it is free");
    let by = |run: &str, fence: Fence, address: &str| {
        let advance = Advance { fence: Some(fence), ..advance(run, 1, 1) };
        ChangeBatch { advance: Some(advance), ..batch(super::rig::run(run, 1), vec![new(address)]) }
    };
    store.apply(&by("r-1", held.fence, "a@example.com")).await.unwrap();
    store.release(&held).await.unwrap();
    let taken = store.lease(&job(), &second, "host:2", term).await.unwrap().expect("it is free again");

    let late = store.apply(&by("r-1", held.fence, "b@example.com")).await.unwrap_err();
    let late_end = ImportEnd { fence: Some(held.fence), ..end("r-1", Some(9), None) };
    let late_end = store.end_import(&late_end).await.unwrap_err();
    store.apply(&by("r-2", taken.fence, "c@example.com")).await.unwrap();

    assert_eq!((late.code(), late_end.code()), (Code::LostLease, Code::LostLease));
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 2);
    assert_eq!(store.import_progress(&job()).await.unwrap().cursor, None);
}

/// SX-35: where an import stands can be forgotten, the people stay.
pub async fn forgotten_import_begins_anew(store: impl Store) {
    let changes = ChangeBatch {
        advance: Some(advance("r-1", 1, 1)),
        ..batch(run("r-1", 1), vec![new("a@example.com")])
    };
    store.apply(&changes).await.unwrap();
    store.end_import(&end("r-1", Some(5), None)).await.unwrap();

    store.forget_import(&job()).await.unwrap();

    assert_eq!(store.import_progress(&job()).await.unwrap(), ImportProgress::default());
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 1);
}
