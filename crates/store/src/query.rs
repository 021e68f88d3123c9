//! SQL that a person wrote, before a database sees it: one statement that reads, with known functions only.
//!
//! This is the first of three fences. The second is the database's own: a connection or a transaction that may only read.
//! The third asks the database what the statement would open, and lets it open tables of people only.

use achub_core::{Code, Error};

/// The most characters of a statement.
const LENGTH_MAX: usize = 20_000;

/// Tables that may be read: people, what they belong to, and audiences. No suppressions, no history, nothing of runs.
pub(crate) const TABLES: &[&str] = &[
    "person",
    "person_link",
    "person_value",
    "person_mark",
    "person_tag",
    "person_company",
    "membership",
    "list",
    "tag",
    "custom_field",
    "field_option",
    "company",
    "company_link",
    "opportunity",
    "opportunity_link",
    "opportunity_person",
    "audience",
    "audience_member",
];

/// Words that no statement needs that reads.
const REFUSED: &str = "\
    alter analyze attach begin call checkpoint cluster comment commit copy create deallocate declare \
    delete detach discard do drop execute explain fetch grant import insert into listen load lock merge \
    move notify pragma prepare refresh reindex release reset returning revoke rollback savepoint \
    security set share show tablesample truncate unlisten update vacuum";

/// Words of the language that stand before a parenthesis without being functions.
const WORDS: &str = "\
    all and any as between by case distinct else except exists filter from group having ilike in \
    intersect is join lateral like limit materialized not null offset on or order over partition \
    recursive select some then union using values when where with";

/// Functions that compute and touch nothing.
const FUNCTIONS: &str = "\
    abs avg cast ceil ceiling coalesce concat count date date_part date_trunc datetime dense_rank \
    extract first_value floor greatest ifnull iif instr julianday lag last_value lead least left length \
    lower ltrim max min mod now ntile nullif position random rank replace right round row_number rtrim \
    sign split_part strftime strpos substr substring sum time to_timestamp total trim trunc unixepoch \
    upper";

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// A name or a word, in lower case where it stands without quotes.
    Word {
        text: String,
        is_quoted: bool,
    },
    /// A text in quotes, or a number.
    Literal,
    Sign(char),
}

/// Checks a statement and gives it without its comments and a semicolon at its end.
///
/// Errors: `CF-110` that names what may not be there.
pub(crate) fn checked(sql: &str) -> Result<String, Error> {
    check(sql).map_err(|why| refused(&why))
}

/// `CF-110`.
pub(crate) fn refused(why: &str) -> Error {
    Error::new(Code::BadQuery, format!("the query may not be run: {why}"))
}

/// `RN-112` for a limit that was reached.
pub(crate) fn too_long(why: &str) -> Error {
    Error::new(Code::QueryTookTooLong, format!("the query was ended: {why}"))
}

/// The statement that gives the people of a checked one: each once, by id, at most one more than `people_max`.
pub(crate) fn wrapped(checked: &str, people_max: u64) -> String {
    let limit = people_max.saturating_add(1).min(i64::MAX as u64);
    format!(
        "SELECT person.id FROM person WHERE person.id IN (SELECT asked.id FROM (\n{checked}\n) AS asked) \
         ORDER BY person.id LIMIT {limit}"
    )
}

fn check(sql: &str) -> Result<String, String> {
    if sql.chars().count() > LENGTH_MAX {
        return Err(format!("it is longer than {LENGTH_MAX} characters"));
    }
    let (mut pieces, mut text) = Reader { rest: sql, pieces: Vec::new(), text: String::new() }.read()?;
    if pieces.last() == Some(&Piece::Sign(';')) {
        pieces.pop();
        text = text.trim_end().trim_end_matches(';').to_owned();
    }
    match pieces.first() {
        None => return Err("it is empty".to_owned()),
        Some(Piece::Word { text, is_quoted: false }) if matches!(text.as_str(), "select" | "with") => {}
        Some(_) => return Err("it has to begin with SELECT or WITH".to_owned()),
    }
    check_balance(&pieces)?;
    for (place, piece) in pieces.iter().enumerate() {
        if let Piece::Word { text, is_quoted } = piece {
            if !is_quoted && has(REFUSED, text) {
                return Err(format!("the word {} is not allowed", text.to_uppercase()));
            }
            if pieces.get(place + 1) == Some(&Piece::Sign('(')) {
                check_call(text, *is_quoted, &pieces[..place])?;
            }
        }
    }
    Ok(text)
}

