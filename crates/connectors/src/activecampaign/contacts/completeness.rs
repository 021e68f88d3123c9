//! Whether all contacts were seen, and what follows where they were not.

use achub_core::{
    Error, StreamName,
    port::source::{PageSink, WalkReport},
};

use crate::activecampaign::{
    contacts::{ContactsWalk, blocks::Lasting, query},
    intake,
    ranges::Range,
};

impl ContactsWalk {
    /// Holds what was seen against what the server says there is, and reads everything once more where something is
    /// missing.
    pub(super) async fn look_again_if_short(
        &mut self,
        sink: &mut dyn PageSink,
        report: &mut WalkReport,
    ) -> Result<(), Error> {
        let name = StreamName::new(self.pages.main().name);
        if self.mark.seen == self.mark.total {
            report.totals.insert(name, self.mark.total);
            return Ok(());
        }
        if self.mark.left_out.is_any() {
            // What is missing is known, and looking again would meet the same refusal.
            report.totals.insert(name.clone(), self.mark.total);
            if self.span().is_everything() {
                report.missing.insert(name, self.mark.total.saturating_sub(self.mark.seen));
            }
            return Ok(());
        }
        let mut standing = self.count_standing(sink).await?;
        if self.mark.seen < standing && !self.mark.second_look {
            self.look_again(standing, sink).await?;
            standing = self.count_standing(sink).await?;
        }
        report.totals.insert(name.clone(), standing);
        // Contacts enter a filtered walk when somebody touches them; only an unfiltered one can be held to its total.
        if self.span().is_everything() && self.mark.seen < standing {
            report.missing.insert(name, standing - self.mark.seen);
        }
        Ok(())
    }

    /// The second look is the documented way: it is what the first is held against.
    async fn look_again(&mut self, standing: u64, sink: &mut dyn PageSink) -> Result<(), Error> {
        let first = self.mark.seen;
        let blocks = self.blocks.take();
        self.mark.second_look = true;
        self.mark.seen = 0;
        self.mark.total = standing;
        self.mark.riders.iter_mut().for_each(|rider| rider.came = 0);
        self.mark.left = vec![Range { after: 0, before: Some(self.mark.newest + 1) }];
        self.read_ranges(sink).await?;
        if blocks.is_some() && self.mark.seen > first {
            self.blocks = blocks;
            let why = format!("they showed {first} contacts, pages {}", self.mark.seen);
            self.distrust(&why, Lasting::Yes).await?;
        }
        Ok(())
    }

    /// How many of the contacts there were at the opening are still there. Newer ones are passed on as they are met.
    async fn count_standing(&mut self, sink: &mut dyn PageSink) -> Result<u64, Error> {
        let mut after = self.mark.newest;
        let mut newer = 0;
        loop {
            let range = Range { after, before: None };
            let fetched = query::fetch(&self.pages, self.span(), self.page_size, range).await?.page()?;
            let ids = intake::ids(fetched.main());
            newer += ids.len() as u64;
            self.pass_on(fetched, sink).await?;
            match ids.iter().max() {
                Some(&last) if ids.len() as u64 >= u64::from(self.page_size) => after = last,
                _ => break,
            }
        }
        let contacts = self.pages.main();
        let now =
            self.pages.bare().get(contacts.path, query::base(contacts, self.span(), 1), |_| Ok(())).await?;
        Ok(now.decoded.total.unwrap_or(self.mark.total).saturating_sub(newer))
    }
}
