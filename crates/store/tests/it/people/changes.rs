//! Changes of people, companies, lists, fields and tags.

use achub_core::{
    Code, ConnectionName, Value,
    consent::ListStatus,
    person::{BuiltIn, CompanyId, FieldId, ListId, Mark, PersonField, TagId},
    port::{
        incoming::ShownCompany,
        people::{Lookup, PersonChange, Whom},
    },
};

use super::rig::{
    Store, World, apply, at, batch, catalogue, change, desk, email, field, line, link, new, of, permission,
    person, run, shop, world,
};

fn values(world: &World) -> Vec<Value> {
    let all = [
        Value::text("Ünïcode"),
        Value::Integer(i64::MIN),
        Value::Float(0.1),
        Value::Boolean(false),
        Value::Date("2024-02-29".parse().unwrap()),
        Value::Timestamp(at(7)),
        Value::Json("[\"gold\", \"x\\\"y\"]".into()),
    ];
    assert_eq!(all.len(), world.fields.len());
    all.to_vec()
}

/// Everything a person can have.
async fn whole(store: &impl Store, world: &World) -> PersonChange {
    let tag = store.tag("VIP").await.unwrap();
    let shown = ShownCompany { key: Some("9".to_owned()), name: "Acme".to_owned(), url: None };
    let companies = store.companies(&shop(), &[shown]).await.unwrap();
    let mut fields = vec![
        field(None, BuiltIn::FirstName, Value::text("Ann")),
        field(None, BuiltIn::LastName, Value::text("Müller")),
        field(None, BuiltIn::Company, Value::text("Acme")),
        field(None, BuiltIn::Ip, Value::text("127.0.0.1")),
        field(None, BuiltIn::Source, Value::text("form")),
        field(None, BuiltIn::SourcePage, Value::text("/start")),
        field(None, BuiltIn::LifetimeValue, Value::Float(12.5)),
    ];
    fields.extend(world.fields.iter().zip(values(world)).map(|(of, value)| field(None, of, value)));
    PersonChange {
        links: vec![link("7"), link("3")],
        fields,
        permissions: vec![
            line(None, world.lists[1].id, permission(ListStatus::Bounced, 2)),
            line(None, world.lists[0].id, permission(ListStatus::Active, 1)),
            line(None, world.lists[2].id, permission(ListStatus::Other(42), 1)),
        ],
        marks: vec![(Mark::Blocked, at(2)), (Mark::Bounced, at(1))],
        tags: vec![tag.id],
        companies,
        ..new("Ann@Example.com")
    }
}

/// SX-3 to SX-9, SX-18, SX-22, SX-36: nothing of a person is lost, and she is found by link and by address.
pub async fn added_person_comes_back_whole(store: impl Store) {
    let world = world(&store).await;
    let change = whole(&store, &world).await;

    let ids = apply(&store, run("r-1", 5), vec![change.clone()]).await;

    let ann = person(&store, ids[0]).await;
    assert_eq!((ann.version, ann.created_at, ann.updated_at), (1, at(5), at(5)));
    assert_eq!(ann.email.as_ref().map(|email| email.as_str()), Some("Ann@Example.com"));
    for told in &change.fields {
        assert_eq!(ann.value(told.field), told.after, "{:?}", told.field);
    }
    assert!(ann.values.iter().all(|value| value.provenance.run == run("r-1", 5).run));
    assert!(ann.values.iter().all(|value| value.provenance.at == at(5)));
    assert_eq!(ann.marks, [(Mark::Bounced, at(1)), (Mark::Blocked, at(2))]);
    let lists: Vec<ListId> = ann.memberships.iter().map(|held| held.list).collect();
    assert_eq!(lists, [world.lists[0].id, world.lists[1].id, world.lists[2].id]);
    assert_eq!(ann.memberships[2].permission, permission(ListStatus::Other(42), 1));
    assert_eq!(ann.links, [link("3"), link("7")]);
    assert_eq!((ann.tags.len(), ann.companies.clone()), (1, change.companies));

    let by_key = Some("ann@example.com".to_owned());
    let lookups = [
        Lookup { link: link("7"), email: None },
        Lookup { link: link("8"), email: by_key.clone() },
        Lookup { link: link("3"), email: by_key },
        Lookup { link: link("8"), email: Some("bob@example.com".to_owned()) },
    ];
    let found = store.find(&lookups).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.by_link.as_ref(), one.by_email.as_ref())).collect();
    let expected = [(Some(&ann), None), (None, Some(&ann)), (Some(&ann), Some(&ann)), (None, None)];
    assert_eq!(found, expected);
}