/// A name before a parenthesis is a function, unless it names a query or the columns of one.
fn check_call(name: &str, is_quoted: bool, before: &[Piece]) -> Result<(), String> {
    let follows = |words: &[&str]| matches!(before.last(), Some(Piece::Word { text, is_quoted: false }) if words.contains(&text.as_str()));
    let is_known = !is_quoted && (has(WORDS, name) || has(FUNCTIONS, name));
    if before.last() == Some(&Piece::Sign('.')) || !is_known && !follows(&["with", "recursive", "as"]) {
        return Err(format!("the function {name} is not allowed"));
    }
    Ok(())
}

/// Whether a word is in a list of words.
fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

fn check_balance(pieces: &[Piece]) -> Result<(), String> {
    let mut depth = 0_usize;
    for piece in pieces {
        match piece {
            Piece::Sign(';') => return Err("only one statement is allowed".to_owned()),
            Piece::Sign('(') => depth += 1,
            Piece::Sign(')') => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| "a parenthesis is closed that was not opened".to_owned())?;
            }
            _ => {}
        }
    }
    if depth > 0 { Err("a parenthesis is not closed".to_owned()) } else { Ok(()) }
}

struct Reader<'s> {
    rest: &'s str,
    pieces: Vec<Piece>,
    /// The statement without its comments.
    text: String,
}

