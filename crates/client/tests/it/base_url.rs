//! Addresses as users paste them.

use achub_client::BaseUrl;
use achub_core::Code;
use proptest::prelude::*;

fn parsed(pasted: &str) -> (String, Vec<String>) {
    let pasted = BaseUrl::parse(pasted).unwrap_or_else(|error| panic!("{pasted:?}: {error}"));
    (pasted.url.to_string(), pasted.notes)
}

/// SX-28, AB-131, EV-22, EV-23: paste damage is repaired and no region is assumed.
#[test]
fn pasted_addresses_become_the_base_url() {
    let us1 = "https://acme.api-us1.com";
    let cases = [
        ("https://acme.api-us1.com", us1),
        ("https://acme.api-us1.com/", us1),
        ("  https://acme.api-us1.com \r\n", us1),
        ("https://acme.\n  api-us1.com", us1),
        ("\"https://acme.api-us1.com\"", us1),
        ("“https://acme.api-us1.com”", us1),
        ("<https://acme.api-us1.com>", us1),
        ("\u{feff}https://acme.api-us1.com\u{200b}", us1),
        ("acme.api-us1.com", us1),
        ("//acme.api-us1.com", us1),
        ("HTTPS://ACME.API-US1.COM", us1),
        ("https://acme.api-us1.com:443", us1),
        ("https://acme.api-us1.com.", us1),
        ("https://acme.api-us1.com/api/3", us1),
        ("https://acme.api-us1.com/api/3/", us1),
        ("https://acme.api-us1.com/api/3/contacts?limit=1", us1),
        ("https://acme.api-eu7.com", "https://acme.api-eu7.com"),
        ("https://mail.acme.example/", "https://mail.acme.example"),
        ("https://acme.activehosted.com/app/contacts", "https://acme.activehosted.com"),
        ("https://acme.activehosted.com/admin/#settings", "https://acme.activehosted.com"),
        ("http://127.0.0.1:8075/api/3", "http://127.0.0.1:8075"),
        ("localhost:8075", "https://localhost:8075"),
        ("http://[::1]:8075", "http://[::1]:8075"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ];
    for (pasted, expected) in cases {
        assert_eq!(parsed(pasted).0, expected, "{pasted:?}");
    }
}

/// EV-22: what was made of the address is said, and where the right one is found.
#[test]
fn changes_of_the_address_are_told() {
    let cases: [(&str, &[&str]); 6] = [
        ("https://acme.api-us1.com/", &[]),
        ("acme.api-us1.com", &["added https://"]),
        ("https://acme.api-us1.com/api/3/contacts", &["took off \"/api/3/contacts\""]),
        (
            "https://acme.activehosted.com/app/contacts",
            &["/app/contacts, a page of the browser", "Settings → Developer"],
        ),
        ("https://acme.api-us1.com/api/3?limit=1", &["took off \"/api/3\"", "question mark"]),
        ("acme.activehosted.com/#/contacts", &["added https://", "page of the browser"]),
    ];
    for (pasted, expected) in cases {
        let notes = parsed(pasted).1.join("\n");
        assert_eq!(notes.is_empty(), expected.is_empty(), "{pasted}: {notes}");
        for part in expected {
            assert!(notes.contains(part), "{pasted}: {notes}");
        }
    }
}

/// RC-1, SX-25: a bare account name is tried on the known hosts, and the user learns which.
#[test]
fn bare_account_name_offers_known_hosts() {
    let pasted = BaseUrl::parse(" YourCompany ").unwrap();

    let candidates: Vec<String> = pasted.candidates().iter().map(BaseUrl::to_string).collect();

    assert_eq!(candidates, ["https://yourcompany.api-us1.com", "https://yourcompany.activehosted.com"]);
    for part in ["yourcompany", "api-us1.com", "activehosted.com", "Settings → Developer"] {
        assert!(pasted.notes[0].contains(part), "{:?}", pasted.notes);
    }
}

/// S-S: what parsers read differently is refused, and passwords are not repeated.
#[test]
fn ambiguous_addresses_are_refused() {
    let cases = [
        "",
        "   ",
        "\"\"",
        "https://",
        "https:///path",
        "https://.",
        "ftp://acme.api-us1.com",
        "file:///etc/passwd",
        "gopher://acme.api-us1.com",
        "javascript://acme.api-us1.com",
        "https://mia:pass-word@acme.api-us1.com",
        "https://@acme.api-us1.com",
        "https://acme.api-us1.com@evil.example",
        "mia@acme.example",
        "https://acme.api-us1.com\\@evil.example",
        "https:\\\\acme.api-us1.com",
        "https://acme.api-us1.com:99999",
        "https://acme%00.api-us1.com",
        "https://ac me|.com",
        "https://[fe80::1%25eth0]",
        "https://1.2.3.4.5",
        "https://256.1.1.1",
        "https://acme..",
        "https://acme..api-us1.com",
        "https://acme\".api-us1.com",
        "https://acme.api-us1.com\"?",
        "https://acme*.api-us1.com",
    ];
    for pasted in cases {
        match BaseUrl::parse(pasted) {
            Ok(parsed) => panic!("{pasted:?} became {}", parsed.url),
            Err(error) => {
                assert_eq!(error.code(), Code::AddressNotAllowed, "{pasted:?}");
                let shown = format!("{error} {:?} {}", error.details(), error.hint());
                assert!(!shown.contains("pass-word"), "{shown}");
            }
        }
    }
}

/// One account has one budget, whichever of its addresses is used.
#[test]
fn addresses_of_one_account_share_its_name() {
    let cases = [
        ("https://acme.api-us1.com", "acme.activehosted.com"),
        ("https://ACME.activehosted.com", "acme.activehosted.com"),
        ("https://acme.api-eu7.com", "acme.activehosted.com"),
        ("https://mail.acme.example", "mail.acme.example"),
        ("https://acme.api-.com", "acme.api-.com"),
        ("https://a.b.api-us1.com", "a.b.api-us1.com"),
        ("http://127.0.0.1:8075", "127.0.0.1:8075"),
        ("http://127.0.0.1:8076", "127.0.0.1:8076"),
    ];
    for (url, name) in cases {
        assert_eq!(BaseUrl::parse(url).unwrap().url.account().as_str(), name, "{url}");
    }
}

proptest! {
    /// S-U, fuzz target 18: no text panics, and what was made of one is not changed any further.
    #[test]
    fn parsing_twice_changes_nothing(pasted in pasted_text()) {
        if let Ok(first) = BaseUrl::parse(&pasted) {
            let second = BaseUrl::parse(&first.url.to_string()).unwrap();
            prop_assert_eq!(&second.url, &first.url);
            prop_assert!(second.notes.is_empty(), "{:?}", second.notes);
            prop_assert_eq!(second.url.account(), first.url.account());
        }
    }
}

fn pasted_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "https://",
        "http://",
        "//",
        "acme",
        ".api-us1.com",
        ".activehosted.com",
        "/api/3",
        "/app",
        ":8075",
        "@",
        "#",
        "?a=b",
        "\\",
        "%2e",
        "．",
        "１",
        "0x7f",
        "127.1",
        "[::1]",
        "..",
        ".",
        "-",
        " ",
        "\n",
        "\"",
        "ß",
        "xn--",
        "\u{200b}",
    ]);
    prop_oneof![any::<String>(), prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())]
}