/// AB-114: who changed what, when, from what to what; the newest line first.
pub async fn change_moves_version_and_history(store: impl Store) {
    let world = world(&store).await;
    let tag = store.tag("via_activecampaign").await.unwrap();
    let id = apply(&store, run("r-1", 1), vec![new("ann@example.com")]).await[0];
    let ann = person(&store, id).await;

    let change = PersonChange {
        fields: vec![
            field(Some(&ann), BuiltIn::FirstName, Value::text("Ann")),
            field(Some(&ann), &world.fields[1], Value::Integer(3)),
        ],
        permissions: vec![line(None, world.lists[0].id, permission(ListStatus::Active, 1))],
        marks: vec![(Mark::Bounced, at(1))],
        tags: vec![tag.id],
        ..of(&ann)
    };
    apply(&store, desk(2), vec![change]).await;

    let ann = person(&store, id).await;
    assert_eq!((ann.version, ann.created_at, ann.updated_at), (2, at(1), at(2)));
    let mut history = store.history(id, 10).await.unwrap();
    history.reverse();
    let told: Vec<(&str, &Value, &Value)> =
        history.iter().map(|line| (line.what.as_str(), &line.before, &line.after)).collect();
    let field_word = format!("field {}", world.fields[1].id);
    let list_word = format!("list {}", world.lists[0].id);
    let expected = [
        ("person", Value::Null, Value::text("added")),
        ("first_name", Value::Null, Value::text("Ann")),
        (field_word.as_str(), Value::Null, Value::Integer(3)),
        (list_word.as_str(), Value::Null, Value::text(format!("active, by import, since {}", at(1)))),
        ("mark bounced", Value::Null, Value::Timestamp(at(1))),
        ("tag via_activecampaign", Value::Null, Value::Boolean(true)),
    ];
    let expected: Vec<(&str, &Value, &Value)> =
        expected.iter().map(|(what, before, after)| (*what, before, after)).collect();
    assert_eq!(told, expected);
    assert_eq!(history[0].author, run("r-1", 1));
    assert_eq!(history[1].author, desk(2));
    assert_eq!(store.history(id, 1).await.unwrap()[0].what, "tag via_activecampaign");
}

/// One change that cannot be keeps the whole batch out.
pub async fn batch_is_stored_or_not(store: impl Store) {
    let id = apply(&store, desk(1), vec![new("ann@example.com")]).await[0];
    let stale = change(Whom::Known(id, 7));

    for (changes, code) in [
        (vec![new("bob@example.com"), stale], Code::ChangedMeanwhile),
        (vec![new("bob@example.com"), new("ANN@example.com")], Code::ChangedMeanwhile),
        (vec![new("bob@example.com"), new("Bob@Example.com")], Code::ChangedMeanwhile),
    ] {
        let failed = store.apply(&batch(desk(2), changes)).await.unwrap_err();
        assert_eq!(failed.code(), code);
    }

    assert_eq!(store.count(&achub_core::condition::Condition::Everybody).await.unwrap(), 1);
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 1);
}

/// A batch is about each person at most once.
pub async fn same_person_twice_is_refused(store: impl Store) {
    let id = apply(&store, desk(1), vec![new("ann@example.com")]).await[0];
    let ann = person(&store, id).await;

    let failed = store.apply(&batch(desk(2), vec![of(&ann), of(&ann)])).await.unwrap_err();

    assert_eq!(failed.code(), Code::Bug);
}

