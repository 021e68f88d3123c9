//! Whether reading may use what nothing documents.

use std::str::FromStr;

use achub_core::{Code, Error};

/// How an account is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    /// As the vendor documents it, never otherwise.
    Documented,
    /// With fewer requests, as far as a control query has shown on this very account that they bring the same: contacts in
    /// blocks of ids, other streams along with contacts. Whatever turns out otherwise, even in the middle of a run, is read
    /// the documented way.
    #[default]
    Accelerated,
}

impl FromStr for Reading {
    type Err = Error;

    /// Reads the value of the input `reading` of a connection: `documented` or `accelerated`.
    ///
    /// Errors: `CF-103` for another word.
    fn from_str(word: &str) -> Result<Reading, Error> {
        match word {
            "documented" => Ok(Reading::Documented),
            "accelerated" => Ok(Reading::Accelerated),
            _ => Err(Error::new(
                Code::BadConnection,
                format!("reading is documented or accelerated, not {word:?}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reading;

    #[test]
    fn only_two_words_are_readings() {
        assert_eq!("documented".parse::<Reading>().ok(), Some(Reading::Documented));
        assert_eq!("accelerated".parse::<Reading>().ok(), Some(Reading::default()));
        let error = "fast".parse::<Reading>().unwrap_err();
        assert!(error.to_string().contains("fast"), "{error}");
    }
}
