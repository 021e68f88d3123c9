//! Names in several scripts, each with the Latin spelling used in an address.

use super::Scope;
use crate::chance::salt;

const FIRST: &[(&str, &str)] = &[
    ("Ada", "ada"),
    ("Zofia", "zofia"),
    ("José", "jose"),
    ("Łukasz", "lukasz"),
    ("Søren", "soren"),
    ("Αλέξης", "alexis"),
    ("Ольга", "olga"),
    ("Дмитро", "dmytro"),
    ("محمد", "mohammed"),
    ("שרה", "sara"),
    ("美咲", "misaki"),
    ("伟", "wei"),
    ("민준", "minjun"),
    ("आरव", "aarav"),
    ("สมชาย", "somchai"),
    ("Nguyễn", "nguyen"),
    ("Marie-Claire", "marie-claire"),
    ("O'Brian", "obrian"),
    ("İpek", "ipek"),
    ("Grace", "grace"),
    ("Tomás", "tomas"),
    ("Anneliese", "anneliese"),
    ("Kofi", "kofi"),
];

const LAST: &[(&str, &str)] = &[
    ("Byron", "byron"),
    ("Nowak", "nowak"),
    ("García Márquez", "garcia"),
    ("Żółć", "zolc"),
    ("Ærøskøbing", "aeroskobing"),
    ("Παπαδόπουλος", "papadopoulos"),
    ("Иванова", "ivanova"),
    ("Шевченко", "shevchenko"),
    ("العلي", "alali"),
    ("כהן", "cohen"),
    ("佐藤", "sato"),
    ("王", "wang"),
    ("김", "kim"),
    ("शर्मा", "sharma"),
    ("Van der Berg", "vandenberg"),
    ("Müller-Lüdenscheidt", "mueller"),
    ("Smith \"Smitty\"", "smith"),
    ("Öztürk", "ozturk"),
    ("Hopper", "hopper"),
];

const DOMAINS: &[&str] =
    &["example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "bücher.example"];

pub(super) fn first(scope: &Scope, contact: u64) -> &'static (&'static str, &'static str) {
    &FIRST[(scope.mix(const { salt("first name") }, contact) % FIRST.len() as u64) as usize]
}

pub(super) fn last(scope: &Scope, contact: u64) -> &'static (&'static str, &'static str) {
    &LAST[(scope.mix(const { salt("last name") }, contact) % LAST.len() as u64) as usize]
}

pub(super) fn domain(scope: &Scope, contact: u64) -> &'static str {
    scope.word(const { salt("domain") }, contact, DOMAINS)
}

/// The address of a seeded contact. It holds the id, so that it is unique and leads back to the contact.
pub(super) fn email(scope: &Scope, contact: u64) -> String {
    format!("{}.{}.{contact}@{}", first(scope, contact).1, last(scope, contact).1, domain(scope, contact))
}

/// The id in an address made by [`email`].
pub(super) fn id_in(email: &str) -> Option<u64> {
    email.split_once('@')?.0.rsplit_once('.')?.1.parse().ok()
}