/// A history that tells what never was is refused.
pub async fn wrong_before_is_refused(store: impl Store) {
    let id = apply(&store, desk(1), vec![new("ann@example.com")]).await[0];
    let ann = person(&store, id).await;
    let mut told = field(Some(&ann), BuiltIn::FirstName, Value::text("Ann"));
    told.before = Value::text("Anna");
    let change = PersonChange { fields: vec![told], ..of(&ann) };

    assert_eq!(store.apply(&batch(desk(2), vec![change])).await.unwrap_err().code(), Code::Bug);
    assert_eq!(person(&store, id).await, ann);
}

fn with_email(person: &achub_core::person::Person, address: &str) -> PersonChange {
    PersonChange {
        fields: vec![field(Some(person), BuiltIn::Email, Value::text(address))],
        email: Some(email(address)),
        ..of(person)
    }
}

/// An address that changes makes nobody new.
pub async fn address_change_is_an_update(store: impl Store) {
    let id = apply(&store, desk(1), vec![new("ann@example.com")]).await[0];
    let ann = person(&store, id).await;
    apply(&store, desk(2), vec![with_email(&ann, "Ann@New.example")]).await;

    let moved = person(&store, id).await;
    assert_eq!(moved.email.as_ref().map(|email| email.key()), Some("ann@new.example"));
    let spelled = with_email(&moved, "ANN@new.example");
    apply(&store, desk(3), vec![spelled]).await;

    let spelled = person(&store, id).await;
    assert_eq!(spelled.email.as_ref().map(|email| email.as_str()), Some("ANN@new.example"));
    assert_eq!(spelled.version, 3);
    assert_eq!(store.history(id, 1).await.unwrap()[0].before, Value::text("Ann@New.example"));
    let mut torn = with_email(&spelled, "a@example.com");
    torn.email = None;
    assert_eq!(store.apply(&batch(desk(4), vec![torn])).await.unwrap_err().code(), Code::Bug);
}

/// Two people change addresses in one batch, and somebody new gets one that is given up in it.
pub async fn addresses_can_change_hands(store: impl Store) {
    let ids = apply(&store, desk(1), vec![new("a@example.com"), new("b@example.com")]).await;
    let (a, b) = (person(&store, ids[0]).await, person(&store, ids[1]).await);
    apply(&store, desk(2), vec![with_email(&a, "b@example.com"), with_email(&b, "a@example.com")]).await;

    let (a, b) = (person(&store, ids[0]).await, person(&store, ids[1]).await);
    assert_eq!(a.email.as_ref().map(|email| email.key()), Some("b@example.com"));
    assert_eq!(b.email.as_ref().map(|email| email.key()), Some("a@example.com"));
    let ids = apply(&store, desk(3), vec![new("a@example.com"), with_email(&b, "c@example.com")]).await;
    assert_eq!(ids[1], b.id);
    assert_ne!(ids[0], b.id);
}

/// A link belongs to one person; whoever loses it has changed too.
pub async fn link_moves_to_its_claimant(store: impl Store) {
    let first = PersonChange { links: vec![link("1"), link("2")], ..new("a@example.com") };
    let ids = apply(&store, desk(1), vec![first, new("b@example.com")]).await;
    let b = person(&store, ids[1]).await;
    apply(&store, desk(2), vec![PersonChange { links: vec![link("1")], ..of(&b) }]).await;

    let (a, b) = (person(&store, ids[0]).await, person(&store, ids[1]).await);
    assert_eq!((a.links.as_slice(), a.version), ([link("2")].as_slice(), 2));
    assert_eq!((b.links.as_slice(), b.version), ([link("1")].as_slice(), 2));
    assert_eq!(store.history(a.id, 1).await.unwrap()[0].before, Value::text("1"));
    let claims = [
        PersonChange { links: vec![link("5")], ..of(&a) },
        PersonChange { links: vec![link("5")], ..of(&b) },
    ];
    let failed = store.apply(&batch(desk(3), claims.to_vec())).await.unwrap_err();
    assert_eq!(failed.code(), Code::Bug, "two people cannot claim one link");
}

