//! The address of an account as users paste it, and what it is made into.

use std::fmt;

use achub_core::{AccountName, Code, Error};
use url::{Host, Url};

use crate::address::Policy;

/// Where the API address is shown; part of several messages.
const WHERE: &str = "the API address is under Settings → Developer in ActiveCampaign";

/// Hosts on which an account of a given name is tried, in this order. No region is promised by the vendor, so these are
/// guesses (activecampaign-api.md §2.2).
const KNOWN_HOSTS: &[&str] = &["api-us1.com", "activehosted.com"];

/// Scheme, host and, where it is not the usual one, port of an account. Never a path, query, fragment or user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// What was made of a pasted address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasted {
    /// The address to use.
    pub url: BaseUrl,
    /// What was changed and why, one sentence each without a full stop; empty where nothing worth telling was.
    pub notes: Vec<String>,
    /// Other addresses to try when `url` does not answer; filled where only an account's name was given.
    pub alternatives: Vec<BaseUrl>,
}

impl Pasted {
    /// All addresses worth trying, the likeliest first.
    pub fn candidates(&self) -> Vec<BaseUrl> {
        std::iter::once(&self.url).chain(&self.alternatives).cloned().collect()
    }
}

impl BaseUrl {
    /// Makes an address of what a user pasted.
    ///
    /// Blanks, line breaks and quotes are dropped, a missing scheme is `https`, path, query and fragment go; a bare
    /// account name is tried on the known hosts. Whether the address may be used is asked with [`BaseUrl::allowed`].
    ///
    /// Errors: `AC-101` for user names, back slashes, other schemes and what cannot be an address.
    pub fn parse(pasted: &str) -> Result<Pasted, Error> {
        let text = cleaned(pasted);
        if text.is_empty() {
            return Err(not_an_address(pasted, "it is empty"));
        }
        if let Some(name) = bare_account_name(&text) {
            return from_account_name(&name);
        }
        let mut notes = Vec::new();
        let url = parse_strictly(pasted, &with_scheme(&text, &mut notes))?;
        note_what_goes(&url, &mut notes);
        Ok(Pasted { url: BaseUrl(origin(pasted, &url)?), notes, alternatives: Vec::new() })
    }

    /// Whether `policy` lets this address be connected to, as far as can be told without looking the name up.
    ///
    /// Errors: `AC-101`.
    pub fn allowed(&self, policy: Policy) -> Result<(), Error> {
        let refuse =
            |what: &str| Err(Error::new(Code::AddressNotAllowed, what).with_detail("got", self.to_string()));
        if policy == Policy::PublicOnly && self.0.scheme() != "https" {
            return refuse("plain http is not allowed for this connection");
        }
        if policy == Policy::PublicOnly && self.0.port().is_some() {
            return refuse("only the usual port is allowed for this connection");
        }
        if host_allowed(&self.0, policy) { Ok(()) } else { refuse("the address is not allowed") }
    }

    /// Whose budget is spent at this address: the host in lower case, with the port where it is not the usual one.
    ///
    /// `NAME.api-….com` and `NAME.activehosted.com` are one account and share a budget.
    pub fn account(&self) -> AccountName {
        let host = self.host().to_ascii_lowercase();
        let name =
            account_on_known_host(&host).map(|name| format!("{name}.activehosted.com")).unwrap_or(host);
        match self.0.port() {
            Some(port) => AccountName::new(format!("{name}:{port}")),
            None => AccountName::new(name),
        }
    }

    /// The host as it is connected to.
    pub fn host(&self) -> &str {
        self.0.host_str().expect("an http address has a host")
    }

