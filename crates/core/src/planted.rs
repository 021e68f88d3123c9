//! Mistakes that tests make on purpose, to show that the tests would notice them.
//!
//! The list is that of `docs/planted-bugs.md`; the numbers are those of the reliability rules. Compiled only with the
//! feature `planted-bugs`, which `achub-testkit` alone switches on: everywhere else [`is_planted`] is `false` for the
//! compiler, and the code behind it is gone.

/// A mistake, one of those that data was lost by elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// 1: the position is durable before the rows it stands for.
    CursorBeforeRows,
    /// 2: the first moment of a span is left out of it.
    AfterInsteadOfFrom,
    /// 3: the next run reads from the newest change that was seen, not from where this one began.
    CursorIsNewestSeen,
    /// 4: the position is durable with every page, rows with every third.
    RowsEveryThirdPage,
    /// 5: a moment in the future is taken for a cursor.
    FutureCursorKept,
    /// 8: every run has a budget of its own.
    BudgetPerRun,
    /// 9: an empty body is the end of a stream.
    EmptyBodyIsEnd,
    /// 10: an answer with status 200 is a page, whatever it holds.
    AnyAnswerIsPage,
}

impl Bug {
    /// All of them, by number.
    pub const ALL: [Bug; 8] = [
        Bug::CursorBeforeRows,
        Bug::AfterInsteadOfFrom,
        Bug::CursorIsNewestSeen,
        Bug::RowsEveryThirdPage,
        Bug::FutureCursorKept,
        Bug::BudgetPerRun,
        Bug::EmptyBodyIsEnd,
        Bug::AnyAnswerIsPage,
    ];

    /// Its name in `ACHUB_PLANTED_BUG` and in the docs.
    pub fn name(self) -> &'static str {
        match self {
            Bug::CursorBeforeRows => "cursor-before-rows",
            Bug::AfterInsteadOfFrom => "after-instead-of-from",
            Bug::CursorIsNewestSeen => "cursor-is-newest-seen",
            Bug::RowsEveryThirdPage => "rows-every-third-page",
            Bug::FutureCursorKept => "future-cursor-kept",
            Bug::BudgetPerRun => "budget-per-run",
            Bug::EmptyBodyIsEnd => "empty-body-is-end",
            Bug::AnyAnswerIsPage => "any-answer-is-page",
        }
    }
}

/// Whether the code at hand is to make this mistake. Never outside of test builds.
#[inline]
pub fn is_planted(bug: Bug) -> bool {
    #[cfg(feature = "planted-bugs")]
    return planting::is_planted(bug);
    #[cfg(not(feature = "planted-bugs"))]
    {
        let _ = bug;
        false
    }
}

#[cfg(feature = "planted-bugs")]
pub use planting::{Planted, plant};

#[cfg(feature = "planted-bugs")]
mod planting {
    use std::{cell::Cell, marker::PhantomData, sync::LazyLock};

    use super::Bug;

    thread_local! {
        /// Tests of one binary run beside each other, each on a thread of its own.
        static HERE: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// For programs that a test starts.
    static OF_PROCESS: LazyLock<Option<Bug>> = LazyLock::new(|| {
        let name = std::env::var("ACHUB_PLANTED_BUG").ok()?;
        let bug = Bug::ALL.into_iter().find(|bug| bug.name() == name);
        Some(bug.unwrap_or_else(|| panic!("no bug is called {name:?}")))
    });

    /// Keeps a bug planted on this thread.
    #[derive(Debug)]
    pub struct Planted(PhantomData<*const ()>);

    /// Plants `bug` for everything that runs on this thread until the value is dropped. A runtime of several threads
    /// does not see it.
    pub fn plant(bug: Bug) -> Planted {
        HERE.set(Some(bug));
        Planted(PhantomData)
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            HERE.set(None);
        }
    }

    pub(super) fn is_planted(bug: Bug) -> bool {
        HERE.get().or(*OF_PROCESS) == Some(bug)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Bug;

    #[test]
    fn every_bug_has_its_own_name() {
        let names: BTreeSet<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), Bug::ALL.len());
    }
}