impl Reader<'_> {
    fn read(mut self) -> Result<(Vec<Piece>, String), String> {
        while let Some(first) = self.rest.chars().next() {
            if self.rest.starts_with("--") {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                self.comment()?;
            } else if first.is_whitespace() {
                self.keep(first.len_utf8());
            } else if matches!(first, '\'' | '"') {
                self.quoted(first)?;
            } else if first.is_alphabetic() || first == '_' {
                self.word()?;
            } else if first.is_ascii_digit() {
                let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
                self.keep(end.unwrap_or(self.rest.len()));
                self.pieces.push(Piece::Literal);
            } else if "()+-*/%<>=!|&~,.;:".contains(first) {
                self.keep(1);
                self.pieces.push(Piece::Sign(first));
            } else {
                return Err(format!("the character {:?} is not allowed", first.to_string()));
            }
        }
        self.check_parameters()?;
        Ok((self.pieces, self.text))
    }

    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.text.push_str(kept);
        self.rest = rest;
    }

    fn skip(&mut self, length: usize) {
        self.text.push(' ');
        self.rest = &self.rest[length..];
    }

    /// PostgreSQL nests comments and SQLite does not, so nothing nested is taken.
    fn comment(&mut self) -> Result<(), String> {
        let end = self.rest.find("*/").ok_or_else(|| "a comment is not closed".to_owned())?;
        if self.rest[2..end].contains("/*") {
            return Err("comments within comments are not allowed".to_owned());
        }
        self.skip(end + 2);
        Ok(())
    }

    /// A text, or a name in double quotes; the quote is written twice within.
    fn quoted(&mut self, quote: char) -> Result<(), String> {
        let mut end = 1;
        loop {
            let close = self.rest[end..].find(quote).ok_or_else(|| "a text is not closed".to_owned())? + end;
            end = close + 1;
            if !self.rest[end..].starts_with(quote) {
                break;
            }
            end += 1;
        }
        let text = self.rest[1..end - 1].to_owned();
        if text.contains('\0') {
            return Err("NUL characters are not allowed".to_owned());
        }
        self.keep(end);
        self.pieces.push(match quote {
            '"' => Piece::Word { text, is_quoted: true },
            _ => Piece::Literal,
        });
        Ok(())
    }

    /// A word right before a quote makes another kind of text of it (`E'…'`, `U&'…'`), which is read differently.
    fn word(&mut self) -> Result<(), String> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let text = self.rest[..end].to_lowercase();
        let rest = &self.rest[end..];
        if rest.starts_with(['\'', '"']) || rest.starts_with("&'") || rest.starts_with("&\"") {
            return Err(format!("a quote right behind {text:?} is not allowed"));
        }
        self.keep(end);
        self.pieces.push(Piece::Word { text, is_quoted: false });
        Ok(())
    }

    /// `:name` is a parameter in SQLite; `::` is PostgreSQL's cast.
    fn check_parameters(&self) -> Result<(), String> {
        let is_colon = |place: usize| self.pieces.get(place) == Some(&Piece::Sign(':'));
        let mut place = 0;
        while place < self.pieces.len() {
            match (is_colon(place), is_colon(place + 1)) {
                (true, true) => place += 2,
                (true, false) => return Err("parameters are not allowed; write the values".to_owned()),
                _ => place += 1,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use achub_core::Code;

    use super::checked;

    #[test]
    fn page_names_the_tables_that_may_be_read() {
        let page = include_str!("../../../docs/audiences.md");
        let (_, section) = page.split_once("## SQL instead").expect("the section");
        for table in super::TABLES {
            assert!(section.contains(&format!("`{table}`")), "{table} is not named");
        }
    }

    #[test]
    fn statements_that_read_are_taken() {
        for (sql, expected) in [
            ("SELECT id FROM person", "SELECT id FROM person"),
            ("select id from person;  ", "select id from person"),
            ("select id -- all\nfrom person /* of them */;", "select id  \nfrom person  "),
            ("with recent(id) as (select id from person) select id from recent", ""),
            ("select p.id from person as p where exists (select 1 from person_tag where person = p.id)", ""),
            ("select id from person where first_name = 'a;b' or \"update\" = 'insert'", ""),
            (
                "select person as id from membership group by person having count(*) > 1 and max(status) in (1, 2)",
                "",
            ),
            ("select p.id from person p, lateral (select 1) as x where p.first_name ilike ('a%')", ""),
            ("select id::bigint from person where not (lower(email) like 'a%')", ""),
            ("select id from person where first_name = 'it''s -- no comment'", ""),
        ] {
            let taken = checked(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            if !expected.is_empty() {
                assert_eq!(taken, expected);
            }
        }
    }

    /// S-Q3: whatever writes, calls or hides is refused before a database sees it.
    #[test]
    fn statements_that_do_more_are_refused() {
        for (sql, expected) in [
            ("", "it is empty"),
            ("-- nothing", "it is empty"),
            ("update person set first_name = 'x'", "begin with SELECT or WITH"),
            ("PRAGMA query_only = 0", "begin with SELECT or WITH"),
            ("copy person to '/tmp/x'", "begin with SELECT or WITH"),
            ("values (1)", "begin with SELECT or WITH"),
            ("(select id from person)", "begin with SELECT or WITH"),
            ("select id from person; drop table person", "only one statement"),
            ("select id from person; ;", "only one statement"),
            ("with gone as (delete from person returning id) select id from gone", "the word DELETE"),
            ("with new as (insert into tag values (1, 'x', 'x')) select 1 as id", "the word INSERT"),
            ("select id into copy_of_person from person", "the word INTO"),
            ("select id from person for update", "the word UPDATE"),
            ("select id from person for share", "the word SHARE"),
            ("select pg_read_file('/etc/passwd') as id", "the function pg_read_file"),
            ("select id from pg_sleep (1000)", "the function pg_sleep"),
            ("select pg_sleep/**/(1) as id", "the function pg_sleep"),
            ("select \"pg_sleep\"(1) as id", "the function pg_sleep"),
            ("select pg_catalog.lower('x') as id", "the function lower"),
            ("select id from person, dblink('') as (id int)", "the function dblink"),
            ("select load_extension('x') as id", "the function load_extension"),
            ("select randomblob(1000000000) as id", "the function randomblob"),
            ("select query_to_xml('select 1', true, true, '') as id", "the function query_to_xml"),
            ("select set_config('statement_timeout', '0', true) as id", "the function set_config"),
            ("select id from pragma_table_info('person')", "the function pragma_table_info"),
            ("select id from person) union select id from (select 1 as id", "closed that was not opened"),
            ("select (id from person", "is not closed"),
            ("select id from person where first_name = 'x", "a text is not closed"),
            ("select id from person /* x", "a comment is not closed"),
            ("select id /* a /* b */ from secrets */ from person", "comments within comments"),
            ("select id from person where first_name = E'\\'' or 1 = 1 --'", "a quote right behind \"e\""),
            ("select id from person where first_name = U&'x'", "a quote right behind \"u\""),
            ("select $$x$$ as id", "the character \"$\" is not allowed"),
            ("select id from person where id = ?1", "the character \"?\" is not allowed"),
            ("select id from person where id = :id", "parameters are not allowed"),
            ("select id from person where id = @id", "the character \"@\" is not allowed"),
            ("select id from [person]", "the character \"[\" is not allowed"),
            ("select `id` from person", "the character \"`\" is not allowed"),
            ("select id from person where first_name = '\0'", "NUL characters"),
        ] {
            let error = checked(sql).expect_err(sql);
            assert_eq!(error.code(), Code::BadQuery, "{sql}");
            assert!(error.message().contains(expected), "{sql}: {}", error.message());
        }
        assert!(checked(&format!("select {}", "1,".repeat(20_000))).is_err());
    }
}
