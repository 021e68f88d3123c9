//! Figures that a run must reach, or it counts as failed.

/// How many of each thing there must be; `None`: any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Streams done.
    pub streams: Option<Figure>,
    /// Rows landed.
    pub rows: Option<Figure>,
    /// Bytes that the source sent, unpacked.
    pub bytes: Option<Figure>,
    /// Values that broke a constraint.
    pub constraint_fails: Option<Figure>,
}

/// A wanted number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Exactly so many.
    Exactly(u64),
    /// More than so many.
    MoreThan(u64),
}

impl Figure {
    /// Reads `N` or `>N`.
    pub fn read(text: &str) -> Option<Figure> {
        match text.trim().strip_prefix('>') {
            Some(rest) => rest.trim().parse().ok().map(Figure::MoreThan),
            None => text.trim().parse().ok().map(Figure::Exactly),
        }
    }

    /// What is wrong about `actual`, if anything: `expected more than 5, got 3`.
    pub fn missed(self, actual: u64) -> Option<String> {
        match self {
            Figure::Exactly(wanted) if actual != wanted => Some(format!("expected {wanted}, got {actual}")),
            Figure::MoreThan(least) if actual <= least => {
                Some(format!("expected more than {least}, got {actual}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn figures_are_exact_or_least() {
        for (text, actual, missed) in [
            ("5", 5, None),
            ("5", 6, Some("expected 5, got 6")),
            ("> 5", 6, None),
            (">5", 5, Some("expected more than 5, got 5")),
        ] {
            assert_eq!(Figure::read(text).unwrap().missed(actual).as_deref(), missed, "{text}");
        }
        assert_eq!(Figure::read("<5"), None);
    }
}
