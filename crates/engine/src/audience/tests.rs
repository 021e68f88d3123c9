//! Texts, trees, prints and reasons, each beside the others.

use achub_core::{
    Code, EmailAddress, FieldType, Value,
    condition::{Comparison, Condition, Facts, Literal, Subject},
    consent::{Cause, ListStatus, Permission, SuppressionReason},
    email::LocalParts,
    person::{
        BuiltIn, Company, CompanyId, CustomField, FieldId, List, ListId, Mark, Membership, Person,
        PersonField, PersonId, PersonValue, Provenance, Tag, TagId,
    },
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{Case, Names, explain, parse, print};

fn now() -> Timestamp {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

fn at(text: &str) -> Literal {
    Literal::Instant(text.parse().unwrap())
}

fn names() -> Names {
    let list = |id, name: &str| List { id: ListId(id), name: name.to_owned(), link: None };
    let tag = |id, name: &str| Tag { id: TagId(id), name: name.to_owned() };
    let field = |id, name: &str, field_type, tag: Option<&str>| CustomField {
        id: FieldId(id),
        name: name.to_owned(),
        field_type,
        options: Vec::new(),
        link: None,
        tag: tag.map(str::to_owned),
    };
    Names {
        lists: vec![list(1, "Newsletter"), list(2, "Offers"), list(3, "offers")],
        tags: vec![tag(1, "vip"), tag(2, "trial"), tag(3, "odd \"quoted\\ name")],
        fields: vec![
            field(1, "Loyalty tier", FieldType::Text, Some("TIER")),
            field(2, "Orders", FieldType::Integer, None),
            field(3, "Newsletter wanted", FieldType::Boolean, None),
            field(4, "Hobbies", FieldType::Json, None),
            field(5, "Renewal", FieldType::Date, None),
            field(6, "Seen", FieldType::Timestamp, None),
            field(7, "Note", FieldType::Text, None),
            field(8, "Home-city", FieldType::Text, None),
            field(9, "Home city", FieldType::Text, None),
            field(10, "company", FieldType::Text, None),
        ],
    }
}

fn custom(id: i64, field_type: FieldType) -> Subject {
    Subject::Field(PersonField::Custom(FieldId(id)), field_type)
}

fn compare(subject: Subject, comparison: Comparison, literal: Literal) -> Condition {
    Condition::Compare(subject, comparison, literal)
}

fn text(text: &str) -> Literal {
    Literal::Text(text.to_owned())
}

fn read(text: &str) -> Condition {
    parse(text, &names(), now()).unwrap_or_else(|error| panic!("{text}: {error}\n{:?}", error.details()))
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// AB-90: the language reads what people write.
#[test]
fn statements_become_the_tree_they_say() {
    use Comparison::{AtLeast, AtMost, Contains, EndsWith, Equals, Less};
    let vip = || Condition::Tagged(TagId(1));
    let tier = || custom(1, FieldType::Text);
    let cases = [
        (
            "tag = \"vip\" and not bounced and company.domain ends_with \".de\"",
            Condition::All(vec![
                vip(),
                not(Condition::Marked(Mark::Bounced)),
                compare(Subject::CompanyDomain, EndsWith, text(".de")),
            ]),
        ),
        ("TAG = 'VIP'", vip()),
        ("tag = 1", vip()),
        ("tag != 'vip'", not(vip())),
        ("tag in ('vip', 'trial')", Condition::Any(vec![vip(), Condition::Tagged(TagId(2))])),
        ("list = 'newsletter'", Condition::ActiveOn(ListId(1))),
        ("on list 'Offers'", Condition::ActiveOn(ListId(2))),
        ("ever on list 'offers'", Condition::EverOn(ListId(3))),
        ("tier = 'gold'", compare(tier(), Equals, text("gold"))),
        ("loyalty_tier = 'gold'", compare(tier(), Equals, text("gold"))),
        ("field 'loyalty tier' not contains 'go'", not(compare(tier(), Contains, text("go")))),
        ("field \"company\" is known", Condition::IsKnown(custom(10, FieldType::Text))),
        ("newsletter_wanted", compare(custom(3, FieldType::Boolean), Equals, Literal::Boolean(true))),
        ("orders <= -2.5", compare(custom(2, FieldType::Integer), AtMost, Literal::Number(-2.5))),
        (
            "orders between 3 and 10 or mailable",
            Condition::Any(vec![
                Condition::All(vec![
                    compare(custom(2, FieldType::Integer), AtLeast, Literal::Number(3.0)),
                    compare(custom(2, FieldType::Integer), AtMost, Literal::Number(10.0)),
                ]),
                Condition::Mailable,
            ]),
        ),
        ("renewal < 2 weeks from now", compare(custom(5, FieldType::Date), Less, at("2026-04-14T00:00:00Z"))),
        (
            "email.domain = 'bücher.example'",
            compare(Subject::EmailDomain, Equals, text("xn--bcher-kva.example")),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn days_count_as_a_whole() {
    use Comparison::{AtLeast, Less};
    let updated = |comparison, text| compare(Subject::UpdatedAt, comparison, at(text));
    let all_of = |from, to| Condition::All(vec![updated(AtLeast, from), updated(Less, to)]);
    for (text, expected) in [
        ("updated_at > 2026-01-01", updated(AtLeast, "2026-01-02T00:00:00Z")),
        ("updated_at >= '2026-01-01'", updated(AtLeast, "2026-01-01T00:00:00Z")),
        ("updated_at < 2026-01-01", updated(Less, "2026-01-01T00:00:00Z")),
        ("updated_at <= 2026-01-31", updated(Less, "2026-02-01T00:00:00Z")),
        ("updated_at = yesterday", all_of("2026-03-30T00:00:00Z", "2026-03-31T00:00:00Z")),
        (
            "updated_at between 2026-02-01 and 2026-02-28",
            all_of("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn relative_times_are_counted_from_now() {
    for (text, expected) in [
        ("created_at > 30 days ago", "2026-03-01T12:00:00Z"),
        ("created_at > 1 month ago", "2026-02-28T12:00:00Z"),
        ("created_at > 90 minutes ago", "2026-03-31T10:30:00Z"),
        ("created_at > 1 year from now", "2027-03-31T12:00:00Z"),
        ("created_at > now", "2026-03-31T12:00:00Z"),
    ] {
        let expected = compare(Subject::CreatedAt, Comparison::Greater, at(expected));
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn faults_name_place_and_what_comes_near() {
    for (text, place, expected) in [
        ("", 1, "it is empty"),
        ("tag = \"vipp\"", 7, "there is no tag \"vipp\", did you mean \"vip\"?"),
        ("list = 'Newletter'", 8, "there is no list \"Newletter\", did you mean \"Newsletter\"?"),
        ("list = 'OFFERS'", 8, "there are several: \"Offers\", \"offers\"; spell the list exactly"),
        ("field 'Loyality tier' is known", 7, "did you mean \"Loyalty tier\"?"),
        ("emial.domain = 'x'", 1, "there is no field \"emial.domain\", did you mean email.domain?"),
        ("boucned", 1, "did you mean bounced?"),
        ("home_city = 'Ulm'", 1, "home_city may be field \"Home-city\" or field \"Home city\""),
        ("first_name > 'a'", 12, "first_name is text; it is compared by =, !=, in,"),
        ("orders contains 'a'", 8, "orders is a number; it is compared by"),
        ("orders = 'three'", 10, "a number for orders was expected, got \"three\""),
        ("hobbies = 'golf'", 9, "hobbies holds several choices; it is compared by contains"),
        ("created_at > 30 days", 21, "\"ago\" or \"from now\" was expected, it ends here"),
        ("created_at > 2026-02-30", 14, "a time such as 2026-01-31"),
        ("renewal > 2026-01-31T10:00:00Z", 11, "a day such as 2026-01-31 for renewal was expected"),
        ("created_at > 99999 years ago", 14, "no calendar reaches that far"),
        ("first_name = Ann", 14, "a text in quotes for first_name was expected, got Ann"),
        ("first_name endswith 'a'", 12, "did you mean ends_with?"),
        ("bounced spam", 9, "\"and\", \"or\" or the end was expected, got spam"),
        ("(bounced", 9, "\")\" was expected, it ends here"),
        ("bounced and", 12, "a statement such as tag = \"…\" was expected"),
        ("and bounced", 1, "a statement such as tag = \"…\" was expected, got and"),
        ("tag = 'vip", 7, "the text is not closed"),
        ("tag = 99", 7, "there is no tag with the number 99"),
        ("bounced; drop table x", 8, "\";\" is not understood"),
    ] {
        let error = parse(text, &names(), now()).expect_err(text);
        assert_eq!(error.code(), Code::BadCondition, "{text}");
        let start = format!("the condition cannot be read at character {place}: ");
        assert!(error.message().starts_with(&start), "{text}: {}", error.message());
        assert!(error.message().contains(expected), "{text}: {}", error.message());
        let (_, pointer) = error.details().iter().find(|(name, _)| *name == "at").expect("the place");
        let caret = pointer.lines().last().unwrap();
        assert_eq!(caret.chars().count(), place, "{text}: {pointer}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let refused = |text: String, why: &str| {
        let error = parse(&text, &names(), now()).unwrap_err();
        assert!(error.message().contains(why), "{}", error.message());
    };
    refused(format!("{}bounced", "not ".repeat(1_000)), "nested deeper than 32");
    refused(format!("{}bounced{}", "(".repeat(1_000), ")".repeat(1_000)), "nested deeper than 32");
    refused(vec!["spam"; 501].join(" or "), "more than 500 statements");
    refused(format!("ip in ({})", vec!["'a'"; 501].join(",")), "more than 500 statements");
    refused("x".repeat(20_001), "longer than 20000 characters");
    read(&format!("{}bounced", "not ".repeat(32)));
    read(&format!("ip in ({})", vec!["'a'"; 500].join(",")));
}

/// Every example of the page is read, and what is printed of it reads the same.
#[test]
fn examples_of_the_page_are_read() {
    let page = include_str!("../../../../docs/audiences.md");
    let blocks = page.split("```audience\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let examples: Vec<&str> = blocks.flat_map(|(block, _)| block.lines()).collect();
    assert!(examples.len() >= 25, "{} examples", examples.len());
    for example in examples {
        let condition = read(example);
        assert_eq!(read(&print(&condition, &names())), condition, "{example}");
    }
    for word in super::grammar::STATEMENTS {
        assert!(page.contains(word), "{word} is not explained");
    }
}

fn subject_and_literal() -> impl Strategy<Value = (Subject, Comparison, Literal)> {
    use Comparison::{AtLeast, AtMost, Contains, EndsWith, Equals, Greater, Less, StartsWith};
    let texts = prop::sample::select(vec![Equals, Contains, StartsWith, EndsWith]);
    let orders = prop::sample::select(vec![Equals, Less, AtMost, Greater, AtLeast]);
    let instant = (-62_000_000_000_i64..253_000_000_000, 0..1_000_000_000_i32)
        .prop_map(|(second, nano)| Literal::Instant(Timestamp::new(second, nano).unwrap()));
    let day = (-700_000_i64..2_900_000)
        .prop_map(|day| Literal::Instant(Timestamp::from_second(day * 86_400).unwrap()));
    let text_subject = prop::sample::select(vec![
        Subject::Field(PersonField::BuiltIn(BuiltIn::Email), FieldType::Text),
        Subject::Field(PersonField::BuiltIn(BuiltIn::SourcePage), FieldType::Text),
        Subject::CompanyName,
        custom(1, FieldType::Text),
        custom(10, FieldType::Text),
    ]);
    let domain = prop::sample::select(vec![Subject::EmailDomain, Subject::CompanyDomain]);
    let moment =
        prop::sample::select(vec![Subject::CreatedAt, Subject::UpdatedAt, custom(6, FieldType::Timestamp)]);
    let number = prop::sample::select(vec![
        custom(2, FieldType::Integer),
        Subject::Field(PersonField::BuiltIn(BuiltIn::LifetimeValue), FieldType::Float),
    ]);
    let finite = any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Literal::Number);
    prop_oneof![
        (text_subject, texts.clone(), any::<String>().prop_map(Literal::Text)),
        (domain, texts, "[ -~]{0,20}".prop_map(Literal::Text)),
        (moment, orders.clone(), instant),
        (Just(custom(5, FieldType::Date)), orders.clone(), day),
        (number, orders, finite),
        (Just(custom(3, FieldType::Boolean)), Just(Equals), any::<bool>().prop_map(Literal::Boolean)),
        (Just(custom(4, FieldType::Json)), Just(Contains), any::<String>().prop_map(Literal::Text)),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        Just(Condition::Everybody),
        Just(Condition::Mailable),
        (1..4_i64).prop_map(|id| Condition::Tagged(TagId(id))),
        (1..4_i64).prop_map(|id| Condition::ActiveOn(ListId(id))),
        (1..4_i64).prop_map(|id| Condition::EverOn(ListId(id))),
        prop::sample::select(Mark::ALL.to_vec()).prop_map(Condition::Marked),
        subject_and_literal().prop_map(|(subject, ..)| Condition::IsKnown(subject)),
        subject_and_literal().prop_map(|(subject, how, literal)| compare(subject, how, literal)),
    ];
    leaf.prop_recursive(6, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..5).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 2..5).prop_map(Condition::Any),
            inner.prop_map(not),
        ]
    })
}

fn ann() -> Person {
    let second = |text: &str| text.parse::<Timestamp>().unwrap();
    let value = |field, value| PersonValue {
        field: FieldId(field),
        value,
        provenance: Provenance { connection: None, run: None, at: now() },
    };
    let on = |list, status, cause| Membership {
        list: ListId(list),
        permission: Permission { status, cause, since: Some(second("2026-03-02T10:00:00Z")) },
    };
    Person {
        id: PersonId(1),
        version: 1,
        email: Some(EmailAddress::parse("Ann@Example.com", LocalParts::FoldCase).unwrap()),
        first_name: Some("Ann".to_owned()),
        last_name: None,
        company: Some("Acme".to_owned()),
        companies: vec![CompanyId(1), CompanyId(2)],
        ip: None,
        source: None,
        source_page: None,
        lifetime_value: Some(99.5),
        marks: vec![(Mark::Bounced, second("2026-03-02T10:00:00Z"))],
        memberships: vec![
            on(1, ListStatus::Unsubscribed, Cause::Person),
            on(2, ListStatus::Active, Cause::Unknown),
        ],
        tags: vec![TagId(2)],
        values: vec![
            value(1, Value::text("gold")),
            value(2, Value::Integer(3)),
            value(4, Value::Json("[\"Sailing\"]".into())),
        ],
        links: Vec::new(),
        created_at: second("2026-01-01T00:00:00Z"),
        updated_at: second("2026-03-02T10:00:00Z"),
    }
}

fn companies() -> Vec<Company> {
    let company = |id, name: &str, domain: Option<&str>| Company {
        id: CompanyId(id),
        name: name.to_owned(),
        domain: domain.map(str::to_owned),
        links: Vec::new(),
    };
    vec![company(1, "Acme GmbH", Some("acme.de")), company(2, "Acme Ltd", Some("acme.example"))]
}

fn told(text: &str) -> (bool, Vec<String>) {
    let (person, companies) = (ann(), companies());
    let facts = Facts { person: &person, companies: &companies, is_suppressed: false };
    let explanation = explain(&read(text), &Case { facts, suppression: None }, &names());
    (explanation.is_included, explanation.reasons)
}

/// What conditions mean, case by case.
#[test]
fn conditions_hold_for_whom_they_say() {
    for (text, expected) in [
        ("email = 'ANN@EXAMPLE.COM'", true),
        ("first_name starts_with 'a' and first_name ends_with 'N'", true),
        ("last_name is empty and last_name != 'x' and not last_name contains ''", true),
        ("company.domain ends_with '.de' and company.domain ends_with '.example'", true),
        ("company.domain ends_with '.fr'", false),
        ("tag = 'trial' and tag != 'vip'", true),
        ("list = 'Newsletter'", false),
        ("ever on list 'Newsletter' and list = 'Offers'", true),
        ("hobbies contains 'sailing'", true),
        ("hobbies contains 'sail'", false),
        ("orders in (1, 3) and orders between 3 and 3", true),
        ("orders > 3 or newsletter_wanted", false),
        ("newsletter_wanted != true", true),
        ("updated_at = 2026-03-02 and updated_at > 30 days ago", true),
        ("updated_at > 2026-03-02", false),
        ("bounced or mailable", true),
        ("mailable", false),
        ("not everybody", false),
    ] {
        assert_eq!(told(text).0, expected, "{text}");
    }
}

/// AB-90, AB-91: who is left out and why.
#[test]
fn reasons_name_what_decided() {
    for (text, expected) in [
        ("tag = 'vip' and tag = 'trial'", vec!["she does not carry the tag \"vip\""]),
        ("tag = 'vip' or tag = 'trial'", vec!["she carries the tag \"trial\""]),
        ("not tag = 'trial'", vec!["she carries the tag \"trial\""]),
        (
            "list = 'Newsletter'",
            vec!["she is unsubscribed on the list \"Newsletter\" since 2026-03-02 10:00 UTC, by herself"],
        ),
        (
            "company.domain ends_with '.fr'",
            vec![
                "company.domain is \"acme.de\" and \"acme.example\", of which each does not end with \".fr\"",
            ],
        ),
        ("last_name = 'x'", vec!["last_name is not known, so it cannot be compared with \"x\""]),
        ("orders > 3", vec!["field \"Orders\" is 3, which is not more than 3"]),
        (
            "created_at > 2026-01-01T00:00:00Z",
            vec!["created_at is 2026-01-01 00:00 UTC, which is not after 2026-01-01T00:00:00Z"],
        ),
        ("last_name is known or spam", vec!["last_name is empty", "she is not marked spam"]),
        ("mailable", vec!["she is marked bounced since 2026-03-02 10:00 UTC"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(told(text).1, expected, "{text}");
    }
}

#[test]
fn everything_that_stops_mail_is_told() {
    let mut person = ann();
    person.email = None;
    person.marks.clear();
    person.memberships.truncate(1);
    let facts = Facts { person: &person, companies: &[], is_suppressed: true };
    let suppression = Some((SuppressionReason::Complained, now()));

    let explanation = explain(&Condition::Mailable, &Case { facts, suppression }, &names());

    assert!(!explanation.is_included);
    assert_eq!(
        explanation.reasons,
        [
            "she has no address",
            "her address is suppressed since 2026-03-31 12:00 UTC: she called our mail spam",
            "she is unsubscribed on the list \"Newsletter\" since 2026-03-02 10:00 UTC, by herself",
        ]
    );
}

proptest! {
    #[test]
    fn what_is_printed_reads_the_same(condition in conditions()) {
        let printed = print(&condition, &names());
        let again = parse(&printed, &names(), now());
        prop_assert!(again.is_ok(), "{printed}: {again:?}");
        prop_assert_eq!(again.unwrap(), condition, "{}", printed);
    }

    #[test]
    fn no_text_makes_the_parser_fall(text in "[ -~äß\"'()=\n]{0,60}") {
        let _ = parse(&text, &names(), now());
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "tag", "list", "field", "not", "and", "or", "(", ")", "=", "!=", "in", "is", "known", "between", "'vip'",
            "'Orders'", "orders", "3", "-", ",", "days", "ago", "created_at", "2026-01-31", "mailable", "ever", "on",
        ]), 0..14)
    ) {
        let text = words.join(" ");
        match parse(&text, &names(), now()) {
            Ok(condition) => prop_assert_eq!(read(&print(&condition, &names())), condition),
            Err(error) => prop_assert_eq!(error.code(), Code::BadCondition),
        }
    }

    #[test]
    fn somebody_is_in_or_out_for_a_reason(condition in conditions()) {
        let (person, companies) = (ann(), companies());
        let facts = Facts { person: &person, companies: &companies, is_suppressed: false };
        let explanation = explain(&condition, &Case { facts, suppression: None }, &names());
        prop_assert_eq!(explanation.is_included, condition.holds(&facts));
        prop_assert!(!explanation.reasons.is_empty());
    }
}
