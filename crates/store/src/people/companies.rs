//! Companies of the store for those shown: by link, else by domain, else by name.

use achub_core::{
    ConnectionName,
    email::{fold, normal_domain},
    person::{Company, CompanyId, Link},
    port::incoming::ShownCompany,
};

/// What was found, and what has to be written for it.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// For each one shown, in order.
    pub(crate) ids: Vec<CompanyId>,
    /// Companies that are new or differ from what is held, as they are from now on.
    pub(crate) changed: Vec<Company>,
    pub(crate) last: i64,
}

/// The domain of an address in the web: `https://www.Example.com/about` is at `example.com`.
pub(crate) fn domain_of(url: &str) -> Option<String> {
    let rest = url.trim().split_once("://").map_or(url.trim(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let domain = normal_domain(host)?;
    let bare = domain.strip_prefix("www.").filter(|bare| bare.contains('.')).map(str::to_owned);
    Some(bare.unwrap_or(domain)).filter(|domain| domain.contains('.'))
}

/// Settles those shown among `held`, which has everybody they could be.
///
/// A company that is linked to another one of the same account is not the one that is shown, whatever its name.
pub(crate) fn settle(
    held: Vec<Company>,
    connection: &ConnectionName,
    shown: &[ShownCompany],
    last: i64,
) -> Settled {
    let before = held.clone();
    let mut all = held;
    let mut settled = Settled { last, ..Settled::default() };
    for item in shown {
        let link = item.key.as_ref().map(|key| Link { connection: connection.clone(), key: key.clone() });
        let domain = item.url.as_deref().and_then(domain_of);
        let name = name_of(item, domain.as_deref());
        let place = find(&all, connection, link.as_ref(), domain.as_deref(), &name);
        let place = place.unwrap_or_else(|| {
            settled.last += 1;
            let id = CompanyId(settled.last);
            all.push(Company { id, name: name.clone(), domain: None, links: Vec::new() });
            all.len() - 1
        });
        let company = &mut all[place];
        update(company, link, name, domain);
        settled.ids.push(company.id);
    }
    let differs = |company: &&Company| !before.contains(company);
    settled.changed = all.iter().filter(differs).cloned().collect();
    settled
}

/// A company without a name is called by what else is known of it.
fn name_of(shown: &ShownCompany, domain: Option<&str>) -> String {
    let name = shown.name.trim();
    if !name.is_empty() {
        return name.to_owned();
    }
    domain.map(str::to_owned).or_else(|| shown.key.clone()).unwrap_or_default()
}

fn find(
    all: &[Company],
    connection: &ConnectionName,
    link: Option<&Link>,
    domain: Option<&str>,
    name: &str,
) -> Option<usize> {
    let by_link = link.and_then(|link| all.iter().position(|company| company.links.contains(link)));
    // Without a key it may be any of them.
    let may_be = |company: &Company| {
        link.is_none() || !company.links.iter().any(|held| held.connection == *connection)
    };
    let by_domain = || {
        domain.and_then(|domain| {
            all.iter().position(|company| company.domain.as_deref() == Some(domain) && may_be(company))
        })
    };
    let wanted = fold(name);
    let differs = |company: &Company| {
        domain.is_some_and(|domain| company.domain.as_deref().is_some_and(|held| held != domain))
    };
    let by_name = || {
        all.iter().position(|company| fold(&company.name) == wanted && may_be(company) && !differs(company))
    };
    by_link.or_else(by_domain).or_else(by_name)
}

/// What is linked follows its name over there; a domain that is known stays until another one is shown.
fn update(company: &mut Company, link: Option<Link>, name: String, domain: Option<String>) {
    let is_linked = link.as_ref().is_some_and(|link| company.links.contains(link));
    if is_linked {
        company.name = name;
        company.domain = domain.or(company.domain.take());
        return;
    }
    company.domain = company.domain.take().or(domain);
    company.links.extend(link);
    company.links.sort();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: Option<&str>, name: &str, url: Option<&str>) -> ShownCompany {
        ShownCompany { key: key.map(str::to_owned), name: name.to_owned(), url: url.map(str::to_owned) }
    }

    fn ids(settled: &Settled) -> Vec<i64> {
        settled.ids.iter().map(|id| id.0).collect()
    }

    #[test]
    fn domains_are_taken_out_of_addresses() {
        for (url, domain) in [
            ("https://www.Example.com/about?x", Some("example.com")),
            ("example.com:8080", Some("example.com")),
            ("http://user@bücher.example", Some("xn--bcher-kva.example")),
            ("www.com", Some("www.com")),
            ("n/a", None),
            ("", None),
        ] {
            assert_eq!(domain_of(url).as_deref(), domain, "{url}");
        }
    }

    #[test]
    fn link_comes_before_domain_before_name() {
        let connection = ConnectionName::new("shop");
        let all = [
            shown(Some("1"), "Acme", Some("acme.example")),
            shown(None, "ACME", None),
            shown(None, "Other words", Some("https://www.acme.example")),
            shown(Some("1"), "Acme Ltd", None),
            shown(Some("2"), "Acme Ltd", None),
        ];
        let settled = settle(Vec::new(), &connection, &all, 0);
        assert_eq!(ids(&settled), [1, 1, 1, 1, 2]);
        assert_eq!(settled.changed[0].name, "Acme Ltd");
        let again = settle(settled.changed, &connection, &all[3..], settled.last);
        assert_eq!((ids(&again), again.changed.len()), (vec![1, 2], 0));
    }

    #[test]
    fn same_name_at_two_domains_is_two_companies() {
        let connection = ConnectionName::new("shop");
        let all = [shown(None, "Acme", Some("acme.example")), shown(None, "Acme", Some("acme.test"))];
        assert_eq!(ids(&settle(Vec::new(), &connection, &all, 0)), [1, 2]);
    }
}
