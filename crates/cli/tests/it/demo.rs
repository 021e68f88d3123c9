//! `achub demo` from beginning to end.

use crate::program::{Place, numbers};

#[test]
fn demo_lands_an_account_and_its_changes() {
    let place = Place::new();
    let ended = place.run(&["demo"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for what in
        ["Pretend account ready", "may read: 5000 contacts", "streams: about ", "Changed in the account"]
    {
        assert!(ended.stderr.contains(what), "{what}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("12 changed"), "the second run found what was changed: {}", ended.stderr);
    assert!(ended.stdout.contains("Landed   ") && ended.stdout.contains("Cost     "), "{}", ended.stdout);
    assert!(ended.stdout.contains("Problems 6 met"), "{}", ended.stdout);

    let file = place.path("demo.db");
    let counts = numbers(
        &file,
        &["select count(*) from contacts", "select count(*) from contact_tags", "select count(*) from tags"],
    );
    assert_eq!(counts, [5003, 15009, 41]);
    let queries: Vec<&str> = ended.stdout.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(queries.len(), 3, "{}", ended.stdout);
    let counted: Vec<String> =
        queries.iter().map(|query| format!("select count(*) from ({query})")).collect();
    let counted: Vec<&str> = counted.iter().map(String::as_str).collect();
    assert!(numbers(&file, &counted).iter().all(|&rows| rows >= 3), "the queries to try find something");
}