/// SX-10: what she has already is no change, and leaves no version, no history and no sign.
pub async fn change_of_nothing_leaves_no_trace(store: impl Store) {
    let world = world(&store).await;
    let change = whole(&store, &world).await;
    let id = apply(&store, run("r-1", 1), vec![change.clone()]).await[0];
    let ann = person(&store, id).await;
    let again = PersonChange {
        whom: Whom::Known(ann.id, ann.version),
        fields: change.fields.iter().map(|told| field(Some(&ann), told.field, told.after.clone())).collect(),
        permissions: change.permissions.iter().map(|told| line(Some(&ann), told.list, told.after)).collect(),
        ..change
    };

    apply(&store, run("r-2", 9), vec![again]).await;

    assert_eq!(person(&store, id).await, ann);
    assert_eq!(store.history(id, 10).await.unwrap().len(), 1);
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 1);
}

/// Text of people is kept to the letter, whatever is in it.
pub async fn poisoned_text_comes_back(store: impl Store) {
    let world = world(&store).await;
    let long = "x".repeat(20_000);
    let poison = [
        "a\0b",
        "\u{1a}0",
        "'; DROP TABLE person; --",
        "$1 ?1 :x %_",
        "\u{202e}gnp.exe",
        "e\u{301}",
        "ẞß\u{130}",
        "\r\n\t",
        "\u{10ffff}",
        long.as_str(),
    ];
    for (number, text) in poison.iter().enumerate() {
        let change = PersonChange {
            fields: vec![
                field(None, BuiltIn::FirstName, Value::text(*text)),
                field(None, BuiltIn::LastName, Value::text(*text)),
                field(None, &world.fields[0], Value::text(*text)),
            ],
            links: vec![link(&format!("{number}"))],
            ..change(Whom::New(None))
        };
        let id = apply(&store, desk(1), vec![change]).await[0];
        let found = person(&store, id).await;
        assert_eq!(found.first_name.as_deref(), Some(*text));
        assert_eq!(found.value(PersonField::Custom(world.fields[0].id)), Value::text(*text));
    }
}

/// Values of other types than their fields, and ids that nothing has, are a defect of whoever asks.
pub async fn senseless_values_are_refused(store: impl Store) {
    let world = world(&store).await;
    let with = |told| PersonChange { fields: vec![told], ..new("a@example.com") };
    let nowhere = PersonField::Custom(FieldId(999));
    for change in [
        with(field(None, &world.fields[1], Value::text("3"))),
        with(field(None, nowhere, Value::text("3"))),
        with(field(None, BuiltIn::LifetimeValue, Value::Float(f64::NAN))),
        with(field(None, BuiltIn::Ip, Value::text("nowhere"))),
        PersonChange { tags: vec![TagId(999)], ..new("a@example.com") },
        PersonChange { companies: vec![CompanyId(999)], ..new("a@example.com") },
        PersonChange {
            permissions: vec![line(None, ListId(-1), permission(ListStatus::Active, 1))],
            ..new("a@example.com")
        },
    ] {
        let failed = store.apply(&batch(desk(1), vec![change.clone()])).await.unwrap_err();
        assert_eq!(failed.code(), Code::Bug, "{change:?}");
    }
    assert_eq!(store.outbox(0, 10).await.unwrap(), []);
}

/// SX-6: companies are found by link, else by domain, else by name, over several calls.
pub async fn companies_are_found_again(store: impl Store) {
    let shown = |key: Option<&str>, name: &str, url: Option<&str>| ShownCompany {
        key: key.map(str::to_owned),
        name: name.to_owned(),
        url: url.map(str::to_owned),
    };
    let first = store
        .companies(
            &shop(),
            &[shown(Some("1"), "Acmé", Some("https://www.acme.example/x")), shown(None, "Zed", None)],
        )
        .await
        .unwrap();
    let again = store
        .companies(
            &shop(),
            &[
                shown(Some("1"), "Acmé Ltd", None),
                shown(None, "whoever", Some("acme.example")),
                shown(None, "ZED", None),
                shown(Some("2"), "Zed", None),
                shown(Some("3"), "", Some("nameless.example")),
            ],
        )
        .await
        .unwrap();
    let third = store.companies(&shop(), &[shown(None, "", Some("nameless.example"))]).await.unwrap();

    assert_eq!(again[..4], [first[0], first[0], first[1], first[1]]);
    assert_eq!(third[0], again[4]);
    let found = store.companies_of(&[first[0], first[1], CompanyId(999)]).await.unwrap();
    let found: Vec<(&str, Option<&str>, usize)> = found
        .iter()
        .map(|company| (company.name.as_str(), company.domain.as_deref(), company.links.len()))
        .collect();
    assert_eq!(found, [("Acmé Ltd", Some("acme.example"), 1), ("Zed", None, 1)]);
}