    /// Whether the connection is encrypted.
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The full address of `path` below `/api/3/` with `query`, both encoded here.
    pub(crate) fn endpoint(&self, path: &str, query: &[(String, String)]) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut()
            .expect("an http address has path segments")
            .clear()
            .extend(["api", "3"])
            .extend(path.split('/').filter(|segment| !segment.is_empty()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Whether `policy` allows the host of `url`, be it a name or an address.
pub(crate) fn host_allowed(url: &Url, policy: Policy) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => policy.allows_name(name),
        Some(Host::Ipv4(address)) => policy.allows_address(address.into()),
        Some(Host::Ipv6(address)) => policy.allows_address(address.into()),
        None => false,
    }
}

fn cleaned(pasted: &str) -> String {
    let quote = |c: char| matches!(c, '"' | '\'' | '`' | '<' | '>' | '“' | '”' | '„' | '‘' | '’' | '«' | '»');
    // Blanks go from inside too: an address that was broken over two lines in a mail.
    let invisible = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let visible: String = pasted.chars().filter(|&c| !invisible(c)).collect();
    visible.trim_matches(quote).to_owned()
}

fn bare_account_name(text: &str) -> Option<String> {
    let is_label = text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    (is_label && !text.eq_ignore_ascii_case("localhost")).then(|| text.to_ascii_lowercase())
}

fn from_account_name(name: &str) -> Result<Pasted, Error> {
    let mut urls = KNOWN_HOSTS
        .iter()
        .map(|host| Url::parse(&format!("https://{name}.{host}")).map(BaseUrl))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            not_an_address(name, "it is neither an address nor an account's name").with_source(error)
        })?;
    let url = urls.remove(0);
    let tried: Vec<String> = urls.iter().map(BaseUrl::to_string).collect();
    let note = format!(
        "took \"{name}\" for an account's name and made {url} of it, next {}; {WHERE}",
        tried.join(", ")
    );
    Ok(Pasted { url, notes: vec![note], alternatives: urls })
}

fn with_scheme(text: &str, notes: &mut Vec<String>) -> String {
    if text.contains("://") {
        return text.to_owned();
    }
    notes.push("added https:// in front".to_owned());
    format!("https://{}", text.trim_start_matches('/'))
}

/// Parses with the rules of browsers, so that every spelling of an IP address becomes that address, and refuses what
/// parsers are known to disagree about.
fn parse_strictly(pasted: &str, text: &str) -> Result<Url, Error> {
    if text.contains('\\') {
        return Err(not_an_address(pasted, "it contains a back slash"));
    }
    let url =
        Url::parse(text).map_err(|error| not_an_address(pasted, "it cannot be read").with_source(error))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(not_an_address(pasted, "it does not begin with https://"));
    }
    let authority =
        text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
    if authority.is_empty() {
        return Err(not_an_address(pasted, "it has no host"));
    }
    if authority.contains('@') || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(
            Code::AddressNotAllowed,
            "the address carries a user name or is an e-mail address",
        ));
    }
    Ok(url)
}

fn note_what_goes(url: &Url, notes: &mut Vec<String>) {
    let path = url.path().trim_end_matches('/');
    if path == "/api" || path.starts_with("/api/") {
        notes.push(format!("took off \"{path}\""));
    } else if !path.is_empty() || url.fragment().is_some() {
        let page = if path.is_empty() { "the part after the host" } else { path };
        notes.push(format!("took off {page}, a page of the browser; {WHERE}"));
    }
    if url.query().is_some() {
        notes.push("took off what follows the question mark".to_owned());
    }
}

fn origin(pasted: &str, url: &Url) -> Result<Url, Error> {
    let mut origin = url.clone();
    origin.set_path("");
    origin.set_query(None);
    origin.set_fragment(None);
    if let Some(Host::Domain(name)) = url.host() {
        let name = name.strip_suffix('.').unwrap_or(name);
        if !is_host_name(name) {
            return Err(not_an_address(pasted, "its host is no host name"));
        }
        origin
            .set_host(Some(name))
            .map_err(|error| not_an_address(pasted, "its host cannot be read").with_source(error))?;
    }
    Ok(origin)
}

/// Stricter than browsers, which let quotes and the like through.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    name.split('.').all(is_label)
}

/// The account's name where `host` is one of the vendor's: `acme` of `acme.api-us1.com`.
fn account_on_known_host(host: &str) -> Option<&str> {
    let (name, domain) = host.split_once('.')?;
    let region = domain.strip_prefix("api-").and_then(|rest| rest.strip_suffix(".com"));
    let is_region = |region: &str| !region.is_empty() && region.chars().all(|c| c.is_ascii_alphanumeric());
    (domain == "activehosted.com" || region.is_some_and(is_region)).then_some(name)
}

fn not_an_address(pasted: &str, why: &str) -> Error {
    // An `@` may stand behind a password, so such text is not repeated.
    let got = if pasted.contains('@') { "(not shown, it may contain a password)" } else { pasted.trim() };
    Error::new(Code::AddressNotAllowed, format!("the address cannot be used: {why}"))
        .with_detail("got", got.chars().take(200).collect::<String>())
        .with_hint(format!("{WHERE} and looks like https://YOURACCOUNT.api-us1.com"))
}
