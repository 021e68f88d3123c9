//! Small streams read whole, for those that hang off them.

use std::collections::HashSet;

use achub_core::{Code, Error, Value};
use jiff::Timestamp;

use crate::activecampaign::{
    pages::{Fetched, Pages, key_hashes},
    series::{Series, Step},
};

/// All pages of a stream, by offset. A record may be on several of them.
pub(super) async fn read(pages: &Pages) -> Result<Vec<Fetched>, Error> {
    let mut series = Series::default();
    let mut all = Vec::new();
    loop {
        let query = vec![
            ("limit".to_owned(), pages.main().page_size.to_string()),
            ("offset".to_owned(), series.offset.to_string()),
        ];
        let fetched = pages.get(pages.main().path, query, |_| Ok(())).await?;
        let step = series.page(&key_hashes(fetched.main()), pages.main().page_size, fetched.decoded.total);
        all.push(fetched);
        match step {
            Step::Next | Step::Back => {}
            Step::End => return Ok(all),
            Step::Lost => {
                let message = format!("the pages of {} do not join and do not end", pages.main().name);
                return Err(Error::new(Code::PageStuck, message));
            }
        }
    }
}

/// The keys of all records of a stream, each once, and ActiveCampaign's clock when the reading began.
pub(super) async fn keys(pages: &Pages) -> Result<(Vec<String>, Option<Timestamp>), Error> {
    let all = read(pages).await?;
    let date = all.iter().find_map(|fetched| fetched.date);
    let mut distinct = HashSet::new();
    let mut keys = Vec::new();
    for batch in all.iter().map(Fetched::main) {
        for row in 0..batch.len() {
            let key = batch.key(row).map(Value::display).collect::<Vec<_>>().join(",");
            if distinct.insert(key.clone()) {
                keys.push(key);
            }
        }
    }
    Ok((keys, date))
}