/// SX-2, SX-9: a second look at the same catalogue changes nothing, and a preview writes nothing.
pub async fn catalogue_is_adopted_once(store: impl Store) {
    let preview = store.would_adopt(&shop(), &catalogue()).await.unwrap();
    assert!(preview.lists.iter().all(|list| list.id.0 < 0));
    assert!(preview.fields.iter().all(|field| field.id.0 < 0));
    assert_eq!((store.lists().await.unwrap(), store.fields().await.unwrap()), (Vec::new(), Vec::new()));

    let first = store.adopt(&shop(), &catalogue(), &desk(1)).await.unwrap();
    assert_eq!(store.adopt(&shop(), &catalogue(), &desk(2)).await.unwrap(), first);
    assert_eq!(store.would_adopt(&shop(), &catalogue()).await.unwrap(), first);
    let mut renamed = catalogue();
    renamed.lists[0].name = "Weekly".to_owned();
    renamed.fields[0].options = vec!["bronze".to_owned()];
    renamed.fields.truncate(1);
    let second = store.adopt(&shop(), &renamed, &desk(3)).await.unwrap();
    assert_eq!((second.lists[0].id, second.lists[0].name.as_str()), (first.lists[0].id, "Weekly"));
    let other = store.adopt(&ConnectionName::new("blog"), &catalogue(), &desk(4)).await.unwrap();
    assert_eq!(other.lists[1].name, "Offers [blog]");

    let names: Vec<String> = store.lists().await.unwrap().into_iter().map(|list| list.name).collect();
    assert_eq!(names, ["Events", "Events [blog]", "News", "Offers", "Offers [blog]", "Weekly"]);
    let fields = store.fields().await.unwrap();
    assert_eq!(fields.len(), 14, "a field that is gone over there stays");
    let text = fields.iter().find(|field| field.id == first.fields[0].id).unwrap();
    assert_eq!(
        (text.name.as_str(), text.options.as_slice()),
        ("Field text", ["bronze".to_owned()].as_slice())
    );
    assert_eq!(text.tag.as_deref(), Some("TEXT"));
}

/// A tag is made once, whatever the case.
pub async fn tags_are_one_without_case(store: impl Store) {
    let first = store.tag("Straße").await.unwrap();
    let long = "t".repeat(5_000);
    store.tag(&long).await.unwrap();

    assert_eq!(store.tag("STRASSE").await.unwrap(), first);
    assert_eq!(store.tag(&long.to_uppercase()).await.unwrap().name, long);
    assert_eq!(store.tags().await.unwrap().len(), 2);
}

/// Each change of a person has one row, oldest first, with the connection it came through.
pub async fn outbox_tells_every_change(store: impl Store) {
    let ids = apply(&store, run("r-1", 1), vec![new("a@example.com"), new("b@example.com")]).await;
    let b = person(&store, ids[1]).await;
    let change = PersonChange { marks: vec![(Mark::Spam, at(2))], ..of(&b) };
    apply(&store, desk(2), vec![change]).await;

    let rows = store.outbox(0, 10).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.person, row.connection.clone(), row.at)).collect();
    let expected = [(ids[0], Some(shop()), at(1)), (ids[1], Some(shop()), at(1)), (ids[1], None, at(2))];
    assert_eq!(told, expected);
    assert!(rows.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert_eq!(store.outbox(rows[0].number, 1).await.unwrap(), rows[1..2]);
}
